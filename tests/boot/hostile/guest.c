/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - a hostile guest: all that should fail, and the check that it did
 * no harm
 *
 * Option requests= on the command line: how many random requests.
 */
#include "hostile.h"

uint8_t page[PAGE_BYTES] PAGE_ALIGNED;

#define SEED 0x5a5a1234u

static bool page_holds(uint8_t c)
{
    unsigned int i;

    for ( i = 0; i < PAGE_BYTES; i++ )
        if ( page[i] != c )
            return false;

    return true;
}

bool pools_reset(void)
{
    int pool;
    bool ok = true;

    for ( pool = 0; pool < TMEM_MAX_POOLS; pool++ )
        tmem_destroy_pool(pool);
    ok = tmem_new_pool(EPHEMERAL) == 0 && tmem_new_pool(PERSISTENT) == 1;

    for ( pool = 0; pool < 2; pool++ )
    {
        memset(page, 'a' + pool, sizeof(page));
        ok = ok && tmem_put(pool, 1, 1, frame_of(page)) == 1;
    }

    return ok;
}

bool pools_are_intact(void)
{
    int pool;

    for ( pool = 0; pool < 2; pool++ )
    {
        memset(page, 0, sizeof(page));
        if ( tmem_get(pool, 1, 2, frame_of(page)) != 0 || !page_holds(0) ||
             tmem_get(pool, 1, 1, frame_of(page)) != 1 ||
             !page_holds('a' + pool) ||
             tmem_put(pool, 1, 1, frame_of(page)) != 1 )
            return false;
    }

    return true;
}

void test_main(void)
{
    if ( !verdict(pools_reset(), "two pools", "cannot be made") )
        return;
    bad_requests();
    verdict(pools_are_intact(), "bad requests change nothing", "they do");
    bad_vectors();
    verdict(pools_are_intact(), "bad vectors change nothing", "they do");
    bad_frames();
    random_requests(option("requests", 20000));
    verdict(pools_reset() && pools_are_intact(),
            "good requests work after random ones", "they do not");
}
