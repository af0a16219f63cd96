/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_INIT_H
#define XENHOST_XEN_INIT_H

/* Functions that xenhost_start() calls: each time, in the order of linking. */
#include <xen/compiler.h>

#define __init
#define __exit
#define __cold __attribute__((__cold__))
#define __initdata
#define __initconst
#define __initconstrel
#define __hwdom_init
#define __initsetup __used_section("xenhost_setup")

typedef int (*initcall_t)(void);

#define presmp_initcall(fn) \
    static initcall_t const __initcall_##fn \
    __used_section("xenhost_presmp") = fn
#define __initcall(fn) \
    static initcall_t const __initcall_##fn \
    __used_section("xenhost_init") = fn

#endif /* XENHOST_XEN_INIT_H */
