/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verify_test.c - the verifier of migration streams, beside the hypervisor
 *
 * tools/python/xen/migration/tmem.py, which knows nothing but the specification,
 * looks at a stream that the engine has made, and at many that are damaged in
 * one place. Of each it must think what the engine thinks, which restores it.
 *
 *   CHECK_SEED=...   the seed of what is damaged
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/carry.h"
#include "../lib/control.h"
#include "../lib/env.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/stream.h"

#define FROM   1
#define TO     2
#define ROOM   (64 << 10)
#define ROUNDS 600

static char path[40];
static FILE *file;
/* What the engine says of each stream. */
static bool taken[ROUNDS];
static char what[ROUNDS][80];

static int begin(void **state)
{
    int fd;

    strcpy(path, "/tmp/tmem-verify-XXXXXX");
    fd = mkstemp(path);

    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    return machine_setup(state);
}

static int end(void **state)
{
    unlink(path);
    return machine_teardown(state);
}

static void write_body(const void *body, uint32_t len)
{
    assert_int_equal(fwrite(&len, sizeof(len), 1, file), 1);
    if ( len )
        assert_int_equal(fwrite(body, len, 1, file), 1);
}

/* Start the verifier; each line of what it says is the next one's verdict. */
static FILE *verify(void)
{
    char command[128];
    FILE *said;

    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command), "python3 tests/unit/verify.py %s", path);
    said = popen(command, "r");
    assert_non_null(said);
    return said;
}

/* Passes of all kinds, with records of all kinds. */
static void test_saved(void **state)
{
    struct handle h = HANDLE(FROM, 0, 1, 0);
    struct carry c;
    char line[256];
    unsigned int i, kind;
    FILE *said;

    (void)state;
    assert_int_equal(shared_auth(FROM, 1, 2, true), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, FROM, 1), 0);
    page_mix(true);
    assert_int_equal(guest_new_pool(FROM, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(FROM, POOL_EPHEMERAL), 1);
    assert_int_equal(shared_new_pool(FROM, 1, 2), 2);
    assert_int_equal(guest_new_pool(FROM, POOL_PERSISTENT), 3);
    assert_int_equal(guest_put_range(h, 300, 1), 300);
    assert_int_equal(guest_put(HANDLE(FROM, 0, 2, 0), 1), 1);
    assert_int_equal(guest_put(HANDLE(FROM, 3, 2, 0), 1), 1);
    carry_start(&c, FROM, TO);
    assert_int_equal(carry_pass(&c, TMEM_SAVE_HEAD), 1);
    assert_int_equal(carry_pass(&c, TMEM_SAVE_LIVE), 1);
    assert_int_equal(guest_put_range(h, 10, 2), 10);
    assert_int_equal(guest_flush(HANDLE(FROM, 0, 1, 299)), 1);
    assert_int_equal(guest_flush_object(HANDLE(FROM, 0, 2, 0)), 1);
    assert_int_equal(guest_destroy_pool(FROM, 3), 1);
    assert_int_equal(xenhost_domain_suspend(FROM), 0);
    assert_int_equal(carry_pass(&c, TMEM_SAVE_FINAL), 1);
    for ( i = 0; i < c.nr; i++ )
        write_body(c.body[i].data, c.body[i].len);
    write_body(NULL, 0);

    /* Each kind of record was there, or this says little. */
    for ( kind = TMEM_REC_CLIENT; kind <= TMEM_REC_END; kind++ )
    {
        bool found = false;

        for ( i = 0; i < c.nr && !found; i++ )
        {
            uint32_t at = sizeof(struct tmem_stream_header);

            while ( at < c.body[i].len )
            {
                struct tmem_rec rec;

                memcpy(&rec, c.body[i].data + at, sizeof(rec));
                found |= rec.kind == kind;
                at += sizeof(rec) + rec.length;
            }
        }
        assert_true(found);
    }
    assert_int_equal(carry_all(&c), 0);
    for ( i = 10; i < 299; i++ )
        assert_int_equal(carry_get(&c, HANDLE(FROM, 0, 1, i), 1), 1);
    carry_end(&c);
    page_mix(false);

    said = verify();
    assert_non_null(fgets(line, sizeof(line), said));
    assert_string_equal(line, "ok\n");
    assert_int_equal(pclose(said), 0);
}

/*
 * A stream that is all right: a body's header, and records of all kinds.
 * One page has 8 bytes, of which so many count: 4 are right.
 */
