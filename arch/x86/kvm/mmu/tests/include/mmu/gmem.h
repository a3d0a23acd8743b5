/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest walk's environment: a few pages of memory that are watched. */
#ifndef TESTS_MMU_GMEM_H
#define TESTS_MMU_GMEM_H

#include <linux/types.h>

#define GMEM_PAGES	8

struct gwalk_env {
	struct {
		u64 gpa;
		bool present;
		u8 data[4096];
	} page[GMEM_PAGES];
	u32 pkru;
	bool pkru_unknown;
	bool ac;
	int fail_reads;			/* -errno for all of them */
	int fail_cmpxchg;		/* -errno, for so many: */
	unsigned int cmpxchg_failures;
	/* what happened */
	unsigned int reads, cmpxchgs;
	u64 last_cmpxchg;
};

int gwalk_read(struct gwalk_env *env, unsigned int level, u64 gpa, u64 *entry, bool wide);
int gwalk_cmpxchg(struct gwalk_env *env, u64 gpa, u64 old, u64 new, bool wide);
int gwalk_pkru(struct gwalk_env *env, u32 *pkru);
bool gwalk_ac(struct gwalk_env *env);

#endif
