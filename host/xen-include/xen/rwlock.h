/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_RWLOCK_H
#define XENHOST_XEN_RWLOCK_H

/*
 * Readers-writer locks, and the per-CPU kind: a reader of those only notes
 * in its CPU's owner variable which lock it reads. There is one variable for
 * each level of locks, so two of the same level must not be held at once: as
 * in Xen, the second one falls back to the shared counter, and a recursion
 * on the same lock would corrupt silently. Debug builds report both.
 */
#include <xen/lib.h>
#include <xen/percpu.h>
#include <xen/preempt.h>
#include <xen/smp.h>
#include <xen/spinlock.h>

typedef struct {
    unsigned int cnts;          /* RW_*: readers, or the writer */
    unsigned int queue;         /* writers queue here */
#ifdef CONFIG_DEBUG_LOCKS
    struct xenhost_lock_id id;
#endif
} rwlock_t;

#define RW_CPU_MASK  0xfffU         /* the CPU that writes */
#define RW_WAITING   (1U << 12)     /* a writer waits: readers stay out */
#define RW_LOCKED    (3U << 12)     /* a writer is in */
#define RW_WMASK     (3U << 12)
#define RW_READER    (1U << 14)

#ifdef CONFIG_DEBUG_LOCKS
#define RW_LOCK_ID_(...) { 0, 0, __VA_ARGS__ }
#define RW_LOCK_UNLOCKED RW_LOCK_ID_(LOCK_ID_DEF_("lock"))
#define DEFINE_RWLOCK(l) rwlock_t l = RW_LOCK_ID_(LOCK_ID_DEF_(#l))
#define rwlock_init(l)                                                  \
    do {                                                                \
        static struct xenhost_lock_class class_ = LOCK_CLASS_(#l);      \
        *(l) = (rwlock_t)RW_LOCK_ID_({ &class_, NULL });                       \
    } while ( 0 )
#else
#define RW_LOCK_UNLOCKED { 0, 0 }
#define DEFINE_RWLOCK(l) rwlock_t l = RW_LOCK_UNLOCKED
#define rwlock_init(l) ((void)(*(l) = (rwlock_t)RW_LOCK_UNLOCKED))
#endif

void xenhost_read_wait(rwlock_t *l);
void xenhost_write_wait(rwlock_t *l);

static always_inline void rw_read_(rwlock_t *l)
{
    if ( unlikely(__atomic_add_fetch(&l->cnts, RW_READER, __ATOMIC_ACQUIRE) &
                  RW_WMASK) )
        xenhost_read_wait(l);
}

static always_inline void rw_read_done_(rwlock_t *l)
{
    (void)__atomic_fetch_sub(&l->cnts, RW_READER, __ATOMIC_RELEASE);
}

static always_inline bool rw_write_try_(rwlock_t *l)
{
    unsigned int free = 0;

    return __atomic_compare_exchange_n(&l->cnts, &free,
                                       RW_LOCKED | smp_processor_id(), false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static always_inline void rw_write_(rwlock_t *l)
{
    if ( unlikely(!rw_write_try_(l)) )
        xenhost_write_wait(l);
}

static always_inline void rw_write_done_(rwlock_t *l)
{
    (void)__atomic_fetch_and(&l->cnts, ~(RW_CPU_MASK | RW_WMASK),
                             __ATOMIC_RELEASE);
}

static always_inline void read_lock(rwlock_t *l)
{
    xenhost_lock_acquire(l, &l->id, false);
    rw_read_(l);
}

static always_inline void read_unlock(rwlock_t *l)
{
    xenhost_lock_release(l);
    rw_read_done_(l);
}

static always_inline bool read_trylock(rwlock_t *l)
{
    if ( __atomic_add_fetch(&l->cnts, RW_READER, __ATOMIC_ACQUIRE) & RW_WMASK )
    {
        rw_read_done_(l);
        return false;
    }
    xenhost_lock_acquire(l, &l->id, true);
    return true;
}

static always_inline void write_lock(rwlock_t *l)
{
    xenhost_lock_acquire(l, &l->id, false);
    rw_write_(l);
}

static always_inline bool write_trylock(rwlock_t *l)
{
    if ( !rw_write_try_(l) )
        return false;
    xenhost_lock_acquire(l, &l->id, true);
    return true;
}

static always_inline void write_unlock(rwlock_t *l)
{
    xenhost_lock_release(l);
    rw_write_done_(l);
}

#define rw_is_locked(l) (!!__atomic_load_n(&(l)->cnts, __ATOMIC_RELAXED))
#define rw_is_write_locked(l) \
    ((__atomic_load_n(&(l)->cnts, __ATOMIC_RELAXED) & RW_WMASK) == RW_LOCKED)
#define rw_is_write_locked_by_me(l)                                     \
    ((__atomic_load_n(&(l)->cnts, __ATOMIC_RELAXED) &                   \
      (RW_WMASK | RW_CPU_MASK)) == (RW_LOCKED | smp_processor_id()))

#define read_lock_irq(l)                read_lock(l)
#define read_unlock_irq(l)              read_unlock(l)
#define read_lock_irqsave(l, f)         ({ local_irq_save(f); read_lock(l); })
#define read_unlock_irqrestore(l, f)    ({ (void)(f); read_unlock(l); })
#define write_lock_irq(l)               write_lock(l)
#define write_unlock_irq(l)             write_unlock(l)
#define write_lock_irqsave(l, f)        ({ local_irq_save(f); write_lock(l); })
#define write_unlock_irqrestore(l, f)   ({ (void)(f); write_unlock(l); })

typedef struct percpu_rwlock percpu_rwlock_t;

struct percpu_rwlock {
    rwlock_t rwlock;
    bool writer_activating;
#ifndef NDEBUG
    percpu_rwlock_t **percpu_owner;
#endif
};

#ifndef NDEBUG
#define PERCPU_RW_(owner, ...) { RW_LOCK_ID_(__VA_ARGS__), false, owner }
#define DEFINE_PERCPU_RWLOCK_RESOURCE(l, owner)                         \
    percpu_rwlock_t l = PERCPU_RW_(&get_per_cpu_var(owner),             \
                                   LOCK_ID_DEF_(#l))
#define percpu_rwlock_resource_init(l, owner)                           \
    do {                                                                \
        static struct xenhost_lock_class class_ = LOCK_CLASS_(#l);      \
        *(l) = (percpu_rwlock_t)PERCPU_RW_(&get_per_cpu_var(owner),     \
                                           { &class_, NULL });          \
    } while ( 0 )
#define percpu_owner_check_(owner, l) ASSERT((owner) == (l)->percpu_owner)
#else
#define PERCPU_RW_ { RW_LOCK_UNLOCKED, false }
#define DEFINE_PERCPU_RWLOCK_RESOURCE(l, owner) percpu_rwlock_t l = PERCPU_RW_
#define percpu_rwlock_resource_init(l, owner) \
    ((void)(*(l) = (percpu_rwlock_t)PERCPU_RW_))
#define percpu_owner_check_(owner, l) ((void)0)
#endif

#define percpu_get_(owner) \
    __atomic_load_n(&this_cpu_ptr(owner), __ATOMIC_RELAXED)
#define percpu_set_(owner, l) \
    __atomic_store_n(&this_cpu_ptr(owner), l, __ATOMIC_SEQ_CST)
#define percpu_unset_(owner) \
    __atomic_store_n(&this_cpu_ptr(owner), NULL, __ATOMIC_RELEASE)

static always_inline void _percpu_read_lock(percpu_rwlock_t **owner,
                                            percpu_rwlock_t *l)
{
    percpu_owner_check_(owner, l);
    xenhost_lock_acquire(l, &l->rwlock.id, false);
    ASSERT(percpu_get_(owner) != l);

    if ( unlikely(percpu_get_(owner)) )
    {
        rw_read_(&l->rwlock);
        return;
    }

    percpu_set_(owner, l);
    if ( unlikely(__atomic_load_n(&l->writer_activating, __ATOMIC_SEQ_CST)) )
    {
        /* Let the writer in, and wait behind it. */
        percpu_unset_(owner);
        rw_read_(&l->rwlock);
        percpu_set_(owner, l);
        rw_read_done_(&l->rwlock);
    }
}

static always_inline void _percpu_read_unlock(percpu_rwlock_t **owner,
                                              percpu_rwlock_t *l)
{
    percpu_owner_check_(owner, l);
    xenhost_lock_release(l);
    ASSERT(percpu_get_(owner));

    if ( unlikely(percpu_get_(owner) != l) )
        rw_read_done_(&l->rwlock);
    else
        percpu_unset_(owner);
}

void _percpu_write_lock(percpu_rwlock_t **owner, percpu_rwlock_t *l);

static always_inline void _percpu_write_unlock(percpu_rwlock_t **owner,
                                               percpu_rwlock_t *l)
{
    percpu_owner_check_(owner, l);
    ASSERT(l->writer_activating);
    xenhost_lock_release(l);
    __atomic_store_n(&l->writer_activating, false, __ATOMIC_RELEASE);
    rw_write_done_(&l->rwlock);
}

#define percpu_rw_is_write_locked(l) rw_is_write_locked(&(l)->rwlock)
#define percpu_read_lock(owner, l) \
    _percpu_read_lock(&get_per_cpu_var(owner), l)
#define percpu_read_unlock(owner, l) \
    _percpu_read_unlock(&get_per_cpu_var(owner), l)
#define percpu_write_lock(owner, l) \
    _percpu_write_lock(&get_per_cpu_var(owner), l)
#define percpu_write_unlock(owner, l) \
    _percpu_write_unlock(&get_per_cpu_var(owner), l)

#define DEFINE_PERCPU_RWLOCK_GLOBAL(name) \
    DEFINE_PER_CPU(percpu_rwlock_t *, name)
#define DECLARE_PERCPU_RWLOCK_GLOBAL(name) \
    DECLARE_PER_CPU(percpu_rwlock_t *, name)

#endif /* XENHOST_XEN_RWLOCK_H */
