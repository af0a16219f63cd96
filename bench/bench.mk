# SPDX-License-Identifier: GPL-2.0-only
#
# make bench [QUICK=1] [STRICT=1]: every line of the targets. See README.md.
# make corpus [SEED=N] [PAGES=N]: pages of real data, in $(B)/corpus. Made once
#     for make bench, which takes CORPUS=DIR|FILE in its place.
# make bench-policy [POLICY_ARGS=...]: eviction policies against the optimum.
#
# bench/libs_*.c use the private headers of the libraries that they measure;
# the rest stands on xenhost.h alone.

BENCH_LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard bench/libs_*.c))
BENCH_OBJ := $(filter-out $(BENCH_LIB_OBJ), \
               $(patsubst %.c,$(B)/%.o,$(wildcard bench/*.c)))
CORPUS_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard bench/corpus/*.c))
CORPUS_LIB := $(filter-out %/build.o %/memory.o,$(CORPUS_OBJ))
MADE := $(B)/corpus/pages
BENCH_ARGS := $(if $(QUICK),--quick) $(if $(STRICT),--strict)

.PHONY: bench corpus
bench: $(B)/bench/bench $(if $(CORPUS),,$(MADE)) | deps-bench
	@BENCH_COMMIT=$$(git rev-parse --short HEAD 2>/dev/null) \
	    $(B)/bench/bench $(BENCH_ARGS) --json=$(B)/bench.json \
	    --plot=$(B)/bench.dat --density-plot=$(B)/density.dat \
	    --corpus='$(or $(CORPUS),$(MADE))' || { rc=$$?; [ $$rc != 1 ] || \
	    echo "bench: a target is missed, and STRICT=1 asks for all" >&2; \
	    exit $$rc; }
	@if command -v gnuplot >/dev/null; then \
	    gnuplot -e "data='$(B)/bench.dat'; out='$(B)/bench.svg'" \
	        bench/bench.gp && \
	    gnuplot -e "data='$(B)/density.dat'; out='$(B)/density.svg'" \
	        bench/density.gp && \
	    echo "bench: pictures $(B)/bench.svg, $(B)/density.svg," \
	        "JSON $(B)/bench.json" >&2; \
	else \
	    echo "bench: no picture; install gnuplot-nox for one" >&2; \
	fi

$(BENCH_OBJ) $(CORPUS_OBJ): $(B)/bench/%.o: bench/%.c $(STAMP) | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(HOST_CFLAGS) -Wdeclaration-after-statement -Wvla -c $< -o $@

$(BENCH_LIB_OBJ): $(B)/bench/%.o: bench/%.c $(STAMP) | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ENGINE_CFLAGS) -Ibench -c $< -o $@

BENCH_LINK := $(BENCH_OBJ) $(BENCH_LIB_OBJ) $(CORPUS_LIB)
$(B)/bench/bench: $(BENCH_LINK) $(B)/libxenhost.a
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $(BENCH_LINK) $(HOST_LIBS) -o $@

corpus: $(B)/bench/corpus/build | deps-bench
	@$< $(B)/corpus $(or $(PAGES),50000) $(or $(SEED),1)
	@cat $(B)/corpus/recipe

$(MADE): | $(B)/bench/corpus/build deps-bench
	@$(B)/bench/corpus/build $(B)/corpus

$(B)/bench/corpus/build: $(CORPUS_OBJ)
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $^ -o $@

-include $(BENCH_LINK:.o=.d) $(CORPUS_OBJ:.o=.d)

# The page cache of the guests is that of tmem-host.
POLICY_PRIVATE := bench/policy/engine.c bench/policy/packed.c
POLICY_SRC := $(filter-out $(POLICY_PRIVATE),$(wildcard bench/policy/*.c))
POLICY_OBJ := $(POLICY_SRC:%.c=$(B)/%.o)
POLICY_ENGINE := $(POLICY_PRIVATE:%.c=$(B)/%.o)
POLICY_LINK := $(POLICY_OBJ) $(POLICY_ENGINE) $(B)/obj/host/run/pagecache.o \
               $(B)/obj/host/run/trace.o $(B)/obj/host/run/savefile.o

.PHONY: bench-policy
bench-policy: $(B)/bench/policy/policy
	@$< --json=$(B)/bench-policy.json $(POLICY_ARGS)

$(POLICY_OBJ): $(B)/%.o: %.c $(STAMP) | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(HOST_CFLAGS) -Wdeclaration-after-statement -Wvla -c $< -o $@

$(POLICY_ENGINE): $(B)/%.o: %.c $(STAMP) | deps-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(LIB_CFLAGS) -c $< -o $@

$(B)/bench/policy/policy: $(POLICY_LINK) $(B)/libxenhost.a
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) -Wl,--wrap=xenhost_guest_page $(POLICY_LINK) \
	    $(HOST_LIBS) -o $@

-include $(POLICY_OBJ:.o=.d) $(POLICY_ENGINE:.o=.d)
