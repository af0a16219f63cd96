/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xg_sr_common.h - as much of libxenguest as xg_sr_tmem.c needs
 *
 * Stands in for the header of that name in Xen's tools/libs/guest. There is a
 * host in this process below it, and sr_tmem_test.c has the rest.
 */
#ifndef XG_SR_COMMON_H
#define XG_SR_COMMON_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenhost_test.h>

#define XC_PAGE_SHIFT 12
#define XC_PAGE_SIZE (1UL << XC_PAGE_SHIFT)
#define NRPAGES(x) (((x) + 4095) >> XC_PAGE_SHIFT)

typedef struct {
    char message[512];         /* the last one */
    const char *doing;         /* what progress is reported of */
    unsigned long done, total; /* what it was last */
    unsigned int reports;
} xc_interface;

#define ERROR(...)  snprintf(xch->message, sizeof(xch->message), __VA_ARGS__)
#define PERROR ERROR

const char *xc_set_progress_prefix(xc_interface *xch, const char *doing);
void xc_report_progress_step(xc_interface *xch, unsigned long done,
                             unsigned long total);

#define XEN_SYSCTL_tmem_op 24

struct xen_sysctl {
    uint32_t cmd;
    union {
        struct xen_sysctl_tmem_op tmem_op;
    } u;
};

#define DECLARE_SYSCTL struct xen_sysctl sysctl
int do_sysctl(xc_interface *xch, struct xen_sysctl *sysctl);

/* Any memory will do here. */
typedef struct {
    void *hbuf;
} xc_hypercall_buffer_t;

#define DECLARE_HYPERCALL_BUFFER_SHADOW(type, name, shadow) \
    xc_hypercall_buffer_t *const name##_hbuf = (shadow); \
    type *name = name##_hbuf->hbuf
#define xc_hypercall_buffer_alloc_pages(xch, name, nr) \
    ((void)(xch), name##_hbuf->hbuf = malloc((nr) * 4096UL))
#define xc_hypercall_buffer_free_pages(xch, name, nr) \
    ((void)(xch), (void)(name), (void)(nr), free(name##_hbuf->hbuf))

typedef struct {
    uint32_t domid;
    unsigned long nr_pages, max_memkb;
} xc_dominfo_t;

typedef struct {
    uint64_t total_pages, free_pages, scrub_pages, outstanding_pages;
} xc_physinfo_t;

int xc_domain_getinfo(xc_interface *xch, uint32_t domid, unsigned int nr,
                      xc_dominfo_t *info);
int xc_physinfo(xc_interface *xch, xc_physinfo_t *info);
int xc_domain_setmaxmem(xc_interface *xch, uint32_t domid, uint64_t memkb);

typedef enum {
    XC_STREAM_PLAIN, XC_STREAM_REMUS, XC_STREAM_COLO
} xc_stream_type_t;

struct xc_sr_context;

struct xc_sr_record {
    uint32_t type, length;
    void *data;
};

#define REC_TYPE_PAGE_DATA 0x00000001U
#define REC_TYPE_TMEM      0x00000013U

int write_record(struct xc_sr_context *ctx, struct xc_sr_record *rec);

#include "../../../tools/libs/guest/xg_sr_tmem.h"

struct xc_sr_context {
    xc_interface *xch;
    uint32_t domid;
    xc_stream_type_t stream_type;
    void *tmem_data;
    union {
        struct {
            struct xc_sr_tmem_save tmem;
        } save;
        struct {
            bool seen_static_data_end;
            struct xc_sr_tmem_restore tmem;
        } restore;
    };
};

#endif /* XG_SR_COMMON_H */
