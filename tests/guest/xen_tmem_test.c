/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen_tmem_test.c - the module for Linux guests, in a mock of Linux
 *
 * What no guest can be brought to do on demand: a vCPU that goes between
 * compressor and zpool, reclaim that meets a lost page, a frame that Xen does
 * not take. What it does in a real guest is shown by tests/boot/swap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include "mock_kernel.h"
#include <cmocka.h>

unsigned int mock_warnings, mock_preempt_count, mock_reads_preemptible;
unsigned int mock_alerts;
int mock_random;
bool mock_no_memory;
struct syscore_ops *mock_syscore;
struct notifier_block *mock_pm;
struct acomp_alg *mock_compressor;
struct zpool_driver *mock_zpool;
struct delayed_work *mock_work;
char mock_stats[1024], mock_message[512];
struct task_struct *current;

/* The module, less what it includes of Linux. */
#include "xen-tmem.inc"

#include "mock_xen.h"

/* ---- what zswap does ----------------------------------------------------- */

static struct task_struct user = { .mm = &user, .syscall = -1, .comm = "user" };

/* As if it had never been loaded before. */
static int load(void)
{
    pool_id = -1;
    witness_stored = hibernating = no_vectors = false;
    pools_lost = 0;

    return mock_init();
}

static int setup(void **state)
{
    (void)state;
    mock_xen_reset();
    memset(&tmem_stats, 0, sizeof(tmem_stats));
    mock_alerts = mock_reads_preemptible = 0;
    user = (struct task_struct){ .mm = &user, .syscall = -1, .comm = "user" };
    current = &user;
    mock_warnings = 0;

    return load();
}

static int teardown(void **state)
{
    (void)state;
    mock_exit();
    assert_int_equal(mock_warnings, 0);
    assert_int_equal(nr_stored(), 0);
    assert_true(pending_list.next == &pending_list);
    assert_int_equal(mock_preempt_count + pending_lock + bounce_lock +
                     gather_lock + pool_lock, 0);
    assert_null(mock_work);
    assert_int_equal(mock_reads_preemptible, 0);
    assert_null(mock_syscore);
    assert_null(mock_pm);

    return 0;
}

static struct crypto_acomp *context(void)
{
    struct crypto_acomp *acomp = malloc(sizeof(*acomp));

    acomp->ctx = calloc(1, mock_compressor->base.cra_ctxsize);
    assert_int_equal(mock_compressor->init(acomp), 0);

    return acomp;
}

static void context_free(struct crypto_acomp *acomp)
{
    mock_compressor->exit(acomp);
    free(acomp->ctx);
    free(acomp);
}

static int compress(struct crypto_acomp *acomp, struct page *page,
                    unsigned long *token)
{
    struct scatterlist in = { .page = page, .length = PAGE_SIZE };
    struct scatterlist out = { .buf = token, .length = 2 * PAGE_SIZE };
    struct acomp_req req = {
        .acomp = acomp, .src = &in, .dst = &out, .slen = PAGE_SIZE,
        .dlen = PAGE_SIZE,
    };

    return mock_compressor->compress(&req);
}

static int decompress(struct crypto_acomp *acomp, unsigned long handle,
                      struct page *page)
{
    struct scatterlist in = {
        .buf = mock_zpool->map(NULL, handle, ZPOOL_MM_RW), .length = 8,
    };
    struct scatterlist out = { .page = page, .length = PAGE_SIZE };
    struct acomp_req req = {
        .acomp = acomp, .src = &in, .dst = &out, .slen = 8, .dlen = PAGE_SIZE,
    };

    return mock_compressor->decompress(&req);
}

/* Compress and malloc: the handle. */
static unsigned long store(struct crypto_acomp *acomp, struct page *page)
{
    unsigned long token, handle;

    assert_int_equal(compress(acomp, page, &token), 0);
    assert_int_equal(mock_zpool->malloc(NULL, sizeof(token), 0, &handle), 0);
    *(unsigned long *)mock_zpool->map(NULL, handle, ZPOOL_MM_RW) = token;

    return handle;
}

static void fill(struct page *page, int byte)
{
    page->poisoned = false;
    memset(page->data, byte, PAGE_SIZE);
}

/* ---- tests --------------------------------------------------------------- */

static void test_comes_back(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle;

    (void)state;
    fill(&page, 1);
    handle = store(acomp, &page);
    fill(&page, 2);
    assert_int_equal(decompress(acomp, handle, &page), 0);
    assert_int_equal(page.data[0], 1);
    mock_zpool->free(NULL, handle);
    assert_int_equal(nr_stored(), 0);
    context_free(acomp);
}

