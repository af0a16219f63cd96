/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.c - where tmem-host and xl meet
 *
 * Locking: none; runs before there are threads.
 */
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "wire.h"

const char *wire_socket(void)
{
    static char path[PATH_MAX + 16];
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    exe[len > 0 ? len : 0] = '\0';
    snprintf(path, sizeof(path), "%s/run/control", dirname(exe));
    return path;
}
