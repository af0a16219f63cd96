/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_blocks.h - the blocks of a target that are in its pool
 *
 * A part of dm-tmem.c: it is included there, once.
 *
 * One bit a block: a clear one means that the pool does not hold it. Every
 * failure of tmem is a miss. If a flush fails the pool goes, and another is
 * taken; if it can't be destroyed, the target stays off.
 *
 * When the guest is resumed, maybe elsewhere, all is forgotten, by the only CPU
 * that runs, before anybody else does. Ids are the guest's: after a restore
 * without its pools, another client may have got the id that was ours. It is
 * destroyed only if it is an ephemeral pool, which no other client here takes.
 *
 * Locking: the bucket's lock, then pool_lock of the target for reading: while
 * it is held, the pool is the same one. Both with interrupts off. targets_lock
 * guards the list of targets; a leaf. Who holds any of them is not preempted, so
 * none is held while the guest is suspended.
 */
#ifndef TMEM_BLOCKS_H
#define TMEM_BLOCKS_H

#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/xxhash.h>

#include "tmem_call.h"
#include "tmem_notes.h"
#include "tmem_resume.h"
#include "tmem_writes.h"

/* Spec version 1, pages of 4 KiB, ephemeral. */
#define TMEM_EPHEMERAL_POOL	0x01000000u
#define TMEM_SHARED_POOL	0x00000002u
/* The pool holds nothing at all. */
#define TMEM_EEMPTY		1001

enum tmem_count {
	PUTS, REFUSED, GETS, HITS, FLUSHES, NOTES, WRITTEN, CHANGED, POOLS,
	COMPARED, DIFFER, LATE, NR_COUNTS
};

static const char *const count_names[NR_COUNTS] = {
	[PUTS] = "puts",
	[REFUSED] = "refused",
	[GETS] = "gets",
	[HITS] = "hits",
	[FLUSHES] = "flushes",
	[NOTES] = "notes",
	[WRITTEN] = "written",
	[CHANGED] = "changed",
	[POOLS] = "pools",
	[COMPARED] = "compared",
	[DIFFER] = "differ",
	[LATE] = "late",
};

struct tmem_counts {
	unsigned long nr[NR_COUNTS];
};

struct tmem_target {
	struct list_head node;		/* of targets */
	struct dm_dev *dev;
	struct block_device *above;	/* what the target makes of it */
	u64 blocks;
	unsigned long *may_hold;	/* a bit for each block */
	u32 salt;
	bool verify;
	bool shared;
	uuid_t uuid;

	rwlock_t pool_lock;		/* of all below */
	bool running;			/* the target isn't suspended */
	int pool;			/* -1: none */
	bool off;
	u64 floor;			/* what was noted before is void */
	unsigned int long_writes;	/* under way, and in no bucket */

	struct tmem_counts __percpu *counts;
};

static LIST_HEAD(targets);
static DEFINE_SPINLOCK(targets_lock);
static u64 hash_seed;

static void count(struct tmem_target *t, enum tmem_count what)
{
	this_cpu_inc(t->counts->nr[what]);
}

static u64 page_hash(struct page *page)
{
	void *bytes = kmap_local_page(page);
	u64 hash = xxh64(bytes, PAGE_SIZE, hash_seed);

	kunmap_local(bytes);

	return hash;
}

/*
 * Objects are extents of 4 MiB: different ones mostly are of different CPUs.
 * With the lock of the block's bucket, and pool_lock.
 */
static int block_op(struct tmem_target *t, u32 cmd, u64 block,
		    struct page *page)
{
	struct tmem_key key = { .oid = block >> 10, .index = block & 1023 };

	return tmem_page_op(cmd, &t->pool, key, page);
}

static int new_pool(const struct tmem_target *t)
{
	struct tmem_request req = {
		.cmd = TMEM_NEW_POOL,
		.u.creat.flags = TMEM_EPHEMERAL_POOL,
	};

	if (t->shared) {
		req.u.creat.flags |= TMEM_SHARED_POOL;
		memcpy(req.u.creat.uuid, &t->uuid, sizeof(t->uuid));
	}

	return tmem_call(&req);
}

/* With pool_lock for writing. */
static void drop_pool(struct tmem_target *t)
{
	if (t->pool >= 0 && tmem_destroy_pool(t->pool) < 0)
		t->off = true;
	t->pool = -1;
}

/* With pool_lock for writing: forget all that was noted or put. */
static void renew_pool(struct tmem_target *t)
{
	t->floor = clock_next();
	drop_pool(t);
	if (t->off)
		return;
	t->pool = max(new_pool(t), -1);
	count(t, POOLS);
}

static void renew_pool_lock(struct tmem_target *t)
{
	unsigned long flags;

	write_lock_irqsave(&t->pool_lock, flags);
	renew_pool(t);
	write_unlock_irqrestore(&t->pool_lock, flags);
}

/*
 * A range that is too long to walk: none of its blocks is put between the two,
 * and there is nothing of them in the pool.
 */
static void long_write_begin(struct tmem_target *t)
{
	unsigned long flags;

	write_lock_irqsave(&t->pool_lock, flags);
	t->long_writes++;
	renew_pool(t);
	write_unlock_irqrestore(&t->pool_lock, flags);
}

