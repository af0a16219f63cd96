/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heap.c - the domheap: a buddy allocator, as Xen's behaves
 *
 * Free chunks of 2^order frames hang in lists by zone and order. A frame's
 * zone is the width of its number in bits, so that an address limit is a
 * limit on zones. Clean chunks are at the head of their list, those with
 * frames to scrub at its tail; a frame knows by PGC_need_scrub whether its
 * contents are somebody's. Whoever does not say MEMF_no_scrub gets zeroes.
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
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)0)
#endif

#define NR_ZONES (BITS_PER_LONG - PAGE_SHIFT + 1)
#define HUGE_PAGE (2UL << 20)
#define RELINQUISH_TRIES 8

struct page_info *frame_table;
unsigned char *xenhost_memory;
unsigned long max_page, total_pages;
nodemask_t node_online_map = { { 1 } };
bool relinquish_enabled;
unsigned long leaks_seen;
bool leak_check;

static struct host_lock heap_lock;
static struct page_list_head heap[NR_ZONES][MAX_ORDER + 1];
static unsigned int heap_orders[NR_ZONES];  /* bit: list is not empty */
static unsigned long zone_avail[NR_ZONES];
static unsigned long total_avail_pages, outstanding_claims, offlined_pages;
static void *mapping;
static size_t mapping_size;

static unsigned int page_to_zone(const struct page_info *pg)
{
    return flsl(page_to_pdx(pg));
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
    unsigned int zone = page_to_zone(pg);

    PFN_ORDER(pg) = order;
    pg->u.free.dirty = dirty;
    if ( dirty )
        page_list_add_tail(pg, &heap[zone][order]);
    else
        page_list_add(pg, &heap[zone][order]);
    heap_orders[zone] |= 1U << order;
}

static void chunk_del(struct page_info *pg, unsigned int order)
{
    unsigned int zone = page_to_zone(pg);

    page_list_del(pg, &heap[zone][order]);
    if ( page_list_empty(&heap[zone][order]) )
        heap_orders[zone] &= ~(1U << order);
}

/* Frames that were free at the start of the merge become one chunk more. */
static void chunk_free(struct page_info *pg, unsigned int order, bool dirty)
{
    unsigned int zone = page_to_zone(pg);

    zone_avail[zone] += 1UL << order;
    total_avail_pages += 1UL << order;
    for ( ; order < MAX_ORDER; order++ )
    {
        unsigned long buddy = page_to_pdx(pg) ^ (1UL << order);
        struct page_info *b = frame_table + buddy;

        if ( !buddy || buddy >= max_page || page_to_zone(b) != zone ||
             !page_state_is(b, free) || PFN_ORDER(b) != order )
            break;
        chunk_del(b, order);
        dirty |= b->u.free.dirty;
        if ( b < pg )
            pg = b;
    }
    chunk_add(pg, order, dirty);
}

