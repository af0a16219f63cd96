/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * carry.c - what a domain has in tmem goes to another one, as libxc carries it
 */
#include <stdlib.h>
#include <string.h>

#include "carry.h"
#include "machine.h"
#include "page.h"

#define KIB_PER_PAGE 4

static int carry_control(void *arg, struct xen_sysctl_tmem_op *op)
{
    (void)arg;
    return xenhost_tmem_control(0, op);
}

static int write_body(void *arg, const void *body, uint32_t len)
{
    struct carry *c = arg;

    assert_true(c->nr < CARRY_BODIES);
    c->body[c->nr].data = malloc(len);
    memcpy(c->body[c->nr].data, body, len);
    c->body[c->nr++].len = len;
    return 0;
}

static int set_max(void *arg, uint64_t memkb)
{
    const struct carry *c = arg;

    return xenhost_domain_set_max(c->restore.domid, memkb / KIB_PER_PAGE);
}

/* As much as anybody may ask for: it is the hypervisor that refuses. */
static int look(void *arg, struct tmem_stream_host *host)
{
    (void)arg;
    *host = (struct tmem_stream_host){ .free = UINT64_MAX >> 8 };
    return 0;
}

static uint64_t max_memkb(domid_t dom)
{
    struct xenhost_domain_info info = { 0 };

    xenhost_domain_info(dom, &info);
    return (uint64_t)info.max_pages * KIB_PER_PAGE;
}

void carry_start(struct carry *c, domid_t from, domid_t to)
{
    *c = (struct carry){
        .save = { .control = carry_control, .write = write_body, .arg = c,
                  .domid = from, .buf = malloc(TMEM_STREAM_MAX) },
        .restore = { .control = carry_control, .look = look,
                     .set_max = set_max, .arg = c, .domid = to,
                     .host_memkb = MACHINE_PAGES * KIB_PER_PAGE,
                     .old_memkb = max_memkb(to) },
    };
}

int carry_pass(struct carry *c, unsigned int stage)
{
    int rc = tmem_stream_begin(&c->save);

    if ( rc > 0 )
        rc = tmem_stream_pass(&c->save, stage, max_memkb(c->save.domid)) ?: rc;
    return rc;
}

int carry_body(struct carry *c, unsigned int i)
{
    return tmem_stream_record(&c->restore, c->body[i].data, c->body[i].len);
}

int carry_all(struct carry *c)
{
    unsigned int i;
    int rc = 0;

    for ( i = 0; i < c->nr && !rc; i++ )
        rc = carry_body(c, i);
    return rc ?: tmem_stream_finish(&c->restore);
}

long carry_get(const struct carry *c, struct handle h, uint32_t version)
{
    domid_t to = c->restore.domid;
    void *page = xenhost_guest_page(to, machine_cpu());
    uint64_t tag = handle_tag(&h, version);
    long rc;

    h.dom = to;
    rc = guest_op(TMEM_GET_PAGE, h, machine_cpu());
    return rc == 1 && page_check(page, tag) >= 0 ? GUEST_WRONG_DATA : rc;
}

void carry_end(struct carry *c)
{
    tmem_stream_end(&c->save);
    free(c->save.buf);
    while ( c->nr )
        free(c->body[--c->nr].data);
}
