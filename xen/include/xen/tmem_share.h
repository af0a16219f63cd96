/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_share.h - entries that several ephemeral pages share
 *
 * Locking: the lock of the bins' store guards all of it.
 */
#ifndef XEN_TMEM_SHARE_H
#define XEN_TMEM_SHARE_H

#include <xen/tmem_bin.h>
#include <xen/tmem_ebin.h>

/* So many pages may share an entry. */
#define TMEM_SHARE_MAX 15

/* Is an entry shared by several pages? */
static inline bool tmem_share_is(const struct tmem_bin_slot *slot)
{
    return unlikely(slot->share & 1);
}

/* Is the entry there that page's, or one of those it is shared by? */
bool tmem_share_has(const struct tmem_bin_slot *slot,
                    const struct tmem_object *obj, uint32_t index);
/* One page of an entry, into e. */
void tmem_share_any(const struct tmem_bin_slot *slot, struct tmem_entry *e);
/* How many pages an entry has. */
unsigned int tmem_share_pages(const struct tmem_bin_slot *slot);
/*
 * One more page for an entry: 1; -EAGAIN: it has as many as it may; -ENOMEM:
 * the metadata need another frame.
 */
int tmem_share_add(struct tmem_bins *b, struct tmem_bin_slot *slot,
                   const struct tmem_entry *e);
/* A page leaves an entry that is shared. */
void tmem_share_del(struct tmem_bins *b, struct tmem_bin_slot *slot,
                    const struct tmem_object *obj, uint32_t index);
/* Is the entry shared, and the page spared for that for the first time? */
bool tmem_share_spares(const struct tmem_bin_slot *slot,
                       const struct tmem_object *obj, uint32_t index);
/* There is no page any more, but what lost bins have left behind. */
void tmem_share_forget(struct tmem_bins *b);

#endif /* XEN_TMEM_SHARE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
