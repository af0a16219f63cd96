/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_pool.h - the pool of a module, over suspend and hibernation
 *
 * A part of xen-tmem.c and of tmem-swap.c: included there, once. Each has a pool
 * of its own.
 *
 * Suspended, and resumed elsewhere
 *
 * The toolstack carries the pool along. Whether it has is looked up before
 * anybody else runs again, by the witness: a page of the pool with a number
 * that nobody else knows. It is there before any other page, at a key which no
 * slot has. Found twice with that number, the pool is ours and persistent. Else
 * another pool is taken: in this one pages would be lost, or get mixed up with
 * somebody else's.
 *
 * Hibernation ends the domain, and its pages with it. It is refused while there
 * are any, and there come none until it is over.
 *
 * The pool becomes another only while nothing else runs, and no CPU is where it
 * may not be preempted: so whoever reads its id there has the right one
 * (tmem_page_op()).
 */
#ifndef TMEM_POOL_H
#define TMEM_POOL_H

#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>

#include "tmem_call.h"
#include "tmem_resume.h"

/*
 * Guards changes of the id and of witness_stored, but those after a suspend. A
 * leaf; never left to another task, so that none is inside during a suspend.
 */
static DEFINE_RAW_SPINLOCK(pool_lock);

/* Below 0: there is none, and Xen refuses everything. */
static int pool_id = -1;
static unsigned int pools_lost;

/* With those that are about to be stored. */
static atomic_long_t stored_pages = ATOMIC_LONG_INIT(0);

/* No slot's: it would lie at the end of all that can be addressed. */
static const struct tmem_key witness_key = { .oid = ~0ULL };
static struct page *witness_page;
static u64 witness_number;
static bool witness_stored;

static bool hibernating;

/* This Xen does not know vectors. Another one may, after a resume. */
static bool no_vectors;

/* The module's: what root does so that nothing is stored any more. */
static const char *how_to_stop(void);

/* In tmem_gather.h: flush what waits for that. Was there any? */
static bool gather_flush(void);

static u64 *witness_in_page(void)
{
	return page_address(witness_page);
}

/* Put the witness, if that has not been done. */
static bool witness_there(void)
{
	if (likely(READ_ONCE(witness_stored)))
		return true;

	raw_spin_lock(&pool_lock);
	if (!witness_stored)
		WRITE_ONCE(witness_stored,
			   tmem_page_op(TMEM_PUT_PAGE, &pool_id, witness_key,
					witness_page) == 1);
	raw_spin_unlock(&pool_lock);

	return witness_stored;
}

/*
 * May pages be put? The caller stays where it may not be preempted until they are:
 * no suspend in between, or the witness would be another pool's.
 */
static bool pool_takes(void)
{
	return READ_ONCE(pool_id) >= 0 && !READ_ONCE(hibernating) &&
	       witness_there();
}

/* Put a page, behind the witness: what tmem_page_op() returns. */
static inline int pool_put(struct tmem_key key, struct page *page)
{
	int ret = -ENOSPC;

	preempt_disable();
	if (pool_takes())
		ret = tmem_page_op(TMEM_PUT_PAGE, &pool_id, key, page);
	preempt_enable();

	return ret;
}

/*
 * Is it in the pool? -EIO and -EFAULT are about a page that is there: that one
 * has been hit by a memory error, or the frame here has.
 */
static bool witness_found(void)
{
	int ret;

	*witness_in_page() = 0;
	ret = tmem_page_op(TMEM_GET_PAGE, &pool_id, witness_key, witness_page);
	if (ret == 1)
		ret = *witness_in_page() == witness_number;
	*witness_in_page() = witness_number;

	return ret == 1 || ret == -EIO || ret == -EFAULT;
}

static const char *why_no_pool(int error)
{
	switch (error) {
	case -ENOSYS:
		return "this Xen is built without tmem";
	case -ENODEV:
		return "tmem is off: boot Xen with option tmem=1";
	case -EPERM:
		return "this guest may not use tmem, or has 16 pools already";
	case -ENOMEM:
		return "Xen has no memory";
	default:
		return "unexpected answer of Xen";
	}
}

/* Take a pool, unless there is one: 0, or -errno. */
static int take_pool(void)
{
	int ret;

	raw_spin_lock(&pool_lock);
	ret = pool_id >= 0 ? pool_id : tmem_new_pool();
	WRITE_ONCE(pool_id, ret < 0 ? -1 : ret);
	raw_spin_unlock(&pool_lock);
	if (ret >= 0)
		return 0;
	pr_err("no tmem: %s (%d)\n", why_no_pool(ret), ret);

	return ret;
}

/*
 * After a suspend, on the only CPU that runs, with interrupts off; also when
 * the suspend was cancelled.
 */
static void tmem_resume(void)
{
	long pages = atomic_long_read(&stored_pages);
	bool ours = witness_stored && witness_found();

	no_vectors = false;
	/* What is got from an ephemeral pool is there no more. */
	if (ours && witness_found())
		return;

	if (witness_stored) {
		pools_lost++;
		if (pages)
			pr_alert("%ld SWAPPED PAGES LOST: pool %d has not come along with this guest; processes that want them back will be killed\n",
				 pages, pool_id);
	}
	/* Somebody else's is left alone; what was never used begins anew. */
	if (pool_id >= 0 && (ours || !witness_stored))
		tmem_destroy_pool(pool_id);
	WRITE_ONCE(pool_id, -1);
	witness_stored = false;
	if (!take_pool())
		pr_info("pool %d is used from now on\n", pool_id);
}

static int tmem_pm_event(struct notifier_block *nb, unsigned long event,
			 void *unused)
{
	long pages = 0;

	switch (event) {
	case PM_HIBERNATION_PREPARE:
		/* What is stored now is counted here, or sees it: slot_alloc(). */
		WRITE_ONCE(hibernating, true);
		smp_mb();
		gather_flush();
		pages = atomic_long_read(&stored_pages);
		if (!pages)
			break;
		pr_err("no hibernation: %ld pages in tmem would be lost; %s, and try again\n",
		       pages, how_to_stop());
		fallthrough;
	case PM_POST_HIBERNATION:
		WRITE_ONCE(hibernating, false);
	}

	return notifier_from_errno(pages ? -EBUSY : 0);
}

static struct notifier_block tmem_pm_notifier = {
	.notifier_call = tmem_pm_event,
};

/*
 * Take the first pool: 0, or -errno, with a line that says why. That comes
 * last: so there is no pool that a suspend could miss. Where none is required,
 * there may be one after a suspend.
 */
static int __init pool_init(bool required)
{
	int ret;

	witness_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!witness_page)
		return -ENOMEM;
	/* An empty page is no witness. */
	get_random_bytes(&witness_number, sizeof(witness_number));
	witness_number |= 1;
	*witness_in_page() = witness_number;

	ret = register_pm_notifier(&tmem_pm_notifier);
	if (ret)
		goto no_notifier;
	register_syscore(&tmem_syscore);
	ret = take_pool();
	if (!ret || !required)
		return 0;

	unregister_syscore(&tmem_syscore);
	unregister_pm_notifier(&tmem_pm_notifier);
no_notifier:
	__free_page(witness_page);
	return ret;
}

static void pool_exit(void)
{
	unregister_syscore(&tmem_syscore);
	unregister_pm_notifier(&tmem_pm_notifier);
	if (pool_id >= 0)
		tmem_destroy_pool(pool_id);
	__free_page(witness_page);
}

#endif /* TMEM_POOL_H */
