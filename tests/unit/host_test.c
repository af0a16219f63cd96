/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_test.c - the host in a process itself: frames and their accounting,
 * domains, CPUs, RCU, locks, parameters and switches
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenhost_test.h>
#include <xen/guest_access.h>
#include <xen/init.h>
#include <xen/list.h>
#include <xen/p2m-common.h>
#include <xen/param.h>
#include <xen/rwlock.h>
#include <xen/sched.h>

/* More than what tmem leaves free in any case. */
#define PAGES 16384UL
#define POOL_PERSISTENT 0x01000001
#define POOL_EPHEMERAL  0x01000000

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

static int stderr_fd;

/* What a test provokes is not to be seen. */
static void hush(void)
{
    int null = open("/dev/null", O_WRONLY);

    fflush(stderr);
    stderr_fd = dup(2);
    dup2(null, 2);
    close(null);
}

static void unhush(void)
{
    fflush(stderr);
    dup2(stderr_fd, 2);
    close(stderr_fd);
}

static void start(const char *cmdline)
{
    struct xenhost_config cfg = { PAGES, 4, cmdline };

    assert_int_equal(xenhost_start(&cfg), 0);
}

static void stop(void)
{
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_stop(), 0);
}

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
    unsigned char *p;

    start("tmem=1");
    hush();
    assert_int_equal(xenhost_tmem_op(1, &op), -EINVAL);
    unhush();
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_tmem_op(1, &op), -ESRCH);
    assert_int_equal(xenhost_domain_create(1, 10, 9, false), -EINVAL);
    assert_int_equal(xenhost_domain_create(DOMID_SELF, 1, 1, false), -EINVAL);
    assert_int_equal(xenhost_domain_create(1, PAGES, PAGES, false), -ENOMEM);
    assert_int_equal(xenhost_free_pages(), PAGES);
    assert_int_equal(xenhost_domain_create(1, 10, 20, false), 0);
    assert_int_equal(xenhost_domain_create(1, 10, 20, false), -EEXIST);
    assert_int_equal(xenhost_tmem_op(1, &op), -ENOSYS);
    assert_int_equal(xenhost_tmem_op(1, NULL), -EFAULT);

    assert_int_equal(xenhost_domain_info(1, &info), 0);
    assert_int_equal(info.tot_pages, 10);
    assert_int_equal(info.max_pages, 20);
    assert_int_equal(info.guest_pages, 10);
    /* The domain itself is a frame as well. */
    assert_int_equal(xenhost_free_pages(), PAGES - 11);
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
    assert_int_equal(xenhost_free_pages(), PAGES);
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

static long put(domid_t domid, int pool, uint32_t index)
{
    struct tmem_op op = { .cmd = TMEM_PUT_PAGE, .pool_id = pool };

    op.u.gen.index = index;
    op.u.gen.cmfn = 0;

    return xenhost_tmem_op(domid, &op);
}

static long new_pool(domid_t domid, uint32_t flags)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };

    op.u.creat.flags = flags;

    return xenhost_tmem_op(domid, &op);
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
    assert_int_equal(xenhost_tmem_control(0, &op), -EPERM);
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

static void *bind_thread(void *arg)
{
    return (void *)(long)xenhost_cpu_bind((long)arg);
}

static long bind_elsewhere(long cpu)
{
    pthread_t thread;
    void *rc;

    assert_int_equal(pthread_create(&thread, NULL, bind_thread, (void *)cpu),
                     0);
    pthread_join(thread, &rc);

    return (long)rc;
}

static void test_binding(void **state)
{
    start(NULL);
    assert_int_equal(xenhost_cpu_bind(4), -EINVAL);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(bind_elsewhere(0), -EBUSY);
    /* A thread that ends gives its CPU back. */
    assert_int_equal(bind_elsewhere(1), 0);
    assert_int_equal(bind_elsewhere(1), 0);
    assert_int_equal(xenhost_cpu_bind(1), 0);
    assert_int_equal(bind_elsewhere(0), 0);
    stop();
    start(NULL);
    assert_int_equal(bind_elsewhere(1), 0);
    stop();
}

