/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_save.c - to be written
 */
#include <xen/errno.h>
#include <xen/tmem_save.h>

int tmem_save_check(const struct xen_sysctl_tmem_op *op)
{
    return 0;
}

long tmem_save_control(struct domain *d, struct xen_sysctl_tmem_op *op)
{
    return -ENOSYS;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
