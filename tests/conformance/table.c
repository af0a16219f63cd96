/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.c - the data operations' conformance table (see table.h)
 *
 * One case for each sentence of the interface's description. A row reads
 * OPERATION(arguments, expected result). Constant data, no locking.
 */
#include <xenhost_test.h>

#include "table.h"

/* Errors as Xen numbers them; a guest's C library may lack some. */
#define E(name) (-CONF_##name)
enum {
    CONF_EPERM = 1, CONF_ENOMEM = 12, CONF_EFAULT = 14, CONF_ENODEV = 19,
    CONF_ENOSPC = 28, CONF_ENOSYS = 38, CONF_EOPNOTSUPP = 95,
    CONF_EFROZEN = EFROZEN, CONF_EEMPTY = EEMPTY,
};

#define EPH  0x01000000
#define PERS 0x01000001
#define SHR  0x01000002

#define NEW(f, res) \
    { .cmd = TMEM_NEW_POOL, .flags = (f), .result = (res) }
#define NEW_UUID(f, lo, hi, res) \
    { .cmd = TMEM_NEW_POOL, .flags = (f), .uuid = { (lo), (hi) }, \
      .result = (res) }
#define DESTROY(p, res) \
    { .cmd = TMEM_DESTROY_POOL, .pool = (p), .result = (res) }
#define OP(c, p, o, i, d, res, ...) \
    { .cmd = (c), .pool = (p), .oid = { (o) }, .index = (i), .data = (d), \
      .result = (res), ##__VA_ARGS__ }
#define PUT(p, o, i, d, res) OP(TMEM_PUT_PAGE, p, o, i, d, res)
#define GET(p, o, i, d, res) OP(TMEM_GET_PAGE, p, o, i, d, res)
#define PUT_BAD(p, o, i, res) OP(TMEM_PUT_PAGE, p, o, i, 9, res, \
                                 .frame = CONF_BAD)
#define GET_BAD(p, o, i, res) OP(TMEM_GET_PAGE, p, o, i, 0, res, \
                                 .frame = CONF_BAD)
#define FLUSH(p, o, i, res)  OP(TMEM_FLUSH_PAGE, p, o, i, 0, res)
#define FLUSH_OBJ(p, o, res) OP(TMEM_FLUSH_OBJECT, p, o, 0, 0, res)
#define RAW(c, p, res)       OP(c, p, 1, 1, 1, res)
#define UNREADABLE(c, p, res) OP(c, p, 1, 1, 1, res, .unreadable = 1)
#define JUNK(c, p, o, i, d, res) OP(c, p, o, i, d, res, .junk = 1)
#define DO(action)           { .cmd = (action) }
#define FRAME(kind)          { .cmd = CONF_FRAME_KIND, .index = (kind) }
/* The same page of another object id: all three words count. */
#define GET_OID(p, a, b, c, i, d, res) \
    { .cmd = TMEM_GET_PAGE, .pool = (p), .oid = { (a), (b), (c) }, \
      .index = (i), .data = (d), .result = (res) }
#define PUT_OID(p, a, b, c, i, d, res) \
    { .cmd = TMEM_PUT_PAGE, .pool = (p), .oid = { (a), (b), (c) }, \
      .index = (i), .data = (d), .result = (res) }

/* ---- pools ------------------------------------------------------------- */

static const struct conf_row lowest_id[] = {
    NEW(EPH, 0), NEW(PERS, 1), NEW(EPH, 2),
    DESTROY(1, 1), NEW(PERS, 1), NEW(PERS, 3),
    DESTROY(0, 1), DESTROY(2, 1), NEW(EPH, 0), NEW(EPH, 2), NEW(EPH, 4),
};

static const struct conf_row sixteen_pools[] = {
    NEW(EPH, 0), NEW(PERS, 1), NEW(EPH, 2), NEW(PERS, 3), NEW(EPH, 4),
    NEW(PERS, 5), NEW(EPH, 6), NEW(PERS, 7), NEW(EPH, 8), NEW(PERS, 9),
    NEW(EPH, 10), NEW(PERS, 11), NEW(EPH, 12), NEW(PERS, 13), NEW(EPH, 14),
    NEW(PERS, 15), NEW(EPH, E(EPERM)), NEW(PERS, E(EPERM)),
    PUT(15, 1, 1, 1, 1), GET(15, 1, 1, 1, 1),
    DESTROY(7, 1), NEW(EPH, 7), NEW(EPH, E(EPERM)),
};

