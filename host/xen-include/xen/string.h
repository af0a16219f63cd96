/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_STRING_H
#define XENHOST_XEN_STRING_H

#include <string.h>
#include <xen/types.h>

/* Names that libc may have of its own. */
#define strlcpy    xenhost_strlcpy
#define strlcat    xenhost_strlcat
#define memchr_inv xenhost_memchr_inv

size_t strlcpy(char *dst, const char *src, size_t size);
size_t strlcat(char *dst, const char *src, size_t size);
/* The first byte of s that is not c, or NULL. */
void *memchr_inv(const void *s, int c, size_t n);

#define safe_strcpy(d, s) (strlcpy(d, s, sizeof(d)) >= sizeof(d))
#define safe_strcat(d, s) (strlcat(d, s, sizeof(d)) >= sizeof(d))

#endif /* XENHOST_XEN_STRING_H */
