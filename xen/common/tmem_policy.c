/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_policy.c - which ephemeral page goes first
 *
 * A get of a private ephemeral page takes it out. So a hit says nothing about
 * a page that is still here, and policies that move or mark pages on hits
 * have nothing to go by. What remains is that the guest puts a page again:
 * the time since its last put is the time within which it was used again,
 * whether tmem still had it or not. That is one lookup, in an operation that
 * copies a page anyway; gets, hits or misses, look nothing up.
 *
 *   put --> seen lately? --no--> NEW    --+
 *                        --yes-> AGAIN  --+--> the head of the larger age
 *                                             goes; ages in AGAIN count
 *                                             2^bias less
 *
 * - Pages that are used once, such as a scan's, pass through NEW, which gets
 *   short: but for a 32nd of the pages, it is what is evicted first.
 * - A loop over more pages than there is room for: in put order, each page
 *   goes right before its use. Here those that are in AGAIN stay until they
 *   are used, and no more are let in than can stay: "lately" means within the
 *   time that pages in AGAIN live at present. (Linux's mm/workingset.c
 *   compares refault distances like that.)
 * - The bias follows what is seen: the queue that has more hits for each of
 *   its pages is given more time. Without any hits it returns to a neutral
 *   value, which leaves NEW short, as loops want it.
 *
 * The table of puts has lines of 8 entries, each a part of the handle's hash
 * and the time of its put. An entry that is too old to matter is replaced.
 * If there is none, most puts are not noted, so that part of a loop that is
 * longer than the table is still recognised. What is not noted is NEW.
 *
 * Related: 2Q (Johnson and Shasha, VLDB 1994) and S3-FIFO (Yang et al., SOSP
 * 2023) have two queues and ghosts; ARC (Megiddo and Modha, FAST 2003) adapts
 * by ghosts' hits; LHD (Beckmann et al., NSDI 2018) compares hits by the
 * space and time that they cost.
 *
 * Locking: none. Entries of the table and the bias are single words. Who
 * overwrites another's entry makes the policy forget a put.
 */
#include <xen/kernel.h>
#include <xen/lib.h>
#include <xen/prefetch.h>
#include <xen/tmem_policy.h>
#include <asm/atomic.h>

/*
 * The figures behind these constants are in docs/design.md, "Eviction
 * policy"; bench/policy gives them.
 */
#define BIAS_MAX      8
#define BIAS_NEUTRAL  6

/* NEW is spared while it has less than 2^-5 of the client's pages. */
#define SPARE_SHIFT   5

/*
 * Pages go in batches, on each CPU: between two of them NEW is larger by what
 * this allows for, and still is what is spared.
 */
#define BATCHES(pages) (32 + ((pages) >> 6))

/*
 * The bias changes once in as many puts as the client has pages, and
 * TMEM_POLICY_ADAPT_MIN.
 */
#define ADAPT_SHIFT   0

/* One put in 2^4 is noted in place of an entry that may still matter. */
#define NOTE_SHIFT    4

/*
 * An entry: 11 bits of the hash above 21 bits of time, in units of 2 ms. So
 * a line of 8 takes one page in 256 for another, and time wraps after 73
 * minutes: either puts a page into AGAIN that does not belong there, and it
 * leaves at its head. 0 is no entry.
 */
#define TIME_BITS     21
#define TIME_MASK     ((1U << TIME_BITS) - 1)
#define NEVER         TIME_MASK

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

/* True for one put in 2^NOTE_SHIFT, for each handle at other times. */
static bool is_sampled(uint64_t hash, uint32_t time)
{
    /* 2^64 over the golden ratio, as in tmem_object.c. */
    return !((hash ^ time) * 0x9e3779b97f4a7c15ULL >> (64 - NOTE_SHIFT));
}

/*
 * Note a put in the table. Returns the time since the last one in units of
 * the table, or NEVER. Entries older than `window` do not matter.
 */
static uint32_t note_put(struct tmem_policy *p, uint64_t hash, uint64_t now,
                         uint64_t window)
{
    struct tmem_policy_line *line = line_of(p, hash);
    uint32_t time = (now >> TMEM_POLICY_TIME_SHIFT) & TIME_MASK;
    uint32_t tag = (hash >> 32) & ~TIME_MASK, oldest = 0;
    unsigned int i;

    BUILD_BUG_ON(((uint64_t)NEVER + 1) * TMEM_POLICY_WAYS > 1ULL << 32);

    for ( i = 0; i < TMEM_POLICY_WAYS; i++ )
    {
        uint32_t put = read_atomic(&line->put[i]);
        uint32_t age = put ? (time - put) & TIME_MASK : NEVER;

        if ( put && (put & ~TIME_MASK) == tag )
        {
            write_atomic(&line->put[i], tag | time);
            return age;
        }
        /* Age and place in one number: no branch that nobody can foresee. */
        oldest = max(oldest, age * TMEM_POLICY_WAYS + i);
    }

    i = oldest % TMEM_POLICY_WAYS;
    oldest /= TMEM_POLICY_WAYS;
    if ( oldest == NEVER || oldest > window || is_sampled(hash, time) )
        write_atomic(&line->put[i], tag | time);

    return NEVER;
}

