/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk over a guest's own page tables: formats and rules alone. Memory,
 * PKRU and EFLAGS.AC come from the environment (gmem.h, or the test's), so
 * that this builds in user space too.
 */
#ifndef KVM_X86_MMU_GWALK_H
#define KVM_X86_MMU_GWALK_H

#include <linux/bits.h>
#include <linux/types.h>

#define GWALK_MAX_LEVELS	5

/* What an access is, and how it failed: the #PF error code (SDM 3A 4.7) */
#define GWALK_PRESENT		BIT(0)
#define GWALK_WRITE		BIT(1)
#define GWALK_USER		BIT(2)
#define GWALK_RSVD		BIT(3)
#define GWALK_FETCH		BIT(4)
#define GWALK_PK		BIT(5)

/* From what a mode is derived */
struct gwalk_config {
	bool paging, pae, long_mode, la57, pse;		/* CR0, CR4, EFER.LMA */
	bool wp, smep, smap, pke, nxe;
	bool pse36, gbpages, amd;			/* CPUID */
	u8 maxphyaddr;
};

/* A paging mode, made ready for walking. @levels 0: no paging, all else unset. */
struct gwalk_mode {
	u32 key;		/* the caller's, to see whether it is still right; 0: unset */
	u8 levels;		/* 2, 4, 5, and 3 for PAE with its PDPTRs outside memory */
	u8 index_bits;		/* 9, or 10 with entries of 32 bits */
	u8 max_leaf;		/* highest level whose PS bit makes a leaf */
	bool wp, smep, smap, pke, nxe;
	u8 pse36_bits;		/* address bits above 31 in a 4 MiB entry */
	u64 frame;		/* the address in an entry */
	u64 rsvd[GWALK_MAX_LEVELS][2];	/* by level - 1; of tables, of leaves */
};

struct gwalk {
	u64 gva;
	u64 cr3;
	const u64 *pdptrs;	/* PAE only */
	u32 access;		/* GWALK_WRITE, _USER, _FETCH */
	/* out */
	u32 error;		/* for GWALK_FAULT */
	u64 gpa;
	/* what was read on the way, with the bits that were set then */
	unsigned int nr_steps;
	struct {
		u64 gpa;
		u64 entry;
	} step[GWALK_MAX_LEVELS];
};

enum gwalk_result {
	GWALK_OK,
	GWALK_FAULT,
	GWALK_AGAIN,		/* the environment can't do it without sleeping */
};

struct gwalk_env;

void gwalk_set_mode(struct gwalk_mode *m, const struct gwalk_config *c);
enum gwalk_result gwalk(const struct gwalk_mode *m, struct gwalk *w, struct gwalk_env *env);

#endif
