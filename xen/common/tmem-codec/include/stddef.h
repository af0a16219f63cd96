/* SPDX-License-Identifier: GPL-2.0-only */
/* What the codecs want of a C library, in Xen. */
#include <xen/types.h>
