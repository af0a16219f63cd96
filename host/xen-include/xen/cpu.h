/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_CPU_H
#define XENHOST_XEN_CPU_H

/*
 * CPUs come and go by xenhost_cpu_online() and xenhost_cpu_offline(), and all go
 * when the host stops.
 */
#include <xen/cpumask.h>
#include <xen/notifier.h>

#define CPU_UP_PREPARE  1
#define CPU_UP_CANCELED 2
#define CPU_ONLINE      4
#define CPU_DEAD        8

void register_cpu_notifier(struct notifier_block *nb);

#endif /* XENHOST_XEN_CPU_H */
