/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxl.h - as much of libxl's interface as the tmem commands need
 *
 * Stands in for Xen's header; prototypes and values are its own.
 */
#ifndef LIBXL_H
#define LIBXL_H

#include <stdint.h>

typedef struct libxl__ctx libxl_ctx;

#define INVALID_DOMID ~0

enum {
    ERROR_NI = -2,
    ERROR_FAIL = -3,
    ERROR_NOMEM = -5,
    ERROR_INVAL = -6,
    ERROR_NOT_READY = -11,
    ERROR_DOMAIN_NOTFOUND = -27
};

char *libxl_tmem_list(libxl_ctx *ctx, uint32_t domid, int use_long);
int libxl_tmem_freeze(libxl_ctx *ctx, uint32_t domid);
int libxl_tmem_thaw(libxl_ctx *ctx, uint32_t domid);
int libxl_tmem_set(libxl_ctx *ctx, uint32_t domid, char *name, uint32_t set);
int libxl_tmem_shared_auth(libxl_ctx *ctx, uint32_t domid, char *uuid,
                           int auth);
int libxl_tmem_freeable(libxl_ctx *ctx);

#endif /* LIBXL_H */
