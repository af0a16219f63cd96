/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpu.c - threads as CPUs, and the hypercalls that they issue
 *
 * A thread that is bound to a CPU finds it by a thread-local pointer. Others
 * borrow the service CPU, one at a time, for the length of a call.
 *
 * A hypercall takes no lock and no reference on its domain: the CPU notes the
 * domain's id in its own cache line, then looks the domain up in
 * host_running[]. Whoever wants to stop a domain takes it out of there, has
 * all CPUs pass a barrier, and then waits until none of them notes that id.
 *
 * A continuation leaves the hypercall altogether and enters it again, with
 * the same argument and in the same domain: the domain may be gone by then.
 *
 * Locking: service_lock, a mutex, is the right to be the service CPU; it is
 * the outermost of all locks here.
 */
#include "host.h"
#include <xen/cpu.h>
#include <xen/hypercall.h>
#include <xsm/xsm.h>

#define HOST_ORDER RCU_ORDER_

/* Restarts of a call after which time has passed for all CPUs. */
#define RESTARTS_IDLE 1024

struct xenhost_cpu xenhost_cpus[NR_CPUS] = {
    /* Stands in for threads that use the library before any start. */
    [NR_CPUS - 1] = { .vcpu = { .domain = &idle_domain,
                                .processor = NR_CPUS - 1 } },
};
xenhost_tls struct xenhost_cpu *xenhost_self = &xenhost_cpus[NR_CPUS - 1];
xenhost_tls unsigned long xenhost_percpu_offset;
unsigned long __per_cpu_offset[NR_CPUS];
unsigned int nr_cpu_ids = 1;
cpumask_t cpu_online_map;

/* The start that the thread's binding belongs to: 0 if none. */
static xenhost_tls unsigned int bound_generation;
static xenhost_tls unsigned int service_depth;
/* Whose CPU it is: the address of the thread's bound_generation. */
static unsigned int *cpu_owner[NR_CPUS];
static pthread_mutex_t service_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static DEFINE_SPINLOCK(sysctl_lock);

/* In the order in which they were registered. */
static struct notifier_block *notifiers;

void (*restart_fn)(domid_t domid, struct tmem_op *op, void *arg);
void *restart_arg;
bool step_timing;

extern char __start_xenhost_percpu[] __attribute__((weak));
extern char __stop_xenhost_percpu[] __attribute__((weak));

void cpus_start(void)
{
    const size_t size = __stop_xenhost_percpu - __start_xenhost_percpu;
    const size_t skew = (unsigned long)__start_xenhost_percpu %
                        SMP_CACHE_BYTES;
    const size_t area = ROUNDUP(size + skew, SMP_CACHE_BYTES);
    static char *areas;
    unsigned int i;

    if ( !areas && !(areas = aligned_alloc(SMP_CACHE_BYTES, NR_CPUS * area)) )
        xenhost_bug("no memory for per-CPU data", __FILE__, __LINE__);
    memset(areas, 0, NR_CPUS * area);
    memset(__start_xenhost_percpu, 0, size);

    notifiers = NULL;
    cpumask_clear(&cpu_online_map);
    nr_cpu_ids = host.cpus + 1;
    for ( i = 0; i < NR_CPUS; i++ )
    {
        __per_cpu_offset[i] = (unsigned long)areas + i * area + skew -
                              (unsigned long)__start_xenhost_percpu;
        memset(&xenhost_cpus[i], 0, sizeof(xenhost_cpus[i]));
        xenhost_cpus[i].vcpu.domain = &idle_domain;
        xenhost_cpus[i].vcpu.processor = i;
        if ( i < nr_cpu_ids )
            __cpumask_set_cpu(i, &cpu_online_map);
    }
}

void cpus_stop(void)
{
    memset(cpu_owner, 0, sizeof(cpu_owner));
}

void register_cpu_notifier(struct notifier_block *nb)
{
    struct notifier_block **link = &notifiers;

    while ( *link )
        link = &(*link)->next;
    nb->next = NULL;
    *link = nb;
}

static void notify(unsigned long action, unsigned int cpu)
{
    struct notifier_block *nb;

    for ( nb = notifiers; nb; nb = nb->next )
        nb->notifier_call(nb, action, (void *)(unsigned long)cpu);
}

void cpus_come(void)
{
    unsigned int i;

    for_each_online_cpu ( i )
    {
        notify(CPU_UP_PREPARE, i);
        notify(CPU_ONLINE, i);
    }
}

void cpus_go(void)
{
    unsigned int i;

    for_each_online_cpu ( i )
        notify(CPU_DEAD, i);
}

static int cpu_switch(unsigned int cpu, bool online)
{
    if ( !host_enter() )
        return -EINVAL;
    if ( cpu >= host.cpus || cpu_owner[cpu] || cpu_online(cpu) == online )
    {
        host_leave();
        return -EINVAL;
    }

    if ( online )
    {
        notify(CPU_UP_PREPARE, cpu);
        cpumask_set_cpu(cpu, &cpu_online_map);
        notify(CPU_ONLINE, cpu);
    }
    else
    {
        cpumask_clear_cpu(cpu, &cpu_online_map);
        notify(CPU_DEAD, cpu);
    }
    host_leave();

    return 0;
}

