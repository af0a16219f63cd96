/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that was restored is not the one that was saved: its pools have
 * other ids, it may share less, it has no weight, it is frozen, or not.
 * Mechanism: pools were made as a guest makes them; what the toolstack had set
 * did not travel.
 * Expectation: all of that comes back, the pages are billed to that domain, and
 * frozen it is at the end, whatever is so on this host.
 */
#include <stdio.h>

#include "../lib/control.h"
#include "../lib/stream.h"
#include "regression.h"

#define UUID(client, i) (((uint64_t *)((client) + 1)) + 2 * (i))

static unsigned char buf[64 << 10] __attribute__((aligned(8)));
static char text[16384];

/* Does the guest have that pool, of that type as LIST says it? */
static bool has_pool(unsigned int id, const char *type)
{
    char line[32];

    snprintf(line, sizeof(line), "P=CI:%u,PI:%u,PT:%s,", GUEST, id, type);

    return list(GUEST, true, text, sizeof(text)) > 0 && strstr(text, line);
}

/* A CLIENT that is authorised for so many uuids: first .. */
static struct tmem_rec_client *client(struct stream *s, uint32_t flags,
                                      unsigned int nr, uint64_t first)
{
    struct tmem_rec_client *c;
    struct tmem_rec *rec;
    unsigned int i;

    c = (void *)((rec = stream_record(s, TMEM_REC_CLIENT, 0, NULL,
                                      sizeof(*c) + nr * 16)) + 1);
    *c = (struct tmem_rec_client){
        .version = TMEM_REC_VERSION, .flags = flags, .nr_auth = nr,
    };
    for ( i = 0; i < nr; i++ )
        UUID(c, i)[0] = first + i;

    return c;
}

static void test_all_comes_back(void **state)
{
    struct stream s = STREAM(buf);
    struct tmem_rec_client *c;
    long tot = guest_tot_pages(GUEST), tot0 = guest_tot_pages(0);
    unsigned int i;

    (void)state;
    /* Somebody shares a pool already. */
    assert_int_equal(shared_auth(OTHER, 57, 0, true), 0);
    assert_int_equal(shared_new_pool(OTHER, 57, 0), 0);
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 1, 1), 1), 1);

    c = client(&s, TMEM_CLIENT_COMPRESS | TMEM_CLIENT_FROZEN, 2, 57);
    c->weight = 7;
    c->cap = 900;
    stream_pool(&s, 1, POOL_PERSISTENT);
    stream_pool(&s, 4, POOL_EPHEMERAL);
    stream_pool(&s, 6, POOL_SHARED)->uuid[0] = 57;
    stream_pool(&s, 9, POOL_SHARED)->uuid[0] = 99;
    stream_pool(&s, 15, POOL_SHARED)->uuid[0] = ~0ULL;
    ((struct tmem_rec_pool *)(s.data + s.len - 24))->uuid[1] = ~0ULL;
    for ( i = 0; i < 8; i++ )
        stream_page(&s, HANDLE(GUEST, 1, i % 3, i), i);
    stream_end(&s);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);

    assert_int_equal(list_now(GUEST, "C=", "fr"), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(list_now(GUEST, "C=", "fr"), 1);
    assert_int_equal(list_now(GUEST, "C=", "ww"), 7);
    assert_int_equal(list_now(GUEST, "C=", "ca"), 900);
    assert_int_equal(list_now(GUEST, "C=", "co"), 1);
    assert_true(has_pool(1, "PP") && has_pool(4, "EP") && has_pool(6, "ES") &&
                has_pool(9, "EP") && has_pool(15, "EP"));
    assert_false(has_pool(0, "PP") || has_pool(0, "EP"));

    for ( i = 0; i < 8; i++ )
        assert_int_equal(guest_get(HANDLE(GUEST, 1, i % 3, i), i), 1);
    assert_int_equal(guest_get(HANDLE(GUEST, 4, 1, 1), 1), -EEMPTY);
    assert_int_equal(guest_get(HANDLE(GUEST, 9, 1, 1), 1), -EEMPTY);
    assert_int_equal(shared_get(HANDLE(GUEST, 6, 1, 1), 1), 1);
    assert_true(guest_tot_pages(GUEST) > tot + 8);
    assert_int_equal(guest_tot_pages(0), tot0);

    assert_int_equal(guest_put(HANDLE(GUEST, 1, 5, 5), 1), -EFROZEN);
    assert_int_equal(thaw(GUEST), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 5, 5), 1), 1);
    /* The lowest that is free, as ever. */
    assert_int_equal(shared_new_pool(GUEST, 58, 0), 0);
    assert_true(has_pool(0, "ES"));
    assert_int_equal(shared_new_pool(GUEST, 56, 0), 2);
    assert_true(has_pool(2, "EP"));
    assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
    assert_int_equal(guest_tot_pages(GUEST), tot);
}

