#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [release|debug] [SCENARIO...]: boot Xen, and prove that tmem works
# there: the conformance table from dom0 and two guests, and the scenarios of
# tests/boot (all, if none is named), in one boot.
#
# Verdicts are lines "PASS name" and "FAIL name", the last line of all is
# "N passed, N failed". A scenario that cannot be built, or does not come to
# its end, has failed. What they do in dom0: check-dom0.sh.
#
# BOOT_OPTIONS is more of Xen's command line: numa=fake=2 makes two nodes of the
# machine's memory.

. "$(dirname "$0")/lib.sh"

flavour=${1:-debug}
[ $# = 0 ] || shift
dir=$OUT/boot
verdicts=$dir/check-dom0.verdicts
exerciser=$dir/exerciser

# Seconds that a scenario may take: on an emulated CPU of a machine that is busy
# with other things too. They are there to end one that hangs.
limit()
{
    case $1 in
    control|migrate|precache|swap|teardown) echo 900 ;;
    *)                     echo 500 ;;
    esac
}

early()
{
    echo "FAIL $*"
    echo "0 passed, 1 failed"
    exit 1
}

mkdir -p "$dir"
lock check-dom0
rm -f "$verdicts"
# Xen's headers, kernels and modules are there before scenarios are built.
"$TOP/boot/build-xen.sh" "$flavour" || early "Xen: does not build"
"$TOP/boot/build-tools.sh" || early "toolstack: does not build"
"$TOP/boot/fetch-boot.sh" || early "QEMU, Linux: not fetched"

# No name of a file here has a space.
# (dedup, which needs an option, is for check-flask.sh. precache is only for who
# names it.)
[ $# -gt 0 ] || set -- $(cd "$TOP/tests/boot" && ls -d */run.sh 2>/dev/null |
                         sed 's,/run.sh,,; /^dedup$/d; /^precache$/d')
list=$dir/scenarios
: >"$list"
files="check/scenarios=$list bin/exerciser=$exerciser"
for name in "$@"; do
    rm -f "$dir/$name/run.sh"
    echo "$name $(limit "$name")" >>"$list"
    if ! make -s --no-print-directory -C "$TOP/tests/boot/$name" \
         >"$dir/$name.build" 2>&1; then
        tail -n 5 "$dir/$name.build" >&2
        rm -f "$dir/$name/run.sh"
    fi
    for f in "$dir/$name"/*; do
        [ ! -f "$f" ] || files="$files $name/${f##*/}=$f"
    done
done

# Less memory than by default: filling it takes time.
BOOT_LIMIT=${BOOT_LIMIT:-2700} "$TOP/boot/boot.sh" -f "$flavour" -m 1792 \
    -o "${BOOT_OPTIONS:-}" \
    -G bin/exerciser="$exerciser" -G test.sh="$TOP/boot/check-guest.sh" \
    test "$TOP/boot/check-dom0.sh" $files
status=$?
[ -e "$verdicts" ] || early "boot: it did not start"
exit $status
