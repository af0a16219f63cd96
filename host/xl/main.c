/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * main.c - xl's tmem commands for the host in a process
 *
 * The commands, libxl's functions and libxc's are the files that go into Xen
 * (tools/); the headers in include/ stand in for those of Xen that they need,
 * and transport.c for the hypercall. Here is what is left of xl.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libxl_utils.h>

#include "libxl_internal.h"
#include "xl.h"
#include "xl_utils.h"

static const struct cmd_spec cmd_table[] = {
#include "xl_tmem_table.h"
};

static struct libxl__ctx the_ctx;
libxl_ctx *ctx = &the_ctx;

static const struct cmd_spec *find_command(const char *name)
{
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(cmd_table); i++ )
        if ( !strcmp(cmd_table[i].cmd_name, name) )
            return &cmd_table[i];
    return NULL;
}

void help(const char *command)
{
    const struct cmd_spec *cmd = command ? find_command(command) : NULL;
    unsigned int i;

    if ( command && !cmd )
    {
        printf("command \"%s\" not implemented\n", command);
        return;
    }
    if ( cmd )
    {
        printf("Usage: xl %s %s\n\n%s.\n\n", cmd->cmd_name, cmd->cmd_usage,
               cmd->cmd_desc);
        if ( cmd->cmd_option )
            printf("Options:\n\n%s\n", cmd->cmd_option);
        return;
    }
    printf("Usage xl <subcommand> [args]\n\n"
           "The subcommands that control tmem-host --serve:\n\n");
    for ( i = 0; i < ARRAY_SIZE(cmd_table); i++ )
        printf(" %-19s %s\n", cmd_table[i].cmd_name, cmd_table[i].cmd_desc);
}

void flush_stream(FILE *fh)
{
    if ( !fflush(fh) && !ferror(fh) )
        return;
    perror("xl: cannot write");
    exit(EXIT_FAILURE);
}

/* Ids have no gaps. */
uint32_t find_domain(const char *p)
{
    uint32_t domid;
    char *name;

    for ( domid = 0; (name = libxl_domid_to_name(ctx, domid)); domid++ )
    {
        bool found = !strcmp(name, p);

        free(name);
        if ( found )
            return domid;
    }
    fprintf(stderr, "xl: there is no domain '%s'\n", p);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    const struct cmd_spec *cmd;

    /* There are no global options; but getopt() is left as xl leaves it. */
    if ( getopt(argc, argv, "+") != -1 )
        return EXIT_FAILURE;
    argv += optind;
    argc -= optind;
    optind = 1;

    if ( !argc )
    {
        help(NULL);
        return EXIT_FAILURE;
    }
    if ( !strcmp(argv[0], "help") )
    {
        help(argv[1]);
        return EXIT_SUCCESS;
    }
    cmd = find_command(argv[0]);
    if ( !cmd )
    {
        fprintf(stderr, "command not implemented\n");
        return EXIT_FAILURE;
    }
    return cmd->cmd_impl(argc, argv);
}
