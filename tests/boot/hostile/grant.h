/* SPDX-License-Identifier: GPL-2.0-only */
/* grant.h - a translated guest maps a frame by a grant of its own */
#ifndef GRANT_H
#define GRANT_H

#include <stdbool.h>

#include <public/xen.h>

/* Where it is mapped: above this guest's memory. */
#define GRANT_MAP_FRAME   0x70000UL

/* True when that worked; a verdict says so. */
bool grant_map_self(xen_pfn_t frame);

#endif /* GRANT_H */
