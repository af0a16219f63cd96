/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lib.c - strings and numbers: functions of Xen that libc has not
 */
#include "host.h"

size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src);

    if ( size )
    {
        size_t n = min(len, size - 1);

        memcpy(dst, src, n);
        dst[n] = '\0';
    }

    return len;
}

size_t strlcat(char *dst, const char *src, size_t size)
{
    size_t len = strnlen(dst, size);

    return len + strlcpy(dst + len, src, size - len);
}

void *memchr_inv(const void *s, int c, size_t n)
{
    const unsigned char *p = s;

    for ( ; n; n--, p++ )
        if ( *p != (unsigned char)c )
            return (void *)p;

    return NULL;
}

unsigned long simple_strtoul(const char *cp, const char **endp,
                             unsigned int base)
{
    char *end;
    unsigned long val = strtoul(cp, &end, base);

    if ( endp )
        *endp = end;

    return val;
}

long simple_strtol(const char *cp, const char **endp, unsigned int base)
{
    char *end;
    long val = strtol(cp, &end, base);

    if ( endp )
        *endp = end;

    return val;
}

/* Without a unit it is KiB. */
unsigned long long parse_size_and_unit(const char *s, const char **ps)
{
    const char *end;
    unsigned long long val = simple_strtoul(s, &end, 0);

    switch ( *end )
    {
    case 'T': case 't':
        val <<= 10;
        fallthrough;
    case 'G': case 'g':
        val <<= 10;
        fallthrough;
    case 'M': case 'm':
        val <<= 10;
        fallthrough;
    case 'K': case 'k':
        val <<= 10;
        fallthrough;
    case 'B': case 'b':
        end++;
        break;
    case '%':
        break;
    default:
        val <<= 10;
        break;
    }
    if ( ps )
        *ps = end;

    return val;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(buf, size, fmt, args);

    if ( n < 0 || !size )
        return 0;

    return (size_t)n >= size ? size - 1 : n;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vscnprintf(buf, size, fmt, args);
    va_end(args);

    return n;
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
