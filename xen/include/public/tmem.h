/* SPDX-License-Identifier: MIT */
/*
 * tmem.h - guest and toolstack interface to transcendent memory
 *
 * A page is named by (pool id, 192-bit object id, 32-bit index). A guest
 * puts, gets and flushes pages with hypercall __HYPERVISOR_tmem_op, whose
 * only argument is a guest handle of struct tmem_op. Results are positive
 * or zero on success, and -errno otherwise; docs/abi.md tells them all.
 *
 * The toolstack uses struct xen_sysctl_tmem_op by way of a sysctl.
 *
 * Copyright (C) 2026 Seed 11ef3613 maintainers
 */

#ifndef __XEN_PUBLIC_TMEM_H__
#define __XEN_PUBLIC_TMEM_H__

#ifndef __ASSEMBLY__
#ifndef __XEN__
#include <stdint.h>
#endif
#endif

#include "xen.h"

/* Version of the guest interface: bits 24-31 of the flags of a new pool. */
#define TMEM_SPEC_VERSION           1

/* Guest operations: tmem_op.cmd. */
#define TMEM_NEW_POOL               1
#define TMEM_DESTROY_POOL           2
#define TMEM_PUT_PAGE               4
#define TMEM_GET_PAGE               5
#define TMEM_FLUSH_PAGE             6
#define TMEM_FLUSH_OBJECT           7
#define TMEM_VECTOR                16  /* many in one call; -ENOSYS: older */

/* Retired, or never a guest's. Interfaces from 4.19 on do not name them. */
#if __XEN_INTERFACE_VERSION__ < 0x00041300
#define TMEM_CONTROL                0  /* -EOPNOTSUPP */
#define TMEM_NEW_PAGE               3  /* -ENOSYS, and the next three */
#define TMEM_READ                   8
#define TMEM_WRITE                  9
#define TMEM_XCHG                  10
#define TMEM_AUTH                 101  /* -EOPNOTSUPP, and the next one */
#define TMEM_RESTORE_NEW          102
#endif

/* Flags of a new pool: tmem_op.u.creat.flags. */
#define TMEM_POOL_PERSIST           1
#define TMEM_POOL_SHARED            2
#define TMEM_POOL_PRECOMPRESSED     4  /* rejected */
#define TMEM_POOL_PAGESIZE_SHIFT    4  /* log2 of the page size, less 12 */
#define TMEM_POOL_PAGESIZE_MASK   0xf
#define TMEM_POOL_VERSION_SHIFT    24
#define TMEM_POOL_VERSION_MASK   0xff
#define TMEM_POOL_RESERVED_BITS  0x00ffff00

/* Pool ids are 0 .. TMEM_MAX_POOLS - 1. */
#define TMEM_MAX_POOLS             16

/* Entries of a TMEM_VECTOR: 0 .. TMEM_MAX_VECTOR. */
#define TMEM_MAX_VECTOR            64

/* Weights are 0 .. TMEM_MAX_WEIGHT. */
#define TMEM_MAX_WEIGHT         65535
/* Groups are 1 .. TMEM_MAX_GROUP; 0: none. */
#define TMEM_MAX_GROUP          65535

/* Error numbers beyond those of errno.h. */
#ifndef ESTALE
#define ESTALE                    116  /* the save has been taken over */
#endif
#ifndef EFROZEN
#define EFROZEN                  1000  /* the client may add no page now */
#endif
#ifndef EEMPTY
#define EEMPTY                   1001  /* the pool holds nothing at all */
#endif

#ifndef __ASSEMBLY__

/* Object id: usually a file or a swap area. */
struct xen_tmem_oid {
    uint64_t oid[3];
};
typedef struct xen_tmem_oid xen_tmem_oid_t;
DEFINE_XEN_GUEST_HANDLE(xen_tmem_oid_t);

