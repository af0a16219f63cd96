#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mkinitramfs.sh dom0|domu OUT [PATH=FILE...]: make an initramfs, with a static
# busybox and the init of boot/dom0 or boot/domu; dom0 gets the toolstack of
# build/xen/dist too, and a guest xen-privcmd. FILE of this machine becomes PATH there.

. "$(dirname "$0")/lib.sh"

kind=${1:-}
out=${2:-}
[ -n "$out" ] && [ -e "$TOP/boot/$kind/init" ] ||
    die "usage: mkinitramfs.sh dom0|domu OUT [PATH=FILE...]"
shift 2

dist=$OUT/xen/dist
lib=usr/lib/x86_64-linux-gnu
busybox=$SYSROOT/bin/busybox
[ -x "$busybox" ] || die "no busybox: run boot/fetch-boot.sh first"

d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT

base()
{
    mkdir -p "$d/bin" "$d/dev" "$d/proc" "$d/sys" "$d/run" "$d/tmp" "$d/etc" \
             "$d/modules"
    cp "$busybox" "$d/bin/"
    "$busybox" --list | while read -r a; do
        [ "$a" = busybox ] || ln -s busybox "$d/bin/$a"
    done
    cp "$TOP/boot/$kind/init" "$d/init"
    chmod +x "$d/init"
}

# The shared libraries that the toolstack's programs need from this machine.
libraries()
{
    for f in "$d"/usr/sbin/* "$d"/usr/bin/* "$d"/usr/lib/xen/bin/* \
             "$d/$lib"/*.so.*; do
        LD_LIBRARY_PATH=$d/$lib ldd "$f" 2>/dev/null
    done | awk '/=> \//{print $3} /^\t\/lib64/{print $1}' | grep -v "^$d" |
        sort -u
    # Loaded at run time, when libxl cancels a thread.
    echo /lib/x86_64-linux-gnu/libgcc_s.so.1
}

dom0()
{
    [ -d "$dist" ] || die "no toolstack: run boot/build-tools.sh first"
    mkdir -p "$d/usr/sbin" "$d/usr/bin" "$d/usr/lib/xen/bin" "$d/$lib" \
             "$d/lib/modules" "$d/lib/x86_64-linux-gnu" "$d/lib64" \
             "$d/guest" "$d/etc/xen" "$d/var/log/xen/console" \
             "$d/var/lib/xen" "$d/var/lib/xenstored"
    cp -a "$dist/usr/sbin/xl" "$dist/usr/sbin/xen-tmem-list-parse" \
        "$dist/usr/sbin/xenstored" "$dist/usr/sbin/xenconsoled" "$d/usr/sbin/"
    cp -a "$dist"/usr/bin/xenstore* "$d/usr/bin/"
    cp -a "$dist"/usr/lib/xen/bin/* "$d/usr/lib/xen/bin/"
    cp -a "$dist/$lib"/*.so.* "$d/$lib/"
    libraries | while read -r f; do
        mkdir -p "$d${f%/*}"
        cp -L "$f" "$d$f"
    done
    : >"$d/etc/xen/xl.conf"
    for f in guests room verdict.sh; do
        cp "$TOP/boot/dom0/$f" "$d/bin/"
        chmod +x "$d/bin/$f"
    done
    modules lib/modules xen-privcmd xen-evtchn xenfs xen-gntdev xen-gntalloc
}

# modules FOLDER NAME...
modules()
{
    folder=$1
    shift
    for m in "$@"; do
        f=$(find "$SYSROOT"/lib/modules/6.1.* -name "$m.ko")
        [ -n "$f" ] || die "no module $m in the kernel's package"
        cp "$f" "$d/$folder/"
    done
}

base
case $kind in
dom0) dom0 ;;
domu) modules modules xen-privcmd ;;
esac
for f in "$@"; do
    mkdir -p "$d/$(dirname "${f%%=*}")"
    cp -L "${f#*=}" "$d/${f%%=*}" || exit 1
done
(cd "$d" && find . | "$busybox" cpio -o -H newc 2>/dev/null | gzip -1) \
    >"$out.new" || die "cannot write $out"
mv "$out.new" "$out"
