/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dm_tmem_test.c - the target for Linux guests, in a mock of Linux, against a model
 *
 * What it does in a real guest is shown by tests/boot/precache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include "mock_dm.h"
#include <cmocka.h>
#include "../lib/env.h"
#include "dm_model.h"

/* ---- tests --------------------------------------------------------------- */

static int make(const char *options)
{
    static char text[4][64];
    char *argv[4];
    unsigned int argc = 0;

    while ( *options && argc < 4 )
    {
        size_t n = strcspn(options, " ");

        snprintf(text[argc], sizeof(text[0]), "%.*s", (int)n, options);
        argv[argc] = text[argc];
        argc++;
        options += n + strspn(options + n, " ");
    }
    target.table = &table;

    return mock_target->ctr(&target, argc, argv);
}

static int setup(void **state)
{
    (void)state;
    memset(mock_pages, 0, sizeof(mock_pages));
    memset(frame_state, 0, sizeof(frame_state));
    memset(requests, 0, sizeof(requests));
    memset(stored, 0, sizeof(stored));
    memset(pools, 0, sizeof(pools));
    memset(on_disk, 0, sizeof(on_disk));
    mock_errors = mock_warnings = fail = 0;
    mock_locks = mock_devices = 0;
    disk = (struct block_device){ .bd_holders = 2,
                                  .sectors = DISK_BLOCKS * BLOCK_SECTORS };
    above = (struct block_device){ .bd_disk = &above_disk };
    table.mode = FMODE_WRITE;
    target = (struct dm_target){ .len = disk.sectors };
    assert_int_equal(mock_init(), 0);

    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mock_exit();
    targets = (struct list_head){ &targets, &targets };
    assert_int_equal(mock_devices, 0);
    assert_null(mock_probe);
    assert_null(mock_target);

    return 0;
}

static void start(const char *options)
{
    assert_int_equal(make(options), 0);
    assert_int_equal(mock_target->preresume(&target), 0);
}

/* A status value. */
static unsigned long counter(const char *name)
{
    char line[512], *at;

    mock_target->status(&target, STATUSTYPE_INFO, 0, line, sizeof(line));
    at = strstr(line, name);
    assert_non_null(at);

    return strtoul(at + strlen(name), NULL, 10);
}

static void model(unsigned int failures)
{
    unsigned int i;

    good_puts = hits = 0;
    start("disk");
    fail = failures;
    for ( i = 0; i < STEPS; i++ )
        step();
    fail = 0;
    for ( i = 0; i < REQUESTS; i++ )
        if ( requests[i].used )
            end_request(&requests[i]);
    check_bits();
    assert_int_equal(counter("late "), 0);
    mock_target->postsuspend(&target);
    mock_target->dtr(&target);
}

static void test_model(void **state)
{
    unsigned int round, rounds = 24;
    uint64_t seed = env_seed();

    for ( round = 0; round < rounds; round++ )
    {
        rng.state = seed + round;
        if ( round )
            setup(state);
        model(0);
        /* It did something. */
        assert_true(good_puts > 20);
        assert_true(hits > 5);
        if ( round + 1 < rounds )
            teardown(state);
    }
}

static void test_model_failures(void **state)
{
    unsigned int round, rounds = 24;
    uint64_t seed = env_seed();

    for ( round = 0; round < rounds; round++ )
    {
        rng.state = seed + round;
        if ( round )
            setup(state);
        model(2 + below(20));
        if ( round + 1 < rounds )
            teardown(state);
    }
}

/* Read blocks into frames from "frame" on, all of it. Vectors are "size" long. */
static void read_now(unsigned int frame, unsigned int block, unsigned int nr)
{
    struct request *r = new_request(REQ_OP_READ);
    unsigned int i;

    for ( i = 0; i < nr; i++ )
    {
        *folio_of(frame + i) = (struct folio){
            .locked = true, .count = 2, .mapping = &pages_of_fs,
        };
        add_page(r, frame + i);
    }
    submit(r, block, nr);
    if ( r->used )
    {
        do_request(r);
        r->bio.bi_opf &= ~REQ_IDLE;
        end_request(r);
    }
}

static void evict(unsigned int frame)
{
    folio_of(frame)->count = 0;
    evicting = true;
    mock_probe(NULL, folio_of(frame));
    evicting = false;
}