static const struct conf_row bad_flags[] = {
    /* spec version */
    NEW(0x00000000, E(EPERM)), NEW(0x02000000, E(EPERM)),
    NEW(0xff000001, E(EPERM)), NEW(0x03000000, E(EPERM)),
    /* page sizes other than 4 KiB */
    NEW(EPH | 0x10, E(EPERM)), NEW(EPH | 0x20, E(EPERM)),
    NEW(EPH | 0x40, E(EPERM)), NEW(PERS | 0x80, E(EPERM)),
    /* reserved bits */
    NEW(EPH | 1 << 8, E(EPERM)),   NEW(EPH | 1 << 9, E(EPERM)),
    NEW(EPH | 1 << 10, E(EPERM)),  NEW(EPH | 1 << 11, E(EPERM)),
    NEW(EPH | 1 << 12, E(EPERM)),  NEW(EPH | 1 << 13, E(EPERM)),
    NEW(EPH | 1 << 14, E(EPERM)),  NEW(EPH | 1 << 15, E(EPERM)),
    NEW(PERS | 1 << 16, E(EPERM)), NEW(PERS | 1 << 17, E(EPERM)),
    NEW(PERS | 1 << 18, E(EPERM)), NEW(PERS | 1 << 19, E(EPERM)),
    NEW(PERS | 1 << 20, E(EPERM)), NEW(PERS | 1 << 21, E(EPERM)),
    NEW(PERS | 1 << 22, E(EPERM)), NEW(PERS | 1 << 23, E(EPERM)),
    /* precompressed; shared and persistent at once */
    NEW(EPH | 4, E(EPERM)), NEW(PERS | 4, E(EPERM)),
    NEW(SHR | 1, E(EPERM)),
    /* none of them took a slot */
    NEW(EPH, 0),
};

static const struct conf_row bit_3_ignored[] = {
    NEW(EPH | 8, 0), NEW(PERS | 8, 1),
    PUT(1, 1, 1, 1, 1), GET(1, 1, 1, 1, 1), GET(1, 1, 1, 1, 1),
};

static const struct conf_row shared_is_private[] = {
    NEW_UUID(SHR, ~0ULL, ~0ULL, 0), NEW_UUID(SHR, 1, 2, 1),
    NEW_UUID(SHR, 1, 2, 2),
    PUT(1, 1, 1, 1, 1), GET(2, 1, 1, 0, E(EEMPTY)),
    GET(1, 1, 1, 1, 1), GET(1, 1, 1, 0, E(EEMPTY)),
};

static const struct conf_row destroy_pool[] = {
    NEW(EPH, 0), NEW(PERS, 1),
    PUT(0, 1, 1, 1, 1), PUT(0, 2, 2, 2, 1), PUT(1, 1, 1, 3, 1),
    DESTROY(0, 1), DESTROY(0, 0),
    GET(0, 1, 1, 0, E(ENODEV)), PUT(0, 1, 1, 4, E(ENODEV)),
    FLUSH(0, 1, 1, E(ENODEV)), FLUSH_OBJ(0, 1, E(ENODEV)),
    GET(1, 1, 1, 3, 1),
    NEW(EPH, 0), GET(0, 1, 1, 0, E(EEMPTY)), PUT(0, 1, 1, 5, 1),
    GET(0, 2, 2, 0, 0), GET(0, 1, 1, 5, 1),
    DESTROY(1, 1), NEW(EPH, 1), GET(1, 1, 1, 0, E(EEMPTY)),
};

#define ALL_OPS_ON(p) \
    RAW(TMEM_PUT_PAGE, p, E(ENODEV)), RAW(TMEM_GET_PAGE, p, E(ENODEV)), \
    RAW(TMEM_FLUSH_PAGE, p, E(ENODEV)), \
    RAW(TMEM_FLUSH_OBJECT, p, E(ENODEV)), DESTROY(p, 0)

