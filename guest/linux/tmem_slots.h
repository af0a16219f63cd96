/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_slots.h - where the pages of swap disks are: in tmem, or on the disk below
 *
 * A part of tmem-swap.c: it is included there, once. No block layer here.
 *
 * The slots of all disks, one for each page, are numbered through. A bit of each
 * says where its page is. What holds as long as nobody uses a slot twice at a time,
 * which swap never does:
 *
 *	set	the page is in tmem, or lost: then a get fails
 *	clear	it is on the disk below, or there is none. What tmem may still
 *		have of the slot is either gathered, to be flushed (tmem_gather.h),
 *		or just being put
 *
 * So no read finds what has been overwritten: a put replaces what tmem has, one that
 * is refused has it flushed, and the bit is set again only when the new page is
 * there. Who breaks the rule gets one of the pages that were written, or an error.
 *
 * stored_pages counts the slots that tmem may have a page of: before it has, so that
 * whoever begins to hibernate sees it, or it sees that (tmem_pm_event()).
 */
#ifndef TMEM_SLOTS_H
#define TMEM_SLOTS_H

#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/percpu.h>
#include <linux/vmalloc.h>

#include "tmem_gather.h"
#include "tmem_pool.h"

/* Pages in one call: of a bit each in a long, and for so long not preempted. */
#define BATCH_MAX	32

/* Slots that follow each other make one object of the pool. */
#define OBJECT_SHIFT	9

enum tmem_stat {
	PUTS, PUTS_REFUSED, GETS, GETS_BOUNCED, GETS_LOST, FLUSHES,
	FLUSHES_FAILED, NR_TMEM_STATS
};

static const char * const stat_names[NR_TMEM_STATS] = {
	[PUTS] = "puts",
	[PUTS_REFUSED] = "puts_refused",
	[GETS] = "gets",
	[GETS_BOUNCED] = "gets_bounced",
	[GETS_LOST] = "gets_lost",
	[FLUSHES] = "flushes",
	[FLUSHES_FAILED] = "flushes_failed",
};

static DEFINE_PER_CPU(unsigned long [NR_TMEM_STATS], tmem_stats);
static DEFINE_PER_CPU(struct tmem_vec_entry [BATCH_MAX], batch_entries);

static unsigned long *slot_stored;

/* A page of our own, for frames that Xen does not take. A leaf. */
static struct page *bounce_page;
static DEFINE_SPINLOCK(bounce_lock);

static void count_pages(enum tmem_stat stat, unsigned long nr)
{
	this_cpu_add(tmem_stats[stat], nr);
}

static struct tmem_key slot_key(unsigned long slot)
{
	struct tmem_key key = {
		.oid = slot >> OBJECT_SHIFT,
		.index = slot & ((1u << OBJECT_SHIFT) - 1),
	};

	return key;
}

static void slot_flushed(unsigned long slot, int ret)
{
	/* When frozen, the page is flushed all the same. */
	if (ret == 1 || ret == -TMEM_EFROZEN) {
		count_pages(FLUSHES, 1);
	} else {
		/* Should it still be there: the slot's next put replaces it. */
		count_pages(FLUSHES_FAILED, 1);
		pr_warn_once("flush failed (%d); flushes_failed counts more of them\n",
			     ret);
	}
	atomic_long_dec(&stored_pages);
}

/*
 * Put or get the pages of slots, at most BATCH_MAX: each has its result, that of
 * tmem_page_op(). Preemption is off.
 */
static void slots_call(u32 cmd, unsigned long first, struct page **pages,
		       int *result, unsigned int nr)
{
	struct tmem_vec_entry *entry = *this_cpu_ptr(&batch_entries);
	int ret = -ENOSYS;
	unsigned int i;

	if (nr > 1 && !no_vectors) {
		for (i = 0; i < nr; i++) {
			struct tmem_key key = slot_key(first + i);

			entry[i] = (struct tmem_vec_entry){
				.cmd = cmd,
				.oid[0] = key.oid,
				.index = key.index,
			};
		}
		ret = tmem_vector(&pool_id, entry, pages, nr);
		if (ret == -ENOSYS)
			no_vectors = true;
	}
	for (i = 0; i < nr; i++)
		if (ret == -ENOSYS)
			result[i] = tmem_page_op(cmd, &pool_id,
						 slot_key(first + i),
						 pages[i]);
		else
			result[i] = ret < 0 ? ret : entry[i].result;
}

