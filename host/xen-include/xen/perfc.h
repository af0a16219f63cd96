/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PERFC_H
#define XENHOST_XEN_PERFC_H

#include <xen/config.h>

#endif /* XENHOST_XEN_PERFC_H */
