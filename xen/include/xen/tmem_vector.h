/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_vector.h - operations of one vector together
 */
#ifndef XEN_TMEM_VECTOR_H
#define XEN_TMEM_VECTOR_H

#include <xen/tmem_data.h>

struct tmem_client;

/* Entries of a vector that are read, done and written back together. */
#define TMEM_VECTOR_GROUP 8

/*
 * Do up to nr puts, 1 to TMEM_VECTOR_GROUP, in their order, of pages that are
 * stored raw; the client is that of the current domain. Returns how many, at
 * least one, whose results are those of single puts: -ERESTART, of one alone.
 * No lock held.
 */
unsigned int tmem_put_group(struct tmem_client *c,
                            const struct tmem_request req[], unsigned int nr,
                            long result[]);
/*
 * The same of gets, and of flushes: as many as there are, TMEM_VECTOR_GROUP at
 * most. In tmem_data.c.
 */
void tmem_get_group(struct tmem_client *c, const struct tmem_request req[],
                    unsigned int nr, long result[]);
void tmem_flush_group(struct tmem_client *c, const struct tmem_request req[],
                      unsigned int nr, long result[]);
/* Have fetched what a get will look at first. No lock held. */
void tmem_get_prefetch(struct tmem_client *c, const struct tmem_request *req);

#endif /* XEN_TMEM_VECTOR_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
