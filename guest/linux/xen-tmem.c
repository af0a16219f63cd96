// SPDX-License-Identifier: GPL-2.0-only
/*
 * xen-tmem.c - swap pages go to the hypervisor: a back end of zswap
 *
 * zswap stores a page that is about to be swapped out by way of a compressor
 * and a zpool. This module is both, under the name "tmem". Each page goes,
 * uncompressed, into a persistent tmem pool of the hypervisor; one that is
 * refused goes to the swap disk, as with any other back end.
 *
 * Who does what
 *
 *	zswap		here				hypervisor
 *	compress	new slot; the page itself ->	put
 *			(refused: error, page goes to disk)
 *	malloc		that slot becomes the handle
 *	map, copy	the token (the slot's address)
 *			is copied into the slot: no-op
 *	decompress	token -> key; page itself <-	get
 *	free		slot gathered, then freed	flush page
 *
 * A zpool cannot refuse data after malloc, and a put is refused only when it
 * is tried. So the compressor does the put, from the very page that is swapped
 * out and without a copy, and what it "compresses" to is a token of 8 bytes.
 * All that a stored page costs the guest is a slot of these 8 bytes, and
 * zswap's own entry.
 *
 * A slot's address is unique as long as the slot is allocated, so it names the
 * page: nothing has to be looked up, and there are no numbers to run out of.
 *
 * From compress to malloc
 *
 * zswap calls malloc in the same task right after the compressor, with the
 * mutex of the compressor's context held. A slot that waits for its malloc is
 * on pending_list, marked with its task; there are as many as there are tasks
 * between the two calls. In 6.1 the context may go meanwhile, with its vCPU:
 * what is pending has memory of its own, and waits on. If malloc has not come
 * by the next use of the context, somebody uses this compressor with another
 * zpool, which would never tell us to flush: the context then refuses
 * everything. The page that showed it, one for each context, is a stray: it
 * stays until the module goes, since zswap may still ask for it.
 *
 * A frame that Xen does not take
 *
 * To a get, -EFAULT says that the page is still there, and that something is
 * the matter with the frame which it is to go to. It is got by way of a page of
 * our own, then.
 *
 * When a page is lost
 *
 * The hypervisor never drops a persistent page, so a get that fails means that
 * something is badly wrong: a pool destroyed behind our back, a guest restored
 * without its pages. zswap would BUG() if decompression failed, with the page
 * locked for good. See lose_page() for what is done instead.
 *
 * tmem_pool.h has the pool itself, and what becomes of it over suspend and
 * hibernation; tmem_gather.h gives pages up, several at a time.
 *
 * Locking: pending_lock guards pending_list, bounce_lock the bounce page; both
 * are leaves. Everything may be called with spinlocks held (zswap frees with its
 * tree locked): nothing here sleeps but the making of contexts, module init and
 * exit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/internal/acompress.h>
#include <linux/debugfs.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/zpool.h>
#include <asm/syscall.h>
#include <xen/xen.h>

#include "tmem_call.h"
#include "tmem_gather.h"
#include "tmem_pool.h"

#ifndef CONFIG_64BIT
#error "xen-tmem is for 64-bit kernels: a token is an address of 8 bytes"
#endif

#define TMEM_NAME	"tmem"

/* What a lost page is filled with: no pointer, no sensible number. */
#define LOST_PAGE_BYTE	0xfe

struct tmem_slot {
	unsigned long token;	/* the slot's own address */
};

/* A page between compress and malloc. All fields: pending_lock. */
struct tmem_pending {
	struct list_head node;		/* in pending_list, if slot is set */
	struct task_struct *task;	/* who is going to call malloc */
	struct tmem_slot *slot;		/* put, not yet a handle */
	bool stray;			/* malloc has not come */
	bool orphan;			/* its context has gone */
};

struct tmem_ctx {
	struct tmem_pending *pending;
	bool refuses;			/* once, malloc has not come */
};

enum tmem_stat {
	PUTS, PUTS_REFUSED, GETS, GETS_BOUNCED, GETS_LOST, FLUSHES,
	FLUSHES_FAILED, WRONG_ZPOOL, WRONG_COMPRESSOR, NR_TMEM_STATS
};

