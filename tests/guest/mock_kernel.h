/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mock_kernel.h - a mock of what the modules of guest/linux use of Linux
 *
 * For unit tests only, in one thread. Pages are memory of this process; the
 * hypercall is mock_hypercall(), the test's. The module is compiled without its
 * own includes of Linux (tests/tests.mk).
 */
#ifndef MOCK_KERNEL_H
#define MOCK_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t u32;
typedef int32_t s32;
typedef unsigned long long u64;
typedef unsigned long xen_pfn_t;
typedef unsigned int gfp_t;

#define CONFIG_64BIT             1
#define KERNEL_VERSION(a, b, c)  (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE       KERNEL_VERSION(6, 1, 0)
#define IS_ENABLED(option)       1
#define BUILD_BUG_ON(cond)       _Static_assert(!(cond), #cond)
#define DIV_ROUND_UP(n, d)       (((n) + (d) - 1) / (d))
/* What is read once may be another after a suspend: not to be preempted. */
#define READ_ONCE(x) \
    (*(mock_reads_preemptible += !mock_preempt_count, &(x)))
extern unsigned int mock_reads_preemptible;
#define WRITE_ONCE(x, value)     ((void)((x) = (value)))
#define likely(x)                (x)
#define unlikely(x)              (x)
#define fallthrough              __attribute__((__fallthrough__))
#define __init
#define __exit
#define __packed                 __attribute__((__packed__))

#define KBUILD_MODNAME           "mock"
#define pr_warn_once(...)        mock_print(__VA_ARGS__)
#define pr_alert_ratelimited(...) mock_print(__VA_ARGS__)
#define pr_alert_once(...)       mock_print(__VA_ARGS__)
#define pr_alert(...)            (mock_alerts++, mock_print(__VA_ARGS__))
#define pr_err(...)              mock_print(__VA_ARGS__)
#define pr_info(...)             mock_print(__VA_ARGS__)
#define mock_print(...) \
    ((void)snprintf(mock_message, sizeof(mock_message), __VA_ARGS__))
extern char mock_message[512];
extern unsigned int mock_alerts;
#define WARN_ON(cond)            ((void)(mock_warnings += !!(cond)))
extern unsigned int mock_warnings;

/* ---- memory -------------------------------------------------------------- */

#define PAGE_SHIFT               12
#define PAGE_SIZE                4096UL
#define offset_in_page(p)        ((unsigned long)(p) & (PAGE_SIZE - 1))
#define __pa(p)                  ((unsigned long)(p))

struct page {
    bool poisoned;
    unsigned char data[PAGE_SIZE];
};

#define GFP_KERNEL               0
#define __GFP_ZERO               0
#define __GFP_NORETRY            0
#define __GFP_NOWARN             0
#define __GFP_KSWAPD_RECLAIM     0
extern bool mock_no_memory;
#define kzalloc(size, gfp)       (mock_no_memory ? NULL : calloc(1, size))
#define kfree(p)                 free(p)
#define alloc_page(gfp) \
    (mock_no_memory ? NULL : (struct page *)calloc(1, sizeof(struct page)))
#define __free_page(pg)          free(pg)
struct kmem_cache { size_t size; };
#define KMEM_CACHE(type, flags)  mock_cache(sizeof(struct type))
#define kmem_cache_alloc(cache, gfp) \
    (mock_no_memory ? NULL : malloc((cache)->size))
#define kmem_cache_free(cache, p) free(p)
#define kmem_cache_destroy(cache) free(cache)
#define kmap_local_page(pg)      ((void *)(pg)->data)
#define kunmap_local(addr)       ((void)(addr))
#define copy_highpage(to, from)  memcpy((to)->data, (from)->data, PAGE_SIZE)
#define page_address(pg)         ((void *)(pg)->data)
#define SetPageHWPoison(pg)      ((pg)->poisoned = true)

static inline struct kmem_cache *mock_cache(size_t size)
{
    struct kmem_cache *cache = malloc(sizeof(*cache));

    cache->size = size;

    return cache;
}

#define vzalloc(size)            (mock_no_memory ? NULL : calloc(1, size))
#define vfree(p)                 free(p)

/* ---- bit maps ------------------------------------------------------------ */

#define BITS_PER_LONG            64
#define BIT(n)                   (1UL << (n))
#define BITS_TO_LONGS(n)         DIV_ROUND_UP(n, BITS_PER_LONG)
#define BIT_WORD(n)              ((n) / BITS_PER_LONG)
#define BIT_MASK(n)              BIT((n) % BITS_PER_LONG)
#define test_bit(n, map)         (!!((map)[BIT_WORD(n)] & BIT_MASK(n)))
#define set_bit(n, map)          ((void)((map)[BIT_WORD(n)] |= BIT_MASK(n)))