/* ---- pages are given up several at a time -------------------------------- */

#define MANY 40

/* Store many pages and give them up: how many calls that took. */
static unsigned int give_up_many(struct crypto_acomp *acomp)
{
    static struct page page;
    unsigned long handle[MANY];
    unsigned int i, before;

    for ( i = 0; i < MANY; i++ )
        handle[i] = store(acomp, &page);
    assert_int_equal(nr_stored(), MANY);
    before = calls;
    for ( i = 0; i < MANY; i++ )
        mock_zpool->free(NULL, handle[i]);
    assert_int_equal(nr_stored(), 0);
    assert_int_equal(atomic_long_read(&stored_pages), 0);

    return calls - before;
}

static void test_gathered(void **state)
{
    struct crypto_acomp *acomp = context();

    (void)state;
    vectors = 0;
    assert_int_equal(give_up_many(acomp), 3);
    assert_int_equal(vectors, 3);
    assert_int_equal(tmem_stats[FLUSHES], MANY);
    context_free(acomp);
}

/* Other hypervisors: asked once, and again after the guest has moved. */
static void test_no_vectors(void **state)
{
    struct crypto_acomp *acomp = context();

    (void)state;
    old_xen = true;
    assert_int_equal(give_up_many(acomp), MANY + 1);
    assert_int_equal(give_up_many(acomp), MANY);
    assert_int_equal(tmem_stats[FLUSHES], 2 * MANY);
    assert_int_equal(tmem_stats[FLUSHES_FAILED], 0);
    mock_syscore->resume();
    old_xen = false;
    assert_int_equal(give_up_many(acomp), 3);
    context_free(acomp);
}

