/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decoders_test.c - what decoders make of damaged bytes
 *
 * An input is what some page became, with bits flipped, bytes replaced, cut
 * out, doubled, taken from another page's, or more than there were; or noise.
 * A decoder reads nothing behind it and writes nothing but its page, which it
 * has written all of if it says so: see lib/decode.h. Bytes that are left alone
 * give the page.
 *
 *   CHECK_SEED=...             the seed of the first round, as the first line says
 *   CHECK_STRESS_SECONDS=...   how long it goes on (1)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/decode.h"
#include "../lib/env.h"
#include "../lib/kinds.h"
#include "../lib/machine.h"
#include <xen/tmem_codec.h>

#define PAGE    4096U
#define INPUTS  64             /* of a round, which has one page */

static unsigned char page[PAGE], state[256 << 10] __attribute__((aligned(64)));
static unsigned char whole[TMEM_CODEC_ROOM], other[TMEM_CODEC_ROOM];
static unsigned char input[DECODE_MAX];
static uint64_t seed;           /* of the round */
static unsigned long inputs, decoded;

/* Damage len bytes of input: how many they are now. */
static unsigned int damage(struct rng *rng, unsigned int len,
                           unsigned int other_len)
{
    /* The beginning says most. */
    unsigned int at = rng_below(rng, rng_below(rng, 3) ? len : 1 + len / 16);
    unsigned int n = 1 + rng_below(rng, rng_below(rng, 4) ? 4 : len);

    switch ( rng_below(rng, 7) )
    {
    case 0:
        input[at] ^= 1U << rng_below(rng, 8);
        break;

    case 1:                     /* lengths and distances at their ends */
        input[at] = rng_below(rng, 2) ? 0xff : 0;
        break;

    case 2:
        input[at] = rng_next(rng);
        break;

    case 3:                     /* cut out */
        n = n < len - at ? n : len - at;
        memmove(input + at, input + at + n, len - at - n);
        len -= n;
        break;

    case 4:                     /* once more */
        n = n < len - at ? n : len - at;
        if ( len + n > DECODE_MAX )
            break;
        memmove(input + at + n, input + at, len - at);
        len += n;
        break;

    case 5:                     /* the rest is another page's */
        if ( at < other_len )
        {
            memcpy(input + at, other + at, other_len - at);
            len = other_len;
        }
        break;

    default:                    /* of one byte */
        n = n < len - at ? n : len - at;
        memset(input + at, rng_next(rng), n);
        break;
    }

    return len ?: 1;
}

static void run_input(struct rng *rng, const struct tmem_codec *codec,
                      unsigned int whole_len, unsigned int other_len)
{
    unsigned int way = rng_below(rng, 16), len = whole_len, n;
    const unsigned char *got;

    memcpy(input, whole, len);
    if ( way == 1 || !len )
    {
        len = 1 + rng_below(rng, 256);
        for ( n = 0; n < len; n++ )
            input[n] = rng_next(rng);
    }
    for ( n = way > 1 ? 1 + rng_below(rng, 3) : 0; n; n-- )
        len = damage(rng, len, other_len);

    got = decode(codec, input, len, state);
    inputs++;
    decoded += !!got;
    if ( way || !whole_len )
        return;
    if ( !got || memcmp(got, page, PAGE) )
    {
        print_error("CHECK_SEED=%#llx\n", (unsigned long long)seed);
        fail_msg("%s: not the page", codec->name);
    }
}

static void run_round(struct rng *rng)
{
    const struct tmem_codec *codec = tmem_codec(rng_below(rng,
                                                          TMEM_NR_CODECS));
    unsigned int whole_len, other_len, i;

    if ( !codec )
        return;
    page_of_kind(rng, rng_below(rng, PAGE_KINDS), page);
    other_len = codec->compress(page, other, TMEM_STORED_MAX, state);
    page_of_kind(rng, rng_below(rng, PAGE_KINDS), page);
    whole_len = codec->compress(page, whole, TMEM_STORED_MAX, state);
    for ( i = 0; i < INPUTS; i++ )
        run_input(rng, codec, whole_len, other_len);
}

static void test_damaged_bytes(void **unused)
{
    time_t end;
    struct rng rng;

    decode_setup();
    /* A decoder that goes too far ends all. */
    seed = env_seed();
    end = time(NULL) + env_stress_seconds();
    do {
        rng.state = seed;
        run_round(&rng);
        seed++;
    } while ( time(NULL) < end );
    print_message("%lu inputs, %lu of them gave a page\n", inputs, decoded);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_bytes),
    };

    return tests_main(argc, argv, tests);
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
