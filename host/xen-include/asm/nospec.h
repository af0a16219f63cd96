/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_NOSPEC_H
#define XENHOST_ASM_NOSPEC_H

#include <xen/nospec.h>

#endif /* XENHOST_ASM_NOSPEC_H */
