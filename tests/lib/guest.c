/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - requests as guests and the toolstack issue them
 *
 * No state; each thread works on the guest frame of its own CPU.
 */
#include <errno.h>
#include <string.h>

#include <xenhost_test.h>

#include "guest.h"
#include "machine.h"
#include "page.h"

uint64_t handle_tag(const struct handle *h, uint32_t version)
{
    return (uint64_t)h->dom << 56 ^ (uint64_t)(h->pool & 0xf) << 52 ^
           (h->obj & 0xff) << 44 ^ (uint64_t)(h->index & 0xfff) << 32 ^
           version;
}

struct tmem_op guest_request(uint32_t cmd, const struct handle *h,
                             xen_pfn_t frame)
{
    struct tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.pool_id = h->pool;
    op.u.gen.oid.oid[0] = h->obj;
    op.u.gen.oid.oid[1] = ~h->obj;
    op.u.gen.oid.oid[2] = h->obj << 32;
    op.u.gen.index = h->index;
    op.u.gen.cmfn = frame;

    return op;
}

long guest_op(uint32_t cmd, struct handle h, xen_pfn_t frame)
{
    struct tmem_op op = guest_request(cmd, &h, frame);

    return xenhost_tmem_op(h.dom, &op);
}

struct tmem_vec_entry guest_entry(uint32_t cmd, struct handle h,
                                  xen_pfn_t frame)
{
    struct tmem_op op = guest_request(cmd, &h, frame);

    return (struct tmem_vec_entry){
        .cmd = cmd, .pool_id = op.pool_id, .oid = op.u.gen.oid,
        .index = op.u.gen.index, .cmfn = frame, .result = GUEST_NO_RESULT,
    };
}

long guest_vector(domid_t dom, struct tmem_vec_entry *entries, uint32_t nr)
{
    struct tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEM_VECTOR;
    op.u.vec.entries = (uintptr_t)entries;
    op.u.vec.nr = nr;

    return xenhost_tmem_op(dom, &op);
}

long guest_new_pool(domid_t dom, uint32_t flags)
{
    struct tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEM_NEW_POOL;
    op.u.creat.flags = flags;

    return xenhost_tmem_op(dom, &op);
}

long guest_destroy_pool(domid_t dom, int pool)
{
    return guest_op(TMEM_DESTROY_POOL, HANDLE(dom, pool, 0, 0), 0);
}

long guest_put(struct handle h, uint32_t version)
{
    xen_pfn_t frame = machine_cpu();
    void *page = xenhost_guest_page(h.dom, frame);

    if ( !page )
        return -ESRCH;

    page_fill(page, handle_tag(&h, version));

    return guest_op(TMEM_PUT_PAGE, h, frame);
}

long guest_put_failing(struct handle h, uint32_t version, unsigned long n,
                       bool from_then_on)
{
    long ret;

    xenhost_fault(XENHOST_FAULT_ALLOC, n, from_then_on);
    ret = guest_put(h, version);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);

    return ret;
}

long guest_get(struct handle h, uint32_t version)
{
    /* A tag that no handle has: a get must write the whole page, or nothing. */
    uint64_t untouched = ~0ULL;
    xen_pfn_t frame = machine_cpu();
    void *page = xenhost_guest_page(h.dom, frame);
    long ret;

    if ( !page )
        return -ESRCH;

    page_fill(page, untouched);
    ret = guest_op(TMEM_GET_PAGE, h, frame);

    if ( page_check(page, ret == 1 ? handle_tag(&h, version) : untouched) >= 0 )
        return GUEST_WRONG_DATA;

    return ret;
}

long guest_flush(struct handle h)
{
    return guest_op(TMEM_FLUSH_PAGE, h, 0);
}

long guest_flush_object(struct handle h)
{
    return guest_op(TMEM_FLUSH_OBJECT, h, 0);
}

long control(uint32_t cmd, uint32_t cli_id)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = cli_id;

    return xenhost_tmem_control(0, &op);
}

long guest_tot_pages(domid_t dom)
{
    struct xenhost_domain_info info;

    return xenhost_domain_info(dom, &info) ? -1 : (long)info.tot_pages;
}

unsigned long guest_put_range(struct handle h, unsigned long count,
                              uint32_t version)
{
    unsigned long i;

    for ( i = 0; i < count; i++, h.index++ )
        if ( guest_put(h, version) != 1 )
            break;

    return i;
}

long guest_get_range(struct handle h, unsigned long count, uint32_t version)
{
    unsigned long i;
    long found = 0;

    for ( i = 0; i < count; i++, h.index++ )
    {
        long ret = guest_get(h, version);

        if ( ret == GUEST_WRONG_DATA )
            return ret;
        found += ret == 1;
    }

    return found;
}