static const struct conf_row bad_pool[] = {
    /* before the client has any pool, and after */
    ALL_OPS_ON(0),
    NEW(EPH, 0), PUT(0, 1, 1, 1, 1),
    ALL_OPS_ON(1), ALL_OPS_ON(15), ALL_OPS_ON(16), ALL_OPS_ON(17),
    ALL_OPS_ON(255), ALL_OPS_ON(256), ALL_OPS_ON(65536), ALL_OPS_ON(-1),
    ALL_OPS_ON(-16), ALL_OPS_ON(INT32_MAX), ALL_OPS_ON(INT32_MIN),
    PUT_BAD(1, 1, 1, E(ENODEV)), GET_BAD(1, 1, 1, E(ENODEV)),
    GET(0, 1, 1, 1, 1),
};

/* ---- requests that are refused ----------------------------------------- */

static const struct conf_row unknown_ops[] = {
    NEW(PERS, 0), PUT(0, 1, 1, 1, 1),
    RAW(TMEM_NEW_PAGE, 0, E(ENOSYS)), RAW(TMEM_READ, 0, E(ENOSYS)),
    RAW(TMEM_WRITE, 0, E(ENOSYS)), RAW(TMEM_XCHG, 0, E(ENOSYS)),
    RAW(11, 0, E(ENOSYS)), RAW(100, 0, E(ENOSYS)), RAW(103, 0, E(ENOSYS)),
    RAW(0x7fff, 0, E(ENOSYS)), RAW(~0U, 0, E(ENOSYS)),
    RAW(0x80000004, 0, E(ENOSYS)),
    RAW(TMEM_CONTROL, 0, E(EOPNOTSUPP)), RAW(TMEM_AUTH, 0, E(EOPNOTSUPP)),
    RAW(TMEM_RESTORE_NEW, 0, E(EOPNOTSUPP)),
    /* the op is looked at before the pool */
    RAW(TMEM_NEW_PAGE, -1, E(ENOSYS)), RAW(~0U, 99, E(ENOSYS)),
    RAW(TMEM_AUTH, -1, E(EOPNOTSUPP)),
    GET(0, 1, 1, 1, 1),
};

static const struct conf_row unreadable[] = {
    UNREADABLE(TMEM_NEW_POOL, 0, E(EFAULT)),
    NEW(PERS, 0), PUT(0, 1, 1, 1, 1),
    UNREADABLE(TMEM_PUT_PAGE, 0, E(EFAULT)),
    UNREADABLE(TMEM_GET_PAGE, 0, E(EFAULT)),
    UNREADABLE(TMEM_FLUSH_PAGE, 0, E(EFAULT)),
    UNREADABLE(TMEM_FLUSH_OBJECT, 0, E(EFAULT)),
    UNREADABLE(TMEM_DESTROY_POOL, 0, E(EFAULT)),
    GET(0, 1, 1, 1, 1), NEW(EPH, 1),
};

static const struct conf_row denied[] = {
    NEW(PERS, 0), PUT(0, 1, 1, 1, 1), DO(CONF_DENY),
    NEW(PERS, E(EPERM)), PUT(0, 1, 1, 2, E(EPERM)),
    GET(0, 1, 1, 0, E(EPERM)), FLUSH(0, 1, 1, E(EPERM)),
    FLUSH_OBJ(0, 1, E(EPERM)), DESTROY(0, E(EPERM)),
    /* before everything that the request says */
    UNREADABLE(TMEM_GET_PAGE, 0, E(EPERM)), RAW(~0U, 0, E(EPERM)),
    RAW(TMEM_CONTROL, 0, E(EPERM)), RAW(TMEM_GET_PAGE, 7, E(EPERM)),
    DESTROY(7, E(EPERM)),
    DO(CONF_ALLOW), GET(0, 1, 1, 1, 1), NEW(PERS, 1),
};

static const struct conf_row tmem_off[] = {
    NEW(PERS, E(ENODEV)), NEW(0, E(ENODEV)), DESTROY(0, E(ENODEV)),
    RAW(TMEM_PUT_PAGE, 0, E(ENODEV)), RAW(TMEM_GET_PAGE, 0, E(ENODEV)),
    RAW(TMEM_FLUSH_PAGE, 0, E(ENODEV)), RAW(TMEM_CONTROL, 0, E(ENODEV)),
    RAW(TMEM_FLUSH_OBJECT, 0, E(ENODEV)), RAW(99, 0, E(ENODEV)),
    UNREADABLE(TMEM_PUT_PAGE, 0, E(ENODEV)),
};

