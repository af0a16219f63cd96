/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * move_fault_test.c - a save and a restore, failing at every n
 *
 * A guest is saved while it works, and restored in another domain, while the
 * n-th allocation, or copy from or to a caller, fails, once or from then on, for
 * each n; preempted all the time or not. Whatever fails, the source has what it
 * had, as if nothing had been; the target goes and leaves nothing; and the same
 * once more, without faults, gives the target all that the source has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/save.h"
#include "../lib/stream.h"

#define SOURCE  1
#define TARGET  2
#define UUID    5
#define OBJECTS 4
#define INDICES 9
#define MAX_N   4000

static unsigned char buf[1 << 20] __attribute__((aligned(8)));
/* What the source has in its two persistent pools, 0 and 1; 0: nothing. */
static uint32_t version[2][OBJECTS][INDICES];
static bool has_pool_1;
static unsigned long free_before;
static bool compressed;        /* the source's pages are, and the target's */

static void start(void)
{
    domid_t dom;

    machine_start(MACHINE_PAGES, MACHINE_CPUS, compressed
                  ? TMEM_ON " tmem_compress=lz4 tmem_tze=1" : TMEM_ON);
    machine_guest(0);
    free_before = machine_available();
    for ( dom = SOURCE; dom <= TARGET; dom++ )
        machine_guest(dom);
    memset(version, 0, sizeof(version));
}

/* ---- the source ---------------------------------------------------------- */

static void put(unsigned int pool, unsigned int obj, unsigned int i)
{
    static uint32_t last;
    uint32_t *v = &version[pool][obj][i];
    long ret = guest_put(HANDLE(SOURCE, pool, obj, i), ++last);

    if ( ret == 1 )
        *v = last;
    else if ( ret == -ENOSPC )
        *v = 0;
    else
        assert_true(ret == -ENOMEM || ret == -EFAULT || ret == -ENODEV);
}

static void flush(unsigned int pool, unsigned int obj, unsigned int i)
{
    if ( guest_flush(HANDLE(SOURCE, pool, obj, i)) == 1 )
        version[pool][obj][i] = 0;
}

static void flush_object(unsigned int pool, unsigned int obj)
{
    if ( guest_flush_object(HANDLE(SOURCE, pool, obj, 0)) == 1 )
        memset(version[pool][obj], 0, sizeof(version[pool][obj]));
}

/* The pool with id 1 is another one; or there is none, if that failed. */
static void change_pool(void)
{
    long ret = guest_destroy_pool(SOURCE, 1);

    if ( ret != 1 && ret != 0 )
        return;
    memset(version[1], 0, sizeof(version[1]));
    has_pool_1 = guest_new_pool(SOURCE, POOL_PERSISTENT) == 1;
}

