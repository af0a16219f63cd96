#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build-xen.sh [release|debug|flask|source]: build the hypervisor with tmem.
#
# build/xen/src is the stock source with both patch series applied, and this
# repository's xen/ and tools/ laid over it. A file there is written only when
# its contents change, so that make rebuilds what it must, for both flavours.
# The hypervisor is build/xen/<flavour>/xen. flask is debug with XSM's module of
# that name, and Xen's example policy built in. "source" stops before anything is
# built, which is all that the tools need.
#
# The codecs of compressed pages are fetched, and laid there as well. TMEM_LZO=n
# and TMEM_LZ4=n leave these out, TMEM_ZSTD=y takes that in.
#
# TMEM=n builds one without the option, in build/xen/<flavour>-stock: to see
# that all else is as before.

. "$(dirname "$0")/lib.sh"
lock build

flavour=${1:-release}
case $flavour in
release) debug=n xsm=n ;;
debug)   debug=y xsm=n ;;
flask)   debug=y xsm=y ;;
source)  debug=n xsm=n ;;
*) die "unknown flavour '$flavour': release, debug, flask or source" ;;
esac
tmem=${TMEM:-y}
case $tmem in
y) out=$OUT/xen/$flavour ;;
n) out=$OUT/xen/$flavour-stock ;;
*) die "TMEM=$tmem: y or n" ;;
esac

stock=$OUT/xen/stock
src=$OUT/xen/src
# The hypervisor's series, then that of the toolstack.
patches="xen/patches/$XEN_SERIES tools/patches/$XEN_SERIES"

"$TOP/boot/fetch-xen.sh" || exit 1
options="TMEM_LZO=${TMEM_LZO:-y} TMEM_LZ4=${TMEM_LZ4:-y} TMEM_ZSTD=${TMEM_ZSTD:-n}"
codecs=$(echo "$options" | tr ' A-Z' '\na-z' | sed -n 's/^tmem_\(.*\)=y$/\1/p')
"$TOP/boot/fetch-codecs.sh" $codecs || exit 1
need gcc:gcc libc6-dev:/usr/include/stdio.h make:make python3:python3 \
     bison:bison flex:flex patch:patch diffutils:cmp binutils:objdump
[ $xsm = n ] || need checkpolicy:checkpolicy m4:m4

# The files that are laid over Xen's.
overlay()
{
    (cd "$TOP" && for d in xen tools; do
        [ ! -d $d ] || find $d -path "*/patches" -prune -o -type f -print
     done)
}

# apply_series DIR SERIES
apply_series()
{
    while read -r p; do
        case $p in ''|'#'*) continue ;; esac
        (cd "$1" && patch -p1 -F0 --no-backup-if-mismatch \
            <"$TOP/$2/$p") >"$OUT/xen/patch.log" 2>&1 || {
            grep FAILED "$OUT/xen/patch.log" >&2
            die "$2/$p does not apply to Xen" \
                "$(cat "$stock/version") (log: build/xen/patch.log)"
        }
    done <"$TOP/$2/series"
}

# What decides which files there are and what patches make of them.
recipe()
{
    cat "$stock/version"
    (cd "$TOP" && for d in $patches; do cat $d/series $d/*.patch; done)
    overlay | sort
    cat "$OUT"/codecs/*/version
}

# sync NEW DIR: make the files of DIR the same as those of NEW, but do not touch
# those that are, nor what has been built there.
sync()
{
    (cd "$1" && find . ! -type d | sort) >"$1.files"
    [ ! -e "$2.files" ] || comm -13 "$1.files" "$2.files" |
        (cd "$2" && xargs -r rm -f)
    mv "$1.files" "$2.files"
    diff -rq --no-dereference "$1" "$2" | while read -r word rest; do
        case "$word $rest" in
        "Files "*)     f=${rest%% and *}; f=${f#$1/} ;;
        "Only in $1"*) f=${rest#in }; f=${f%%: *}/${f#*: }; f=${f#$1/} ;;
        *) continue ;;
        esac
        cp -a "$1/$f" "$2/$f"
        [ -d "$2/$f" ] || touch -c "$2/$f"
    done
    rm -rf "$1"
}

