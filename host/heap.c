/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heap.c - the domheap: a buddy allocator, as Xen's behaves
 *
 * Free chunks of 2^order frames hang in lists by node, zone and order. A
 * frame's zone is the width of its number in bits, so that an address limit is
 * a limit on zones; chunks of two nodes or zones never merge. Clean chunks are
 * at the head of their list, those with frames to scrub at its tail; a frame
 * knows by PGC_need_scrub whether its contents are somebody's. Whoever does not
 * say MEMF_no_scrub gets zeroes.
 *
 * All zones of one node are tried before the next node: first the one that
 * is asked for, or the one after that of the domain's last frame, or the CPU's;
 * then the domain's, then others. With MEMF_exact_node those asked for are all.
 * Where there are several nodes, zones below 4 GiB come last, after all nodes.
 *
 * Claims: memory that is free or that tmem could give back, less what is
 * promised to domains that are being built, is what others may take. Both
 * differences saturate, as claims may exceed what is free.
 *
 * Low memory: when an allocation fails, and is not tmem's own, tmem is asked
 * for frames and the allocation is tried again, a bounded number of times.
 *
 * Locking: heap_lock guards the lists, the counts and count_info of free
 * frames. It is a leaf but for tmem_freeable_pages(), which takes no lock.
 */
#include "host.h"

#define NR_ZONES (BITS_PER_LONG - PAGE_SHIFT + 1)
#define RELINQUISH_TRIES 8

bool relinquish_enabled;
unsigned long frames_looked;
unsigned int dma_bits;
unsigned long leaks_seen;
bool leak_check;

struct host_lock heap_lock;
static struct page_list_head heap[MAX_NUMNODES][NR_ZONES][MAX_ORDER + 1];
/* Bit: list is not empty. */
static unsigned int heap_orders[MAX_NUMNODES][NR_ZONES];
static unsigned long zone_avail[MAX_NUMNODES][NR_ZONES];
static unsigned long total_avail_pages, outstanding_claims, offlined_pages;

static unsigned int page_to_zone(const struct page_info *pg)
{
    return flsl(page_to_pdx(pg));
}

static unsigned int page_to_node(const struct page_info *pg)
{
    return phys_to_nid(page_to_maddr(pg));
}

/* The highest zone whose frames all end below 2^bits bytes. */
static unsigned int bits_to_zone(unsigned int bits)
{
    if ( !bits || bits >= NR_ZONES - 1 + PAGE_SHIFT )
        return NR_ZONES - 1;

    return bits > PAGE_SHIFT ? bits - PAGE_SHIFT : 0;
}

static void chunk_add(struct page_info *pg, unsigned int order, bool dirty)
{
    unsigned int node = page_to_node(pg), zone = page_to_zone(pg);

    PFN_ORDER(pg) = order;
    pg->u.free.dirty = dirty;
    if ( dirty )
        page_list_add_tail(pg, &heap[node][zone][order]);
    else
        page_list_add(pg, &heap[node][zone][order]);
    heap_orders[node][zone] |= 1U << order;
}

static void chunk_del(struct page_info *pg, unsigned int order)
{
    unsigned int node = page_to_node(pg), zone = page_to_zone(pg);

    page_list_del(pg, &heap[node][zone][order]);
    if ( page_list_empty(&heap[node][zone][order]) )
        heap_orders[node][zone] &= ~(1U << order);
}

static void count_avail(const struct page_info *pg, long nr)
{
    zone_avail[page_to_node(pg)][page_to_zone(pg)] += nr;
    total_avail_pages += nr;
}

/* Frames that were free at the start of the merge become one chunk more. */
static void chunk_free(struct page_info *pg, unsigned int order, bool dirty)
{
    unsigned int node = page_to_node(pg), zone = page_to_zone(pg);

    count_avail(pg, 1L << order);
    for ( ; order < MAX_ORDER; order++ )
    {
        unsigned long buddy = page_to_pdx(pg) ^ (1UL << order);
        struct page_info *b = frame_table + buddy;

        if ( !buddy || buddy >= max_page || page_to_zone(b) != zone ||
             !page_state_is(b, free) || PFN_ORDER(b) != order ||
             page_to_node(b) != node )
            break;
        chunk_del(b, order);
        dirty |= b->u.free.dirty;
        if ( b < pg )
            pg = b;
    }
    chunk_add(pg, order, dirty);
}

