/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_MM_H
#define XENHOST_XEN_MM_H

/*
 * Frames: 4 KiB of memory each, all of them mapped at one place here, with
 * a struct page_info of 32 bytes. Frame 0 does not exist.
 */
#include <xen/atomic.h>
#include <xen/bitops.h>
#include <xen/lib.h>
#include <xen/list.h>
#include <xen/mm-frame.h>
#include <xen/numa.h>
#include <xen/page-defs.h>
#include <xen/pfn.h>
#include <xen/spinlock.h>

struct domain;

/* memflags. Bit 2 is tmem's: the allocator must not call tmem back. */
#define _MEMF_no_refcount 0
#define  MEMF_no_refcount (1U << _MEMF_no_refcount)
#define _MEMF_populate_on_demand 1
#define  MEMF_populate_on_demand (1U << _MEMF_populate_on_demand)
#define _MEMF_tmem        2
#define  MEMF_tmem        (1U << _MEMF_tmem)
#define _MEMF_no_dma      3
#define  MEMF_no_dma      (1U << _MEMF_no_dma)
#define _MEMF_exact_node  4
#define  MEMF_exact_node  (1U << _MEMF_exact_node)
#define _MEMF_no_owner    5
#define  MEMF_no_owner    (1U << _MEMF_no_owner)
#define _MEMF_no_tlbflush 6
#define  MEMF_no_tlbflush (1U << _MEMF_no_tlbflush)
#define _MEMF_no_icache_flush 7
#define  MEMF_no_icache_flush (1U << _MEMF_no_icache_flush)
#define _MEMF_no_scrub    8
#define  MEMF_no_scrub    (1U << _MEMF_no_scrub)
#define _MEMF_node        16
#define  MEMF_node_mask   ((1U << (8 * sizeof(nodeid_t))) - 1)
#define  MEMF_node(n)     ((((n) + 1) & MEMF_node_mask) << _MEMF_node)
#define  MEMF_get_node(f) ((((f) >> _MEMF_node) - 1) & MEMF_node_mask)
#define _MEMF_bits        24
#define  MEMF_bits(n)     ((unsigned int)(n) << _MEMF_bits)

#define MAX_ORDER 18

/* page_info.u.inuse.type_info */
#define PG_shift(idx)     (BITS_PER_LONG - (idx))
#define PG_mask(x, idx)   (x ## UL << PG_shift(idx))
#define PGT_none          PG_mask(0, 3)
#define PGT_l1_page_table PG_mask(1, 3)
#define PGT_seg_desc_page PG_mask(5, 3)
#define PGT_shared_page   PG_mask(6, 3)
#define PGT_writable_page PG_mask(7, 3)
#define PGT_type_mask     PG_mask(7, 3)
#define PGT_locked        PG_mask(1, 4)
#define PGT_pinned        PG_mask(1, 5)
#define PGT_validated     PG_mask(1, 6)
#define PGT_count_width   PG_shift(9)
#define PGT_count_mask    ((1UL << PGT_count_width) - 1)