static const struct conf_row tmem_off_denied[] = {
    DO(CONF_DENY), NEW(PERS, E(ENODEV)), DO(CONF_ALLOW),
};

/* ---- put, get, flush --------------------------------------------------- */

static const struct conf_row persistent[] = {
    NEW(PERS, 0), GET(0, 1, 1, 0, E(EEMPTY)),
    PUT(0, 1, 1, 1, 1), GET(0, 1, 1, 1, 1), GET(0, 1, 1, 1, 1),
    GET(0, 1, 1, 1, 1), GET(0, 1, 2, 0, 0), GET(0, 2, 1, 0, 0),
    FLUSH(0, 1, 1, 1), GET(0, 1, 1, 0, E(EEMPTY)),
    PUT(0, 1, 1, 2, 1), GET(0, 1, 1, 2, 1),
};

static const struct conf_row ephemeral[] = {
    NEW(EPH, 0), GET(0, 1, 1, 0, E(EEMPTY)),
    PUT(0, 1, 1, 1, 1), PUT(0, 1, 2, 2, 1), PUT(0, 2, 1, 3, 1),
    GET(0, 1, 1, 1, 1), GET(0, 1, 1, 0, 0), GET(0, 1, 1, 0, 0),
    GET(0, 2, 1, 3, 1), GET(0, 2, 1, 0, 0),
    GET(0, 1, 2, 2, 1), GET(0, 1, 2, 0, E(EEMPTY)),
    PUT(0, 1, 1, 4, 1), GET(0, 1, 1, 4, 1),
};

static const struct conf_row duplicate[] = {
    NEW(EPH, 0), NEW(PERS, 1),
    PUT(0, 1, 1, 1, 1), PUT(0, 1, 1, 2, 1), PUT(0, 1, 1, 3, 1),
    GET(0, 1, 1, 3, 1), GET(0, 1, 1, 0, E(EEMPTY)),
    PUT(1, 1, 1, 4, 1), PUT(1, 1, 1, 5, 1), GET(1, 1, 1, 5, 1),
    PUT(1, 1, 1, 5, 1), GET(1, 1, 1, 5, 1),
    FLUSH(1, 1, 1, 1), GET(1, 1, 1, 0, E(EEMPTY)),
};

static const struct conf_row duplicate_bad_frame[] = {
    NEW(EPH, 0), NEW(PERS, 1),
    PUT(0, 1, 1, 1, 1), PUT(0, 1, 2, 2, 1), PUT_BAD(0, 1, 1, E(EFAULT)),
    GET(0, 1, 1, 0, 0), GET(0, 1, 2, 2, 1),
    PUT(1, 1, 1, 3, 1), PUT_BAD(1, 1, 1, E(EFAULT)),
    GET(1, 1, 1, 0, E(EEMPTY)),
    PUT(1, 1, 1, 4, 1), GET(1, 1, 1, 4, 1),
};

static const struct conf_row put_bad_frame[] = {
    NEW(EPH, 0), NEW(PERS, 1),
    PUT_BAD(0, 1, 1, E(EFAULT)), GET(0, 1, 1, 0, E(EEMPTY)),
    PUT_BAD(1, 1, 1, E(EFAULT)), GET(1, 1, 1, 0, E(EEMPTY)),
    PUT(1, 1, 1, 1, 1), PUT_BAD(1, 1, 2, E(EFAULT)), GET(1, 1, 2, 0, 0),
    GET(1, 1, 1, 1, 1),
};

static const struct conf_row get_bad_frame[] = {
    NEW(EPH, 0), NEW(PERS, 1),
    /* nothing to find: the frame does not matter */
    GET_BAD(0, 1, 1, E(EEMPTY)), GET_BAD(1, 1, 1, E(EEMPTY)),
    PUT(0, 1, 1, 1, 1), PUT(1, 1, 1, 2, 1),
    GET_BAD(0, 1, 2, 0), GET_BAD(1, 2, 1, 0),
    GET_BAD(0, 1, 1, E(EFAULT)), GET_BAD(0, 1, 1, E(EFAULT)),
    GET(0, 1, 1, 1, 1), GET(0, 1, 1, 0, E(EEMPTY)),
    GET_BAD(1, 1, 1, E(EFAULT)), GET_BAD(1, 1, 1, E(EFAULT)),
    GET(1, 1, 1, 2, 1),
};

