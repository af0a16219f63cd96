/* SPDX-License-Identifier: GPL-2.0-only */
/* vcpu.c - vCPUs whose operations are recorded: see vcpu.h */
#include <stdio.h>

#include "vcpu.h"

#define MOST_VCPUS 4

atomic_uint vcpus_running;

static _Atomic uint64_t clock_now;

/* Relaxed: the counter must not order what the threads do otherwise. */
uint64_t vcpu_tick(void)
{
    return atomic_fetch_add_explicit(&clock_now, 1, memory_order_relaxed);
}

static void add_record(struct vcpu *v, unsigned int handle,
                       const struct history_op *op)
{
    v->record[v->nr].handle = handle;
    v->record[v->nr++].op = *op;
}

void vcpu_record(struct vcpu *v, unsigned int handle, bool whole_object,
                 const struct history_op *op)
{
    unsigned int i;

    if ( !whole_object )
        add_record(v, handle, op);
    else
        for ( i = 0; i < VCPU_INDEXES; i++ )
            add_record(v, handle - handle % VCPU_INDEXES + i, op);
}

void vcpu_run(struct vcpu *v, unsigned int ops,
              void (*one_op)(struct vcpu *v, uint32_t version))
{
    unsigned int i;

    for ( i = 0; i < ops; i++ )
        one_op(v, v->thread << 24 | (VCPU_VERSIONS * i + 1));
    atomic_fetch_sub(&vcpus_running, 1);
}

static void print_history(struct handle h, const struct history_op *ops,
                          size_t nr, size_t at)
{
    static const char *const names[] = { "put", "get", "flush" };
    size_t i;

    fprintf(stderr, "domain %u pool %d object %llu index %u: no order of "
            "operations explains the one marked\n", h.dom, h.pool,
            (unsigned long long)h.obj, h.index);
    for ( i = at > 12 ? at - 12 : 0; i < nr && i < at + 6; i++ )
        fprintf(stderr, "%c %8llu - %8llu vcpu %u %-5s %08x -> %d\n",
                i == at ? '>' : ' ', (unsigned long long)ops[i].start,
                (unsigned long long)ops[i].end, ops[i].thread,
                names[ops[i].kind], ops[i].value, ops[i].result);
}

bool vcpus_check(const struct vcpu *v, unsigned int nr, unsigned int handle,
                 enum history_pool pool, struct handle h)
{
    static struct history_op ops[MOST_VCPUS * VCPU_OPS * VCPU_VERSIONS];
    size_t n = 0, at = 0;
    unsigned int i;
    bool ok;

    for ( ; nr; nr--, v++ )
        for ( i = 0; i < v->nr; i++ )
            if ( v->record[i].handle == handle )
                ops[n++] = v->record[i].op;
    ok = history_check(ops, n, pool, &at);
    if ( !ok )
        print_history(h, ops, n, at);

    return ok;
}
