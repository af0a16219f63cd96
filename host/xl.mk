# SPDX-License-Identifier: GPL-2.0-only
#
# build/xl: xl's tmem commands, for tmem-host --serve; and what explains their
# list, build/xen-tmem-list-parse. The files of tools/ are compiled as they
# are, with other headers than Xen's around them.

XL_SRC := $(wildcard host/xl/*.c) tools/libs/ctrl/xc_tmem.c \
          tools/libs/light/libxl_tmem.c $(wildcard tools/xl/xl_tmem*.c)
PARSE_SRC := tools/xl/xen-tmem-list-parse.c tools/xl/xl_tmem_list.c \
             tools/xl/xl_tmem_print.c
XL_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(filter-out %_print.c,$(XL_SRC)))
PARSE_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(PARSE_SRC))


# The core of save and restore, for hosts that run in a process, too.
STREAM_OBJ := $(B)/obj/tools/libs/guest/xg_tmem_stream.o

all: $(B)/xl $(B)/xen-tmem-list-parse

# Xen compiles its tools as gnu99.
$(sort $(XL_OBJ) $(PARSE_OBJ) $(STREAM_OBJ)): $(B)/obj/%.o: %.c | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(HOST_CFLAGS) -std=gnu99 -Wextra -Wno-missing-field-initializers \
	    -Wno-sign-compare -Wno-unused-parameter -Wshadow \
	    -Wmissing-declarations -Wformat-nonliteral \
	    -Ihost/xl/include -Ihost/run -Itools/xl -c $< -o $@

$(B)/xl: $(XL_OBJ) $(B)/obj/host/run/wire.o
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $^ -o $@

$(B)/xen-tmem-list-parse: $(PARSE_OBJ)
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $(PARSE_OBJ) -o $@

-include $(PARSE_OBJ:.o=.d) $(XL_OBJ:.o=.d) $(STREAM_OBJ:.o=.d)
