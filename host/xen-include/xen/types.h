/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_TYPES_H
#define XENHOST_XEN_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>

typedef int8_t s8;
typedef uint8_t u8;
typedef int16_t s16;
typedef uint16_t u16;
typedef int32_t s32;
typedef uint32_t u32;
typedef int64_t s64;
typedef uint64_t u64;

typedef _Bool bool_t;
typedef unsigned long paddr_t;
typedef unsigned long vaddr_t;
typedef uint8_t nodeid_t;
typedef uint16_t domid_t;
#define INVALID_PADDR (~0UL)
#define PRIpaddr "016lx"

#define test_and_set_bool(b)   __atomic_exchange_n(&(b), true, __ATOMIC_SEQ_CST)
#define test_and_clear_bool(b) __atomic_exchange_n(&(b), false, __ATOMIC_SEQ_CST)

#define BITS_PER_BYTE 8
#define BITS_TO_LONGS(bits) (((bits) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

#endif /* XENHOST_XEN_TYPES_H */
