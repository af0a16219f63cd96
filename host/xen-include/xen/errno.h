/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_ERRNO_H
#define XENHOST_XEN_ERRNO_H

/* What guests see equals Linux's numbers; so does all else but the names. */
#include <linux/errno.h>

#ifndef ERESTART
#define ERESTART 85
#endif

#endif /* XENHOST_XEN_ERRNO_H */