/* What kind of chunk somebody wants. */
struct wanted {
    unsigned int zone_lo, zone_hi, order;
    bool dirty_ok;
};

static struct page_info *find_in_node(const struct wanted *w,
                                      unsigned int node)
{
    unsigned int zone, orders, o;
    struct page_info *pg;

    for ( zone = w->zone_hi; zone >= w->zone_lo; zone-- )
    {
        orders = heap_orders[node][zone] & (~0U << w->order);
        for ( ; orders; orders &= orders - 1 )
        {
            o = find_first_set_bit(orders);
            pg = page_list_first(&heap[node][zone][o]);
            if ( w->dirty_ok || !pg->u.free.dirty )
                return pg;
        }
    }

    return NULL;
}

/* In the nodes of a set, in turn from the one after that node. */
static struct page_info *find_in_nodes(const struct wanted *w,
                                       const nodemask_t *nodes, int node)
{
    unsigned int nr = nodes_weight(*nodes);
    struct page_info *pg = NULL;

    while ( !pg && nr-- )
    {
        node = cycle_node(node, *nodes);
        pg = find_in_node(w, node);
    }

    return pg;
}

static struct page_info *chunk_find(const struct wanted *w,
                                    unsigned int memflags,
                                    const struct domain *d)
{
    bool exact = memflags & MEMF_exact_node;
    nodeid_t asked = MEMF_get_node(memflags);
    nodemask_t near = node_online_map, far;
    struct page_info *pg;
    int first = asked;

    if ( d )
        nodes_and(near, near, d->node_affinity);
    if ( asked == NUMA_NO_NODE )
        first = d ? cycle_node(d->last_alloc_node, near)
                  : cpu_to_node(smp_processor_id());
    ASSERT(first < MAX_NUMNODES);
    if ( first >= MAX_NUMNODES )
        return NULL;

    pg = find_in_node(w, first);
    if ( likely(pg) || (exact && asked != NUMA_NO_NODE) )
        return pg;
    if ( !nodemask_test(first, &near) )
        first = MAX_NUMNODES - 1;
    pg = find_in_nodes(w, &near, first);
    if ( pg || exact )
        return pg;
    nodes_andnot(far, node_online_map, near);

    return find_in_nodes(w, &far, MAX_NUMNODES - 1);
}

static unsigned long minus(unsigned long a, unsigned long b)
{
    return a > b ? a - b : 0;
}

/* May this request have memory, for all that is claimed? Heap locked. */
static bool claims_allow(unsigned long request, unsigned int memflags,
                         const struct domain *d)
{
    if ( outstanding_claims + request <= total_avail_pages ||
         (!(memflags & MEMF_no_refcount) && d &&
          d->outstanding_pages >= request) )
        return true;

    return request <= minus(total_avail_pages + tmem_freeable_pages(),
                            outstanding_claims);
}

static void check_clean(struct page_info *pg)
{
    const unsigned long *p = page_to_virt(pg);
    unsigned int i;

    for ( i = 0; i < PAGE_SIZE / sizeof(*p); i++ )
        if ( p[i] )
        {
            (void)__atomic_fetch_add(&leaks_seen, 1, __ATOMIC_RELAXED);
            fprintf(stderr, "heap: frame %#x is handed out unscrubbed\n",
                    page_to_pdx(pg));
            return;
        }
}

void scrub_one_page(struct page_info *pg)
{
    memset(page_to_virt(pg), 0, PAGE_SIZE);
}