/* What the last CLIENT says counts; what it does not name is not allowed. */
static void test_last_client_counts(void **state)
{
    struct stream s = STREAM(buf);
    struct tmem_rec_client *c;

    (void)state;
    assert_int_equal(shared_auth(GUEST, 3, 0, true), 0);
    client(&s, TMEM_CLIENT_FROZEN | TMEM_CLIENT_COMPRESS, 16, 20)->weight = 5;
    stream_pool(&s, 0, POOL_PERSISTENT);
    c = client(&s, 0, 2, 35);
    /* Half of it is all ones, which is a name as any other. */
    UUID(c, 1)[0] = ~0ULL;
    UUID(c, 1)[1] = 5;
    stream_end(&s);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(list_now(GUEST, "C=", "fr"), 0);
    assert_int_equal(list_now(GUEST, "C=", "co"), 0);
    assert_int_equal(list_now(GUEST, "C=", "ww"), 0);
    assert_int_equal(shared_new_pool(GUEST, 35, 0), 1);
    assert_int_equal(shared_new_pool(GUEST, 25, 0), 2);
    assert_int_equal(shared_new_pool(GUEST, 3, 0), 3);
    assert_int_equal(shared_new_pool(GUEST, ~0ULL, 5), 4);
    assert_true(has_pool(1, "ES") && has_pool(2, "EP") && has_pool(3, "EP") &&
                has_pool(4, "ES"));
}

/* What a restore has told that was begun anew is forgotten. */
static void test_begun_anew(void **state)
{
    struct stream s = STREAM(buf);

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    client(&s, TMEM_CLIENT_FROZEN, 0, 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(list_now(GUEST, "C=", "fr"), 0);
}

/* This host has all clients frozen, or this one: pages come, and it is so. */
static void frozen_here(uint32_t cli_id)
{
    struct stream s = STREAM(buf);

    assert_int_equal(freeze(cli_id), 0);
    assert_int_equal(restore_begin(GUEST), 0);
    client(&s, 0, 0, 0);
    stream_pool(&s, 0, POOL_PERSISTENT);
    stream_page(&s, HANDLE(GUEST, 0, 1, 1), 1);
    stream_page(&s, HANDLE(GUEST, 0, 1, 1), 2);
    s.nr_pages[0] = 1;
    stream_end(&s);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 2), 1), -EFROZEN);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 1), 2), 1);
    assert_int_equal(thaw(cli_id), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 2), 1), 1);
}

static void test_frozen_here(void **state)
{
    (void)state;
    frozen_here(GUEST);
}

static void test_all_frozen_here(void **state)
{
    (void)state;
    frozen_here(TMEM_CLI_ID_ALL);
}

/* No place for another shared pool: the guest has its id all the same. */
static void test_no_place(void **state)
{
    struct stream s = STREAM(buf);
    unsigned int i;

    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    for ( i = 0; i < 16; i++ )
        assert_int_equal(shared_new_pool(OTHER, 100 + i, 0), i);
    client(&s, 0, 0, 0);
    stream_pool(&s, 7, POOL_SHARED)->uuid[0] = 57;
    stream_pool(&s, 8, POOL_SHARED)->uuid[0] = 107;
    stream_end(&s);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_true(has_pool(7, "EP") && has_pool(8, "ES"));
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_all_comes_back),
        machine_test(test_last_client_counts),
        machine_test(test_begun_anew),
        machine_test(test_frozen_here),
        machine_test(test_all_frozen_here),
        machine_test(test_no_place),
    };

    return tests_main(argc, argv, tests);
}
