#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# stock.sh FOLDER: put the program of Debian's own toolstack that saves and
# restores domains, with all its libraries, into FOLDER: it does not know tmem.

. "$(dirname "$0")/../../../boot/lib.sh"
# lib.sh takes our place to be one folder below the top.
TOP=$(cd "$TOP/../.." && pwd)
OUT=$TOP/build
SYSROOT=$OUT/fetch/root
. "$TOP/boot/apt.sh"
lock build

helper=/usr/lib/xen-$XEN_SERIES/bin/libxl-save-helper
libs=/usr/lib/x86_64-linux-gnu

need dpkg-dev:dpkg-deb
[ -x "$SYSROOT$helper" ] || fetch_deb_alone xen-utils-$XEN_SERIES
sys_file $libs/libxenguest.so.$XEN_SERIES >/dev/null ||
    fetch_debs libxenmisc$XEN_SERIES

mkdir -p "$1"
cp "$SYSROOT$helper" "$1/"
LD_LIBRARY_PATH=$SYSROOT$libs ldd "$1/${helper##*/}" >"$1.ldd"
if grep 'not found' "$1.ldd"; then
    die "libraries of libxl-save-helper are missing"
fi
awk '/=> \//{ print $3 }' "$1.ldd" | while read -r f; do
    cp -L "$f" "$1/"
done
rm "$1.ldd"
