/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mock_xen.h - a mock of the hypervisor, for the tests of the Linux modules
 *
 * Included once, behind the module's code: a few pools and pages, and what is to go
 * wrong with them.
 */
#ifndef MOCK_XEN_H
#define MOCK_XEN_H

#define MAX_STORED 64
#define MAX_POOLS 4
static struct {
    bool used;
    int pool;
    u64 oid;
    u32 index;
    unsigned char data[PAGE_SIZE];
} stored[MAX_STORED];
static enum pool_type { NO_POOL, PERSISTENT, EPHEMERAL } pools[MAX_POOLS];
static struct page *bad_frame;     /* -EFAULT */
static int no_tmem;                /* what is answered, if not 0 */
static bool old_xen;               /* which has no vectors */
static unsigned int calls, vectors;
static unsigned int no_room;       /* how many new pages are refused */
static bool memory_error;          /* in every page */
static unsigned int lookups_preemptible, calls_preemptible;

xen_pfn_t xen_page_to_gfn(struct page *page)
{
    lookups_preemptible += !mock_preempt_count;

    return (unsigned long)page;
}

static void drop_pages(int pool)
{
    unsigned int i;

    for ( i = 0; i < MAX_STORED; i++ )
        if ( stored[i].pool == pool )
            stored[i].used = false;
}

static int pool_op(const struct tmem_request *req)
{
    int id;

    if ( req->cmd == TMEM_DESTROY_POOL )
    {
        assert_in_range(req->pool_id, 0, MAX_POOLS - 1);
        drop_pages(req->pool_id);
        pools[req->pool_id] = NO_POOL;
        return 1;
    }

    for ( id = 0; id < MAX_POOLS; id++ )
        if ( pools[id] == NO_POOL )
        {
            pools[id] = PERSISTENT;
            return id;
        }

    return -EPERM;
}

static int page_op(const struct tmem_request *req)
{
    struct page *page = (void *)(unsigned long)req->u.gen.frame;
    unsigned int i, found = MAX_STORED, free = MAX_STORED;

    calls_preemptible += !mock_preempt_count;
    if ( req->pool_id < 0 || pools[req->pool_id] == NO_POOL )
        return -ENODEV;
    for (i = 0; i < MAX_STORED; i++) {
        if (!stored[i].used)
            free = i;
        else if (stored[i].oid == req->u.gen.oid[0] &&
                 stored[i].pool == req->pool_id &&
                 stored[i].index == req->u.gen.index)
            found = i;
    }

    switch (req->cmd) {
    case TMEM_PUT_PAGE:
        if (found == MAX_STORED && no_room) {
            no_room--;
            return -ENOMEM;
        }
        if (found == MAX_STORED)
            found = free;
        assert_int_not_equal(found, MAX_STORED);
        stored[found].used = true;
        stored[found].pool = req->pool_id;
        stored[found].oid = req->u.gen.oid[0];
        stored[found].index = req->u.gen.index;
        memcpy(stored[found].data, page->data, PAGE_SIZE);
        return 1;

    case TMEM_GET_PAGE:
        if (found == MAX_STORED)
            return 0;
        if (memory_error)
            return -EIO;
        if (page == bad_frame)
            return -EFAULT;
        memcpy(page->data, stored[found].data, PAGE_SIZE);
        stored[found].used = pools[req->pool_id] == PERSISTENT;
        return 1;

    case TMEM_FLUSH_PAGE:
        if (found != MAX_STORED)
            stored[found].used = false;
        return 1;
    }

    return -ENOSYS;
}

static int vector_op(struct tmem_request *req)
{
    struct tmem_vec_entry *e = (void *)(unsigned long)req->u.vec.entries;
    unsigned int i;

    if ( old_xen )
        return -ENOSYS;
    assert_in_range(req->u.vec.nr, 1, 64);
    assert_int_equal(req->pool_id | req->u.vec.done | req->u.vec.flags, 0);
    for ( i = 0; i < req->u.vec.nr; i++ )
    {
        struct tmem_request one = {
            .cmd = e[i].cmd, .pool_id = e[i].pool_id,
            .u.gen = { .oid = { e[i].oid[0], e[i].oid[1], e[i].oid[2] },
                       .index = e[i].index, .frame = e[i].frame },
        };

        e[i].result = page_op(&one);
    }

    return i;
}

int mock_hypercall(void *arg)
{
    struct tmem_request *req = arg;

    calls++;
    vectors += req->cmd == TMEM_VECTOR;
    if ( no_tmem )
        return no_tmem;
    if ( req->cmd == TMEM_VECTOR )
        return vector_op(req);
    if ( req->cmd == TMEM_NEW_POOL || req->cmd == TMEM_DESTROY_POOL )
        return pool_op(req);

    return page_op(req);
}

/* As it is with nothing in it, and nothing wrong. */
static void mock_xen_reset(void)
{
    memset(stored, 0, sizeof(stored));
    memset(pools, 0, sizeof(pools));
    bad_frame = NULL;
    no_tmem = 0;
    no_room = 0;
    memory_error = old_xen = false;
    lookups_preemptible = calls_preemptible = 0;
}

static void time_passes(void)
{
    struct delayed_work *work = mock_work;

    mock_work = NULL;
    if ( work )
        work->fn(NULL);
}

/* Without the witness, which is there as soon as a page has been. */
static unsigned int nr_stored(void)
{
    unsigned int i, nr = 0;

    time_passes();

    for (i = 0; i < MAX_STORED; i++)
        nr += stored[i].used && stored[i].oid != witness_key.oid;

    return nr;
}

#endif /* MOCK_XEN_H */