static void fill(void)
{
    unsigned int pool, obj, i;

    assert_int_equal(shared_auth(SOURCE, UUID, 0, true), 0);
    assert_int_equal(guest_new_pool(SOURCE, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(SOURCE, POOL_PERSISTENT), 1);
    assert_int_equal(guest_new_pool(SOURCE, POOL_EPHEMERAL), 2);
    assert_int_equal(shared_new_pool(SOURCE, UUID, 0), 3);
    has_pool_1 = true;
    for ( pool = 0; pool < 2; pool++ )
        for ( obj = 0; obj < OBJECTS; obj++ )
            for ( i = pool; i < INDICES; i += 2 )
                put(pool, obj, i);
}

/* What it does while it is saved. */
static void work(void)
{
    unsigned int i;

    for ( i = 0; i < INDICES; i++ )
        put(0, 0, i);
    flush_object(0, 1);
    put(0, 1, 3);
    flush(0, 2, 0);
    flush(0, 2, 4);
    put(0, 2, 4);
    flush_object(0, 3);
    change_pool();
    put(1, 1, 2);
    put(1, 2, 2);
}

/* Has a domain all of that, and nothing else? */
static void check(domid_t dom)
{
    unsigned int pool, obj, i;

    for ( pool = 0; pool < 2; pool++ )
        for ( obj = 0; obj < OBJECTS; obj++ )
            for ( i = 0; i < INDICES; i++ )
            {
                uint32_t v = version[pool][obj][i];
                struct handle h = HANDLE(dom, pool, obj, i);
                long ret;

                /* The data has the name that it had in the source. */
                if ( dom == SOURCE || !v )
                    ret = guest_get(h, v);
                else
                {
                    uint64_t tag;

                    h.dom = SOURCE;
                    tag = handle_tag(&h, v);
                    h.dom = dom;
                    ret = guest_op(TMEM_GET_PAGE, h, 0);
                    if ( ret == 1 &&
                         page_check(xenhost_guest_page(dom, 0), tag) >= 0 )
                        ret = GUEST_WRONG_DATA;
                }
                if ( pool == 1 && !has_pool_1 )
                    assert_int_equal(ret, -ENODEV);
                else if ( v )
                    assert_int_equal(ret, 1);
                else
                    assert_true(ret == 0 || ret == -EEMPTY);
            }
}

/* ---- the toolstack ------------------------------------------------------- */

/* Save the source into a stream; 0, or what failed. */
static long save(struct stream *s)
{
    long token = save_begin(SOURCE), ret;

    if ( token < 0 )
        return token;
    assert_true(token > 0);
    ret = stream_pass(s, SOURCE, token, TMEM_SAVE_HEAD);
    if ( !ret )
        ret = stream_pass(s, SOURCE, token, TMEM_SAVE_LIVE);
    work();
    if ( !ret )
        ret = stream_pass(s, SOURCE, token, TMEM_SAVE_LIVE);
    work();
    assert_int_equal(xenhost_domain_suspend(SOURCE), 0);
    if ( !ret )
        ret = stream_pass(s, SOURCE, token, TMEM_SAVE_FINAL);
    save_end(SOURCE, token);

    return ret;
}

static long restore(const struct stream *s)
{
    long ret = restore_begin(TARGET);

    if ( !ret )
        ret = restore_put(TARGET, s, NULL);
    if ( !ret )
        ret = restore_end(TARGET);

    return ret;
}

static long move(void)
{
    struct stream s = STREAM(buf);
    long ret = save(&s);

    return ret ? ret : restore(&s);
}

/* Once with the fault, once without. Returns how many events there were. */
static unsigned long fail_nth(enum xenhost_fault kind, unsigned long n,
                              bool sticky, bool preempt)
{
    unsigned long events;
    long ret;

    start();
    fill();
    xenhost_preempt(preempt ? XENHOST_PREEMPT_ALWAYS : XENHOST_PREEMPT_NEVER,
                    0);
    xenhost_fault(kind, n, sticky);
    ret = move();
    events = xenhost_fault_events(kind);
    xenhost_fault(kind, 0, false);
    assert_true(!ret || ret == (kind == XENHOST_FAULT_ALLOC ? -ENOMEM
                                                            : -EFAULT));

    assert_int_equal(xenhost_domain_resume(SOURCE), 0);
    assert_int_equal(save_end(SOURCE, 0), 0);
    check(SOURCE);
    if ( !ret )
        check(TARGET);
    assert_int_equal(xenhost_domain_destroy(TARGET), 0);
    machine_guest(TARGET);
    assert_int_equal(move(), 0);
    check(TARGET);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(xenhost_domain_resume(SOURCE), 0);
    check(SOURCE);
    assert_int_equal(list_now(SOURCE, "C=", "sv"), 0);

    assert_int_equal(xenhost_domain_destroy(SOURCE), 0);
    assert_int_equal(xenhost_domain_destroy(TARGET), 0);
    assert_int_equal(machine_available(), free_before);
    machine_stop();

    return events;
}

static void fail_every(enum xenhost_fault kind, bool sticky, bool preempt,
                       unsigned long at_least)
{
    unsigned long n;

    do {
        compressed = !compressed;
        page_mix(compressed);
        for ( n = 1; fail_nth(kind, n, sticky, preempt) >= n && n < MAX_N;
              n += MACHINE_STRIDE )
            continue;
        printf("faults: %lu places\n", n - 1);
        assert_in_range(n, at_least, MAX_N - 1);
    } while ( compressed );
}

static void test_nth_allocation_fails(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_ALLOC, false, false, 10);
}

static void test_allocations_fail_from_nth_on(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_ALLOC, true, true, 10);
}

static void test_nth_copy_fails(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_COPY, false, false, 200);
}

static void test_copies_fail_from_nth_on(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_COPY, true, false, 200);
}

static void test_preempted_and_nth_copy_fails(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_COPY, false, true, 300);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_allocations_fail_from_nth_on),
        cmocka_unit_test(test_nth_copy_fails),
        cmocka_unit_test(test_copies_fail_from_nth_on),
        cmocka_unit_test(test_preempted_and_nth_copy_fails),
    };

    return tests_main(argc, argv, tests);
}
