/* SPDX-License-Identifier: GPL-2.0-only */
/* What the codecs want of a C library, in Xen: nothing. */
#define assert(condition) ((void)0)
