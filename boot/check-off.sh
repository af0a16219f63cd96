#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check-off.sh: see that without CONFIG_TMEM Xen is stock (check-stock.sh); boot
# one with tmem off, and see that nobody gets any. Verdicts as in check.sh. What
# runs in dom0: check-off-dom0.sh.

. "$(dirname "$0")/lib.sh"
lock check-off

dir=$OUT/boot
mkdir -p "$dir"
"$TOP/boot/check-stock.sh" && "$TOP/boot/build-xen.sh" release &&
    "$TOP/guest/linux/build.sh" || exit 1
BOOT_LIMIT=${BOOT_LIMIT:-600} exec "$TOP/boot/boot.sh" -o tmem=0 -g \
    test "$TOP/boot/check-off-dom0.sh" bin/exerciser="$dir/exerciser" \
    lib/modules/xen-tmem.ko="$OUT/guest-linux/xen-tmem.ko"
