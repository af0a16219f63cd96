/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dm_model.h - a guest with dm-tmem, as a model
 *
 * A part of dm_tmem_test.c: it is included there, once.
 *
 * A disk of some blocks, frames of a page cache, and requests that are under way
 * for a while: each step submits one, lets the disk do one, or ends one; or it
 * evicts, truncates or changes a page; or the hypervisor evicts pages, fails, or
 * suspends the guest. At each put the disk has these bytes and no write is under
 * way; at each get that finds a page the disk could give the same; and a bit is
 * set for each page that is in the pool.
 */
#ifndef DM_MODEL_H
#define DM_MODEL_H

struct page mock_pages[MOCK_PAGES];
unsigned int mock_warnings, mock_errors;
bool mock_no_memory;
int mock_locks, mock_devices;
struct target_type *mock_target;
struct syscore_ops *mock_syscore;
struct tracepoint mock_point = { "mm_filemap_delete_from_page_cache" };
void (*mock_probe)(void *data, struct folio *folio);
static struct task_struct task;
struct task_struct *current = &task;

/* The module, less what it includes of Linux. */
#include "dm-tmem.inc"

/* Two of them share each bucket. */
#define BLOCKS      16u
#define REAL(n)     ((n) % 8 + (n) / 8 * 1024u)
#define DISK_BLOCKS 2100u
#define MOST        4u          /* pages of a request */
#define REQUESTS    6u
#define POOLS       4
#define STEPS       4000u

static struct block_device disk, above;
static struct gendisk above_disk = { &above, "dm-0" };
static struct file_system_type fs_type = { FS_REQUIRES_DEV };
static struct super_block sb = { 0, "dm-0", &fs_type };
static struct inode inode = { &sb, NULL };
static struct address_space pages_of_fs = { &inode };
static struct dm_dev device = { &disk, "7:0" };
static struct dm_table table = { FMODE_WRITE, &above_disk };
static struct dm_target target;

static struct rng rng;
static u64 on_disk[DISK_BLOCKS], next_version;
static bool evicting;

enum { FREE, BUSY, CLEAN, DIRTY };
static int frame_state[MOCK_PAGES];
static unsigned int frame_block[MOCK_PAGES];

static struct request {
    bool used, done;            /* by the disk */
    struct bio bio;
    struct bio_vec vec[MOST];
    struct page *page[MOST];
    unsigned int first, nr;     /* real blocks */
} requests[REQUESTS];

static unsigned int below(unsigned int n)
{
    return rng_below(&rng, n);
}

static bool one_in(unsigned int n)
{
    return !below(n);
}

/* ---- the hypervisor ------------------------------------------------------ */

static struct {
    bool used;
    int pool;
    unsigned int block;
    u64 data;
} stored[BLOCKS * POOLS * 4];
static bool pools[POOLS];
static unsigned int fail;       /* one call in so many, if not 0 */
static unsigned int good_puts, hits;

static struct request *writes_to(unsigned int block)
{
    unsigned int i;

    for ( i = 0; i < REQUESTS; i++ )
    {
        struct request *r = &requests[i];

        if ( r->used && op_is_write(bio_op(&r->bio)) && r->first <= block &&
             block < r->first + r->nr )
            return r;
    }

    return NULL;
}

static int pool_call(const struct tmem_request *req)
{
    unsigned int i;
    int id;

    if ( req->cmd == TMEM_DESTROY_POOL )
    {
        for ( i = 0; i < ARRAY_SIZE(stored); i++ )
            if ( stored[i].pool == req->pool_id )
                stored[i].used = false;
        i = pools[req->pool_id];
        pools[req->pool_id] = false;
        return i;
    }
    for ( id = 0; id < POOLS; id++ )
        if ( !pools[id] )
        {
            pools[id] = true;
            return id;
        }

    return -EPERM;
}

static void put_is_right(unsigned int block, u64 data)
{
    /* That of resume. */
    if ( block >= DISK_BLOCKS )
        return;
    assert_true(evicting);
    assert_null(writes_to(block));
    assert_int_equal(on_disk[block], data);
    good_puts++;
}

