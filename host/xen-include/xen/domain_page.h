/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_DOMAIN_PAGE_H
#define XENHOST_XEN_DOMAIN_PAGE_H

/*
 * Everything is mapped. Debug builds count what is, since it may be few in
 * Xen: what a hypercall maps, it must unmap.
 */
#include <xen/mm.h>
#include <asm/current.h>

#ifndef NDEBUG
#define XENHOST_MAX_MAPPINGS 8
static inline void *map_domain_page(mfn_t mfn)
{
    ASSERT(mfn_valid(mfn));
    /* That would be a machine check. */
    ASSERT(!(read_atomic(&mfn_to_page(mfn)->count_info) & PGC_broken));
    xenhost_self->mappings++;
    ASSERT(xenhost_self->mappings <= XENHOST_MAX_MAPPINGS);

    return mfn_to_virt(mfn_x(mfn));
}

static inline void unmap_domain_page(const void *va)
{
    if ( !va )
        return;
    ASSERT(xenhost_self->mappings);
    xenhost_self->mappings--;
}
#else
static inline void *map_domain_page(mfn_t mfn)
{
    return mfn_to_virt(mfn_x(mfn));
}

static inline void unmap_domain_page(const void *va) {}
#endif

#define __map_domain_page(pg) map_domain_page(page_to_mfn(pg))
#define domain_page_map_to_mfn(va) _mfn(virt_to_mfn(va))

static inline void *map_domain_page_global(mfn_t mfn)
{
    return mfn_to_virt(mfn_x(mfn));
}
#define __map_domain_page_global(pg) map_domain_page_global(page_to_mfn(pg))
static inline void unmap_domain_page_global(const void *va) {}

#define UNMAP_DOMAIN_PAGE(p) \
    do { unmap_domain_page(p); (p) = NULL; } while ( false )

static inline void clear_domain_page(mfn_t mfn)
{
    clear_page(mfn_to_virt(mfn_x(mfn)));
}

static inline void copy_domain_page(mfn_t dst, const mfn_t src)
{
    copy_page(mfn_to_virt(mfn_x(dst)), mfn_to_virt(mfn_x(src)));
}

#endif /* XENHOST_XEN_DOMAIN_PAGE_H */
