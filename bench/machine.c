/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.c - clocks, processors and facts of the machine
 *
 * Design: rounds are timed with CLOCK_MONOTONIC, single operations with the
 * TSC, which needs some 10 ns instead of 25. Each of the host's CPUs is pinned
 * to a processor of its own where there are enough, because a migration in a
 * round would be measured as tmem's. The facts name no host, so that results
 * can be published.
 *
 * Locking: none; call from one thread, except for the clocks and
 * machine_bind().
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/utsname.h>
#include "bench.h"

uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

double ns_per_tick(void)
{
    static double ratio;

    if ( ratio == 0 )
    {
        uint64_t ns = now_ns(), tick = __rdtsc(), end;

        do
            end = now_ns();
        while ( end - ns < 50000000 );
        ratio = (double)(end - ns) / (__rdtsc() - tick);
    }

    return ratio;
}

/*
 * Run queue statistics: time on the processor, time runnable without it, both
 * in ns. Zero where the kernel has none; then nothing is ever left out.
 */
uint64_t waited_ns(void)
{
    FILE *f = fopen("/proc/thread-self/schedstat", "r");
    unsigned long long ran, waited = 0;

    if ( f && fscanf(f, "%llu %llu", &ran, &waited) != 2 )
        waited = 0;
    if ( f )
        fclose(f);

    return waited;
}

unsigned int machine_cpus(void)
{
    static unsigned int nr;    /* the first call is before any pinning */

    if ( nr == 0 )
    {
        cpu_set_t set;

        nr = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
    }

    return nr;
}

static void pin(unsigned int cpu)
{
    static cpu_set_t all;
    static bool known;
    cpu_set_t one;
    unsigned int i, nr = cpu;

    if ( !known )
    {
        sched_getaffinity(0, sizeof(all), &all);
        known = true;
    }

    if ( machine_cpus() < 2 )
        return;

    for ( i = 0; i < CPU_SETSIZE; i++ )
        if ( CPU_ISSET(i, &all) && nr-- == 0 )
        {
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            sched_setaffinity(0, sizeof(one), &one);
            return;
        }
}

void machine_bind(unsigned int cpu)
{
    int rc = xenhost_cpu_bind(cpu);

    if ( rc )
        fail("cannot bind to the host's CPU %u: error %d", cpu, rc);

    pin(cpu);
}

/* The rest of the first line of a file that starts with `key`, cleaned. */
static const char *fact(const char *file, const char *key, char *buf,
                        size_t size)
{
    char line[256];
    FILE *f = fopen(file, "r");
    size_t n = 0;
    char *p;

    buf[0] = 0;

    while ( f && fgets(line, sizeof(line), f) )
    {
        if ( strncmp(line, key, strlen(key)) )
            continue;

        for ( p = line + strlen(key); strchr(" \t:", *p) && *p; p++ )
            ;
        for ( ; *p && *p != '\n' && n + 1 < size; p++ )
            if ( *p >= ' ' && *p != '"' && *p != '\\' )
                buf[n++] = *p;
        buf[n] = 0;
        break;
    }

    if ( f )
        fclose(f);

    return buf;
}

void machine_json(FILE *f)
{
    static const char cache[] = "/sys/devices/system/cpu/cpu0/cache/index";
    const char *commit = getenv("BENCH_COMMIT");
    char buf[128], path[sizeof(cache) + 16];
    struct utsname u;
    unsigned int i;

    fprintf(f, "  \"machine\": {\n    \"cpu\": \"%s\",\n",
            fact("/proc/cpuinfo", "model name", buf, sizeof(buf)));
    fprintf(f, "    \"cpus\": %u,\n", machine_cpus());
    fprintf(f, "    \"mhz\": %.0f,\n", 1000 / ns_per_tick());

    for ( i = 2; i <= 3; i++ )
    {
        snprintf(path, sizeof(path), "%s%u/size", cache, i);
        fprintf(f, "    \"l%u_cache\": \"%s\",\n", i,
                fact(path, "", buf, sizeof(buf)));
    }

    fprintf(f, "    \"memory\": \"%s\",\n",
            fact("/proc/meminfo", "MemTotal", buf, sizeof(buf)));
    fprintf(f, "    \"huge_pages\": \"%s\",\n",
            fact("/sys/kernel/mm/transparent_hugepage/enabled", "", buf,
                 sizeof(buf)));
    fprintf(f, "    \"kernel\": \"%s\",\n",
            uname(&u) ? "" : u.release);
    fprintf(f, "    \"compiler\": \"%s\"\n  },\n", __VERSION__);
    fprintf(f, "  \"commit\": \"%s\",\n  \"time\": %ld,\n",
            commit ? commit : "", (long)time(NULL));
}

void note(const char *fmt, ...)
{
    static uint64_t start;
    va_list ap;

    start = start ?: now_ns();
    fprintf(stderr, "%4.0f s  ", (now_ns() - start) / 1e9);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void fail(const char *fmt, ...)
{
    va_list ap;

    fputs("bench: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}
