/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mini.h - a tiny guest kernel for tests
 *
 * Boots as a PVH guest (32-bit or 64-bit) or as a PV guest (64-bit), in a
 * second instead of Linux's ten, with nothing between the test and the
 * hypercalls. There are no interrupts, no exceptions (a fault ends the guest)
 * and no memory allocation; virtual addresses are physical ones.
 *
 * A test is a function test_main(). What it prints goes to the guest's
 * console. Each verdict is a line "PASS name" or "FAIL name: ..."; after the
 * last one comes "DONE n passed, m failed", and the guest powers off.
 */
#ifndef MINI_H
#define MINI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <public/xen.h>
#include <public/tmem.h>

#define PAGE_BYTES 4096
#define PAGE_ALIGNED __attribute__((aligned(PAGE_BYTES)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_VCPUS  8

/* The test. */
void test_main(void);

/* ---- the machine --------------------------------------------------------- */

extern bool is_pv;
extern const char *command_line;
extern const struct start_info *pv_start_info;   /* NULL in a PVH guest */

/* The number after NAME= on the command line, or what is not there. */
unsigned long option(const char *name, unsigned long otherwise);

/* The frame number by which the hypervisor knows the page of an address. */
xen_pfn_t frame_of(const void *p);

/*
 * Start vCPU nr (1 .. MAX_VCPUS - 1) with a function that never returns.
 * 0 or a negative error of Xen.
 */
long vcpu_start(unsigned int nr, void (*fn)(unsigned int nr));

/* Have the domain shut down: SHUTDOWN_*. */
void shutdown(unsigned int reason) __attribute__((noreturn));

/* Wait for ever. */
void sleep_for_ever(void) __attribute__((noreturn));

void yield(void);

static inline uint64_t cycles(void)
{
    uint32_t lo, hi;

    asm volatile ( "lfence; rdtsc" : "=a" (lo), "=d" (hi) :: "memory" );

    return (uint64_t)hi << 32 | lo;
}

/* ---- output -------------------------------------------------------------- */

/* %c %s %d %u %x, with l for long; %llx; width with or without 0. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A verdict, and when it is a failure, why. True when it passed. */
bool verdict(bool ok, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, for a result that must be equal to what is expected. */
bool verdict_eq(const char *name, long result, long expected);

/* ---- hypercalls ---------------------------------------------------------- */

long hypercall(unsigned int nr, unsigned long a, unsigned long b,
               unsigned long c, unsigned long d, unsigned long e);

static inline long tmem(const struct tmem_op *op)
{
    return hypercall(__HYPERVISOR_tmem_op, (unsigned long)op, 0, 0, 0, 0);
}

#define EPHEMERAL  ((uint32_t)TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT)
#define PERSISTENT (EPHEMERAL | TMEM_POOL_PERSIST)

/* Operations on object {oid, 0, 0}. */
long tmem_new_pool(uint32_t flags);
long tmem_destroy_pool(int pool);
long tmem_page_op(uint32_t cmd, int pool, uint64_t oid, uint32_t index,
                  xen_pfn_t frame);
#define tmem_put(...)   tmem_page_op(TMEM_PUT_PAGE, __VA_ARGS__)
#define tmem_get(...)   tmem_page_op(TMEM_GET_PAGE, __VA_ARGS__)
#define tmem_flush(...) tmem_page_op(TMEM_FLUSH_PAGE, __VA_ARGS__)
#define tmem_flush_object(pool, oid) \
    tmem_page_op(TMEM_FLUSH_OBJECT, pool, oid, 0, 0)

/* An entry of a vector that does the same, and one call for nr of them. */
#define NO_RESULT (-9999)
struct tmem_vec_entry tmem_entry(uint32_t cmd, int pool, uint64_t oid,
                                 uint32_t index, uint64_t frame);
struct tmem_op tmem_vector_op(const struct tmem_vec_entry *entries,
                              unsigned int nr);
long tmem_vector(struct tmem_vec_entry *entries, unsigned int nr);

/* Pseudo random numbers, never 0 state. */
uint64_t random_next(uint64_t *state);

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int strcmp(const char *a, const char *b);
size_t strlen(const char *s);

#endif /* MINI_H */
