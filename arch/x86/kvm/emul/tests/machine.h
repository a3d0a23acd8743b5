/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The same user-mode machine twice: this CPU, and the emulator on a copy. Both
 * see an arena of 17 pages below 4 GiB, and the segments of a local descriptor
 * table; so code of 64, 32 and 16 bits runs on both.
 */
#ifndef EMUL_TESTS_MACHINE_H
#define EMUL_TESTS_MACHINE_H

#include "fake.h"

#define PAGE		4096u
#define ARENA_PAGES	17u	/* 64 KiB and one page */
#define ARENA_SIZE	(ARENA_PAGES * PAGE)

/* Offsets in the arena; what is not named is not mapped */
#define AT_CODE		0x1000u		/* one page, then none */
#define AT_DATA		0x4000u		/* three pages, then none */
#define AT_DATA_END	0x7000u
#define AT_RO		0x8000u		/* read-only, then a page for writing */
#define AT_STACK	0xa000u		/* two pages, then none */
#define AT_STACK_END	0xc000u
#define AT_TOP		0xf000u		/* the last page of 64 KiB */

enum world {
	W_64,		/* 64-bit code */
	W_32,		/* 32-bit code, flat segments */
	W_32SEG,	/* 32-bit code, segments of 64 KiB on the arena */
	W_16,		/* 16-bit code and stack, segments on the arena */
	W_32S16,	/* 32-bit code with a 16-bit stack segment */
	W_16S32,	/* 16-bit code with a 32-bit stack segment */
	NR_WORLDS,
};

/* Entries of the local descriptor table, or of Linux's GDT */
enum sel_id {
	S_NULL, S_CODE64, S_CODE32, S_DATA,	/* the kernel's */
	S_CODE32SEG, S_CODE16, S_DATA32SEG, S_DATA16SEG, S_RO, S_XO,
	S_DOWN32, S_DOWN16, S_SMALL, S_CONFORMING, S_NP, S_NP_CODE,
	S_SMALL_CODE, S_FLAT16,
	NR_SELS,
};

#define S_FIRST_LDT	S_CODE32SEG

/* Layout known to native.S */
struct native {
	u64 gpr[16];
	u64 rip, cs, rflags, rsp, ss;
	u16 sel[4];		/* DS ES FS GS */
	u64 fsbase, gsbase;	/* where the selector is null */
	u64 host_rsp, host_fsbase;
	void *fpu;		/* XSAVE or FXSAVE image, or NULL */
	u64 xfeatures;		/* XCR0's part that is used; 0: FXRSTOR */
	u64 fsgsbase;		/* the kernel lets user code use them */
	u16 out_sel[4];
	u64 out_fsbase, out_gsbase;
	u64 iret_rsp;
};

extern struct native native __attribute__((visibility("hidden")));

/* What either machine starts from, and where it ends */
struct state {
	u64 gpr[16];
	u64 rip, rflags;
	u64 fsbase, gsbase;
	u16 sel[6];		/* by enum emul_seg_id */
	u8 ymm[16][32];
	u64 mmx[8];
};

struct outcome {
	struct state s;
	bool fault;
	bool hung;		/* the host's kernel took it up again and again */
	u8 vector;
	u32 error;
	u64 cr2;
};

struct machine {
	struct fake f;
	u8 *arena;		/* the CPU's */
	u64 base;
	u8 mem[ARENA_SIZE];	/* the emulator's copy */
	u8 pristine[ARENA_SIZE];
	u32 dirty;		/* pages that the emulator or a poke wrote */
	u8 sys[0x4000];		/* descriptor tables and TSS */
	bool have_ldt;		/* 16-bit code and odd segments */
	bool have_avx;
};

#define SYS_BASE	0xfffffe0000000000ull

/* False, with the reason printed, where this can't be done at all */
bool machine_init(struct machine *m);
void machine_free(struct machine *m);
bool machine_has(struct machine *m, enum world w);
u16 machine_sel(enum sel_id id);
const struct emul_seg *machine_seg(struct machine *m, u16 sel);
void machine_fill(struct machine *m);
void machine_poke(struct machine *m, u64 la, const void *data, unsigned int n);
u64 machine_peek(const struct machine *m, u64 la, unsigned int n);
bool machine_mapped(u64 offset, bool write);

/* Run code that lies at s->rip; simd: load and compare vector registers */
void run_native(struct machine *m, const struct state *s, bool step, bool simd,
		struct outcome *o);
enum emul_result run_emulated(struct machine *m, const struct state *s,
			      const u8 *code, unsigned int len,
			      struct outcome *o);
/* Memory alike? Then both are as they were before. */
bool machine_settle(struct machine *m, u64 *where);

#endif