/* A guest's request. 56 bytes; 52 for a 32-bit guest, whose cmfn is short. */
struct tmem_op {
    uint32_t cmd;
    int32_t pool_id;
    union {
        struct {
            uint64_t uuid[2];      /* low half, high half; of a shared pool */
            uint32_t flags;
            uint32_t arg1;         /* ignored */
        } creat;                   /* TMEM_NEW_POOL */
        struct {
            xen_tmem_oid_t oid;
            uint32_t index;
            uint32_t tmem_offset;  /* ignored, as are the next two */
            uint32_t pfn_offset;
            uint32_t len;
            xen_pfn_t cmfn;        /* PV: machine frame; else guest frame */
        } gen;                     /* every other operation */
        struct {
            uint64_t entries;      /* address of an array of them, see below */
            uint32_t nr;           /* of them */
            uint32_t done;         /* 0 in each call; the hypervisor sets it */
            uint32_t flags;        /* 0 */
        } vec;                     /* TMEM_VECTOR; pool_id is 0 */
    } u;
};
typedef struct tmem_op tmem_op_t;
DEFINE_XEN_GUEST_HANDLE(tmem_op_t);

/* One operation of a TMEM_VECTOR; 48 bytes for all guests. */
struct tmem_vec_entry {
    uint32_t cmd;                  /* TMEM_PUT_PAGE, GET_PAGE, FLUSH_PAGE */
    int32_t pool_id;
    xen_tmem_oid_t oid;
    uint64_t cmfn;
    uint32_t index;
    int32_t result;                /* OUT: what it would return by itself */
};
typedef struct tmem_vec_entry tmem_vec_entry_t;
DEFINE_XEN_GUEST_HANDLE(tmem_vec_entry_t);

#endif /* __ASSEMBLY__ */

/* What follows is for control tools only. */
#if defined(__XEN__) || defined(__XEN_TOOLS__)

/* Client flags, as saved with a guest. */
#define TMEM_CLIENT_COMPRESS        1
#define TMEM_CLIENT_FROZEN          2
/* Of a record of version 2: codecs that its pages may have, bit 8 for CUT. */
#define TMEM_CLIENT_CODECS_SHIFT    8
#define TMEM_CLIENT_CODECS     0xff00

/* Toolstack operations: xen_sysctl_tmem_op.cmd. */
#define TMEMC_THAW                    0
#define TMEMC_FREEZE                  1
#define TMEMC_FLUSH                   2
#define TMEMC_DESTROY                 3
#define TMEMC_LIST                    4
#define TMEMC_SET_WEIGHT              5
#define TMEMC_SET_CAP                 6
#define TMEMC_SET_COMPRESS            7
#define TMEMC_QUERY_FREEABLE_MB       8
#define TMEMC_SHARED_AUTH             9
#define TMEMC_SAVE_BEGIN             10
#define TMEMC_SAVE_GET_VERSION       11
#define TMEMC_SAVE_GET_MAXPOOLS      12
#define TMEMC_SAVE_GET_CLIENT_WEIGHT 13
#define TMEMC_SAVE_GET_CLIENT_CAP    14
#define TMEMC_SAVE_GET_CLIENT_FLAGS  15
#define TMEMC_SAVE_GET_POOL_FLAGS    16
#define TMEMC_SAVE_GET_POOL_NPAGES   17
#define TMEMC_SAVE_GET_POOL_UUID     18
#define TMEMC_SAVE_GET_NEXT          19
#define TMEMC_SAVE_GET_NEXT_INV      20
#define TMEMC_SAVE_END               21
#define TMEMC_SAVE_GET_AUTH          22
#define TMEMC_SET_GROUP              23
#define TMEMC_QUERY_RESERVE          24
#define TMEMC_RESTORE_BEGIN          30
#define TMEMC_RESTORE_PUT_PAGE       32
#define TMEMC_RESTORE_FLUSH_PAGE     33
#define TMEMC_RESTORE_END            34

/* The name that TMEMC_SAVE_GET_NEXT has in older documents. */
#define TMEMC_SAVE_GET_NEXT_PAGE     TMEMC_SAVE_GET_NEXT

/* Which pass of a save: xen_sysctl_tmem_op.arg of TMEMC_SAVE_GET_NEXT*. */
#define TMEM_SAVE_HEAD                0  /* the client and its pools */
#define TMEM_SAVE_LIVE                1  /* what changed, while it runs */
#define TMEM_SAVE_FINAL               2  /* the rest, of a shut down domain */

/*
 * Records of a saved client. Each is a struct tmem_rec, and as many bytes more
 * as it says, a multiple of 8; all is little-endian.
 */
