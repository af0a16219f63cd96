/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_dedup.h - which stored bytes may be there already
 *
 * A hint for each hash of stored bytes: the last entry of a bin that had it.
 * It need not be there any more, and says nothing of whose it is: who follows
 * it looks at all of that again.
 *
 * Locking: none. A hint is one word.
 */
#ifndef XEN_TMEM_DEDUP_H
#define XEN_TMEM_DEDUP_H

#include <xen/tmem_stored.h>

/* Constant after boot: do ephemeral pages with the same bytes share them? */
extern bool opt_tmem_dedup;

/* Read the boot parameter, and take the table; once, before clients are. */
void tmem_dedup_init(void);

/*
 * Of a page that will be stored by who has that serial number, a client or a
 * group: for the function below. Has fetched what tmem_dedup_find() looks at.
 */
uint64_t tmem_dedup_begin(uint64_t serial, const void *page);
/*
 * A hash of what is stored for that page, for hints about those of the same
 * number. 0: so few bytes that nothing is won by sharing them.
 */
uint64_t tmem_dedup_hash(uint64_t serial, const void *bytes, unsigned int len,
                         unsigned int codec, uint64_t begun);
/* Where these bytes may be: an entry of a bin; or NONE. */
tmem_stored_t tmem_dedup_find(uint64_t hash);
/* They are there now. */
void tmem_dedup_note(uint64_t hash, tmem_stored_t s);

#endif /* XEN_TMEM_DEDUP_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
