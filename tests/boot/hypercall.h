/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hypercall.h - tmem's hypercalls from a program in a guest
 *
 * For root in a domain under Linux, by way of /dev/xen/privcmd. Results are
 * the hypervisor's own: negative ones are error numbers of Xen.
 */
#ifndef TESTS_BOOT_HYPERCALL_H
#define TESTS_BOOT_HYPERCALL_H

#include <stdint.h>

#include <xenhost.h>

/*
 * Open the device, and make a page of this process ready for puts and gets.
 * NULL when all is well, else what is wrong.
 */
const char *hypercall_init(void);

/* That page, and the frame number by which the hypervisor knows it. */
void *hypercall_page(void);
xen_pfn_t hypercall_frame(void);

/* The guest's operation; NULL is passed on. */
long hypercall_tmem_op(struct tmem_op *op);

/* A control operation; only dom0 may. */
long hypercall_tmem_control(struct xen_sysctl_tmem_op *op);

#endif /* TESTS_BOOT_HYPERCALL_H */