static struct page_info *chunk_find(unsigned int zone_hi, unsigned int order,
                                    bool dirty_ok)
{
    unsigned int zone, orders, o;
    struct page_info *pg;

    for ( zone = zone_hi; zone; zone-- )
    {
        orders = heap_orders[zone] & (~0U << order);
        for ( ; orders; orders &= orders - 1 )
        {
            o = find_first_set_bit(orders);
            pg = page_list_first(&heap[zone][o]);
            if ( dirty_ok || !pg->u.free.dirty )
                return pg;
        }
    }

    return NULL;
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

    return outstanding_claims &&
           request <= minus(total_avail_pages + tmem_freeable_pages(),
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

static struct page_info *alloc_heap_pages(unsigned int zone_hi,
                                          unsigned int order,
                                          unsigned int memflags,
                                          const struct domain *d)
{
    struct page_info *pg = NULL;
    unsigned int o, zone;
    unsigned long i;
    bool dirty;

    host_lock(&heap_lock);
    if ( claims_allow(1UL << order, memflags, d) )
    {
        pg = chunk_find(zone_hi, order, memflags & MEMF_no_scrub);
        if ( !pg && !(memflags & MEMF_no_scrub) )
            pg = chunk_find(zone_hi, order, true);
    }
    if ( !pg )
    {
        host_unlock(&heap_lock);
        return NULL;
    }

    o = PFN_ORDER(pg);
    dirty = pg->u.free.dirty;
    chunk_del(pg, o);
    /* Give the lower halves back. What was dirty may be in either half. */
    while ( o > order )
    {
        o--;
        chunk_add(pg, o, dirty);
        pg += 1UL << o;
    }

    zone = page_to_zone(pg);
    zone_avail[zone] -= 1UL << order;
    total_avail_pages -= 1UL << order;
    for ( i = 0; i < 1UL << order; i++ )
    {
        BUG_ON((pg[i].count_info & ~PGC_need_scrub) != PGC_state_free);
        __atomic_store_n(&pg[i].count_info,
                         PGC_state_inuse | (pg[i].count_info & PGC_need_scrub),
                         __ATOMIC_RELAXED);
        pg[i].u.inuse.type_info = 0;
        page_set_owner(&pg[i], (struct domain *)NULL);
    }
    host_unlock(&heap_lock);
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

static struct page_info *alloc_or_relinquish(struct domain *d,
                                             unsigned int order,
                                             unsigned int memflags)
{
    unsigned int bits = memflags >> _MEMF_bits, tries;
    unsigned int zone_hi = bits_to_zone(bits);
    struct page_info *pg = alloc_heap_pages(zone_hi, order, memflags, d);

    if ( likely(pg) || (memflags & MEMF_tmem) ||
         system_state != SYS_STATE_active ||
         !__atomic_load_n(&relinquish_enabled, __ATOMIC_RELAXED) )
        return pg;

    for ( tries = 0; !pg && tries < RELINQUISH_TRIES; tries++ )
    {
        if ( !tmem_relinquish_pages(bits, MEMF_get_node(memflags), order,
                                    memflags) )
            break;
        pg = alloc_heap_pages(zone_hi, order, memflags, d);
    }

    return pg;
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
    pg = alloc_or_relinquish(d, order, memflags);
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
    free_heap_pages(pg, order, true);
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
    unsigned int hi = bits_to_zone(max_width), zone;
    unsigned long n = 0;

    host_lock(&heap_lock);
    for ( zone = lo; zone <= hi; zone++ )
        n += zone_avail[zone];
    host_unlock(&heap_lock);

    return n;
}

unsigned long avail_domheap_pages(void)
{
    return avail_domheap_pages_region(NUMA_NO_NODE, 0, 0);
}

unsigned long avail_node_heap_pages(unsigned int node)
{
    return node ? 0 : avail_domheap_pages();
}

unsigned long xenhost_frames_offline(unsigned long n)
{
    unsigned long mfn, done = 0;

    host_lock(&heap_lock);
    for ( mfn = 1; mfn < max_page && done < n; mfn++ )
    {
        struct page_info *pg = frame_table + mfn;
        unsigned long old = PGC_state_inuse;

        /* Nobody's: no owner, no reference, not the Xen heap's. */
        if ( __atomic_compare_exchange_n(&pg->count_info, &old,
                                         PGC_state_offlining, false,
                                         __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED) )
            done++;
    }
    host_unlock(&heap_lock);

    return done;
}

int heap_start(unsigned long pages)
{
    unsigned long mfn;
    unsigned int zone, order;
    size_t size, align;

    max_page = pages + 1;
    total_pages = pages;
    mapping_size = ROUNDUP((max_page << PAGE_SHIFT) + HUGE_PAGE, HUGE_PAGE);
    mapping = mmap(NULL, mapping_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if ( mapping == MAP_FAILED )
        return -ENOMEM;
    xenhost_memory = (unsigned char *)ROUNDUP((unsigned long)mapping,
                                              HUGE_PAGE);
    (void)madvise(mapping, mapping_size, MADV_HUGEPAGE);

    /* Superpages, as Xen's frame table has, where they would be filled. */
    size = max_page * sizeof(*frame_table);
    align = size < HUGE_PAGE ? PAGE_SIZE : HUGE_PAGE;
    size = ROUNDUP(size, align);
    frame_table = aligned_alloc(align, size);
    if ( frame_table )
    {
        (void)madvise(frame_table, size, MADV_HUGEPAGE);
        memset(frame_table, 0, size);
    }
    if ( !frame_table )
    {
        munmap(mapping, mapping_size);
        return -ENOMEM;
    }

    for ( zone = 0; zone < NR_ZONES; zone++ )
        for ( order = 0; order <= MAX_ORDER; order++ )
            INIT_PAGE_LIST_HEAD(&heap[zone][order]);
    memset(heap_orders, 0, sizeof(heap_orders));
    memset(zone_avail, 0, sizeof(zone_avail));
    total_avail_pages = outstanding_claims = offlined_pages = 0;
    leaks_seen = 0;
#ifdef NDEBUG
    leak_check = false;
#else
    leak_check = true;
#endif

    for ( mfn = 1; mfn < max_page; mfn++ )
        frame_table[mfn].count_info = PGC_state_free;
    ASAN_POISON_MEMORY_REGION(mapping, mapping_size);
    /* The largest aligned chunks: high frames are handed out first. */
    for ( mfn = 1; mfn < max_page; mfn += 1UL << order )
    {
        order = find_first_set_bit(mfn);
        if ( order > MAX_ORDER )
            order = MAX_ORDER;
        while ( mfn + (1UL << order) > max_page )
            order--;
        zone = flsl(mfn);
        zone_avail[zone] += 1UL << order;
        total_avail_pages += 1UL << order;
        chunk_add(frame_table + mfn, order, false);
    }

    return 0;
}

void heap_stop(void)
{
    ASAN_UNPOISON_MEMORY_REGION(mapping, mapping_size);
    munmap(mapping, mapping_size);
    free(frame_table);
    frame_table = NULL;
    xenhost_memory = NULL;
    max_page = total_pages = 0;
}

int xenhost_prefault(void)
{
    unsigned long mfn;

    if ( !host_enter() )
        return -EINVAL;
    host_lock(&heap_lock);
    for ( mfn = 1; mfn < max_page; mfn++ )
    {
        volatile unsigned char *p = mfn_to_virt(mfn);

        if ( !page_state_is(frame_table + mfn, free) )
            continue;
        ASAN_UNPOISON_MEMORY_REGION((void *)p, PAGE_SIZE);
        *p = *p;
        ASAN_POISON_MEMORY_REGION((void *)p, PAGE_SIZE);
    }
    host_unlock(&heap_lock);
    host_leave();

    return 0;
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
