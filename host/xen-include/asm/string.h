/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_STRING_H
#define XENHOST_ASM_STRING_H

#include <xen/string.h>

#endif /* XENHOST_ASM_STRING_H */