#define LOOPS 3000
#define THREADS 3

struct item {
    struct rcu_head rcu;
    struct item *next;          /* of those that are to be freed in the end */
    int value;
};

static struct item *shared, *retired;
static unsigned long freed, sums[4];
static DEFINE_RCU_READ_LOCK(item_lock);
static DEFINE_SPINLOCK(spin);
static DEFINE_RWLOCK(rw);
static DEFINE_PERCPU_RWLOCK_GLOBAL(prw_owner);
static DEFINE_PERCPU_RWLOCK_RESOURCE(prw, prw_owner);
static DEFINE_PER_CPU(unsigned long, counter);

static void free_item(struct rcu_head *head)
{
    struct item *i = container_of(head, struct item, rcu);

    /* Not reused, so that a reader which is still there sees it. */
    i->value = -1;
    i->next = __atomic_load_n(&retired, __ATOMIC_RELAXED);
    while ( !__atomic_compare_exchange_n(&retired, &i->next, i, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) )
        ;
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
}

static void replace_item(int value)
{
    struct item *new = malloc(sizeof(*new)), *old;

    new->value = value;
    spin_lock(&spin);
    old = shared;
    rcu_assign_pointer(shared, new);
    spin_unlock(&spin);
    if ( old )
        call_rcu(&old->rcu, free_item);
}

static void *lock_thread(void *arg)
{
    const struct item *item;
    unsigned long sum;
    unsigned int i;
    long bad = xenhost_cpu_bind((long)arg);

    for ( i = 0; i < LOOPS; i++ )
    {
        rcu_read_lock(&item_lock);
        item = rcu_dereference(shared);
        if ( i % 64 == 0 )
            usleep(50);
        bad += item->value != 7;
        rcu_read_unlock(&item_lock);
        if ( i % 8 == 0 )
            replace_item(7);
        if ( i % 512 == 9 )
            rcu_barrier();

        spin_lock(&spin);
        sums[0]++;
        spin_unlock(&spin);

        read_lock(&rw);
        bad += sums[1] != sums[2];
        read_unlock(&rw);
        write_lock(&rw);
        sums[1]++;
        sums[2]++;
        write_unlock(&rw);

        percpu_read_lock(prw_owner, &prw);
        sum = sums[3];
        if ( i % 64 == 1 )
            usleep(50);
        bad += sum % 2 || sum != ACCESS_ONCE(sums[3]);
        percpu_read_unlock(prw_owner, &prw);
        if ( i % 4 == 0 )
        {
            percpu_write_lock(prw_owner, &prw);
            sums[3]++;
            barrier();
            sums[3]++;
            percpu_write_unlock(prw_owner, &prw);
        }
        this_cpu(counter)++;
    }

    return (void *)bad;
}

