/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_SMP_H
#define XENHOST_XEN_SMP_H

#include <xen/cpumask.h>
#include <asm/current.h>

#endif /* XENHOST_XEN_SMP_H */
