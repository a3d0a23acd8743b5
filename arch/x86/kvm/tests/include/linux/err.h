/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_ERR_H
#define TESTS_LINUX_ERR_H

#define ERR_PTR(n)	((void *)(long)(n))
#define IS_ERR(p)	((unsigned long)(p) >= -4095ul)

#endif
