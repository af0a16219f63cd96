/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libs.c - runs the benchmarks of the libraries and collects what they report
 *
 * Design and contract: libs_bench.h.
 *
 * Locking: single thread.
 */
#include <stdio.h>
#include "bench.h"
#include "libs_bench.h"

void bench_lib(const char *what, const char *unit,
               unsigned long long total, unsigned long count)
{
    row_add(row(what, what, unit, "", INFORM),
            count ? (double)total / count : 0);
}

unsigned long long bench_lib_ns(void)
{
    return now_ns();
}

unsigned int bench_lib_random(void)
{
    return random32();
}

unsigned long bench_lib_count(unsigned long n)
{
    return opt.quick ? (n + 9) / 10 : n;
}

void bench_lib_fail(const char *why)
{
    fail("%s", why);
}

void bench_libs(void)
{
    static void (*const libs[])(void) = {
        bench_rbtree, bench_radix_tree, bench_tlsf,
    };
    static const char *const titles[] = {
        "Red-black tree", "Radix tree", "TLSF allocator",
    };
    unsigned long frames = opt.frames;
    unsigned int i, round;

    opt.frames = 16;          /* the libraries need no guest */
    load_host(1, 0, 65536, true);

    for ( i = 0; i < sizeof(libs) / sizeof(libs[0]); i++ )
    {
        if ( !libs[i] )
        {
            note("libs: no benchmark of the %s", titles[i]);
            continue;
        }

        row_section(titles[i]);
        for ( round = 0; round < opt.rounds; round++ )
        {
            note("libs: %s, round %u", titles[i], round + 1);
            libs[i]();
        }
    }

    load_stop();
    opt.frames = frames;
}
