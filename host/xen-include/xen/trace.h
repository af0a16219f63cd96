/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_TRACE_H
#define XENHOST_XEN_TRACE_H

#include <xen/config.h>

#endif /* XENHOST_XEN_TRACE_H */