static void long_write_end(struct tmem_target *t)
{
	unsigned long flags;

	write_lock_irqsave(&t->pool_lock, flags);
	t->long_writes--;
	t->floor = clock_next();
	write_unlock_irqrestore(&t->pool_lock, flags);
}

/* With the lock of the block's bucket, and pool_lock. */
static bool block_unchanged(struct tmem_target *t, struct tmem_bucket *b,
			    u64 since)
{
	return bucket_unchanged(b, since) && !t->long_writes &&
	       t->floor <= since;
}

/* An evicted frame, and what was noted of it. Nobody can touch it. */
static void block_put(const struct tmem_note *note, struct page *page)
{
	struct tmem_target *t = note->target;
	struct tmem_bucket *b = bucket_of(t->salt, note->block);
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&b->lock, flags);
	read_lock(&t->pool_lock);
	if (t->pool < 0)
		goto out;
	if (!block_unchanged(t, b, note->sequence)) {
		count(t, WRITTEN);
		goto out;
	}
	if (page_hash(page) != note->hash) {
		count(t, CHANGED);
		goto out;
	}
	/* Before the put: nobody sees a page in the pool and a clear bit. */
	held = test_and_set_bit(note->block, t->may_hold);
	if (block_op(t, TMEM_PUT_PAGE, note->block, page) == 1) {
		count(t, PUTS);
	} else {
		count(t, REFUSED);
		if (!held)
			clear_bit(note->block, t->may_hold);
	}
out:
	read_unlock(&t->pool_lock);
	spin_unlock_irqrestore(&b->lock, flags);
}

/* Does this answer to a get say that there is no such page? */
static bool gone(int ret)
{
	return !ret || ret == -TMEM_EEMPTY || ret == -EIO;
}

/* Get a block into a page: true, or there is nothing. */
static bool block_get(struct tmem_target *t, u64 block, struct page *page)
{
	struct tmem_bucket *b = bucket_of(t->salt, block);
	unsigned long flags;
	int ret = -ENODEV;

	spin_lock_irqsave(&b->lock, flags);
	read_lock(&t->pool_lock);
	if (t->pool >= 0 && test_bit(block, t->may_hold)) {
		ret = block_op(t, TMEM_GET_PAGE, block, page);
		count(t, GETS);
		if (ret == 1)
			count(t, HITS);
		if (ret == 1 ? !t->shared : gone(ret))
			clear_bit(block, t->may_hold);
	}
	read_unlock(&t->pool_lock);
	spin_unlock_irqrestore(&b->lock, flags);

	return ret == 1;
}

/* Is what was noted of a block at this time still true? Any context. */
static bool block_still(struct tmem_target *t, u64 block, u64 since)
{
	struct tmem_bucket *b = bucket_of(t->salt, block);
	unsigned long flags;
	bool still;

	spin_lock_irqsave(&b->lock, flags);
	read_lock(&t->pool_lock);
	still = block_unchanged(t, b, since);
	read_unlock(&t->pool_lock);
	spin_unlock_irqrestore(&b->lock, flags);

	return still;
}

/* With the lock of the block's bucket. False: it may still be there. */
static bool block_flush(struct tmem_target *t, u64 block)
{
	bool done = true;
	int ret;

	read_lock(&t->pool_lock);
	if (test_and_clear_bit(block, t->may_hold) && t->pool >= 0) {
		ret = block_op(t, TMEM_FLUSH_PAGE, block, NULL);
		count(t, FLUSHES);
		/* When frozen, it is flushed all the same. */
		done = ret == 1 || ret == -TMEM_EFROZEN;
	}
	read_unlock(&t->pool_lock);

	return done;
}

/*
 * A pool is ephemeral if what is got from it leaves it: of the clients in this
 * guest, only this one takes such.
 */
static bool pool_is_ours(const struct tmem_target *t, struct page *page)
{
	/* No block's, and no other client's: beyond all that can be stored. */
	static const struct tmem_key key = { .oid = ~0ULL, .index = 1 };
	bool ours;

	if (t->shared ||
	    tmem_page_op(TMEM_PUT_PAGE, &t->pool, key, page) != 1)
		return false;
	ours = tmem_page_op(TMEM_GET_PAGE, &t->pool, key, page) == 1 &&
	       tmem_page_op(TMEM_GET_PAGE, &t->pool, key, page) != 1;
	if (!ours)
		tmem_page_op(TMEM_FLUSH_PAGE, &t->pool, key, NULL);

	return ours;
}

static struct page *resume_page;

/* On the only CPU that runs, with interrupts off: nobody holds a lock. */
static void tmem_resume(void)
{
	struct tmem_target *t;

	/* All old ones go first: a new one may get the id of an old one. */
	list_for_each_entry(t, &targets, node) {
		if (t->pool < 0)
			continue;
		if (pool_is_ours(t, resume_page))
			drop_pool(t);
		t->pool = -1;
	}
	list_for_each_entry(t, &targets, node)
		if (t->running)
			renew_pool(t);
}

static int __init blocks_init(void)
{
	resume_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!resume_page)
		return -ENOMEM;
	get_random_bytes(&hash_seed, sizeof(hash_seed));
	register_syscore(&tmem_syscore);

	return 0;
}

static void blocks_exit(void)
{
	unregister_syscore(&tmem_syscore);
	__free_page(resume_page);
}

#endif /* TMEM_BLOCKS_H */