/* page_info.count_info */
#define _PGC_allocated    PG_shift(1)
#define PGC_allocated     PG_mask(1, 1)
#define _PGC_xen_heap     PG_shift(2)
#define PGC_xen_heap      PG_mask(1, 2)
#define _PGC_broken       PG_shift(4)
#define PGC_broken        PG_mask(1, 4)
#define PGC_state           PG_mask(3, 6)
#define PGC_state_inuse     PG_mask(0, 6)
#define PGC_state_offlining PG_mask(1, 6)
#define PGC_state_offlined  PG_mask(2, 6)
#define PGC_state_free      PG_mask(3, 6)
#define page_state_is(pg, st) \
    ((read_atomic(&(pg)->count_info) & PGC_state) == PGC_state_##st)
#define PGC_extra         PG_mask(1, 7)
#define PGC_count_width   PG_shift(7)
#define PGC_count_mask    ((1UL << PGC_count_width) - 1)
/* Of a free frame only, so it shares a bit. */
#define _PGC_need_scrub   _PGC_allocated
#define PGC_need_scrub    PGC_allocated

struct page_list_entry {
    unsigned int next, prev;    /* frame numbers */
};

struct page_info {
    union {
        struct page_list_entry list;
        paddr_t up;             /* free for those who keep it on no list */
    };
    unsigned long count_info;   /* references and PGC_* */
    union {
        struct {
            unsigned long type_info;    /* references as this type, PGT_* */
        } inuse;
        struct {
            bool dirty;                 /* head: some frame needs scrubbing */
        } free;
    } u;
    union {
        struct {
            unsigned int _domain;       /* frame of the owner's struct, or 0 */
        } inuse;
        struct {
            unsigned int order;         /* head of a free chunk */
        } free;
    } v;
    unsigned int tlbflush_timestamp;
};

#define PFN_ORDER(pg) ((pg)->v.free.order)

extern struct page_info *frame_table;
extern unsigned char *xenhost_memory;       /* where frame 0 would be */
extern unsigned long max_page, total_pages; /* frames 1 .. max_page - 1 */
extern unsigned long frames_looked;
#define max_pdx max_page                    /* no holes */

#define mfn_to_page(mfn)   (frame_table + mfn_x(mfn))
#define page_to_mfn(pg)    _mfn((unsigned long)((pg) - frame_table))
/* Counts what is looked at by number, for xenhost_frames_looked(). */
#define mfn_valid(mfn)     (write_atomic(&frames_looked, \
                                          read_atomic(&frames_looked) + 1), \
                            mfn_x(mfn) - 1 < max_page - 1)
#define mfn_to_virt(mfn)   ((void *)(xenhost_memory + \
                                     ((unsigned long)(mfn) << PAGE_SHIFT)))
#define virt_to_mfn(va)    ((unsigned long)((const unsigned char *)(va) - \
                                            xenhost_memory) >> PAGE_SHIFT)
#define __mfn_to_virt(mfn) mfn_to_virt(mfn)
#define __virt_to_mfn(va)  virt_to_mfn(va)
#define virt_to_page(va)   (frame_table + virt_to_mfn(va))
#define __virt_to_page(va) virt_to_page(va)
#define page_to_virt(pg)   mfn_to_virt((pg) - frame_table)
#define __page_to_virt(pg) page_to_virt(pg)
#define page_to_maddr(pg)  ((paddr_t)((pg) - frame_table) << PAGE_SHIFT)
#define maddr_to_page(ma)  (frame_table + ((ma) >> PAGE_SHIFT))
#define maddr_to_mfn(ma)   _mfn((ma) >> PAGE_SHIFT)
#define mfn_to_maddr(mfn)  ((paddr_t)mfn_x(mfn) << PAGE_SHIFT)
#define maddr_to_virt(ma)  ((void *)(xenhost_memory + (ma)))
#define virt_to_maddr(va)  ((paddr_t)((const unsigned char *)(va) - \
                                      xenhost_memory))
#define pfn_to_paddr(pfn)  ((paddr_t)(pfn) << PAGE_SHIFT)
#define paddr_to_pfn(pa)   ((unsigned long)((pa) >> PAGE_SHIFT))
#define __pa(va) virt_to_maddr(va)
#define __va(ma) maddr_to_virt(ma)
/* Is all that permanently mapped? */
static inline bool arch_mfns_in_directmap(unsigned long mfn, unsigned long nr)
{
    return true;
}
#define mfn_to_pdx(mfn)  mfn_x(mfn)
#define pdx_to_mfn(pdx)  _mfn(pdx)
#define page_to_pdx(pg)  ((unsigned int)((pg) - frame_table))
#define pdx_to_page(pdx) (frame_table + (pdx))

#define page_get_owner(pg)                                              \
    ((struct domain *)({ unsigned int o_ = read_atomic(                 \
                             &(pg)->v.inuse._domain);                   \
                         o_ ? mfn_to_virt(o_) : NULL; }))
