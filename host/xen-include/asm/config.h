/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_CONFIG_H
#define XENHOST_ASM_CONFIG_H

#include <xen/config.h>

#endif /* XENHOST_ASM_CONFIG_H */
