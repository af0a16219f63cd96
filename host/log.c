/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.c - messages, as Xen's release builds treat them
 *
 * Information and debugging are dropped. What a guest can cause is limited to
 * a burst of ten, and one more for every five seconds. Lines that pass are
 * counted, and printed when XENHOST_LOG=1 is in the environment, or all of
 * them, whatever their level, with XENHOST_LOG=2.
 *
 * Locking: log_lock guards the rate limit.
 */
#include "host.h"

#define RATELIMIT_BURST 10
#define RATELIMIT_NS SECONDS(5)
/* Levels above are dropped. */
#define LEVEL_MAX 1

static unsigned long log_lines;
static int log_env;
static struct host_lock log_lock;
static s_time_t tokens, last_message;

void log_start(void)
{
    const char *env = getenv("XENHOST_LOG");

    log_env = env ? atoi(env) : 0;
    log_lines = 0;
    tokens = RATELIMIT_BURST * RATELIMIT_NS;
    last_message = NOW();
}

unsigned long xenhost_log_lines(void)
{
    return read_atomic(&log_lines);
}

int printk_ratelimit(void)
{
    s_time_t now = NOW();
    bool pass;

    host_lock(&log_lock);
    if ( now > last_message )
        tokens += now - last_message;
    last_message = now;
    tokens = min(tokens, (s_time_t)(RATELIMIT_BURST * RATELIMIT_NS));
    pass = tokens >= RATELIMIT_NS;
    if ( pass )
        tokens -= RATELIMIT_NS;
    host_unlock(&log_lock);

    return pass;
}

void printk(const char *fmt, ...)
{
    bool guest = false;
    int level = 1;
    va_list args;

    if ( !strncmp(fmt, XENLOG_GUEST, 3) )
    {
        guest = true;
        fmt += 3;
    }
    if ( fmt[0] == '<' && fmt[1] >= '0' && fmt[1] <= '3' && fmt[2] == '>' )
    {
        level = fmt[1] - '0';
        fmt += 3;
    }

    if ( log_env < 2 &&
         (level > LEVEL_MAX || (guest && !printk_ratelimit())) )
        return;

    if ( strchr(fmt, '\n') )
        (void)__atomic_fetch_add(&log_lines, 1, __ATOMIC_RELAXED);
    if ( !log_env )
        return;
    fputs("(XEN) ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}

void xenhost_bug(const char *what, const char *file, unsigned int line)
{
    fprintf(stderr, "%s at %s:%u\n", what, file, line);
    abort();
}

void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("panic: ", stderr);
    vfprintf(stderr, fmt, args);
    va_end(args);
    abort();
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
