# SPDX-License-Identifier: GPL-2.0-only
# make bench [QUICK=1] [STRICT=1]: bench/README.md
#
# bench/libs_*.c use the private headers of the libraries that they measure;
# the rest stands on xenhost.h alone.

BENCH_SRC := $(filter-out $(wildcard bench/libs_*.c),$(wildcard bench/*.c))
BENCH_LIB_SRC := $(wildcard bench/libs_*.c)
BENCH_OBJ := $(BENCH_SRC:bench/%.c=$(B)/bench/%.o)
BENCH_LIB_OBJ := $(BENCH_LIB_SRC:bench/%.c=$(B)/bench/%.o)

BENCH_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
    -Wdeclaration-after-statement -Wvla -Ihost/include -Ixen/include

BENCH_ARGS := $(if $(QUICK),--quick) $(if $(STRICT),--strict)

.PHONY: bench
bench: $(B)/bench/bench
	@BENCH_COMMIT=$$(git rev-parse --short HEAD 2>/dev/null) \
	    $(B)/bench/bench $(BENCH_ARGS) \
	    --json=$(B)/bench.json --plot=$(B)/bench.dat
	@if command -v gnuplot >/dev/null; then \
	    gnuplot -e "data='$(B)/bench.dat'; out='$(B)/bench.svg'" \
	        bench/bench.gp; \
	else echo "no picture: install gnuplot-nox"; fi

$(BENCH_OBJ): $(B)/bench/%.o: bench/%.c bench/bench.h bench/libs_bench.h \
    $(wildcard host/include/*.h)
	@mkdir -p $(@D)
	@$(CC) $(BENCH_CFLAGS) $(HOST_CFLAGS) -c -o $@ $<

# The flags of code under xen/, but free to use any declaration style.
$(BENCH_LIB_OBJ): $(B)/bench/%.o: bench/%.c bench/libs_bench.h
	@mkdir -p $(@D)
	@$(CC) $(ENGINE_CFLAGS) -Ibench -c -o $@ $<

$(B)/bench/bench: $(BENCH_OBJ) $(BENCH_LIB_OBJ) $(B)/libxenhost.a
	@$(CC) $(HOST_CFLAGS) -o $@ $^ $(HOST_LIBS) -lpthread -lm
