/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rcu.c - read-copy-update
 *
 * A reader counts its nesting in its own struct xenhost_cpu, without any
 * ordering of the processor's. A writer that waits for readers first makes
 * every running thread pass a full barrier: all readers that began before it
 * are seen to, all that begin later see what the writer unlinked. Then each
 * CPU has to be met once outside of any read side: its nesting is 0, or it
 * has left a hypercall since.
 *
 * Each CPU has two lists: callbacks that wait for the grace period which is
 * under way, and those that came after its start. A CPU looks after its own
 * when it leaves a hypercall; rcu_barrier() takes everybody's.
 *
 * Locking: rcu_data.lock guards its lists; a leaf. barrier_lock serialises
 * rcu_barrier(), since a second one must not return before the first has run
 * what it took.
 */
#include "host.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMBARRIER_QUERY    0
#define MEMBARRIER_PRIVATE  (1 << 3)
#define MEMBARRIER_REGISTER (1 << 4)

/* Start a grace period with this many callbacks, or after this many exits. */
#define RCU_BATCH 64
#define RCU_EXITS 256

struct rcu_queue {
    struct rcu_head *first, **last;
};

static struct rcu_data {
    struct host_lock lock;
    bool running;               /* callbacks that were taken off run now */
    unsigned int nr;            /* in next */
    unsigned int exits;
    struct rcu_queue next, wait;
    unsigned long qs[NR_CPUS];  /* at the start of wait's grace period */
} __cacheline_aligned rcu_data[NR_CPUS];

static pthread_mutex_t barrier_lock = PTHREAD_MUTEX_INITIALIZER;
static bool have_membarrier;
static void *barrier_page;
static struct host_lock barrier_page_lock;

static void queue_init(struct rcu_queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_move(struct rcu_queue *to, struct rcu_queue *from)
{
    if ( !from->first )
        return;
    *to->last = from->first;
    to->last = from->last;
    queue_init(from);
}

static void __attribute__((constructor)) rcu_construct(void)
{
    unsigned int i;

    for ( i = 0; i < NR_CPUS; i++ )
    {
        queue_init(&rcu_data[i].next);
        queue_init(&rcu_data[i].wait);
    }
}

void rcu_start(void)
{
    if ( syscall(SYS_membarrier, MEMBARRIER_REGISTER, 0) == 0 )
        have_membarrier = true;
    else if ( !barrier_page )
        barrier_page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * All threads of this process that run pass a full memory barrier. Without
 * membarrier(2): taking a right away from a mapped page interrupts every
 * processor that this process runs on.
 */
void all_cpus_barrier(void)
{
    smp_mb();
    if ( likely(have_membarrier) )
    {
        if ( syscall(SYS_membarrier, MEMBARRIER_PRIVATE, 0) )
            BUG();
        return;
    }

    host_lock(&barrier_page_lock);
    if ( barrier_page && barrier_page != MAP_FAILED )
    {
        mprotect(barrier_page, PAGE_SIZE, PROT_READ | PROT_WRITE);
        *(volatile char *)barrier_page = 1;
        mprotect(barrier_page, PAGE_SIZE, PROT_READ);
    }
    host_unlock(&barrier_page_lock);
}

static void period_start(unsigned long *qs)
{
    unsigned int i;

    all_cpus_barrier();
    for ( i = 0; i < nr_cpu_ids; i++ )
        qs[i] = __atomic_load_n(&xenhost_cpus[i].rcu_qs, __ATOMIC_ACQUIRE);
}

static bool cpu_passed(unsigned int cpu, unsigned long qs)
{
    const struct xenhost_cpu *c = &xenhost_cpus[cpu];

    return c == xenhost_self ||
           !__atomic_load_n(&c->rcu_nest, RCU_ORDER_ == __ATOMIC_RELAXED
                                          ? __ATOMIC_ACQUIRE : RCU_ORDER_) ||
           __atomic_load_n(&c->rcu_qs, __ATOMIC_ACQUIRE) != qs;
}

static void run_callbacks(struct rcu_head *head)
{
    struct rcu_head *next;

    for ( ; head; head = next )
    {
        next = head->next;
        head->func(head);
    }
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
    struct rcu_data *rd = &rcu_data[smp_processor_id()];

    head->func = func;
    head->next = NULL;
    host_lock(&rd->lock);
    *rd->next.last = head;
    rd->next.last = &head->next;
    rd->nr++;
    host_unlock(&rd->lock);
    xenhost_self->rcu_pending = true;
}

/* Run what has waited long enough; called outside of any read side. */
void rcu_poll(void)
{
    struct rcu_data *rd = &rcu_data[smp_processor_id()];
    struct rcu_head *ready = NULL;
    unsigned int i;

    ASSERT(rcu_quiesce_allowed());
    host_lock(&rd->lock);
    if ( rd->wait.first )
    {
        for ( i = 0; i < nr_cpu_ids && cpu_passed(i, rd->qs[i]); i++ )
            ;
        if ( i == nr_cpu_ids )
        {
            ready = rd->wait.first;
            queue_init(&rd->wait);
            __atomic_store_n(&rd->running, true, __ATOMIC_RELAXED);
        }
    }
    else if ( rd->next.first &&
              (rd->nr >= RCU_BATCH || ++rd->exits >= RCU_EXITS) )
    {
        queue_move(&rd->wait, &rd->next);
        rd->nr = rd->exits = 0;
        period_start(rd->qs);
    }
    xenhost_self->rcu_pending = rd->wait.first || rd->next.first;
    host_unlock(&rd->lock);

    if ( ready )
    {
        run_callbacks(ready);
        __atomic_store_n(&rd->running, false, __ATOMIC_RELEASE);
    }
}

void rcu_barrier(void)
{
    unsigned long qs[NR_CPUS];
    struct rcu_queue all;
    unsigned int i, spins = 0;

    xenhost_assert_unlocked("rcu_barrier()");
    ASSERT(rcu_quiesce_allowed());
    pthread_mutex_lock(&barrier_lock);
    queue_init(&all);
    for ( i = 0; i < NR_CPUS; i++ )
    {
        struct rcu_data *rd = &rcu_data[i];

        host_lock(&rd->lock);
        queue_move(&all, &rd->wait);
        queue_move(&all, &rd->next);
        rd->nr = rd->exits = 0;
        host_unlock(&rd->lock);
        while ( i != smp_processor_id() &&
                __atomic_load_n(&rd->running, __ATOMIC_ACQUIRE) )
            relax(&spins);
    }

    if ( all.first )
    {
        period_start(qs);
        for ( i = 0; i < nr_cpu_ids; i++ )
            while ( !cpu_passed(i, qs[i]) )
                relax(&spins);
        run_callbacks(all.first);
    }
    pthread_mutex_unlock(&barrier_lock);
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
