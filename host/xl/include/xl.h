/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl.h - as much of xl as the tmem commands need
 *
 * Stands in for the header of that name in Xen's tools/xl.
 */
#ifndef XL_H
#define XL_H

#include <libxl.h>

struct cmd_spec {
    const char *cmd_name;
    int (*cmd_impl)(int argc, char **argv);
    int can_dryrun;
    int modifies;
    const char *cmd_desc;
    const char *cmd_usage;
    const char *cmd_option;
};

extern libxl_ctx *ctx;

void help(const char *command);

int main_tmem_list(int argc, char **argv);
int main_tmem_freeze(int argc, char **argv);
int main_tmem_thaw(int argc, char **argv);
int main_tmem_set(int argc, char **argv);
int main_tmem_shared_auth(int argc, char **argv);
int main_tmem_freeable(int argc, char **argv);
int main_tmem_top(int argc, char **argv);

#endif /* XL_H */
