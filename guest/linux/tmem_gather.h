/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_gather.h - pages that are given up: several in one call
 *
 * A part of xen-tmem.c and of tmem-swap.c: included there, once.
 *
 * Linux gives pages up one by one, and a process that ends gives up thousands. A
 * flush takes the hypervisor less time than the way to it and back. So slots wait
 * here until there are GATHER_MAX, or a moment has passed; or somebody needs the
 * room, or wants to know what is stored. No page may get the key of one that is
 * still to be flushed: xen-tmem's slots stay allocated, and tmem-swap has one that
 * is put again leave (gather_cancel()).
 *
 * Locking: gather_lock guards gathered and nr_gathered, over the flush as well: who
 * gets it finds nothing half done. Nothing but memory's own locks is taken inside.
 */
#ifndef TMEM_GATHER_H
#define TMEM_GATHER_H

#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "tmem_pool.h"

#define GATHER_MAX	16	/* on the stack as well, 48 bytes each */
#define GATHER_DELAY	(HZ / 50)

/* The module's: the key of a slot; what becomes of it, and what flush said. */
static struct tmem_key slot_key(unsigned long token);
static void slot_flushed(unsigned long token, int ret);

static unsigned long gathered[GATHER_MAX];
static unsigned int nr_gathered;
static DEFINE_SPINLOCK(gather_lock);

/* All that is gathered, with gather_lock held. */
static void flush_gathered(void)
{
	struct tmem_vec_entry entry[GATHER_MAX];
	int ret = -ENOSYS;
	unsigned int i;

	for (i = 0; i < nr_gathered; i++) {
		struct tmem_key key = slot_key(gathered[i]);

		entry[i] = (struct tmem_vec_entry){
			.cmd = TMEM_FLUSH_PAGE,
			.oid[0] = key.oid,
			.index = key.index,
		};
	}
	if (!no_vectors)
		ret = tmem_vector(&pool_id, entry, NULL, nr_gathered);
	if (ret == -ENOSYS)
		no_vectors = true;
	for (i = 0; i < nr_gathered; i++) {
		if (ret == -ENOSYS)
			entry[i].result = tmem_page_op(TMEM_FLUSH_PAGE,
						       &pool_id,
						       slot_key(gathered[i]),
						       NULL);
		else if (ret < 0)
			entry[i].result = ret;
		slot_flushed(gathered[i], entry[i].result);
	}
	/* Who sees this without the lock sees what was flushed before. */
	smp_store_release(&nr_gathered, 0);
}

static bool gather_flush(void)
{
	bool any;

	spin_lock(&gather_lock);
	any = nr_gathered;
	if (any)
		flush_gathered();
	spin_unlock(&gather_lock);

	return any;
}

static void gather_late(struct work_struct *unused)
{
	gather_flush();
}

static DECLARE_DELAYED_WORK(gather_work, gather_late);

/* This slot's page is to be flushed. */
static void gather_slot(unsigned long token)
{
	unsigned int nr;

	spin_lock(&gather_lock);
	gathered[nr_gathered] = token;
	nr = nr_gathered + 1;
	smp_store_release(&nr_gathered, nr);
	if (nr == GATHER_MAX)
		flush_gathered();
	spin_unlock(&gather_lock);

	if (nr == 1)
		schedule_delayed_work(&gather_work, GATHER_DELAY);
}

/*
 * This slot gets another page: the old one is not flushed any more, if it was to
 * be (true). Whoever gave it up has told the caller somehow, with a barrier.
 */
static inline bool gather_cancel(unsigned long token)
{
	unsigned int i;
	bool found = false;

	if (!smp_load_acquire(&nr_gathered))
		return false;

	spin_lock(&gather_lock);
	for (i = 0; i < nr_gathered && !found; i++)
		if (gathered[i] == token) {
			found = true;
			gathered[i] = gathered[nr_gathered - 1];
			smp_store_release(&nr_gathered, nr_gathered - 1);
		}
	spin_unlock(&gather_lock);

	return found;
}

/* Nothing is gathered any more: flush the rest. */
static void gather_exit(void)
{
	cancel_delayed_work_sync(&gather_work);
	gather_flush();
}

#endif /* TMEM_GATHER_H */
