/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_policy.c - which ephemeral page goes first
 *
 * A get of a private ephemeral page takes it out. So a hit says nothing about
 * a page that is still here, and policies that move or mark pages on hits
 * have nothing to go by. What remains is that the guest puts a page again:
 * the time since its last put is the time in which it was used again, whether
 * tmem had it meanwhile or not. That is one lookup, in an operation that
 * copies a page anyway; gets, hits or misses, look nothing up.
 *
 *   put --> seen lately? --no--> NEW    --+
 *                        --yes-> AGAIN  --+--> the head of the larger age
 *                                             goes; ages in AGAIN count
 *                                             for 2^bias less
 *
 * - Pages that are used once, a scan, pass through NEW, which is short.
 * - A loop over more pages than there is room for: put order evicts each page
 *   right before its use. Here the pages that are in AGAIN stay until their
 *   use; and no more are let in than can stay: "lately" means within the time
 *   that the head of AGAIN lives, which becomes short when AGAIN is large.
 *   (Linux's mm/workingset.c compares refault distances like that.)
 * - The bias follows what is seen: the queue that has more hits for each page
 *   of it is given more time. When there are no hits, it returns to a
 *   neutral value: with a short NEW, as loops want it.
 *
 * The table of puts has lines of 8 entries, each a part of the handle's hash
 * and the time of the put; a new one takes the place of the oldest. A table
 * that is too small forgets early, and then pages are NEW.
 *
 * Related: 2Q (Johnson and Shasha, VLDB 1994) and S3-FIFO (Yang et al., SOSP
 * 2023) have two queues and ghosts; ARC (Megiddo and Modha, FAST 2003) adapts
 * by ghosts' hits; LHD (Beckmann et al., NSDI 2018) compares hits by the
 * space and time that they cost.
 *
 * Locking: none. Entries of the table and the bias are single words. Whoever
 * overwrites an entry at the same time makes the policy forget a put.
 */
#include <xen/atomic.h>
#include <xen/kernel.h>
#include <xen/prefetch.h>
unsigned RATE=4, XP=1, SPLIT=4;
#include <xen/tmem_policy.h>

/*
 * The largest bias, and what it is without hits: bench/policy has the
 * figures. 2^8 leaves NEW at least some hundredths of a loop's memory.
 */
#define BIAS_MAX      8
#define BIAS_NEUTRAL  6

/* The bias changes after puts of a quarter of the client's pages, and 16. */
#define ADAPT_SHIFT   2
#define ADAPT_MIN     16

/*
 * An entry: 24 bits of the hash above 40 bits of time, in units of 256 ns. It
 * wraps after 78 hours; a page that is taken for one put lately does no harm.
 */
#define TIME_SHIFT    21
#define TIME_BITS     21
#define TIME_MASK     ((1U << TIME_BITS) - 1)

void tmem_policy_init(struct tmem_policy *p, struct tmem_policy_line *lines,
                      unsigned int nr)
{
    *p = (struct tmem_policy){
        .lines = lines, .mask = nr - 1, .bias = BIAS_NEUTRAL,
    };
}

static struct tmem_policy_line *line_of(const struct tmem_policy *p,
                                        uint64_t hash)
{
    return &p->lines[hash & p->mask];
}

void tmem_policy_prefetch(const struct tmem_policy *p, uint64_t hash)
{
    if ( p->lines )
        prefetch(line_of(p, hash));
}

/*
 * Note a put in the table. Returns the time since the last one, in units of
 * the table, or TIME_MASK when there is none.
 */
static uint32_t note_put(struct tmem_policy *p, uint64_t hash, uint64_t now,
                         uint64_t window)
{
    struct tmem_policy_line *line = line_of(p, hash);
    uint32_t time = (now >> TIME_SHIFT) & TIME_MASK, oldest = 0;
    uint32_t tag = (hash >> 32) & ~TIME_MASK;
    unsigned int i, way = 0;

    for ( i = 0; i < TMEM_POLICY_WAYS; i++ )
    {
        uint32_t put = read_atomic(&line->put[i]);
        uint32_t age = put ? (time - put) & TIME_MASK : TIME_MASK;

        if ( put && (put & ~TIME_MASK) == tag )
        {
            write_atomic(&line->put[i], tag | time);
            return age;
        }
        if ( age > oldest )
        {
            oldest = age;
            way = i;
        }
    }

    if ( oldest == TIME_MASK || oldest > window || !(((hash ^ now) * 0x9e3779b97f4a7c15ULL) >> (64 - RATE)) )
        write_atomic(&line->put[way], tag | time);

    return TIME_MASK;
}

uint64_t tmem_policy_age(const struct tmem_policy *p, unsigned int queue,
                         uint64_t oldest, uint64_t now)
{
    if ( oldest == TMEM_POLICY_EMPTY || oldest >= now )
        return 0;

    { unsigned b = read_atomic(&p->bias), up = b * SPLIT / 8;
    return queue == TMEM_POLICY_AGAIN ? (now - oldest) >> (b - up) : (now - oldest) << up; }
}

unsigned int tmem_policy_put(struct tmem_policy *p, uint64_t hash,
                             uint64_t now,
                             const uint64_t oldest[TMEM_POLICY_QUEUES])
{
    uint64_t ago, life, window;

    if ( !p->lines )
        return TMEM_POLICY_NEW;

    life = tmem_policy_age(p, TMEM_POLICY_NEW, oldest[TMEM_POLICY_NEW], now);
    life = max(life, tmem_policy_age(p, TMEM_POLICY_AGAIN,
                                     oldest[TMEM_POLICY_AGAIN], now));
    {unsigned b = read_atomic(&p->bias), up = b * SPLIT / 8; window = (life << (b-up)) >> TIME_SHIFT;}
    ago = note_put(p, hash, now, window);

    return ago < min(window, (uint64_t)TIME_MASK) ? TMEM_POLICY_AGAIN : TMEM_POLICY_NEW;
}

void tmem_policy_adapt(struct tmem_policy *p,
                       const struct tmem_policy_counts *now)
{
    unsigned long pages = now->pages[TMEM_POLICY_NEW] +
                          now->pages[TMEM_POLICY_AGAIN];
    unsigned long hits[TMEM_POLICY_QUEUES];
    uint64_t of_new, of_again;
    unsigned int i, bias = read_atomic(&p->bias);

    if ( now->puts - read_atomic(&p->puts) <
         (pages >> ADAPT_SHIFT) + ADAPT_MIN )
        return;

    write_atomic(&p->puts, now->puts);
    for ( i = 0; i < TMEM_POLICY_QUEUES; i++ )
    {
        hits[i] = now->hits[i] - read_atomic(&p->hits[i]);
        write_atomic(&p->hits[i], now->hits[i]);
    }

    /* Hits for each page, both multiplied with the pages of either. */
    of_new = (uint64_t)hits[TMEM_POLICY_NEW] * now->pages[TMEM_POLICY_AGAIN];
    of_again = (uint64_t)hits[TMEM_POLICY_AGAIN] * now->pages[TMEM_POLICY_NEW];
    if ( of_new == of_again )
        bias += (bias < BIAS_NEUTRAL) - (bias > BIAS_NEUTRAL);
    else if ( of_again > of_new )
        bias += bias < BIAS_MAX;
    else
        bias -= bias > 0;
    write_atomic(&p->bias, bias);
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