static const char * const stat_names[NR_TMEM_STATS] = {
	[PUTS] = "puts",
	[PUTS_REFUSED] = "puts_refused",
	[GETS] = "gets",
	[GETS_BOUNCED] = "gets_bounced",
	[GETS_LOST] = "gets_lost",
	[FLUSHES] = "flushes",
	[FLUSHES_FAILED] = "flushes_failed",
	[WRONG_ZPOOL] = "wrong_zpool",
	[WRONG_COMPRESSOR] = "wrong_compressor",
};

static DEFINE_PER_CPU(unsigned long [NR_TMEM_STATS], tmem_stats);
static struct dentry *debugfs_dir;

static struct kmem_cache *slot_cache;

static LIST_HEAD(pending_list);
static DEFINE_SPINLOCK(pending_lock);

static struct page *bounce_page;
static DEFINE_SPINLOCK(bounce_lock);

static const char *how_to_stop(void)
{
	return "disable zswap, then swapoff -a and swapon -a";
}

static void count(enum tmem_stat stat)
{
	this_cpu_inc(tmem_stats[stat]);
}

/*
 * Slots of one slab page make one object of the pool: dense enough for the
 * hypervisor's tree of it, and different vCPUs mostly use different objects.
 */
static struct tmem_key slot_key(unsigned long token)
{
	struct tmem_key key = {
		.oid = __pa(token) >> PAGE_SHIFT,
		.index = offset_in_page(token) / sizeof(struct tmem_slot),
	};

	return key;
}

/*
 * A slot that is there counts as a page before it has one: then whoever begins
 * to hibernate sees it, or it sees that (tmem_pm_event()).
 */
static struct tmem_slot *slot_alloc(void)
{
	struct tmem_slot *slot =
		kmem_cache_alloc(slot_cache, __GFP_NORETRY | __GFP_NOWARN |
					     __GFP_KSWAPD_RECLAIM);

	if (slot) {
		slot->token = (unsigned long)slot;
		atomic_long_inc(&stored_pages);
		smp_mb__after_atomic();
	}

	return slot;
}

static void slot_release(struct tmem_slot *slot)
{
	kmem_cache_free(slot_cache, slot);
	atomic_long_dec(&stored_pages);
}

static void slot_flushed(unsigned long token, int ret)
{
	/* When frozen, the page is flushed all the same. */
	if (ret == 1 || ret == -TMEM_EFROZEN) {
		count(FLUSHES);
	} else {
		/*
		 * The page may still be there, and nobody asks for it again:
		 * a put under the same key replaces it.
		 */
		count(FLUSHES_FAILED);
		pr_warn_once("flush failed (%d); flushes_failed counts more of them\n",
			     ret);
	}
	slot_release((struct tmem_slot *)token);
}

/* The slot that the calling task has just put, or NULL. */
static struct tmem_slot *pending_adopt(void)
{
	struct tmem_pending *p, *orphan = NULL;
	struct tmem_slot *slot = NULL;

	spin_lock(&pending_lock);
	list_for_each_entry(p, &pending_list, node)
		if (p->task == current && !p->stray) {
			list_del(&p->node);
			slot = p->slot;
			p->slot = NULL;
			if (p->orphan)
				orphan = p;
			break;
		}
	spin_unlock(&pending_lock);
	kfree(orphan);

	return slot;
}

static void pending_add(struct tmem_ctx *ctx, struct tmem_slot *slot)
{
	spin_lock(&pending_lock);
	ctx->pending->task = current;
	ctx->pending->slot = slot;
	list_add(&ctx->pending->node, &pending_list);
	spin_unlock(&pending_lock);
}

/*
 * A slot for which malloc has not come by the next use of the context never
 * becomes a handle.
 */
static void pending_check(struct tmem_ctx *ctx)
{
	spin_lock(&pending_lock);
	if (ctx->pending->slot) {
		ctx->pending->stray = true;
		ctx->refuses = true;
	}
	spin_unlock(&pending_lock);
}

