/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_writes.h - which blocks are being written, and when they last were
 *
 * A part of dm-tmem.c: it is included there, once.
 *
 * Time is a counter. It moves when a write is submitted, and again when it has
 * ended. A bucket has the time that it last moved for one of its blocks, and
 * how many writes to them are under way. Blocks share buckets: then one seems
 * to have been written as the other was, which costs a put and is never wrong.
 *
 * The table is as large as memory tells, whatever the number of targets, and
 * neighbours are in different buckets.
 *
 * Locking: a bucket's lock is held over all that is done to a block in the pool,
 * so that a put comes wholly before a write's submission, or sees it.
 */
#ifndef TMEM_WRITES_H
#define TMEM_WRITES_H

#include <linux/atomic.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

struct tmem_bucket {
	spinlock_t lock;
	u32 in_flight;
	u64 last;
};

#define FRAMES_PER_BUCKET	8
#define MIN_BUCKETS		1024
#define MAX_BUCKETS		65536

static struct tmem_bucket *buckets;
static unsigned int nr_buckets;		/* a power of 2 */
static atomic64_t write_clock;

static u64 clock_now(void)
{
	return atomic64_read(&write_clock);
}

static u64 clock_next(void)
{
	return atomic64_inc_return(&write_clock);
}

/* salt sets targets apart. */
static struct tmem_bucket *bucket_of(u32 salt, u64 block)
{
	return &buckets[(salt + block) & (nr_buckets - 1)];
}

/* With its lock: a write is submitted, at this time. */
static void bucket_begin(struct tmem_bucket *b, u64 now)
{
	b->in_flight++;
	b->last = now;
}

/*
 * With its lock: the write that was submitted at time "since" has ended. True:
 * it was the only one to these blocks.
 */
static bool bucket_end(struct tmem_bucket *b, u64 since, u64 now)
{
	bool alone = b->in_flight == 1 && b->last == since;

	b->in_flight--;
	b->last = now;

	return alone;
}

/* With its lock: nothing has been written since, nor is it now. */
static bool bucket_unchanged(const struct tmem_bucket *b, u64 since)
{
	return !b->in_flight && b->last <= since;
}

static int __init writes_init(void)
{
	unsigned int i;

	nr_buckets = clamp_t(unsigned long, totalram_pages() / FRAMES_PER_BUCKET,
			     MIN_BUCKETS, MAX_BUCKETS);
	nr_buckets = rounddown_pow_of_two(nr_buckets);
	buckets = vzalloc(array_size(nr_buckets, sizeof(*buckets)));
	if (!buckets)
		return -ENOMEM;
	for (i = 0; i < nr_buckets; i++)
		spin_lock_init(&buckets[i].lock);

	return 0;
}

static void writes_exit(void)
{
	vfree(buckets);
}

#endif /* TMEM_WRITES_H */
