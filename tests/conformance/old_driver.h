/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * old_driver.h - what Linux's own driver asks for, in guests up to 5.2
 *
 * The order of calls, and the shape of each, of cleancache (a file system's
 * clean pages) and frontswap (swap), as kernels issue them that nobody will
 * change any more. Rows of table.c, which includes this once.
 *
 * A new pool: all that the driver does not set is what its stack had. All else
 * is in the form of a page's request, with zeros where there is nothing to say;
 * also the destruction of a pool.
 */

#define OLD_NEW(f, garbage, res) \
    { .cmd = TMEM_NEW_POOL, .flags = (f), .junk = 1, .index = (garbage), \
      .result = (res) }
#define OLD_NEW_UUID(lo, hi, garbage, res) \
    { .cmd = TMEM_NEW_POOL, .flags = SHR, .uuid = { (lo), (hi) }, .junk = 1, \
      .index = (garbage), .result = (res) }
#define OLD_UNMOUNT(p, res) \
    { .cmd = TMEM_DESTROY_POOL, .pool = (p), .frame = CONF_ZERO, \
      .result = (res) }

/* A file's key: its inode number, or six words of a file handle. */
#define INODE(n)               .oid = { (n) }
#define WORDS(lo, hi)          ((lo) | (uint64_t)(hi) << 32)
#define HANDLE6(a, b, c, d, e, f) \
    .oid = { WORDS(a, b), WORDS(c, d), WORDS(e, f) }
#define FILE_OP(c, p, i, d, res, ...) \
    { .cmd = (c), .pool = (p), .index = (i), .data = (d), .result = (res), \
      __VA_ARGS__ }
#define EVICTED(p, i, d, res, ...) \
    FILE_OP(TMEM_PUT_PAGE, p, i, d, res, __VA_ARGS__)
#define READ(p, i, d, res, ...) \
    FILE_OP(TMEM_GET_PAGE, p, i, d, res, __VA_ARGS__)
#define WRITTEN(p, i, ...) \
    FILE_OP(TMEM_FLUSH_PAGE, p, i, 0, 1, .frame = CONF_ZERO, __VA_ARGS__)
#define FORGET(p, ...) \
    FILE_OP(TMEM_FLUSH_OBJECT, p, 0, 0, 1, .frame = CONF_ZERO, __VA_ARGS__)

