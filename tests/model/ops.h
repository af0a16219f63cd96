/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.h - the steps that a model run is made of
 *
 * A step is pure data and stands for itself: any sublist of a run is a run,
 * which is what shrinking needs. A step that makes no sense at its place (a
 * domain that is gone) does nothing.
 */
#ifndef TESTS_MODEL_OPS_H
#define TESTS_MODEL_OPS_H

#include <stdint.h>
#include <stdio.h>

/* Name, and what the fields say; all carry dom and cpu. */
#define MODEL_KINDS(X) \
    X(put)            /* pool, obj, index, frame */ \
    X(get) \
    X(flush) \
    X(flush_object) \
    X(new_pool)       /* arg: flags without the version; obj: the uuid */ \
    X(destroy_pool) \
    X(vector)         /* 1 + arg % 12 of the first three, from there on */ \
    X(bad_op)         /* arg: cmd */ \
    X(unreadable)     /* arg: cmd */ \
    X(deny)           /* arg: on or off */ \
    X(freeze)         /* arg: on or off */ \
    X(freeze_all)     /* arg: on or off */ \
    X(ctl_auth)       /* of the uuid obj; arg: on or off; frame 1: of all */ \
    X(ctl_weight)     /* arg; frame 1: of all clients, as below */ \
    X(ctl_cap)        /* arg: pages */ \
    X(ctl_compress)   /* arg: on or off */ \
    X(ctl_group)      /* arg */ \
    X(ctl_destroy)    /* the client's pools */ \
    X(ctl_flush)      /* arg: KiB */ \
    X(ctl_query)      /* what is freeable */ \
    X(ctl_list)       /* the whole, and into arg + 1 bytes */ \
    X(create)         /* a domain; arg: its room */ \
    X(destroy) \
    X(kill_step)      /* one step of its teardown */ \
    X(soft_reset) \
    X(set_room)       /* arg: frames; never below what it holds */ \
    X(alloc)          /* the host takes arg frames, one by one */ \
    X(alloc_order)    /* 2^index frames at once */ \
    X(alloc_node)     /* 2^index frames, of node arg first; frame 1: or none */ \
    X(memory_error)   /* in 1 + index % 4 frames of nobody's, behind arg others;
                         frame 1: they are broken */ \
    X(online)         /* memory comes, and a node */ \
    X(release)        /* and gives back all of them */ \
    X(promise)        /* take all that was promised, and give it back */ \
    X(fail_alloc)     /* the arg-th fails; frame 1: all later too */ \
    X(preempt)        /* index: enum xenhost_preempt, arg: n */ \
    X(sweep)          /* get every page, the youngest first */ \
    X(save)           /* the next call of its toolstack; arg: buffer; index:
                         what comes then; frame 1: a copy fails */ \
    X(save_call)      /* some call: index is the stage; obj 4: a wrong token,
                         5: of invalidations; arg: buffer */ \
    X(save_end)       /* obj 0: the token, 1: none, 2: a stale one */ \
    X(save_begin)     /* whatever goes on */ \
    X(save_query)     /* of pool */ \
    X(suspend) \
    X(resume) \
    X(restore)        /* a call for what is saved of domain 1 + obj % 4; arg:
                         buffer; index 0: the end, come what may; 3, 7, 11:
                         invalidations alone; frame 1: a page is lost */ \
    X(migrate)        /* into a new domain. frame 1: the source lives on; obj 5: a
                         page is lost */ \
    X(reboot)         /* all into a machine started anew, which compresses
                         another way; arg: buffer */

enum model_kind {
#define X(name) MODEL_##name,
    MODEL_KINDS(X)
#undef X
    MODEL_NR_KINDS
};

struct model_op {
    uint8_t  kind, dom, cpu, obj, index;
    uint8_t  frame;            /* enum xenhost_frame of the guest frame */
    int8_t   pool;
    uint32_t arg;
};

/* One line for a step, and back; 0 or -1. */
void model_op_print(FILE *out, const struct model_op *op);
int model_op_parse(const char *line, struct model_op *op);

/* Make nr steps from a seed. */
void model_generate(uint64_t seed, struct model_op *ops, unsigned int nr);

#endif /* TESTS_MODEL_OPS_H */
