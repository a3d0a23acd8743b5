/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine for the emulator to run on: memory, registers, a log of accesses. */
#ifndef EMUL_TESTS_FAKE_H
#define EMUL_TESTS_FAKE_H

#include "../emul.h"

#define FAKE_MEM	(1u << 20)
#define FAKE_LOG	4096

struct fake_access {
	unsigned int len;
	u8 data[512];
};

struct fake {
	struct emul_ctx c;
	struct emul_ops ops;

	u8 *mem;		/* linear [base, base + size) */
	u64 base;
	u64 size;
	u8 top[4096];		/* the last page below 4 GiB */
	u64 ro_page;		/* writes to this page fault; ~0: none */

	struct emul_seg seg[EMUL_NR_SEGS];
	struct emul_dt dt[2];
	u64 cr[16];
	u64 dr[8];
	u64 msr_star, msr_lstar, msr_sfmask, msr_efer, msr_kgs;
	u64 msr_se_cs, msr_se_sp, msr_se_ip;
	u64 last_msr;
	u8 xmm[16][32];
	u64 mmx[8];
	u16 fsw;
	u8 x87_data[16];	/* last loaded, or to be stored */
	unsigned int x87_runs, x87_peeks;
	u8 fx[512];
	u64 features;		/* bit per enum emul_feature */
	u32 pio_value;
	u64 pio_sum;		/* of everything written to ports */
	unsigned int pio_count, halts, reads, writes, cmpxchgs;
	bool decline_chunks;
	bool cmpxchg_fails;

	/* Restart: with ask set, each access first ends in EMUL_USER */
	bool ask;
	u32 epoch;
	unsigned int served, at;
	struct fake_access *log;
};

void fake_init(struct fake *f);
void fake_free(struct fake *f);
void fake_mode(struct fake *f, enum emul_mode mode, unsigned int cpl);
void fake_flat_seg(struct fake *f, unsigned int id, u16 sel, bool code);
u64 fake_desc(u32 base, u32 limit, unsigned int attr);
void fake_put(struct fake *f, u64 la, const void *data, unsigned int len);
u64 fake_get(struct fake *f, u64 la, unsigned int len);
/* Decode and run, answering EMUL_USER until something else comes */
enum emul_result fake_run(struct fake *f, const void *code, unsigned int len);
/* True when registers and memory are alike; tells the first difference */
bool fake_same(const struct fake *a, const struct fake *b, const char *what);

/* TAP */
extern unsigned int tap_count, tap_failed;
void tap(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int tap_done(void);

u64 rnd(void);
void rnd_seed(u64 seed);
u64 rnd_value(void);

#endif