static void test_locks(void **state)
{
    pthread_t threads[THREADS];
    unsigned long sum = 0;
    unsigned int cpu;
    long i;
    void *bad;

    start(NULL);
    freed = 0;
    memset(sums, 0, sizeof(sums));
    assert_int_equal(xenhost_cpu_bind(3), 0);
    replace_item(7);
    for ( i = 0; i < THREADS; i++ )
        assert_int_equal(pthread_create(&threads[i], NULL, lock_thread,
                                        (void *)i), 0);
    for ( i = 0; i < THREADS; i++ )
    {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    replace_item(7);
    rcu_barrier();
    assert_int_equal(freed, 1 + THREADS * ((LOOPS + 7) / 8));
    assert_int_equal(sums[0], THREADS * LOOPS);
    assert_int_equal(sums[1], THREADS * LOOPS);
    assert_int_equal(sums[3], THREADS * 2 * (LOOPS / 4));
    for_each_online_cpu ( cpu )
        sum += per_cpu(counter, cpu);
    assert_int_equal(sum, THREADS * LOOPS);
    assert_int_equal(xenhost_lock_errors(), 0);
    free(shared);
    for ( shared = retired; shared; shared = retired )
    {
        retired = shared->next;
        free(shared);
    }
    stop();
}

/* Hypercalls on three CPUs, while the domain is destroyed and created. */
static bool done;

static void *call_thread(void *arg)
{
    long rc, n = xenhost_cpu_bind((long)arg);

    while ( !__atomic_load_n(&done, __ATOMIC_RELAXED) )
    {
        rc = new_pool(5, POOL_PERSISTENT);
        rc = rc >= 0 || rc == -EPERM ? put(5, 0, n) : rc;
        if ( rc != 1 && rc != -ESRCH && rc != -ENODEV && rc != -ENOMEM )
            return (void *)rc;
    }

    return NULL;
}

static void test_destroy_race(void **state)
{
    pthread_t threads[THREADS];
    void *bad;
    long i;

    start("tmem=1");
    done = false;
    for ( i = 0; i < THREADS; i++ )
        assert_int_equal(pthread_create(&threads[i], NULL, call_thread,
                                        (void *)i), 0);
    for ( i = 0; i < 60; i++ )
    {
        assert_int_equal(xenhost_domain_create(5, 8, 50, false), 0);
        usleep(500);
        if ( i & 1 )
            assert_int_equal(xenhost_domain_soft_reset(5), 0);
        assert_int_equal(xenhost_domain_destroy(5), 0);
    }
    __atomic_store_n(&done, true, __ATOMIC_RELAXED);
    for ( i = 0; i < THREADS; i++ )
    {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    assert_int_equal(xenhost_lock_errors(), 0);
    stop();
}

#ifdef CONFIG_DEBUG_LOCKS
/* Runs last: the checker's count is never reset. */
static void test_lock_checker(void **state)
{
    static DEFINE_SPINLOCK(a);
    static DEFINE_SPINLOCK(b);
    spinlock_t same[2];
    unsigned int i;
    struct page_info *pg;

    start(NULL);
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_lock_errors(), 0);
    spin_lock(&a);
    spin_lock(&b);
    spin_unlock(&a);
    spin_unlock(&b);
    spin_lock(&b);
    assert_true(spin_trylock(&a));
    spin_unlock(&a);
    assert_int_equal(xenhost_lock_errors(), 0);

    hush();
    spin_lock(&a);
    assert_int_equal(xenhost_lock_errors(), 1);
    spin_unlock(&a);
    pg = alloc_domheap_page(NULL, MEMF_tmem);
    assert_int_equal(xenhost_lock_errors(), 1);
    free_domheap_page(pg);
    pg = alloc_domheap_page(NULL, 0);
    assert_int_equal(xenhost_lock_errors(), 2);
    free_domheap_page(pg);
    spin_unlock(&b);
    for ( i = 0; i < 2; i++ )
        spin_lock_init(&same[i]);
    spin_lock(&same[0]);
    spin_lock(&same[1]);
    assert_int_equal(xenhost_lock_errors(), 3);
    spin_unlock(&same[0]);
    spin_unlock(&same[1]);
    spin_unlock(&same[1]);
    assert_int_equal(xenhost_lock_errors(), 4);
    unhush();
    stop();
}
#endif

/* After a test that failed, the next one is to find no machine. */
static int teardown(void **state)
{
    hush();
    xenhost_stop();
    unhush();

    return 0;
}

#define TEST(fn) cmocka_unit_test_teardown(fn, teardown)

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
        TEST(test_binding),
        TEST(test_locks),
        TEST(test_destroy_race),
#ifdef CONFIG_DEBUG_LOCKS
        TEST(test_lock_checker),
#endif
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
