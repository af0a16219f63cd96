/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxl_utils.h - stands in for libxl's
 */
#ifndef LIBXL_UTILS_H
#define LIBXL_UTILS_H

#include <libxl.h>

/* To be freed; NULL if it has none. */
char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid);

#endif /* LIBXL_UTILS_H */
