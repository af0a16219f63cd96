/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_test.c - the host in a process itself: frames and their accounting,
 * domains, parameters and switches
 */
#include "host_test.h"
#include <xen/guest_access.h>

static bool par_bool = true;
boolean_param("host-test-bool", par_bool);
static unsigned int par_uint = 5;
integer_param("host-test-uint", par_uint);
static unsigned long par_size = 7;
size_param("host-test-size", par_size);
static char par_custom[16];
static int set_custom(const char *s)
{
    snprintf(par_custom, sizeof(par_custom), "%s", s);
    return 0;
}
custom_param("host-test-custom", set_custom);

static unsigned int nr_initcalls;
static int count_initcall(void)
{
    nr_initcalls++;
    return 0;
}
__initcall(count_initcall);

static void test_config(void **state)
{
    struct xenhost_config cfg = { PAGES, 1, NULL };

    hush();
    assert_int_equal(xenhost_start(NULL), -EINVAL);
    cfg.host_pages = 0;
    assert_int_equal(xenhost_start(&cfg), -EINVAL);
    cfg.host_pages = 63;
    assert_int_equal(xenhost_start(&cfg), -EINVAL);
    cfg.host_pages = PAGES;
    cfg.cpus = 0;
    assert_int_equal(xenhost_start(&cfg), -EINVAL);
    cfg.cpus = 65;
    assert_int_equal(xenhost_start(&cfg), -EINVAL);
    unhush();
    assert_int_equal(xenhost_stop(), 0);
    assert_int_equal(xenhost_domain_create(1, 1, 1, false), -EINVAL);
    cfg.cpus = 64;
    assert_int_equal(xenhost_start(&cfg), 0);
    assert_int_equal(xenhost_start(&cfg), -EBUSY);
    assert_int_equal(xenhost_free_pages(), PAGES);
    stop();
}

static void test_params(void **state)
{
    unsigned int before = nr_initcalls;
    const char *list = "off,rest";

    start("no-host-test-bool host-test-uint=0x10  host-test-size=3M "
          "host-test-custom=abc unknown=1");
    assert_int_equal(nr_initcalls, before + 1);
    assert_false(par_bool);
    assert_int_equal(par_uint, 16);
    assert_int_equal(par_size, 3 << 20);
    assert_string_equal(par_custom, "abc");
    assert_int_equal(xenhost_log_lines(), 1);
    stop();

    start("host-test-bool=off host-test-uint=9x no-host-test-custom");
    assert_false(par_bool);
    assert_int_equal(par_uint, 5);
    assert_int_equal(par_size, 7);
    assert_string_equal(par_custom, "no");
    stop();

    start(NULL);
    assert_true(par_bool);
    stop();

    assert_int_equal(parse_bool("enable", NULL), 1);
    assert_int_equal(parse_bool(list, list + 3), 0);
    assert_int_equal(parse_bool("enabled", NULL), -1);
    assert_int_equal(parse_boolean("a", "no-a", NULL), 0);
    assert_int_equal(parse_boolean("a", "a=maybe", NULL), -2);
    assert_int_equal(parse_boolean("a", "b", NULL), -1);
}

static void test_heap_merges(void **state)
{
    long mfn[64], big;
    unsigned int i;

    start(NULL);
    big = xenhost_alloc_order(10, 0);
    assert_true(big > 0 && !(big & 1023));
    assert_int_equal(xenhost_free_pages(), PAGES - 1024);
    xenhost_free_order(big, 10);

    /* Take all there is by single frames, give back in another order. */
    assert_int_equal(xenhost_alloc_pages(PAGES + 1), PAGES);
    assert_int_equal(xenhost_alloc_order(0, 0), -1);
    xenhost_release_pages();
    for ( i = 0; i < 64; i++ )
        mfn[i] = xenhost_alloc_order(i % 3, 0);
    for ( i = 0; i < 64; i++ )
        xenhost_free_order(mfn[(i * 37) % 64], (i * 37) % 64 % 3);
    assert_int_equal(xenhost_free_pages(), PAGES);

    /* Frames 8192 .. 16383 are one chunk only if everything merged. */
    big = xenhost_alloc_order(13, 0);
    assert_int_equal(big, 8192);
    xenhost_free_order(big, 13);
    assert_int_equal(xenhost_alloc_order(14, 0), -1);
    stop();
}

