# SPDX-License-Identifier: GPL-2.0-only
#
# make guest-linux   the zswap back end for Linux guests (docs/linux-guests.md),
#                    build/guest-linux/xen-tmem.ko

.PHONY: guest-linux
guest-linux:
	@guest/linux/build.sh
