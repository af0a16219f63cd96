/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * regression.h - what the tests of old defects share
 *
 * One file for each defect, NN_name.c: NN is its number in the list of the old
 * implementation's defects (docs/design.md), or from 50 on one that this one
 * could have had. The head comment says hole, mechanism, expectation.
 * ../mutants/NN_name.patch puts the defect back, and the test must fail then.
 */
#ifndef TESTS_REGRESSION_H
#define TESTS_REGRESSION_H

#include <errno.h>
#include <string.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"

/* main() of a file whose only test is the function of this name. */
#define REGRESSION(fn) \
    int main(int argc, char *argv[]) \
    { \
        const struct CMUnitTest tests[] = { machine_test(fn) }; \
        \
        return tests_main(argc, argv, tests); \
    }

/* Frames that a client may stay billed for in advance, pages or not. */
#define SPARE 8

/* The domain that a test is about, and another one. */
#define GUEST 1
#define OTHER 2

#endif /* TESTS_REGRESSION_H */