/* What is found at both ends is cut off, and what is between is not. */
static void test_ends(void **state)
{
    struct request *r;
    unsigned int i;

    (void)state;
    rng.state = 1;
    start("disk");
    for ( i = 0; i < DISK_BLOCKS; i++ )
        on_disk[i] = ++next_version;
    for ( i = 0; i < 4; i++ )
    {
        read_now(i, i, 1);
        assert_true(folio_of(i)->uptodate);
    }
    evict(0);
    evict(3);
    r = new_request(REQ_OP_READ);
    for ( i = 0; i < 4; i++ )
    {
        *folio_of(8 + i) = (struct folio){
            .locked = true, .count = 2, .mapping = &pages_of_fs,
        };
        add_page(r, 8 + i);
    }
    submit(r, 0, 4);
    assert_int_equal(r->bio.bi_iter.bi_sector, BLOCK_SECTORS);
    assert_int_equal(r->bio.bi_iter.bi_size, 2 * PAGE_SIZE);
    do_request(r);
    end_request(r);
    for ( i = 0; i < 4; i++ )
        assert_int_equal(folio_of(8 + i)->data, on_disk[i]);
    assert_int_equal(counter("hits "), 2);
    mock_target->dtr(&target);
}

/* With verify, what the pool had is compared with the disk. */
static void test_verify(void **state)
{
    unsigned int i;

    (void)state;
    rng.state = 1;
    start("disk verify");
    on_disk[1] = on_disk[2] = 77;
    for ( i = 1; i <= 2; i++ )
    {
        read_now(i, i, 1);
        evict(i);
    }
    /* As if the module had put what it should not. */
    for ( i = 0; i < ARRAY_SIZE(stored); i++ )
        if ( stored[i].used && stored[i].block == 2 )
            stored[i].data = 78;
    read_now(4, 1, 1);
    read_now(5, 2, 1);
    assert_int_equal(folio_of(5)->data, 77);
    assert_int_equal(counter("compared "), 2);
    assert_int_equal(counter("differ "), 1);
    assert_int_equal(mock_errors, 1);
    mock_target->dtr(&target);
}

/* What somebody else has of it is got; nothing is put but by reads. */
static void test_shared(void **state)
{
    (void)state;
    rng.state = 1;
    disk.read_only = true;
    table.mode = 0;
    start("disk shared 01234567-89ab-cdef-0123-456789abcdef");
    on_disk[1] = 77;
    stored[0].used = true;
    stored[0].block = 1;
    stored[0].data = 77;
    read_now(1, 1, 1);
    assert_int_equal(counter("hits "), 1);
    evicting = true;
    read_now(2, 2, 1);
    evicting = false;
    assert_int_equal(counter("puts "), 1);
    evict(2);
    assert_int_equal(counter("puts "), 1);
    mock_target->dtr(&target);
}

/* Requests whose bytes are not the pages' pass by. */
static void test_pass_by(void **state)
{
    struct request *r;
    unsigned int i;

    (void)state;
    rng.state = 1;
    start("disk");
    for ( i = 0; i < 2; i++ )
    {
        r = new_request(REQ_OP_READ | (i ? REQ_INTEGRITY : 0));
        r->bio.key = !i;
        *folio_of(i) = (struct folio){
            .locked = true, .count = 2, .mapping = &pages_of_fs,
        };
        add_page(r, i);
        submit(r, i, 1);
        do_request(r);
        end_request(r);
        evict(i);
    }
    assert_int_equal(counter("notes "), 0);
    assert_int_equal(counter("puts "), 0);
    mock_target->dtr(&target);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "", "none", "busy", "disk nonsense", "disk shared", "disk shared x",
        "disk shared 01234567-89ab-cdef-0123-456789abcdef",
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < ARRAY_SIZE(bad); i++ )
    {
        assert_int_not_equal(make(bad[i]), 0);
        assert_non_null(target.error);
    }
    /* A read-only table of what others may write to. */
    table.mode = 0;
    assert_int_not_equal(make(bad[6]), 0);
    table.mode = FMODE_WRITE;
    disk.zoned = true;
    assert_int_not_equal(make("disk"), 0);
    disk.zoned = false;
    disk.bd_holders = 3;
    assert_int_not_equal(make("disk"), 0);
    disk.bd_holders = 2;
    target.len = disk.sectors + 1;
    assert_int_not_equal(make("disk"), 0);
    target.len = BLOCK_SECTORS - 1;
    assert_int_not_equal(make("disk"), 0);
    target.len = disk.sectors;
    mock_no_memory = true;
    assert_int_not_equal(make("disk"), 0);
    mock_no_memory = false;
    assert_int_equal(mock_devices, 0);
    assert_true(list_entry(targets.next, struct tmem_target, node) ==
                list_entry(&targets, struct tmem_target, node));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_model),
        TEST(test_model_failures),
        TEST(test_ends),
        TEST(test_verify),
        TEST(test_shared),
        TEST(test_pass_by),
        TEST(test_refused),
    };

    return cmocka_run_group_tests_name("dm_tmem", tests, NULL, NULL);
}
