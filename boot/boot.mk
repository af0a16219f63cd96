# SPDX-License-Identifier: GPL-2.0-only
#
# Goals that need Xen itself (docs/building-xen.md):
#
# make xen         Debian's Xen with tmem, build/xen/<flavour>/xen;
#                  FLAVOUR=release (default) or debug
# make xen-tools   its toolstack, build/xen/dist
# make boot        boot that and a dom0 under QEMU, to a shell with xl

FLAVOUR ?= release

.PHONY: xen xen-tools boot
xen:
	@nice boot/build-xen.sh $(FLAVOUR)

xen-tools: xen
	@nice boot/build-tools.sh

boot:
	@boot/boot.sh -f $(FLAVOUR) shell
