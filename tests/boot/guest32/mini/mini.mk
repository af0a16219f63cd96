# SPDX-License-Identifier: GPL-2.0-only
#
# mini.mk - build the mini guests of one scenario. Included by its Makefile:
#
#   NAME    := folder below build/boot
#   GUESTS  := 32, 64 or both: word sizes of $(OUT)/guest32, $(OUT)/guest64
#   SOURCES := C files beside the mini kernel's (default: guest.c)
#   FILES   := more files that dom0 gets (run.sh and lib.sh are always there)
#
# Needs Xen's public headers, which 'make xen' fetches.

MINI := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
TOP  := $(abspath $(MINI)/../../../..)
OUT  ?= $(TOP)/build/boot/$(NAME)
XEN_HEADERS ?= $(TOP)/build/xen/src/xen/include
SOURCES ?= guest.c

MINI_SOURCES  := $(MINI)/entry.S $(addprefix $(MINI)/,machine.c console.c calls.c)
MINI_HEADERS  := $(wildcard $(MINI)/*.h) $(MINI)/mini.lds \
                 $(MAKEFILE_LIST) $(XEN_HEADERS)/public/tmem.h

# Nothing of the C library; -fno-strict-aliasing: rings and tables are cast.
# __XEN_TOOLS__: some guests try the toolstack's operations.
MINI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding \
    -fno-strict-aliasing -fno-pic -fno-stack-protector -fcf-protection=none \
    -fno-asynchronous-unwind-tables -mno-sse -mno-mmx -mno-red-zone \
    -D__XEN_TOOLS__ \
    -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
    -I$(XEN_HEADERS) -I$(MINI) -I$(TOP)/host/include \
    -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
    -Wl,--no-warn-rwx-segments -T $(MINI)/mini.lds

.PHONY: all
all: $(addprefix $(OUT)/guest,$(GUESTS)) $(OUT)/run.sh $(OUT)/lib.sh \
     $(addprefix $(OUT)/,$(FILES))

$(OUT)/guest%: $(MINI_SOURCES) $(SOURCES) $(MINI_HEADERS) $(HEADERS)
	@mkdir -p $(OUT)
	@$(CC) -m$* $(MINI_CFLAGS) -o $@.new $(MINI_SOURCES) $(SOURCES)
	@strip --strip-debug $@.new
	@mv $@.new $@

$(OUT)/lib.sh: $(MINI)/lib.sh
	@mkdir -p $(OUT)
	@cp $< $@
$(OUT)/run.sh: run.sh
	@mkdir -p $(OUT)
	@cp $< $@
