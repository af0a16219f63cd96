/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lock.c - the slow sides of locks
 *
 * Whoever waits gives the processor away after a while: the holder may be a
 * thread that is not running. Writers of a rwlock_t keep new readers out
 * while they wait, so that readers cannot starve them.
 */
#include "host.h"

#define SPINS_BEFORE_YIELD 200

void relax(unsigned int *spins)
{
    if ( ++*spins % SPINS_BEFORE_YIELD )
        cpu_relax();
    else
        sched_yield();
}

void xenhost_spin_wait(unsigned int *locked, unsigned int me)
{
    unsigned int spins = 0, free;

    do {
        while ( __atomic_load_n(locked, __ATOMIC_RELAXED) )
            relax(&spins);
        free = 0;
    } while ( !__atomic_compare_exchange_n(locked, &free, me, true,
                                           __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED) );
}

/* The reader is counted already, and a writer is in or waits. */
void xenhost_read_wait(rwlock_t *l)
{
    unsigned int spins = 0;

    do {
        rw_read_done_(l);
        while ( __atomic_load_n(&l->cnts, __ATOMIC_RELAXED) & RW_WMASK )
            relax(&spins);
    } while ( __atomic_add_fetch(&l->cnts, RW_READER, __ATOMIC_ACQUIRE) &
              RW_WMASK );
}

void xenhost_write_wait(rwlock_t *l)
{
    unsigned int spins = 0, cnts, free = 0;

    if ( !__atomic_compare_exchange_n(&l->queue, &free, 1, false,
                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) )
        xenhost_spin_wait(&l->queue, 1);

    for ( ; ; relax(&spins) )
    {
        cnts = __atomic_load_n(&l->cnts, __ATOMIC_RELAXED);
        if ( !(cnts & ~RW_WAITING) )
        {
            if ( __atomic_compare_exchange_n(&l->cnts, &cnts,
                                             RW_LOCKED | smp_processor_id(),
                                             false, __ATOMIC_ACQUIRE,
                                             __ATOMIC_RELAXED) )
                break;
        }
        else if ( !(cnts & RW_WMASK) )
            (void)__atomic_fetch_or(&l->cnts, RW_WAITING, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&l->queue, 0, __ATOMIC_RELEASE);
}

void _percpu_write_lock(percpu_rwlock_t **owner, percpu_rwlock_t *l)
{
    unsigned int cpu, spins = 0;

    percpu_owner_check_(owner, l);
    xenhost_lock_acquire(l, &l->rwlock.id, false);

    /* Shut out other writers, and the readers that use the counter. */
    rw_write_(&l->rwlock);
    __atomic_store_n(&l->writer_activating, true, __ATOMIC_SEQ_CST);
    smp_mb();
    for ( cpu = 0; cpu < NR_CPUS; cpu++ )
        while ( __atomic_load_n(&per_cpu_ptr(owner, cpu),
                                __ATOMIC_SEQ_CST) == l )
            relax(&spins);
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
