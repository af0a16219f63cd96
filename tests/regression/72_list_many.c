/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: LIST of all takes 21 ms beside 1,000 clients.
 * Mechanism: each client's successor was looked for in the list of all, which
 * is in the order in which they came.
 * Expectation: found in a tree by id: each client once, in the order of ids,
 * whatever the order in which they came and went.
 */
#include <stdio.h>

#include "../lib/control.h"
#include "regression.h"

#define CLIENTS 50
#define ID(i)   (3 + (i) * 37 % CLIENTS)       /* each once, out of order */

/* Lines of clients; -1 when they are out of order. */
static int listed(bool there[])
{
    static char text[65536];
    int nr = 0, last = -1, id;
    char *line;

    assert_true(list(TMEM_CLI_ID_ALL, false, text, sizeof(text)) > 0);
    for ( line = strstr(text, "\nC="); line; line = strstr(line + 1, "\nC=") )
    {
        assert_int_equal(sscanf(line, "\nC=CI:%d", &id), 1);
        if ( id <= last || !there[id] )
            return -1;
        last = id;
        nr++;
    }

    return nr;
}

static void test_list(void **state)
{
    bool there[CLIENTS + 3] = { };
    int i, nr = 0;

    (void)state;
    machine_start(MACHINE_PAGES, 2, TMEM_ON);
    machine_guest(0);
    for ( i = 0; i < CLIENTS; i++, nr++ )
    {
        assert_int_equal(listed(there), nr);
        machine_guest(ID(i));
        assert_int_equal(guest_new_pool(ID(i), POOL_EPHEMERAL), 0);
        there[ID(i)] = true;
    }
    for ( i = 1; i < CLIENTS; i += 2 )
    {
        assert_int_equal(listed(there), nr--);
        assert_int_equal(xenhost_domain_destroy(ID(i)), 0);
        there[ID(i)] = false;
    }
    /* One that is leaving is passed over. */
    assert_int_equal(guest_put_range(HANDLE(ID(0), 0, 1, 0), 100, 1), 100);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_domain_kill(ID(0)), -85);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    there[ID(0)] = false;
    assert_int_equal(listed(there), nr - 1);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_list) };

    return tests_main(argc, argv, tests);
}
