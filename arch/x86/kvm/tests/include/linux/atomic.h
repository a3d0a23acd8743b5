/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_ATOMIC_H
#define TESTS_LINUX_ATOMIC_H

#define xchg(p, n)	__atomic_exchange_n(p, n, __ATOMIC_SEQ_CST)

#endif
