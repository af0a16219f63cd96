#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh FOLDER: build dm-tmem.ko with each of the defects of mutants/, as
# FOLDER/NAME.ko

. "$(dirname "$0")/../../../boot/lib.sh"
TOP=$(cd "$TOP/../.." && pwd)
OUT=$TOP/build
lock build

src=$TOP/guest/linux
built=$OUT/guest-linux
"$src/build.sh" || exit 1
mkdir -p "$1"
LD_LIBRARY_PATH=$OUT/fetch/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
for patch in "$TOP"/tests/boot/precache/mutants/*.patch; do
    name=${patch##*/}
    name=${name%.patch}
    d=$built/mutant
    rm -rf "$d"
    mkdir -p "$d/guest/linux"
    cp "$src"/dm-tmem.c "$src"/*.h "$d/guest/linux/"
    (cd "$d" && patch -s -p1 -F0 <"$patch") || die "mutant $name does not apply"
    grep -v '^obj-m' "$src/Kbuild" >"$d/guest/linux/Kbuild"
    echo 'obj-m := dm-tmem.o' >>"$d/guest/linux/Kbuild"
    run_logged "$built/mutant.log" make -C "$built/headers" \
        M="$d/guest/linux" modules || exit 1
    strip -g -o "$1/$name.ko" "$d/guest/linux/dm-tmem.ko"
done
