/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console.c - a mini guest's output (mini.h)
 *
 * Text goes to the ring that xenconsoled reads, so nothing of it comes into
 * the hypervisor's own log, whose lines a test may count.
 *
 * Locking: print_lock, a spinlock, around each print().
 */
#include "mini.h"

#include <public/event_channel.h>
#include <public/io/console.h>

#include "console.h"

static struct xencons_interface *ring;
static evtchn_port_t port;
static int print_lock;
static unsigned int nr_passed, nr_failed;

void console_init(struct xencons_interface *r, evtchn_port_t p)
{
    ring = r;
    port = p;
}

static void notify(void)
{
    struct evtchn_send send = { .port = port };

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
              (unsigned long)&send, 0, 0, 0);
}

static void put_char(char c)
{
    uint32_t prod = ring->out_prod;

    while ( prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) >=
            sizeof(ring->out) )
    {
        notify();
        yield();
    }
    ring->out[MASK_XENCONS_IDX(prod, ring->out)] = c;
    __atomic_store_n(&ring->out_prod, prod + 1, __ATOMIC_RELEASE);
}

void console_flush(void)
{
    while ( __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) !=
            ring->out_prod )
    {
        notify();
        yield();
    }
}

/* Base 10 or 16, without a division of 64 bits, which needs a library. */
static void put_number(unsigned long long v, bool hex, unsigned int width,
                       char fill)
{
    char digits[24];
    unsigned int n = 0;

    do {
        unsigned int digit;

        if ( hex )
        {
            digit = v & 15;
            v >>= 4;
        }
        else
        {
            digit = (unsigned long)v % 10;
            v = (unsigned long)v / 10;
        }
        digits[n++] = "0123456789abcdef"[digit];
    } while ( v );

    for ( ; width > n; width-- )
        put_char(fill);
    while ( n )
        put_char(digits[--n]);
}

static void put_string(const char *s, unsigned int width)
{
    for ( ; *s; s++, width -= width != 0 )
        put_char(*s);
    for ( ; width; width-- )
        put_char(' ');
}

static void put_signed(long v, unsigned int width, char fill)
{
    unsigned long abs = v < 0 ? -(unsigned long)v : (unsigned long)v;

    if ( v < 0 )
    {
        put_char('-');
        width -= width != 0;
    }
    put_number(abs, false, width, fill);
}

static void put_format(const char *fmt, va_list ap)
{
    for ( ; *fmt; fmt++ )
    {
        unsigned int width = 0, longs = 0;
        char fill = ' ';

        if ( *fmt != '%' )
        {
            put_char(*fmt);
            continue;
        }
        if ( *++fmt == '0' )
            fill = '0';
        if ( *fmt == '-' )       /* all strings are */
            fmt++;
        for ( ; *fmt >= '0' && *fmt <= '9'; fmt++ )
            width = width * 10 + *fmt - '0';
        for ( ; *fmt == 'l'; fmt++ )
            longs++;

        switch ( *fmt )
        {
        case 'c': put_char(va_arg(ap, int)); break;
        case 's': put_string(va_arg(ap, const char *), width); break;
        case 'd':
            put_signed(longs ? va_arg(ap, long) : va_arg(ap, int), width, fill);
            break;
        default:
            put_number(longs > 1 ? va_arg(ap, unsigned long long)
                       : longs ? va_arg(ap, unsigned long)
                       : va_arg(ap, unsigned int), *fmt == 'x', width, fill);
            break;
        }
    }
}

static void lock(void)
{
    while ( __atomic_exchange_n(&print_lock, 1, __ATOMIC_ACQUIRE) )
        yield();
}

static void unlock(void)
{
    notify();
    __atomic_store_n(&print_lock, 0, __ATOMIC_RELEASE);
}

void print(const char *fmt, ...)
{
    va_list ap;

    lock();
    va_start(ap, fmt);
    put_format(fmt, ap);
    va_end(ap);
    unlock();
}

bool verdict(bool ok, const char *name, const char *fmt, ...)
{
    va_list ap;

    lock();
    *(ok ? &nr_passed : &nr_failed) += 1;
    put_string(ok ? "PASS " : "FAIL ", 0);
    put_string(name, 0);
    if ( !ok )
    {
        put_string(": ", 0);
        va_start(ap, fmt);
        put_format(fmt, ap);
        va_end(ap);
    }
    put_char('\n');
    unlock();

    return ok;
}

bool verdict_eq(const char *name, long result, long expected)
{
    return verdict(result == expected, name, "%ld, not %ld", result, expected);
}

void verdicts_end(void)
{
    print("DONE %u passed, %u failed\n", nr_passed, nr_failed);
}