static int page_call(const struct tmem_request *req)
{
    struct page *page = (void *)(unsigned long)req->u.gen.frame;
    unsigned int block = (req->u.gen.oid[0] << 10 | req->u.gen.index) &
                         0xffffffff;
    unsigned int i, found = ARRAY_SIZE(stored), free = found;

    if ( req->pool_id < 0 || !pools[req->pool_id] )
        return -ENODEV;
    for ( i = 0; i < ARRAY_SIZE(stored); i++ )
    {
        if ( !stored[i].used )
            free = i;
        else if ( stored[i].pool == req->pool_id && stored[i].block == block )
            found = i;
    }

    switch ( req->cmd )
    {
    case TMEM_PUT_PAGE:
        put_is_right(block, page->folio.data);
        i = found < ARRAY_SIZE(stored) ? found : free;
        assert_true(i < ARRAY_SIZE(stored));
        stored[i].used = true;
        stored[i].pool = req->pool_id;
        stored[i].block = block;
        stored[i].data = page->folio.data;
        return 1;
    case TMEM_GET_PAGE:
        if ( found == ARRAY_SIZE(stored) )
            return one_in(2) ? 0 : -TMEM_EEMPTY;
        page->folio.data = stored[found].data;
        stored[found].used = false;
        return 1;
    default:
        if ( found < ARRAY_SIZE(stored) )
            stored[found].used = false;
        return one_in(10) ? -TMEM_EFROZEN : 1;
    }
}

int mock_hypercall(void *arg)
{
    static const int errors[] = { ENOMEM, EFAULT, EPERM, ENODEV };
    const struct tmem_request *req = arg;

    if ( fail && one_in(fail) )
        return -errors[below(ARRAY_SIZE(errors))];

    return req->cmd <= TMEM_DESTROY_POOL ? pool_call(req) : page_call(req);
}

/* The target's bits are right about what its pool has. */
static void check_bits(void)
{
    const struct tmem_target *t = target.private;
    unsigned int i;

    assert_int_equal(mock_locks, 0);
    for ( i = 0; i < ARRAY_SIZE(stored); i++ )
        if ( stored[i].used && stored[i].pool == t->pool )
            assert_true(test_bit(stored[i].block, t->may_hold));
}

/* ---- Linux --------------------------------------------------------------- */

int dm_get_device(struct dm_target *ti, const char *path, fmode_t mode,
                  struct dm_dev **dev)
{
    (void)ti;
    (void)mode;
    if ( strcmp(path, "disk") )
        return strcmp(path, "busy") ? -ENOENT : -EBUSY;
    mock_devices++;
    *dev = &device;

    return 0;
}

int uuid_parse(const char *text, uuid_t *uuid)
{
    memset(uuid, 1, sizeof(*uuid));

    return strlen(text) == 36 ? 0 : -EINVAL;
}

static struct folio *folio_of(unsigned int frame)
{
    return &mock_pages[frame].folio;
}

/* A frame that is so, or MOCK_PAGES. */
static unsigned int find_frame(int state)
{
    unsigned int i, at = below(MOCK_PAGES);

    for ( i = 0; i < MOCK_PAGES; i++ )
        if ( frame_state[(at + i) % MOCK_PAGES] == state )
            return (at + i) % MOCK_PAGES;

    return MOCK_PAGES;
}

static struct request *new_request(unsigned int op)
{
    unsigned int i;

    for ( i = 0; i < REQUESTS; i++ )
        if ( !requests[i].used )
        {
            memset(&requests[i], 0, sizeof(requests[i]));
            requests[i].bio.bi_opf = op;
            requests[i].bio.bi_io_vec = requests[i].vec;
            return &requests[i];
        }

    return NULL;
}

static void add_page(struct request *r, unsigned int frame)
{
    r->page[r->nr] = &mock_pages[frame];
    r->vec[r->nr] = (struct bio_vec){ &mock_pages[frame], PAGE_SIZE, 0 };
    frame_state[frame] = BUSY;
    r->nr++;
}

/* What was got, of a request that has just been submitted. */
static void check_got(const struct request *r)
{
    unsigned int from = r->bio.bi_iter.bi_sector / BLOCK_SECTORS, i;
    unsigned int to = from + r->bio.bi_iter.bi_size / PAGE_SIZE;

    for ( i = 0; i < r->nr; i++ )
    {
        unsigned int block = r->first + i;

        if ( !r->bio.ended && block >= from && block < to )
            continue;
        hits++;
        /* Flushed when a write was submitted, and none was put since. */
        assert_null(writes_to(block));
        assert_int_equal(r->page[i]->folio.data, on_disk[block]);
    }
}

