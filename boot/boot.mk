# SPDX-License-Identifier: GPL-2.0-only
#
# Goals that need Xen itself (docs/building-xen.md):
#
# make xen         Debian's Xen with tmem, build/xen/<flavour>/xen;
#                  FLAVOUR=release (default) or debug
# make xen-tools   its toolstack, build/xen/dist
# make boot        boot that and a dom0 under QEMU, to a shell with xl
# make check-boot  boot it (FLAVOUR=debug is the better one for that), and run
#                  the conformance table from dom0, a PV and a PVH guest

FLAVOUR ?= release

.PHONY: xen xen-tools boot check-boot
xen:
	@nice boot/build-xen.sh $(FLAVOUR)

xen-tools: xen
	@nice boot/build-tools.sh

boot:
	@boot/boot.sh -f $(FLAVOUR) shell

# Static: guests have no C library.
EXERCISER_SRC := $(wildcard tests/boot/*.c) tests/conformance/table.c \
                 tests/lib/page.c

build/boot/exerciser: $(EXERCISER_SRC) $(wildcard tests/boot/*.h) \
                      tests/conformance/table.h xen/include/public/tmem.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -O2 -Wall -Wextra -static -Ihost/include -Ixen/include \
	    -o $@ $(EXERCISER_SRC)

check-boot: build/boot/exerciser
	@boot/boot.sh -f $(FLAVOUR) -G bin/exerciser=$< \
	    -G test.sh=boot/check-guest.sh \
	    test boot/check-dom0.sh bin/exerciser=$<
