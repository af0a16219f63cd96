/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_P2M_COMMON_H
#define XENHOST_XEN_P2M_COMMON_H

/* A guest's physical map: which frame is behind a gfn, and of what kind. */
#include <xen/mm.h>
#include <xen/sched.h>

typedef enum {
    p2m_ram_rw = 0,
    p2m_invalid = 1,
    p2m_ram_logdirty = 2,
    p2m_ram_ro = 3,
    p2m_mmio_dm = 4,
    p2m_mmio_direct = 5,
    p2m_populate_on_demand = 6,
    p2m_grant_map_rw = 7,
    p2m_grant_map_ro = 8,
    p2m_ram_paging_out = 9,
    p2m_ram_paged = 10,
    p2m_ram_paging_in = 11,
    p2m_ram_shared = 12,
    p2m_ram_broken = 13,
    p2m_map_foreign = 14,
    p2m_ioreq_server = 15,
} p2m_type_t;

typedef unsigned int p2m_query_t;
#define P2M_ALLOC   (1u << 0)
#define P2M_UNSHARE (1u << 1)

struct p2m_domain {
    unsigned long nr;           /* gfns 0 .. nr - 1, or, of PV, what it owns */
    unsigned long *entries;     /* mfn << 8 | p2m_type_t */
    unsigned char *dirty;       /* by gfn, since it is in log-dirty mode */
    unsigned long logdirty;     /* number of gfns that ever were */
    struct {
        long entry_count;       /* populate-on-demand entries */
    } pod;
};

#define p2m_get_hostp2m(d) ((d)->arch.p2m)
#define paging_mode_translate(d) (!(d)->arch.pv)
#define paging_mode_log_dirty(d) \
    (__atomic_load_n(&p2m_get_hostp2m(d)->logdirty, __ATOMIC_RELAXED) != 0)

/*
 * The frame behind gfn, with a reference, whatever its type: ordinary RAM,
 * but foreign and other kinds as well. -EPERM for direct MMIO, -EINVAL when
 * there is none. readonly: the caller does not write. No locks may be held.
 */
int __must_check check_get_page_from_gfn(struct domain *d, gfn_t gfn,
                                         bool readonly, p2m_type_t *p2mt_p,
                                         struct page_info **page_p);
struct page_info *get_page_from_gfn(struct domain *d, unsigned long gfn,
                                    p2m_type_t *t, p2m_query_t q);

void xenhost_mark_dirty(struct domain *d, mfn_t mfn);
static inline void paging_mark_dirty(struct domain *d, mfn_t mfn)
{
    xenhost_assert_unlocked("paging_mark_dirty()");
    if ( unlikely(paging_mode_log_dirty(d)) )
        xenhost_mark_dirty(d, mfn);
}

#endif /* XENHOST_XEN_P2M_COMMON_H */