static const struct conf_row flush_page[] = {
    NEW(EPH, 0), NEW(PERS, 1), FLUSH(0, 1, 1, 1), FLUSH(1, 1, 1, 1),
    PUT(0, 1, 1, 1, 1), PUT(0, 1, 2, 2, 1), FLUSH(0, 1, 1, 1),
    GET(0, 1, 1, 0, 0), FLUSH(0, 1, 1, 1), GET(0, 1, 2, 2, 1),
    PUT(1, 1, 1, 1, 1), PUT(1, 2, 1, 2, 1), FLUSH(1, 1, 1, 1),
    FLUSH(1, 1, 9, 1), GET(1, 1, 1, 0, 0), GET(1, 2, 1, 2, 1),
};

static const struct conf_row flush_object[] = {
    NEW(EPH, 0), NEW(PERS, 1), FLUSH_OBJ(0, 1, 1), FLUSH_OBJ(1, 1, 1),
    PUT(0, 1, 1, 1, 1), PUT(0, 1, 70000, 2, 1), PUT(0, 2, 1, 3, 1),
    PUT(1, 1, 0, 4, 1), PUT(1, 1, ~0U, 5, 1), PUT(1, 2, 0, 6, 1),
    FLUSH_OBJ(0, 1, 1), FLUSH_OBJ(0, 1, 1),
    GET(0, 1, 1, 0, 0), GET(0, 1, 70000, 0, 0), GET(0, 2, 1, 3, 1),
    GET(1, 1, 0, 4, 1),
    FLUSH_OBJ(1, 1, 1), GET(1, 1, 0, 0, 0), GET(1, 1, ~0U, 0, 0),
    GET(1, 2, 0, 6, 1), PUT(1, 1, 0, 7, 1), GET(1, 1, 0, 7, 1),
};

static const struct conf_row get_get[] = {
    NEW(EPH, 0), NEW(PERS, 1), PUT(0, 9, 9, 1, 1), PUT(1, 9, 9, 1, 1),
    GET(0, 1, 1, 0, 0), GET(0, 1, 1, 0, 0), GET(1, 1, 1, 0, 0),
    GET(1, 1, 1, 0, 0), PUT(0, 1, 1, 2, 1), GET(0, 1, 1, 2, 1),
    GET(0, 1, 1, 0, 0), GET(0, 1, 1, 0, 0),
};

static const struct conf_row whole_name_counts[] = {
    NEW(PERS, 0), NEW(PERS, 1),
    PUT_OID(0, 1, 2, 3, 4, 1, 1), PUT_OID(0, 0, 2, 3, 4, 2, 1),
    PUT_OID(0, 1, 0, 3, 4, 3, 1), PUT_OID(0, 1, 2, 0, 4, 4, 1),
    PUT_OID(0, 1, 2, 3, 0, 5, 1), PUT_OID(0, 3, 2, 1, 4, 6, 1),
    PUT_OID(0, 1ULL << 32, 2, 3, 4, 7, 1),
    PUT_OID(0, ~0ULL, ~0ULL, ~0ULL, ~0U, 8, 1),
    PUT_OID(0, 0, 0, 0, 0, 10, 1), PUT_OID(1, 1, 2, 3, 4, 11, 1),
    PUT_OID(0, 1, 2, 3, 5, 12, 1), PUT_OID(0, 1, 2, 3, 0x80000004, 13, 1),
    GET_OID(0, 1, 2, 3, 4, 1, 1), GET_OID(0, 0, 2, 3, 4, 2, 1),
    GET_OID(0, 1, 0, 3, 4, 3, 1), GET_OID(0, 1, 2, 0, 4, 4, 1),
    GET_OID(0, 1, 2, 3, 0, 5, 1), GET_OID(0, 3, 2, 1, 4, 6, 1),
    GET_OID(0, 1ULL << 32, 2, 3, 4, 7, 1),
    GET_OID(0, ~0ULL, ~0ULL, ~0ULL, ~0U, 8, 1),
    GET_OID(0, 0, 0, 0, 0, 10, 1), GET_OID(1, 1, 2, 3, 4, 11, 1),
    GET_OID(0, 1, 2, 3, 5, 12, 1), GET_OID(0, 1, 2, 3, 0x80000004, 13, 1),
    GET_OID(1, 1, 2, 3, 5, 0, 0), GET_OID(0, 2, 2, 3, 4, 0, 0),
};

