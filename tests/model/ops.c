/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.c - print, parse and generate the steps of a model run
 *
 * Each seed draws weights of its own for the kinds of steps, how many domains,
 * objects and indexes take part, and how often frames are bad ("swarm
 * testing", Groce et al., 2012): a run that never flushes fills the host, one
 * that does little else empties it. No state, no locking.
 */
#include <string.h>

#include <xenhost_test.h>

#include "../lib/rng.h"
#include "ops.h"
#include "spec.h"

static const char *const kind_name[] = {
#define X(name) #name,
    MODEL_KINDS(X)
#undef X
};

void model_op_print(FILE *out, const struct model_op *op)
{
    fprintf(out, "%-12s dom %u cpu %u pool %2d obj %u index %2u frame %u "
            "arg %u\n", kind_name[op->kind], op->dom, op->cpu, op->pool,
            op->obj, op->index, op->frame, op->arg);
}

int model_op_parse(const char *line, struct model_op *op)
{
    unsigned int dom, cpu, obj, index, frame, arg, kind;
    char name[16];
    int pool;

    if ( sscanf(line, "%15s dom %u cpu %u pool %d obj %u index %u frame %u "
                "arg %u", name, &dom, &cpu, &pool, &obj, &index, &frame,
                &arg) != 8 )
        return -1;

    for ( kind = 0; kind < MODEL_NR_KINDS; kind++ )
        if ( !strcmp(name, kind_name[kind]) )
            break;
    if ( kind == MODEL_NR_KINDS || dom >= SPEC_DOMS || obj >= SPEC_OBJS ||
         index >= SPEC_INDEXES )
        return -1;

    *op = (struct model_op){
        .kind = kind, .dom = dom, .cpu = cpu, .obj = obj, .index = index,
        .frame = frame, .pool = pool, .arg = arg,
    };

    return 0;
}

/*
 * How often a kind comes, relative to the others, and in how many of 16 runs
 * it comes at all.
 */
static const struct {
    uint16_t weight, runs;
} kind_weight[MODEL_NR_KINDS] = {
    [MODEL_put]          = { 4000, 16 },
    [MODEL_get]          = { 2500, 15 },
    [MODEL_flush]        = { 500,  10 },
    [MODEL_flush_object] = { 120,  10 },
    [MODEL_new_pool]     = { 150,  16 },
    [MODEL_destroy_pool] = { 30,   10 },
    [MODEL_vector]       = { 400,  8 },
    [MODEL_bad_op]       = { 20,   8 },
    [MODEL_unreadable]   = { 20,   8 },
    [MODEL_deny]         = { 20,   4 },
    [MODEL_freeze]       = { 30,   6 },
    [MODEL_freeze_all]   = { 10,   5 },
    [MODEL_ctl_auth]     = { 30,   8 },
    [MODEL_ctl_weight]   = { 20,   4 },
    [MODEL_ctl_cap]      = { 20,   4 },
    [MODEL_ctl_compress] = { 20,   8 },
    [MODEL_ctl_group]    = { 20,   8 },
    [MODEL_ctl_destroy]  = { 8,    5 },
    [MODEL_ctl_flush]    = { 20,   5 },
    [MODEL_ctl_query]    = { 10,   3 },
    [MODEL_ctl_list]     = { 20,   8 },
    [MODEL_create]       = { 40,   16 },
    [MODEL_destroy]      = { 10,   8 },
    [MODEL_kill_step]    = { 30,   5 },
    [MODEL_soft_reset]   = { 8,    5 },
    [MODEL_set_room]     = { 40,   8 },
    [MODEL_alloc]        = { 60,   10 },
    [MODEL_alloc_order]  = { 30,   4 },
    [MODEL_alloc_node]   = { 60,   6 },
    [MODEL_memory_error] = { 20,   4 },
    [MODEL_online]       = { 50,   14 },
    [MODEL_release]      = { 15,   16 },
    [MODEL_promise]      = { 15,   5 },
    [MODEL_fail_alloc]   = { 60,   6 },
    [MODEL_preempt]      = { 40,   8 },
    [MODEL_sweep]        = { 10,   8 },
    [MODEL_save]         = { 800,  9 },
    [MODEL_save_call]    = { 60,   6 },
    [MODEL_save_end]     = { 10,   8 },
    [MODEL_save_begin]   = { 10,   8 },
    [MODEL_save_query]   = { 30,   6 },
    [MODEL_suspend]      = { 10,   8 },
    [MODEL_resume]       = { 60,   16 },
    [MODEL_restore]      = { 400,  9 },
    [MODEL_migrate]      = { 12,   8 },
    [MODEL_reboot]       = { 2,    4 },
};

/* What one run is like. */
struct shape {
    unsigned int weight[MODEL_NR_KINDS], sum;
    unsigned int doms, cpus, pools, objs, indexes;
    unsigned int bad_frames;   /* one in so many; 0 = none */
    bool shared;               /* all are authorised from the start */
};

static void draw_shape(struct rng *rng, struct shape *shape)
{
    unsigned int kind;

    shape->sum = 0;
    for ( kind = 0; kind < MODEL_NR_KINDS; kind++ )
    {
        unsigned int weight = kind_weight[kind].weight;

        if ( rng_below(rng, 16) >= kind_weight[kind].runs )
            weight = 0;
        else
            weight = (weight << rng_below(rng, 4)) >> 1;
        shape->weight[kind] = weight;
        shape->sum += weight;
    }
    shape->doms = 1 + rng_below(rng, SPEC_DOMS - 1);
    shape->cpus = 1 + rng_below(rng, 4);
    shape->pools = 1 + rng_below(rng, rng_below(rng, 4) ? 4 : SPEC_POOLS);
    shape->objs = 1 + rng_below(rng, SPEC_OBJS);
    shape->indexes = 1 + rng_below(rng, SPEC_INDEXES);
    shape->bad_frames = rng_below(rng, 2) ? 0 : 2 + rng_below(rng, 50);
    shape->shared = rng_below(rng, 2);
}

static uint32_t draw_arg(struct rng *rng, unsigned int kind)
{
    static const uint32_t bad_ops[] = {
        TMEM_CONTROL, TMEM_NEW_PAGE, TMEM_READ, TMEM_WRITE, TMEM_XCHG, 11,
        TMEM_AUTH, TMEM_RESTORE_NEW, 103, ~0U,
    };
    static const uint32_t odd_flags[] = {
        TMEM_POOL_PRECOMPRESSED, 3, 1 << 5, 1 << 12, 1 << 24, 8,
    };

    switch ( kind )
    {
    case MODEL_vector:
        return rng_next(rng);
    case MODEL_bad_op:
        return bad_ops[rng_below(rng, sizeof(bad_ops) / sizeof(*bad_ops))];
    case MODEL_unreadable:
        return TMEM_NEW_POOL + rng_below(rng, 7);
    case MODEL_new_pool:
        /* Ephemeral, persistent or shared; rarely something odd. */
        return rng_below(rng, 16) ? rng_below(rng, 3)
               : odd_flags[rng_below(rng, sizeof(odd_flags) /
                                          sizeof(*odd_flags))];
    case MODEL_create: case MODEL_set_room:
        return rng_below(rng, 3) ? rng_below(rng, 80) : 10000;
    case MODEL_memory_error:
        return rng_below(rng, rng_below(rng, 2) ? 30 : 300);
    case MODEL_alloc:
        return rng_below(rng, rng_below(rng, 2) ? 20 : 300);
    case MODEL_fail_alloc: case MODEL_alloc_node:
        return rng_below(rng, 8);
    case MODEL_preempt:
        return 1 + rng_below(rng, 20);
    case MODEL_ctl_weight:
        return rng_below(rng, 3) ? 1 + rng_below(rng, 100) : 0;
    case MODEL_ctl_group:
        return rng_below(rng, 3);
    case MODEL_ctl_cap:
        return rng_below(rng, 3) ? 1 + rng_below(rng, 120) : 0;
    case MODEL_ctl_flush:
        return rng_below(rng, rng_below(rng, 4) ? 100 : 2000);
    case MODEL_ctl_list:
        return rng_below(rng, 2000);
    case MODEL_save: case MODEL_save_call: case MODEL_restore:
    case MODEL_migrate: case MODEL_reboot:
        /* One page just fits; rarely none does. */
        return !rng_below(rng, 32) ? rng_below(rng, 5000)
               : 4136 + (rng_below(rng, 3) ? rng_below(rng, 60000)
                                           : rng_below(rng, 5000));
    default:
        return rng_below(rng, 2);
    }
}

static void draw_kind(struct rng *rng, const struct shape *shape,
                      unsigned int kind, struct model_op *op)
{
    op->kind = kind;
    op->dom = 1 + rng_below(rng, shape->doms);
    op->cpu = rng_below(rng, shape->cpus);
    op->pool = rng_below(rng, 200) ? (int)rng_below(rng, shape->pools)
                                   : (int)rng_below(rng, 256) - 128;
    op->obj = rng_below(rng, shape->objs);
    op->index = kind == MODEL_preempt || kind == MODEL_alloc_order
                ? rng_below(rng, 3) : rng_below(rng, shape->indexes);
    op->frame = shape->bad_frames && !rng_below(rng, shape->bad_frames)
                ? rng_below(rng, XENHOST_FRAME_PAGETABLE + 1)
                : XENHOST_FRAME_RAM;
    op->arg = draw_arg(rng, kind);
    if ( kind == MODEL_alloc_node )
    {
        op->index = rng_below(rng, 2) ? 0 : rng_below(rng, 4);
        op->frame = rng_below(rng, 2);
    }
    if ( kind == MODEL_fail_alloc ||
         (kind >= MODEL_ctl_auth && kind <= MODEL_ctl_flush) )
        op->frame = !rng_below(rng, 4);
    if ( kind >= MODEL_save )
    {
        op->frame = !rng_below(rng, kind == MODEL_migrate ? 4 : 48);
        op->obj = rng_below(rng, SPEC_OBJS);
        op->index = rng_below(rng, SPEC_INDEXES);
    }
    if ( kind == MODEL_ctl_auth )
        op->arg = rng_below(rng, 4) != 0;
    if ( kind == MODEL_ctl_auth || kind == MODEL_new_pool )
        op->obj = rng_below(rng, SPEC_UUIDS + !rng_below(rng, 10));
}

static void draw_op(struct rng *rng, const struct shape *shape,
                    struct model_op *op)
{
    unsigned int pick = rng_below(rng, shape->sum), kind = 0;

    while ( pick >= shape->weight[kind] )
        pick -= shape->weight[kind++];
    draw_kind(rng, shape, kind, op);
}

/* What comes before everything else. */
static struct model_op first_op(struct rng *rng, const struct shape *shape,
                                unsigned int i)
{
    struct model_op op = { .dom = 1 + i % shape->doms };

    /* Every domain has a pool or two from the start. */
    if ( i < shape->doms )
    {
        op.kind = MODEL_create;
        op.arg = draw_arg(rng, MODEL_create);
    }
    else if ( i < 3 * shape->doms )
    {
        op.kind = MODEL_new_pool;
        op.obj = rng_below(rng, SPEC_UUIDS);
        op.arg = rng_below(rng, 2 + shape->shared);
    }
    /* Some hosts are nearly full to begin with. */
    else
    {
        op.kind = MODEL_alloc;
        op.arg = rng_below(rng, 320);
    }

    return op;
}

void model_generate(uint64_t seed, struct model_op *ops, unsigned int nr)
{
    struct rng rng = { .state = seed };
    struct shape shape;
    unsigned int i;

    draw_shape(&rng, &shape);
    memset(ops, 0, nr * sizeof(*ops));
    for ( i = 0; i < nr; i++ )
    {
        /* A host whose toolstack allows everything, in half of the runs. */
        if ( !i && shape.shared )
            ops[i] = (struct model_op){
                .kind = MODEL_ctl_auth, .dom = 1, .frame = 1, .arg = 1,
            };
        else if ( i <= 3 * shape.doms + shape.shared )
            ops[i] = first_op(&rng, &shape, i - shape.shared);
        else
            draw_op(&rng, &shape, &ops[i]);
    }

    /*
     * Each run moves a domain, and all of them into another machine, where
     * memory is not short any more: so that comes late in half of the runs.
     */
    for ( i = MODEL_migrate; i <= MODEL_reboot; i++ )
        draw_kind(&rng, &shape, i,
                  &ops[nr - 1 - rng_below(&rng, nr / (rng_below(&rng, 2)
                                                      ? 8 : 1))]);
}
