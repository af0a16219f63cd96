/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_call.h - the tmem hypercall, as a Linux guest issues it
 *
 * Linux had this until 5.3. The ABI is described in docs/abi.md; it is fixed,
 * so it is spelled out here rather than taken from headers that may go.
 */
#ifndef TMEM_CALL_H
#define TMEM_CALL_H

#include <linux/preempt.h>
#include <linux/types.h>
#include <asm/xen/hypercall.h>
#include <xen/page.h>

#ifndef __HYPERVISOR_tmem_op
#define __HYPERVISOR_tmem_op	38
#endif

#define TMEM_NEW_POOL		1
#define TMEM_DESTROY_POOL	2
#define TMEM_PUT_PAGE		4
#define TMEM_GET_PAGE		5
#define TMEM_FLUSH_PAGE		6
#define TMEM_VECTOR		16

/* Spec version 1, pages of 4 KiB, persistent, private. */
#define TMEM_PERSISTENT_POOL	0x01000001u

/* Beyond Linux's error numbers: the toolstack has frozen this guest. */
#define TMEM_EFROZEN		1000

struct tmem_request {
	u32 cmd;
	s32 pool_id;
	union {
		struct {
			u64 uuid[2];
			u32 flags;
			u32 arg1;
		} creat;
		struct {
			u64 oid[3];
			u32 index;
			u32 tmem_offset;
			u32 pfn_offset;
			u32 len;
			xen_pfn_t frame;
		} gen;
		struct {
			u64 entries;
			u32 nr;
			u32 done;
			u32 flags;
		} vec;
	} u;
};

/* One of the operations of a vector. */
struct tmem_vec_entry {
	u32 cmd;
	s32 pool_id;
	u64 oid[3];
	u64 frame;
	u32 index;
	s32 result;
};

/* A page's name within the pool. */
struct tmem_key {
	u64 oid;
	u32 index;
};

static inline int tmem_call(struct tmem_request *req)
{
	BUILD_BUG_ON(sizeof(*req) != 56);
	return _hypercall1(int, tmem_op, req);
}

/* The pool's id, or -errno. */
static inline int tmem_new_pool(void)
{
	struct tmem_request req = {
		.cmd = TMEM_NEW_POOL,
		.u.creat.flags = TMEM_PERSISTENT_POOL,
	};

	return tmem_call(&req);
}

static inline int tmem_destroy_pool(int pool)
{
	struct tmem_request req = {
		.cmd = TMEM_DESTROY_POOL,
		.pool_id = pool,
	};

	return tmem_call(&req);
}

/*
 * put, get, flush page: 1 is success. Xen wants the machine frame of a PV
 * guest's page, and the guest frame of any other's: xen_page_to_gfn() tells
 * the right one. A PV guest that is restored elsewhere has other machine
 * frames; it is suspended by stop_machine(), which waits for a CPU until it
 * may be preempted: so a frame that has been looked up is still the page's
 * when the hypercall uses it, and so is the pool's id, which a suspend may change.
 */
static inline int tmem_page_op(u32 cmd, const int *pool, struct tmem_key key,
			       struct page *page)
{
	struct tmem_request req = {
		.cmd = cmd,
		.u.gen.oid[0] = key.oid,
		.u.gen.index = key.index,
	};
	int ret;

	preempt_disable();
	req.pool_id = READ_ONCE(*pool);
	if (page)
		req.u.gen.frame = xen_page_to_gfn(page);
	ret = tmem_call(&req);
	preempt_enable();

	return ret;
}

/*
 * Page operations on one pool, in one call: their number, and each has its
 * result; or -ENOSYS, from hypervisors that do not know it, or another error,
 * when none has one. No more than 64. The frames are those of pages, if there are
 * any: looked up here, as tmem_page_op() does.
 */
static inline int tmem_vector(const int *pool, struct tmem_vec_entry *entries,
			      struct page **pages, unsigned int nr)
{
	struct tmem_request req = {
		.cmd = TMEM_VECTOR,
		.u.vec.entries = (unsigned long)entries,
		.u.vec.nr = nr,
	};
	unsigned int i;
	int ret;

	BUILD_BUG_ON(sizeof(*entries) != 48);
	preempt_disable();
	for (i = 0; i < nr; i++) {
		entries[i].pool_id = READ_ONCE(*pool);
		if (pages)
			entries[i].frame = xen_page_to_gfn(pages[i]);
	}
	ret = tmem_call(&req);
	preempt_enable();

	return ret;
}

#endif /* TMEM_CALL_H */