static const struct conf_row ignored_fields[] = {
    NEW(PERS, 0), JUNK(TMEM_PUT_PAGE, 0, 1, 1, 1, 1),
    GET(0, 1, 1, 1, 1), JUNK(TMEM_GET_PAGE, 0, 1, 1, 1, 1),
    JUNK(TMEM_PUT_PAGE, 0, 1, 1, 2, 1), GET(0, 1, 1, 2, 1),
    JUNK(TMEM_FLUSH_PAGE, 0, 1, 1, 0, 1), GET(0, 1, 1, 0, E(EEMPTY)),
};

/* ---- frozen ------------------------------------------------------------- */

static const struct conf_row frozen[] = {
    NEW(EPH, 0), NEW(PERS, 1),
    PUT(0, 1, 1, 1, 1), PUT(0, 1, 2, 2, 1), PUT(1, 1, 1, 3, 1),
    PUT(1, 1, 2, 4, 1), PUT(1, 2, 1, 5, 1), PUT(1, 3, 1, 6, 1),
    DO(CONF_FREEZE),
    /* new pages are refused, before the frame is looked at */
    PUT(0, 1, 3, 9, E(EFROZEN)), PUT(1, 1, 3, 9, E(EFROZEN)),
    PUT_BAD(0, 1, 3, E(EFROZEN)), PUT_BAD(1, 1, 3, E(EFROZEN)),
    GET(0, 1, 3, 0, 0), GET(1, 1, 3, 0, 0),
    /* duplicate puts are not */
    PUT(0, 1, 1, 7, 1), GET(0, 1, 1, 7, 1), GET(0, 1, 1, 0, 0),
    PUT(0, 1, 1, 8, E(EFROZEN)),
    PUT(1, 1, 1, 8, 1), GET(1, 1, 1, 8, 1),
    PUT_BAD(1, 1, 1, E(EFAULT)), GET(1, 1, 1, 0, 0),
    /* flushes do their work and say so */
    FLUSH(0, 1, 2, E(EFROZEN)), GET(0, 1, 2, 0, E(EEMPTY)),
    FLUSH(1, 1, 2, E(EFROZEN)), GET(1, 1, 2, 0, 0),
    FLUSH_OBJ(1, 2, E(EFROZEN)), GET(1, 2, 1, 0, 0),
    FLUSH(1, 7, 7, E(EFROZEN)), FLUSH_OBJ(1, 7, E(EFROZEN)),
    GET_BAD(1, 3, 1, E(EFAULT)), GET(1, 3, 1, 6, 1),
    /* pools come and go; the rest of the checks stays in order */
    NEW(PERS, 2), PUT(2, 1, 1, 1, E(EFROZEN)), DESTROY(2, 1), DESTROY(2, 0),
    PUT(2, 1, 1, 1, E(ENODEV)), FLUSH(2, 1, 1, E(ENODEV)),
    RAW(TMEM_READ, 0, E(ENOSYS)),
    UNREADABLE(TMEM_PUT_PAGE, 1, E(EFAULT)),
    DO(CONF_THAW),
    PUT(1, 1, 1, 2, 1), GET(1, 1, 1, 2, 1), FLUSH(1, 1, 1, 1),
    GET(1, 3, 1, 6, 1),
};

static const struct conf_row frozen_first[] = {
    DO(CONF_FREEZE), NEW(PERS, 0), PUT(0, 1, 1, 1, E(EFROZEN)),
    DO(CONF_THAW), PUT(0, 1, 1, 1, 1), GET(0, 1, 1, 1, 1),
};

static const struct conf_row frozen_all[] = {
    DO(CONF_FREEZE_ALL), NEW(PERS, 0), PUT(0, 1, 1, 1, E(EFROZEN)),
    FLUSH(0, 1, 1, E(EFROZEN)), DO(CONF_THAW_ALL),
    PUT(0, 1, 1, 1, 1), GET(0, 1, 1, 1, 1), FLUSH(0, 1, 1, 1),
};

/* ---- frames ------------------------------------------------------------- */

