# SPDX-License-Identifier: GPL-2.0-only
#
# make guest-linux   the modules for Linux guests (docs/linux-guests.md):
#                    build/guest-linux/tmem-swap.ko and xen-tmem.ko

.PHONY: guest-linux
guest-linux:
	@guest/linux/build.sh