static inline bool test_and_clear_bit(unsigned long n, unsigned long *map)
{
    bool was = test_bit(n, map);

    map[BIT_WORD(n)] &= ~BIT_MASK(n);

    return was;
}

static inline unsigned long mock_find_bit(const unsigned long *map,
                                          unsigned long end, unsigned long from,
                                          bool value)
{
    while ( from < end && test_bit(from, map) != value )
        from++;

    return from < end ? from : end;
}

#define find_next_bit(map, end, from)      mock_find_bit(map, end, from, true)
#define find_next_zero_bit(map, end, from) mock_find_bit(map, end, from, false)

/* ---- lists, locks, counters ---------------------------------------------- */

struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD(name)          struct list_head name = { &name, &name }
#define list_entry(p, type, field) \
    ((type *)((char *)(p) - offsetof(type, field)))
#define list_for_each_entry(p, head, field) \
    for ( p = list_entry((head)->next, __typeof__(*p), field); \
          &p->field != (head); \
          p = list_entry(p->field.next, __typeof__(*p), field) )
#define list_for_each_entry_safe(p, n, head, field) \
    for ( p = list_entry((head)->next, __typeof__(*p), field); \
          n = list_entry(p->field.next, __typeof__(*p), field), \
          &p->field != (head); p = n )

static inline void list_add(struct list_head *item, struct list_head *head)
{
    item->next = head->next;
    item->prev = head;
    head->next->prev = item;
    head->next = item;
}

static inline void list_del(struct list_head *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
}

#define DEFINE_SPINLOCK(name)    int name
#define spin_lock(lock)          ((void)++*(lock))
#define spin_unlock(lock)        ((void)--*(lock))
#define DEFINE_RAW_SPINLOCK(name) int name
#define raw_spin_lock(lock)      (mock_preempt_count++, (void)++*(lock))
#define raw_spin_unlock(lock)    ((void)--*(lock), (void)mock_preempt_count--)
#define smp_mb()                 ((void)0)
#define smp_mb__after_atomic()   ((void)0)
#define smp_store_release(p, v)  ((void)(*(p) = (v)))
#define smp_load_acquire(p)      (*(p))
#define DEFINE_PER_CPU(type, name) __typeof__(type) name
#define this_cpu_inc(x)          ((x)++)
#define this_cpu_add(x, n)       ((x) += (n))
#define this_cpu_ptr(p)          (p)
#define per_cpu(x, cpu)          (x)
#define for_each_possible_cpu(cpu) for ( (cpu) = 0; (cpu) < 1; (cpu)++ )
typedef struct { long v; } atomic_long_t;
#define ATOMIC_LONG_INIT(n)      { n }
#define atomic_long_inc(a)       ((void)(a)->v++)
#define atomic_long_dec(a)       ((void)(a)->v--)
#define atomic_long_read(a)      ((a)->v)
extern unsigned int mock_preempt_count;
#define preempt_disable()        ((void)mock_preempt_count++)
#define preempt_enable()         ((void)mock_preempt_count--)

/* What is to be done later: the test says when that is. */
#define HZ                       100
struct work_struct;
struct delayed_work { void (*fn)(struct work_struct *); };
#define DECLARE_DELAYED_WORK(name, fn) struct delayed_work name = { fn }
#define schedule_delayed_work(work, delay) ((void)(mock_work = (work)))
#define cancel_delayed_work_sync(work) ((void)(mock_work = NULL))
extern struct delayed_work *mock_work;

/* ---- tasks --------------------------------------------------------------- */

#define PF_KTHREAD               0x1
#define PF_MEMALLOC              0x2
#define SIGKILL                  9
struct task_struct {
    void *mm;
    unsigned int flags;
    int syscall;               /* -1: an exception */
    int killed;                /* signals that it got */
    const char *comm;
};
extern struct task_struct *current;
#define task_pt_regs(t)          (t)
#define syscall_get_nr(t, regs)  ((t)->syscall)
#define task_pid_nr(t)           1
#define send_sig(sig, t, priv)   ((void)(t)->killed++)

/* ---- compressors and zpools ---------------------------------------------- */

