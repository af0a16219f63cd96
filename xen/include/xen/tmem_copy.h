/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_copy.h - how a page is copied
 */
#ifndef __XEN_TMEM_COPY_H__
#define __XEN_TMEM_COPY_H__

#include <xen/types.h>

/* The ways; which is the fastest depends on the CPU, and on what follows. */
enum tmem_copy_way {
    TMEM_COPY_WHOLE,          /* by one string instruction */
    TMEM_COPY_HALVES,         /* by two: it stays in the caches */
    TMEM_COPY_STREAMED,       /* past the caches */
    TMEM_COPY_WAYS
};

enum tmem_copy_kind {
    TMEM_COPY_PUT,            /* the page is not read soon */
    TMEM_COPY_GET,            /* it is read at once */
    TMEM_COPY_KINDS
};

/* Copy PAGE_SIZE bytes; both pointers are aligned to that. No lock needed. */
void tmem_copy_page(void *to, const void *from, enum tmem_copy_way way);

/*
 * Copy a page that is read again at once, unless one 32-bit word fills it: then
 * false, and that is *same. Each word is read once, whoever changes it meanwhile.
 */
bool tmem_copy_unless_same(uint64_t *to, const uint64_t *from, uint32_t *same);

/* How pages are copied here. */
extern uint8_t tmem_copy_way[TMEM_COPY_KINDS];

/*
 * Find that out: once, when the heap is there. A host with little memory free
 * keeps TMEM_COPY_WHOLE.
 */
void tmem_copy_init(void);

/* The way that took least; one further down only if it is clearly faster. */
enum tmem_copy_way tmem_copy_best(const uint64_t ticks[TMEM_COPY_WAYS]);

#endif /* __XEN_TMEM_COPY_H__ */