static void test_heap_bits(void **state)
{
    unsigned int i;
    long mfn;

    start(NULL);
    for ( i = 0; i < 31; i++ )
    {
        mfn = xenhost_alloc_order(0, 12 + 5);
        assert_in_range(mfn, 1, 31);
    }
    assert_int_equal(xenhost_alloc_order(0, 12 + 5), -1);
    for ( i = 1; i < 32; i++ )
        xenhost_free_order(i, 0);
    stop();
}

static void test_scrub(void **state)
{
    struct page_info *pg;
    unsigned char *p;
    unsigned int i;

    start(NULL);
    xenhost_leak_check(true);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    /* All but one frame are taken: the same one comes again and again. */
    assert_int_equal(xenhost_alloc_pages(PAGES - 1), PAGES - 1);
    pg = alloc_domheap_page(NULL, MEMF_no_scrub | MEMF_no_owner);
    assert_non_null(pg);
    p = page_to_virt(pg);
    memset(p, 0x5a, PAGE_SIZE);
    free_domheap_page(pg);
    assert_true(pg->count_info & PGC_need_scrub);

    assert_ptr_equal(alloc_domheap_page(NULL, MEMF_no_scrub), pg);
    assert_int_equal(p[17], 0x5a);
    free_domheap_page(pg);
    assert_ptr_equal(alloc_domheap_page(NULL, 0), pg);
    for ( i = 0; i < PAGE_SIZE; i++ )
        assert_int_equal(p[i], 0);
    assert_int_equal(xenhost_leaks_seen(), 0);
    free_domheap_page(pg);

#ifndef __SANITIZE_ADDRESS__
    /* Somebody writes to a frame that is free and clean. */
    pg->count_info &= ~PGC_need_scrub;
    p[99] = 1;
    hush();
    assert_ptr_equal(alloc_domheap_page(NULL, 0), pg);
    unhush();
    assert_int_equal(xenhost_leaks_seen(), 1);
    free_domheap_page(pg);
#endif
    assert_int_equal(xenhost_stop(), 0);
}

static void test_offline(void **state)
{
    struct page_info *pg;

    start(NULL);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    pg = alloc_domheap_page(NULL, 0);
    assert_int_equal(xenhost_frames_offline(9), 1);
    assert_true(page_state_is(pg, offlining));
    free_domheap_page(pg);
    assert_true(page_state_is(pg, offlined));
    assert_int_equal(xenhost_alloc_pages(PAGES), PAGES - 1);
    stop();
}

static void test_domains(void **state)
{
    struct xenhost_domain_info info;
    struct tmem_op op = { .cmd = 99 };
    unsigned long free_pages;
    unsigned char *p;

    start("tmem=1 tmem_history=0");
    free_pages = xenhost_free_pages();
    hush();
    assert_int_equal(xenhost_tmem_op(1, &op), -EINVAL);
    unhush();
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_tmem_op(1, &op), -ESRCH);
    assert_int_equal(xenhost_domain_create(1, 10, 9, false), -EINVAL);
    assert_int_equal(xenhost_domain_create(DOMID_SELF, 1, 1, false), -EINVAL);
    assert_int_equal(xenhost_domain_create(1, PAGES, PAGES, false), -ENOMEM);
    assert_int_equal(xenhost_free_pages(), free_pages);
    assert_int_equal(xenhost_domain_create(1, 10, 20, false), 0);
    assert_int_equal(xenhost_domain_create(1, 10, 20, false), -EEXIST);
    assert_int_equal(xenhost_tmem_op(1, &op), -ENOSYS);
    assert_int_equal(xenhost_tmem_op(1, NULL), -EFAULT);

    assert_int_equal(xenhost_domain_info(1, &info), 0);
    assert_int_equal(info.tot_pages, 10);
    assert_int_equal(info.max_pages, 20);
    assert_int_equal(info.guest_pages, 10);
    /* The domain itself is a frame as well. */
    assert_int_equal(xenhost_free_pages(), free_pages - 11);
    p = xenhost_guest_page(1, 9);
    assert_non_null(p);
    assert_int_equal(p[5], 0);
    memset(p, 1, 4096);
    assert_null(xenhost_guest_page(1, 10));
    assert_null(xenhost_guest_page(2, 0));

    assert_int_equal(xenhost_domain_destroy(1), 0);
    assert_int_equal(xenhost_domain_destroy(1), -ESRCH);
    assert_int_equal(xenhost_domain_info(1, &info), -ESRCH);
    assert_int_equal(xenhost_tmem_op(1, &op), -ESRCH);
    assert_int_equal(xenhost_free_pages(), free_pages);
    stop();
}

