/* SPDX-License-Identifier: GPL-2.0-only */
/* What the codecs want of a C library, in Xen. */
#include <xen/types.h>

#define CHAR_BIT    8
#define SCHAR_MAX   127
#define UCHAR_MAX   255
#define SHRT_MAX    32767
#define USHRT_MAX   65535
