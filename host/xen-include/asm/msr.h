/* SPDX-License-Identifier: GPL-2.0-only */
/* rdtsc(), as in Xen. */
#include <xen/time.h>