/* Slot s of swap area a: 16 objects an area, neighbours in different ones. */
#define SLOT(a, s)             INODE((a) << 4 | ((s) & 15)), .index = (s) >> 4
#define SWAP_OP(c, p, a, s, d, res, ...) \
    { .cmd = (c), .pool = (p), SLOT(a, s), .data = (d), .result = (res), \
      ##__VA_ARGS__ }
#define STORE(p, a, s, d, res) SWAP_OP(TMEM_PUT_PAGE, p, a, s, d, res)
#define LOAD(p, a, s, d, res)  SWAP_OP(TMEM_GET_PAGE, p, a, s, d, res)
#define SLOT_FREE(p, a, s) \
    SWAP_OP(TMEM_FLUSH_PAGE, p, a, s, 0, 1, .frame = CONF_ZERO)
/* swapon and swapoff: all that the area may have, the last object first. */
#define AREA_4(p, a, o) \
    FORGET(p, INODE((a) << 4 | ((o) + 3))), \
    FORGET(p, INODE((a) << 4 | ((o) + 2))), \
    FORGET(p, INODE((a) << 4 | ((o) + 1))), FORGET(p, INODE((a) << 4 | (o)))
#define AREA(p, a) \
    AREA_4(p, a, 12), AREA_4(p, a, 8), AREA_4(p, a, 4), AREA_4(p, a, 0)

static const struct conf_row old_garbage[] = {
    OLD_NEW(PERS, -1, 0), OLD_NEW(EPH, 0, 1), OLD_NEW(EPH, 1, 2),
    OLD_NEW(EPH, 15, 3), OLD_NEW(EPH, 16, 4), OLD_NEW(EPH, INT32_MAX, 5),
    OLD_NEW(EPH, 0x80000000, 6), OLD_NEW(EPH, 0xffff8881, 7),
    STORE(0, 0, 0, 1, 1), EVICTED(7, 0, 2, 1, INODE(2)),
    LOAD(0, 0, 0, 1, 1), READ(7, 0, 2, 1, INODE(2)),
};

static const struct conf_row old_unmount[] = {
    OLD_NEW(PERS, 3, 0), OLD_NEW(EPH, 0, 1), OLD_NEW(EPH, 1, 2),
    STORE(0, 0, 5, 1, 1),
    EVICTED(1, 0, 2, 1, INODE(12)), EVICTED(1, 7, 3, 1, INODE(13)),
    EVICTED(2, 0, 4, 1, INODE(12)),
    /* each inode's pages first, as it is evicted; and then the file system */
    FORGET(1, INODE(12)), OLD_UNMOUNT(1, 1),
    /* mounted again: the same id, and nothing that was there before */
    OLD_NEW(EPH, -1, 1), READ(1, 7, 0, E(EEMPTY), INODE(13)),
    READ(1, 0, 0, E(EEMPTY), INODE(12)), EVICTED(1, 7, 5, 1, INODE(13)),
    READ(1, 7, 5, 1, INODE(13)),
    READ(2, 0, 4, 1, INODE(12)), LOAD(0, 0, 5, 1, 1),
    OLD_UNMOUNT(1, 1), OLD_UNMOUNT(2, 1), LOAD(0, 0, 5, 1, 1),
};

static const struct conf_row old_keys[] = {
    OLD_NEW(EPH, 0, 0),
    /* one of six words is another */
    EVICTED(0, 0, 1, 1, HANDLE6(258, 9, 5, 1, 77, 6)),
    EVICTED(0, 0, 2, 1, HANDLE6(259, 9, 5, 1, 77, 6)),
    EVICTED(0, 0, 3, 1, HANDLE6(258, 8, 5, 1, 77, 6)),
    EVICTED(0, 0, 4, 1, HANDLE6(258, 9, 4, 1, 77, 6)),
    EVICTED(0, 0, 5, 1, HANDLE6(258, 9, 5, 0, 77, 6)),
    EVICTED(0, 0, 6, 1, HANDLE6(258, 9, 5, 1, 76, 6)),
    EVICTED(0, 0, 7, 1, HANDLE6(258, 9, 5, 1, 77, 7)),
    EVICTED(0, 0, 8, 1, HANDLE6(258, 0, 0, 0, 0, 0)),
    READ(0, 0, 0, 0, HANDLE6(258, 9, 0, 0, 0, 0)),
    READ(0, 0, 1, 1, HANDLE6(258, 9, 5, 1, 77, 6)),
    READ(0, 0, 2, 1, HANDLE6(259, 9, 5, 1, 77, 6)),
    READ(0, 0, 3, 1, HANDLE6(258, 8, 5, 1, 77, 6)),
    READ(0, 0, 4, 1, HANDLE6(258, 9, 4, 1, 77, 6)),
    READ(0, 0, 5, 1, HANDLE6(258, 9, 5, 0, 77, 6)),
    READ(0, 0, 6, 1, HANDLE6(258, 9, 5, 1, 76, 6)),
    READ(0, 0, 7, 1, HANDLE6(258, 9, 5, 1, 77, 7)),
    READ(0, 0, 8, 1, INODE(258)),
    /* an inode number of 64 bits, the last page that a key has room for */
    EVICTED(0, ~0U, 10, 1, INODE(0xfffffffffffffff0)),
    READ(0, ~0U, 0, 0, INODE(0xfffffff0)),
    READ(0, ~0U, 10, 1, INODE(0xfffffffffffffff0)),
};

static const struct conf_row old_files[] = {
    OLD_NEW(PERS, 0, 0), OLD_NEW(EPH, 0, 1),
    /* a file is read the first time, evicted, and read again: exclusive */
    READ(1, 0, 0, E(EEMPTY), INODE(12)), READ(1, 1, 0, E(EEMPTY), INODE(12)),
    EVICTED(1, 1, 1, 1, INODE(12)), EVICTED(1, 0, 2, 1, INODE(12)),
    READ(1, 0, 2, 1, INODE(12)), READ(1, 1, 1, 1, INODE(12)),
    READ(1, 0, 0, E(EEMPTY), INODE(12)),
    /* evicted once more with other bytes; one of them is written to */
    EVICTED(1, 0, 3, 1, INODE(12)), EVICTED(1, 1, 4, 1, INODE(12)),
    WRITTEN(1, 0, INODE(12)), READ(1, 0, 0, 0, INODE(12)),
    READ(1, 1, 4, 1, INODE(12)),
    /* what was never there is invalidated, too; a truncation */
    WRITTEN(1, 5, INODE(12)), WRITTEN(1, 0, INODE(99)), FORGET(1, INODE(99)),
    EVICTED(1, 0, 5, 1, INODE(12)), EVICTED(1, 70000, 6, 1, INODE(12)),
    EVICTED(1, 0, 7, 1, INODE(13)), FORGET(1, INODE(12)),
    READ(1, 0, 0, 0, INODE(12)), READ(1, 70000, 0, 0, INODE(12)),
    READ(1, 0, 7, 1, INODE(13)),
};

static const struct conf_row old_swap[] = {
    OLD_NEW(PERS, 12, 0), AREA(0, 0), AREA(0, 1),
    STORE(0, 0, 0, 1, 1), STORE(0, 0, 1, 2, 1), STORE(0, 0, 15, 3, 1),
    STORE(0, 0, 16, 4, 1), STORE(0, 0, 17, 5, 1), STORE(0, 0, 0xfffff, 6, 1),
    STORE(0, 1, 0, 7, 1), STORE(0, 1, 16, 8, 1), STORE(0, 31, 16, 10, 1),
    /* a load leaves the page there, for another one */
    LOAD(0, 0, 0, 1, 1), LOAD(0, 0, 0, 1, 1), LOAD(0, 0, 1, 2, 1),
    LOAD(0, 0, 15, 3, 1), LOAD(0, 0, 16, 4, 1), LOAD(0, 0, 17, 5, 1),
    LOAD(0, 0, 0xfffff, 6, 1), LOAD(0, 1, 0, 7, 1), LOAD(0, 1, 16, 8, 1),
    LOAD(0, 31, 16, 10, 1), LOAD(0, 0, 31, 0, 0), LOAD(0, 1, 17, 0, 0),
    /* dirty again in its slot; a slot that is freed, and used again */
    STORE(0, 0, 1, 11, 1), LOAD(0, 0, 1, 11, 1),
    SLOT_FREE(0, 0, 16), LOAD(0, 0, 16, 0, 0), SLOT_FREE(0, 0, 16),
    LOAD(0, 0, 0, 1, 1), STORE(0, 0, 16, 12, 1), LOAD(0, 0, 16, 12, 1),
    /* the driver of one area more takes no other pool */
    AREA(0, 2), STORE(0, 2, 16, 13, 1), LOAD(0, 2, 16, 13, 1),
    LOAD(0, 1, 16, 8, 1), LOAD(0, 0, 16, 12, 1),
};

static const struct conf_row old_swapoff[] = {
    OLD_NEW(PERS, 0, 0), AREA(0, 0), AREA(0, 1),
    STORE(0, 0, 3, 1, 1), STORE(0, 0, 4, 2, 1), STORE(0, 1, 3, 3, 1),
    STORE(0, 1, 4, 4, 1), STORE(0, 1, 15, 5, 1), STORE(0, 1, 16, 6, 1),
    STORE(0, 1, 1000, 7, 1),
    /* pages come back, and their slots are freed, but for what nobody wants */
    LOAD(0, 1, 3, 3, 1), SLOT_FREE(0, 1, 3), LOAD(0, 1, 4, 4, 1),
    SLOT_FREE(0, 1, 4), AREA(0, 1),
    LOAD(0, 1, 15, 0, 0), LOAD(0, 1, 16, 0, 0), LOAD(0, 1, 1000, 0, 0),
    LOAD(0, 0, 3, 1, 1), LOAD(0, 0, 4, 2, 1),
    AREA(0, 1), STORE(0, 1, 16, 8, 1), LOAD(0, 1, 16, 8, 1),
    AREA(0, 1), AREA(0, 0), LOAD(0, 0, 3, 0, E(EEMPTY)),
};

static const struct conf_row old_refused[] = {
    OLD_NEW(PERS, 0, 0), AREA(0, 0), DO(CONF_NO_ROOM),
    /* to the disk; the slot is freed as all others are */
    STORE(0, 0, 3, 1, E(ENOMEM)), SLOT_FREE(0, 0, 3),
    LOAD(0, 0, 3, 0, E(EEMPTY)), AREA(0, 0),
};

static const struct conf_row old_shared[] = {
    /* of a cluster's file system, which nobody has authorised */
    OLD_NEW_UUID(0x1122334455667788, 0x99aabbccddeeff00, 3, 0),
    OLD_NEW_UUID(0x1122334455667788, 0x99aabbccddeeff00, -1, 1),
    EVICTED(0, 0, 1, 1, INODE(12)), READ(1, 0, 0, E(EEMPTY), INODE(12)),
    EVICTED(1, 0, 2, 1, INODE(12)), READ(0, 0, 1, 1, INODE(12)),
    READ(0, 0, 0, E(EEMPTY), INODE(12)), WRITTEN(0, 0, INODE(12)),
    FORGET(0, INODE(12)), READ(1, 0, 2, 1, INODE(12)),
    OLD_UNMOUNT(0, 1), EVICTED(1, 0, 3, 1, INODE(12)), OLD_UNMOUNT(1, 1),
};