/* What waits to be flushed gives its room to the next put. */
static void test_gathered_make_room(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle = store(acomp, &page), token;

    (void)state;
    mock_zpool->free(NULL, handle);
    no_room = 1;
    handle = store(acomp, &page);
    assert_int_equal(tmem_stats[PUTS_REFUSED], 0);
    no_room = 2;
    assert_int_equal(compress(acomp, &page, &token), -ENOSPC);
    assert_int_equal(no_room, 1);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* It is not counted as stored where that is looked at. */
static void test_gathered_are_gone(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    struct seq_file *m = NULL;

    (void)state;
    mock_zpool->free(NULL, store(acomp, &page));
    mock_stats[0] = 0;
    mock_stats_show(m, NULL);
    assert_non_null(strstr(mock_stats, "pages 0\n"));

    mock_zpool->free(NULL, store(acomp, &page));
    assert_int_equal(mock_pm->notifier_call(mock_pm, PM_HIBERNATION_PREPARE,
                                            NULL), 0);
    mock_pm->notifier_call(mock_pm, PM_POST_HIBERNATION, NULL);
    time_passes();

    /* All of a vector may be refused. */
    mock_zpool->free(NULL, store(acomp, &page));
    no_tmem = -ENODEV;
    time_passes();
    no_tmem = 0;
    assert_int_equal(tmem_stats[FLUSHES_FAILED], 1);
    assert_int_equal(nr_stored(), 1);
    assert_int_equal(atomic_long_read(&stored_pages), 0);
    stored[MAX_STORED - 2].used = false;
    context_free(acomp);
}

/* A suspend between the two would leave us with another guest's frame. */
static void test_not_preempted(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle = store(acomp, &page);

    (void)state;
    assert_int_equal(decompress(acomp, handle, &page), 0);
    mock_zpool->free(NULL, handle);
    assert_int_equal(lookups_preemptible, 0);
    assert_int_equal(calls_preemptible, 0);
    context_free(acomp);
}

/* The vCPU's context goes between compress and malloc. */
static void test_context_goes(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long token, handle;

    (void)state;
    fill(&page, 3);
    assert_int_equal(compress(acomp, &page, &token), 0);
    context_free(acomp);
    assert_int_equal(mock_zpool->malloc(NULL, sizeof(token), 0, &handle), 0);
    assert_int_equal(handle, token);
    assert_int_equal(tmem_stats[WRONG_COMPRESSOR], 0);
    assert_int_equal(nr_strays(), 0);

    acomp = context();
    fill(&page, 4);
    assert_int_equal(decompress(acomp, handle, &page), 0);
    assert_int_equal(page.data[0], 3);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* malloc never comes, and then the context goes or not: one stray for each. */
static void test_wrong_zpool(void **state)
{
    static struct page page;
    struct crypto_acomp *stays = context(), *goes = context();
    unsigned long token, handle;

    (void)state;
    assert_int_equal(compress(stays, &page, &token), 0);
    assert_int_equal(compress(stays, &page, &token), -EINVAL);
    assert_int_equal(compress(goes, &page, &token), 0);
    context_free(goes);
    assert_int_equal(nr_strays(), 2);
    mock_stats[0] = 0;
    assert_int_equal(mock_stats_show(NULL, NULL), 0);
    assert_non_null(strstr(mock_stats, "strays 2\n"));
    assert_int_equal(nr_stored(), 2);
    context_free(stays);

    /* What is a stray is nobody's handle. */
    assert_int_equal(mock_zpool->malloc(NULL, 9, 0, &handle), -ENOSPC);
    assert_int_equal(tmem_stats[WRONG_COMPRESSOR], 1);
}

static void test_stray_is_no_handle(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long token, handle;

    (void)state;
    assert_int_equal(compress(acomp, &page, &token), 0);
    assert_int_equal(compress(acomp, &page, &token), -EINVAL);
    assert_int_equal(mock_zpool->malloc(NULL, sizeof(token), 0, &handle),
                     -ENOSPC);
    context_free(acomp);
}

/* -EFAULT is about the frame: the page is there, and arrives. */
static void test_bad_frame(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle;

    (void)state;
    fill(&page, 5);
    handle = store(acomp, &page);
    fill(&page, 6);
    bad_frame = &page;
    assert_int_equal(decompress(acomp, handle, &page), 0);
    assert_int_equal(page.data[0], 5);
    assert_false(page.poisoned);
    assert_int_equal(user.killed, 0);
    assert_int_equal(tmem_stats[GETS_LOST], 0);
    assert_int_equal(tmem_stats[GETS_BOUNCED], 1);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* A page is lost: what happens to it and to the calling task. */
static void lose(int ret, bool marked)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle = store(acomp, &page);

    memset(stored, 0, sizeof(stored));
    fill(&page, 7);
    assert_int_equal(decompress(acomp, handle, &page), ret);
    assert_int_equal(page.data[0], LOST_PAGE_BYTE);
    assert_int_equal(page.poisoned, marked);
    assert_int_equal(user.killed, marked);
    assert_int_equal(tmem_stats[GETS_LOST], 1);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

static void test_lost_in_a_fault(void **state)
{
    (void)state;
    lose(0, true);
}

/* Whose page that is, nobody knows: it must not look as if it were read. */
static void test_lost_in_reclaim(void **state)
{
    (void)state;
    user.flags = PF_MEMALLOC;
    lose(-EIO, false);
}

static void test_lost_in_a_thread(void **state)
{
    (void)state;
    user.flags = PF_KTHREAD;
    lose(-EIO, false);
}

static void test_lost_in_a_system_call(void **state)
{
    (void)state;
    user.syscall = 0;
    lose(-EIO, false);
}

static void test_no_memory(void **state)
{
    struct crypto_acomp acomp = {
        .ctx = calloc(1, mock_compressor->base.cra_ctxsize),
    };
    unsigned long token;
    static struct page page;
    struct crypto_acomp *good = context();

    (void)state;
    mock_no_memory = true;
    assert_int_equal(mock_compressor->init(&acomp), -ENOMEM);
    assert_int_equal(compress(good, &page, &token), -ENOMEM);
    mock_no_memory = false;
    context_free(good);
    free(acomp.ctx);
}

/* ---- suspend and hibernation --------------------------------------------- */

/* A page is stored, and what it is filled with. */
static unsigned long store_byte(struct crypto_acomp *acomp, int byte)
{
    static struct page page;

    fill(&page, byte);

    return store(acomp, &page);
}

/* It comes back, or it is lost: never anything else. */
static void check_byte(struct crypto_acomp *acomp, unsigned long handle,
                       int byte)
{
    static struct page page;
    unsigned int lost = tmem_stats[GETS_LOST];

    fill(&page, ~byte);
    assert_int_equal(decompress(acomp, handle, &page), 0);
    assert_int_equal(page.data[0], byte);
    assert_int_equal(page.data[PAGE_SIZE - 1], byte);
    assert_int_equal(tmem_stats[GETS_LOST], lost);
}

static void check_lost(struct crypto_acomp *acomp, unsigned long handle)
{
    static struct page page;
    unsigned int lost = tmem_stats[GETS_LOST], killed = user.killed;

    fill(&page, 1);
    assert_int_equal(decompress(acomp, handle, &page), 0);
    assert_int_equal(page.data[0], LOST_PAGE_BYTE);
    assert_true(page.poisoned);
    assert_int_equal(tmem_stats[GETS_LOST], lost + 1);
    assert_int_equal(user.killed, killed + 1);
}

/* Resumed, with what there is now: the id of the pool then. */
static int resumed(void)
{
    mock_message[0] = 0;
    mock_syscore->resume();

    return pool_id;
}

static void test_pool_comes_along(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 9);
    unsigned int i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_int_equal(resumed(), 0);
        assert_string_equal(mock_message, "");
        check_byte(acomp, handle, 9);
    }
    assert_int_equal(pools_lost, 0);
    assert_int_equal(pools[1], NO_POOL);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* Without its pool: told once; another is used; what was in the old is lost. */
static void test_pool_gone(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long old[2] = { store_byte(acomp, 1), store_byte(acomp, 2) }, new;

    (void)state;
    drop_pages(0);
    pools[0] = NO_POOL;
    assert_int_equal(resumed(), 0);
    assert_int_equal(pools[0], PERSISTENT);
    assert_int_equal(pools_lost, 1);
    assert_int_equal(mock_alerts, 1);

    new = store_byte(acomp, 3);
    check_lost(acomp, old[0]);
    check_lost(acomp, old[1]);
    assert_int_equal(mock_alerts, 1);
    mock_zpool->free(NULL, old[0]);
    check_byte(acomp, new, 3);
    assert_int_equal(resumed(), 0);
    assert_int_equal(pools_lost, 1);
    check_byte(acomp, new, 3);
    mock_zpool->free(NULL, new);
    mock_zpool->free(NULL, old[1]);
    context_free(acomp);
}

/* It has come back without its pages only, or as an ephemeral one. */
static void test_pool_empty(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 4);

    (void)state;
    drop_pages(0);
    assert_int_equal(resumed(), 1);
    assert_int_equal(mock_alerts, 1);
    check_lost(acomp, handle);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

static void test_pool_ephemeral(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 5), new;

    (void)state;
    pools[0] = EPHEMERAL;
    resumed();
    assert_int_equal(pools[pool_id], PERSISTENT);
    assert_int_equal(pools_lost, 1);
    new = store_byte(acomp, 6);
    check_lost(acomp, handle);
    check_byte(acomp, new, 6);
    check_byte(acomp, new, 6);
    /* The one that is no good does not stay behind. */
    assert_int_equal(pools[0] + pools[1], PERSISTENT);
    mock_zpool->free(NULL, handle);
    mock_zpool->free(NULL, new);
    context_free(acomp);
}

/* Under the id is another's, with the same keys: left alone, never read. */
static void test_pool_of_another(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 7), new;
    unsigned int i, theirs = 0;

    (void)state;
    for (i = 0; i < MAX_STORED; i++)
        if (stored[i].used) {
            memset(stored[i].data, 0x77, PAGE_SIZE);
            theirs++;
        }
    assert_int_equal(theirs, 2);
    assert_int_equal(resumed(), 1);
    assert_int_equal(pools[0], PERSISTENT);
    check_lost(acomp, handle);
    new = store_byte(acomp, 8);
    check_byte(acomp, new, 8);
    mock_zpool->free(NULL, handle);
    mock_zpool->free(NULL, new);
    for (i = 0; i < MAX_STORED; i++)
        if (stored[i].used && stored[i].pool == 0)
            theirs--;
    assert_int_equal(theirs, 0);
    drop_pages(0);
    context_free(acomp);
}

