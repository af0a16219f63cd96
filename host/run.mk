# SPDX-License-Identifier: GPL-2.0-only
#
# The main job: guests that want more memory than they have.
#
# make run [RUN_ARGS=...]    several guests on one host, with and without tmem;
#                            RUN_ARGS=--help tells all options
# make check-run             a short run, bad traces and bad options
# make trace JOB='make -C foo' [TRACE=my.trace]
#                            record a job; replay it with
#                            make run RUN_ARGS=--trace=my.trace
#
# Debian packages, beside those of the library:
#   libsqlite3-dev   the program that the swapping guest runs (required)
#   gnuplot-nox      draws memory over time (optional)
RUN_PACKAGES := libsqlite3-dev gnuplot-nox

RUN_SRC := $(filter-out host/run/record.c,$(wildcard host/run/*.c))
RUN_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(RUN_SRC))
# What libxc saves and restores tmem with: host/xl.mk compiles it.
RUN_TOOLS := $(B)/obj/tools/libs/guest/xg_tmem_stream.o
RECORD_OBJ := $(B)/obj/host/run/record.o
TRACE ?= build/run/job.trace

all: $(B)/tmem-host $(B)/tmem-record

$(RUN_OBJ) $(RECORD_OBJ): $(B)/obj/%.o: %.c | deps-run
	@mkdir -p $(@D)
	@[ -e /usr/include/sqlite3.h ] || { \
	    echo "tmem-host needs SQLite. As root, run:" >&2; \
	    echo "  apt-get install -y $(RUN_PACKAGES)" >&2; exit 1; }
	@echo "  CC    $<"
	@$(CC) $(HOST_CFLAGS) -Wextra -Wno-missing-field-initializers \
	    -Wdeclaration-after-statement -Wvla -Itools/libs/guest -c $< -o $@

$(B)/tmem-host: $(RUN_OBJ) $(RUN_TOOLS) $(B)/libxenhost.a
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $(RUN_OBJ) $(RUN_TOOLS) -lsqlite3 $(HOST_LIBS) -o $@

$(B)/tmem-record: $(RECORD_OBJ)
	@echo "  LD    $@"
	@$(CC) $(HOST_CFLAGS) $(RECORD_OBJ) -o $@

-include $(RUN_OBJ:.o=.d) $(RECORD_OBJ:.o=.d)

.PHONY: run check-run trace
run: $(B)/tmem-host $(B)/xl $(B)/xen-tmem-list-parse
	@$(B)/tmem-host $(RUN_ARGS)

check-run: $(B)/tmem-host $(B)/tmem-record
	@tests/run_test.sh $(B)

# By way of the environment the shell gets it as it was typed, quotes and all.
trace: export TRACE_JOB := $(value JOB)
trace: $(B)/tmem-record
	@[ -n "$$TRACE_JOB" ] || { \
	    echo "Say which job: make trace JOB='make -C foo'" >&2; exit 2; }
	@mkdir -p "$$(dirname '$(TRACE)')"
	@$(B)/tmem-record '$(TRACE)' "$$TRACE_JOB"
	@echo "To replay it: make run RUN_ARGS=--trace=$(TRACE)"
