/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libs_bench.h - how the benchmarks of the libraries report
 *
 * bench/libs_*.c may be built against Xen's private headers, which do not mix
 * with the C library's; so this header includes nothing, and uses no floating
 * point. Each bench_*() below is called once a round (five rounds, fewer when
 * quick) by a thread bound to CPU 0 of a running host with 65,536 frames, most
 * of them free and faulted in. It reports any number of lines with
 * bench_lib(); a line's samples are put together by their text, and the median
 * of the rounds is printed. It leaves nothing allocated. A function that is
 * not there (they are weak) is left out of the table.
 */
#ifndef BENCH_LIBS_BENCH_H
#define BENCH_LIBS_BENCH_H

void bench_rbtree(void) __attribute__((weak));
void bench_radix_tree(void) __attribute__((weak));
void bench_tlsf(void) __attribute__((weak));

/*
 * One sample of the line `what` (at most 46 characters; the string must stay):
 * total / count, in `unit`, which is "ns" or "B". Less is better.
 */
void bench_lib(const char *what, const char *unit,
               unsigned long long total, unsigned long count);

/* Monotonic time in ns. */
unsigned long long bench_lib_ns(void);

/* A random number, all 32 bits; the same row of them in every run. */
unsigned int bench_lib_random(void);

/* How many to measure: n in a full run, a tenth of it in a quick one. */
unsigned long bench_lib_count(unsigned long n);

/* Say what is wrong with a result (a lookup that fails ...), and stop. */
void bench_lib_fail(const char *why) __attribute__((__noreturn__));

#endif /* BENCH_LIBS_BENCH_H */
