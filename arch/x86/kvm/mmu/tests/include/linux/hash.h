/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_HASH_H
#define TESTS_LINUX_HASH_H

#include <linux/types.h>

/* Worse than the kernel's, so that chains are long. */
static inline u32 hash_64(u64 val, unsigned int bits)
{
	return val % 13 & ((1u << bits) - 1);
}

#endif
