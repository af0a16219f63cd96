/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mock_dm.h - a mock of what guest/linux/dm-tmem.c uses of Linux
 *
 * For unit tests only, in one thread. Folios are single pages, pages are those of
 * mock_pages; the hypercall is mock_hypercall(), the test's. The module is compiled
 * without its own includes of Linux (tests/tests.mk).
 */
#ifndef MOCK_DM_H
#define MOCK_DM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef int32_t s32;
typedef unsigned long long u64;
typedef unsigned long xen_pfn_t;
typedef u64 sector_t;
typedef unsigned int gfp_t, fmode_t, blk_status_t, status_type_t;

#define KERNEL_VERSION(a, b, c)  (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE       KERNEL_VERSION(6, 1, 0)
#define BUILD_BUG_ON(cond)       _Static_assert(!(cond), #cond)
#define ARRAY_SIZE(a)            (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)       (((n) + (d) - 1) / (d))
#define READ_ONCE(x)             (x)
#define likely(x)                (x)
#define unlikely(x)              (x)
#define max(a, b) \
    ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define clamp_t(type, v, lo, hi) ((type)(v) < (type)(lo) ? (type)(lo) : \
                                  (type)(v) > (type)(hi) ? (type)(hi) : (type)(v))
#define __init
#define __exit
#define __percpu

#define KBUILD_MODNAME           "mock"
#define mock_print(...)          ((void)printf("    " __VA_ARGS__))
#define pr_err(...)              mock_print(__VA_ARGS__)
#define pr_warn(...)             ((void)mock_warnings++)
extern unsigned int mock_warnings;
#define pr_err_ratelimited(...)  ((void)mock_errors++)
extern unsigned int mock_errors;

/* ---- memory -------------------------------------------------------------- */

#define PAGE_SHIFT               12
#define PAGE_SIZE                4096UL
#define SECTOR_SHIFT             9
#define BITS_TO_LONGS(n)         DIV_ROUND_UP(n, 64)
#define PAGE_MAPPING_FLAGS       3ul
#define BDEVFS_MAGIC             1
#define FS_REQUIRES_DEV          1

struct gendisk {
    struct block_device *part0;
    const char *disk_name;
};
struct block_device {
    struct gendisk *bd_disk;
    int bd_holders;
    sector_t sectors;
    bool zoned, read_only;
};
struct file_system_type { unsigned int fs_flags; };
struct super_block {
    unsigned long s_magic;
    const char *s_id;
    struct file_system_type *s_type;
};
struct inode {
    struct super_block *i_sb;
    struct block_device *bdev;
};
struct address_space { struct inode *host; };
#define I_BDEV(inode)            ((inode)->bdev)

/* What is in a page is one number: that is its hash, too. */
struct folio {
    bool locked, uptodate, dirty, writeback, slab, poisoned, mapped;
    int count;
    struct address_space *mapping;
    u64 data;
};
struct page { struct folio folio; };
#define MOCK_PAGES               64
extern struct page mock_pages[MOCK_PAGES];
#define page_folio(pg)           (&(pg)->folio)
#define folio_page(f, i)         ((struct page *)(f) + (i))
#define folio_nr_pages(f)        1ul
#define page_to_pfn(pg)          ((unsigned long)((pg) - mock_pages))
#define folio_pfn(f)             page_to_pfn((struct page *)(f))
#define folio_test_slab(f)       ((f)->slab)
#define folio_test_locked(f)     ((f)->locked)
#define folio_test_uptodate(f)   ((f)->uptodate)
#define folio_test_dirty(f)      ((f)->dirty)
#define folio_test_writeback(f)  ((f)->writeback)
#define folio_mapped(f)          ((f)->mapped)
#define folio_ref_count(f)       ((f)->count)
#define PageHWPoison(pg)         ((pg)->folio.poisoned)
#define kmap_local_page(pg)      ((void *)&(pg)->folio.data)
#define kunmap_local(addr)       ((void)(addr))
#define xxh64(p, size, seed)     (*(u64 *)(p) + (seed))

