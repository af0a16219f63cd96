/* SPDX-License-Identifier: GPL-2.0-only */
/* world.c - a hypervisor that does as it is told: see world.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct world w;

uint32_t world_record_size(const uint8_t *p)
{
    struct tmem_rec rec;

    memcpy(&rec, p, sizeof(rec));
    return sizeof(rec) + rec.length;
}

/* Whole records from p on, at least one, of at most max bytes. */
static uint32_t some_records(const uint8_t *p, uint32_t left, uint32_t max)
{
    uint32_t n = 0, most = 1 + rng_below(&w.rng, w.most);

    while ( n < left && most-- && n + world_record_size(p + n) <= max )
        n += world_record_size(p + n);
    return n;
}

static int source_next(struct xen_sysctl_tmem_op *op)
{
    uint32_t n;

    assert_int_equal(op->oid.oid[0], TOKEN);
    assert_true(op->len >= PAGE_REC);
    if ( w.next )
        return w.next;
    if ( !w.begun )
    {
        w.begun = true;
        w.at = 0;
        w.stage = op->arg;
        w.stages = w.stages * 10 + op->arg + 1;
    }
    assert_int_equal(op->arg, w.stage);
    n = op->arg == TMEM_SAVE_HEAD ? world_record_size(w.records) - w.at
        : some_records(w.records + w.at, w.len - w.at, op->len);
    if ( n )
        memcpy(op->buf.p, w.records + w.at, n);
    w.at += n;
    w.begun = n != 0;
    return n;
}

static int target_put(struct xen_sysctl_tmem_op *op)
{
    const uint8_t *p = op->buf.p;
    uint32_t n = 0, most = 1 + rng_below(&w.rng, w.most);

    w.put_calls++;
    while ( n < op->len && most-- )
    {
        if ( w.taken + 1 == w.fail_at )
            return n ? (int)n : w.put;
        w.taken++;
        n += world_record_size(p + n);
    }
    assert_true(n <= op->len);
    return n;
}

static bool of_host(const struct xen_sysctl_tmem_op *op)
{
    return op->cmd == TMEMC_QUERY_RESERVE || op->cmd == TMEMC_FLUSH;
}

static int control(void *arg, struct xen_sysctl_tmem_op *op)
{
    assert_ptr_equal(arg, &w);
    assert_int_equal(op->cli_id, of_host(op) ? TMEM_CLI_ID_ALL : DOM);
    assert_int_equal(op->pad, 0);
    if ( w.nr_calls < CALLS_MAX )
        w.calls[w.nr_calls++] = op->cmd;

    switch ( op->cmd )
    {
    case TMEMC_SAVE_BEGIN:
        assert_int_equal(op->arg, 0);
        return w.begin;
    case TMEMC_SAVE_GET_NEXT:
        return source_next(op);
    case TMEMC_SAVE_END:
        assert_int_equal(op->oid.oid[0], TOKEN);
        return w.end;
    case TMEMC_RESTORE_BEGIN:
        return w.begin;
    case TMEMC_RESTORE_PUT_PAGE:
        return target_put(op);
    case TMEMC_RESTORE_END:
        return w.end;
    case TMEMC_QUERY_RESERVE:
        return w.reserve;
    case TMEMC_FLUSH:
        w.flushed = op->arg;
        return -EACCES;
    case TMEMC_SAVE_GET_POOL_NPAGES:
        return op->pool_id == 3 ? (int)w.npages : -ENOENT;
    default:
        fail_msg("operation %u", op->cmd);
        return -ENOSYS;
    }
}

static int write_body(void *arg, const void *body, uint32_t len)
{
    assert_ptr_equal(arg, &w);
    assert_true(len > HEADER && len <= TMEM_STREAM_MAX);
    w.stream = realloc(w.stream, w.size + len);
    memcpy(w.stream + w.size, body, len);
    w.size += len;
    assert_true(w.bodies < BODIES_MAX);
    w.lens[w.bodies++] = len;
    return w.write;
}

static int look(void *arg, struct tmem_stream_host *host)
{
    assert_ptr_equal(arg, &w);
    *host = w.host;
    return w.look;
}

static int set_max(void *arg, uint64_t memkb)
{
    assert_ptr_equal(arg, &w);
    w.max[w.nr_max++] = memkb;
    return 0;
}

void world_add(uint16_t kind, uint16_t pool, const void *payload,
               uint32_t size, uint32_t length)
{
    struct tmem_rec rec = { .kind = kind, .pool_id = pool, .length = length };

    w.records = realloc(w.records, w.len + sizeof(rec) + length);
    memcpy(w.records + w.len, &rec, sizeof(rec));
    memset(w.records + w.len + sizeof(rec), 0xa5, length);
    if ( size )
        memcpy(w.records + w.len + sizeof(rec), payload, size);
    w.len += sizeof(rec) + length;
}

void world_add_client(uint64_t nr_pages)
{
    struct tmem_rec_client client = { .version = TMEM_REC_VERSION,
                                      .nr_pages = nr_pages };

    world_add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
}

void world_add_pages(uint32_t nr)
{
    struct tmem_rec_page page = { .oid = { { 0x12, 0x34, 0x56 } } };

    for ( page.index = 0; page.index < nr; page.index++ )
        world_add(TMEM_REC_PAGE, 3, &page, sizeof(page), PAGE_REC - 8);
}

void world_restore(uint64_t old_memkb)
{
    w.restore = (struct tmem_stream_restore){
        .control = control, .look = look, .set_max = set_max, .arg = &w,
        .domid = DOM, .host_memkb = 1 << 20, .old_memkb = old_memkb
    };
}

int world_setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.begin = TOKEN;
    w.most = 100;
    w.rng.state = 1;
    w.save = (struct tmem_stream_save){
        .control = control, .write = write_body, .arg = &w, .domid = DOM,
        .buf = malloc(TMEM_STREAM_MAX)
    };
    world_restore(1000);
    w.host.free = UINT64_MAX >> 8;
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    free(w.save.buf);
    free(w.records);
    free(w.stream);
    return 0;
}

/* The source's records as one body, of exactly its size: a overread shows. */
int world_take(const struct tmem_stream_header *header, uint32_t len)
{
    uint8_t *body = malloc(HEADER + w.len);
    int rc;

    memcpy(body, header, HEADER);
    if ( w.len )
        memcpy(body + HEADER, w.records, w.len);
    body = realloc(body, len);
    rc = tmem_stream_record(&w.restore, body, len);
    free(body);
    return rc;
}

const struct tmem_stream_header world_good = {
    .version = 1, .max_memkb = MAX_KB
};
