/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem.h - the public header, by the name that it has for Xen's tools
 */
#ifndef XENHOST_XEN_TMEM_H
#define XENHOST_XEN_TMEM_H

#include <public/tmem.h>

#endif /* XENHOST_XEN_TMEM_H */