/* A host without tmem, and then one with it. */
static void test_no_tmem_there(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 1), token;

    (void)state;
    drop_pages(0);
    pools[0] = NO_POOL;
    no_tmem = -ENOSYS;
    assert_int_equal(resumed(), -1);
    assert_non_null(strstr(mock_message, "built without tmem"));
    assert_int_equal(compress(acomp, &page, &token), -ENOSPC);
    check_lost(acomp, handle);
    mock_zpool->free(NULL, handle);
    assert_int_equal(resumed(), -1);

    no_tmem = 0;
    assert_int_equal(resumed(), 0);
    handle = store_byte(acomp, 2);
    check_byte(acomp, handle, 2);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* Nothing has been stored yet: nothing is lost, and pools do not pile up. */
static void test_nothing_stored(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle;

    (void)state;
    assert_int_equal(resumed(), 0);
    assert_int_equal(resumed(), 0);
    assert_int_equal(pools_lost, 0);
    assert_int_equal(pools[1], NO_POOL);
    pools[0] = EPHEMERAL;
    resumed();
    assert_int_equal(pools[pool_id], PERSISTENT);
    assert_int_equal(mock_alerts, 0);
    handle = store_byte(acomp, 3);
    check_byte(acomp, handle, 3);
    check_byte(acomp, handle, 3);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* No page is stored before the witness is. */
static void test_no_room_for_the_witness(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long token, handle;

    (void)state;
    no_room = 1;
    assert_int_equal(compress(acomp, &page, &token), -ENOSPC);
    assert_int_equal(resumed(), 0);
    handle = store_byte(acomp, 4);
    no_room = 1;
    assert_int_equal(compress(acomp, &page, &token), -ENOSPC);
    assert_int_equal(resumed(), 0);
    check_byte(acomp, handle, 4);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* What hits the witness alone costs no other page. */
static void test_witness_damaged(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 5);

    (void)state;
    memory_error = true;
    assert_int_equal(resumed(), 0);
    memory_error = false;
    check_byte(acomp, handle, 5);
    bad_frame = witness_page;
    assert_int_equal(resumed(), 0);
    bad_frame = NULL;
    check_byte(acomp, handle, 5);
    assert_int_equal(resumed(), 0);
    assert_int_equal(pools_lost, 0);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

static int pm(unsigned long event)
{
    mock_message[0] = 0;

    return mock_pm->notifier_call(mock_pm, event, NULL);
}

static void test_no_hibernation_with_pages(void **state)
{
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 6);

    (void)state;
    assert_int_equal(pm(PM_HIBERNATION_PREPARE), -EBUSY);
    assert_non_null(strstr(mock_message, "swapoff"));
    /* Nobody says that it is over: it has not begun. */
    mock_zpool->free(NULL, handle);
    handle = store_byte(acomp, 7);
    check_byte(acomp, handle, 7);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* To make room for its image the kernel swaps out: not to here. */
static void test_hibernation(void **state)
{
    static struct page page;
    struct crypto_acomp *acomp = context();
    unsigned long handle = store_byte(acomp, 8), token;

    (void)state;
    mock_zpool->free(NULL, handle);
    assert_int_equal(pm(PM_HIBERNATION_PREPARE), 0);
    assert_int_equal(compress(acomp, &page, &token), -ENOSPC);
    assert_int_equal(nr_stored(), 0);

    /* In another domain. */
    drop_pages(0);
    pools[0] = NO_POOL;
    assert_int_equal(resumed(), 0);
    assert_int_equal(mock_alerts, 0);
    assert_int_equal(compress(acomp, &page, &token), -ENOSPC);
    assert_int_equal(pm(PM_POST_HIBERNATION), 0);
    handle = store_byte(acomp, 9);
    check_byte(acomp, handle, 9);
    mock_zpool->free(NULL, handle);
    context_free(acomp);
}

/* No pool, no module; nothing stays registered. */
static void test_no_pool(void **state)
{
    (void)state;
    mock_exit();
    assert_int_equal(pools[0], NO_POOL);
    no_tmem = -ENODEV;
    assert_int_equal(load(), -ENODEV);
    assert_null(mock_syscore);
    assert_null(mock_pm);
    no_tmem = 0;
    mock_no_memory = true;
    assert_int_equal(load(), -ENOMEM);
    mock_no_memory = false;
    assert_int_equal(load(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_comes_back),
        TEST(test_gathered),
        TEST(test_no_vectors),
        TEST(test_gathered_make_room),
        TEST(test_gathered_are_gone),
        TEST(test_not_preempted),
        TEST(test_context_goes),
        TEST(test_wrong_zpool),
        TEST(test_stray_is_no_handle),
        TEST(test_bad_frame),
        TEST(test_lost_in_a_fault),
        TEST(test_lost_in_reclaim),
        TEST(test_lost_in_a_thread),
        TEST(test_lost_in_a_system_call),
        TEST(test_no_memory),
        TEST(test_pool_comes_along),
        TEST(test_pool_gone),
        TEST(test_pool_empty),
        TEST(test_pool_ephemeral),
        TEST(test_pool_of_another),
        TEST(test_no_tmem_there),
        TEST(test_nothing_stored),
        TEST(test_no_room_for_the_witness),
        TEST(test_witness_damaged),
        TEST(test_no_hibernation_with_pages),
        TEST(test_hibernation),
        TEST(test_no_pool),
    };

    return cmocka_run_group_tests_name("xen_tmem", tests, NULL, NULL);
}