static void test_zombie(void **state)
{
    struct domain *d;

    start(NULL);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_domain_create(3, 5, 5, false), 0);
    d = get_domain_by_id(3);
    assert_non_null(d);
    assert_int_equal(xenhost_domain_destroy(3), 0);
    assert_int_equal(xenhost_domain_create(3, 5, 5, false), -EEXIST);
    hush();
    assert_int_equal(xenhost_stop(), 1);
    unhush();
}

static void test_pages(void **state)
{
    struct domain *d, *e;
    struct page_info *pg;
    p2m_type_t t;

    start(NULL);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_domain_create(1, 4, 4, false), 0);
    assert_int_equal(xenhost_domain_create(2, 4, 4, false), 0);
    d = get_domain_by_id(1);
    e = get_domain_by_id(2);
    assert_int_equal(check_get_page_from_gfn(d, _gfn(4), true, &t, &pg),
                     -EINVAL);
    assert_int_equal(check_get_page_from_gfn(d, _gfn(2), true, &t, &pg), 0);
    assert_int_equal(t, p2m_ram_rw);
    assert_ptr_equal(page_to_virt(pg), xenhost_guest_page(1, 2));
    assert_ptr_equal(page_get_owner(pg), d);
    assert_int_equal(pg->count_info & PGC_count_mask, 2);
    assert_false(get_page(pg, e));
    assert_int_equal(pg->count_info & PGC_count_mask, 2);
    assert_true(get_page_type(pg, PGT_writable_page));
    assert_false(get_page_type(pg, PGT_l1_page_table));
    put_page_and_type(pg);
    assert_int_equal(xenhost_frame_set(1, 2, XENHOST_FRAME_PAGETABLE), 0);
    assert_false(get_page_type(pg, PGT_writable_page));
    assert_int_equal(xenhost_frame_set(1, 2, XENHOST_FRAME_NONE), 0);
    assert_true(get_page_type(pg, PGT_writable_page));
    put_page_type(pg);
    assert_int_equal(check_get_page_from_gfn(d, _gfn(2), true, &t, &pg),
                     -EINVAL);
    assert_int_equal(xenhost_frame_set(1, 2, XENHOST_FRAME_MMIO), 0);
    assert_int_equal(check_get_page_from_gfn(d, _gfn(2), true, &t, &pg),
                     -EPERM);
    assert_int_equal(xenhost_frame_set(1, 9, XENHOST_FRAME_RAM), -EINVAL);

    assert_int_equal(xenhost_frame_set(1, 1, XENHOST_FRAME_LOGDIRTY), 0);
    assert_int_equal(check_get_page_from_gfn(d, _gfn(1), false, &t, &pg), 0);
    assert_int_equal(t, p2m_ram_logdirty);
    assert_false(xenhost_frame_dirty(1, 1));
    paging_mark_dirty(d, page_to_mfn(pg));
    assert_true(xenhost_frame_dirty(1, 1));
    assert_false(xenhost_frame_dirty(1, 0));
    put_page(pg);
    put_domain(d);
    put_domain(e);
    stop();
}

static void test_faults(void **state)
{
    start(NULL);
    xenhost_fault(XENHOST_FAULT_ALLOC, 3, false);
    assert_int_equal(xenhost_alloc_pages(5), 2);
    assert_int_equal(xenhost_alloc_pages(5), 5);
    assert_int_equal(xenhost_fault_events(XENHOST_FAULT_ALLOC), 8);
    xenhost_fault(XENHOST_FAULT_ALLOC, 2, true);
    assert_int_equal(xenhost_alloc_pages(5), 1);
    assert_int_equal(xenhost_alloc_pages(5), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    assert_int_equal(xenhost_alloc_pages(5), 5);
    stop();
}

static void test_claims(void **state)
{
    struct xenhost_domain_info info;

    start(NULL);
    assert_int_equal(xenhost_domain_create(1, 0, PAGES, false), 0);
    assert_int_equal(xenhost_domain_set_claim(1, PAGES), -ENOMEM);
    assert_int_equal(xenhost_domain_set_claim(1, PAGES - 101), 0);
    assert_int_equal(xenhost_domain_set_claim(1, 5), -EINVAL);
    assert_int_equal(xenhost_alloc_pages(PAGES), 100);
    assert_int_equal(xenhost_domain_set_claim(1, 0), 0);
    assert_int_equal(xenhost_alloc_pages(PAGES), PAGES - 101);
    assert_int_equal(xenhost_domain_info(1, &info), 0);
    assert_int_equal(info.tot_pages, 0);
    stop();
}

static void test_relinquish(void **state)
{
    unsigned long free;
    uint32_t i;

    start("tmem=1");
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_domain_create(1, 4, 100, false), 0);
    assert_int_equal(new_pool(1, POOL_EPHEMERAL), 0);
    for ( i = 0; i < 1000; i++ )
        assert_int_equal(put(1, 0, i), 1);
    assert_true(xenhost_freeable_pages() >= 900);
    free = xenhost_free_pages();
    xenhost_relinquish_enable(false);
    assert_int_equal(xenhost_alloc_pages(PAGES), free);
    xenhost_relinquish_enable(true);
    assert_true(xenhost_alloc_pages(PAGES) >= 900);
    stop();
}

