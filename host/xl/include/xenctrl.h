/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenctrl.h - libxc's functions of tmem
 *
 * Stands in for Xen's header, to which tools/patches adds the same prototypes.
 */
#ifndef XENCTRL_H
#define XENCTRL_H

#include <stdint.h>

#include <public/tmem.h>

typedef struct xc_interface_core xc_interface;

int xc_tmem_control(xc_interface *xch, int32_t pool_id, uint32_t subop,
                    uint32_t cli_id, uint32_t len, uint32_t arg, void *buf);
int xc_tmem_auth(xc_interface *xch, uint32_t cli_id, const char *uuid_str,
                 int enable);

#endif /* XENCTRL_H */
