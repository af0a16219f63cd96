/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - the machine's memory: one mapping, and the frame table
 *
 * All frames lie in one mapping of this process, those that come late as well.
 * What the heap has free is poisoned for the address sanitizer.
 */
#include "host.h"
#include <sys/mman.h>

#define HUGE_PAGE (2UL << 20)

struct page_info *frame_table;
unsigned char *xenhost_memory;
unsigned long max_page, total_pages;

static void *mapping;
static size_t mapping_size, table_size;

int memory_start(unsigned long pages)
{
    size_t align;

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
    table_size = max_page * sizeof(*frame_table);
    align = table_size < HUGE_PAGE ? PAGE_SIZE : HUGE_PAGE;
    table_size = ROUNDUP(table_size, align);
    frame_table = aligned_alloc(align, table_size);
    if ( !frame_table )
    {
        munmap(mapping, mapping_size);
        return -ENOMEM;
    }
    (void)madvise(frame_table, table_size, MADV_HUGEPAGE);
    memset(frame_table, 0, table_size);
    ASAN_POISON_MEMORY_REGION(mapping, mapping_size);

    return 0;
}

void memory_stop(void)
{
    ASAN_UNPOISON_MEMORY_REGION(mapping, mapping_size);
    munmap(mapping, mapping_size);
    free(frame_table);
    frame_table = NULL;
    xenhost_memory = NULL;
    max_page = total_pages = 0;
    mapping_size = table_size = 0;
}

#ifndef NDEBUG
void xenhost_prefetch(const void *p)
{
    unsigned long at = (unsigned long)p;
    unsigned char seen;

    if ( at - (unsigned long)frame_table < table_size )
        BUG_ON(at >= (unsigned long)(frame_table + max_page));
    else if ( at - (unsigned long)mapping < mapping_size )
        BUG_ON(at >= (unsigned long)mfn_to_virt(max_page));
    else
        BUG_ON(p && mincore((void *)(at & PAGE_MASK), 1, &seen));
}
#endif

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

/* Nobody's: no owner, no reference, not the Xen heap's. */
static bool mark_offline(struct page_info *pg, bool broken)
{
    unsigned long old = PGC_state_inuse;
    bool done;

    host_lock(&heap_lock);
    done = __atomic_compare_exchange_n(&pg->count_info, &old,
                                       PGC_state_offlining |
                                       (broken ? PGC_broken : 0), false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    host_unlock(&heap_lock);

    return done;
}

unsigned long xenhost_frames_offline(unsigned long n)
{
    unsigned long mfn, done = 0;

    for ( mfn = 1; mfn < max_page && done < n; mfn++ )
        done += mark_offline(frame_table + mfn, false);

    return done;
}

unsigned long xenhost_memory_error(unsigned long skip, unsigned long n,
                                   bool broken)
{
    unsigned long mfn, done = 0;

    if ( !host_enter() )
        return 0;
    for ( mfn = 1; mfn < max_page && done < n; mfn++ )
    {
        struct page_info *pg = frame_table + mfn;

        if ( read_atomic(&pg->count_info) != PGC_state_inuse ||
             (skip && skip--) || !mark_offline(pg, broken) )
            continue;
        tmem_page_offline(pg);
        done++;
    }
    host_leave();

    return done;
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
