/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_CPU_H
#define XENHOST_XEN_CPU_H

#include <xen/cpumask.h>

#endif /* XENHOST_XEN_CPU_H */
