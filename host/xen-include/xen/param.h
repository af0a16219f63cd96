/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PARAM_H
#define XENHOST_XEN_PARAM_H

/* The command line: [no-]NAME, NAME=VALUE. Each start begins afresh. */
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/types.h>

struct kernel_param {
    const char *name;
    enum {
        OPT_STR,
        OPT_UINT,
        OPT_BOOL,
        OPT_SIZE,
        OPT_CUSTOM,
        OPT_IGNORE,
    } type;
    unsigned int len;
    union {
        void *var;
        int (*func)(const char *);
    } par;
};

#define MAX_PARAM_SIZE 128

#define __kparam(id) \
    static const struct kernel_param __setup_##id \
    __initsetup __aligned(sizeof(void *))

#define custom_param(_name, _func) \
    __kparam(_func) = { .name = _name, .type = OPT_CUSTOM, .par.func = _func }
#define boolean_param(_name, _var)                                      \
    __kparam(_var) = { .name = _name, .type = OPT_BOOL,                 \
                       .len = sizeof(_var) +                            \
                              BUILD_BUG_ON_ZERO(sizeof(_var) !=         \
                                                sizeof(bool)),          \
                       .par.var = &_var }
#define integer_param(_name, _var) \
    __kparam(_var) = { .name = _name, .type = OPT_UINT, \
                       .len = sizeof(_var), .par.var = &_var }
#define size_param(_name, _var) \
    __kparam(_var) = { .name = _name, .type = OPT_SIZE, \
                       .len = sizeof(_var), .par.var = &_var }
#define string_param(_name, _var) \
    __kparam(_var) = { .name = _name, .type = OPT_STR, \
                       .len = sizeof(_var), .par.var = &_var }

#endif /* XENHOST_XEN_PARAM_H */
