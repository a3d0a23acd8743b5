/* SPDX-License-Identifier: GPL-2.0-only */
/* The C library's has the same name and arguments. */
#include <stdlib.h>
