/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxl_internal.h - as much of libxl as libxl_tmem.c needs
 *
 * Stands in for the header of that name in Xen's tools/libs/light.
 */
#ifndef LIBXL_INTERNAL_H
#define LIBXL_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libxl.h>
#include <xenctrl.h>

struct libxl__ctx {
    xc_interface *xch;
};

typedef struct libxl__ctx libxl__gc;

#define GC_INIT(ctx) libxl__gc *gc = (ctx)
#define GC_FREE ((void)gc)

#define CTX gc

#define LOGED(level, domid, ...) ((void)gc, (void)(domid))
#define LOGD LOGED

int libxl__tmem_colo_start(libxl__gc *gc, uint32_t domid, bool *frozen);
void libxl__tmem_colo_end(libxl__gc *gc, uint32_t domid, bool frozen);
void libxl__tmem_save_end(libxl__gc *gc, uint32_t domid);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif /* LIBXL_INTERNAL_H */
