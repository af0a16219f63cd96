/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_gather.h - pages that are given up: several in one call
 *
 * A part of xen-tmem.c: it is included there, once.
 *
 * zswap gives pages up one by one, and a process that ends gives up thousands.
 * A flush takes the hypervisor less time than the way to it and back. So slots
 * wait here until there are GATHER_MAX, or a moment has passed; or somebody
 * needs the room, or wants to know what is stored. They stay allocated, so no
 * page gets the key of one that is still to be flushed.
 *
 * Locking: gather_lock guards gathered and nr_gathered; a leaf.
 */
#ifndef TMEM_GATHER_H
#define TMEM_GATHER_H

#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "tmem_pool.h"

#define GATHER_MAX	16	/* on the stack as well, 48 bytes each */
#define GATHER_DELAY	(HZ / 50)

/* In xen-tmem.c: the key of a slot; what becomes of it, and what flush said. */
static struct tmem_key slot_key(unsigned long token);
static void slot_flushed(unsigned long token, int ret);

static unsigned long gathered[GATHER_MAX];
static unsigned int nr_gathered;
static DEFINE_SPINLOCK(gather_lock);

static void flush_slots(const unsigned long *tokens, unsigned int nr)
{
	struct tmem_vec_entry entry[GATHER_MAX];
	int ret = -ENOSYS;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct tmem_key key = slot_key(tokens[i]);

		entry[i] = (struct tmem_vec_entry){
			.cmd = TMEM_FLUSH_PAGE,
			.oid[0] = key.oid,
			.index = key.index,
		};
	}
	if (!no_vectors)
		ret = tmem_vector(&pool_id, entry, nr);
	if (ret == -ENOSYS)
		no_vectors = true;
	for (i = 0; i < nr; i++) {
		if (ret == -ENOSYS)
			entry[i].result = tmem_page_op(TMEM_FLUSH_PAGE,
						       &pool_id,
						       slot_key(tokens[i]),
						       NULL);
		else if (ret < 0)
			entry[i].result = ret;
		slot_flushed(tokens[i], entry[i].result);
	}
}

static bool gather_flush(void)
{
	unsigned long tokens[GATHER_MAX];
	unsigned int nr;

	spin_lock(&gather_lock);
	nr = nr_gathered;
	memcpy(tokens, gathered, sizeof(tokens));
	nr_gathered = 0;
	spin_unlock(&gather_lock);
	if (nr)
		flush_slots(tokens, nr);

	return nr;
}

static void gather_late(struct work_struct *unused)
{
	gather_flush();
}

static DECLARE_DELAYED_WORK(gather_work, gather_late);

/* This slot's page is to be flushed. */
static void gather_slot(unsigned long token)
{
	unsigned long tokens[GATHER_MAX];
	unsigned int nr;

	spin_lock(&gather_lock);
	gathered[nr_gathered++] = token;
	nr = nr_gathered;
	if (nr == GATHER_MAX) {
		memcpy(tokens, gathered, sizeof(tokens));
		nr_gathered = 0;
	}
	spin_unlock(&gather_lock);

	if (nr == GATHER_MAX)
		flush_slots(tokens, nr);
	else if (nr == 1)
		schedule_delayed_work(&gather_work, GATHER_DELAY);
}

/* Nothing is gathered any more: flush the rest. */
static void gather_exit(void)
{
	cancel_delayed_work_sync(&gather_work);
	gather_flush();
}

#endif /* TMEM_GATHER_H */