struct scatterlist { struct page *page; void *buf; unsigned int length, offset; };
#define sg_page(sg)              ((sg)->page)
#define sg_nents(sg)             1
#define sg_copy_from_buffer(sg, n, p, len) ((void)memcpy((sg)->buf, p, len))
#define sg_copy_to_buffer(sg, n, p, len)   (memcpy(p, (sg)->buf, len), len)

struct crypto_acomp { void *ctx; };
struct acomp_req {
    struct crypto_acomp *acomp;
    struct scatterlist *src, *dst;
    unsigned int slen, dlen;
};
#define crypto_acomp_reqtfm(req) ((req)->acomp)
#define crypto_acomp_tfm(acomp)  (acomp)
#define crypto_tfm_ctx(acomp)    ((acomp)->ctx)
struct acomp_alg {
    int (*compress)(struct acomp_req *req);
    int (*decompress)(struct acomp_req *req);
    int (*init)(struct crypto_acomp *acomp);
    void (*exit)(struct crypto_acomp *acomp);
    struct {
        const char *cra_name, *cra_driver_name;
        size_t cra_ctxsize;
        void *cra_module;
    } base;
};
#define THIS_MODULE              NULL
#define crypto_register_acomp(alg)   (mock_compressor = (alg), 0)
#define crypto_unregister_acomp(alg) ((void)(mock_compressor = NULL))
extern struct acomp_alg *mock_compressor;

enum zpool_mapmode { ZPOOL_MM_RW };
struct zpool;
struct zpool_ops;
struct zpool_driver {
    const char *type;
    void *owner;
    void *(*create)(const char *name, gfp_t gfp, const struct zpool_ops *ops,
                    struct zpool *zpool);
    void (*destroy)(void *pool);
    int (*malloc)(void *pool, size_t size, gfp_t gfp, unsigned long *handle);
    void (*free)(void *pool, unsigned long handle);
    bool sleep_mapped;
    void *(*map)(void *pool, unsigned long handle, enum zpool_mapmode mm);
    void (*unmap)(void *pool, unsigned long handle);
    u64 (*total_size)(void *pool);
};
#define zpool_register_driver(driver)   ((void)(mock_zpool = (driver)))
#define zpool_unregister_driver(driver) ((void)(mock_zpool = NULL))
extern struct zpool_driver *mock_zpool;

/* ---- suspend and hibernation --------------------------------------------- */

struct syscore_ops { void (*resume)(void); };
#define register_syscore_ops(ops)   ((void)(mock_syscore = (ops)))
#define unregister_syscore_ops(ops) ((void)(mock_syscore = NULL))
extern struct syscore_ops *mock_syscore;
struct notifier_block {
    int (*notifier_call)(struct notifier_block *nb, unsigned long event,
                         void *data);
};
#define PM_HIBERNATION_PREPARE   1
#define PM_POST_HIBERNATION      2
#define notifier_from_errno(err) (err)
#define register_pm_notifier(nb) (mock_pm = (nb), 0)
#define unregister_pm_notifier(nb) ((void)(mock_pm = NULL))
extern struct notifier_block *mock_pm;
#define get_random_bytes(p, len) memset(p, ++mock_random, len)
extern int mock_random;

/* ---- the rest ------------------------------------------------------------ */

struct dentry;
struct seq_file;
extern char mock_stats[1024];
#define seq_printf(m, ...) \
    ((void)(m), (void)snprintf(mock_stats + strlen(mock_stats), \
                               sizeof(mock_stats) - strlen(mock_stats), \
                               __VA_ARGS__))
#define DEFINE_SHOW_ATTRIBUTE(name) \
    int (*mock_##name##_show)(struct seq_file *, void *) = name##_show; \
    static const int name##_fops
#define debugfs_create_dir(name, parent) NULL
#define debugfs_create_file(name, mode, dir, data, fops) ((void)(fops))
#define debugfs_remove_recursive(dir) ((void)(dir))
#define module_init(f)           int (*mock_init)(void) = f
#define module_exit(f)           void (*mock_exit)(void) = f
#define MODULE_LICENSE(s)        extern int mock_nothing
#define MODULE_DESCRIPTION(s)    extern int mock_nothing
#define MODULE_VERSION(s)        extern int mock_nothing
#define MODULE_ALIAS(s)          extern int mock_nothing
#define MODULE_ALIAS_CRYPTO(s)   extern int mock_nothing

#define xen_domain()             1
#define xen_pv_domain()          1
xen_pfn_t xen_page_to_gfn(struct page *page);
int mock_hypercall(void *req);
#define _hypercall1(type, name, arg) ((type)mock_hypercall(arg))

#endif /* MOCK_KERNEL_H */