static int restarts;

static void count_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    restarts++;
}

static void kill_on_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    restarts++;
    assert_int_equal(xenhost_domain_destroy(domid), 0);
    assert_int_equal(xenhost_domain_create(domid, 1, 10, false), 0);
}

static void test_preemption(void **state)
{
    struct tmem_op op = { .cmd = TMEM_DESTROY_POOL };
    unsigned int steps = 1;
    uint32_t i;

    restarts = 0;
    start("tmem=1");
    assert_int_equal(xenhost_cpu_bind(1), 0);
    assert_int_equal(xenhost_domain_create(1, 4, 3000, false), 0);
    assert_int_equal(new_pool(1, POOL_PERSISTENT), 0);
    for ( i = 0; i < 500; i++ )
        assert_int_equal(put(1, 0, i), 1);
    xenhost_on_restart(count_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_NTH, 1);
    assert_int_equal(xenhost_tmem_op(1, &op), 1);
    assert_true(xenhost_preempt_checks() > 0);
    assert_int_equal(restarts, 1);

    /* The domain dies between two parts of its hypercall. */
    assert_int_equal(new_pool(1, POOL_PERSISTENT), 0);
    for ( i = 0; i < 500; i++ )
        assert_int_equal(put(1, 0, i), 1);
    xenhost_on_restart(kill_on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_tmem_op(1, &op), -ESRCH);
    assert_int_equal(restarts, 2);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);

    assert_int_equal(xenhost_domain_create(2, 2500, 3000, false), 0);
    while ( xenhost_domain_kill(2) == -85 )
        steps++;
    assert_true(steps > 2);
    assert_int_equal(xenhost_domain_destroy(2), -ESRCH);
    assert_true(xenhost_longest_step() == 0);
    assert_int_equal(new_pool(1, POOL_PERSISTENT), 0);
    assert_true(xenhost_longest_step() > 0);
    stop();
}

static void test_access(void **state)
{
    struct xen_sysctl_tmem_op op = { .cmd = TMEMC_THAW, .cli_id = 1 };

    start("tmem=1");
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_domain_create(0, 1, 9, true), 0);
    assert_int_equal(xenhost_domain_create(1, 1, 9, false), 0);
    assert_int_equal(xenhost_tmem_control(1, NULL), -EFAULT);
    assert_int_equal(xenhost_tmem_control(1, &op), -EPERM);
    assert_int_equal(xenhost_tmem_control(0, &op), 0);
    xenhost_deny(0, true);
    assert_int_equal(xenhost_tmem_control(0, &op), -EACCES);
    assert_int_equal(new_pool(0, POOL_PERSISTENT), -EPERM);
    xenhost_deny(0, false);
    assert_int_equal(new_pool(0, POOL_PERSISTENT), 0);
    xenhost_virtual_clock(true);
    assert_true(NOW() + 1000 == NOW());
    stop();
}

static void test_log(void **state)
{
    unsigned int i;

    start(NULL);
    for ( i = 0; i < 100; i++ )
        printk(XENLOG_G_WARNING "line\n");
    assert_int_equal(xenhost_log_lines(), 10);
    printk(XENLOG_INFO "not printed\n");
    assert_int_equal(xenhost_log_lines(), 10);
    printk(XENLOG_ERR "printed\n");
    assert_int_equal(xenhost_log_lines(), 11);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_config),
        TEST(test_params),
        TEST(test_heap_merges),
        TEST(test_heap_bits),
        TEST(test_scrub),
        TEST(test_offline),
        TEST(test_domains),
        TEST(test_zombie),
        TEST(test_pages),
        TEST(test_faults),
        TEST(test_claims),
        TEST(test_relinquish),
        TEST(test_preemption),
        TEST(test_access),
        TEST(test_log),
    };

    cmocka_set_message_output(CM_OUTPUT_STDOUT);

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
