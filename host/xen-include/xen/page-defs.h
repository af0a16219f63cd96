/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PAGE_DEFS_H
#define XENHOST_XEN_PAGE_DEFS_H

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define PAGE_FLAG_MASK (PAGE_SIZE - 1)
#define PAGE_ALIGN(x) (((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_OFFSET(ptr) ((unsigned long)(ptr) & ~PAGE_MASK)

#endif /* XENHOST_XEN_PAGE_DEFS_H */
