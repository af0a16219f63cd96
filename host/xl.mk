# SPDX-License-Identifier: GPL-2.0-only
#
# build/xl: xl's tmem commands, for tmem-host --serve. The files of tools/ are
# compiled as they are, with other headers than Xen's around them.

XL_SRC := $(wildcard host/xl/*.c) tools/libs/ctrl/xc_tmem.c \
          tools/libs/light/libxl_tmem.c $(wildcard tools/xl/xl_tmem*.c)
XL_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(XL_SRC))

all: $(B)/xl

# Xen compiles its tools as gnu99.
$(XL_OBJ): $(B)/obj/%.o: %.c | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(HOST_CFLAGS) -std=gnu99 -Wextra -Wno-missing-field-initializers \
	    -Wno-sign-compare -Wno-unused-parameter -Wshadow \
	    -Wmissing-declarations -Wformat-nonliteral \
	    -Ihost/xl/include -Ihost/run -Itools/xl -c $< -o $@

$(B)/xl: $(XL_OBJ)
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $(XL_OBJ) -o $@

-include $(XL_OBJ:.o=.d)
