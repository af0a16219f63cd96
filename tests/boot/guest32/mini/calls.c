/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls.c - a mini guest's hypercalls, and what a C library would have
 *
 * No state, no locking.
 */
#include "mini.h"

extern char hypercall_page[];

#ifdef __x86_64__
long hypercall(unsigned int nr, unsigned long a, unsigned long b,
               unsigned long c, unsigned long d, unsigned long e)
{
    register unsigned long r10 asm ("r10") = d;
    register unsigned long r8 asm ("r8") = e;
    long ret;

    asm volatile ( "call *%[page]"
                   : "=a" (ret), "+D" (a), "+S" (b), "+d" (c), "+r" (r10),
                     "+r" (r8)
                   : [page] "a" (hypercall_page + nr * 32)
                   : "memory", "rcx", "r11" );

    return ret;
}
#else
long hypercall(unsigned int nr, unsigned long a, unsigned long b,
               unsigned long c, unsigned long d, unsigned long e)
{
    long ret;

    asm volatile ( "call *%%eax"
                   : "=a" (ret), "+b" (a), "+c" (b), "+d" (c), "+S" (d),
                     "+D" (e)
                   : "a" (hypercall_page + nr * 32)
                   : "memory" );

    return ret;
}
#endif

long tmem_new_pool(uint32_t flags)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL, .u.creat.flags = flags };

    return tmem(&op);
}

long tmem_destroy_pool(int pool)
{
    struct tmem_op op = { .cmd = TMEM_DESTROY_POOL, .pool_id = pool };

    return tmem(&op);
}

long tmem_page_op(uint32_t cmd, int pool, uint64_t oid, uint32_t index,
                  xen_pfn_t frame)
{
    struct tmem_op op = {
        .cmd = cmd, .pool_id = pool,
        .u.gen = { .oid.oid = { oid }, .index = index, .cmfn = frame },
    };

    return tmem(&op);
}

struct tmem_vec_entry tmem_entry(uint32_t cmd, int pool, uint64_t oid,
                                 uint32_t index, uint64_t frame)
{
    return (struct tmem_vec_entry){
        .cmd = cmd, .pool_id = pool, .oid.oid = { oid }, .index = index,
        .cmfn = frame, .result = NO_RESULT,
    };
}

struct tmem_op tmem_vector_op(const struct tmem_vec_entry *entries,
                              unsigned int nr)
{
    return (struct tmem_op){
        .cmd = TMEM_VECTOR,
        .u.vec = { .entries = (unsigned long)entries, .nr = nr },
    };
}

long tmem_vector(struct tmem_vec_entry *entries, unsigned int nr)
{
    struct tmem_op op = tmem_vector_op(entries, nr);

    return tmem(&op);
}

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003). */
uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    return *state = x;
}

void *memcpy(void *to, const void *from, size_t n)
{
    void *ret = to;

    asm volatile ( "rep movsb" : "+D" (to), "+S" (from), "+c" (n)
                   :: "memory" );

    return ret;
}

void *memset(void *p, int c, size_t n)
{
    void *ret = p;

    asm volatile ( "rep stosb" : "+D" (p), "+c" (n) : "a" (c) : "memory" );

    return ret;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for ( ; n; n--, x++, y++ )
        if ( *x != *y )
            return *x - *y;

    return 0;
}

int strcmp(const char *a, const char *b)
{
    for ( ; *a && *a == *b; a++, b++ )
        ;

    return (unsigned char)*a - (unsigned char)*b;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while ( s[n] )
        n++;

    return n;
}
