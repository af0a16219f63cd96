# SPDX-License-Identifier: GPL-2.0-only
#
# make            the library build/libxenhost.a and the program
#                 build/tmem-host
# make lib        the library alone; VARIANT=... as in host/host.mk
# make clean      removes build/
#
# Other goals are described at the top of the files included here.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

# Packages that a goal needs, by the names that host/deps.sh knows. It says
# nothing when they are there.
.PHONY: deps-%
deps-%:
	@host/deps.sh $*

ifneq ($(MAKECMDGOALS),clean)
include host/host.mk
-include host/run.mk
-include host/xl.mk
-include tests/tests.mk
-include bench/bench.mk
-include boot/boot.mk
-include bench/boot/boot.mk
-include guest/guest.mk
endif

.PHONY: all clean
all: lib

clean:
	@rm -rf build