static unsigned int try_puts(unsigned long first, struct page **pages,
			     int *result, unsigned int nr)
{
	unsigned int i;

	preempt_disable();
	if (pool_takes())
		slots_call(TMEM_PUT_PAGE, first, pages, result, nr);
	else
		for (i = 0; i < nr; i++)
			result[i] = -ENOSPC;
	preempt_enable();
	for (i = 0; i < nr && result[i] == 1; i++)
		;

	return i;
}

/*
 * Put pages into slots, at most BATCH_MAX: how many of them, from the first on, are
 * in tmem now. The others are not: they are for the disk.
 */
static unsigned int slots_put(unsigned long first, struct page **pages,
			      unsigned int nr)
{
	int result[BATCH_MAX];
	unsigned long had = 0;
	unsigned int i, done;

	for (i = 0; i < nr; i++)
		if (test_and_clear_bit(first + i, slot_stored) ||
		    gather_cancel(first + i))
			had |= BIT(i);
		else
			atomic_long_inc(&stored_pages);
	smp_mb();

	done = try_puts(first, pages, result, nr);
	/* Pages that are to be flushed may have the room. */
	if (done < nr && gather_flush())
		done += try_puts(first + done, pages + done, result + done,
				 nr - done);

	for (i = 0; i < done; i++)
		set_bit(first + i, slot_stored);
	for (; i < nr; i++)
		if (result[i] == 1 || had & BIT(i))
			gather_slot(first + i);
		else
			atomic_long_dec(&stored_pages);
	count_pages(PUTS, done);

	return done;
}

static int get_bounced(unsigned long slot, struct page *page)
{
	int ret;

	count_pages(GETS_BOUNCED, 1);
	spin_lock(&bounce_lock);
	ret = tmem_page_op(TMEM_GET_PAGE, &pool_id, slot_key(slot),
			   bounce_page);
	if (ret == 1)
		copy_highpage(page, bounce_page);
	spin_unlock(&bounce_lock);

	return ret;
}

/*
 * Get the pages of slots that are in tmem, at most BATCH_MAX. false: one of them is
 * lost, and what has been read is not to be used.
 */
static bool slots_get(unsigned long first, struct page **pages, unsigned int nr)
{
	int result[BATCH_MAX];
	unsigned int i, lost = 0;

	preempt_disable();
	slots_call(TMEM_GET_PAGE, first, pages, result, nr);
	preempt_enable();
	count_pages(GETS, nr);

	for (i = 0; i < nr; i++) {
		/* -EFAULT: the page is there, and it is the frame that is wrong. */
		if (unlikely(result[i] == -EFAULT))
			result[i] = get_bounced(first + i, pages[i]);
		if (likely(result[i] == 1))
			continue;
		lost++;
		pr_alert_once("SWAPPED PAGE LOST: the hypervisor does not give back page %lu of pool %d (%d): an I/O error for who wants it; gets_lost counts more of them\n",
			      first + i, pool_id, result[i]);
	}
	count_pages(GETS_LOST, lost);

	return !lost;
}

/* Slots are free, or are to be on the disk. */
static void slots_drop(unsigned long first, unsigned long nr)
{
	unsigned long end = first + nr, slot;

	for (slot = find_next_bit(slot_stored, end, first); slot < end;
	     slot = find_next_bit(slot_stored, end, slot + 1))
		if (test_and_clear_bit(slot, slot_stored))
			gather_slot(slot);
}

/* Is the first slot's page in tmem? And of how many of these slots is that so? */
static bool slots_run(unsigned long first, unsigned int *nr)
{
	unsigned long end = first + *nr;
	bool stored = test_bit(first, slot_stored);

	*nr = (stored ? find_next_zero_bit(slot_stored, end, first)
		      : find_next_bit(slot_stored, end, first)) - first;

	return stored;
}

static void slots_exit(void)
{
	vfree(slot_stored);
	if (bounce_page)
		__free_page(bounce_page);
}

static int __init slots_init(unsigned long nr)
{
	slot_stored = vzalloc(BITS_TO_LONGS(nr) * sizeof(long));
	bounce_page = alloc_page(GFP_KERNEL);
	if (slot_stored && bounce_page)
		return 0;

	slots_exit();
	return -ENOMEM;
}

#endif /* TMEM_SLOTS_H */