/* How long the head of a queue has been there, in ns. */
static uint64_t head_age(const struct tmem_policy_queues *q, unsigned int sort,
                         uint64_t now)
{
    return q->oldest[sort] < now ? now - q->oldest[sort] : 0;
}

unsigned int tmem_policy_victim(unsigned int bias,
                                const struct tmem_policy_queues *q,
                                uint64_t now, uint64_t *age)
{
    uint64_t new = head_age(q, TMEM_POLICY_NEW, now);
    uint64_t full = head_age(q, TMEM_POLICY_AGAIN, now);
    uint64_t again = full >> bias;
    unsigned long pages = q->pages[TMEM_POLICY_NEW] +
                          q->pages[TMEM_POLICY_AGAIN];

    *age = new;
    if ( !q->pages[TMEM_POLICY_AGAIN] )
        return TMEM_POLICY_NEW;
    if ( q->pages[TMEM_POLICY_NEW] <= pages >> SPARE_SHIFT )
        again = max(again, min(new, full));
    else if ( again <= new )
        return TMEM_POLICY_NEW;
    *age = again;

    return TMEM_POLICY_AGAIN;
}

/* How long pages in AGAIN live at present, in ns. */
static uint64_t again_life(const struct tmem_policy *p,
                           const struct tmem_policy_queues *q, uint64_t now)
{
    unsigned long pages = q->pages[TMEM_POLICY_NEW] +
                          q->pages[TMEM_POLICY_AGAIN];
    unsigned int bias = read_atomic(&p->bias);
    uint64_t age;

    /* What is evicted now has lived as long as it may. */
    if ( tmem_policy_victim(bias, q, now, &age) == TMEM_POLICY_AGAIN ||
         (q->pages[TMEM_POLICY_AGAIN] && q->pages[TMEM_POLICY_NEW] <=
          (pages >> SPARE_SHIFT) + BATCHES(pages)) )
        return head_age(q, TMEM_POLICY_AGAIN, now);

    return age << bias;
}

unsigned int tmem_policy_put(struct tmem_policy *p, uint64_t hash,
                             const struct tmem_policy_queues *q, uint64_t now)
{
    uint64_t life;

    if ( !p->lines )
        return TMEM_POLICY_NEW;

    life = min(again_life(p, q, now) >> TMEM_POLICY_TIME_SHIFT,
               (uint64_t)NEVER);

    return note_put(p, hash, now, life) < life ? TMEM_POLICY_AGAIN
                                               : TMEM_POLICY_NEW;
}

unsigned int tmem_policy_adapt(struct tmem_policy *p,
                               const struct tmem_policy_queues *q,
                               unsigned long puts,
                               const unsigned long hits[TMEM_POLICY_SORTS])
{
    uint64_t new, again;
    unsigned int bias = read_atomic(&p->bias);
    unsigned long pages = q->pages[TMEM_POLICY_NEW] +
                          q->pages[TMEM_POLICY_AGAIN];

    if ( puts - read_atomic(&p->puts) <
         (pages >> ADAPT_SHIFT) + TMEM_POLICY_ADAPT_MIN )
        return bias;

    /* Hits for each page; both multiplied with the pages of either. */
    new = (uint64_t)q->pages[TMEM_POLICY_AGAIN] *
          (hits[TMEM_POLICY_NEW] - read_atomic(&p->hits[TMEM_POLICY_NEW]));
    again = (uint64_t)q->pages[TMEM_POLICY_NEW] *
            (hits[TMEM_POLICY_AGAIN] -
             read_atomic(&p->hits[TMEM_POLICY_AGAIN]));
    if ( again > new )
        bias += bias < BIAS_MAX;
    else if ( again < new )
        bias -= bias > 0;
    else
        bias += (bias < BIAS_NEUTRAL) - (bias > BIAS_NEUTRAL);

    write_atomic(&p->bias, bias);
    write_atomic(&p->puts, puts);
    write_atomic(&p->hits[TMEM_POLICY_NEW], hits[TMEM_POLICY_NEW]);
    write_atomic(&p->hits[TMEM_POLICY_AGAIN], hits[TMEM_POLICY_AGAIN]);

    return bias;
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
