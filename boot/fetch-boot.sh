#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fetch-boot.sh: fetch what a boot needs besides Xen: QEMU, a static busybox
# and Debian's Linux 6.1, unpacked below build/fetch. Does nothing when they
# are there.

. "$(dirname "$0")/lib.sh"
. "$TOP/boot/apt.sh"
lock build

need dpkg-dev:dpkg-deb

if ! command -v qemu-system-x86_64 >/dev/null &&
   ! [ -x "$SYSROOT/usr/bin/qemu-system-x86_64" ]; then
    fetch_debs qemu-system-x86
fi
# The one of package busybox is not static.
[ -x "$SYSROOT/bin/busybox" ] || fetch_deb_alone busybox-static

# kernel: the package with the newest 6.1 that is served
kernel()
{
    apt_run cache depends linux-image-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-6\.1\.[^ ]*\)/\1/p' | tail -n 1
}

if ! ls "$SYSROOT"/boot/vmlinuz-6.1.*-amd64 >/dev/null 2>&1; then
    apt_update
    package=$(kernel)
    [ -n "$package" ] || die "no Linux 6.1 among the packages:" \
        "check the network, then try: apt-get download linux-image-amd64"
    fetch_deb_alone "$package"
fi
