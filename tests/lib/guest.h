/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.h - what a guest kernel or the toolstack does, in one line each
 *
 * Nothing here asserts: everything returns what the hypervisor returned, so
 * all of it can run in any thread. A get that found something else than it
 * should have returns GUEST_WRONG_DATA.
 *
 * Data goes through the guest frame with the number of the CPU that the thread
 * is bound to (machine_bind()); guests of tests have more frames than that.
 */
#ifndef TESTS_LIB_GUEST_H
#define TESTS_LIB_GUEST_H

#include <stdint.h>
#include <xenhost.h>

/* Pool flags. */
#define POOL_EPHEMERAL  (TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT)
#define POOL_PERSISTENT (POOL_EPHEMERAL | TMEM_POOL_PERSIST)
#define POOL_SHARED     (POOL_EPHEMERAL | TMEM_POOL_SHARED)

#define GUEST_WRONG_DATA (-7777)

/* A frame number that no guest of a test has. */
#define GUEST_NO_FRAME   0xffffffffUL

/* The full name of a page; obj stands for all three words of the object id. */
struct handle {
    domid_t  dom;
    int      pool;
    uint64_t obj;
    uint32_t index;
};

#define HANDLE(dom_, pool_, obj_, index_) \
    ((struct handle){ .dom = (dom_), .pool = (pool_), .obj = (obj_), \
                      .index = (index_) })

/* The tag (page.h) of a version of a page. */
uint64_t handle_tag(const struct handle *h, uint32_t version);

/* Fill in a request that names a page. */
struct tmem_op guest_request(uint32_t cmd, const struct handle *h,
                             xen_pfn_t frame);

/* An operation on a handle through a given frame, contents as they are. */
long guest_op(uint32_t cmd, struct handle h, xen_pfn_t frame);

/* An operation of a vector; its result is GUEST_NO_RESULT until there is one. */
#define GUEST_NO_RESULT  (-5555)
struct tmem_vec_entry guest_entry(uint32_t cmd, struct handle h,
                                  xen_pfn_t frame);
/* The vector. */
long guest_vector(domid_t dom, struct tmem_vec_entry *entries, uint32_t nr);

/* The new pool's id, or -errno. */
long guest_new_pool(domid_t dom, uint32_t flags);
long guest_destroy_pool(domid_t dom, int pool);
/* Put this version of the page's data. */
long guest_put(struct handle h, uint32_t version);
/* The same, where the n-th allocation fails, or all from that one on. */
long guest_put_failing(struct handle h, uint32_t version, unsigned long n,
                       bool from_then_on);
/* Get, expecting this version. */
long guest_get(struct handle h, uint32_t version);
long guest_flush(struct handle h);
long guest_flush_object(struct handle h);

/* A control operation without further arguments, issued by domain 0. */
long control(uint32_t cmd, uint32_t cli_id);
#define freeze(cli_id) control(TMEMC_FREEZE, cli_id)
#define thaw(cli_id)   control(TMEMC_THAW, cli_id)

/* Frames that the domain owns or is billed for; -1 when there is none. */
long guest_tot_pages(domid_t dom);

/*
 * Put or get count pages from h.index on, stopping at the first that is
 * refused. Returns how many there were.
 */
unsigned long guest_put_range(struct handle h, unsigned long count,
                              uint32_t version);
/* Counts the pages found, or returns GUEST_WRONG_DATA. */
long guest_get_range(struct handle h, unsigned long count, uint32_t version);

#endif /* TESTS_LIB_GUEST_H */
