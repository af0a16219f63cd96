// SPDX-License-Identifier: GPL-2.0-only
/*
 * balloon-oom.c - a guest that is out of memory asks for some of its own back
 *
 * Xen's balloon does not deflate on OOM. Before the kernel kills a process, this
 * raises the balloon's target by 32 MiB, waits for up to a second, and says how
 * many pages have come: if there are any, nobody is killed.
 *
 * limit_kb   the target is never raised above it: what it was when the module
 *            was loaded, or what selfballoon says since
 * raised     how often it was raised, and what to at last, in KiB: selfballoon
 *            does not take that for the host's word
 *
 * The notifier runs with the kernel's oom_lock held, so it never runs twice at a
 * time. Others that set the target (the host, selfballoon) may do so meanwhile,
 * and the last one counts; selfballoon sees it a second later.
 */
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <xen/balloon.h>
#include <xen/xen.h>

#define STEP_PAGES  (32UL << (20 - PAGE_SHIFT))
#define WAIT_MS     1000
#define LOOK_MS     10
#define KIB(pages)  ((pages) << (PAGE_SHIFT - 10))

static unsigned long limit_kb;
module_param(limit_kb, ulong, 0644);
MODULE_PARM_DESC(limit_kb, "the target is not raised above this, in KiB");

static unsigned long raises, raised_to_kb;

static int raised_get(char *buf, const struct kernel_param *kp)
{
	return sprintf(buf, "%lu %lu\n", READ_ONCE(raises),
		       READ_ONCE(raised_to_kb));
}

static const struct kernel_param_ops raised_ops = { .get = raised_get };
module_param_cb(raised, &raised_ops, NULL, 0444);
MODULE_PARM_DESC(raised, "how often the target was raised, and what to");

/* The balloon may be at it already: then there is only to wait for it. */
static void raise_target(unsigned long pages)
{
	if (pages <= READ_ONCE(balloon_stats.target_pages))
		return;
	/* First said, then done: see selfballoon's files_sample(). */
	WRITE_ONCE(raised_to_kb, KIB(pages));
	WRITE_ONCE(raises, raises + 1);
	smp_wmb();
	balloon_set_new_target(pages);
}

static int out_of_memory_notify(struct notifier_block *nb, unsigned long unused,
				void *freed)
{
	unsigned long had = READ_ONCE(balloon_stats.current_pages), has = had;
	unsigned long want = min(had + STEP_PAGES,
				 READ_ONCE(limit_kb) >> (PAGE_SHIFT - 10));
	unsigned int ms;

	if (want <= had)
		return NOTIFY_DONE;
	raise_target(want);
	for (ms = 0; has < want && ms < WAIT_MS; ms += LOOK_MS) {
		msleep(LOOK_MS);
		has = READ_ONCE(balloon_stats.current_pages);
	}
	if (has > had)
		*(unsigned long *)freed += has - had;
	pr_info_ratelimited("balloon_oom: out of memory: %lu of %lu KiB came\n",
			    has > had ? KIB(has - had) : 0, KIB(want - had));

	return NOTIFY_OK;
}

static struct notifier_block notifier = {
	.notifier_call = out_of_memory_notify,
};

static int __init balloon_oom_init(void)
{
	if (!xen_domain() || xen_initial_domain()) {
		pr_err("balloon_oom: only for guests of Xen\n");
		return -ENODEV;
	}
	if (!limit_kb)
		limit_kb = KIB(balloon_stats.target_pages);

	return register_oom_notifier(&notifier);
}

static void __exit balloon_oom_exit(void)
{
	unregister_oom_notifier(&notifier);
}

module_init(balloon_oom_init);
module_exit(balloon_oom_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Xen balloon: memory back before the OOM killer comes");