#define page_set_owner(pg, d)                                           \
    write_atomic(&(pg)->v.inuse._domain,                                \
                 (d) ? (unsigned int)virt_to_mfn(d) : 0)

#define is_xen_heap_page(pg) \
    (!!(read_atomic(&(pg)->count_info) & PGC_xen_heap))
#define is_xen_heap_mfn(mfn) \
    (mfn_valid(mfn) && is_xen_heap_page(mfn_to_page(mfn)))

/* Lists of frames, by their struct page_list_entry. */
struct page_list_head {
    struct page_info *next, *tail;
};

#define PAGE_LIST_NULL (~0U)
#define PAGE_LIST_HEAD_INIT(name) { NULL, NULL }
#define PAGE_LIST_HEAD(name) \
    struct page_list_head name = PAGE_LIST_HEAD_INIT(name)
#define INIT_PAGE_LIST_HEAD(head) ((head)->tail = (head)->next = NULL)
#define INIT_PAGE_LIST_ENTRY(ent) \
    ((ent)->prev = (ent)->next = PAGE_LIST_NULL)

static inline bool page_list_empty(const struct page_list_head *head)
{
    return !head->next;
}

static inline struct page_info *
page_list_first(const struct page_list_head *head)
{
    return head->next;
}

static inline struct page_info *
page_list_last(const struct page_list_head *head)
{
    return head->tail;
}

static inline struct page_info *
page_list_next(const struct page_info *pg, const struct page_list_head *head)
{
    return pg != head->tail ? pdx_to_page(pg->list.next) : NULL;
}

static inline struct page_info *
page_list_prev(const struct page_info *pg, const struct page_list_head *head)
{
    return pg != head->next ? pdx_to_page(pg->list.prev) : NULL;
}

static inline void
page_list_add(struct page_info *pg, struct page_list_head *head)
{
    pg->list.prev = PAGE_LIST_NULL;
    pg->list.next = head->next ? page_to_pdx(head->next) : PAGE_LIST_NULL;
    if ( head->next )
        head->next->list.prev = page_to_pdx(pg);
    else
        head->tail = pg;
    head->next = pg;
}

static inline void
page_list_add_tail(struct page_info *pg, struct page_list_head *head)
{
    pg->list.next = PAGE_LIST_NULL;
    pg->list.prev = head->tail ? page_to_pdx(head->tail) : PAGE_LIST_NULL;
    if ( head->tail )
        head->tail->list.next = page_to_pdx(pg);
    else
        head->next = pg;
    head->tail = pg;
}

static inline void
page_list_del(struct page_info *pg, struct page_list_head *head)
{
    struct page_info *next = page_list_next(pg, head);
    struct page_info *prev = page_list_prev(pg, head);

    if ( next )
        next->list.prev = pg->list.prev;
    else
        head->tail = prev;
    if ( prev )
        prev->list.next = pg->list.next;
    else
        head->next = next;
}

static inline struct page_info *
page_list_remove_head(struct page_list_head *head)
{
    struct page_info *pg = head->next;

    if ( pg )
        page_list_del(pg, head);

    return pg;
}

static inline void
page_list_move(struct page_list_head *dst, struct page_list_head *src)
{
    if ( !page_list_empty(src) )
    {
        *dst = *src;
        INIT_PAGE_LIST_HEAD(src);
    }
}

/* The entries of list go to the front of head. */
static inline void
page_list_splice(struct page_list_head *list, struct page_list_head *head)
{
    if ( page_list_empty(list) )
        return;

    if ( page_list_empty(head) )
        head->tail = list->tail;
    else
    {
        list->tail->list.next = page_to_pdx(head->next);
        head->next->list.prev = page_to_pdx(list->tail);
    }
    head->next = list->next;
}

#define page_list_for_each(pos, head) \
    for ( (pos) = (head)->next; (pos); (pos) = page_list_next(pos, head) )
