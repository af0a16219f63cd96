/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_SPINLOCK_H
#define XENHOST_XEN_SPINLOCK_H

/*
 * Spinlocks. A thread that waits for long yields, since there may be more
 * threads here than processors. Debug builds know who holds a lock, and its
 * class: all locks that one spin_lock_init() or definition makes.
 */
#include <xen/atomic.h>
#include <xen/irq.h>
#include <xen/nospec.h>
#include <xen/time.h>
#include <asm/current.h>

/* Locks of one class are ordered against all others in the same way. */
struct xenhost_lock_class {
    const char *name, *file;
    unsigned int line;
    unsigned int index;         /* 0: not seen yet */
    bool host;                  /* not the engine's */
};

#ifdef CONFIG_DEBUG_LOCKS
/* What a lock knows: its class, or where it was defined and nothing yet. */
struct xenhost_lock_id {
    struct xenhost_lock_class *class;
    const char *definition;     /* "file: name" */
};
#define LOCK_ID_DEF_(n) { NULL, __FILE__ ": " n }
#define LOCK_CLASS_(n) { .name = n, .file = __FILE__, .line = __LINE__ }
/* Before the lock is waited for, and after it was released. */
void xenhost_lock_acquire(const void *lock, struct xenhost_lock_id *id,
                          bool try);
void xenhost_lock_release(const void *lock);
bool xenhost_lock_held(const void *lock);
/* Count a violation if an engine's lock is held; what was attempted. */
void xenhost_lock_forbidden(const char *what);
#define xenhost_assert_unlocked(what)                                   \
    do { if ( unlikely(xenhost_self->nr_engine) )                       \
             xenhost_lock_forbidden(what); } while ( 0 )
#else
#define xenhost_lock_acquire(lock, class, try) ((void)0)
#define xenhost_lock_release(lock) ((void)0)
#define xenhost_assert_unlocked(what) ((void)0)
#endif

typedef struct spinlock {
    unsigned int locked;
    unsigned int recursion;     /* depth less 1 of spin_lock_recursive() */
#ifdef CONFIG_DEBUG_LOCKS
    struct xenhost_lock_id id;
#endif
} spinlock_t;

#ifdef CONFIG_DEBUG_LOCKS
#define SPIN_LOCK_UNLOCKED { 0, 0, LOCK_ID_DEF_("lock") }
#define DEFINE_SPINLOCK(l) spinlock_t l = { 0, 0, LOCK_ID_DEF_(#l) }
#define spin_lock_init(l)                                               \
    do {                                                                \
        static struct xenhost_lock_class class_ = LOCK_CLASS_(#l);      \
        *(l) = (spinlock_t){ 0, 0, { &class_, NULL } };                           \
    } while ( 0 )
#else
#define SPIN_LOCK_UNLOCKED { 0, 0 }
#define DEFINE_SPINLOCK(l) spinlock_t l = SPIN_LOCK_UNLOCKED
#define spin_lock_init(l) ((void)(*(l) = (spinlock_t)SPIN_LOCK_UNLOCKED))
#endif

/* locked holds the CPU's number, plus 1. */
#define spin_me_() (smp_processor_id() + 1)

void xenhost_spin_wait(unsigned int *locked, unsigned int me);

static always_inline bool spin_take_(spinlock_t *l)
{
    unsigned int free = 0;

    return __atomic_compare_exchange_n(&l->locked, &free, spin_me_(), false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static always_inline void spin_lock(spinlock_t *l)
{
    xenhost_lock_acquire(l, &l->id, false);
    if ( unlikely(!spin_take_(l)) )
        xenhost_spin_wait(&l->locked, spin_me_());
}

static always_inline bool spin_trylock(spinlock_t *l)
{
    if ( !spin_take_(l) )
        return false;
    xenhost_lock_acquire(l, &l->id, true);
    return true;
}

static always_inline void spin_unlock(spinlock_t *l)
{
    xenhost_lock_release(l);
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

static always_inline bool spin_is_locked(spinlock_t *l)
{
    return __atomic_load_n(&l->locked, __ATOMIC_RELAXED);
}

static always_inline void spin_lock_recursive(spinlock_t *l)
{
    if ( __atomic_load_n(&l->locked, __ATOMIC_RELAXED) == spin_me_() )
        l->recursion++;
    else
        spin_lock(l);
}

static always_inline void spin_unlock_recursive(spinlock_t *l)
{
    if ( l->recursion )
        l->recursion--;
    else
        spin_unlock(l);
}

#define spin_lock_irq(l)                 spin_lock(l)
#define spin_unlock_irq(l)               spin_unlock(l)
#define spin_lock_irqsave(l, f)          ({ local_irq_save(f); spin_lock(l); })
#define spin_unlock_irqrestore(l, f)     ({ (void)(f); spin_unlock(l); })
#define spin_trylock_irqsave(l, f)       ({ local_irq_save(f); \
                                            spin_trylock(l); })
#define spin_barrier(l) \
    do { spin_lock(l); spin_unlock(l); } while ( 0 )

#endif /* XENHOST_XEN_SPINLOCK_H */
