/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpu.h - vCPUs whose operations are recorded, each with its span
 *
 * Handles have numbers; those of one object are side by side. A vCPU is a
 * thread's own until that has ended.
 */
#ifndef TESTS_LIN_VCPU_H
#define TESTS_LIN_VCPU_H

#include <stdatomic.h>
#include <stdbool.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/rng.h"
#include "history.h"

#define VCPU_INDEXES 3         /* of an object */
#define VCPU_OPS     3000      /* of a vCPU, at most */
#define VCPU_VERSIONS 4        /* that an operation may put */

struct vcpu {
    struct rng rng;
    domid_t dom;
    unsigned int thread;
    bool torn;                 /* a get found a page that nobody put */
    unsigned int nr;
    struct {
        unsigned int handle;
        struct history_op op;
    } record[VCPU_OPS * VCPU_VERSIONS];
};

/* How many have not ended: whoever starts them sets that. */
extern atomic_uint vcpus_running;

/* The time: all different. */
uint64_t vcpu_tick(void);

/* An operation on a handle; or on all of its object. */
void vcpu_record(struct vcpu *v, unsigned int handle, bool whole_object,
                 const struct history_op *op);

/* So many operations, each with the first of the versions that it may put. */
void vcpu_run(struct vcpu *v, unsigned int ops,
              void (*one_op)(struct vcpu *v, uint32_t version));

/*
 * Is the history of a handle possible that nr vCPUs have recorded? If not, it is
 * printed; h is what the handle is called then.
 */
bool vcpus_check(const struct vcpu *v, unsigned int nr, unsigned int handle,
                 enum history_pool pool, struct handle h);

#endif /* TESTS_LIN_VCPU_H */