static void make_stream(struct stream *s, uint32_t weight, uint32_t bytes)
{
    struct tmem_stream_header header = { .version = 1, .max_memkb = 4096 };
    static const uint32_t cut[2] = { 5, 0 }, same[2] = { 7, 0 };
    struct tmem_rec_client *client;
    struct tmem_rec_pool *shared;

    memcpy(s->data, &header, sizeof(header));
    s->len = sizeof(header);
    /* A codec of which the verifier can tell what it makes a page. */
    client = stream_client(s, 1U << TMEM_CLIENT_CODECS_SHIFT);
    client->version = TMEM_REC_VERSION_CODED;
    client->weight = weight;
    stream_pool(s, 0, POOL_PERSISTENT);
    stream_pool(s, 5, POOL_EPHEMERAL);
    shared = stream_pool(s, 2, POOL_SHARED);
    shared->uuid[0] = shared->uuid[1] = 77;
    stream_pool(s, 15, POOL_PERSISTENT);
    stream_page(s, HANDLE(FROM, 0, 1, 2), 1);
    stream_page(s, HANDLE(FROM, 0, 1, 3), 1);
    stream_page_gone(s, HANDLE(FROM, 0, 1, 3));
    s->nr_pages[0]--;
    stream_page(s, HANDLE(FROM, 15, 9, 3), 1);
    stream_object_gone(s, HANDLE(FROM, 15, 9, 0));
    s->nr_pages[15]--;
    stream_bytes(s, HANDLE(FROM, 0, 1, 4), TMEM_FORM_SAME, same, sizeof(same));
    stream_bytes(s, HANDLE(FROM, 0, 1, 5),
                 TMEM_FORM_CODED | bytes << TMEM_FORM_BYTES_SHIFT, cut,
                 sizeof(cut));
    client = stream_client(s, 1 | 1U << TMEM_CLIENT_CODECS_SHIFT);
    client->version = TMEM_REC_VERSION_CODED;
    stream_pool_gone(s, 5);
    stream_pool(s, 5, POOL_PERSISTENT);
    stream_page(s, HANDLE(FROM, 5, 9, 3), 1);
    stream_end(s);
}

/* Where all records begin; returns how many there are. */
static unsigned int record_places(const struct stream *s, uint32_t *at)
{
    uint32_t place = sizeof(struct tmem_stream_header);
    unsigned int nr = 0;

    while ( place < s->len )
    {
        struct tmem_rec rec;

        memcpy(&rec, s->data + place, sizeof(rec));
        at[nr++] = place;
        place += sizeof(rec) + rec.length;
    }
    return nr;
}

/* Do one thing to it, in what is not a page. */
static void damage(struct stream *s, struct rng *rng, char *how)
{
    uint32_t at[32] = { 0 }, nr = record_places(s, at), i = rng_below(rng, nr);
    uint32_t from = at[i], next = i + 1 < nr ? at[i + 1] : s->len, byte;

    switch ( rng_below(rng, 6) )
    {
    case 0:
        sprintf(how, "without record %u", i);
        memmove(s->data + from, s->data + next, s->len - next);
        s->len -= next - from;
        break;

    case 1:
        sprintf(how, "record %u twice", i);
        memmove(s->data + next + (next - from), s->data + next, s->len - next);
        memcpy(s->data + next, s->data + from, next - from);
        s->len += next - from;
        break;

    case 2:
        sprintf(how, "ends in record %u", i);
        s->len = from + 8 * rng_below(rng, (next - from) / 8);
        break;

    default:
        /* Of the body's header too, but not max_memkb. */
        byte = rng_below(rng, 48);
        /* Nor which codecs may come: some hosts know one less. */
        if ( byte == 8 + 13 )
            byte = 8;
        byte = byte < 8 ? byte : from + byte - 8 < next ? from + byte - 8 : from;
        sprintf(how, "byte %u (record %u)", byte, i);
        s->data[byte] ^= rng_below(rng, 4) ? 1U << rng_below(rng, 8) : 0xff;
    }
}

static bool engine_takes(const uint8_t *body, uint32_t len)
{
    struct carry c;
    int rc;

    carry_start(&c, FROM, TO);
    rc = tmem_stream_record(&c.restore, body, len);
    if ( !rc )
        rc = tmem_stream_finish(&c.restore);
    carry_end(&c);
    assert_int_equal(xenhost_domain_destroy(TO), 0);
    machine_guest(TO);
    return !rc;
}

static void test_damaged(void **state)
{
    struct rng rng = { env_seed() };
    uint8_t *data = malloc(ROOM);
    unsigned int i, good = 0;
    char line[256];
    FILE *said;

    (void)state;
    for ( i = 0; i < ROUNDS; i++ )
    {
        struct stream s = { .data = data, .size = ROOM };

        /*
         * The first three: the largest weight, and what is above it; and more
         * bytes said to be of a page than there are.
         */
        make_stream(&s, i < 2 ? TMEM_MAX_WEIGHT + i : 300, i == 2 ? 9 : 4);
        strcpy(what[i], !i ? "as it was" : i == 1 ? "weight" : "bytes");
        if ( i > 2 )
            damage(&s, &rng, what[i]);
        taken[i] = engine_takes(s.data, s.len);
        good += taken[i];
        write_body(s.data, s.len);
        write_body(NULL, 0);
    }
    free(data);
    assert_true(taken[0] && !taken[1] && !taken[2]);
    assert_in_range(good, ROUNDS / 50, ROUNDS / 2);

    said = verify();
    for ( i = 0; i < ROUNDS; i++ )
    {
        assert_non_null(fgets(line, sizeof(line), said));
        if ( !strcmp(line, "ok\n") != taken[i] )
            fail_msg("%s: the engine %s it; the verifier says: %s", what[i],
                     taken[i] ? "takes" : "refuses", line);
    }
    assert_int_equal(pclose(said), 0);
}

#define verify_test(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        verify_test(test_saved), verify_test(test_damaged),
    };

    return tests_main(argc, argv, tests);
}