static void end_request(struct request *r);

static void submit(struct request *r, unsigned int first, unsigned int nr)
{
    int ret;

    r->first = first;
    r->nr = nr;
    r->bio.bi_iter.bi_sector = first * BLOCK_SECTORS;
    r->bio.bi_iter.bi_size = nr * PAGE_SIZE;
    ret = mock_target->map(&target, &r->bio);
    assert_int_equal(ret == DM_MAPIO_SUBMITTED, r->bio.ended);
    if ( !op_is_write(bio_op(&r->bio)) )
        check_got(r);
    r->used = true;
    if ( r->bio.ended )
        end_request(r);
}

static void submit_read(void)
{
    unsigned int block = below(BLOCKS), nr = 1 + below(MOST), frame, i;
    struct request *r = new_request(REQ_OP_READ);

    if ( !r )
        return;
    for ( i = 0; i < nr && block / 8 == (block + i) / 8; i++ )
    {
        frame = find_frame(FREE);
        if ( frame == MOCK_PAGES )
            break;
        *folio_of(frame) = (struct folio){
            .locked = true, .count = 2, .mapping = &pages_of_fs,
        };
        frame_block[frame] = block + i;
        add_page(r, frame);
    }
    if ( r->nr )
        submit(r, REAL(block), r->nr);
}

/* Writeback; or a user's own page, which may change all the time. */
static void submit_write(bool direct)
{
    unsigned int frame = find_frame(direct ? FREE : DIRTY);
    struct request *r = new_request(REQ_OP_WRITE | (direct ? REQ_IDLE : 0));

    if ( !r || frame == MOCK_PAGES )
        return;
    if ( direct )
    {
        *folio_of(frame) = (struct folio){
            .uptodate = true, .count = 2, .data = ++next_version,
        };
        /* One of this file system, even. */
        if ( one_in(2) )
        {
            folio_of(frame)->mapping = &pages_of_fs;
            folio_of(frame)->writeback = true;
        }
        frame_block[frame] = below(BLOCKS);
    }
    else if ( one_in(4) )
        frame_block[frame] = below(BLOCKS);     /* copy on write */
    folio_of(frame)->dirty = false;
    if ( !direct )
        folio_of(frame)->writeback = true;
    add_page(r, frame);
    submit(r, REAL(frame_block[frame]), 1);
}

static void submit_discard(bool all)
{
    struct request *r = new_request(REQ_OP_DISCARD);
    unsigned int block = below(BLOCKS);

    if ( r && all )
        submit(r, 0, DISK_BLOCKS);
    else if ( r )
        submit(r, REAL(block), 1 + below(8 - block % 8));
}

/* The disk does what is asked of it. */
static void do_request(struct request *r)
{
    unsigned int block, i;
    struct bvec_iter iter;
    struct bio_vec bv;

    r->done = true;
    if ( bio_op(&r->bio) == REQ_OP_DISCARD )
    {
        for ( i = 0; i < r->nr; i++ )
            on_disk[r->first + i] = 0;
        return;
    }
    bio_for_each_segment(bv, &r->bio, iter)
    {
        block = iter.bi_sector / BLOCK_SECTORS;
        if ( op_is_write(bio_op(&r->bio)) )
            on_disk[block] = bv.bv_page->folio.data;
        else
            bv.bv_page->folio.data = on_disk[block];
    }
}

static void end_request(struct request *r)
{
    blk_status_t error = r->bio.ended || r->done ? one_in(50) : 5;
    bool write = op_is_write(bio_op(&r->bio));
    unsigned int i, frame;

    r->bio.bi_iter.bi_size = 0;
    if ( r->bio.ended )
        error = 0;
    /* Of this target there is nothing under way any more, for its disk. */
    mock_target->end_io(&target, &r->bio, &error);
    r->used = false;
    for ( i = 0; i < MOST && r->page[i]; i++ )
    {
        struct folio *folio = &r->page[i]->folio;

        frame = r->page[i] - mock_pages;
        folio->locked = false;
        folio->writeback = false;
        folio->count = 1;
        if ( !write )
            folio->uptodate = !error;
        frame_state[frame] = folio->dirty ? DIRTY : CLEAN;
        /* A user's page may be one of the page cache as well. */
        if ( !folio->mapping || error )
            frame_state[frame] = FREE;
    }
}

