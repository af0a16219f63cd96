/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * list_test.c - every key of LIST against the counts of known operations
 *
 * First which keys each line has, in the order of docs/abi.md; then their
 * values, after a sequence of operations that makes each count another one.
 * Those of deduplication are there, and 0.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/peek.h"

#define G1 1                   /* the guest that does things */
#define G2 2                   /* a frozen one, with a weight */
#define G3 3                   /* one without room */
#define EPH  0                 /* its pools */
#define PERS 1
#define SHRD 2
#define LO 0x12
#define HI 0xabcdef

static char text[65536];

static void take(bool l)
{
    assert_true(list(TMEM_CLI_ID_ALL, l, text, sizeof(text)) > 0);
}

static uint64_t now(const char *line, const char *key)
{
    take(true);

    return list_key(text, line, key);
}

/* ---- which keys there are ------------------------------------------------ */

/* The keys of the first line that starts so, each with a space behind. */
static const char *keys_of(const char *line)
{
    static char keys[1024];
    const char *at = text;
    unsigned int nr = 0;

    while ( strncmp(at, line, strlen(line)) )
    {
        at = strchr(at, '\n');
        assert_non_null(at);
        assert_int_not_equal(*++at, 0);
    }
    for ( at += 2; ; at++ )
    {
        assert_int_equal(at[2], ':');
        memcpy(keys + nr, at, 2);
        keys[nr + 2] = ' ';
        nr += 3;
        at += strcspn(at, ",\n");
        if ( *at == '\n' )
            break;
    }
    keys[nr] = 0;

    return keys;
}

#define G_SHORT "Tt Te Cf Af Pf Ta Lm Et Ea Rt Ra Rx Fp Fr Cd Dd "
#define G_LONG  "Ec Em Oc Om Nc Nm Pc Pm Fc Fm Sc Sm Ep Gd Zt Gz "
#define S_SHORT "SI PT U0 U1 SC SC "
#define C_SHORT "CI ww ca co fr Tc Ge Pp Gp sv gr "
#define C_LONG  "Ec Em cp cb cn cm cf cs cv ce ef "
#define P_SHORT "CI PI PT U0 U1 "
#define POOL    "Pc Pm Oc Om Nc Nm ps pt pd pr px gs gt fs ft os ot "
#define TIMES(x) x "n " x "t " x "x " x "m "
#define T_LINE  TIMES("G") TIMES("P") TIMES("g") TIMES("p") TIMES("F") \
                TIMES("O") TIMES("C") TIMES("c") TIMES("d")

/* The first guest with its three pools, and a second one that shares. */
static void set_up(void)
{
    assert_int_equal(shared_auth(G1, LO, HI, true), 0);
    assert_int_equal(shared_auth(G2, LO, HI, true), 0);
    assert_int_equal(guest_new_pool(G1, POOL_EPHEMERAL), EPH);
    assert_int_equal(guest_new_pool(G1, POOL_PERSISTENT), PERS);
    assert_int_equal(shared_new_pool(G1, LO, HI), SHRD);
    assert_int_equal(shared_new_pool(G2, LO, HI), 0);
}
#define SET_UP_OPS 4

static void test_keys_short(void **state)
{
    (void)state;
    set_up();
    take(false);
    assert_string_equal(keys_of("G="), G_SHORT);
    assert_string_equal(keys_of("S="), S_SHORT);
    assert_string_equal(keys_of("C="), C_SHORT);
    assert_string_equal(keys_of("P="), P_SHORT);
    assert_null(strstr(text, "\nT="));
    /* Of one client: nothing of the host, nor of others. */
    assert_true(list(G1, false, text, sizeof(text)) > 0);
    assert_int_equal(strncmp(text, "C=CI:1,", 7), 0);
    assert_null(strstr(text, "S="));
    assert_null(strstr(text, "CI:2"));
}

