/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hints_test.c - hashes that tell where bytes may be already
 *
 * They depend on all bytes, on whose they are, and on the codec; so no hint leads
 * to what may not be shared, but by chance. (The secret of a boot is the same at
 * each start of a host in a process.)
 */
#include <xen/tmem_codec.h>
#include <xen/tmem_dedup.h>
#include <string.h>

#include "../lib/machine.h"

#define LEN  1000
#define FEW  127              /* bytes that sharing costs more than it saves */

static unsigned char bytes[LEN];

static void start(void)
{
    machine_start(MACHINE_PAGES, 1, TMEM_ON " tmem_compress=lzo tmem_dedup=1");
}

static void test_all_counts(void **state)
{
    uint64_t hash;
    unsigned int i;

    (void)state;
    start();
    hash = tmem_dedup_hash(1, bytes, LEN, TMEM_CODEC_LZO, 0);
    assert_true(hash != tmem_dedup_hash(2, bytes, LEN, TMEM_CODEC_LZO, 0));
    assert_true(hash != tmem_dedup_hash(1, bytes, LEN, TMEM_CODEC_LZ4, 0));
    assert_true(hash != tmem_dedup_hash(1, bytes, LEN - 1, TMEM_CODEC_LZO, 0));
    for ( i = 0; i < LEN; i++ )
    {
        bytes[i] ^= 1;
        assert_true(hash != tmem_dedup_hash(1, bytes, LEN, TMEM_CODEC_LZO, 0));
        bytes[i] ^= 1;
    }
    machine_stop();
}

static void test_few_bytes(void **state)
{
    (void)state;
    start();
    assert_int_equal(tmem_dedup_hash(1, bytes, FEW, TMEM_CODEC_LZO, 0), 0);
    assert_true(tmem_dedup_hash(1, bytes, FEW + 1, TMEM_CODEC_LZO, 0));
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_counts),
        cmocka_unit_test(test_few_bytes),
    };

    return tests_main(argc, argv, tests);
}
