/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_NOSPEC_H
#define TESTS_LINUX_NOSPEC_H

#include <assert.h>

#define array_index_nospec(i, n)	(assert((i) < (n)), (i))

#endif
