/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_STDARG_H
#define XENHOST_XEN_STDARG_H

#include <stdarg.h>

#endif /* XENHOST_XEN_STDARG_H */
