/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostctl.c - what xl cannot tell or do, in dom0
 *
 *   hostctl free             free and freeable memory, in pages
 *   hostctl pages ID         pages that a domain has
 *   hostctl claim ID PAGES   claim memory for a domain to have so many; 0: none
 *   hostctl soft-reset ID    reset a domain that asked for it, and let it run
 *
 * Exit status 0, or 1 with a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__
#include <public/xen.h>
#include <public/domctl.h>
#include <public/memory.h>
#include <public/sysctl.h>

/* Linux, include/uapi/xen/privcmd.h. */
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, \
                                     sizeof(struct privcmd_hypercall))

static int hypercall2(uint64_t nr, uint64_t cmd, void *arg)
{
    struct privcmd_hypercall call = { .op = nr, .arg = { cmd, (uintptr_t)arg } };
    int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

    if ( fd < 0 || ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0 )
    {
        fprintf(stderr, "hostctl: hypercall %d: %s\n", (int)nr,
                strerror(errno));
        return 1;
    }

    return 0;
}

/* The operations that have their number in what the argument leads to. */
static int hypercall(uint64_t nr, void *arg)
{
    return hypercall2(nr, (uintptr_t)arg, NULL);
}

static int show_free(void)
{
    static struct xen_sysctl op = {
        .cmd = XEN_SYSCTL_physinfo,
        .interface_version = XEN_SYSCTL_INTERFACE_VERSION,
    };

    if ( hypercall(__HYPERVISOR_sysctl, &op) )
        return 1;
    printf("%llu %llu\n", (unsigned long long)op.u.physinfo.free_pages,
           (unsigned long long)op.u.physinfo.scrub_pages);

    return 0;
}

static struct xen_domctl dom = {
    .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
};

static int domctl(uint32_t cmd, const char *domid)
{
    dom.cmd = cmd;
    dom.domain = atoi(domid);

    return hypercall(__HYPERVISOR_domctl, &dom);
}

static int show_pages(const char *domid)
{
    if ( domctl(XEN_DOMCTL_getdomaininfo, domid) )
        return 1;
    printf("%llu\n", (unsigned long long)dom.u.getdomaininfo.tot_pages);

    return 0;
}

static int claim(const char *domid, const char *pages)
{
    static struct xen_memory_reservation claim;

    claim.domid = atoi(domid);
    claim.nr_extents = strtoul(pages, NULL, 10);

    return hypercall2(__HYPERVISOR_memory_op, XENMEM_claim_pages, &claim);
}

int main(int argc, char *argv[])
{
    if ( argc == 2 && !strcmp(argv[1], "free") )
        return show_free();
    if ( argc == 3 && !strcmp(argv[1], "pages") )
        return show_pages(argv[2]);
    if ( argc == 4 && !strcmp(argv[1], "claim") )
        return claim(argv[2], argv[3]);
    if ( argc == 3 && !strcmp(argv[1], "soft-reset") )
        return domctl(XEN_DOMCTL_soft_reset, argv[2]);
    fprintf(stderr, "usage: hostctl free | pages ID | claim ID PAGES | "
            "soft-reset ID\n");

    return 1;
}