#define GFP_KERNEL               0
#define GFP_NOIO                 0
#define GFP_NOWAIT               0
#define __GFP_ZERO               0
#define __GFP_NOWARN             0
#define __GFP_NOMEMALLOC         0
extern bool mock_no_memory;
#define mock_alloc(size)         (mock_no_memory ? NULL : calloc(1, size))
#define array_size(n, size)      ((n) * (size))
#define vzalloc(size)            mock_alloc(size)
#define vfree(p)                 free(p)
#define kvcalloc(n, size, gfp)   mock_alloc((n) * (size))
#define kcalloc(n, size, gfp)    mock_alloc((n) * (size))
#define kvfree(p)                free(p)
#define kzalloc(size, gfp)       mock_alloc(size)
#define kfree(p)                 free(p)
#define get_zeroed_page(gfp)     ((unsigned long)mock_alloc(PAGE_SIZE))
#define free_page(addr)          free((void *)(addr))
#define alloc_page(gfp)          ((struct page *)mock_alloc(sizeof(struct page)))
#define __free_page(pg)          free(pg)
#define alloc_percpu(type)       ((type *)mock_alloc(sizeof(type)))
#define free_percpu(p)           free(p)
#define per_cpu_ptr(p, cpu)      (p)
#define this_cpu_inc(x)          ((x)++)
#define for_each_possible_cpu(cpu) for ( (cpu) = 0; (cpu) < 1; (cpu)++ )
#define for_each_online_node(n)  for ( (n) = 0; (n) < 1; (n)++ )
#define node_end_pfn(n)          ((unsigned long)MOCK_PAGES)
#define totalram_pages()         ((unsigned long)MOCK_PAGES)
#define rounddown_pow_of_two(n)  (n)            /* it is one, here */
#define cond_resched()           ((void)0)
#define cmpxchg(p, old, new)     (*(p) == (old) ? (*(p) = (new), (old)) : *(p))

/* ---- lists, locks, counters, bits ---------------------------------------- */

struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD(name)          struct list_head name = { &name, &name }
#define list_entry(p, type, field) \
    ((type *)((char *)(p) - offsetof(type, field)))
#define list_for_each_entry(p, head, field) \
    for ( p = list_entry((head)->next, __typeof__(*p), field); \
          &p->field != (head); \
          p = list_entry(p->field.next, __typeof__(*p), field) )

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

/* None is taken twice, and none is held when the test is asked. */
typedef struct { int held; } spinlock_t;
typedef spinlock_t rwlock_t;
extern int mock_locks;
#define DEFINE_SPINLOCK(name)    spinlock_t name
#define mock_lock(l) \
    ((void)(mock_locks++, (l)->held++ ? abort() : (void)0))
#define mock_unlock(l)           ((void)(mock_locks--, (l)->held--))
#define spin_lock_init(l)        ((void)((l)->held = 0))
#define rwlock_init(l)           spin_lock_init(l)
#define spin_lock(l)             mock_lock(l)
#define spin_unlock(l)           mock_unlock(l)
#define spin_lock_irq(l)         mock_lock(l)
#define spin_unlock_irq(l)       mock_unlock(l)
#define spin_lock_irqsave(l, f)  ((void)((f) = 0), mock_lock(l))
#define spin_unlock_irqrestore(l, f) ((void)(f), mock_unlock(l))
#define read_lock(l)             mock_lock(l)
#define read_unlock(l)           mock_unlock(l)
#define write_lock_irq(l)        mock_lock(l)
#define write_unlock_irq(l)      mock_unlock(l)
#define write_lock_irqsave(l, f) spin_lock_irqsave(l, f)
#define write_unlock_irqrestore(l, f) spin_unlock_irqrestore(l, f)
#define preempt_disable()        ((void)0)
#define preempt_enable()         ((void)0)
#define rcu_read_lock()          ((void)0)
#define rcu_read_unlock()        ((void)0)
typedef struct { u64 v; } atomic64_t;
#define atomic64_read(a)         ((a)->v)
#define atomic64_inc_return(a)   (++(a)->v)

