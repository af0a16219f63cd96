/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save_test.c - guests of tmem-host are saved to a file, and go on from it
 *
 * Two small guests: one has a job that writes files, the other one's database
 * is larger than its memory, so that a part of it is in tmem. tmem-host
 * compares every page; what is looked at here is that there were any, and what it
 * says about files that are not as they should be.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/served.h"

#define HOST   "tmem-host --io=cached --dir=%s/run "
#define GUESTS "-g kind=cache,name=files,mem=1,trace=%s/job.trace " \
               "-g kind=swap,name=sql,mem=1 --rows=8000 --spare=4 --together "

/* As it is in the file: savefile.c. */
struct head {
    uint32_t what, guest;
    uint64_t len, digest;
};
enum { RUN = 1, TMEM, GUEST, END };
#define FIRST_LINE 20

/* A host takes long to start below it, and reads files in one thread. */
#ifdef __SANITIZE_THREAD__
#define STRIDE 5
#else
#define STRIDE 1
#endif

static char dir[64];
static uint8_t *good;           /* a file as it was saved */
static size_t good_len;
static size_t chunk[64];        /* where its chunks begin */
static unsigned int nr_chunks;

static void write_file(const char *name, const void *data, size_t len)
{
    FILE *f = fopen(served_path(name), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* 2 MiB are read, and most of it is written. */
static void write_trace(unsigned int times)
{
    char text[1024];
    unsigned int i;
    int len = sprintf(text, "tmem-trace 1\nf 1 2097152 a\nf 2 65536 b\n");

    for ( i = 0; i < times; i++ )
        len += sprintf(text + len, "r 1 0 512\nw 1 %u 64\nw 2 %u\nr 2 0 16\n",
                       64 * i, i);
    len += sprintf(text + len, "end\n");
    write_file("job.trace", text, len);
}

static uint64_t word(size_t at)
{
    uint64_t w;

    memcpy(&w, good + at, sizeof(w));
    return w;
}

static void read_good(void)
{
    FILE *f = fopen(served_path("good"), "r");
    size_t at = FIRST_LINE;
    struct head h;

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    good_len = ftell(f);
    rewind(f);
    good = malloc(good_len);
    assert_int_equal(fread(good, 1, good_len, f), good_len);
    fclose(f);
    for ( nr_chunks = 0; at < good_len; at += sizeof(h) + h.len )
    {
        assert_true(nr_chunks < 64);
        chunk[nr_chunks++] = at;
        memcpy(&h, good + at, sizeof(h));
    }
    assert_int_equal(at, good_len);
}

/*
 * A host with these options ends with that status and one line, which has
 * `error`. It ends where it stands, without cleaning up.
 */
static void dies(int status, const char *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void dies(int status, const char *error, const char *format, ...)
{
    char options[512], *newline;
    va_list ap;

    va_start(ap, format);
    vsnprintf(options, sizeof(options), format, ap);
    va_end(ap);
    if ( run("cd %s; export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0; "
             HOST "%s", dir, dir, options) != status ||
         !strstr(run_err, error) )
        fail_msg("%s: '%s' '%s'", options, run_out, run_err);
    newline = strchr(run_err, '\n');
    assert_non_null(newline);
    assert_null(strstr(run_out, "jobs done"));
}

/* A number of the table that it prints: of that guest, in that column. */
static unsigned long column(const char *guest, unsigned int nr)
{
    char line[16];
    char *s;

    snprintf(line, sizeof(line), "\n  %s ", guest);
    s = strstr(run_out, line);
    if ( !s )
        fail_msg("no line of %s in '%s'", guest, run_out);
    for ( s += strlen(line); nr; nr-- )
        strtoul(s, &s, 10);
    return strtoul(s, NULL, 10);
}

static int setup(void **state)
{
    (void)state;
    if ( run("true") )
        return -1;
    snprintf(dir, sizeof(dir), "%s", served_path(""));
    write_trace(6);
    if ( run(HOST GUESTS "--shifts=3 --save-at=2 --save=%s/good", dir, dir,
             dir) )
    {
        fprintf(stderr, "%s%s", run_out, run_err);
        return -1;
    }
    read_good();
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(good);
    served_clean();
    return 0;
}

/* Everything of every guest comes back, and they work on to the end. */
static void test_go_on(void **state)
{
    unsigned long own, tmem;

    (void)state;
    assert_int_equal(run(HOST GUESTS "--shifts=3 --save=%s/a", dir, dir, dir),
                     0);
    assert_string_equal(run_err, "");
    assert_non_null(strstr(run_out, "in the middle of shift 2; "));
    own = column("sql", 0);
    tmem = column("sql", 2) + column("sql", 3);
    assert_true(own >= 256);
    assert_true(tmem > 100);
    assert_true(column("files", 1) > 0);

    assert_int_equal(run(HOST "--from=%s/a", dir, dir), 0);
    assert_string_equal(run_err, "");
    assert_int_equal(column("sql", 0), own);
    assert_in_range(column("sql", 2), 100, tmem);
    assert_true(column("sql", 3) >= column("sql", 2));
    assert_true(column("files", 1) > 0);
    assert_true(column("files", 3) > 200);
    /* Two guests, what is left of a shift and another one. */
    assert_non_null(strstr(run_out, "all as they had been; 4 jobs done"));
}

/* Compressed pages go on where they are, by another codec, or by none. */
static void test_compressed(void **state)
{
    static const char *const there[] = { "lzo", "lz4", "no" };
    unsigned int i;

    (void)state;
    assert_int_equal(run(HOST GUESTS "--boot='tmem=1 tmem_compress=lzo' "
                         "--shifts=3 --save=%s/c", dir, dir, dir), 0);
    assert_string_equal(run_err, "");
    for ( i = 0; i < 3; i++ )
    {
        assert_int_equal(run(HOST "--boot='tmem=1 tmem_compress=%s' "
                             "--from=%s/c", dir, there[i], dir), 0);
        assert_string_equal(run_err, "");
        assert_non_null(strstr(run_out, "all as they had been; 4 jobs done"));
    }
}

/* More than once, and in another folder, whose disks are made anew. */
static void test_again(void **state)
{
    (void)state;
    assert_int_equal(run(HOST "--from=%s/good --save=%s/again", dir, dir, dir),
                     0);
    assert_non_null(strstr(run_out, "in the middle of shift 3; "));
    assert_int_equal(run("tmem-host --io=cached --dir=%s/other --spare=8 "
                         "--from=%s/again", dir, dir), 0);
    assert_string_equal(run_err, "");
    assert_true(column("sql", 2) > 100);
    assert_non_null(strstr(run_out, "all as they had been; 2 jobs done"));
    assert_int_equal(run(HOST "--from=%s/again --quiet", dir, dir), 0);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err, "");
}

/* Some of the swapped pages are in the swap file, for lack of room in tmem. */
static void test_swap_file(void **state)
{
    unsigned long own;

    (void)state;
    assert_int_equal(run(HOST GUESTS "--shifts=1 --persist=1 --save=%s/a", dir,
                         dir, dir), 0);
    own = column("sql", 0);
    assert_true(own > 256);
    assert_int_equal(run(HOST "--from=%s/a", dir, dir), 0);
    assert_string_equal(run_err, "");
    assert_int_equal(column("sql", 0), own);
}

static void refused(const char *error)
{
    dies(2, error, "--from=bad");
    assert_non_null(strstr(run_err, "tmem-host: bad: "));
    assert_string_equal(strchr(run_err, '\n'), "\n");
}

static void test_cut(void **state)
{
    unsigned int i;

    (void)state;
    write_file("bad", good, 0);
    refused("not a file of guests");
    write_file("bad", good, FIRST_LINE - 1);
    refused("not a file of guests");
    for ( i = 0; i < nr_chunks; i += STRIDE )
    {
        write_file("bad", good, chunk[i]);
        refused("cut short");
        write_file("bad", good, chunk[i] + sizeof(struct head) - 1);
        refused("cut short");
        if ( !word(chunk[i] + 8) )
            continue;
        write_file("bad", good, chunk[i] + sizeof(struct head) + 1);
        refused("cut short");
    }
    write_file("bad", good, good_len - 1);
    refused("cut short");
}

static void test_damaged(void **state)
{
    unsigned int i, n;
    size_t at;

    (void)state;
    for ( at = 0; at < FIRST_LINE; at += 7 )
    {
        good[at] ^= 1;
        write_file("bad", good, good_len);
        good[at] ^= 1;
        refused("not a file of guests");
    }
    for ( i = 0; i < nr_chunks; i += STRIDE )
        /* All of them for one chunk, one for each of the others. */
        for ( n = i == 1 ? 0 : i % 5; n < 5; n += i == 1 ? 1 : 5 )
        {
            uint64_t len = word(chunk[i] + 8);

            /* What it is, whose, its digest; the body's middle and end. */
            at = chunk[i] + (n == 0 ? 0 : n == 1 ? 4 : n == 2 ? 20 :
                             sizeof(struct head) +
                             (n == 3 ? len / 2 : len - 1));
            if ( n > 2 && !len )
                continue;
            good[at] ^= 4;
            write_file("bad", good, good_len);
            good[at] ^= 4;
            refused("damaged: it is not what was saved");
        }
    /* A length: the body is another one, or there is none. */
    good[chunk[1] + 8] ^= 8;
    write_file("bad", good, good_len);
    good[chunk[1] + 8] ^= 8;
    refused("damaged");
    good[chunk[1] + 15] ^= 8;
    write_file("bad", good, good_len);
    good[chunk[1] + 15] ^= 8;
    refused("damaged");
}

/* Chunks that are whole, but not where they were. */
static void test_mixed_up(void **state)
{
    size_t len = chunk[2] - chunk[1];
    uint8_t *bad = malloc(good_len + len);

    (void)state;
    memcpy(bad, good, chunk[1]);
    memcpy(bad + chunk[1], good + chunk[2], good_len - chunk[2]);
    write_file("bad", bad, good_len - len);
    refused("damaged");
    memcpy(bad, good, chunk[2]);
    memcpy(bad + chunk[2], good + chunk[1], good_len - chunk[1]);
    write_file("bad", bad, good_len + len);
    refused("damaged");
    memcpy(bad, good, good_len);
    write_file("bad", bad, good_len + 1);
    refused("there is more behind");
    free(bad);
}

/* A file as it was, where it does not fit. */
static void test_elsewhere(void **state)
{
    (void)state;
    dies(1, "guest sql: no memory for ", "--from=good --spare=1");
    assert_non_null(strstr(run_err, "a larger --spare has more\n"));
    dies(2, "leaves tmem off", "--from=good --boot=tmem=0");
    dies(2, "cannot open ", "--from=none");
    dies(2, "Is a directory", "--from=.");
    write_trace(5);
    dies(2, "not the trace that guest files was saved with", "--from=good");
    write_trace(6);
    assert_int_equal(run(HOST "--from=%s/good --quiet", dir, dir), 0);
}

static void test_options(void **state)
{
    static const struct { const char *options, *error; } bad[] = {
        { "--save-at=2", "--save says to which file" },
        { "--save=x --save-at=7", "there are shifts 1 to 6" },
        { "--save=x --save-at=0", "--save-at must be a number" },
        { "--save=x --serve --save-at=1", "a signal says when" },
        { "--from=x --rows=1000", "no --rows with it" },
        { "--from=x -g kind=swap,mem=1", "no --guest with it" },
        { "--from=x --shifts=3", "no --shifts with it" },
        { "--save=x --rows=400000 -g kind=swap,mem=1", "400000 rows need " },
    };
    size_t i;

    (void)state;
    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
        dies(2, bad[i].error, "%s", bad[i].options);
    assert_int_equal(run("ls %s/x", dir), 2);
    dies(1, "cannot write /dev/full, which is not complete: No space left",
         GUESTS "--shifts=1 --save=/dev/full", dir);
    /* Before the guests begin. */
    dies(2, "cannot write no/x.part: No such file", GUESTS "--save=no/x",
         dir);
    dies(2, "--save: . is a folder", GUESTS "--save=.", dir);
    dies(2, "the file has no name", GUESTS "--save=", dir);
    assert_string_equal(run_out, "");
    /* The last shift is under way. */
    assert_int_equal(run(HOST GUESTS "--shifts=1 --save=%s/a", dir, dir, dir),
                     0);
    dies(2, "there is no shift left to save in", "--from=a --save=b");
}

/* A host that serves xl is saved when it is told to end, and serves again. */
static void test_serve(void **state)
{
    static const char wait_and_end[] =
        "& for i in $(seq 600); do xl tmem-list -l -a 2>/dev/null | "
        "grep -q '^P=CI:2,.*pt:[1-9]' && break; sleep 0.1; done; "
        "kill $!; wait $!";

    (void)state;
    assert_int_equal(run(HOST GUESTS "--serve=%s/control --save=%s/a %s", dir,
                         dir, dir, dir, wait_and_end), 0);
    assert_non_null(strstr(run_out, "They go on with --from="));
    assert_string_equal(run_err, "");
    assert_int_equal(run(HOST "--serve=%s/control --from=%s/a %s", dir, dir,
                         dir, wait_and_end), 0);
    assert_string_equal(run_err, "");
    assert_true(column("sql", 0) > 0);
    assert_non_null(strstr(run_out, "all as they had been"));
}

/* The old file stays as it is, until there is a new one; a half one goes. */
static void test_replaced(void **state)
{
    (void)state;
    write_file("a", good, good_len);
    assert_int_equal(run("cd %s && ln -f a linked", dir), 0);
    assert_int_equal(run(HOST "--from=%s/a --save=%s/a", dir, dir, dir), 0);
    assert_int_equal(run("cd %s && cmp good linked && ! cmp -s good a && "
                         "! ls a.part && mv linked a && ln -s a link", dir), 0);
    assert_int_equal(run(HOST GUESTS "--quiet --shifts=1 --save=%s/link", dir,
                         dir, dir), 0);
    assert_int_equal(run("cd %s && [ -L link ] && ! cmp -s good a && cp good a",
                         dir), 0);
    /* It ends in the middle: there are threads and memory left. */
    assert_int_equal(run("export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 "
                         "TSAN_OPTIONS=$TSAN_OPTIONS:report_thread_leaks=0; "
                         HOST GUESTS "--serve=%s/control --save=%s/a & "
                         "for i in $(seq 600); do xl tmem-list -a >%s/list && "
                         "break; sleep 0.1; done 2>%s/list; "
                         "ln -s /dev/full %s/a.part; kill $!; wait $!",
                         dir, dir, dir, dir, dir, dir, dir), 1);
    if ( !strstr(run_err, "/a, so it is as it was: No space left on device") )
        fail_msg("%s", run_err);
    assert_int_equal(run("cd %s && cmp good a && ! ls a.part", dir), 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_on),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_swap_file),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_mixed_up),
        cmocka_unit_test(test_elsewhere),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_serve),
        cmocka_unit_test(test_replaced),
    };

    if ( argc > 1 )
        cmocka_set_test_filter(argv[1]);
    cmocka_set_message_output(CM_OUTPUT_STDOUT);

    return cmocka_run_group_tests(tests, setup, end);
}