#define page_list_for_each_safe(pos, tmp, head)                         \
    for ( (pos) = (head)->next;                                         \
          (pos) ? ((tmp) = page_list_next(pos, head), 1) : 0;           \
          (pos) = (tmp) )
#define page_list_for_each_safe_reverse(pos, tmp, head)                 \
    for ( (pos) = (head)->tail;                                         \
          (pos) ? ((tmp) = page_list_prev(pos, head), 1) : 0;           \
          (pos) = (tmp) )

static inline unsigned int get_order_from_bytes(paddr_t size)
{
    return flsl((size - 1) >> PAGE_SHIFT);
}

static inline unsigned int get_order_from_pages(unsigned long nr)
{
    return flsl(nr - 1);
}

/* Allocation. As in Xen; see host/heap.c. */
struct page_info *alloc_domheap_pages(struct domain *d, unsigned int order,
                                      unsigned int memflags);
void free_domheap_pages(struct page_info *pg, unsigned int order);
/* nr single frames without an owner, below one hold of heap_lock. */
void free_domheap_batch(struct page_info *const pg[], unsigned int nr);
#define alloc_domheap_page(d, f) alloc_domheap_pages(d, 0, f)
#define free_domheap_page(pg)    free_domheap_pages(pg, 0)
void *alloc_xenheap_pages(unsigned int order, unsigned int memflags);
void free_xenheap_pages(void *v, unsigned int order);
#define alloc_xenheap_page() alloc_xenheap_pages(0, 0)
#define free_xenheap_page(v) free_xenheap_pages(v, 0)
#define FREE_XENHEAP_PAGES(p, o) do { \
    void *fxp_ = (p);                 \
    (p) = NULL;                       \
    free_xenheap_pages(fxp_, o);      \
} while ( false )
#define FREE_XENHEAP_PAGE(p) FREE_XENHEAP_PAGES(p, 0)

unsigned long avail_domheap_pages(void);
unsigned long avail_domheap_pages_region(unsigned int node,
                                         unsigned int min_width,
                                         unsigned int max_width);
unsigned long avail_node_heap_pages(unsigned int node);

int assign_pages(struct page_info *pg, unsigned int nr, struct domain *d,
                 unsigned int memflags);
int assign_page(struct page_info *pg, unsigned int order, struct domain *d,
                unsigned int memflags);
unsigned long __must_check domain_adjust_tot_pages(struct domain *d,
                                                   long pages);
int domain_set_outstanding_pages(struct domain *d, unsigned long pages);
void get_outstanding_claims(uint64_t *free_pages, uint64_t *outstanding);
bool claims_are_open(void);
void scrub_one_page(struct page_info *pg);

/* References. */
void put_page(struct page_info *pg);
bool __must_check get_page(struct page_info *pg, const struct domain *d);
void put_page_type(struct page_info *pg);
int get_page_type(struct page_info *pg, unsigned long type);
void put_page_alloc_ref(struct page_info *pg);

static inline void put_page_and_type(struct page_info *pg)
{
    put_page_type(pg);
    put_page(pg);
}

static inline int get_page_and_type(struct page_info *pg, struct domain *d,
                                    unsigned long type)
{
    if ( !get_page(pg, d) )
        return 0;
    if ( get_page_type(pg, type) )
        return 1;
    put_page(pg);

    return 0;
}

static inline void clear_page(void *p)
{
    unsigned long n = PAGE_SIZE / 8;

    __asm__ volatile ( "rep stosq" : "+D" (p), "+c" (n) : "a" (0UL)
                       : "memory" );
}

static inline void copy_page(void *to, const void *from)
{
    unsigned long n = PAGE_SIZE / 8;

    __asm__ volatile ( "rep movsq" : "+D" (to), "+S" (from), "+c" (n) ::
                       "memory" );
}
#define scrub_page_hot(p)  clear_page(p)
#define scrub_page_cold(p) clear_page(p)

#endif /* XENHOST_XEN_MM_H */
