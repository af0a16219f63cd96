/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.h - the data operations' conformance table
 *
 * Each case starts with a client that has no pools (a new domain, or one whose
 * pools were all destroyed) and on a host with memory enough, and issues its
 * rows in order. Rows are pure data, so that the same table runs in user space
 * and inside a real guest: a runner fills in struct tmem_op, compares the
 * result, and after a get that found its page also all of the data.
 *
 * The file needs nothing beyond the C library's freestanding headers.
 */
#ifndef TESTS_CONFORMANCE_TABLE_H
#define TESTS_CONFORMANCE_TABLE_H

#include <stdint.h>

/* conf_row.cmd: an operation of public/tmem.h, or one of these. */
enum conf_action {
    CONF_FREEZE = 0x10000,  /* the toolstack freezes this client */
    CONF_THAW,
    CONF_FREEZE_ALL,        /* the same for every client */
    CONF_THAW_ALL,
    CONF_DENY,              /* XSM denies tmem to this domain */
    CONF_ALLOW,
    CONF_NO_ROOM,           /* max_pages becomes what the domain has now */
    CONF_FRAME_KIND,        /* the frame of the next rows is: conf_row.index */
    CONF_END
};

/* What a runner must be able to do for a case, beside issuing operations. */
#define CONF_NEEDS_TOOLSTACK  0x01  /* freeze, thaw */
#define CONF_NEEDS_XSM        0x02  /* deny, allow */
#define CONF_NEEDS_FRAMES     0x04  /* change the kind of a guest frame */
#define CONF_NEEDS_ROOM       0x08  /* change max_pages */
#define CONF_NEEDS_TMEM_OFF   0x10  /* a host that was booted without tmem */

/* Where the data of a put comes from, that of a get goes to. */
enum conf_frame {
    CONF_RAM,       /* ordinary memory of the caller */
    CONF_BAD,       /* a frame number that is nobody's: CONF_NO_FRAME */
    CONF_ZERO,      /* 0: of operations that move no data */
};

struct conf_row {
    uint32_t cmd;
    int32_t  pool;
    uint32_t flags;        /* of a new pool */
    uint64_t uuid[2];      /* of a new pool */
    uint64_t oid[3];
    uint32_t index;
    uint8_t  frame;        /* enum conf_frame */
    uint8_t  unreadable;   /* the request lies where nobody can read it */
    uint8_t  junk;         /* fields that are ignored hold rubbish: of a new
                              pool, its pool id and arg1 are conf_row.index */
    uint32_t data;         /* which data: 1, 2, 3 ...; each fills a page */
    int32_t  result;
};

struct conf_case {
    const char            *name;   /* the sentence that it checks */
    unsigned int           needs;  /* CONF_NEEDS_* */
    const struct conf_row *rows;
    unsigned int           nr_rows;
};

extern const struct conf_case conf_cases[];
extern const unsigned int conf_nr_cases;

/* A guest frame that no guest of a test has. */
#define CONF_NO_FRAME 0xffffffffUL

/*
 * Fill in what a row asks for, of an operation of public/tmem.h. Data go through
 * that frame: a machine frame of a PV guest, else a guest frame.
 */
struct tmem_op;
void conf_request(struct tmem_op *op, const struct conf_row *row,
                  uint64_t frame);

#endif /* TESTS_CONFORMANCE_TABLE_H */
