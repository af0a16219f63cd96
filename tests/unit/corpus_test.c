/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * corpus_test.c - the benchmark's real data: files cut into pages, and picked
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "../../bench/corpus/corpus.h"

static char dir[64];

static const char *path(const char *name)
{
    static char buf[128];

    snprintf(buf, sizeof(buf), "%s/%s", dir, name);

    return buf;
}

/* A file of n bytes, which tell their page: first, first + 1 ... */
static void make_file(const char *name, unsigned long n, unsigned char first)
{
    FILE *f = fopen(path(name), "w");
    unsigned long i;

    assert_non_null(f);
    for ( i = 0; i < n; i++ )
        fputc(first + i / CORPUS_PAGE, f);
    assert_int_equal(fclose(f), 0);
}

/* Pages 1, 2, 3 (100 bytes), an empty file, 4 and one more name of it. */
static int setup(void **state)
{
    char other[128];

    (void)state;
    strcpy(dir, "/tmp/corpus-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(mkdir(path("b"), 0777), 0);
    make_file("a", 2 * CORPUS_PAGE, 1);
    make_file("b/x", 100, 3);
    make_file("b/y", 0, 0);
    make_file("c", CORPUS_PAGE, 4);
    strcpy(other, path("c"));
    assert_int_equal(link(other, path("d")), 0);
    assert_int_equal(symlink("a", path("e")), 0);

    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = { "a", "b/x", "b/y", "c", "d", "e" };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(names) / sizeof(names[0]); i++ )
        unlink(path(names[i]));
    rmdir(path("b"));

    return rmdir(dir);
}

/* What is in a buffer before does not show behind a file's end. */
static void test_files(void **state)
{
    struct corpus_files f = { };
    char page[CORPUS_PAGE];
    unsigned int i;

    (void)state;
    assert_int_equal(corpus_files_add(&f, path("b")), 0);
    assert_int_equal(corpus_files_add(&f, dir), 0);
    assert_int_equal(f.nr, 4);              /* b/x, a, b/x again, c */
    assert_int_equal(f.pages, 5);
    for ( i = 0; i < 5; i++ )
    {
        const struct corpus_file *file = corpus_files_find(&f, i);

        assert_ptr_equal(file, &f.v[i < 2 ? i : i - 1]);
        memset(page, 0xff, sizeof(page));
        assert_true(corpus_files_read(file, i, page));
        assert_int_equal(page[99], "\3\1\2\3\4"[i]);
        assert_int_equal(page[100], "\0\1\2\0\4"[i]);
        assert_int_equal(page[CORPUS_PAGE - 1], "\0\1\2\0\4"[i]);
    }
    assert_false(corpus_files_read(&f.v[3], 5, page));
    corpus_files_free(&f);
}

static void test_load(void **state)
{
    struct corpus c;
    unsigned long i;
    uint32_t word;

    (void)state;
    assert_int_equal(corpus_load(&c, dir, 100, 1), 0);
    assert_int_equal(c.nr, 4);
    for ( i = 0; i < c.nr; i++ )
    {
        const char *page = c.pages + i * CORPUS_PAGE;

        assert_int_equal(page[0], i + 1);
        assert_int_equal(page[99], i + 1);
        assert_int_equal(page[CORPUS_PAGE - 1], i == 2 ? 0 : i + 1);
        assert_int_equal(corpus_same(page, &word), i != 2);
        assert_int_equal(word, 0x01010101 * (i + 1));
    }
    corpus_free(&c);

    /* One file, by a symbolic link. */
    assert_int_equal(corpus_load(&c, path("e"), 100, 1), 0);
    assert_int_equal(c.nr, 2);
    corpus_free(&c);

    assert_int_equal(corpus_load(&c, path("none"), 100, 1), -ENOENT);
    assert_int_equal(corpus_load(&c, path("b/y"), 100, 1), -ENODATA);
    assert_int_equal(c.nr, 0);
}

/* Fewer than there are: any of them, in order, by the seed alone. */
static void test_sample(void **state)
{
    unsigned int seen[5] = { 0 }, seed, i;
    struct corpus c, again;

    (void)state;
    for ( seed = 0; seed < 200; seed++ )
    {
        assert_int_equal(corpus_load(&c, dir, 2, seed), 0);
        assert_int_equal(corpus_load(&again, dir, 2, seed), 0);
        assert_int_equal(c.nr, 2);
        assert_memory_equal(c.pages, again.pages, 2 * CORPUS_PAGE);
        assert_true(c.pages[0] < c.pages[CORPUS_PAGE]);
        seen[(int)c.pages[0]]++;
        seen[(int)c.pages[CORPUS_PAGE]]++;
        corpus_free(&c);
        corpus_free(&again);
    }

    for ( i = 1; i <= 4; i++ )
        assert_in_range(seen[i], 70, 130);
}

static void test_pick(void **state)
{
    struct corpus c = { NULL, 1000 };
    uint32_t *v = corpus_pick(&c, 2500, 7), *w = corpus_pick(&c, 2500, 7);
    uint32_t *other = corpus_pick(&c, 1000, 8);
    unsigned int i, round, same = 0;

    (void)state;
    assert_non_null(v);
    assert_non_null(w);
    assert_non_null(other);
    assert_memory_equal(v, w, 2500 * sizeof(*v));

    for ( round = 0; round < 2; round++ )
    {
        bool seen[1000] = { false };

        for ( i = 0; i < 1000; i++ )
        {
            uint32_t n = v[round * 1000 + i];

            assert_true(n < 1000 && !seen[n]);
            seen[n] = true;
        }
    }
    for ( i = 0; i < 1000; i++ )
        same += (v[i] == other[i]) + (v[i] == v[1000 + i]) + (v[i] == i);
    assert_true(same < 30);

    free(v);
    free(w);
    free(other);
    c.nr = 0;
    assert_null(corpus_pick(&c, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_pick),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