/* Make the frames of a chunk usable, after they left the lists. */
static void prepare(struct page_info *pg, unsigned int order,
                    unsigned int memflags)
{
    unsigned long i;
    bool dirty;

    ASAN_UNPOISON_MEMORY_REGION(page_to_virt(pg), PAGE_SIZE << order);
    for ( i = 0; i < 1UL << order; i++ )
    {
        dirty = pg[i].count_info & PGC_need_scrub;
        __atomic_store_n(&pg[i].count_info, PGC_state_inuse,
                         __ATOMIC_RELAXED);
        if ( memflags & MEMF_no_scrub )
            continue;
        if ( dirty )
            scrub_one_page(&pg[i]);
        else if ( leak_check )
            check_clean(&pg[i]);
    }
}

/* Take 2^order frames out of a free chunk, and give it back the rest. */
static struct page_info *chunk_split(struct page_info *pg, unsigned int order)
{
    unsigned int o = PFN_ORDER(pg);
    bool dirty = pg->u.free.dirty;
    unsigned long i;

    chunk_del(pg, o);
    /* Give the lower halves back. What was dirty may be in either half. */
    while ( o > order )
    {
        o--;
        chunk_add(pg, o, dirty);
        pg += 1UL << o;
    }

    count_avail(pg, -(1L << order));
    for ( i = 0; i < 1UL << order; i++ )
    {
        BUG_ON((pg[i].count_info & ~PGC_need_scrub) != PGC_state_free);
        __atomic_store_n(&pg[i].count_info,
                         PGC_state_inuse | (pg[i].count_info & PGC_need_scrub),
                         __ATOMIC_RELAXED);
        pg[i].u.inuse.type_info = 0;
        page_set_owner(&pg[i], (struct domain *)NULL);
    }

    return pg;
}

static struct page_info *alloc_heap_pages(unsigned int zone_lo,
                                          unsigned int zone_hi,
                                          unsigned int order,
                                          unsigned int memflags,
                                          struct domain *d)
{
    struct wanted w = {
        .zone_lo = zone_lo, .zone_hi = zone_hi, .order = order,
        .dirty_ok = memflags & MEMF_no_scrub,
    };
    struct page_info *pg = NULL;

    host_lock(&heap_lock);
    if ( claims_allow(1UL << order, memflags, d) )
    {
        pg = chunk_find(&w, memflags, d);
        if ( !pg && !w.dirty_ok )
        {
            w.dirty_ok = true;
            pg = chunk_find(&w, memflags, d);
        }
    }
    if ( pg )
    {
        pg = chunk_split(pg, order);
        if ( d )
            d->last_alloc_node = page_to_node(pg);
    }
    host_unlock(&heap_lock);
    if ( pg )
        prepare(pg, order, memflags);

    return pg;
}

/* heap_lock is held. */
static void free_locked(struct page_info *pg, unsigned int order,
                        bool need_scrub)
{
    unsigned long i;
    bool offline = false;

    for ( i = 0; i < 1UL << order; i++ )
        offline |= page_state_is(&pg[i], offlining);
    /* One by one: none may merge with one that is not on a list yet. */
    if ( unlikely(offline) && order )
    {
        for ( i = 0; i < 1UL << order; i++ )
            free_locked(&pg[i], 0, need_scrub);
        return;
    }

    for ( i = 0; i < 1UL << order; i++ )
    {
        BUG_ON(page_state_is(&pg[i], free) || page_state_is(&pg[i], offlined));
        page_set_owner(&pg[i], (struct domain *)NULL);
        __atomic_store_n(&pg[i].count_info,
                         (offline ? PGC_state_offlined : PGC_state_free) |
                         (need_scrub ? PGC_need_scrub : 0), __ATOMIC_RELAXED);
        PFN_ORDER(&pg[i]) = 0;
    }
    ASAN_POISON_MEMORY_REGION(page_to_virt(pg), PAGE_SIZE << order);

    if ( likely(!offline) )
        chunk_free(pg, order, need_scrub);
    else
        offlined_pages++;
}

static void free_heap_pages(struct page_info *pg, unsigned int order,
                            bool need_scrub)
{
    host_lock(&heap_lock);
    free_locked(pg, order, need_scrub);
    host_unlock(&heap_lock);
}

void free_domheap_batch(struct page_info *const pg[], unsigned int nr)
{
    unsigned int i;

    host_lock(&heap_lock);
    for ( i = 0; i < nr; i++ )
    {
        ASSERT(!page_get_owner(pg[i]) && !is_xen_heap_page(pg[i]));
        free_locked(pg[i], 0, true);
    }
    host_unlock(&heap_lock);
}

