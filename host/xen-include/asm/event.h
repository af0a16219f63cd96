/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_EVENT_H
#define XENHOST_ASM_EVENT_H

#include <xen/event.h>

#endif /* XENHOST_ASM_EVENT_H */
