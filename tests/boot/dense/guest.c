/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - guests that fill memory with compressed pages, and one that is built
 * out of these (run.sh)
 *
 * mode= on the command line:
 *   1  puts pages= ephemeral pages: of eight one is noise, one has the same word
 *      all over, the others become small when they are compressed. Says "FULL",
 *      then goes on with gets and puts of some of them, and says "SEEN" after
 *      each so many.
 *   2  looks at all its memory, which has been scrubbed; then writes all of it,
 *      and sees whether that stays: says "CLEAN" and "KEPT"; sleeps.
 *
 * Runs on one vCPU.
 */
#include "mini.h"

#define WORDS       (PAGE_BYTES / sizeof(uint64_t))
#define NOISE_WORDS 192     /* of a page that can be compressed */
#define PER_OBJECT  1024
#define SAMPLE      500
#define SPARE_PAGES 512
#define PASSES      3
#define PRESENT     1
#define WRITABLE    2

static uint64_t page[WORDS] PAGE_ALIGNED;
static uint64_t window[WORDS] PAGE_ALIGNED;

extern char mini_end[];

/* ---- fill ----------------------------------------------------------------- */

static uint64_t next_word(uint64_t word)
{
    return word * 6364136223846793005ULL + 1442695040888963407ULL;
}

/* Fills the page that has number nr, or tells whether it is that. */
static bool contents(unsigned long nr, bool check)
{
    uint64_t word = next_word((uint64_t)is_pv << 48 | nr);
    unsigned int noise = nr % 8 == 0 ? WORDS : nr % 8 == 1 ? 0 : NOISE_WORDS, i;

    if ( !noise )
        word = (word >> 32) * 0x100000001ULL;
    for ( i = 0; i < WORDS; i++ )
    {
        if ( !check )
            page[i] = word;
        else if ( page[i] != word )
            return false;
        if ( i < noise )
            word = next_word(word);
    }

    return true;
}

static bool put(unsigned long nr)
{
    contents(nr, false);

    return tmem_put(0, nr / PER_OBJECT, nr % PER_OBJECT, frame_of(page)) == 1;
}

/* Some are taken out, looked at, and put again. */
static void sample(unsigned long pages, uint64_t *seed)
{
    unsigned int i, found = 0, wrong = 0;

    for ( i = 0; i < SAMPLE; i++ )
    {
        unsigned long nr = random_next(seed) % pages;

        if ( tmem_get(0, nr / PER_OBJECT, nr % PER_OBJECT,
                      frame_of(page)) == 1 )
        {
            found++;
            wrong += !contents(nr, true);
        }
        put(nr);
    }
    print("SEEN %u of %u, %u wrong\n", found, SAMPLE, wrong);
}

static void fill(void)
{
    unsigned long pages = option("pages", 1000), nr, stored = 0;
    uint64_t seed = 0x1234567;

    tmem_new_pool(EPHEMERAL);
    for ( nr = 0; nr < pages; nr++ )
        stored += put(nr);
    print("FULL %lu of %lu stored\n", stored, pages);
    for ( ; ; )
        sample(pages, &seed);
}

/* ---- a guest that is built out of such pages ------------------------------ */

/* Pages from first to end are nobody's but ours. */
static unsigned long first, end;

static void find_pages(void)
{
    if ( is_pv )
    {
        /* Page tables, and one more for a stack, come last. */
        first = pv_start_info->pt_base / PAGE_BYTES +
                pv_start_info->nr_pt_frames + 1;
        end = pv_start_info->nr_pages;
    }
    else
    {
        /* What tells about the start comes behind the kernel. */
        first = (unsigned long)mini_end / PAGE_BYTES + SPARE_PAGES;
        end = option("memory", 32) << 8;
    }
}

static uint64_t *map(unsigned long pfn)
{
    void *p = (void *)(pfn * PAGE_BYTES);

    if ( !is_pv )
        return p;

    if ( hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)window,
                   frame_of(p) * PAGE_BYTES | PRESENT | WRITABLE,
                   UVMF_INVLPG, 0, 0) )
        print("cannot map page %lu\n", pfn);

    return window;
}

/* Scrubbed pages have one byte all over. */
static void look(void)
{
    unsigned long pfn, dirty = 0;

    for ( pfn = first; pfn < end; pfn++ )
    {
        const uint64_t *p = map(pfn);
        unsigned int i;

        for ( i = 0; i < WORDS; i++ )
            if ( p[i] != (p[0] & 0xff) * 0x0101010101010101ULL )
                break;
        dirty += i < WORDS;
    }
    print("CLEAN %lu pages, %lu not\n", end - first, dirty);
}

/* Each page as it was in this pass, or made so. */
static unsigned long go_over(unsigned int pass, bool check)
{
    unsigned long pfn, wrong = 0;

    for ( pfn = first; pfn < end; pfn++ )
    {
        uint64_t *p = map(pfn), word = next_word((uint64_t)pass << 32 | pfn);
        unsigned int i;

        for ( i = 0; i < WORDS; i++, word += pfn )
        {
            if ( !check )
                p[i] = word;
            else if ( p[i] != word )
                break;
        }
        wrong += i < WORDS;
    }

    return wrong;
}

static void keep(void)
{
    unsigned long wrong = 0;
    unsigned int pass;

    find_pages();
    look();
    for ( pass = 0; pass < PASSES; pass++ )
    {
        go_over(pass, false);
        wrong += go_over(pass, true);
    }
    print("KEPT %lu pages, %lu wrong\n", end - first, wrong);
    sleep_for_ever();
}

void test_main(void)
{
    if ( option("mode", 1) == 1 )
        fill();
    keep();
}