static struct request *some_request(void)
{
    unsigned int i, at = below(REQUESTS);

    for ( i = 0; i < REQUESTS; i++ )
        if ( requests[(at + i) % REQUESTS].used )
            return &requests[(at + i) % REQUESTS];

    return NULL;
}

static void go_on(void)
{
    struct request *r = some_request();

    if ( r && !r->done && !one_in(20) )
        do_request(r);
    else if ( r )
        end_request(r);
}

/* A user writes to a page, maybe what was there before; it may be under I/O. */
static void change_page(void)
{
    unsigned int i, frame = below(MOCK_PAGES);
    u64 before = folio_of(frame)->data;
    bool back = one_in(2);

    if ( frame_state[frame] == FREE || folio_of(frame)->locked )
        return;
    folio_of(frame)->data = ++next_version;
    for ( i = 0; back && i < REQUESTS; i++ )
        if ( requests[i].used && requests[i].page[0] == &mock_pages[frame] )
            do_request(&requests[i]);
    if ( back )
        folio_of(frame)->data = before;
    /* Another's page has no one to tell. */
    if ( frame_state[frame] == BUSY && !folio_of(frame)->writeback )
        return;
    folio_of(frame)->dirty = true;
    if ( frame_state[frame] == CLEAN )
        frame_state[frame] = DIRTY;
}

/* A user's page that is written directly changes, and nothing tells. */
static void change_direct(void)
{
    struct request *r = some_request();
    u64 before;

    if ( !r || !(r->bio.bi_opf & REQ_IDLE) || r->done )
        return;
    before = r->page[0]->folio.data;
    r->page[0]->folio.data = ++next_version;
    do_request(r);
    r->page[0]->folio.data = before;
}

/* Clean, and not what the block has: written by way of others, or decrypted. */
static void change_behind(void)
{
    bool write = one_in(2);
    unsigned int frame = find_frame(write ? DIRTY : CLEAN);

    if ( frame == MOCK_PAGES )
        return;
    if ( !write )
        folio_of(frame)->data = ++next_version;
    folio_of(frame)->dirty = false;
    frame_state[frame] = CLEAN;
}

static void leave_cache(bool evict)
{
    unsigned int frame = find_frame(CLEAN);
    struct folio *folio;

    if ( frame == MOCK_PAGES )
        return;
    folio = folio_of(frame);
    folio->poisoned = one_in(50);
    folio->count = evict ? 0 : 2;
    evicting = evict && !folio->poisoned;
    /* Truncation too may be in the course of reclaim. */
    task.flags = one_in(2) ? PF_MEMALLOC : 0;
    mock_probe(NULL, folio);
    evicting = false;
    frame_state[frame] = FREE;
}

/* Requests that are under way stay so; the disk may be another. */
static void suspend(void)
{
    unsigned int i;

    if ( one_in(2) )
        for ( i = 0; i < DISK_BLOCKS; i++ )
            on_disk[i] = ++next_version;
    if ( one_in(2) )
    {
        memset(stored, 0, sizeof(stored));
        memset(pools, 0, sizeof(pools));
    }
    mock_syscore->resume();
}

static void step(void)
{
    unsigned int what = below(1000), i;

    if ( what < 250 )
        submit_read();
    else if ( what < 330 )
        submit_write(false);
    else if ( what < 370 )
        submit_write(true);
    else if ( what < 390 )
        submit_discard(false);
    else if ( what < 392 )
        submit_discard(true);
    else if ( what < 640 )
        go_on();
    else if ( what < 700 )
        change_page();
    else if ( what < 720 )
        change_direct();
    else if ( what < 740 )
        change_behind();
    else if ( what < 950 )
        leave_cache(true);
    else if ( what < 980 )
        leave_cache(false);
    else if ( what < 997 )
    {
        i = below(ARRAY_SIZE(stored));
        stored[i].used = false;
    }
    else if ( what < 998 )
        suspend();
    check_bits();
}

#endif /* DM_MODEL_H */
