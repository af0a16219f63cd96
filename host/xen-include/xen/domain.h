/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_DOMAIN_H
#define XENHOST_XEN_DOMAIN_H

#include <xen/sched.h>

#endif /* XENHOST_XEN_DOMAIN_H */
