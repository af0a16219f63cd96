/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_DOMAIN_H
#define XENHOST_ASM_DOMAIN_H

#include <xen/sched.h>

#endif /* XENHOST_ASM_DOMAIN_H */