#define TMEM_REC_VERSION              1  /* all pages are RAW */
#define TMEM_REC_VERSION_CODED        2  /* or of any form */
#define TMEM_REC_CLIENT               1
#define TMEM_REC_POOL                 2
#define TMEM_REC_POOL_GONE            3  /* nothing more */
#define TMEM_REC_OBJECT_GONE          4
#define TMEM_REC_PAGE_GONE            5
#define TMEM_REC_PAGE                 6
#define TMEM_REC_END                  7

/*
 * tmem_rec_page.form: what follows. Bits 0-7 kind, 8-15 codec, 16-31 bytes; the
 * last two are 0 but for CODED.
 */
#define TMEM_FORM_RAW                 0  /* the page's 4096 bytes */
#define TMEM_FORM_CODED               1  /* so many by a codec; zeros up to 8 */
#define TMEM_FORM_SAME                2  /* the 32-bit word that fills it; 0 */
#define TMEM_FORM_CODEC_SHIFT         8
#define TMEM_FORM_BYTES_SHIFT        16
#define TMEM_FORM_MAX_BYTES        3584

/* Codecs. CUT is none: the page without the zeros at its end. */
#define TMEM_FORM_CUT                 0
#define TMEM_FORM_LZO                 1
#define TMEM_FORM_LZ4                 2
#define TMEM_FORM_ZSTD                3

/* xen_sysctl_tmem_op.cli_id: every client, those to come included. */
#define TMEM_CLI_ID_ALL          0xFFFF

#ifndef __ASSEMBLY__

struct tmem_rec {
    uint16_t kind;                 /* TMEM_REC_* */
    uint16_t pool_id;              /* 0 where it names no pool */
    uint32_t length;               /* of what follows, in bytes */
};

/* TMEM_REC_CLIENT: first of the head and of the final pass. */
struct tmem_rec_client {
    uint32_t version;              /* TMEM_REC_VERSION* */
    uint32_t flags;                /* TMEM_CLIENT_* */
    uint32_t weight;
    uint32_t cap;                  /* frames; 0: none */
    uint64_t nr_pages;             /* persistent ones; an estimate in the head */
    uint32_t nr_auth;
    uint32_t nr_frames;            /* that they take; version 1: 0 */
    /* nr_auth uuids, each two uint64_t: low, high */
};

/* TMEM_REC_POOL: there is a new pool. */
struct tmem_rec_pool {
    uint32_t flags;                /* as of TMEM_NEW_POOL */
    uint32_t pad;                  /* 0 */
    uint64_t uuid[2];              /* low, high; of a shared pool, else 0 */
};

/* TMEM_REC_OBJECT_GONE: all its pages. */
struct tmem_rec_object {
    xen_tmem_oid_t oid;
};

/* TMEM_REC_PAGE_GONE; TMEM_REC_PAGE, where the page follows, as form says. */
struct tmem_rec_page {
    xen_tmem_oid_t oid;
    uint32_t index;
    uint32_t form;                 /* TMEM_FORM_*; PAGE_GONE: 0 */
};

/* TMEM_REC_END: last of the final pass; the receiver has as many pages. */
struct tmem_rec_end {
    uint64_t nr_pages[TMEM_MAX_POOLS];
};

/* A toolstack's request; 56 bytes on both word sizes. */
struct xen_sysctl_tmem_op {
    uint32_t cmd;                  /* IN: TMEMC_* */
    int32_t pool_id;               /* IN: where the operation names a pool */
    uint32_t cli_id;               /* IN: domain id, or TMEM_CLI_ID_ALL */
    uint32_t len;                  /* IN: size of buf in bytes */
    uint32_t arg;                  /* IN: depends on the operation */
    uint32_t pad;                  /* must be 0 */
    xen_tmem_oid_t oid;            /* IN: depends on the operation */
    XEN_GUEST_HANDLE_64(void) buf __attribute__((__aligned__(8)));
};
typedef struct xen_sysctl_tmem_op xen_sysctl_tmem_op_t;
DEFINE_XEN_GUEST_HANDLE(xen_sysctl_tmem_op_t);

#endif /* __ASSEMBLY__ */

#endif /* __XEN__ || __XEN_TOOLS__ */

#endif /* __XEN_PUBLIC_TMEM_H__ */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
