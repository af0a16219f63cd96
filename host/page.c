/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page.c - references and types of frames, and guests' physical maps
 *
 * A frame that a domain owns has a count of general references (the owner's
 * allocation is one), and a count of references as a certain type, of which
 * writable is the only one here that comes and goes. A reference can be had
 * only while the count is not 0, and only by naming the owner.
 *
 * A physical map is an array of words that are read without a lock. A frame
 * that is looked up is referenced and then looked up again, so that a frame
 * which was revoked meanwhile is not used.
 */
#include "host.h"

bool get_page(struct page_info *pg, const struct domain *d)
{
    unsigned long old = read_atomic(&pg->count_info);

    /* Not free, not about to overflow. */
    do {
        if ( unlikely(!((old + 1) & PGC_count_mask & ~1UL)) ||
             unlikely((old & PGC_state) == PGC_state_free) )
            return false;
    } while ( !__atomic_compare_exchange_n(&pg->count_info, &old, old + 1,
                                           true, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED) );

    if ( likely(page_get_owner(pg) == d) )
        return true;
    put_page(pg);

    return false;
}

void put_page(struct page_info *pg)
{
    xenhost_assert_unlocked("put_page()");
    ASSERT(read_atomic(&pg->count_info) & PGC_count_mask);
    if ( unlikely(!(__atomic_sub_fetch(&pg->count_info, 1, __ATOMIC_ACQ_REL) &
                    PGC_count_mask)) )
        free_domheap_page(pg);
}

void put_page_alloc_ref(struct page_info *pg)
{
    if ( __atomic_fetch_and(&pg->count_info, ~PGC_allocated,
                            __ATOMIC_ACQ_REL) & PGC_allocated )
        put_page(pg);
}

int get_page_type(struct page_info *pg, unsigned long type)
{
    unsigned long old = read_atomic(&pg->u.inuse.type_info), new;

    do {
        if ( (old & PGT_count_mask) && (old & PGT_type_mask) != type )
            return 0;
        new = old + 1;
        if ( !(old & PGT_count_mask) )
            new = type | PGT_validated | 1;
    } while ( !__atomic_compare_exchange_n(&pg->u.inuse.type_info, &old, new,
                                           true, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED) );

    return 1;
}

void put_page_type(struct page_info *pg)
{
    ASSERT(read_atomic(&pg->u.inuse.type_info) & PGT_count_mask);
    (void)__atomic_fetch_sub(&pg->u.inuse.type_info, 1, __ATOMIC_RELEASE);
}

/* What Xen's read lock of a physical map costs. Here nobody writes. */
static DEFINE_PER_CPU(const struct p2m_domain *, p2m_reading);

static void p2m_read_lock(const struct p2m_domain *p2m)
{
    __atomic_store_n(&this_cpu(p2m_reading), p2m, __ATOMIC_SEQ_CST);
}

static void p2m_read_unlock(void)
{
    __atomic_store_n(&this_cpu(p2m_reading), NULL, __ATOMIC_RELEASE);
}

static struct page_info *translate(struct domain *d, unsigned long gfn,
                                   p2m_type_t *t)
{
    const struct p2m_domain *p2m = p2m_get_hostp2m(d);
    struct page_info *pg;
    unsigned long entry;
    unsigned int spins = 0;

    for ( ; ; relax(&spins) )
    {
        if ( unlikely(gfn >= p2m->nr) )
            entry = p2m_invalid;
        else
            entry = __atomic_load_n(&p2m->entries[gfn], __ATOMIC_ACQUIRE);
        *t = entry & 0xff;
        if ( unlikely(*t == p2m_invalid || *t == p2m_mmio_direct) )
            return NULL;

        pg = frame_table + (entry >> 8);
        if ( unlikely(!get_page(pg, d)) )
            return NULL;
        if ( likely(__atomic_load_n(&p2m->entries[gfn],
                                    __ATOMIC_RELAXED) == entry) )
            return pg;
        put_page(pg);
    }
}

struct page_info *get_page_from_gfn(struct domain *d, unsigned long gfn,
                                    p2m_type_t *t, p2m_query_t q)
{
    struct page_info *pg;

    if ( paging_mode_translate(d) )
    {
        p2m_read_lock(p2m_get_hostp2m(d));
        pg = translate(d, gfn, t);
        p2m_read_unlock();
        return pg;
    }

    *t = p2m_ram_rw;
    if ( gfn - 1 >= max_page - 1 )
        return NULL;
    pg = mfn_to_page(_mfn(gfn));

    return get_page(pg, d) ? pg : NULL;
}