int assign_pages(struct page_info *pg, unsigned int nr, struct domain *d,
                 unsigned int memflags)
{
    unsigned int i;
    int rc = 0;

    spin_lock_recursive(&d->page_alloc_lock);
    if ( !(memflags & MEMF_no_refcount) && !d->is_dying &&
         domain_tot_pages(d) + nr > d->max_pages )
        tmem_unbill_unused(d);
    if ( unlikely(d->is_dying) )
        rc = -EINVAL;
    else if ( memflags & MEMF_no_refcount )
        d->extra_pages += nr;
    else if ( domain_tot_pages(d) + nr > d->max_pages ||
              d->tot_pages + nr < nr )
    {
        gprintk(XENLOG_INFO, "Over-allocation for d%d: %u > %u\n",
                d->domain_id, domain_tot_pages(d) + nr, d->max_pages);
        rc = -E2BIG;
    }

    if ( !rc )
    {
        if ( domain_adjust_tot_pages(d, nr) == nr )
            get_knownalive_domain(d);
        for ( i = 0; i < nr; i++ )
        {
            page_set_owner(&pg[i], d);
            smp_wmb();
            __atomic_store_n(&pg[i].count_info,
                             (pg[i].count_info & PGC_extra) |
                             PGC_allocated | 1, __ATOMIC_RELEASE);
            page_list_add_tail(&pg[i], &d->page_list);
        }
    }
    spin_unlock_recursive(&d->page_alloc_lock);

    return rc;
}

int assign_page(struct page_info *pg, unsigned int order, struct domain *d,
                unsigned int memflags)
{
    return assign_pages(pg, 1U << order, d, memflags);
}

/* As Xen's: alloc_heap_pages(), then alloc_relinquished(). */
static struct page_info *alloc_or_relinquish(
    unsigned int zone_lo, unsigned int zone_hi, unsigned int order,
    unsigned int memflags, struct domain *d)
{
    unsigned int bits = zone_hi < NR_ZONES - 1 ? zone_hi + PAGE_SHIFT : 0;
    struct page_info *pg = alloc_heap_pages(zone_lo, zone_hi, order, memflags,
                                            d);
    nodeid_t node = MEMF_get_node(memflags);
    unsigned int tries, calls;

    if ( likely(pg) || (memflags & MEMF_tmem) ||
         system_state != SYS_STATE_active ||
         !__atomic_load_n(&relinquish_enabled, __ATOMIC_RELAXED) )
        return pg;

    calls = tmem_relinquish_calls(bits, node, order);
    for ( tries = 0; !pg && tries < RELINQUISH_TRIES; tries++ )
    {
        bool allowed;

        /* Where claims are in the way, freeing pages does not help. */
        host_lock(&heap_lock);
        allowed = claims_allow(1UL << order, memflags, d);
        host_unlock(&heap_lock);
        if ( !allowed )
            break;

        if ( tmem_relinquish_pages(bits, node, order,
                                   zone_lo > 1 ? memflags | MEMF_no_dma
                                               : memflags & ~MEMF_no_dma) )
            pg = alloc_heap_pages(zone_lo, zone_hi, order, memflags, d);
        else if ( tries + 1 >= calls )
            break;
    }

    return pg;
}

/* From low zones only when there is nothing else, of tmem's neither. */
static struct page_info *alloc_up_to(unsigned int zone_hi, unsigned int order,
                                     unsigned int memflags, struct domain *d)
{
    unsigned int dma_zone = dma_bits ? bits_to_zone(dma_bits) : zone_hi;
    struct page_info *pg = NULL;

    if ( dma_zone < zone_hi )
        pg = alloc_or_relinquish(dma_zone + 1, zone_hi, order, memflags, d);

    return pg ?: alloc_or_relinquish(1, zone_hi, order, memflags, d);
}

