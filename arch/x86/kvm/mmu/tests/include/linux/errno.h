/* SPDX-License-Identifier: GPL-2.0-only */
/* Also found by the C library's errno.h, so no include of that one. */
#include <asm-generic/errno.h>