/* Pages that nobody is going to make a handle of. */
static unsigned int nr_strays(void)
{
	struct tmem_pending *p;
	unsigned int nr = 0;

	spin_lock(&pending_lock);
	list_for_each_entry(p, &pending_list, node)
		nr += p->stray || p->orphan;
	spin_unlock(&pending_lock);

	return nr;
}

/*
 * The compressor
 */

/* The page, if the request is for exactly one. */
static struct page *whole_page(struct scatterlist *sg, unsigned int len)
{
	if (len != PAGE_SIZE || sg->length < PAGE_SIZE || sg->offset)
		return NULL;
	return sg_page(sg);
}

static int tmem_compress(struct acomp_req *req)
{
	struct tmem_ctx *ctx =
		crypto_tfm_ctx(crypto_acomp_tfm(crypto_acomp_reqtfm(req)));
	struct page *page = whole_page(req->src, req->slen);
	struct tmem_slot *slot;
	unsigned long token;

	if (!page || !req->dst || req->dlen < sizeof(token))
		return -EINVAL;

	pending_check(ctx);
	if (ctx->refuses) {
		count(WRONG_ZPOOL);
		pr_warn_once("compressor " TMEM_NAME " works with zpool " TMEM_NAME
			     " only: set zswap's zpool; until then pages go to disk\n");
		return -EINVAL;
	}

	slot = slot_alloc();
	if (!slot)
		return -ENOMEM;
	token = slot->token;

	/*
	 * Any other answer than 1: the page is not stored. Pages that are to be
	 * flushed may have its room.
	 */
	if (pool_put(slot_key(token), page) != 1 &&
	    (!gather_flush() || pool_put(slot_key(token), page) != 1)) {
		slot_release(slot);
		count(PUTS_REFUSED);
		return -ENOSPC;
	}
	count(PUTS);

	sg_copy_from_buffer(req->dst, sg_nents(req->dst), &token,
			    sizeof(token));
	req->dlen = sizeof(token);
	pending_add(ctx, slot);

	return 0;
}

/*
 * Is a page fault of user code being handled, and the page brought in for it?
 * Who reclaims memory inside of the fault may bring others' pages in, in order
 * to write them to the swap disk (zswap's shrinker).
 */
static bool user_fault(void)
{
	if (!current->mm || (current->flags & (PF_KTHREAD | PF_MEMALLOC)))
		return false;

	/* Exceptions have no number of a system call. */
	return syscall_get_nr(current, task_pt_regs(current)) == -1;
}

/*
 * The contents of a page are gone. The process that they belong to must never
 * go on with something else in their place, but no other has to suffer.
 *
 * To zswap the load then has to look like a success, or it would BUG(). The
 * page is marked as one with a hardware error: the kernel answers any fault
 * that finds such a page in the swap cache with SIGBUS, shmem answers with
 * EIO, and the page allocator does not use it again. The fault that this load
 * is for, however, maps the page without another look: so the faulting process
 * is killed; SIGKILL comes before it executes another instruction. If the load
 * was read-ahead, that process is killed for its neighbour: rather that than
 * one which goes on with wrong data.
 *
 * Where the page is not brought in for the user code of the calling process
 * that does not work, and zswap has to BUG(): kernel threads; swapoff; reclaim,
 * which would write the page to the swap disk, where nothing marks it; system
 * calls, which would go on and, say, write the page to a file.
 *
 * Returns what the decompressor returns.
 */
static int lose_page(struct page *page, unsigned long token, int error)
{
	struct tmem_key key = slot_key(token);
	bool owner = user_fault();
	void *addr;

	count(GETS_LOST);
	pr_alert_ratelimited("SWAPPED PAGE LOST: the hypervisor does not give back page %llx/%u of pool %d (%d); %s %s[%d]\n",
			     key.oid, key.index, pool_id, error,
			     owner ? "killing" : "cannot fail a process from",
			     current->comm, task_pid_nr(current));

	addr = kmap_local_page(page);
	memset(addr, LOST_PAGE_BYTE, PAGE_SIZE);
	kunmap_local(addr);
	if (!owner || !IS_ENABLED(CONFIG_MEMORY_FAILURE))
		return -EIO;

	SetPageHWPoison(page);
	send_sig(SIGKILL, current, 1);

	return 0;
}

