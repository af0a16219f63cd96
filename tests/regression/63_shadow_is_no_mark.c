/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest has the hypervisor follow a pointer that is none.
 * Mechanism: the mark on a frame with an ephemeral page was a number that the
 * reference count of a shadow page table, which lies in the same word of
 * struct page_info, can have: with some 16.5 million entries that lead to it.
 * Expectation: no count makes a mark, of whomever and whatever it is one.
 */
#include "../lib/peek.h"
#include "regression.h"

static void test_counts(void **state)
{
    unsigned int dom;

    (void)state;
    for ( dom = 0; dom < 0x8000; dom++ )
    {
        assert_int_equal(peek_marked(dom, false), dom);
        assert_int_equal(peek_marked(dom, true), -1);
    }
}

REGRESSION(test_counts)
