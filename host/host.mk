# SPDX-License-Identifier: GPL-2.0-only
#
# The library: engine, glue and libraries of xen/common, and the host.
#
# VARIANT  what
# release  optimised, no assertions: what is measured (the default)
# debug    assertions, lock checker
# asan     debug, address and undefined behaviour sanitizers
# tsan     debug, thread sanitizer
# small    debug, constants that shape data structures shrunk
# cov      gcov's counters, no assertions (they would count as branches)

VARIANT ?= release
VARIANTS := release debug asan tsan small cov
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT): there are only $(VARIANTS))
endif

B := $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))

san-asan := -fsanitize=address,undefined -fno-sanitize=alignment \
            -fno-sanitize-recover=undefined
san-tsan := -fsanitize=thread
san-cov  := --coverage
SAN := $(san-$(VARIANT))

variant-release := -O2 -DNDEBUG
variant-debug   := -O2
variant-asan    := -O1
# Volatile accesses are what ACCESS_ONCE() makes: no data races.
variant-tsan    := -O1 --param tsan-distinguish-volatile=1
variant-small   := -O1 -DTMEM_SHRUNK -DRADIX_TREE_MAP_SHIFT=2 \
                   -DTLSF_SL_LOG2=1
variant-cov     := -O1 -DNDEBUG

# Flags that all files of the library share.
HOST_ALL := -g -pipe -fno-strict-aliasing -fno-omit-frame-pointer -fno-common \
            -Wall -Wstrict-prototypes -Wdeclaration-after-statement \
            -Wredundant-decls -Wvla -Wno-pointer-arith -Werror \
            $(variant-$(VARIANT)) $(SAN) -D__XEN__ -MMD -MP \
            -include host/xen-include/xen/config.h \
            -Ixen/include -Ixen/include/tmem-lib -Ihost/xen-include -Ihost/include

# What Xen compiles its own with, as far as user space goes.
ENGINE_CFLAGS := -std=gnu99 $(HOST_ALL) -fno-builtin -Wnested-externs \
                 -msoft-float -mno-mmx -mno-sse -fno-jump-tables
LIB_CFLAGS := -std=gnu11 $(HOST_ALL) -Ihost

# For programs. They may link $(HOST_LIBS), which is to come last.
HOST_CFLAGS := -std=gnu11 -g -O2 -Wall -Wstrict-prototypes -Werror -MMD -MP \
               $(SAN) -Ihost/include -Ixen/include
HOST_LIBS := $(B)/libxenhost.a -lpthread -lm

HOST_SRC := $(wildcard host/*.c)
ENGINE_SRC := $(wildcard xen/common/*.c xen/common/tmem-lib/*.c)
LIB_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(ENGINE_SRC) $(HOST_SRC))

# Everything is rebuilt when the flags change, and the library when a file
# comes or goes.
define stamp
$(shell mkdir -p $(B)/obj; echo '$(2)' | cmp -s - $(B)/obj/$(1) || \
        echo '$(2)' >$(B)/obj/$(1))$(B)/obj/$(1)
endef
STAMP := $(call stamp,flags,$(ENGINE_CFLAGS) $(LIB_CFLAGS))
LIST := $(call stamp,files,$(sort $(LIB_OBJ)))

$(B)/obj/xen/%.o: xen/%.c $(STAMP) | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ENGINE_CFLAGS) $(EXTRA_ENGINE_CFLAGS) -c $< -o $@

$(B)/obj/host/%.o: host/%.c $(STAMP) | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(LIB_CFLAGS) -c $< -o $@

$(B)/libxenhost.a: $(LIB_OBJ) $(LIST)
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $(LIB_OBJ)

-include $(LIB_OBJ:.o=.d)

.PHONY: lib
lib: $(B)/libxenhost.a
