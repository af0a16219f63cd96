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
#
# make codecs      fetches their sources; TMEM_LZO=n, TMEM_LZ4=n, TMEM_ZSTD=y:
#                  other codecs than lzo and lz4 (the same for all variants)
# TMEM_SUM=y, n    sums of stored bytes; y where there are assertions

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

# Which codecs there are (as with Xen's options of these names); their sources
# are fetched once.
TMEM_LZO ?= y
TMEM_LZ4 ?= y
TMEM_ZSTD ?= n
CODECS := $(if $(filter y,$(TMEM_LZO)),lzo) $(if $(filter y,$(TMEM_LZ4)),lz4) \
          $(if $(filter y,$(TMEM_ZSTD)),zstd)
codec-lzo  := lzo2
codec-lz4  := lz4
codec-zstd := libzstd
CODEC_SRC := $(foreach c,$(CODECS),build/codecs/$(codec-$c)/version)
codec-src-lzo  := lzo
codec-src-lz4  := lz4 xxhash
codec-src-zstd := zstd
codec-flag-lzo  := -DCONFIG_TMEM_LZO=1
codec-flag-lz4  := -DCONFIG_TMEM_LZ4=1
codec-flag-zstd := -DCONFIG_TMEM_ZSTD=1
# Sums of stored bytes, as in Xen's debug builds.
TMEM_SUM ?= $(if $(findstring NDEBUG,$(variant-$(VARIANT))),n,y)

# Flags that all files of the library share.
HOST_ALL := -g -pipe -fno-strict-aliasing -fno-omit-frame-pointer -fno-common \
            -Wall -Wstrict-prototypes -Wdeclaration-after-statement \
            -Wredundant-decls -Wvla -Wno-pointer-arith -Werror \
            $(variant-$(VARIANT)) $(SAN) -D__XEN__ -MMD -MP \
            $(foreach c,$(CODECS),$(codec-flag-$c)) \
            $(if $(filter y,$(TMEM_SUM)),-DCONFIG_TMEM_SUM=1) \
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
ENGINE_SRC := $(wildcard xen/common/*.c xen/common/tmem-lib/*.c) \
              $(foreach c,$(CODECS),$(codec-src-$c:%=xen/common/tmem-codec/%.c))
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

$(B)/obj/xen/common/tmem-codec/%.o: EXTRA_ENGINE_CFLAGS += -Ibuild/codecs
# As in the Makefile there.
$(B)/obj/xen/common/tmem-codec/zstd.o: EXTRA_ENGINE_CFLAGS += -fwhole-program
$(filter $(B)/obj/xen/common/tmem-codec/%,$(LIB_OBJ)): $(CODEC_SRC)
build/codecs/%/version: boot/fetch-codecs.sh
	@boot/fetch-codecs.sh $(strip $(foreach c,$(CODECS),$(if \
	    $(filter $*,$(codec-$c)),$c)))

.PHONY: codecs
codecs: $(CODEC_SRC)

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
