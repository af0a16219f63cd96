# SPDX-License-Identifier: GPL-2.0-only
#
# make bench-boot  cycles of tmem's operations inside a PV and a PVH guest

.PHONY: bench-boot
bench-boot: xen
	@$(MAKE) -s -C bench/boot
	@boot/boot.sh -f $(or $(FLAVOUR),release) test bench/boot/bench-boot.sh \
	    $(foreach f,guest64 run.sh lib.sh,bench/$(f)=build/boot/bench/$(f))
