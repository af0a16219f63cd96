/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_dedup.c - which stored bytes may be there already
 *
 * A table of words that is taken at boot, and never grows: a word has a part of
 * the hash, and which entry of which bin had such bytes last:
 *
 *   20 bits of the hash | 38: the bin's first frame (pdx) | 6: the entry
 *
 * A page has a line of the cache, with eight words, which some of its own words
 * choose: so the line is fetched while a codec makes bytes of the page, and what is
 * there is found without waiting. Of pages that are alike in all of these words no
 * more than eight are known. Newer ones take the place
 * of older ones, of the same hash if there is one; nobody takes a word out: one
 * that is lost, or leads to something else by now, is a chance missed to share.
 * (With one word for each hash, many more were missed when each page was put
 * twice.) Words are read and written as a whole, so there is no lock.
 *
 * The hash begins with a secret of this boot: nobody can choose pages that meet
 * in one word; and with the serial number of the client, or of its group, and
 * the codec, so that pages say nothing about those of others.
 */
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/param.h>
#include <xen/prefetch.h>
#include <xen/random.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_dedup.h>

bool __read_mostly opt_tmem_dedup;
boolean_param("tmem_dedup", opt_tmem_dedup);

/* Sharing takes a page 24 to 40 bytes of metadata, and two places 72. */
#define SHARED_MIN         128

#define ENTRY_BITS         6
#define FRAME_BITS         38
#ifdef TMEM_SHRUNK
/* All bytes have the same hash, or nearly. */
#define TAG_MASK           0UL
#define TABLE_MASK         3UL
#else
#define TAG_MASK           (~0UL << (ENTRY_BITS + FRAME_BITS))
#define TABLE_MASK         ~0UL
#endif

struct line {
    uint64_t word[8];          /* 0: none yet */
};

static struct line *__read_mostly table;
static unsigned long __read_mostly table_mask;
static uint64_t __read_mostly secret;

#ifdef CONFIG_TMEM_LZ4

/* A word for each frame of the host, or up to two: 0.2 to 0.4 % of memory. */
static bool __init take_table(void)
{
    unsigned int order = get_order_from_bytes(total_pages * sizeof(uint64_t));

    order = min(order, MAX_ORDER + 0U);
    while ( !(table = alloc_xenheap_pages(order, 0)) && order )
        order--;
    if ( !table )
        return false;
    memset(table, 0, PAGE_SIZE << order);
    table_mask = ((PAGE_SIZE << order) / sizeof(*table) - 1) & TABLE_MASK;

    return true;
}

static uint64_t bytes_hash(const void *bytes, unsigned int len, uint64_t seed)
{
    return tmem_xxh64(bytes, len, seed);
}

#else /* The hash comes with that codec. */

static bool __init take_table(void)
{
    return false;
}

static uint64_t bytes_hash(const void *bytes, unsigned int len, uint64_t seed)
{
    return 0;
}

#endif

void __init tmem_dedup_init(void)
{
    if ( !opt_tmem_dedup )
        return;
    opt_tmem_dedup = take_table();
    if ( !opt_tmem_dedup )
    {
        printk(XENLOG_WARNING "tmem: deduplication is off: there is no memory "
               "for it, or no hash (lz4) is built in\n");
        return;
    }
    secret = ((uint64_t)get_random() << 32) | get_random();
    printk("tmem: deduplication is on, %lu KiB of hints\n",
           ((table_mask + 1) * sizeof(*table)) >> 10);
}

#define NR_LOOKED_AT 32

uint64_t tmem_dedup_begin(uint64_t serial, const void *page)
{
    const uint64_t *word = page;
    uint64_t some[NR_LOOKED_AT], line;
    unsigned int i;

    /* One in two lines; at each place of a line some. */
    for ( i = 0; i < NR_LOOKED_AT; i++ )
        some[i] = word[i * PAGE_SIZE / NR_LOOKED_AT / sizeof(*word) + i % 16];
    line = bytes_hash(some, sizeof(some), secret + serial);
    prefetchw(&table[line & table_mask]);

    return line;
}

uint64_t tmem_dedup_hash(uint64_t serial, const void *bytes, unsigned int len,
                         unsigned int codec, uint64_t line)
{
    uint64_t hash;

    if ( len < SHARED_MIN )
        return 0;
    hash = bytes_hash(bytes, len, secret + serial * TMEM_NR_CODECS + codec);

    return ((hash & ~table_mask) | (line & table_mask)) ?: 1;
}

/* The word for that hash, or (take) the one that is to be. *was: what it is. */
static uint64_t *find_word(uint64_t hash, bool take, uint64_t *was)
{
    struct line *line = &table[hash & table_mask];
    uint64_t *word, *free = NULL;
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(line->word); i++ )
    {
        word = &line->word[i];
        *was = read_atomic(word);
        if ( *was && !((*was ^ hash) & TAG_MASK) )
            return word;
        if ( !*was && !free )
            free = word;
    }

    /* Any, by bits that nothing else goes by. */
    return !take ? NULL :
           free ?: &line->word[(hash >> FRAME_BITS) % ARRAY_SIZE(line->word)];
}

tmem_stored_t tmem_dedup_find(uint64_t hash)
{
    uint64_t word;

    if ( !find_word(hash, false, &word) )
        return tmem_stored_none();

    return tmem_stored_bin(pdx_to_page((word & ~TAG_MASK) >> ENTRY_BITS),
                           word & TMEM_STORED_ENTRY_MASK);
}

void tmem_dedup_note(uint64_t hash, tmem_stored_t s)
{
    uint64_t pdx = page_to_pdx(tmem_stored_frame(s)), was;

    if ( pdx >> FRAME_BITS )
        return;
    write_atomic(find_word(hash, true, &was),
                 (hash & TAG_MASK) | (pdx << ENTRY_BITS) |
                 tmem_stored_entry(s));
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
