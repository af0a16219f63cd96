/* SPDX-License-Identifier: GPL-2.0-only */
/* kept.c - pages of all kinds that must come back: see kept.h */
#include <errno.h>
#include <string.h>

#include "kept.h"
#include "machine.h"

static struct {
    unsigned int kind;         /* PAGE_KINDS: it is not there */
    uint64_t seed;
} kept[KEPT];
static unsigned int nr_doms = 1;

const char *const kept_options[KEPT_OPTIONS] = {
    "tmem_compress=lzo", "tmem_compress=lz4", "tmem_tze=1",
    "tmem_compress=lzo tmem_tze=1", "",
};

void kept_fill(void *page, unsigned int kind, uint64_t seed)
{
    struct rng rng = { seed };
    uint32_t *word = page, i;

    page_of_kind(&rng, kind, page);
    if ( kind == KIND_WORD && seed % 2 )
        for ( i = 1; i < PAGE_BYTES / sizeof(*word); i++ )
            word[i] = word[0];
}

long kept_put_as(struct handle h, unsigned int kind, uint64_t seed)
{
    kept_fill(xenhost_guest_page(h.dom, machine_cpu()), kind, seed);

    return guest_op(TMEM_PUT_PAGE, h, machine_cpu());
}

void kept_gone(unsigned int i)
{
    kept[i].kind = PAGE_KINDS;
}

void kept_none(void)
{
    unsigned int i;

    for ( i = 0; i < KEPT; i++ )
        kept_gone(i);
}

void kept_of(unsigned int doms)
{
    nr_doms = doms;
    kept_none();
}

struct handle kept_handle(unsigned int i)
{
    unsigned int nr = i / nr_doms;

    return HANDLE(KEPT_DOM + i % nr_doms, 0, 1 + nr % 7, nr);
}

bool kept_is(unsigned int i)
{
    return kept[i].kind < PAGE_KINDS;
}

long kept_put(unsigned int i, unsigned int kind, uint64_t seed)
{
    long rc = kept_put_as(kept_handle(i), kind, seed);

    if ( rc == 1 )
    {
        kept[i].kind = kind;
        kept[i].seed = seed;
    }
    else if ( rc == -ENOSPC )
        kept_gone(i);

    return rc;
}

bool kept_get(unsigned int i)
{
    struct handle h = kept_handle(i);
    void *page = xenhost_guest_page(h.dom, machine_cpu());
    unsigned char want[PAGE_BYTES];
    bool found;

    memset(page, 0x5a, PAGE_BYTES);
    found = guest_op(TMEM_GET_PAGE, h, machine_cpu()) > 0;
    assert_true(!found || kept_is(i));
    memset(want, 0x5a, PAGE_BYTES);
    if ( found )
        kept_fill(want, kept[i].kind, kept[i].seed);
    assert_memory_equal(page, want, PAGE_BYTES);

    return found;
}

void kept_flush(unsigned int i)
{
    assert_int_equal(guest_flush(kept_handle(i)), 1);
    kept_gone(i);
}
