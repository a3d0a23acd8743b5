/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_BITOPS_H
#define TESTS_LINUX_BITOPS_H

#include <linux/bits.h>

#define set_bit(n, p)	((void)__atomic_fetch_or(p, BIT(n), __ATOMIC_SEQ_CST))
#define for_each_set_bit(n, p, size) \
	for (n = 0; n < (size); n++) \
		if (*(p) & BIT(n))

#endif
