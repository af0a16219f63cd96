/* SPDX-License-Identifier: GPL-2.0-only */
#include <public/xen.h>
#include_next <xen/sysctl.h>
