/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_INTTYPES_H
#define XENHOST_XEN_INTTYPES_H

#include <inttypes.h>

#endif /* XENHOST_XEN_INTTYPES_H */
