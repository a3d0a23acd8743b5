/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's words that this room's user-space tests need. */
#ifndef TESTS_LINUX_COMPILER_H
#define TESTS_LINUX_COMPILER_H

#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))

#endif
