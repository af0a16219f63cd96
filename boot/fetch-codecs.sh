#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fetch-codecs.sh CODEC...: fetch the sources of lzo, lz4 or zstd, as Debian's
# source packages have them, and put the files that we compile into
# build/codecs/PACKAGE. Does nothing for those that are there. The hash that
# deduplication uses comes with lz4.
#
# A package is pinned by its version, its tarball by a checksum: if Debian
# serves a version with other contents, that is an error.

. "$(dirname "$0")/lib.sh"
. "$TOP/boot/apt.sh"
# (Silently: make fetches two at once.)
lock codecs >/dev/null

dir=$OUT/fetch/codecs

# pin CODEC: package, version, tarball, checksum, and which files of it.
pin()
{
    case $1 in
    lzo)
        package=lzo2 version=2.10-2 tarball=lzo2_2.10.orig.tar.gz
        sum=c0f892943208266f9b6543b3ae308fab6284c5c90e627931446fb49b4221a072
        strip=2
        files='*/minilzo/minilzo.[ch] */include/lzo/lzoconf.h
               */include/lzo/lzodefs.h' ;;
    lz4)
        package=lz4 version=1.9.4-1 tarball=lz4_1.9.4.orig.tar.gz
        sum=0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b
        strip=2
        files='*/lib/lz4.[ch] */lib/xxhash.[ch]' ;;
    zstd)
        package=libzstd version=1.5.4+dfsg2-5
        tarball=libzstd_1.5.4+dfsg2.orig.tar.xz
        sum=8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953
        strip=2
        files='*/lib/zstd.h */lib/zstd_errors.h */lib/common/*.[ch]
               */lib/compress/*.[ch] */lib/decompress/*.[ch]' ;;
    *)
        die "unknown codec '$1': lzo, lz4 or zstd" ;;
    esac
}

is_right()
{
    [ -e "$dir/$tarball" ] &&
        echo "$sum  $dir/$tarball" | sha256sum --check --status
}

# download PACKAGE[=VERSION]
download()
{
    (cd "$dir" && run_logged "$APT_HOME/codecs.log" \
        apt_run get source --download-only --tar-only "$1")
}

fetch()
{
    is_right && return 0
    without="(to build without it: TMEM_$(echo "$1" | tr a-z A-Z)=n)"
    (apt_update) || die "cannot fetch $package $without"
    say "fetching $package $version (source package)"
    rm -f "$dir/$tarball"
    # The lists may be old, or the version be followed by one whose tarball is
    # the same.
    download "$package=$version" 2>/dev/null || {
        apt_update again
        download "$package=$version" 2>/dev/null || download "$package"
    } || die "cannot fetch $package $version: check the network, then try:" \
             "apt-get source $package=$version $without"
    is_right ||
        die "$package $version is not served any more with a tarball" \
            "$tarball of SHA-256 $sum"
}

need tar:tar gzip:gzip coreutils:sha256sum
for codec in "$@"; do
    pin "$codec"
    out=$OUT/codecs/$package
    stamp="$version $sum $(set -f; echo $files)"
    [ "$stamp" = "$(cat "$out/version" 2>/dev/null)" ] && {
        touch "$out/version"
        continue
    }
    [ $codec != zstd ] || need xz-utils:xz
    mkdir -p "$dir"
    fetch "$codec"
    rm -rf "$out"
    mkdir -p "$out"
    # (The patterns are tar's.)
    set -f
    tar -xf "$dir/$tarball" -C "$out" --strip-components=$strip --no-anchored \
        --no-same-owner --wildcards $files 2>"$dir/unpack.log" ||
        die "cannot unpack $tarball: $(head -n 1 "$dir/unpack.log")"
    set +f
    # One folder for headers that name one another.
    [ $codec != lzo ] || { mv "$out"/lzo/* "$out" && rmdir "$out/lzo"; }
    echo "$stamp" >"$out/version"
done