struct page_info *alloc_domheap_pages(struct domain *d, unsigned int order,
                                      unsigned int memflags)
{
    struct page_info *pg;
    unsigned long i;

    if ( !(memflags & MEMF_tmem) )
        xenhost_assert_unlocked("allocation without MEMF_tmem");
    if ( unlikely(xenhost_fault_hit(XENHOST_FAULT_ALLOC)) ||
         unlikely(order > MAX_ORDER) )
        return NULL;

    if ( memflags & MEMF_no_owner )
        memflags |= MEMF_no_refcount;
    pg = alloc_up_to(bits_to_zone(memflags >> _MEMF_bits), order, memflags, d);
    if ( !pg || !d || (memflags & MEMF_no_owner) )
        return pg;

    if ( memflags & MEMF_no_refcount )
        for ( i = 0; i < 1UL << order; i++ )
            pg[i].count_info = PGC_extra;
    if ( assign_page(pg, order, d, memflags) )
    {
        free_heap_pages(pg, order, memflags & MEMF_no_scrub);
        return NULL;
    }

    return pg;
}

void free_domheap_pages(struct page_info *pg, unsigned int order)
{
    struct domain *d = page_get_owner(pg);
    bool drop = false;
    unsigned long i;

    BUG_ON(is_xen_heap_page(pg));
    if ( d )
    {
        spin_lock_recursive(&d->page_alloc_lock);
        for ( i = 0; i < 1UL << order; i++ )
        {
            BUG_ON(pg[i].u.inuse.type_info & PGT_count_mask);
            page_list_del(&pg[i], &d->page_list);
            if ( pg[i].count_info & PGC_extra )
                d->extra_pages--;
        }
        drop = !domain_adjust_tot_pages(d, -(1L << order));
        spin_unlock_recursive(&d->page_alloc_lock);
    }
    free_heap_pages(pg, order, true);
    if ( drop )
        put_domain(d);
}

void *alloc_xenheap_pages(unsigned int order, unsigned int memflags)
{
    struct page_info *pg = alloc_domheap_pages(NULL, order,
                                               memflags | MEMF_no_scrub);
    unsigned long i;

    if ( !pg )
        return NULL;
    for ( i = 0; i < 1UL << order; i++ )
        __atomic_store_n(&pg[i].count_info,
                         pg[i].count_info | PGC_xen_heap, __ATOMIC_RELAXED);

    return page_to_virt(pg);
}

void free_xenheap_pages(void *v, unsigned int order)
{
    struct page_info *pg;
    unsigned long i;

    if ( !v )
        return;
    pg = virt_to_page(v);
    for ( i = 0; i < 1UL << order; i++ )
    {
        BUG_ON(!is_xen_heap_page(&pg[i]));
        __atomic_store_n(&pg[i].count_info,
                         pg[i].count_info & ~PGC_xen_heap, __ATOMIC_RELAXED);
    }
    /* What is freed while Xen starts has long been scrubbed by idle CPUs. */
    if ( system_state < SYS_STATE_active )
        memset(v, 0, PAGE_SIZE << order);
    free_heap_pages(pg, order, system_state >= SYS_STATE_active);
}

/* Called with d->page_alloc_lock held. Returns the new count. */
unsigned long domain_adjust_tot_pages(struct domain *d, long pages)
{
    long claimed;

    xenhost_assert_unlocked("domain_adjust_tot_pages()");
    ASSERT(spin_is_locked(&d->page_alloc_lock));
    BUG_ON(pages < 0 && d->tot_pages < -pages);
    write_atomic(&d->tot_pages, d->tot_pages + pages);

    /* A domain that gets what it claimed has less to claim, and vice versa. */
    if ( !d->outstanding_pages )
        return d->tot_pages;
    host_lock(&heap_lock);
    claimed = min(0L + d->outstanding_pages, pages);
    write_atomic(&d->outstanding_pages, d->outstanding_pages - claimed);
    BUG_ON((long)outstanding_claims < claimed);
    write_atomic(&outstanding_claims, outstanding_claims - claimed);
    host_unlock(&heap_lock);

    return d->tot_pages;
}

