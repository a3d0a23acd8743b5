/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's words that this room's user-space tests need. */
#ifndef TESTS_LINUX_KERNEL_H
#define TESTS_LINUX_KERNEL_H

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define min_t(t, a, b)	((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define READ_ONCE(x)	(*(const volatile typeof(x) *)&(x))

#endif
