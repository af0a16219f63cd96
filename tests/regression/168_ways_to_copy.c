/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a page is stored with other bytes in it, or those next to it change.
 * Mechanism: there are several routines that copy a page, and which of them
 * runs depends on the machine: the others are never tested there.
 * Expectation: each copies 4,096 bytes, and touches nothing else; operations
 * work with each of them. The choice is the same for the same times, and takes
 * no memory.
 */
#include <xen/mm.h>
#include <xen/tmem_copy.h>
#include <sys/mman.h>

#include "regression.h"

#define N 100

/* Three pages, of which only the middle one can be reached. */
static uint8_t *lonely_page(void)
{
    uint8_t *p = mmap(NULL, 3 * PAGE_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    assert_int_equal(mprotect(p + PAGE_SIZE, PAGE_SIZE,
                              PROT_READ | PROT_WRITE), 0);

    return p + PAGE_SIZE;
}

static void fill(uint8_t *p, unsigned long bytes, unsigned int seed)
{
    unsigned long i;

    for ( i = 0; i < bytes; i++ )
        p[i] = (seed += 0x9e3779b1) >> 24;
}

/* Neither read nor written is what is next to a page. */
static void test_a_page_and_no_more(void **state)
{
    uint8_t *from = lonely_page(), *to = lonely_page();
    static uint8_t around[3 * PAGE_SIZE] __aligned(PAGE_SIZE);
    static uint8_t before[3 * PAGE_SIZE];
    unsigned int way;

    (void)state;
    for ( way = 0; way < TMEM_COPY_WAYS; way++ )
    {
        fill(from, PAGE_SIZE, way);
        memset(to, 0, PAGE_SIZE);
        tmem_copy_page(to, from, way);
        assert_memory_equal(to, from, PAGE_SIZE);

        /* A frame amid others. */
        fill(around, sizeof(around), way + 100);
        memcpy(before, around, sizeof(around));
        tmem_copy_page(around + PAGE_SIZE, from, way);
        memcpy(before + PAGE_SIZE, from, PAGE_SIZE);
        assert_memory_equal(around, before, sizeof(around));
    }
    munmap(from - PAGE_SIZE, 3 * PAGE_SIZE);
    munmap(to - PAGE_SIZE, 3 * PAGE_SIZE);
}

/* The same of the copy that asks whether a word fills the page. */
static void test_unless_same(void **state)
{
    uint64_t *from = (void *)lonely_page(), *to = (void *)lonely_page();
    unsigned int i, n = PAGE_SIZE / sizeof(*from);
    uint32_t word;

    (void)state;
    for ( i = 0; i < n; i++ )
    {
        memset(from, i, PAGE_SIZE);
        memset(to, ~i, PAGE_SIZE);
        assert_false(tmem_copy_unless_same(to, from, &word));
        assert_int_equal(word, (uint32_t)from[0]);
        from[i]++;
        fill((uint8_t *)&from[i + 1], (n - i - 1) * sizeof(*from), i);
        assert_true(tmem_copy_unless_same(to, from, &word));
        assert_memory_equal(to, from, PAGE_SIZE);
    }
    munmap((char *)from - PAGE_SIZE, 3 * PAGE_SIZE);
    munmap((char *)to - PAGE_SIZE, 3 * PAGE_SIZE);
}

/* Puts, gets, and puts into frames that held others' pages. */
static void test_operations_with_each(void **state)
{
    unsigned int kind, way, round;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_PERSISTENT), 0);
    for ( kind = 0; kind < TMEM_COPY_KINDS; kind++ )
        for ( way = 0; way < TMEM_COPY_WAYS; way++ )
        {
            tmem_copy_way[kind] = way;
            for ( round = 1; round < 3; round++ )
            {
                struct handle h = HANDLE(GUEST, 0, round, 0);
                struct handle o = HANDLE(OTHER, 0, round, 0);

                assert_int_equal(guest_put_range(h, N, round), N);
                assert_int_equal(guest_get_range(h, N, round), N);
                assert_int_equal(guest_flush_object(h), 1);
                assert_int_equal(guest_put_range(o, N, round + way), N);
                assert_int_equal(guest_get_range(o, N, round + way), N);
                assert_int_equal(guest_flush_object(o), 1);
            }
        }
    memset(tmem_copy_way, TMEM_COPY_WHOLE, sizeof(tmem_copy_way));
}

static void test_the_choice(void **state)
{
    static const struct {
        uint64_t ticks[TMEM_COPY_WAYS];
        enum tmem_copy_way best;
    } cases[] = {
        /* The first of those that take as long, or nearly. */
        { { 0, 0, 0 },                       TMEM_COPY_WHOLE },
        { { 3200, 3200, 3200 },              TMEM_COPY_WHOLE },
        { { 3200, 3100, 3100 },              TMEM_COPY_WHOLE },
        { { 3200, 3099, 3100 },              TMEM_COPY_HALVES },
        { { 3200, 3100, 3099 },              TMEM_COPY_STREAMED },
        { { 3200, 1600, 1550 },              TMEM_COPY_HALVES },
        { { 3200, 1600, 1549 },              TMEM_COPY_STREAMED },
        { { 1000, 3000, 2000 },              TMEM_COPY_WHOLE },
        { { ~0UL, ~0UL, ~0UL },              TMEM_COPY_WHOLE },
        { { ~0UL, ~0UL, 1 },                 TMEM_COPY_STREAMED },
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(cases) / sizeof(cases[0]); i++ )
        assert_int_equal(tmem_copy_best(cases[i].ticks), cases[i].best);
}

/* A host with little memory has none for that; one with more has it back. */
static void test_measured_on_large_hosts(void **state)
{
    const unsigned long large = 290000;
    unsigned int kind;

    (void)state;
    memset(tmem_copy_way, TMEM_COPY_STREAMED, sizeof(tmem_copy_way));
    machine_start(MACHINE_PAGES, 1, TMEM_ON);
    for ( kind = 0; kind < TMEM_COPY_KINDS; kind++ )
        assert_int_equal(tmem_copy_way[kind], TMEM_COPY_WHOLE);
    machine_stop();

    memset(tmem_copy_way, TMEM_COPY_WAYS, sizeof(tmem_copy_way));
    machine_start(large, 1, TMEM_ON);
    for ( kind = 0; kind < TMEM_COPY_KINDS; kind++ )
        assert_in_range(tmem_copy_way[kind], 0, TMEM_COPY_WAYS - 1);
    assert_in_range(xenhost_free_pages(), large * 99 / 100, large);
    machine_stop();
    memset(tmem_copy_way, TMEM_COPY_WHOLE, sizeof(tmem_copy_way));
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_and_no_more),
        cmocka_unit_test(test_unless_same),
        machine_test(test_unless_same),
        machine_test(test_operations_with_each),
        cmocka_unit_test(test_the_choice),
        cmocka_unit_test(test_measured_on_large_hosts),
    };

    return tests_main(argc, argv, tests);
}