/* A frame that a put may read and a get may write. */
#define FRAME_BOTH \
    NEW(EPH, 0), NEW(PERS, 1), PUT(0, 1, 1, 1, 1), GET(0, 1, 1, 1, 1), \
    PUT(1, 1, 1, 2, 1), GET(1, 1, 1, 2, 1), PUT(1, 1, 1, 3, 1), \
    GET(1, 1, 1, 3, 1)

static const struct conf_row frame_logdirty[] = {
    FRAME(XENHOST_FRAME_LOGDIRTY), FRAME_BOTH,
};

/* One that can be read and not written. */
#define FRAME_READ(kind) \
    NEW(EPH, 0), NEW(PERS, 1), FRAME(kind), PUT(0, 1, 1, 1, 1), \
    PUT(1, 1, 1, 2, 1), GET(0, 1, 1, 0, E(EFAULT)), \
    GET(1, 1, 1, 0, E(EFAULT)), PUT(1, 1, 1, 3, 1), \
    FRAME(XENHOST_FRAME_RAM), GET(0, 1, 1, 1, 1), GET(1, 1, 1, 3, 1)

/* One that tmem must not touch. */
#define FRAME_NEITHER(kind) \
    NEW(EPH, 0), NEW(PERS, 1), PUT(0, 1, 1, 1, 1), PUT(1, 1, 1, 2, 1), \
    FRAME(kind), PUT(0, 1, 2, 1, E(EFAULT)), PUT(1, 1, 2, 2, E(EFAULT)), \
    GET(0, 1, 1, 0, E(EFAULT)), GET(1, 1, 1, 0, E(EFAULT)), \
    GET(0, 1, 2, 0, 0), FRAME(XENHOST_FRAME_RAM), GET(0, 1, 1, 1, 1), \
    GET(1, 1, 1, 2, 1), GET(0, 1, 2, 0, E(EEMPTY)), GET(1, 1, 2, 0, 0)

static const struct conf_row frame_ro[] = {
    FRAME_READ(XENHOST_FRAME_RO),
};
static const struct conf_row frame_pagetable[] = {
    FRAME_READ(XENHOST_FRAME_PAGETABLE),
};
static const struct conf_row frame_none[] = {
    FRAME_NEITHER(XENHOST_FRAME_NONE),
};
static const struct conf_row frame_foreign[] = {
    FRAME_NEITHER(XENHOST_FRAME_FOREIGN),
};
static const struct conf_row frame_mmio[] = {
    FRAME_NEITHER(XENHOST_FRAME_MMIO),
};

/* ---- room ---------------------------------------------------------------- */

static const struct conf_row no_room[] = {
    NEW(EPH, 0), NEW(PERS, 1), DO(CONF_NO_ROOM),
    PUT(1, 1, 1, 1, E(ENOMEM)), GET(1, 1, 1, 0, E(EEMPTY)),
    PUT_BAD(1, 1, 1, E(EFAULT)),
    /* ephemeral pages are billed to nobody */
    PUT(0, 1, 1, 2, 1), GET(0, 1, 1, 2, 1),
};

static const struct conf_row no_room_frozen[] = {
    NEW(PERS, 0), DO(CONF_NO_ROOM), DO(CONF_FREEZE),
    PUT(0, 1, 1, 1, E(EFROZEN)), DO(CONF_THAW), PUT(0, 1, 1, 1, E(ENOMEM)),
};

#include "old_driver.h"

#define CASE(rows_, needs_, name_) \
    { .name = (name_), .needs = (needs_), .rows = (rows_), \
      .nr_rows = sizeof(rows_) / sizeof((rows_)[0]) }