int check_get_page_from_gfn(struct domain *d, gfn_t gfn, bool readonly,
                            p2m_type_t *p2mt_p, struct page_info **page_p)
{
    xenhost_assert_unlocked("lookup of a gfn");
    if ( unlikely(__atomic_load_n(&frame_fn, __ATOMIC_RELAXED)) )
        frame_hook();
    if ( unlikely(xenhost_fault_hit(XENHOST_FAULT_FRAME)) )
        return -EINVAL;

    *page_p = get_page_from_gfn(d, gfn_x(gfn), p2mt_p,
                                readonly ? P2M_ALLOC : P2M_UNSHARE);
    if ( likely(*page_p) )
        return 0;

    return *p2mt_p == p2m_mmio_direct ? -EPERM : -EINVAL;
}

void xenhost_mark_dirty(struct domain *d, mfn_t mfn)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned long gfn, entry;

    /* Slow, but this is only for frames in log-dirty mode. */
    for ( gfn = 0; gfn < p2m->nr; gfn++ )
    {
        entry = __atomic_load_n(&p2m->entries[gfn], __ATOMIC_RELAXED);
        if ( entry >> 8 == mfn_x(mfn) )
            __atomic_store_n(&p2m->dirty[gfn], 1, __ATOMIC_RELAXED);
    }
}

bool xenhost_frame_dirty(domid_t domid, xen_pfn_t gfn)
{
    struct domain *d;
    bool dirty = false;

    if ( !host_enter() )
        return false;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( d && gfn < p2m_get_hostp2m(d)->nr )
        dirty = __atomic_load_n(&p2m_get_hostp2m(d)->dirty[gfn],
                                __ATOMIC_RELAXED);
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return dirty;
}

static const p2m_type_t kind_type[] = {
    [XENHOST_FRAME_RAM]       = p2m_ram_rw,
    [XENHOST_FRAME_NONE]      = p2m_invalid,
    [XENHOST_FRAME_RO]        = p2m_ram_ro,
    [XENHOST_FRAME_LOGDIRTY]  = p2m_ram_logdirty,
    [XENHOST_FRAME_FOREIGN]   = p2m_map_foreign,
    [XENHOST_FRAME_MMIO]      = p2m_mmio_direct,
    [XENHOST_FRAME_PAGETABLE] = p2m_ram_rw,
};

/* Give a frame a type that is not writable, or take that away again. */
static void set_pagetable(struct page_info *pg, bool on)
{
    const unsigned long table = PGT_l1_page_table | PGT_validated | 1;
    unsigned long old = read_atomic(&pg->u.inuse.type_info);
    unsigned int spins = 0;

    if ( !on )
    {
        if ( old == table )
            write_atomic(&pg->u.inuse.type_info, 0UL);
        return;
    }
    if ( old == table )
        return;
    /* Hypercalls that write to it now are soon done. */
    do {
        relax(&spins);
        old = read_atomic(&pg->u.inuse.type_info);
    } while ( (old & PGT_count_mask) ||
              !__atomic_compare_exchange_n(&pg->u.inuse.type_info, &old,
                                           table, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED) );
}

int xenhost_frame_set(domid_t domid, xen_pfn_t gfn, enum xenhost_frame kind)
{
    struct p2m_domain *p2m;
    struct domain *d;
    unsigned long entry;
    int rc = -EINVAL;

    if ( kind >= ARRAY_SIZE(kind_type) || !host_enter() )
        return -EINVAL;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    p2m = d ? p2m_get_hostp2m(d) : NULL;
    if ( d && !d->is_dying && paging_mode_translate(d) && gfn < p2m->nr )
    {
        entry = __atomic_load_n(&p2m->entries[gfn], __ATOMIC_RELAXED);
        set_pagetable(frame_table + (entry >> 8),
                      kind == XENHOST_FRAME_PAGETABLE);
        if ( kind == XENHOST_FRAME_LOGDIRTY )
        {
            __atomic_store_n(&p2m->dirty[gfn], 0, __ATOMIC_RELAXED);
            (void)__atomic_fetch_add(&p2m->logdirty, 1, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&p2m->entries[gfn],
                         (entry & ~0xffUL) | kind_type[kind],
                         __ATOMIC_RELEASE);
        rc = 0;
    }
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return rc;
}

/* The number of a guest's n-th frame, or 0. */
static unsigned long nth_frame(domid_t domid, unsigned long n, bool *pv)
{
    const struct p2m_domain *p2m;
    const struct domain *d;
    unsigned long mfn = 0;

    if ( !host_enter() )
        return 0;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    p2m = d ? p2m_get_hostp2m(d) : NULL;
    if ( d && !d->is_dying && n < p2m->nr )
    {
        mfn = __atomic_load_n(&p2m->entries[n], __ATOMIC_RELAXED) >> 8;
        *pv = d->arch.pv;
    }
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return mfn;
}

void *xenhost_guest_page(domid_t domid, unsigned long n)
{
    bool pv;
    unsigned long mfn = nth_frame(domid, n, &pv);

    return mfn ? mfn_to_virt(mfn) : NULL;
}

xen_pfn_t xenhost_guest_gfn(domid_t domid, unsigned long n)
{
    bool pv = false;
    unsigned long mfn = nth_frame(domid, n, &pv);

    return pv ? mfn : n;
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