/* Get a page: what tmem_page_op() returns. */
static int load_page(struct page *page, struct tmem_key key)
{
	int ret = tmem_page_op(TMEM_GET_PAGE, &pool_id, key, page);

	if (likely(ret != -EFAULT))
		return ret;

	count(GETS_BOUNCED);
	spin_lock(&bounce_lock);
	ret = tmem_page_op(TMEM_GET_PAGE, &pool_id, key, bounce_page);
	if (ret == 1)
		copy_highpage(page, bounce_page);
	spin_unlock(&bounce_lock);

	return ret;
}

static int tmem_decompress(struct acomp_req *req)
{
	struct page *page = req->dst ? whole_page(req->dst, req->dlen) : NULL;
	unsigned long token;
	int ret;

	if (!page || req->slen != sizeof(token) ||
	    sg_copy_to_buffer(req->src, sg_nents(req->src), &token,
			      sizeof(token)) != sizeof(token))
		return -EINVAL;

	req->dlen = PAGE_SIZE;
	count(GETS);
	ret = load_page(page, slot_key(token));

	return ret == 1 ? 0 : lose_page(page, token, ret);
}

/* The context comes zeroed. */
static int tmem_ctx_init(struct crypto_acomp *acomp)
{
	struct tmem_ctx *ctx = crypto_tfm_ctx(crypto_acomp_tfm(acomp));

	ctx->pending = kzalloc(sizeof(*ctx->pending), GFP_KERNEL);

	return ctx->pending ? 0 : -ENOMEM;
}

/* malloc may still come for what is pending. */
static void tmem_ctx_exit(struct crypto_acomp *acomp)
{
	struct tmem_ctx *ctx = crypto_tfm_ctx(crypto_acomp_tfm(acomp));
	struct tmem_pending *unused = NULL;

	spin_lock(&pending_lock);
	if (ctx->pending->slot)
		ctx->pending->orphan = true;
	else
		unused = ctx->pending;
	spin_unlock(&pending_lock);
	kfree(unused);
}

static struct acomp_alg tmem_compressor = {
	.compress	= tmem_compress,
	.decompress	= tmem_decompress,
	.init		= tmem_ctx_init,
	.exit		= tmem_ctx_exit,
	.base = {
		.cra_name		= TMEM_NAME,
		.cra_driver_name	= TMEM_NAME "-xen",
		.cra_ctxsize		= sizeof(struct tmem_ctx),
		.cra_module		= THIS_MODULE,
	},
};

/*
 * The zpool
 */

static int tmem_malloc(void *pool, size_t size, gfp_t gfp,
		       unsigned long *handle)
{
	struct tmem_slot *slot = NULL;

	if (size == sizeof(slot->token))
		slot = pending_adopt();
	if (!slot) {
		count(WRONG_COMPRESSOR);
		pr_warn_once("zpool " TMEM_NAME " works with compressor " TMEM_NAME
			     " only: set zswap's compressor; until then pages go to disk\n");
		return -ENOSPC;
	}
	*handle = (unsigned long)slot;

	return 0;
}

static void tmem_free(void *pool, unsigned long handle)
{
	gather_slot(handle);
}

static void *tmem_map(void *pool, unsigned long handle, enum zpool_mapmode mm)
{
	return (struct tmem_slot *)handle;
}

static void tmem_unmap(void *pool, unsigned long handle)
{
}

static void tmem_zpool_destroy(void *pool)
{
}

/* What the pages cost the guest: zswap compares it with its limit. */
static u64 tmem_total_bytes(void)
{
	return atomic_long_read(&stored_pages) * sizeof(struct tmem_slot);
}

