/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_cpus_test.c - threads as CPUs, RCU, locks and their checker, and the
 * suspension and destruction of a domain while it issues hypercalls
 */
#include "host_test.h"
#include <xen/guest_access.h>

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

/* A vCPU that puts a page as soon as it may. */
struct put_thread {
    pthread_t thread;
    bool over;
    long rc;
};

static void *put_main(void *arg)
{
    struct put_thread *t = arg;

    t->rc = xenhost_cpu_bind(1) ?: put(1, 0, 1);
    __atomic_store_n(&t->over, true, __ATOMIC_RELEASE);

    return NULL;
}

/* Start one, which waits. */
static void put_waits(struct put_thread *t)
{
    t->over = false;
    assert_int_equal(pthread_create(&t->thread, NULL, put_main, t), 0);
    usleep(3000);
    assert_false(__atomic_load_n(&t->over, __ATOMIC_ACQUIRE));
}

static long put_ends(struct put_thread *t)
{
    pthread_join(t->thread, NULL);

    return t->rc;
}

static void test_suspend(void **state)
{
    struct put_thread t;
    struct domain *d;

    start("tmem=1");
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_domain_suspend(1), -ESRCH);
    assert_int_equal(xenhost_domain_resume(1), -ESRCH);
    assert_int_equal(xenhost_domain_create(1, 4, 50, false), 0);
    assert_int_equal(new_pool(1, POOL_PERSISTENT), 0);
    d = get_domain_by_id(1);
    assert_false(d->is_shut_down);
    assert_int_equal(xenhost_domain_resume(1), 0);
    assert_int_equal(put(1, 0, 0), 1);

    /* Once, however often it is called. */
    assert_int_equal(xenhost_domain_suspend(1), 0);
    assert_int_equal(xenhost_domain_suspend(1), 0);
    assert_true(d->is_shutting_down && d->is_shut_down);
    put_waits(&t);
    assert_int_equal(xenhost_domain_resume(1), 0);
    assert_int_equal(put_ends(&t), 1);
    assert_false(d->is_shutting_down || d->is_shut_down);

    /* Whoever pauses it, it goes on when nobody keeps it any more. */
    domain_pause(d);
    assert_int_equal(xenhost_domain_suspend(1), 0);
    domain_unpause(d);
    put_waits(&t);
    domain_pause(d);
    assert_int_equal(xenhost_domain_resume(1), 0);
    usleep(3000);
    assert_false(__atomic_load_n(&t.over, __ATOMIC_ACQUIRE));
    domain_unpause(d);
    assert_int_equal(put_ends(&t), 1);

    /* It may die meanwhile, and does not come back. */
    assert_int_equal(xenhost_domain_suspend(1), 0);
    put_waits(&t);
    put_domain(d);
    assert_int_equal(xenhost_domain_destroy(1), 0);
    assert_int_equal(put_ends(&t), -ESRCH);
    assert_int_equal(xenhost_domain_resume(1), -ESRCH);
    stop();
}

static bool paused;

static void *pause_main(void *arg)
{
    long rc = xenhost_cpu_bind(2);

    domain_pause(arg);
    __atomic_store_n(&paused, true, __ATOMIC_RELEASE);
    domain_unpause(arg);

    return (void *)rc;
}

/* Within a put: suspend its domain, and have somebody wait for the put. */
static void suspend_within(void *arg)
{
    pthread_t *thread = arg;

    assert_int_equal(xenhost_cpu_bind(1), 0);
    assert_int_equal(xenhost_domain_suspend(1), 0);
    assert_int_equal(pthread_create(thread, NULL, pause_main,
                                    get_domain_by_id(1)), 0);
    usleep(3000);
    assert_false(__atomic_load_n(&paused, __ATOMIC_ACQUIRE));
    assert_int_equal(xenhost_cpu_bind(0), 0);
}

static void test_suspend_within(void **state)
{
    pthread_t thread;
    struct domain *d;
    void *bad;

    start("tmem=1");
    assert_int_equal(xenhost_cpu_bind(0), 0);
    assert_int_equal(xenhost_domain_create(1, 4, 50, false), 0);
    assert_int_equal(new_pool(1, POOL_PERSISTENT), 0);
    paused = false;
    xenhost_on_frame(suspend_within, &thread);
    assert_int_equal(put(1, 0, 0), 1);
    pthread_join(thread, &bad);
    assert_null(bad);
    assert_true(paused);
    d = get_domain_by_id(1);
    assert_true(d->is_shut_down);
    put_domain(d);
    put_domain(d);      /* the thread's */
    stop();
}

/*
 * Suspended again and again while three vCPUs put its frame 0, which changes
 * when none of them can be inside.
 */
static void test_suspend_race(void **state)
{
    pthread_t threads[THREADS];
    struct domain *d;
    void *bad;
    long i;

    start("tmem=1");
    assert_int_equal(xenhost_cpu_bind(3), 0);
    assert_int_equal(xenhost_domain_create(5, 8, 50, false), 0);
    d = get_domain_by_id(5);
    done = false;
    for ( i = 0; i < THREADS; i++ )
        assert_int_equal(pthread_create(&threads[i], NULL, call_thread,
                                        (void *)i), 0);
    for ( i = 0; i < 60; i++ )
    {
        usleep(300);
        assert_int_equal(xenhost_domain_suspend(5), 0);
        domain_pause(d);
        domain_unpause(d);
        memset(xenhost_guest_page(5, 0), i, 4096);
        assert_int_equal(xenhost_domain_resume(5), 0);
    }
    __atomic_store_n(&done, true, __ATOMIC_RELAXED);
    for ( i = 0; i < THREADS; i++ )
    {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    put_domain(d);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_binding),
        TEST(test_locks),
        TEST(test_destroy_race),
        TEST(test_suspend),
        TEST(test_suspend_within),
        TEST(test_suspend_race),
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
