/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_prefetch.c - what an operation will wait for, fetched early
 *
 * Of a frame that a guest names nothing is known before it has been looked up.
 * Its page_info may be fetched before that: a lookup reads that of any frame,
 * too. But nothing past the end of the frame table; and nothing of the frame
 * itself, which may be another domain's: a CPU with L1TF would let the guest
 * read it, and how long the call takes would tell what the other domain has in
 * its caches.
 *
 * A PV guest names the frame itself. For others, the physical map may not be
 * walked without its lock, and its interface has no half of a walk. But it is
 * made of superpages where it can be: so each CPU remembers, of some areas, by
 * how much gfn and frame differed last time.
 *
 * Locking: none. What each CPU remembers is its own.
 */
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/nospec.h>
#include <xen/prefetch.h>
#include <xen/sched.h>
#include <xen/smp.h>
#include <xen/tmem_copy.h>
#include <xen/tmem_prefetch.h>
#include <asm/p2m.h>

/* An area is a superpage; so many for each CPU are 4 KiB, for 2 GiB. */
#define AREA_SHIFT  9
#define NR_AREAS    1024

/* Frame (pdx) less gfn. */
static struct guesses {
    uint32_t offset[NR_AREAS];
} *__read_mostly guesses;                  /* [nr_cpu_ids] */

int __init tmem_prefetch_init(void)
{
    guesses = tmem_boot_alloc(nr_cpu_ids * sizeof(*guesses));

    return guesses ? 0 : -ENOMEM;
}

/* Where this CPU remembers the area. Domains that meet there guess wrong. */
static uint32_t *area_of(const struct domain *d, xen_pfn_t gfn)
{
    unsigned long area = (gfn >> AREA_SHIFT) + d->domain_id * 97UL;

    return &guesses[smp_processor_id()].offset[area % NR_AREAS];
}

void tmem_prefetch_guest(xen_pfn_t gfn)
{
    const struct domain *d = current->domain;
    unsigned long pdx = paging_mode_translate(d)
                        ? (uint32_t)(gfn + *area_of(d, gfn))
                        : mfn_to_pdx(_mfn(gfn));

    if ( pdx < max_pdx )
        prefetchw(pdx_to_page(array_index_nospec(pdx, max_pdx)));
}

void tmem_prefetch_learn(xen_pfn_t gfn, const struct page_info *pg)
{
    const struct domain *d = current->domain;
    uint32_t offset = page_to_pdx(pg) - gfn, *area;

    if ( !paging_mode_translate(d) )
        return;
    area = area_of(d, gfn);
    if ( *area != offset )
        *area = offset;
}

/* SMP_CACHE_BYTES is two of them. */
#define LINE 64

/*
 * Two lines in three cycles, which is what a multiplication waits for: from a
 * burst of prefetches nothing is gained, as if the CPU dropped what it has no
 * room for. Xen's prefetchw() is prefetch() for the CPUs that it is compiled for.
 */
void tmem_prefetch_page(const struct page_info *pg, bool write)
{
    const char *p, *end;

    if ( !tmem_frame_is_mapped(pg) )
        return;
    p = page_to_virt(pg);
    for ( end = p + PAGE_SIZE; p < end; p += 2 * LINE )
        if ( write )
            asm volatile ( "prefetchw (%0); prefetchw %c1(%0); imul $1, %0, %0"
                           : "+r" (p) : "i" (LINE) );
        else
            asm volatile ( "prefetcht0 (%0); prefetcht0 %c1(%0); "
                           "imul $1, %0, %0" : "+r" (p) : "i" (LINE) );
}

void tmem_prefetch_next(enum tmem_frame_kind kind)
{
    const struct page_info *pg =
        tmem_copy_way[TMEM_COPY_PUT] != TMEM_COPY_STREAMED
        ? tmem_frame_next(kind) : NULL;

    if ( pg )
        tmem_prefetch_page(pg, true);
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
