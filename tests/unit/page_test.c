/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page_test.c - contents of test pages are of all sorts, and tell their tag
 */
#include <string.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/rng.h"
#include <xen/tmem_codec.h>

#define VERSIONS 3000

static uint64_t page[PAGE_WORDS], other[PAGE_WORDS];

/* Tags as tests have them, small and large. */
static uint64_t any_tag(struct rng *rng, uint32_t version)
{
    const struct handle h = HANDLE(rng_below(rng, 8), rng_below(rng, 16),
                                   rng_below(rng, 6), rng_below(rng, 12));

    return version % 3 ? handle_tag(&h, version) : rng_next(rng);
}

/* A page tells its tag, and is no other tag's. */
static void check_tags(void)
{
    struct rng rng = { 5 };
    uint32_t version;

    for ( version = 0; version < VERSIONS; version++ )
    {
        uint64_t tag = any_tag(&rng, version);
        unsigned int i, zeros = 0, equal = 0;

        page_fill(page, tag);
        assert_int_equal(page_check(page, tag), -1);
        assert_true(page_tag(page) == tag);
        page_fill(other, tag + 1);
        assert_true(page_check(page, tag + 1) >= 0);
        for ( i = 0; i < PAGE_WORDS; i++ )
        {
            zeros += !page[i];
            equal += page[i] == other[i];
        }
        assert_true(zeros <= 4000 / 8 && equal <= zeros + 1);
        page[version % PAGE_WORDS] ^= 1ULL << version % 64;
        assert_int_equal(page_check(page, tag), version % PAGE_WORDS);
    }
}

static void test_tags(void **state)
{
    (void)state;
    page_mix(true);
    check_tags();
    page_mix(false);
    check_tags();
}

/* No page of noise is worth compressing, and of others there is everything. */
static void test_sorts(void **state)
{
    const struct tmem_codec *codec = tmem_codec(TMEM_CODEC_LZO);
    static unsigned char bytes[TMEM_CODEC_ROOM], work[128 << 10];
    unsigned int raw = 0, tiny = 0, most = 0, cut = 0, same = 0, twos = 0;
    struct rng rng = { 5 };
    uint32_t version;

    (void)state;
    memset(other, 0, sizeof(other));
    for ( version = 0; version < VERSIONS; version++ )
    {
        uint64_t tag = any_tag(&rng, version);
        unsigned int len;

        page_mix(false);
        page_fill(page, tag);
        assert_int_equal(codec->compress(page, bytes, TMEM_STORED_MAX, work),
                         0);
        page_mix(true);
        page_fill(page, tag);
        len = codec->compress(page, bytes, TMEM_STORED_MAX, work);
        raw += !len;
        most += len > TMEM_STORED_MAX - 64;
        tiny += len && len < 128;
        cut += !memcmp(&page[PAGE_WORDS - 64], other, 512);
        if ( !memcmp(page, page + 1, PAGE_BYTES - 8) )
            *((uint32_t)page[0] == page[0] >> 32 ? &same : &twos) += 1;
    }
    page_mix(false);
    assert_in_range(raw, VERSIONS / 4, VERSIONS / 2);
    assert_in_range(most, VERSIONS / 200, VERSIONS / 10);
    assert_in_range(tiny, VERSIONS / 20, VERSIONS / 3);
    assert_in_range(cut, VERSIONS / 20, VERSIONS / 4);
    assert_in_range(same, VERSIONS / 100, VERSIONS / 10);
    assert_in_range(twos, VERSIONS / 50, VERSIONS / 5);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_sorts),
    };

    return tests_main(argc, argv, tests);
}
