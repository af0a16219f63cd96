/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.c - the switches of xenhost_test.h
 *
 * While a switch is off, its price on the path of a hypercall is a load of a
 * word that hardly changes, and a counter in the CPU's own cache line. While
 * a fault is on, its events are counted in one place, in their order.
 */
#include "host.h"

bool xenhost_fault_armed[XENHOST_NR_FAULTS];
bool xenhost_preempt_hook;
bool xenhost_clock_virtual;

static struct fault {
    unsigned long left;         /* events until it happens; 1: the next */
    bool sticky;
    unsigned long base;         /* events before xenhost_fault() */
} faults[XENHOST_NR_FAULTS];

void (*frame_fn)(void *arg);
static void *frame_arg;

static enum xenhost_preempt preempt_mode;
static unsigned long preempt_left, preempt_base;
static uint64_t virtual_time;
static DECLARE_BITMAP(denied, 1 << 16);

void faults_start(void)
{
    memset(faults, 0, sizeof(faults));
    memset(xenhost_fault_armed, 0, sizeof(xenhost_fault_armed));
    memset(denied, 0, sizeof(denied));
    xenhost_preempt_hook = step_timing = xenhost_clock_virtual = false;
    preempt_mode = XENHOST_PREEMPT_NEVER;
    preempt_left = preempt_base = virtual_time = 0;
    restart_fn = NULL;
    frame_fn = NULL;
    relinquish_enabled = true;
}

static unsigned long events(enum xenhost_fault kind)
{
    unsigned long n = 0;
    unsigned int i;

    for ( i = 0; i < NR_CPUS; i++ )
        n += read_atomic(&xenhost_cpus[i].events[kind]);

    return n;
}

void xenhost_fault(enum xenhost_fault kind, unsigned long n, bool sticky)
{
    if ( kind >= XENHOST_NR_FAULTS )
        return;
    write_atomic(&xenhost_fault_armed[kind], false);
    write_atomic(&faults[kind].sticky, sticky);
    write_atomic(&faults[kind].left, n);
    write_atomic(&faults[kind].base, events(kind));
    __atomic_store_n(&xenhost_fault_armed[kind], n != 0, __ATOMIC_RELEASE);
}

unsigned long xenhost_fault_events(enum xenhost_fault kind)
{
    if ( kind >= XENHOST_NR_FAULTS )
        return 0;

    return events(kind) - read_atomic(&faults[kind].base);
}

bool xenhost_fault_slow(enum xenhost_fault kind)
{
    struct fault *f = &faults[kind];
    unsigned long left = read_atomic(&f->left);

    /* Count down to 1, and stay there if it is sticky. */
    do {
        if ( !left )
            return false;
        if ( left == 1 && read_atomic(&f->sticky) )
            return true;
    } while ( !__atomic_compare_exchange_n(&f->left, &left, left - 1, true,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED) );

    return left == 1;
}

void xenhost_on_frame(void (*fn)(void *arg), void *arg)
{
    write_atomic(&frame_arg, arg);
    __atomic_store_n(&frame_fn, fn, __ATOMIC_RELEASE);
}

void frame_hook(void)
{
    void (*fn)(void *arg) = __atomic_exchange_n(&frame_fn, NULL,
                                                __ATOMIC_ACQUIRE);

    if ( fn )
        fn(read_atomic(&frame_arg));
}

static unsigned long checks(void)
{
    unsigned long n = 0;
    unsigned int i;

    for ( i = 0; i < NR_CPUS; i++ )
        n += read_atomic(&xenhost_cpus[i].checks);

    return n;
}

void xenhost_preempt(enum xenhost_preempt mode, unsigned long n)
{
    write_atomic(&preempt_mode, mode);
    write_atomic(&preempt_left, n);
    write_atomic(&preempt_base, checks());
    write_atomic(&xenhost_preempt_hook,
                 mode != XENHOST_PREEMPT_NEVER || step_timing);
}

unsigned long xenhost_preempt_checks(void)
{
    return checks() - read_atomic(&preempt_base);
}

bool preempt_now(void)
{
    unsigned long left;

    switch ( read_atomic(&preempt_mode) )
    {
    case XENHOST_PREEMPT_ALWAYS:
        return true;

    case XENHOST_PREEMPT_NTH:
        left = read_atomic(&preempt_left);
        do {
            if ( !left )
                return false;
        } while ( !__atomic_compare_exchange_n(&preempt_left, &left, left - 1,
                                               true, __ATOMIC_ACQ_REL,
                                               __ATOMIC_RELAXED) );
        return left == 1;

    default:
        return false;
    }
}

void xenhost_on_restart(void (*fn)(domid_t domid, struct tmem_op *op,
                                   void *arg), void *arg)
{
    write_atomic(&restart_arg, arg);
    __atomic_store_n(&restart_fn, fn, __ATOMIC_RELEASE);
}

void xenhost_step_timing(bool on)
{
    write_atomic(&step_timing, on);
    write_atomic(&xenhost_preempt_hook,
                 on || read_atomic(&preempt_mode) != XENHOST_PREEMPT_NEVER);
}

uint64_t xenhost_longest_step(void)
{
    uint64_t step, longest = 0;
    unsigned int i;

    xenhost_step_timing(true);
    for ( i = 0; i < NR_CPUS; i++ )
    {
        step = __atomic_exchange_n(&xenhost_cpus[i].step_longest, 0,
                                   __ATOMIC_RELAXED);
        longest = max(longest, step);
    }

    return longest;
}

void xenhost_deny(domid_t domid, bool deny)
{
    struct domain *d;

    if ( !host_enter() )
        return;
    if ( deny )
        set_bit(domid, denied);
    else
        clear_bit(domid, denied);
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( d )
        write_atomic(&d->tmem_denied, deny);
    rcu_read_unlock(&domlist_read_lock);
    host_leave();
}

int xenhost_deny_target(domid_t domid, unsigned int what)
{
    struct domain *d;

    if ( !host_enter() )
        return -ESRCH;
    rcu_read_lock(&domlist_read_lock);
    d = domain_find(domid);
    if ( d )
        write_atomic(&d->move_denied, what);
    rcu_read_unlock(&domlist_read_lock);
    host_leave();

    return d ? 0 : -ESRCH;
}

bool domid_denied(domid_t domid)
{
    return test_bit(domid, denied);
}

void xenhost_relinquish_enable(bool enable)
{
    write_atomic(&relinquish_enabled, enable);
}

unsigned long xenhost_leaks_seen(void)
{
    return read_atomic(&leaks_seen);
}

void xenhost_clock_advance(uint64_t ns)
{
    __atomic_add_fetch(&virtual_time, ns, __ATOMIC_RELAXED);
}

void xenhost_virtual_clock(bool on)
{
    write_atomic(&xenhost_clock_virtual, on);
}

s_time_t xenhost_virtual_now(void)
{
    return __atomic_add_fetch(&virtual_time, 1000, __ATOMIC_RELAXED);
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
