/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PERCPU_H
#define XENHOST_XEN_PERCPU_H

/*
 * Per-CPU variables: the linker gathers one zeroed master copy of them all;
 * each CPU has a copy of that, in cache lines of its own, at an offset that
 * is kept in the thread.
 */
#include <xen/compiler.h>
#include <asm/current.h>

#define DECLARE_PER_CPU(type, name) extern __typeof__(type) per_cpu__ ## name
#define __DEFINE_PER_CPU(attr, type, name) \
    attr __typeof__(type) per_cpu_ ## name
#define DEFINE_PER_CPU(type, name) \
    __DEFINE_PER_CPU(__section("xenhost_percpu"), type, _ ## name)
#define DEFINE_PER_CPU_READ_MOSTLY(type, name) DEFINE_PER_CPU(type, name)

#define get_per_cpu_var(var) (per_cpu__##var)

extern unsigned long __per_cpu_offset[NR_CPUS];

#define per_cpu_ptr(var, cpu) (*RELOC_HIDE(var, __per_cpu_offset[cpu]))
#define per_cpu(var, cpu)     per_cpu_ptr(&per_cpu__##var, cpu)
#define this_cpu_ptr(var)     (*RELOC_HIDE(var, xenhost_percpu_offset))
#define this_cpu(var)         this_cpu_ptr(&per_cpu__##var)

#define get_cpu_var(var) this_cpu(var)
#define put_cpu_var(var)

#endif /* XENHOST_XEN_PERCPU_H */
