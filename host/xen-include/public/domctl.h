/* SPDX-License-Identifier: GPL-2.0-only */
#include_next <xen/domctl.h>