int xenhost_cpu_offline(unsigned int cpu)
{
    return cpu_switch(cpu, false);
}

int xenhost_cpu_online(unsigned int cpu)
{
    return cpu_switch(cpu, true);
}

static void unbind(unsigned int *me)
{
    unsigned int i;

    for ( i = 0; i < NR_CPUS; i++ )
    {
        unsigned int *owner = me;

        (void)__atomic_compare_exchange_n(&cpu_owner[i], &owner, NULL, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

static void thread_exits(void *me)
{
    unbind(me);
}

static void make_key(void)
{
    if ( pthread_key_create(&exit_key, thread_exits) )
        BUG();
}

int xenhost_cpu_bind(unsigned int cpu)
{
    unsigned int *owner = NULL;

    if ( !host.running || cpu >= host.cpus || !cpu_online(cpu) )
        return -EINVAL;
    if ( bound_generation == host.generation && cpu_owner[cpu] ==
         &bound_generation )
        return 0;

    if ( !__atomic_compare_exchange_n(&cpu_owner[cpu], &owner,
                                      &bound_generation, false,
                                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) )
        return -EBUSY;

    /* Give up the one that the thread had. */
    if ( bound_generation == host.generation )
    {
        unsigned int *me = &bound_generation;

        (void)__atomic_compare_exchange_n(&cpu_owner[smp_processor_id()], &me,
                                          NULL, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
    }

    pthread_once(&exit_once, make_key);
    pthread_setspecific(exit_key, &bound_generation);
    xenhost_self = &xenhost_cpus[cpu];
    xenhost_percpu_offset = __per_cpu_offset[cpu];
    bound_generation = host.generation;

    return 0;
}

bool host_enter(void)
{
    if ( !host.running )
        return false;

    if ( bound_generation != host.generation && !service_depth++ )
    {
        pthread_mutex_lock(&service_lock);
        xenhost_self = &xenhost_cpus[service_cpu()];
        xenhost_percpu_offset = __per_cpu_offset[service_cpu()];
    }
    if ( unlikely(__atomic_load_n(&timers_set, __ATOMIC_RELAXED)) )
        timers_poll(true);

    return true;
}

void host_leave(void)
{
    if ( bound_generation == host.generation || --service_depth )
        return;

    if ( xenhost_self->rcu_pending )
        rcu_poll();
    xenhost_self = &xenhost_cpus[NR_CPUS - 1];
    xenhost_percpu_offset = __per_cpu_offset[NR_CPUS - 1];
    pthread_mutex_unlock(&service_lock);
}

void cpus_wait_domain(domid_t domid)
{
    unsigned int i, spins = 0;

    all_cpus_barrier();
    for ( i = 0; i < nr_cpu_ids; i++ )
        while ( &xenhost_cpus[i] != xenhost_self &&
                __atomic_load_n(&xenhost_cpus[i].in_domain,
                                HOST_ORDER == __ATOMIC_RELAXED
                                ? __ATOMIC_ACQUIRE : HOST_ORDER) == domid + 1 )
            relax(&spins);
}

static void step_begin(struct xenhost_cpu *c)
{
    c->step_start = step_timing ? NOW() : 0;
}

static void step_end(struct xenhost_cpu *c)
{
    uint64_t step;

    if ( !c->step_start )
        return;
    step = NOW() - c->step_start;
    c->step_start = 0;
    if ( step > __atomic_load_n(&c->step_longest, __ATOMIC_RELAXED) )
        __atomic_store_n(&c->step_longest, step, __ATOMIC_RELAXED);
}

/* Begin a hypercall of a vCPU of domid. 0 or -ESRCH. */
static always_inline int enter(struct xenhost_cpu *c, domid_t domid)
{
    struct domain *d;

    for ( ; ; )
    {
        __atomic_store_n(&c->in_domain, domid + 1, HOST_ORDER);
        barrier();
        d = __atomic_load_n(&host_running[domid],
                            HOST_ORDER == __ATOMIC_RELAXED ? __ATOMIC_ACQUIRE
                                                           : HOST_ORDER);
        if ( likely(d) )
            break;
        __atomic_store_n(&c->in_domain, 0, __ATOMIC_RELEASE);
        if ( domain_wait_running(domid) )
            return -ESRCH;
    }
    c->vcpu.domain = d;
    if ( unlikely(__atomic_load_n(&xenhost_preempt_hook, __ATOMIC_RELAXED)) )
        step_begin(c);

    return 0;
}

static always_inline void leave(struct xenhost_cpu *c)
{
    if ( unlikely(c->step_start) )
        step_end(c);
#ifdef CONFIG_DEBUG_LOCKS
    if ( c->nr_held )
    {
        xenhost_lock_forbidden("a lock is held at the end of a hypercall");
        c->nr_held = c->nr_engine = 0;
    }
    ASSERT(!c->mappings);
    ASSERT(!c->rcu_nest);
#endif
    c->vcpu.domain = &idle_domain;
    __atomic_store_n(&c->rcu_qs, c->rcu_qs + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&c->in_domain, 0, __ATOMIC_RELEASE);
    if ( unlikely(c->rcu_pending) )
        rcu_poll();
    if ( unlikely(__atomic_load_n(&timers_set, __ATOMIC_RELAXED)) )
        timers_poll(false);
}

static noinline long not_bound(const char *what)
{
    static bool told;

    if ( !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED) )
        fprintf(stderr, "%s: this thread is no CPU: "
                "call xenhost_cpu_bind() first\n", what);

    return -EINVAL;
}

static void call_restart_fn(domid_t domid, struct tmem_op *op)
{
    void (*fn)(domid_t, struct tmem_op *, void *) =
        __atomic_load_n(&restart_fn, __ATOMIC_ACQUIRE);

    if ( fn )
        fn(domid, op, __atomic_load_n(&restart_arg, __ATOMIC_RELAXED));
}

/* Finish a hypercall that made a continuation: it is left on return. */
static noinline long continue_tmem_op(struct xenhost_cpu *c, domid_t domid)
{
    XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops;
    unsigned int restarts = 0;
    unsigned long serial;
    long rc;

    do {
        serial = c->vcpu.domain->serial;
        c->vcpu.hcall_preempted = false;
        uops.p = (tmem_op_t *)c->vcpu.continuation;
        leave(c);
        call_restart_fn(domid, uops.p);
        /* Idle CPUs run their callbacks; threads that sleep do not. */
        if ( ++restarts % RESTARTS_IDLE == 0 )
            rcu_barrier();
        if ( enter(c, domid) )
            return -ESRCH;
        if ( c->vcpu.domain->serial != serial )
        {
            rc = -ESRCH;
            break;
        }
        rc = do_tmem_op(uops);
    } while ( c->vcpu.hcall_preempted );
    leave(c);

    return rc;
}

long xenhost_tmem_op(domid_t domid, struct tmem_op *op)
{
    XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops = { op };
    struct xenhost_cpu *c = xenhost_self;
    long rc;

    if ( unlikely(bound_generation != host.generation) )
        return not_bound(__func__);
    if ( unlikely(enter(c, domid)) )
        return -ESRCH;

    rc = do_tmem_op(uops);
    if ( unlikely(c->vcpu.hcall_preempted) )
        return continue_tmem_op(c, domid);
    leave(c);

    return rc;
}

long xenhost_tmem_op_compat(domid_t domid, void *op)
{
    struct xenhost_cpu *c = xenhost_self;
    long rc;

    c->vcpu.hcall_compat = true;
    rc = xenhost_tmem_op(domid, op);
    c->vcpu.hcall_compat = false;

    return rc;
}

/* What do_sysctl() does around its switch. */
static long control_once(struct xen_sysctl_tmem_op *uop)
{
    XEN_GUEST_HANDLE_PARAM(xen_sysctl_tmem_op_t) hnd = { uop };
    struct xen_sysctl_tmem_op op;
    unsigned int spins = 0;
    long rc;

    if ( copy_from_guest(&op, hnd, 1) )
        return -EFAULT;
    rc = xsm_sysctl(XSM_PRIV);
    if ( rc )
        return rc;

    while ( !spin_trylock(&sysctl_lock) )
        relax(&spins);
    rc = tmem_control(&op);
    spin_unlock(&sysctl_lock);

    /* The patch of sysctl.c has fields copied back whatever the result. */
    if ( copy_to_guest(hnd, &op, 1) )
        rc = -EFAULT;

    return rc;
}

long xenhost_tmem_control(domid_t domid, struct xen_sysctl_tmem_op *op)
{
    struct xenhost_cpu *c = xenhost_self;
    unsigned int restarts = 0;
    long rc;

    if ( bound_generation != host.generation )
        return not_bound(__func__);

    for ( ; ; )
    {
        if ( enter(c, domid) )
            return -ESRCH;
        rc = control_once(op);
        leave(c);
        if ( rc != -ERESTART )
            return rc;
        call_restart_fn(domid, NULL);
        if ( ++restarts % RESTARTS_IDLE == 0 )
            rcu_barrier();
    }
}

unsigned long hypercall_create_continuation(unsigned int op,
                                            const char *format, ...)
{
    va_list args;

    BUG_ON(op != __HYPERVISOR_tmem_op || strcmp(format, "h"));
    va_start(args, format);
    current->continuation = (unsigned long)va_arg(args, void *);
    va_end(args);
    current->hcall_preempted = true;

    return op;
}

bool xenhost_preempt_slow(void)
{
    struct xenhost_cpu *c = xenhost_self;

    if ( c->step_start )
    {
        step_end(c);
        step_begin(c);
    }

    return preempt_now();
}

int xenhost_current_domid(void)
{
    return current->domain->domain_id;
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