prepare()
{
    say "patching Xen $(cat "$stock/version")"
    rm -rf "$src.new"
    cp -a "$stock" "$src.new"
    rm -rf "$src.new/.pc"
    for d in $patches; do
        apply_series "$src.new" $d || exit 1
    done
    overlay | while read -r f; do
        mkdir -p "$src.new/${f%/*}"
        cp "$TOP/$f" "$src.new/$f"
    done
    # When all makefiles are there.
    overlay | while read -r f; do
        case $f in
        xen/common/*.c)
            o=${f##*/}
            grep -q " ${o%.c}\.o\$" "$src.new/${f%/*}/Makefile" ||
                die "$f is in no makefile: add it to ${f%/*}/Makefile, by a" \
                    "patch in ${patches%% *} if that is Xen's" ;;
        esac
    done || exit 1
    cp -a "$OUT/codecs/." "$src.new/xen/common/tmem-codec/"
    mkdir -p "$src"
    sync "$src.new" "$src"
}

new=$(recipe | sha256sum)
if [ ! -d "$src" ] || [ "$new" != "$(cat "$OUT/xen/recipe" 2>/dev/null)" ]; then
    prepare || exit 1
    echo "$new" >"$OUT/xen/recipe"
    rm -f "$OUT"/xen/*/.current
fi
overlay | while read -r f; do
    cmp -s "$TOP/$f" "$src/$f" || cp "$TOP/$f" "$src/$f"
done

[ "$flavour" != source ] || exit 0

# Quick when there is nothing to do: Xen's make takes seconds to find out.
if [ -e "$out/xen" ] && [ -e "$out/.current" ] && [ -z "$(find "$src/xen" \
     "$TOP/boot/build-xen.sh" -newer "$out/.current" -type f | head -n 1)" ]; then
    exit 0
fi

mkdir -p "$out"
started="$out/.started"
touch "$started"
xmake()
{
    run_logged "$out/build.log" make -C "$src/xen" O="$out" -j "$JOBS" \
        XEN_TARGET_ARCH=x86_64 "$@"
}

say "building Xen $(cat "$stock/version"), $flavour"
want="tmem=$tmem $options debug=$debug xsm=$xsm"
if [ ! -e "$out/.config" ] || [ "$(cat "$out/.want" 2>/dev/null)" != "$want" ]
then
    xmake defconfig || exit 1
    # The last word on a symbol counts.
    {
        [ $tmem = n ] || printf 'CONFIG_%s\n' TMEM=y $options
        [ $debug = y ] && echo "CONFIG_DEBUG=y" ||
            echo "# CONFIG_DEBUG is not set"
        [ $xsm = n ] || printf 'CONFIG_%s=y\n' XSM XSM_FLASK \
                               XSM_FLASK_POLICY XSM_FLASK_DEFAULT
    } >>"$out/.config"
    xmake olddefconfig || exit 1
    grep -q "^CONFIG_TMEM=y" "$out/.config" || [ $tmem = n ] ||
        die "CONFIG_TMEM was not accepted: see $out/.config"
    echo "$want" >"$out/.want"
fi
xmake build || exit 1
if [ $tmem = y ] && grep -q '^CONFIG_XEN_IBT=y' "$out/.config"; then
    ours=$(overlay | sed -n 's,^xen/\(common/.*\)\.c$,\1.o,p' |
           grep -v /tmem-codec/)
    for c in $codecs; do
        ours="$ours common/tmem-codec/$c.o"
    done
    python3 "$TOP/boot/check-endbr.py" "$out" $ours >"$out/endbr.log" || {
        cat "$out/endbr.log" >&2
        exit 1
    }
fi
mv "$started" "$out/.current"
say "built ${out#$TOP/}/xen"
