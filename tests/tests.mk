# SPDX-License-Identifier: GPL-2.0-only
#
# make check            every test, in all variants; the last line sums it up.
#                       CHECK_SECONDS=240 is the time for random tests
# make check-mutants    each old defect put back makes its test fail
# make mutation         a sample of small defects, and which of them no test
#                       sees; tests/mutation.py tells more
# make coverage         lines and branches of the engine that the tests reach
# make tests            the test programs of one VARIANT, in $(B)/tests

# What the test programs share.
TEST_LIB_SRC := $(wildcard tests/lib/*.c) \
                $(filter-out %_test.c,$(wildcard tests/conformance/*.c \
                                                 tests/model/*.c tests/lin/*.c))
TEST_SRC := $(wildcard tests/*/*_test.c tests/regression/*.c)
TESTS := $(TEST_SRC:tests/%.c=$(B)/tests/%)

# Tests of the libraries see the hypervisor's private headers.
PRIVATE_TESTS := $(shell grep -lE '^.include (<xen/|"(trees|(../lib/)?bins)\.h")' \
                                 $(TEST_SRC) $(TEST_LIB_SRC))

# They know about shrunken constants, too.
TEST_CFLAGS := $(HOST_CFLAGS) -Wextra -Wdeclaration-after-statement \
               $(filter -D%,$(variant-$(VARIANT)))
$(PRIVATE_TESTS:tests/%.c=$(B)/tests/%.o): TEST_CFLAGS := $(LIB_CFLAGS)

$(B)/tests/%.o: tests/%.c $(STAMP) | deps-check
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(TEST_CFLAGS) -c $< -o $@

$(B)/tests/libtests.a: $(TEST_LIB_SRC:tests/%.c=$(B)/tests/%.o) \
                           $(STREAM_OBJ) \
                           $(B)/bench/corpus/files.o $(B)/bench/corpus/load.o
	@rm -f $@
	@$(AR) rcs $@ $^

$(TESTS): %: %.o $(B)/tests/libtests.a $(B)/libxenhost.a
	@$(CC) $(HOST_CFLAGS) $< -o $@ $(B)/tests/libtests.a -lcmocka $(HOST_LIBS)

# The guests' modules in a mock of Linux: without what they include of that.
GUEST_COMMON := guest/linux/tmem_call.h guest/linux/tmem_resume.h \
    guest/linux/tmem_pool.h guest/linux/tmem_gather.h
$(B)/tests/guest/xen-tmem.inc: $(GUEST_COMMON) guest/linux/xen-tmem.c
$(B)/tests/guest/tmem-slots.inc: $(GUEST_COMMON) guest/linux/tmem_slots.h
$(B)/tests/guest/dm-tmem.inc: $(addprefix guest/linux/, tmem_call.h \
    tmem_resume.h tmem_notes.h tmem_writes.h tmem_blocks.h tmem_requests.h \
    dm-tmem.c)
$(B)/tests/guest/%.inc: $(STAMP)
	@mkdir -p $(@D)
	@sed -e '/^#include /d' $(filter guest/%,$^) >$@
$(B)/tests/guest/%.o: TEST_CFLAGS := $(HOST_CFLAGS) -Itests/guest \
    -I$(B)/tests/guest -Wno-unused-function
$(B)/tests/guest/xen_tmem_test.o: $(B)/tests/guest/xen-tmem.inc
$(B)/tests/guest/tmem_slots_test.o: $(B)/tests/guest/tmem-slots.inc
$(B)/tests/guest/dm_tmem_test.o: TEST_CFLAGS += -Wno-sign-compare \
    -Wno-unused-parameter
$(B)/tests/guest/dm_tmem_test.o: $(B)/tests/guest/dm-tmem.inc

$(B)/tests/guest/balloon-oom.inc: guest/linux/balloon-oom.c $(STAMP)
	@mkdir -p $(@D)
	@sed -e '/^#include /d' $< >$@
$(B)/tests/guest/balloon_oom_test.o: TEST_CFLAGS := $(HOST_CFLAGS) \
    -I$(B)/tests/guest -Wextra -Wno-unused-parameter -Wno-unused-function
$(B)/tests/guest/balloon_oom_test.o: $(B)/tests/guest/balloon-oom.inc

# The guest's daemon, with swap areas that are files of tests.
SELFBALLOON := $(wildcard guest/linux/selfballoon/*.c)
$(B)/tests/guest/selfballoon: $(SELFBALLOON) tests/guest/fake_swap.c \
                              $(wildcard guest/linux/selfballoon/*.h) $(STAMP)
	@mkdir -p $(@D)
	@$(CC) $(filter-out -MMD -MP,$(HOST_CFLAGS)) -Wextra -D_GNU_SOURCE -o $@ \
	    $(SELFBALLOON) tests/guest/fake_swap.c
$(B)/tests/guest/selfballoon_test: $(B)/tests/guest/selfballoon
$(B)/tests/guest/selfballoon_test.o: TEST_CFLAGS += -D_GNU_SOURCE

# The tests of programs start them.
$(filter $(B)/tests/tools/%,$(TESTS)): $(B)/tmem-host $(B)/xl \
    $(B)/xen-tmem-list-parse

# libxenguest's part of a save, with as much of libxc as it needs.
$(B)/tests/unit/sr_tmem_test.o: TEST_CFLAGS += -Itests/unit/libxc
# libxl's, with its headers of build/xl.
$(B)/tests/unit/colo_test.o: TEST_CFLAGS += -Ihost/xl/include -Wno-sign-compare \
    -Wno-unused-parameter

.SECONDARY: $(TESTS:%=%.o)
-include $(wildcard $(B)/tests/*/*.d)

.PHONY: tests list-tests check check-mutants mutation coverage
tests: $(TESTS)

list-tests:
	@printf '%s\n' $(TESTS)

check: deps-check
	@tests/run.sh $(VARIANTS_TO_CHECK)

check-mutants: deps-check
	@tests/mutants.sh

mutation: deps-coverage
	@tests/mutation.py

coverage: deps-coverage
	@tests/coverage.sh
