/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_MEM_ENCRYPT_H
#define TESTS_LINUX_MEM_ENCRYPT_H

extern unsigned long long sme_me_mask;

#endif
