/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_JUMP_LABEL_H
#define TESTS_LINUX_JUMP_LABEL_H

#include <linux/types.h>

#define DECLARE_STATIC_KEY_FALSE(key)	extern bool key
#define DEFINE_STATIC_KEY_FALSE(key)	bool key
#define static_branch_unlikely(key)	(*(key))
#define static_branch_enable(key)	(*(key) = true)
#define static_branch_disable(key)	(*(key) = false)

#endif
