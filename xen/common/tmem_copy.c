/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_copy.c - how a page is copied
 *
 * Which instructions do that fastest is measured when Xen starts: no CPUID bit
 * tells. With FSRM, one string instruction for the whole page takes 0.88 of
 * streaming stores, or 0.69. But the line that an operation waits for next may
 * come late behind it, and then the page is in no cache: in two halves, copy
 * and such lines take 0.90, and with the guest's reading of the page 0.69. On
 * CPUs without it, streaming stores take 0.82 of one string instruction. So
 * what is timed is what an operation does, over more memory than caches hold.
 * docs/design.md has what else was tried, and why nothing here uses SSE.
 *
 * Locking: none; tmem_copy_way changes before the first operation.
 */
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/prefetch.h>
#include <xen/tmem_copy.h>
#include <xen/tmem_xen.h>

uint8_t __read_mostly tmem_copy_way[TMEM_COPY_KINDS];

static always_inline void copy_string(void **to, const void **from,
                                      unsigned long bytes)
{
    unsigned long n = bytes / sizeof(long);

    asm volatile ( "rep movsq"
                   : "+D" (*to), "+S" (*from), "+c" (n) :: "memory" );
}

/*
 * Streaming stores: the lines of `to` need not be fetched, nor push others out
 * of the caches. The source is fetched 16 lines ahead. (Random pages, as a
 * share of one string instruction without FSRM: without 0.97, with 0.82; 8
 * lines ahead 0.83; all lines first 0.95.)
 */
static void copy_streamed(void *to, const void *from)
{
    const unsigned int ahead = 16 * 64;
    const void *src;
    void *dst = to, *end = to + PAGE_SIZE;

    for ( src = from; src < from + ahead; src += 64 )
        prefetch(src);
    for ( src = from; dst < end; src += 64, dst += 64 )
    {
        unsigned long a, b, c, d;

        /* At last its beginning again: what is behind it may be a guest's. */
        prefetch(from + (src - from + ahead) % PAGE_SIZE);
        asm volatile (
            "mov   0(%[src]), %[a]; mov   8(%[src]), %[b]\n\t"
            "mov  16(%[src]), %[c]; mov  24(%[src]), %[d]\n\t"
            "movnti %[a],  0(%[dst]); movnti %[b],  8(%[dst])\n\t"
            "movnti %[c], 16(%[dst]); movnti %[d], 24(%[dst])\n\t"
            "mov  32(%[src]), %[a]; mov  40(%[src]), %[b]\n\t"
            "mov  48(%[src]), %[c]; mov  56(%[src]), %[d]\n\t"
            "movnti %[a], 32(%[dst]); movnti %[b], 40(%[dst])\n\t"
            "movnti %[c], 48(%[dst]); movnti %[d], 56(%[dst])"
            : [a] "=&r" (a), [b] "=&r" (b), [c] "=&r" (c), [d] "=&r" (d)
            : [src] "r" (src), [dst] "r" (dst)
            : "memory" );
    }
    asm volatile ( "sfence" ::: "memory" );
}

void tmem_copy_page(void *to, const void *from, enum tmem_copy_way way)
{
    switch ( way )
    {
    case TMEM_COPY_STREAMED:
        copy_streamed(to, from);
        break;

    case TMEM_COPY_HALVES:
        copy_string(&to, &from, PAGE_SIZE / 2);
        copy_string(&to, &from, PAGE_SIZE / 2);
        break;

    default:
        copy_string(&to, &from, PAGE_SIZE);
        break;
    }
}

/*
 * Have all of a page fetched, two lines in three cycles. Of so many prefetches
 * a CPU drops some, of loads none.
 */
static void touch_page(const void *p)
{
    const void *end = p + PAGE_SIZE;

    for ( ; p < end; p += 128 )
        asm volatile ( "mov (%0), %%eax; mov 64(%0), %%eax; imul $1, %0, %0"
                       : "+r" (p) :: "rax" );
}

#define PAGE_WORDS  (PAGE_SIZE / sizeof(uint64_t))
#define AT_ONCE     7         /* those behind the first are 73 times so many */

/*
 * The place of the first word of a page that is not as those before it, and what
 * it is; PAGE_WORDS: there is none. Each is read once. (A line at a time, joined
 * by xor and or, would take as many ns more as there are lines.)
 */
static unsigned int first_other(const uint64_t *page, uint64_t word,
                                uint64_t *other)
{
    unsigned int i, k;

    for ( i = 1; i < PAGE_WORDS; i += AT_ONCE )
#pragma GCC unroll 7
        for ( k = 0; k < AT_ONCE; k++ )
        {
            *other = ACCESS_ONCE(page[i + k]);
            if ( *other != word )
                return i + k;
        }

    return i;
}