static inline bool test_bit(u64 n, const unsigned long *bits)
{
    return bits[n / 64] >> n % 64 & 1;
}

static inline bool test_and_set_bit(u64 n, unsigned long *bits)
{
    bool was = test_bit(n, bits);

    bits[n / 64] |= 1ul << n % 64;

    return was;
}

static inline bool test_and_clear_bit(u64 n, unsigned long *bits)
{
    bool was = test_bit(n, bits);

    bits[n / 64] &= ~(1ul << n % 64);

    return was;
}

#define clear_bit(n, bits)       ((void)test_and_clear_bit(n, bits))
#define bitmap_fill(bits, n)     memset(bits, -1, BITS_TO_LONGS(n) * 8)

/* ---- requests ------------------------------------------------------------ */

#define REQ_OP_READ              0
#define REQ_OP_WRITE             1
#define REQ_OP_DISCARD           3
#define REQ_OP_MASK              0xff
#define REQ_IDLE                 0x100
#define REQ_INTEGRITY            0x200
struct bvec_iter { sector_t bi_sector; unsigned int bi_size, bi_idx; };
struct bio_vec { struct page *bv_page; unsigned int bv_len, bv_offset; };
struct bio {
    struct block_device *bdev;
    unsigned int bi_opf;
    struct bvec_iter bi_iter;
    struct bio_vec *bi_io_vec;
    bool key;
    bool ended;                  /* by the target itself */
    u64 data[16];                /* the target's */
};
#define bio_op(bio)              ((bio)->bi_opf & REQ_OP_MASK)
#define op_is_write(op)          ((op) & 1)
#define bio_sectors(bio)         ((bio)->bi_iter.bi_size >> SECTOR_SHIFT)
#define bio_end_sector(bio)      ((bio)->bi_iter.bi_sector + bio_sectors(bio))
#define bio_set_dev(bio, b)      ((void)((bio)->bdev = (b)))
#define bio_has_crypt_ctx(bio)   ((bio)->key)
#define bio_endio(bio)           ((void)((bio)->ended = true))
#define dm_per_bio_data(bio, size) ((void *)(bio)->data)

/* A vector is taken whole, or a request is cut at its end. */
static inline void mock_advance(const struct bio *bio, struct bvec_iter *iter)
{
    unsigned int len = bio->bi_io_vec[iter->bi_idx++].bv_len;

    len = len < iter->bi_size ? len : iter->bi_size;
    iter->bi_size -= len;
    iter->bi_sector += len >> SECTOR_SHIFT;
}

static inline void bio_advance(struct bio *bio, unsigned int bytes)
{
    unsigned int left = bio->bi_iter.bi_size - bytes;

    while ( bio->bi_iter.bi_size > left )
        mock_advance(bio, &bio->bi_iter);
}

#define __bio_for_each_segment(bv, bio, iter, start) \
    for ( (iter) = (start); \
          (iter).bi_size && ((bv) = (bio)->bi_io_vec[(iter).bi_idx], 1); \
          mock_advance(bio, &(iter)) )
#define bio_for_each_segment(bv, bio, iter) \
    __bio_for_each_segment(bv, bio, iter, (bio)->bi_iter)

/* ---- the device mapper --------------------------------------------------- */

#define FMODE_WRITE              2
#define DM_MAPIO_SUBMITTED       0
#define DM_MAPIO_REMAPPED        1
#define DM_ENDIO_DONE            0
#define DM_TARGET_SINGLETON      0
#define DM_TARGET_NOWAIT         0
#define DM_TARGET_PASSES_INTEGRITY 0
#define DM_TARGET_PASSES_CRYPTO  0
#define STATUSTYPE_INFO          0
#define STATUSTYPE_TABLE         1
#define DMEMIT(...)              (sz += snprintf(result + sz, maxlen - sz, __VA_ARGS__))