static void test_keys_long(void **state)
{
    (void)state;
    set_up();
    take(true);
    assert_string_equal(keys_of("G="), G_SHORT G_LONG);
    assert_string_equal(keys_of("S="), S_SHORT POOL);
    assert_string_equal(keys_of("C="), C_SHORT C_LONG);
    assert_string_equal(keys_of("P="), P_SHORT POOL);
    assert_string_equal(keys_of("T="), T_LINE);
    assert_true(list(G1, true, text, sizeof(text)) > 0);
    assert_string_equal(keys_of("P=CI:1,PI:2"), P_SHORT POOL);
    assert_null(strstr(text, "T="));
}

/* A full host, whose free frames are strewn, can still be looked at. */
static void test_takes_no_memory(void **state)
{
    (void)state;
    set_up();
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
    take(true);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    assert_string_equal(keys_of("T="), T_LINE);
}

/* ---- a known sequence ---------------------------------------------------- */

struct expected {
    const char *line, *key;
    uint64_t value;
};

static void check_values(const struct expected *e)
{
    for ( ; e->line; e++ )
    {
        uint64_t value = e->key[0] == 'U' ? list_key_hex(text, e->line, e->key)
                                          : list_key(text, e->line, e->key);

        if ( value != e->value )
            fail_msg("%s %s: %llu instead of %llu", e->line, e->key,
                     (unsigned long long)value, (unsigned long long)e->value);
    }
}

static void puts_of(int pool, uint64_t obj, uint32_t first, unsigned int nr)
{
    struct handle h = HANDLE(G1, pool, obj, first);

    assert_int_equal(pool == SHRD ? shared_put_range(h, nr, 1)
                                  : guest_put_range(h, nr, 1), nr);
}

static long bad_put(int pool, uint64_t obj, uint32_t index)
{
    return guest_op(TMEM_PUT_PAGE, HANDLE(G1, pool, obj, index),
                    GUEST_NO_FRAME);
}

