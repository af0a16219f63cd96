/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_tidy.h - descriptors of ephemeral pages are moved together
 *
 * Keeps the metadata of a client's queues in proportion to its pages.
 */
#ifndef XEN_TMEM_TIDY_H
#define XEN_TMEM_TIDY_H

#include <xen/tmem_client.h>

/* Move some descriptors of lines that are sparse. No lock held. */
void tmem_tidy_queues(struct tmem_client *c);
/* The same, as each put does at its end; cheap when no line is sparse. */
static inline void tmem_queues_tidy(struct tmem_client *c)
{
    unsigned int i, line;

    for ( i = 0; i < tmem_nr_classes; i++ )
        for ( line = 0; line < TMEM_LINES; line++ )
            if ( unlikely(read_atomic(&c->queues[i].line[line].nr_segments) >
                          TMEM_SEGMENTS_FEW) &&
                 unlikely(tmem_queue_is_sparse(&c->queues[i], line)) )
            {
                tmem_tidy_queues(c);
                return;
            }
}

#endif /* XEN_TMEM_TIDY_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