/*
 * Copy a page of which the first n words are known to be `word`, and the next
 * one is `other`; in halves, so that it stays in the caches.
 */
static void copy_rest(uint64_t *to, const uint64_t *from, unsigned int n,
                      uint64_t word, uint64_t other)
{
    const void *src;
    void *dst;
    unsigned int i;

    for ( i = 0; i < n; i++ )
        to[i] = word;
    to[i] = other;
    for ( i++; i % 8; i++ )
        to[i] = ACCESS_ONCE(from[i]);
    dst = to + i;
    src = from + i;
    copy_string(&dst, &src, (PAGE_WORDS - i) / 2 * sizeof(*to));
    copy_string(&dst, &src, (void *)(to + PAGE_WORDS) - dst);
}

bool tmem_copy_unless_same(uint64_t *to, const uint64_t *from, uint32_t *same)
{
    uint64_t word, other;
    unsigned int n = 1;

    touch_page(from);
    word = ACCESS_ONCE(from[0]);
    *same = word;
    if ( (uint32_t)word == word >> 32 )
        n = first_other(from, word, &other);
    else
        other = ACCESS_ONCE(from[1]);
    if ( n == PAGE_WORDS )
        return false;
    copy_rest(to, from, n, word, other);

    return true;
}

/* ---- Which way is the fastest ------------------------------------------ */

#define MEASURE_ORDER      14      /* 64 MiB: more than most caches have */
#define MEASURE_PAGES      (1U << MEASURE_ORDER)
#define MEASURE_COPIES     256     /* in a pass: some 0.1 ms */
#define MEASURE_PASSES     8       /* the fastest counts: without interrupts */

/* The next page, in an order that no CPU guesses. */
static void *__init next_page(void *mem, unsigned int *at)
{
    return mem + (((*at)++ * 0x9e3779b1U) % MEASURE_PAGES << PAGE_SHIFT);
}

/*
 * The time of copies with what operations do behind them: locked instructions,
 * which wait for stores, and between them loads that no cache serves. What a
 * get copied is read then.
 */
static uint64_t __init pass(enum tmem_copy_kind kind, enum tmem_copy_way way,
                            void *mem, unsigned int *at)
{
    uint64_t start = rdtsc_ordered();
    unsigned int i, line;

    for ( i = 0; i < MEASURE_COPIES; i++ )
    {
        void *to = next_page(mem, at);

        tmem_copy_page(to, next_page(mem, at), way);
        for ( line = 0; line < 2; line++ )
        {
            smp_mb();
            read_atomic((uint64_t *)(next_page(mem, at) + i % 64 * 64));
        }
        smp_mb();
        for ( line = 0; kind == TMEM_COPY_GET && line < 64; line++ )
            read_atomic((uint64_t *)(to + line * 64));
        /* Five pages each, an odd number: in time each plays all parts. */
        (*at)++;
    }

    return rdtsc_ordered() - start;
}

enum tmem_copy_way __init tmem_copy_best(const uint64_t ticks[TMEM_COPY_WAYS])
{
    enum tmem_copy_way way, best = 0;

    for ( way = 1; way < TMEM_COPY_WAYS; way++ )
        if ( ticks[way] < ticks[best] - ticks[best] / 32 )
            best = way;

    return best;
}

void __init tmem_copy_init(void)
{
    static const char *const names[] = { "whole", "in halves", "streamed" };
    uint64_t ticks[TMEM_COPY_KINDS][TMEM_COPY_WAYS];
    unsigned int i, kind, way, at = 0;
    void *mem = NULL;

    memset(tmem_copy_way, TMEM_COPY_WHOLE, sizeof(tmem_copy_way));
    memset(ticks, 0xff, sizeof(ticks));

    if ( avail_domheap_pages() / 16 >= MEASURE_PAGES )
        mem = alloc_xenheap_pages(MEASURE_ORDER, 0);
    if ( !mem )
        return;

    /* Lines in the caches are to be like those of a host that is at work. */
    memset(mem, 0, MEASURE_PAGES << PAGE_SHIFT);
    for ( i = 0; i < MEASURE_PASSES; i++ )
        for ( kind = 0; kind < TMEM_COPY_KINDS; kind++ )
            for ( way = 0; way < TMEM_COPY_WAYS; way++ )
                ticks[kind][way] = min(ticks[kind][way],
                                       pass(kind, way, mem, &at));
    free_xenheap_pages(mem, MEASURE_ORDER);

    for ( kind = 0; kind < TMEM_COPY_KINDS; kind++ )
        tmem_copy_way[kind] = tmem_copy_best(ticks[kind]);
    printk(XENLOG_DEBUG "tmem: puts copy %s, gets %s\n",
           names[tmem_copy_way[TMEM_COPY_PUT]],
           names[tmem_copy_way[TMEM_COPY_GET]]);
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