/* 25 operations on the ephemeral pool; 5 of them fail. Three pages stay. */
static void use_ephemeral(void)
{
    puts_of(EPH, 1, 0, 4);
    puts_of(EPH, 2, 0, 3);
    puts_of(EPH, 4, 7, 1);
    puts_of(EPH, 1, 0, 2);                                 /* replace */
    assert_int_equal(bad_put(EPH, 1, 1), -EFAULT);         /* flushes */
    assert_int_equal(bad_put(EPH, 8, 0), -EFAULT);
    assert_int_equal(bad_put(EPH, 8, 1), -EFAULT);
    assert_int_equal(bad_put(EPH, 8, 2), -EFAULT);
    take(true);                                            /* the highest */
    assert_int_equal(guest_get(HANDLE(G1, EPH, 1, 0), 1), 1);
    assert_int_equal(guest_get(HANDLE(G1, EPH, 1, 0), 1), 0);
    assert_int_equal(guest_get(HANDLE(G1, EPH, 7, 0), 1), 0);
    assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(G1, EPH, 1, 2),
                              GUEST_NO_FRAME), -EFAULT);
    assert_int_equal(guest_flush(HANDLE(G1, EPH, 2, 0)), 1);
    assert_int_equal(guest_flush(HANDLE(G1, EPH, 2, 0)), 1);
    assert_int_equal(guest_flush(HANDLE(G1, EPH, 9, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(G1, EPH, 2, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(G1, EPH, 2, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(G1, EPH, 9, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(G1, EPH, 8, 0)), 1);
}

/* 9 operations; a get of the other pool's object finds nothing at all. */
static void use_others(void)
{
    assert_int_equal(guest_get(HANDLE(G1, PERS, 1, 0), 1), -EEMPTY);
    puts_of(PERS, 1, 0, 3);
    assert_int_equal(guest_get_range(HANDLE(G1, PERS, 1, 1), 2, 1), 2);
    puts_of(SHRD, 1, 0, 2);
    assert_int_equal(shared_get(HANDLE(G2, 0, 1, 1), 1), 1);
}

static void sequence(void)
{
    set_up();
    assert_int_equal(set_weight(G1, 77), 0);
    assert_int_equal(set_weight(G2, 65535), 0);
    assert_int_equal(set_cap(G1, 50), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, G2, 1), 0);
    assert_int_equal(control_arg(TMEMC_SET_GROUP, G1, 31), 0);
    use_ephemeral();
    use_others();
    assert_int_equal(freeze(G2), 0);
    assert_int_equal(shared_put(HANDLE(G2, 0, 5, 5), 1), -EFROZEN);
    assert_int_equal(xenhost_tmem_op(G1, NULL), -EFAULT);
    assert_int_equal(guest_op(TMEM_READ, HANDLE(G1, 0, 0, 0), 0), -ENOSYS);
    assert_int_equal(guest_flush(HANDLE(G1, 9, 0, 0)), -ENODEV);
    take(true);
}

static void test_host_line(void **state)
{
    static const struct expected host[] = {
        { "G=", "Tt", SET_UP_OPS + 25 + 9 + 4 },
        { "G=", "Te", 5 + 3 },     /* not -EEMPTY, not -EFROZEN */
        { "G=", "Cf", 5 },
        { "G=", "Af", 0 },
        { "G=", "Pf", 0 },
        { "G=", "Lm", 0 },
        { "G=", "Et", 0 },
        { "G=", "Ea", 0 },
        { "G=", "Rt", 0 },
        { "G=", "Ra", 0 },
        { "G=", "Rx", 0 },
        { "G=", "Fp", 0 },
        { "G=", "Ec", 3 + 2 },
        { "G=", "Em", 7 },
        { "G=", "Oc", 2 + 1 + 1 },
        { "G=", "Om", 4 },
        { "G=", "Nc", 1 + 1 + 1 },
        { "G=", "Nm", 3 },
        { "G=", "Pc", 3 + 3 + 2 },
        { "G=", "Pm", 8 },
        { "G=", "Sc", 0 },
        { "G=", "Sm", 0 },
        { "G=", "Ep", 10 + 2 },
        { "G=", "Gd", 0 },
        { "G=", "Zt", 0 },
        { "G=", "Gz", 0 },
        { }
    };

    (void)state;
    sequence();
    check_values(host);
    assert_int_equal(list_key(text, "G=", "Ta"), xenhost_freeable_pages() - 5);
}

static void test_client_lines(void **state)
{
    static const struct expected clients[] = {
        { "C=", "CI", G1 },
        { "C=CI:1", "ww", 77 },
        { "C=CI:1", "ca", 50 },
        { "C=CI:1", "co", 0 },
        { "C=CI:1", "gr", 31 },
        { "C=CI:1", "fr", 0 },
        { "C=CI:1", "Ge", 1 },
        { "C=CI:1", "Pp", 3 },
        { "C=CI:1", "Gp", 2 },
        { "C=CI:1", "Ec", 5 },
        { "C=CI:1", "Em", 7 },
        { "C=CI:1", "cp", 0 },
        { "C=CI:1", "cb", 0 },
        { "C=CI:1", "cn", 0 },
        { "C=CI:1", "cm", 0 },
        { "C=CI:1", "cf", 0 },
        { "C=CI:1", "cs", 0 },
        { "C=CI:1", "cv", 0 },
        { "C=CI:1", "ce", 0 },
        { "C=CI:2", "ww", 65535 },
        { "C=CI:2", "ca", 0 },
        { "C=CI:2", "co", 1 },
        { "C=CI:2", "gr", 0 },
        { "C=CI:2", "fr", 1 },
        { "C=CI:2", "Ge", 1 },
        { "C=CI:2", "Pp", 0 },
        { "C=CI:2", "Gp", 0 },
        { "C=CI:2", "Ec", 0 },
        { "C=CI:2", "Em", 0 },
        { }
    };

    (void)state;
    sequence();
    check_values(clients);
    /* Of five pages, and of metadata. */
    assert_in_range(list_key(text, "C=CI:1", "ef"), 6, 5 + 16);
    /* Those that have not done anything have no client, and no line. */
    assert_int_equal(list_key(text, "C=CI:3", "CI"), LIST_NONE);
}

static void test_pool_lines(void **state)
{
    static const struct expected pools[] = {
        { "P=CI:1,PI:0,PT:EP", "U0", 0 }, { "P=CI:1,PI:0,PT:EP", "U1", 0 },
        { "P=CI:1,PI:0", "Pc", 3 },  { "P=CI:1,PI:0", "Pm", 7 },
        { "P=CI:1,PI:0", "Oc", 2 },  { "P=CI:1,PI:0", "Om", 3 },
        { "P=CI:1,PI:0", "Nc", 1 },  { "P=CI:1,PI:0", "Nm", 2 },
        { "P=CI:1,PI:0", "ps", 10 }, { "P=CI:1,PI:0", "pt", 14 },
        { "P=CI:1,PI:0", "pd", 1 },  { "P=CI:1,PI:0", "pr", 2 },
        { "P=CI:1,PI:0", "px", 3 },
        { "P=CI:1,PI:0", "gs", 1 },  { "P=CI:1,PI:0", "gt", 4 },
        { "P=CI:1,PI:0", "fs", 1 },  { "P=CI:1,PI:0", "ft", 3 },
        { "P=CI:1,PI:0", "os", 1 },  { "P=CI:1,PI:0", "ot", 4 },
        { "P=CI:1,PI:1,PT:PP", "Pc", 3 }, { "P=CI:1,PI:1", "ps", 3 },
        { "P=CI:1,PI:1", "gs", 2 },  { "P=CI:1,PI:1", "gt", 3 },
        { "P=CI:1,PI:2,PT:ES", "U0", LO }, { "P=CI:1,PI:2,PT:ES", "U1", HI },
        { "P=CI:1,PI:2", "Pc", 2 },  { "P=CI:2,PI:0", "Pc", 2 },
        { "P=CI:2,PI:0,PT:ES", "PI", 0 },
        { "S=", "SI", 0 }, { "S=SI:0,PT:ES", "U0", LO },
        { "S=SI:0,PT:ES", "U1", HI },
        { "S=SI:0", "Pc", 2 }, { "S=SI:0", "Pm", 2 },
        { "S=SI:0", "ps", 2 }, { "S=SI:0", "pt", 3 }, { "S=SI:0", "px", 1 },
        { "S=SI:0", "gs", 1 }, { "S=SI:0", "gt", 1 },
        { "S=SI:0", "Oc", 1 }, { "S=SI:0", "Om", 1 },
        { "S=SI:0", "Nc", 1 }, { "S=SI:0", "Nm", 1 },
        { "S=SI:0", "pd", 0 }, { "S=SI:0", "pr", 0 },
        { "S=SI:0", "fs", 0 }, { "S=SI:0", "ft", 0 },
        { "S=SI:0", "os", 0 }, { "S=SI:0", "ot", 0 },
        { }
    };

    (void)state;
    sequence();
    check_values(pools);
    assert_non_null(strstr(text, "U1:abcdef,SC:1,SC:2,Pc:"));
}

/* ---- memory -------------------------------------------------------------- */

/* Frames: what tmem has taken from the heap, and what lies in caches. */
static void test_frames(void **state)
{
    uint64_t held, cached;
    unsigned long free;
    long given;

    (void)state;
    set_up();
    puts_of(EPH, 1, 0, 1);
    held = now("G=", "Fc");
    cached = list_key(text, "G=", "Ta");
    free = xenhost_free_pages();
    puts_of(EPH, 1, 1, 300);
    assert_int_equal(now("G=", "Fc") - held, free - xenhost_free_pages());
    held += now("G=", "Ta") - cached;
    /* Pages, and metadata: many more when its structures are shrunken. */
    assert_in_range(now("G=", "Fc") - held, 300, 420);
    cached = now("G=", "Ta");
    assert_int_equal(guest_get_range(HANDLE(G1, EPH, 1, 0), 3, 1), 3);
    assert_in_range(now("G=", "Ta"), cached + 3, cached + 4);
    held = now("G=", "Fc");
    held = now("G=", "Fc");
    given = control_flush(TMEM_CLI_ID_ALL, 1 << 20) / 4;
    assert_true(given >= 297);
    assert_int_equal(now("G=", "Fc"), held - given);
    assert_int_equal(list_key(text, "G=", "Fm"), held);
    assert_int_equal(list_key(text, "G=", "Ta"), 0);
}

static void test_evictions(void **state)
{
    uint64_t taken, promised;

    (void)state;
    set_up();
    puts_of(EPH, 1, 0, 64);
    assert_int_equal(control_flush(G1, 4 * 16), 4 * 16);
    taken = now("G=", "Et");
    assert_int_equal(taken, 64 - peek_ephemeral(G1));
    assert_in_range(taken, 16, 31);
    assert_int_equal(now("G=", "Ea"), taken);
    assert_int_equal(now("G=", "Rt"), 0);
    assert_int_equal(now("G=", "Ra"), 0);

    /* The host takes all that there is: it must have it from tmem. */
    promised = xenhost_freeable_pages();
    assert_true(xenhost_alloc_pages(MACHINE_PAGES) > 0);
    xenhost_release_pages();
    assert_true(now("G=", "Rt") >= promised);
    assert_int_equal(now("G=", "Et"), 64);
    assert_in_range(list_key(text, "G=", "Rx"), 1, 16);
    assert_true(list_key(text, "G=", "Ra") * list_key(text, "G=", "Rx") >=
                list_key(text, "G=", "Rt"));
}

static void test_failed_allocations(void **state)
{
    struct handle h = HANDLE(G3, 0, 1, 1);

    (void)state;
    /* Room for a page, but not for its metadata. */
    assert_int_equal(guest_new_pool(G3, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(G3, POOL_EPHEMERAL), 1);
    assert_int_equal(xenhost_domain_set_max(G3, GUEST_PAGES + 1), 0);
    assert_int_equal(guest_put(h, 1), -ENOMEM);
    assert_int_equal(now("G=", "Af"), 1);
    assert_int_equal(now("G=", "Pf"), 0);
    assert_int_equal(now("P=CI:3,PI:0", "px"), 1);

    /* No frame at all. */
    assert_true(control_flush(TMEM_CLI_ID_ALL, 1 << 20) >= 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
    h.pool = 1;
    assert_int_equal(guest_put(h, 1), -ENOMEM);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    assert_int_equal(now("G=", "Pf"), 1);
    assert_int_equal(now("G=", "Lm"), 1);
    assert_int_equal(now("G=", "Af"), 1);
    assert_int_equal(now("P=CI:3,PI:1", "px"), 1);
    /* Whoever finds no room has done nothing wrong, nor has tmem. */
    assert_int_equal(list_key(text, "G=", "Te"), 0);
}

/* That all are frozen stays so when one of them is thawed. */
static void test_all_frozen(void **state)
{
    (void)state;
    set_up();
    assert_int_equal(freeze(G1), 0);
    assert_int_equal(now("G=", "Fr"), 0);
    assert_int_equal(freeze(TMEM_CLI_ID_ALL), 0);
    assert_int_equal(now("G=", "Fr"), 1);
    assert_int_equal(thaw(G1), 0);
    assert_int_equal(thaw(G2), 0);
    assert_int_equal(now("G=", "Fr"), 1);
    assert_int_equal(list_key(text, "C=CI:1", "fr"), 0);
    assert_int_equal(thaw(TMEM_CLI_ID_ALL), 0);
    assert_int_equal(now("G=", "Fr"), 0);
}

static void test_pool_flushes(void **state)
{
    (void)state;
    set_up();
    assert_int_equal(guest_destroy_pool(G1, PERS), 1);
    assert_int_equal(guest_destroy_pool(G1, PERS), 0);
    assert_int_equal(now("G=", "Fp"), 1);
    assert_int_equal(control(TMEMC_DESTROY, TMEM_CLI_ID_ALL), 0);
    assert_int_equal(now("G=", "Fp"), 4);
    assert_int_equal(list_key(text, "P=", "PI"), LIST_NONE);
    assert_int_equal(list_key(text, "S=", "SI"), LIST_NONE);
}

/* ---- times --------------------------------------------------------------- */

#define TIMED 16               /* one in eight is */

/* Times are real ones: only how they belong together is known. */
static void test_times(void **state)
{
    static const struct expected counts[] = {
        { "T=", "Pn", TIMED },     { "T=", "Gn", TIMED },
        { "T=", "pn", TIMED + 1 }, { "T=", "gn", TIMED + 2 },
        { "T=", "Fn", TIMED + 3 }, { "T=", "On", TIMED + 4 },
        { "T=", "Cn", 2 * TIMED },
        { "T=", "cn", 0 }, { "T=", "ct", 0 },
        { "T=", "cx", 0 }, { "T=", "cm", 0 },
        { "T=", "dn", 0 }, { "T=", "dt", 0 },
        { "T=", "dx", 0 }, { "T=", "dm", 0 },
        { }
    };
    static const char kinds[] = "PGpgFOC";
    unsigned int i;

    (void)state;
    set_up();
    puts_of(PERS, 1, 0, TIMED);
    assert_int_equal(guest_get_range(HANDLE(G1, PERS, 1, 0), TIMED, 1), TIMED);
    for ( i = 0; i < TIMED + 1; i++ )
        assert_int_equal(bad_put(PERS, 2, i), -EFAULT);
    for ( i = 0; i < TIMED + 2; i++ )
        assert_int_equal(guest_get(HANDLE(G1, PERS, 3, i), 1), 0);
    for ( i = 0; i < TIMED + 3; i++ )
        assert_int_equal(guest_flush(HANDLE(G1, PERS, 3, i)), 1);
    for ( i = 0; i < TIMED + 4; i++ )
        assert_int_equal(guest_flush_object(HANDLE(G1, PERS, 3, i)), 1);
    take(true);
    check_values(counts);

    for ( i = 0; kinds[i]; i++ )
    {
        uint64_t n, t, x, m;
        char key[3] = { kinds[i], 'n', 0 };

        n = list_key(text, "T=", key);
        key[1] = 't';
        t = list_key(text, "T=", key);
        key[1] = 'x';
        x = list_key(text, "T=", key);
        key[1] = 'm';
        m = list_key(text, "T=", key);
        assert_in_range(m, 1, 1000000000);
        assert_in_range(x, m, 1000000000);
        assert_in_range(t, n * m, n * (x + 1));
    }
    assert_true(list_key(text, "C=CI:1", "Tc") > 0);
}

/* A client's time is that of its own operations. */
static void test_cycles(void **state)
{
    uint64_t one, two;
    unsigned int i;

    (void)state;
    set_up();
    one = now("C=CI:1", "Tc");
    two = now("C=CI:2", "Tc");
    for ( i = 0; i < 20; i++ )
        assert_int_equal(guest_flush(HANDLE(G2, 0, 1, 1)), 1);
    assert_int_equal(now("C=CI:1", "Tc"), one);
    assert_true(now("C=CI:2", "Tc") > two);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_keys_short),
        machine_test(test_keys_long),
        machine_test(test_takes_no_memory),
        machine_test(test_host_line),
        machine_test(test_client_lines),
        machine_test(test_pool_lines),
        machine_test(test_frames),
        machine_test(test_evictions),
        machine_test(test_failed_allocations),
        machine_test(test_all_frozen),
        machine_test(test_pool_flushes),
        machine_test(test_times),
        machine_test(test_cycles),
    };

    return tests_main(argc, argv, tests);
}
