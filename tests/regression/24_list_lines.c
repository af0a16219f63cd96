/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: LIST writes beyond the toolstack's buffer, or lines that are wrong.
 * Mechanism: the first line was written without a look at the size; from the
 * second shared pool on, a line was put together at the wrong place.
 * Expectation: at each size of the buffer as many whole lines as fit, from the
 * first on, then a NUL, and nothing behind the buffer; with preemption, too.
 */
#include <stdio.h>

#include "../lib/control.h"
#include "regression.h"

#define POOLS 4
#define MAX   16384
#define GUARD 0x5a

static char whole[MAX], part[MAX];

static void start(void)
{
    unsigned int i;

    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    for ( i = 0; i < POOLS; i++ )
    {
        assert_int_equal(shared_new_pool(GUEST, i, 0xabcdef00 + i), i);
        if ( i % 2 )
            assert_int_equal(shared_new_pool(OTHER, i, 0xabcdef00 + i), i / 2);
        assert_int_equal(shared_put_range(HANDLE(GUEST, i, 1, 0), i + 1, 1),
                         i + 1);
    }
    assert_int_equal(guest_new_pool(3, POOL_PERSISTENT), 0);
}

/* The prefix of a text that so many bytes hold with a NUL: whole lines. */
static size_t fitting(const char *text, size_t size)
{
    size_t used = 0, next;

    while ( text[used] )
    {
        next = strchr(text + used, '\n') - text + 1;
        if ( next >= size )
            break;
        used = next;
    }

    return used;
}

static void check_size(uint32_t cli_id, bool l, size_t size)
{
    size_t fits = fitting(whole, size), i;

    memset(part, GUARD, sizeof(part));
    assert_int_equal(list(cli_id, l, part, size), fits);
    assert_int_equal(memcmp(part, whole, fits), 0);
    assert_int_equal(part[fits], 0);
    for ( i = size; i < size + 512; i++ )
        assert_int_equal(part[i], GUARD);
}

static void check_every_size(uint32_t cli_id, bool l)
{
    long size, len;

    len = list(cli_id, l, whole, sizeof(whole));
    assert_in_range(len, 1, sizeof(whole) - 1024);
    assert_int_equal(strlen(whole), len);
    assert_int_equal(list(cli_id, l, part, 0), -EINVAL);
    for ( size = 1; size <= len + 2; size++ )
        check_size(cli_id, l, size);
}

static void test_every_size(void **state)
{
    (void)state;
    start();
    check_every_size(TMEM_CLI_ID_ALL, false);
    check_every_size(TMEM_CLI_ID_ALL, true);
    check_every_size(GUEST, false);
    check_every_size(GUEST, true);
}

/* A list that goes on after a line which did not fit would have a hole. */
static void test_every_size_preempted(void **state)
{
    (void)state;
    start();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    check_every_size(TMEM_CLI_ID_ALL, false);
    check_every_size(TMEM_CLI_ID_ALL, true);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

static void test_lines_of_shared_pools(void **state)
{
    unsigned int i;
    char line[32];

    (void)state;
    start();
    assert_true(list(TMEM_CLI_ID_ALL, true, whole, sizeof(whole)) > 0);
    assert_int_equal(strncmp(whole, "G=Tt:", 5), 0);
    for ( i = 0; i < POOLS; i++ )
    {
        snprintf(line, sizeof(line), "S=SI:%u,PT:ES", i);
        assert_int_equal(list_key_hex(whole, line, "U0"), i);
        assert_int_equal(list_key_hex(whole, line, "U1"), 0xabcdef00 + i);
        assert_int_equal(list_key(whole, line, "SC"), GUEST);
        assert_int_equal(list_key(whole, line, "Pc"), i + 1);
        assert_int_equal(list_key(whole, line, "ps"), i + 1);
        snprintf(line, sizeof(line), "P=CI:1,PI:%u,PT:ES", i);
        assert_int_equal(list_key_hex(whole, line, "U1"), 0xabcdef00 + i);
        assert_int_equal(list_key(whole, line, "Pc"), i + 1);
    }
    assert_int_equal(list_key(whole, "S=SI:4", "SI"), LIST_NONE);
    /* Both sharers, in the order of their ids. */
    assert_non_null(strstr(whole, "U1:abcdef01,SC:1,SC:2,Pc:2"));
    assert_null(strstr(whole, ",\n"));
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_every_size),
        machine_test(test_every_size_preempted),
        machine_test(test_lines_of_shared_pools),
    };

    return tests_main(argc, argv, tests);
}
