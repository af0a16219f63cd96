/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - a guest that puts the same ephemeral pages as others do (run.sh)
 *
 * It puts them, and says "PUT"; when dom0 freezes it, it gets them again, and
 * says "SEEN"; sleeps. Runs on one vCPU.
 */
#include "mini.h"

#define WORDS       (PAGE_BYTES / sizeof(uint64_t))
#define NOISE_WORDS 64
#define PAGES       512
#define OTHERS      1       /* object of what asks whether it is frozen */

static uint64_t page[WORDS] PAGE_ALIGNED;

/* Fills the page with number nr, or tells whether it is that. */
static bool contents(unsigned int nr, bool check)
{
    uint64_t word = nr;
    unsigned int i;

    for ( i = 0; i < WORDS; i++ )
    {
        if ( i < NOISE_WORDS )
            word = word * 6364136223846793005ULL + 1442695040888963407ULL;
        if ( !check )
            page[i] = word;
        else if ( page[i] != word )
            return false;
    }

    return true;
}

void test_main(void)
{
    unsigned int nr, stored = 0, found = 0, wrong = 0;

    tmem_new_pool(EPHEMERAL);
    for ( nr = 0; nr < PAGES; nr++ )
    {
        contents(nr, false);
        stored += tmem_put(0, 0, nr, frame_of(page)) == 1;
    }
    print("PUT %u of %u pages\n", stored, PAGES);

    /*
     * One word all over, which is shared with nobody. It is a new page each
     * time: what is there can be put again.
     */
    memset(page, 1, sizeof(page));
    while ( tmem_put(0, OTHERS, 0, frame_of(page)) == 1 )
    {
        tmem_flush(0, OTHERS, 0, 0);
        yield();
    }

    for ( nr = 0; nr < PAGES; nr++ )
        if ( tmem_get(0, 0, nr, frame_of(page)) == 1 )
        {
            found++;
            wrong += !contents(nr, true);
        }
    print("SEEN %u of %u pages, %u wrong\n", found, PAGES, wrong);
    sleep_for_ever();
}