int domain_set_outstanding_pages(struct domain *d, unsigned long pages)
{
    unsigned long avail, claim;
    int rc = 0;

    spin_lock(&d->page_alloc_lock);
    host_lock(&heap_lock);
    if ( !pages )
    {
        write_atomic(&outstanding_claims,
                     outstanding_claims - d->outstanding_pages);
        write_atomic(&d->outstanding_pages, 0);
    }
    else if ( d->outstanding_pages || pages <= domain_tot_pages(d) ||
              pages > d->max_pages )
        rc = -EINVAL;
    else
    {
        claim = pages - domain_tot_pages(d);
        avail = minus(total_avail_pages, outstanding_claims);
        if ( claim > avail )
            avail = minus(total_avail_pages + tmem_freeable_pages(),
                          outstanding_claims);
        if ( claim > avail )
            rc = -ENOMEM;
        else
        {
            write_atomic(&d->outstanding_pages, claim);
            write_atomic(&outstanding_claims, outstanding_claims + claim);
        }
    }
    host_unlock(&heap_lock);
    spin_unlock(&d->page_alloc_lock);

    return rc;
}

void get_outstanding_claims(uint64_t *free_pages, uint64_t *outstanding)
{
    host_lock(&heap_lock);
    *outstanding = outstanding_claims;
    *free_pages = total_avail_pages;
    host_unlock(&heap_lock);
}

bool claims_are_open(void)
{
    return read_atomic(&outstanding_claims);
}

unsigned long heap_free_frames(void)
{
    unsigned long n;

    host_lock(&heap_lock);
    n = total_avail_pages;
    host_unlock(&heap_lock);

    return n;
}

unsigned long heap_used_frames(void)
{
    unsigned long n;

    host_lock(&heap_lock);
    n = total_pages - total_avail_pages - offlined_pages;
    host_unlock(&heap_lock);

    return n;
}

unsigned long avail_domheap_pages_region(unsigned int node,
                                         unsigned int min_width,
                                         unsigned int max_width)
{
    unsigned int lo = min_width ? bits_to_zone(min_width) + 1 : 0;
    unsigned int hi = bits_to_zone(max_width), zone, i;
    unsigned long n = 0;

    host_lock(&heap_lock);
    for_each_online_node ( i )
        if ( node == -1U || node == i )
            for ( zone = lo; zone <= hi; zone++ )
                n += zone_avail[i][zone];
    host_unlock(&heap_lock);

    return n;
}

unsigned long avail_domheap_pages(void)
{
    return avail_domheap_pages_region(-1, 0, 0);
}

unsigned long avail_node_heap_pages(unsigned int node)
{
    return avail_domheap_pages_region(node, 0, 0);
}

void heap_start(void)
{
    unsigned int node, zone, order;

    for ( node = 0; node < MAX_NUMNODES; node++ )
        for ( zone = 0; zone < NR_ZONES; zone++ )
            for ( order = 0; order <= MAX_ORDER; order++ )
                INIT_PAGE_LIST_HEAD(&heap[node][zone][order]);
    memset(heap_orders, 0, sizeof(heap_orders));
    memset(zone_avail, 0, sizeof(zone_avail));
    total_avail_pages = outstanding_claims = offlined_pages = 0;
    leaks_seen = 0;
#ifdef NDEBUG
    leak_check = false;
#else
    leak_check = true;
#endif
}

void heap_add(unsigned long mfn, unsigned long end)
{
    unsigned long i;
    unsigned int order;

    host_lock(&heap_lock);
    for ( i = mfn; i < end; i++ )
        frame_table[i].count_info = PGC_state_free;
    /* The largest aligned chunks: high frames are handed out first. */
    for ( ; mfn < end; mfn += 1UL << order )
    {
        order = min_t(unsigned int, find_first_set_bit(mfn), MAX_ORDER);
        while ( mfn + (1UL << order) > end )
            order--;
        count_avail(frame_table + mfn, 1L << order);
        chunk_add(frame_table + mfn, order, false);
    }
    host_unlock(&heap_lock);
}

unsigned long xenhost_frames_looked(void)
{
    return read_atomic(&frames_looked);
}

void xenhost_leak_check(bool on)
{
    leak_check = on;
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
