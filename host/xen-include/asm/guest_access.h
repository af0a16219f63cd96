/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_GUEST_ACCESS_H
#define XENHOST_ASM_GUEST_ACCESS_H

#include <xen/guest_access.h>

#endif /* XENHOST_ASM_GUEST_ACCESS_H */
