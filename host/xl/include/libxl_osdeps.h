/* SPDX-License-Identifier: GPL-2.0-only */
/* libxl_osdeps.h - stands in for libxl's; there is nothing to adapt to */