const struct conf_case conf_cases[] = {
    CASE(lowest_id, 0, "a new pool takes the lowest free id"),
    CASE(sixteen_pools, 0, "a client has sixteen pools"),
    CASE(bad_flags, 0, "wrong flags of a new pool are refused"),
    CASE(bit_3_ignored, 0, "bit 3 of the flags is ignored"),
    CASE(shared_is_private, 0, "an unauthorised shared pool is private"),
    CASE(destroy_pool, 0, "destroy pool takes effect at once"),
    CASE(bad_pool, 0, "a bad pool id is refused"),
    CASE(unknown_ops, 0, "unknown and privileged ops are refused"),
    CASE(unreadable, 0, "an unreadable request changes nothing"),
    CASE(denied, CONF_NEEDS_XSM, "denied before the request is read"),
    CASE(tmem_off, CONF_NEEDS_TMEM_OFF, "tmem off is told first"),
    CASE(tmem_off_denied, CONF_NEEDS_TMEM_OFF | CONF_NEEDS_XSM,
         "tmem off is told before a denial"),
    CASE(persistent, 0, "persistent pages stay"),
    CASE(ephemeral, 0, "a private ephemeral get is exclusive"),
    CASE(duplicate, 0, "a duplicate put replaces the data"),
    CASE(duplicate_bad_frame, 0, "a failed duplicate put leaves neither"),
    CASE(put_bad_frame, 0, "a put from a bad frame stores nothing"),
    CASE(get_bad_frame, 0, "a get to a bad frame changes nothing"),
    CASE(flush_page, 0, "flush page forgets one page"),
    CASE(flush_object, 0, "flush object forgets one object"),
    CASE(get_get, 0, "after a get that failed the next fails too"),
    CASE(whole_name_counts, 0, "all of a handle names a page"),
    CASE(ignored_fields, 0, "offsets and length are ignored"),
    CASE(frozen, CONF_NEEDS_TOOLSTACK, "a frozen client adds no page"),
    CASE(frozen_first, CONF_NEEDS_TOOLSTACK,
         "a client can be frozen before its first operation"),
    CASE(frozen_all, CONF_NEEDS_TOOLSTACK,
         "freeze all includes clients to come"),
    CASE(frame_logdirty, CONF_NEEDS_FRAMES, "log-dirty frames work"),
    CASE(frame_ro, CONF_NEEDS_FRAMES, "read-only frames: put works"),
    CASE(frame_pagetable, CONF_NEEDS_FRAMES, "page tables: put works"),
    CASE(frame_none, CONF_NEEDS_FRAMES, "a revoked frame is refused"),
    CASE(frame_foreign, CONF_NEEDS_FRAMES, "a foreign frame is refused"),
    CASE(frame_mmio, CONF_NEEDS_FRAMES, "an MMIO frame is refused"),
    CASE(no_room, CONF_NEEDS_ROOM, "persistent pages need room"),
    CASE(no_room_frozen, CONF_NEEDS_ROOM | CONF_NEEDS_TOOLSTACK,
         "frozen is told before no room"),
    CASE(old_garbage, 0, "old driver: garbage in the rest of a new pool"),
    CASE(old_unmount, 0, "old driver: pools go when they are unmounted"),
    CASE(old_keys, 0, "old driver: keys of files, 192 bits"),
    CASE(old_files, 0, "old driver: files"),
    CASE(old_swap, 0, "old driver: one pool for all swap areas"),
    CASE(old_swapoff, 0, "old driver: a swap area goes"),
    CASE(old_refused, CONF_NEEDS_ROOM, "old driver: no room"),
    CASE(old_shared, 0, "old driver: a shared pool by its uuid"),
};
const unsigned int conf_nr_cases = sizeof(conf_cases) / sizeof(conf_cases[0]);

static void new_pool(struct tmem_op *op, const struct conf_row *row)
{
    unsigned char *p = (unsigned char *)op;
    unsigned int i;

    if ( row->junk )
    {
        for ( i = 0; i < sizeof(*op); i++ )
            p[i] = 0xa5;
        op->cmd = row->cmd;
        op->pool_id = row->index;
        op->u.creat.arg1 = row->index;
    }
    op->u.creat.uuid[0] = row->uuid[0];
    op->u.creat.uuid[1] = row->uuid[1];
    op->u.creat.flags = row->flags;
}

void conf_request(struct tmem_op *op, const struct conf_row *row,
                  uint64_t frame)
{
    unsigned int i;

    *op = (struct tmem_op){ .cmd = row->cmd, .pool_id = row->pool };
    if ( row->cmd == TMEM_NEW_POOL )
    {
        new_pool(op, row);
        return;
    }
    for ( i = 0; i < 3; i++ )
        op->u.gen.oid.oid[i] = row->oid[i];
    op->u.gen.index = row->index;
    op->u.gen.cmfn = row->frame == CONF_BAD ? CONF_NO_FRAME
                     : row->frame == CONF_ZERO ? 0 : frame;
    if ( row->junk )
    {
        op->u.gen.tmem_offset = 5000;
        op->u.gen.pfn_offset = ~0U;
        op->u.gen.len = 17;
    }
}
