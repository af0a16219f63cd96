/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_TIME_H
#define XENHOST_ASM_TIME_H

#include <xen/time.h>

#endif /* XENHOST_ASM_TIME_H */
