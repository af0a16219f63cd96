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

unsigned int mock_warnings, mock_preempt_count;
bool mock_no_memory;
struct acomp_alg *mock_compressor;
struct zpool_driver *mock_zpool;
char mock_stats[1024], mock_message[512];
struct task_struct *current;

/* The module, less what it includes of Linux. */
#include "xen-tmem.inc"

/* ---- a mock of the hypervisor -------------------------------------------- */

#define MAX_STORED 64
static struct {
    bool used;
    u64 oid;
    u32 index;
    unsigned char data[PAGE_SIZE];
} stored[MAX_STORED];
static struct page *bad_frame;     /* -EFAULT */
static unsigned int lookups_preemptible, calls_preemptible;

xen_pfn_t xen_page_to_gfn(struct page *page)
{
    lookups_preemptible += !mock_preempt_count;

    return (unsigned long)page;
}

int mock_hypercall(void *arg)
{
    struct tmem_request *req = arg;
    struct page *page = (void *)(unsigned long)req->u.gen.frame;
    unsigned int i, found = MAX_STORED, free = MAX_STORED;

    if (req->cmd == TMEM_NEW_POOL || req->cmd == TMEM_DESTROY_POOL)
        return req->cmd == TMEM_NEW_POOL ? 0 : 1;

    calls_preemptible += !mock_preempt_count;
    for (i = 0; i < MAX_STORED; i++) {
        if (!stored[i].used)
            free = i;
        else if (stored[i].oid == req->u.gen.oid[0] &&
                 stored[i].index == req->u.gen.index)
            found = i;
    }

    switch (req->cmd) {
    case TMEM_PUT_PAGE:
        if (found == MAX_STORED)
            found = free;
        assert_int_not_equal(found, MAX_STORED);
        stored[found].used = true;
        stored[found].oid = req->u.gen.oid[0];
        stored[found].index = req->u.gen.index;
        memcpy(stored[found].data, page->data, PAGE_SIZE);
        return 1;

    case TMEM_GET_PAGE:
        if (found == MAX_STORED)
            return 0;
        if (page == bad_frame)
            return -EFAULT;
        memcpy(page->data, stored[found].data, PAGE_SIZE);
        return 1;

    case TMEM_FLUSH_PAGE:
        if (found != MAX_STORED)
            stored[found].used = false;
        return 1;
    }

    return -ENOSYS;
}

static unsigned int nr_stored(void)
{
    unsigned int i, nr = 0;

    for (i = 0; i < MAX_STORED; i++)
        nr += stored[i].used;

    return nr;
}

/* ---- what zswap does ----------------------------------------------------- */

static struct task_struct user = { .mm = &user, .syscall = -1, .comm = "user" };

static int setup(void **state)
{
    (void)state;
    memset(stored, 0, sizeof(stored));
    memset(&tmem_stats, 0, sizeof(tmem_stats));
    bad_frame = NULL;
    user = (struct task_struct){ .mm = &user, .syscall = -1, .comm = "user" };
    current = &user;
    lookups_preemptible = calls_preemptible = mock_warnings = 0;

    return mock_init();
}

static int teardown(void **state)
{
    (void)state;
    mock_exit();
    assert_int_equal(mock_warnings, 0);
    assert_int_equal(nr_stored(), 0);
    assert_true(pending_list.next == &pending_list);
    assert_int_equal(mock_preempt_count + pending_lock + bounce_lock, 0);

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_comes_back),
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
    };

    return cmocka_run_group_tests_name("xen_tmem", tests, NULL, NULL);
}
