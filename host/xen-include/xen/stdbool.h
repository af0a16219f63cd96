/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_STDBOOL_H
#define XENHOST_XEN_STDBOOL_H

#include <stdbool.h>

#endif /* XENHOST_XEN_STDBOOL_H */
