/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_NOTIFIER_H
#define XENHOST_XEN_NOTIFIER_H

struct notifier_block {
    int (*notifier_call)(struct notifier_block *nb, unsigned long action,
                         void *arg);
    struct notifier_block *next;
    int priority;
};

#define NOTIFY_DONE 0

#endif /* XENHOST_XEN_NOTIFIER_H */