/*
 * All zpools share the hypervisor's pool: slots are unique anyway. Between
 * Debian's two kernels, 6.1 and 6.12, the interface changed in steps.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
static void *tmem_zpool_create(const char *name, gfp_t gfp)
#else
static void *tmem_zpool_create(const char *name, gfp_t gfp,
			       const struct zpool_ops *ops, struct zpool *zpool)
#endif
{
	return &pool_id;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
static u64 tmem_total_pages(void *pool)
{
	return DIV_ROUND_UP(tmem_total_bytes(), PAGE_SIZE);
}
#else
static u64 tmem_total_size(void *pool)
{
	return tmem_total_bytes();
}
#endif

/*
 * No shrink: the hypervisor keeps persistent pages. sleep_mapped spares zswap
 * a copy of the token, whose allocation could fail.
 */
static struct zpool_driver tmem_zpool = {
	.type		= TMEM_NAME,
	.owner		= THIS_MODULE,
	.create		= tmem_zpool_create,
	.destroy	= tmem_zpool_destroy,
	.malloc		= tmem_malloc,
	.free		= tmem_free,
	.sleep_mapped	= true,
	.map		= tmem_map,
	.unmap		= tmem_unmap,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	.total_pages	= tmem_total_pages,
#else
	.total_size	= tmem_total_size,
#endif
};

/*
 * Statistics, init, exit
 */

static int stats_show(struct seq_file *m, void *unused)
{
	int stat, cpu;

	gather_flush();
	for (stat = 0; stat < NR_TMEM_STATS; stat++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu)
			sum += per_cpu(tmem_stats, cpu)[stat];
		seq_printf(m, "%s %lu\n", stat_names[stat], sum);
	}
	seq_printf(m, "pages %ld\n", atomic_long_read(&stored_pages));
	seq_printf(m, "strays %u\n", nr_strays());
	seq_printf(m, "pool %d\n", pool_id);
	seq_printf(m, "pools_lost %u\n", pools_lost);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static void free_bounce_and_slots(void)
{
	if (bounce_page)
		__free_page(bounce_page);
	kmem_cache_destroy(slot_cache);
}

static int __init tmem_init(void)
{
	int ret;

	if (!xen_domain()) {
		pr_err("this is not a Xen guest\n");
		return -ENODEV;
	}

	slot_cache = KMEM_CACHE(tmem_slot, 0);
	if (!slot_cache)
		return -ENOMEM;
	bounce_page = alloc_page(GFP_KERNEL);
	ret = bounce_page ? pool_init(true) : -ENOMEM;
	if (ret)
		goto no_pool;
	ret = crypto_register_acomp(&tmem_compressor);
	if (ret) {
		pr_err("cannot register the compressor (%d)\n", ret);
		goto no_compressor;
	}
	zpool_register_driver(&tmem_zpool);

	debugfs_dir = debugfs_create_dir(TMEM_NAME, NULL);
	debugfs_create_file("stats", 0444, debugfs_dir, NULL, &stats_fops);
	pr_info("persistent pool %d of a %s guest is there: set zswap's zpool and compressor to " TMEM_NAME "\n",
		pool_id, xen_pv_domain() ? "PV" : "PVH or HVM");

	return 0;

no_compressor:
	pool_exit();
no_pool:
	free_bounce_and_slots();
	return ret;
}

/*
 * zswap holds the module as long as it uses it: all slots are free by now, and
 * nobody can ask for a stray any more.
 */
static void __exit tmem_exit(void)
{
	struct tmem_pending *p, *next;

	debugfs_remove_recursive(debugfs_dir);
	zpool_unregister_driver(&tmem_zpool);
	crypto_unregister_acomp(&tmem_compressor);
	list_for_each_entry_safe(p, next, &pending_list, node) {
		list_del(&p->node);
		gather_slot(p->slot->token);
		kfree(p);
	}
	gather_exit();
	WARN_ON(atomic_long_read(&stored_pages));
	pool_exit();
	free_bounce_and_slots();
}

module_init(tmem_init);
module_exit(tmem_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("zswap back end: Xen transcendent memory");
MODULE_VERSION("1.0");
MODULE_ALIAS("zpool-" TMEM_NAME);
MODULE_ALIAS_CRYPTO(TMEM_NAME);
