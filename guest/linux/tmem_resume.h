/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_resume.h - a guest is resumed, and may be another one's copy
 *
 * A module that includes this has a tmem_resume(), and registers tmem_syscore.
 * It is called by the only CPU that runs, with interrupts off. No locking.
 */
#ifndef TMEM_RESUME_H
#define TMEM_RESUME_H

#include <linux/syscore_ops.h>

static void tmem_resume(void);

/* Of stock kernels' hooks, the one that is called before anything else runs. */
#ifdef HAVE_REGISTER_SYSCORE
static void tmem_syscore_resume(void *unused)
{
	tmem_resume();
}

static const struct syscore_ops tmem_syscore_ops = {
	.resume = tmem_syscore_resume,
};

static struct syscore tmem_syscore = {
	.ops = &tmem_syscore_ops,
};
#else
static struct syscore_ops tmem_syscore = {
	.resume = tmem_resume,
};
#define register_syscore(syscore)	register_syscore_ops(syscore)
#define unregister_syscore(syscore)	unregister_syscore_ops(syscore)
#endif

#endif /* TMEM_RESUME_H */
