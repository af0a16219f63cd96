#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# files.sh FOLDER FS...: collect in FOLDER what guests need for these file
# systems: modules, and the programs that make one, with their libraries.

. "$(dirname "$0")/../../../boot/lib.sh"
TOP=$(cd "$TOP/../.." && pwd)
OUT=$TOP/build
SYSROOT=$OUT/fetch/root
. "$TOP/boot/apt.sh"
lock build

dest=$1
shift
rm -rf "$dest"
mkdir -p "$dest/bin" "$dest/precache" "$dest/lib64"
need dmsetup:/sbin/dmsetup e2fsprogs:/sbin/mkfs.ext4

# module NAME...: in the order in which they are loaded
module()
{
    for _m in "$@"; do
        case " ${modules:-} " in *" $_m "*) continue ;; esac
        modules="${modules:-} $_m"
        _f=$(find "$SYSROOT"/lib/modules/6.1.* -name "$_m.ko")
        [ -n "$_f" ] || die "no module $_m in the kernel's package"
        strip -g -o "$dest/precache/$_m.ko" "$_f"
    done
}

program()
{
    _f=$(sys_file "/sbin/$1") || die "no $1"
    cp -L "$_f" "$dest/bin/"
    LD_LIBRARY_PATH=$SYSROOT/usr/lib/x86_64-linux-gnu:$SYSROOT/lib/x86_64-linux-gnu \
        ldd "$_f" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' |
    while read -r _l; do
        mkdir -p "$dest/lib/x86_64-linux-gnu"
        cp -L "$_l" "$dest/lib/x86_64-linux-gnu/"
    done
}

cp "$TOP/guest/linux/tmem-volumes" "$TOP/guest/linux/initramfs/local-premount" \
    "$dest/precache/"
module configfs null_blk dm-mod dm-delay crc32c_generic libcrc32c
program dmsetup
cp -L /lib64/ld-linux-x86-64.so.2 "$dest/lib64/"
for fs in "$@"; do
    case $fs in
    ext4* | mutants)
        module crc16 mbcache jbd2 ext4
        program mkfs.ext4
        [ $fs != mutants ] || "$TOP/tests/boot/precache/mutants.sh" \
            "$dest/precache/mutants" || exit 1 ;;
    xfs)
        sys_file /sbin/mkfs.xfs >/dev/null || fetch_debs xfsprogs
        module xfs
        program mkfs.xfs ;;
    btrfs)
        sys_file /sbin/mkfs.btrfs >/dev/null || fetch_debs btrfs-progs
        module blake2b_generic xor raid6_pq zstd_compress btrfs
        program mkfs.btrfs ;;
    saved | shared) ;;
    *)
        die "unknown file system $fs" ;;
    esac
done
echo "$modules" >"$dest/precache/modules"
