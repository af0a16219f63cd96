# SPDX-License-Identifier: GPL-2.0-only
#
# Goals that need Xen itself (docs/building-xen.md):
#
# make xen         Debian's Xen with tmem, build/xen/<flavour>/xen;
#                  FLAVOUR=release (default) or debug
# make xen-tools   its toolstack, build/xen/dist
# make boot        boot that and a dom0 under QEMU, to a shell with xl
# make check-boot  boot it (FLAVOUR=debug is the default of this one), and run
#                  what check.sh says; SCENARIOS="..." to run some of
#                  tests/boot only
# make check-flask boot it with FLASK, and prove that a policy can deny tmem
# make check-off   compare it with stock Xen without CONFIG_TMEM; boot it with
#                  tmem off, and see that nobody gets any

.PHONY: xen xen-tools boot check-boot check-flask check-off
xen:
	@nice boot/build-xen.sh $(or $(FLAVOUR),release)

xen-tools:
	@nice boot/build-xen.sh source
	@nice boot/build-tools.sh

boot: build/boot/exerciser
	@boot/boot.sh -f $(or $(FLAVOUR),release) -G bin/exerciser=$< \
	    shell bin/exerciser=$<

# Static: guests have no C library.
EXERCISER_SRC := $(wildcard tests/boot/*.c) tests/conformance/table.c \
                 tests/lib/page.c

build/boot/exerciser: $(EXERCISER_SRC) $(wildcard tests/boot/*.h) \
                      $(wildcard tests/conformance/*.h) xen/include/public/tmem.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -O2 -Wall -Wextra -static -Ihost/include -Ixen/include \
	    -o $@ $(EXERCISER_SRC)

check-boot: build/boot/exerciser
	@boot/check.sh $(or $(FLAVOUR),debug) $(SCENARIOS)

check-flask: build/boot/exerciser
	@boot/check-flask.sh

check-off: build/boot/exerciser
	@boot/check-off.sh