struct dm_dev { struct block_device *bdev; const char *name; };
struct dm_table { fmode_t mode; struct gendisk *disk; };
struct dm_target {
    struct dm_table *table;
    sector_t begin, len;
    void *private;
    char *error;
    unsigned int num_flush_bios, num_discard_bios, num_secure_erase_bios;
    unsigned int num_write_zeroes_bios, per_io_data_size;
};
typedef int (*iterate_devices_callout_fn)(struct dm_target *ti,
                                          struct dm_dev *dev, sector_t start,
                                          sector_t len, void *data);
struct target_type {
    unsigned int features;
    const char *name;
    unsigned int version[3];
    void *module;
    int (*ctr)(struct dm_target *ti, unsigned int argc, char **argv);
    void (*dtr)(struct dm_target *ti);
    int (*map)(struct dm_target *ti, struct bio *bio);
    int (*end_io)(struct dm_target *ti, struct bio *bio, blk_status_t *error);
    void (*postsuspend)(struct dm_target *ti);
    int (*preresume)(struct dm_target *ti);
    void (*status)(struct dm_target *ti, status_type_t type,
                   unsigned int flags, char *result, unsigned int maxlen);
    int (*iterate_devices)(struct dm_target *ti,
                           iterate_devices_callout_fn fn, void *data);
};
#define THIS_MODULE              NULL
#define dm_table_get_mode(t)     ((t)->mode)
#define dm_table_get_md(t)       (t)
#define dm_disk(t)               ((t)->disk)
int dm_get_device(struct dm_target *ti, const char *path, fmode_t mode,
                  struct dm_dev **dev);
#define dm_put_device(ti, dev)   ((void)(mock_devices--))
extern int mock_devices;
#define bdev_is_zoned(b)         ((b)->zoned)
#define bdev_nr_sectors(b)       ((b)->sectors)
#define bdev_read_only(b)        ((b)->read_only)
#define bdev_whole(b)            ((b) + 0)
#define dm_register_target(type) (mock_target = (type), 0)
#define dm_unregister_target(type) ((void)(mock_target = NULL))
extern struct target_type *mock_target;

/* ---- the rest ------------------------------------------------------------ */

#define PF_MEMALLOC              0x2
struct task_struct { unsigned int flags; };
extern struct task_struct *current;

struct syscore_ops { void (*resume)(void); };
#define register_syscore_ops(ops)   ((void)(mock_syscore = (ops)))
#define unregister_syscore_ops(ops) ((void)(mock_syscore = NULL))
extern struct syscore_ops *mock_syscore;

struct tracepoint { const char *name; };
extern struct tracepoint mock_point;
extern void (*mock_probe)(void *data, struct folio *folio);
#define for_each_kernel_tracepoint(fn, data) fn(&mock_point, data)
#define tracepoint_probe_register(tp, fn, data) (mock_probe = (fn), 0)
#define tracepoint_probe_unregister(tp, fn, data) ((void)(mock_probe = NULL))
#define tracepoint_synchronize_unregister() ((void)0)

typedef struct { u8 b[16]; } uuid_t;
int uuid_parse(const char *text, uuid_t *uuid);
#define get_random_bytes(p, len) memset(p, 7, len)
#define get_random_u32()         5u
#define module_init(f)           int (*mock_init)(void) = f
#define module_exit(f)           void (*mock_exit)(void) = f
#define MODULE_LICENSE(s)        extern int mock_nothing
#define MODULE_DESCRIPTION(s)    extern int mock_nothing
#define MODULE_VERSION(s)        extern int mock_nothing

#define xen_domain()             1
#define xen_page_to_gfn(pg)      ((unsigned long)(pg))
int mock_hypercall(void *req);
#define _hypercall1(type, name, arg) ((type)mock_hypercall(arg))

#endif /* MOCK_DM_H */
