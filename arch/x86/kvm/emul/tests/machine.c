// SPDX-License-Identifier: GPL-2.0-only
/* The arena, its segments, and the two ways to run an instruction in it. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "machine.h"

#define ARENA_BASE	0x30000000ul
#define SYS_GDT		0x0000u
#define SYS_LDT		0x1000u
#define SYS_TSS		0x2000u
#define SYS_IDT		0x3000u
#define XSTATE_YMM	576u	/* standard form: CPUID 0xd, 2 (SDM 1 13.5) */
#define FXSAVE_XMM	160u
#define FXSAVE_SW	464u
#define XSTATE_BV	512u
#define FXSAVE_MAGIC	0x46505853u

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE	2
#endif

extern void native_run(void);
extern void native_signal(int sig, siginfo_t *info, void *context);
extern const char native_iret[];	/* the last instruction of the way in */
void native_captured(int sig, siginfo_t *info, void *context);

static struct {
	struct outcome *out;
	bool simd;
	bool avx;
	bool probing;
	volatile bool expired;
} capture;

static u8 fpu_image[4096] __attribute__((aligned(64)));

/* Pages of the arena: 0 none, 1 readable, 2 writable as well, 6 code too */
static const u8 page_kind[ARENA_PAGES] = {
	[1] = 6, [4] = 2, [5] = 2, [6] = 2, [8] = 1, [9] = 2, [10] = 2,
	[11] = 2, [15] = 2,
};

struct seg_row {
	bool arena;		/* base: the arena's, or 0 */
	u32 limit;
	u16 sel;		/* the kernel's, else from the LDT */
	u8 type;		/* of the descriptor, accessed */
	u8 pages, big, absent, l;
};

static const struct seg_row seg_rows[NR_SELS] = {
	[S_CODE64] = { false, 0xfffff, 0x33, 11, 1, 0, 0, 1 },
	[S_CODE32] = { false, 0xfffff, 0x23, 11, 1, 1, 0, 0 },
	[S_DATA] = { false, 0xfffff, 0x2b, 3, 1, 1, 0, 0 },
	[S_CODE32SEG] = { true, 0xffff, 0, 11, 0, 1, 0, 0 },
	[S_CODE16] = { true, 0xffff, 0, 11, 0, 0, 0, 0 },
	[S_DATA32SEG] = { true, 0xffff, 0, 3, 0, 1, 0, 0 },
	[S_DATA16SEG] = { true, 0xffff, 0, 3, 0, 0, 0, 0 },
	[S_RO] = { true, 0xffff, 0, 1, 0, 1, 0, 0 },
	[S_XO] = { true, 0xffff, 0, 9, 0, 1, 0, 0 },
	[S_DOWN32] = { true, 0x4fff, 0, 7, 0, 1, 0, 0 },
	[S_DOWN16] = { true, 0x4fff, 0, 7, 0, 0, 0, 0 },
	[S_SMALL] = { true, 0x5003, 0, 3, 0, 1, 0, 0 },
	[S_CONFORMING] = { true, 0xffff, 0, 15, 0, 1, 1, 0 }, /* Linux: only absent */
	[S_NP] = { true, 0xffff, 0, 3, 0, 1, 1, 0 },
	[S_NP_CODE] = { true, 0xffff, 0, 11, 0, 1, 1, 0 },
	[S_SMALL_CODE] = { true, 0x17ff, 0, 11, 0, 1, 0, 0 },
	[S_FLAT16] = { false, 0xfffff, 0, 3, 1, 0, 0, 0 },
};

u16 machine_sel(enum sel_id id)
{
	return id == S_NULL ? 0 : seg_rows[id].sel ? seg_rows[id].sel :
	       (id - S_FIRST_LDT) << 3 | 7;
}

static struct emul_seg seg_of(const struct machine *m, enum sel_id id)
{
	const struct seg_row *r = &seg_rows[id];
	struct emul_seg s = { .sel = machine_sel(id) };

	if (id == S_NULL) {
		s.attr = EMUL_SEG_UNUSABLE;
		return s;
	}
	s.base = r->arena ? m->base : 0;
	s.limit = r->pages ? r->limit << 12 | 0xfff : r->limit;
	s.attr = r->type | EMUL_SEG_S | EMUL_SEG_DPL |
		 (r->absent ? 0 : EMUL_SEG_P) | (r->l ? EMUL_SEG_L : 0) |
		 (r->big ? EMUL_SEG_DB : 0) | (r->pages ? EMUL_SEG_G : 0);
	/* the kernel sets AVL in its LDT on request only */
	return s;
}

const struct emul_seg *machine_seg(struct machine *m, u16 sel)
{
	static struct emul_seg s;
	unsigned int id;

	for (id = S_CODE64; id < NR_SELS; id++)
		if ((sel & ~3) == (machine_sel(id) & ~3))
			break;
	s = seg_of(m, id < NR_SELS ? id : S_NULL);
	s.sel = sel;
	return &s;
}

/* ---- descriptor tables, for the CPU and for the emulator ---- */

static bool write_ldt(const struct machine *m, enum sel_id id)
{
	const struct seg_row *r = &seg_rows[id];
	struct user_desc d = {
		.entry_number = id - S_FIRST_LDT,
		.base_addr = r->arena ? m->base : 0,
		.limit = r->limit, .seg_32bit = r->big,
		.contents = r->type >> 2, .read_exec_only = !(r->type & 2),
		.limit_in_pages = r->pages, .seg_not_present = r->absent,
	};

	return !syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

static void put_desc(struct machine *m, unsigned int at, enum sel_id id)
{
	struct emul_seg s = seg_of(m, id);
	u64 d = fake_desc(s.base, seg_rows[id].limit, s.attr);

	memcpy(m->sys + at, &d, 8);
}

static void make_tables(struct machine *m)
{
	/* the kernel's code and data, which user code may not have */
	static const u64 kernel[2] = { 0x00af9b000000ffff, 0x00cf93000000ffff };
	unsigned int i;
	u64 gate = 0x8e0000100000ull;
	u64 number = 0x0040f50000000000;
	u16 no_map = 104;	/* no I/O permission bitmap */

	m->have_ldt = true;
	/* Linux keeps a processor's number in the limit of this one */
	memcpy(m->sys + SYS_GDT + 0x78, &number, 8);
	memcpy(m->sys + SYS_GDT + 0x10, kernel, sizeof(kernel));
	for (i = S_CODE64; i < NR_SELS; i++) {
		if (seg_rows[i].sel) {
			put_desc(m, SYS_GDT + (seg_rows[i].sel & ~7), i);
			continue;
		}
		put_desc(m, SYS_LDT + 8 * (i - S_FIRST_LDT), i);
		m->have_ldt &= write_ldt(m, i);
	}
	memcpy(m->sys + SYS_TSS + 102, &no_map, 2);
	for (i = 0; i < 256; i++)
		memcpy(m->sys + SYS_IDT + 16 * i, &gate, 8);
}

static void emulated_tables(struct machine *m)
{
	struct fake *f = &m->f;

	f->dt[EMUL_GDTR] = (struct emul_dt){ SYS_BASE + SYS_GDT, 127 };
	f->dt[EMUL_IDTR] = (struct emul_dt){ SYS_BASE + SYS_IDT, 0xfff };
	f->seg[EMUL_LDTR] = (struct emul_seg){
		.base = SYS_BASE + SYS_LDT, .sel = 0x50,
		.limit = 8 * (NR_SELS - S_FIRST_LDT) - 1,
		.attr = EMUL_SEG_P | 2,
	};
	f->seg[EMUL_TR] = (struct emul_seg){
		.base = SYS_BASE + SYS_TSS, .sel = 0x40, .limit = 103,
		.attr = EMUL_SEG_P | 11,
	};
	f->cr[0] = 0x80050033;	/* PE MP ET NE WP AM PG */
	f->cr[4] = 0x003506f0;
	f->features = 0;
}

/* ---- the emulator's memory ---- */

static struct machine *machine_of(struct emul_ctx *c)
{
	return (struct machine *)((u8 *)c->owner - offsetof(struct machine, f));
}

/* need: 1 to read, 2 to write, 4 to execute */
static bool page_ok(struct machine *m, u64 la, u8 need)
{
	u64 page = (la - m->base) / PAGE;

	return la >= m->base && page < ARENA_PAGES && page_kind[page] >= need;
}

bool machine_mapped(u64 offset, bool write)
{
	return offset < ARENA_SIZE &&
	       page_kind[offset / PAGE] >= (write ? 2 : 1);
}

static u8 *sys_ptr(struct machine *m, u64 la, unsigned int len)
{
	if (la < SYS_BASE || la - SYS_BASE > sizeof(m->sys) - len)
		return NULL;
	return m->sys + (la - SYS_BASE);
}

/* First page of [la, la + len) that is not there, or not for this */
static enum emul_result access_check(struct emul_ctx *c, u64 la,
				     unsigned int len, u8 need, u32 error)
{
	struct machine *m = machine_of(c);
	u64 at = la;

	/* la + len may be 0 */
	for (; at - la < len; at = (at | (PAGE - 1)) + 1)
		if (!page_ok(m, at, need))
			return emul_raise_pf(c, at, error | 4 |
					     page_ok(m, at, 1));
	return EMUL_OK;
}

static enum emul_result m_fetch(struct emul_ctx *c, u64 la, void *buf,
				unsigned int len)
{
	struct machine *m = machine_of(c);
	enum emul_result r = access_check(c, la, len, 4, 0x10);

	if (r == EMUL_OK)
		memcpy(buf, m->mem + (la - m->base), len);
	return r;
}

static enum emul_result m_read(struct emul_ctx *c, u64 la, void *buf,
			       unsigned int len, unsigned int acc)
{
	struct machine *m = machine_of(c);
	bool write = acc & EMUL_ACC_RMW;
	enum emul_result r;

	if (acc & EMUL_ACC_SYSTEM) {
		if (!sys_ptr(m, la, len))
			return emul_raise_pf(c, la, 0);
		memcpy(buf, sys_ptr(m, la, len), len);
		return EMUL_OK;
	}
	if (acc & EMUL_ACC_CHUNK && m->f.decline_chunks)
		return EMUL_UNHANDLED;
	r = access_check(c, la, len, write ? 2 : 1, write ? 2 : 0);
	if (r == EMUL_OK && !(acc & EMUL_ACC_PROBE))
		memcpy(buf, m->mem + (la - m->base), len);
	return r;
}

static void mark_dirty(struct machine *m, u64 la, unsigned int len)
{
	m->dirty |= 1u << (la - m->base) / PAGE;
	m->dirty |= 1u << (la + len - 1 - m->base) / PAGE;
}

static enum emul_result m_write(struct emul_ctx *c, u64 la, const void *buf,
				unsigned int len, unsigned int acc)
{
	struct machine *m = machine_of(c);
	enum emul_result r;

	if (acc & EMUL_ACC_SYSTEM)
		return EMUL_UNHANDLED;
	if (acc & EMUL_ACC_CHUNK && m->f.decline_chunks)
		return EMUL_UNHANDLED;
	r = access_check(c, la, len, 2, 2);
	if (r != EMUL_OK || acc & EMUL_ACC_PROBE)
		return r;
	mark_dirty(m, la, len);
	memcpy(m->mem + (la - m->base), buf, len);
	return EMUL_OK;
}

static enum emul_result m_swap(struct emul_ctx *c, u64 la, const void *old,
			       const void *new, unsigned int len,
			       unsigned int acc)
{
	struct machine *m = machine_of(c);
	enum emul_result r;

	if (acc & EMUL_ACC_SYSTEM)
		return EMUL_UNHANDLED;
	r = access_check(c, la, len, 2, 2);
	if (r != EMUL_OK)
		return r;
	if (memcmp(m->mem + (la - m->base), old, len))
		return EMUL_RETRY;
	return m_write(c, la, new, len, acc);
}

/* FNSTCW and FNSTSW, of an FPU as processes have it */
static enum emul_result m_x87_mem(struct emul_ctx *c, void *buf,
				  unsigned int len, bool keep)
{
	u16 v = c->opcode == 0xd9 ? 0x37f : 0;

	(void)keep;
	if (len != 2)
		return EMUL_UNHANDLED;
	memcpy(buf, &v, 2);
	return EMUL_OK;
}

/* ---- contents ---- */

void machine_fill(struct machine *m)
{
	unsigned int i;
	u64 v;

	for (i = 0; i < ARENA_SIZE; i += 8) {
		if (page_kind[i / PAGE] < 2 || page_kind[i / PAGE] & 4)
			continue;
		v = i & 64 ? 0x4141414141414141ull : rnd_value();
		memcpy(m->pristine + i, &v, 8);
		memcpy(m->mem + i, &v, 8);
		memcpy(m->arena + i, &v, 8);
	}
}

void machine_poke(struct machine *m, u64 la, const void *data, unsigned int n)
{
	u64 at = la - m->base;

	if (la < m->base || at >= ARENA_SIZE || n > ARENA_SIZE - at ||
	    !machine_mapped(at, true) || !machine_mapped(at + n - 1, true))
		return;
	mark_dirty(m, la, n);
	memcpy(m->mem + at, data, n);
	memcpy(m->arena + at, data, n);
}

u64 machine_peek(const struct machine *m, u64 la, unsigned int n)
{
	u64 v = 0, at = la - m->base;

	if (la >= m->base && at < ARENA_SIZE && n <= ARENA_SIZE - at)
		memcpy(&v, m->mem + at, n);
	return v;
}

static void restore_page(struct machine *m, unsigned int i)
{
	memcpy(m->mem + i * PAGE, m->pristine + i * PAGE, PAGE);
	memcpy(m->arena + i * PAGE, m->pristine + i * PAGE, PAGE);
}

bool machine_settle(struct machine *m, u64 *where)
{
	bool same = true;
	unsigned int i, k;

	for (i = 0; i < ARENA_PAGES; i++) {
		if (page_kind[i] < 2 || page_kind[i] & 4)
			continue;
		if (memcmp(m->mem + i * PAGE, m->arena + i * PAGE, PAGE)) {
			for (k = i * PAGE; m->mem[k] == m->arena[k]; k++)
				;
			*where = m->base + k;
			same = false;
			restore_page(m, i);
		} else if (m->dirty >> i & 1) {
			restore_page(m, i);
		}
	}
	m->dirty = 0;
	return same;
}

/* ---- the CPU ---- */

static const int greg_of[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void capture_fpu(struct outcome *o, const u8 *fp)
{
	u64 present = 3;
	unsigned int i;
	u32 magic;

	memset(o->s.ymm, 0, sizeof(o->s.ymm));
	memcpy(&magic, fp + FXSAVE_SW, 4);
	if (magic == FXSAVE_MAGIC)
		memcpy(&present, fp + XSTATE_BV, 8);
	for (i = 0; i < 16; i++) {
		memcpy(o->s.ymm[i], fp + FXSAVE_XMM + 16 * i, 16);
		if (capture.avx && present & 4)
			memcpy(o->s.ymm[i] + 16, fp + XSTATE_YMM + 16 * i, 16);
		if (i < 8)
			memcpy(&o->s.mmx[i], fp + 32 + 16 * i, 8);
	}
}

static bool on_the_way_in(u64 rip)
{
	return rip >= (u64)(uintptr_t)native_run &&
	       rip <= (u64)(uintptr_t)native_iret;
}

void native_captured(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *g = uc->uc_mcontext.gregs;
	struct outcome *o = capture.out;
	u64 sels = g[REG_CSGSFS];
	unsigned int i;

	(void)info;
	if (!o || (!capture.probing && on_the_way_in(g[REG_RIP]))) {
		printf("Bail out! signal %d at %llx (%llx) in the test itself\n",
		       sig, (unsigned long long)g[REG_RIP],
		       (unsigned long long)g[REG_CR2]);

		_exit(1);
	}
	for (i = 0; i < 16; i++)
		o->s.gpr[i] = g[greg_of[i]];
	o->s.rip = g[REG_RIP];
	o->s.rflags = g[REG_EFL];
	o->s.sel[EMUL_CS] = sels;
	o->s.sel[EMUL_SS] = sels >> 48;
	o->s.sel[EMUL_DS] = native.out_sel[0];
	o->s.sel[EMUL_ES] = native.out_sel[1];
	o->s.sel[EMUL_FS] = native.out_sel[2];
	o->s.sel[EMUL_GS] = native.out_sel[3];
	o->s.fsbase = native.out_fsbase;
	o->s.gsbase = native.out_gsbase;
	o->vector = g[REG_TRAPNO];
	o->error = g[REG_ERR];
	o->cr2 = g[REG_CR2];
	o->fault = true;
	o->hung = capture.expired;
	if (capture.simd && uc->uc_mcontext.fpregs)
		capture_fpu(o, (const u8 *)uc->uc_mcontext.fpregs);
	capture.out = NULL;
}

/*
 * The instruction raises something that the kernel resumes from, again and
 * again: go on at an address that has no code.
 */
static void on_alarm(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	if (!capture.out)
		return;
	capture.expired = true;
	uc->uc_mcontext.gregs[REG_RIP] = 0xfff;
}

static void load_fpu_image(const struct state *s, bool avx)
{
	u64 bv = avx ? 7 : 3;
	unsigned int i;
	u16 cw = 0x37f;
	u32 mxcsr = 0x1f80;

	memset(fpu_image, 0, 1024);
	memcpy(fpu_image, &cw, 2);
	memcpy(fpu_image + 24, &mxcsr, 4);
	memcpy(fpu_image + XSTATE_BV, &bv, 8);
	for (i = 0; i < 16; i++) {
		memcpy(fpu_image + FXSAVE_XMM + 16 * i, s->ymm[i], 16);
		memcpy(fpu_image + XSTATE_YMM + 16 * i, s->ymm[i] + 16, 16);
		if (i >= 8)
			continue;
		memcpy(fpu_image + 32 + 16 * i, &s->mmx[i], 8);
		/* exponent of ones: as an MMX write leaves it */
		memset(fpu_image + 32 + 16 * i + 8, 0xff, 2);
	}
	fpu_image[4] = 0xff;	/* abridged tag: all in use */
}

void run_native(struct machine *m, const struct state *s, bool step, bool simd,
		struct outcome *o)
{
	static const struct itimerval limit = { .it_value.tv_sec = 10 };
	static unsigned int runs;

	memcpy(native.gpr, s->gpr, sizeof(native.gpr));
	native.rip = s->rip;
	native.rsp = s->gpr[4];
	native.cs = s->sel[EMUL_CS];
	native.ss = s->sel[EMUL_SS];
	native.rflags = s->rflags | (step ? 0x100 : 0);
	native.sel[0] = s->sel[EMUL_DS];
	native.sel[1] = s->sel[EMUL_ES];
	native.sel[2] = s->sel[EMUL_FS];
	native.sel[3] = s->sel[EMUL_GS];
	native.fsbase = s->fsbase;
	native.gsbase = s->gsbase;
	native.fpu = NULL;
	if (simd) {
		load_fpu_image(s, m->have_avx);
		native.fpu = fpu_image;
		native.xfeatures = m->have_avx ? 7 : 0;
	}
	/* 256 runs are a matter of milliseconds */
	if (!(runs++ & 255))
		setitimer(ITIMER_REAL, &limit, NULL);
	capture.out = o;
	capture.simd = simd;
	capture.avx = m->have_avx;
	native_run();
	if (o->hung)
		runs = 0;
	capture.expired = false;
	/* the trap behind the instruction, or the breakpoint there */
	if (step ? o->vector == EMUL_DB : o->vector == EMUL_BP) {
		o->fault = false;
		if (!step)
			o->s.rip--;
	}
}

/* ---- the emulator ---- */

static enum emul_mode mode_of(const struct emul_seg *cs)
{
	return cs->attr & EMUL_SEG_L ? EMUL_LONG64 :
	       cs->attr & EMUL_SEG_DB ? EMUL_PROT32 : EMUL_PROT16;
}

enum emul_result run_emulated(struct machine *m, const struct state *s,
			      const u8 *code, unsigned int len,
			      struct outcome *o)
{
	struct fake *f = &m->f;
	struct emul_ctx *c = &f->c;
	enum emul_result r;
	unsigned int i;

	memcpy(c->gpr, s->gpr, sizeof(c->gpr));
	memcpy(f->xmm, s->ymm, sizeof(f->xmm));
	memcpy(f->mmx, s->mmx, sizeof(f->mmx));
	c->rflags = s->rflags;
	for (i = 0; i < 6; i++)
		f->seg[i] = *machine_seg(m, s->sel[i]);
	if (!s->sel[EMUL_FS])
		f->seg[EMUL_FS].base = s->fsbase;
	if (!s->sel[EMUL_GS])
		f->seg[EMUL_GS].base = s->gsbase;
	c->mode = mode_of(&f->seg[EMUL_CS]);
	c->rip = s->rip;
	c->cpl = 3;
	c->lma = true;
	memset(&c->fault, 0, sizeof(c->fault));
	r = fake_run(f, code, len);

	memcpy(o->s.gpr, c->gpr, sizeof(c->gpr));
	memcpy(o->s.ymm, f->xmm, sizeof(f->xmm));
	memcpy(o->s.mmx, f->mmx, sizeof(f->mmx));
	o->s.rip = c->rip;
	o->s.rflags = c->rflags;
	for (i = 0; i < 6; i++)
		o->s.sel[i] = f->seg[i].sel;
	o->s.fsbase = f->seg[EMUL_FS].base;
	o->s.gsbase = f->seg[EMUL_GS].base;
	o->fault = r == EMUL_FAULT;
	o->vector = c->fault.vector;
	o->error = c->fault.has_error ? c->fault.error : 0;
	o->cr2 = c->fault.addr;
	return r;
}

/* ---- setting up ---- */

struct cpuid_bit { u32 leaf; u8 reg, bit; enum emul_feature feature; };

static const struct cpuid_bit cpuid_bits[] = {
	{ 1, 3, 8, EMUL_F_CX8 }, { 1, 2, 13, EMUL_F_CX16 },
	{ 1, 3, 15, EMUL_F_CMOV }, { 1, 2, 22, EMUL_F_MOVBE },
	{ 1, 2, 23, EMUL_F_POPCNT }, { 0x80000001, 2, 5, EMUL_F_LZCNT },
	{ 7, 1, 3, EMUL_F_BMI1 }, { 7, 1, 0, EMUL_F_FSGSBASE }, { 1, 3, 11, EMUL_F_SEP },
	{ 0x80000001, 3, 11, EMUL_F_SYSCALL },
	{ 0x80000001, 3, 27, EMUL_F_RDTSCP }, { 1, 2, 26, EMUL_F_XSAVE },
	{ 1, 3, 19, EMUL_F_CLFLUSH }, { 7, 1, 23, EMUL_F_CLFLUSHOPT },
	{ 7, 1, 24, EMUL_F_CLWB }, { 7, 1, 20, EMUL_F_SMAP },
	{ 7, 2, 22, EMUL_F_RDPID }, { 1, 3, 23, EMUL_F_MMX },
	{ 1, 3, 25, EMUL_F_SSE }, { 1, 3, 26, EMUL_F_SSE2 },
	{ 1, 2, 0, EMUL_F_SSE3 }, { 1, 2, 19, EMUL_F_SSE41 },
	{ 1, 2, 28, EMUL_F_AVX }, { 0x80000001, 2, 0, EMUL_F_LAHF64 },
	{ 7, 2, 2, EMUL_F_UMIP }, { 7, 1, 10, EMUL_F_INVPCID },
	{ 1, 2, 3, EMUL_F_MONITOR }, { 1, 2, 20, EMUL_F_SSE42 },
	{ 7, 1, 8, EMUL_F_BMI2 }, { 7, 1, 19, EMUL_F_ADX },
	{ 7, 1, 5, EMUL_F_AVX2 }, { 1, 3, 24, EMUL_F_FXSR },
};

static u32 cpuid_reg(u32 leaf, unsigned int reg)
{
	u32 r[4] = { 0 };

	if (!__get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3]))
		return 0;
	return r[reg];
}

/* The emulator's CPU is this one */
static void take_features(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < sizeof(cpuid_bits) / sizeof(cpuid_bits[0]); i++)
		if (cpuid_reg(cpuid_bits[i].leaf, cpuid_bits[i].reg) >>
		    cpuid_bits[i].bit & 1)
			m->f.features |= 1ull << cpuid_bits[i].feature;
	if (cpuid_reg(0, 1) != 0x756e6547)	/* not "Genu" */
		m->f.features |= 1ull << EMUL_F_AMD;
	if (__builtin_cpu_supports("avx"))	/* the kernel's word, too */
		m->have_avx = true;
	else
		m->f.features &= ~(1ull << EMUL_F_AVX);
	native.fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	m->f.cr[4] |= native.fsgsbase ? 0x10000 : 0;
	m->f.c.va_bits = 48;
}

static bool handlers(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction sa = {
		.sa_sigaction = native_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	stack_t ss = { .ss_size = 256 * 1024 };
	unsigned int i;

	ss.ss_sp = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ss.ss_sp == MAP_FAILED || sigaltstack(&ss, NULL))
		return false;
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigaction(sigs[i], &sa, NULL))
			return false;
	sa.sa_sigaction = on_alarm;
	return !sigaction(SIGALRM, &sa, NULL);
}

static bool map_arena(struct machine *m)
{
	static const int prots[] = {
		[0] = PROT_NONE, [1] = PROT_READ, [2] = PROT_READ | PROT_WRITE,
		[6] = PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	unsigned int i;

	m->arena = mmap((void *)ARENA_BASE, ARENA_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (m->arena == MAP_FAILED)
		return false;
	m->base = (u64)(uintptr_t)m->arena;
	memset(m->arena, 0xcc, ARENA_SIZE);
	memset(m->mem, 0xcc, ARENA_SIZE);
	memset(m->pristine, 0xcc, ARENA_SIZE);
	for (i = 0; i < PAGE; i++)
		m->mem[AT_RO + i] = m->arena[AT_RO + i] = rnd();
	for (i = 0; i < ARENA_PAGES; i++)
		if (mprotect(m->arena + i * PAGE, PAGE, prots[page_kind[i]]))
			return false;
	return true;
}

bool machine_init(struct machine *m)
{

	memset(m, 0, sizeof(*m));
	fake_init(&m->f);
	fake_mode(&m->f, EMUL_LONG64, 3);
	m->f.ops.fetch = m_fetch;
	m->f.ops.read = m_read;
	m->f.ops.write = m_write;
	m->f.ops.swap = m_swap;
	m->f.ops.x87_mem = m_x87_mem;
	if (!map_arena(m)) {
		printf("# no writable and executable memory below 4 GiB\n");
		return false;
	}
	emulated_tables(m);
	make_tables(m);
	take_features(m);
	if (syscall(SYS_arch_prctl, ARCH_GET_FS, &native.host_fsbase) ||
	    !handlers()) {
		printf("# no signal handlers\n");
		return false;
	}
	machine_fill(m);
	return true;
}

void machine_free(struct machine *m)
{
	fake_free(&m->f);
	munmap(m->arena, ARENA_SIZE);
}

/* Does a far transfer to that code segment work here? */
static bool runs_code(struct machine *m, u16 cs, u64 rip)
{
	struct state s = { .rip = rip };
	struct outcome o = { 0 };

	m->arena[AT_CODE] = 0x90;
	s.sel[EMUL_CS] = cs;
	s.sel[EMUL_SS] = machine_sel(S_DATA);
	s.gpr[4] = m->base + AT_STACK_END - 64;
	s.rflags = 0x202;
	capture.probing = true;
	run_native(m, &s, true, false, &o);
	capture.probing = false;
	return !o.fault && o.s.rip == rip + 1 && o.s.sel[EMUL_CS] == cs;
}

bool machine_has(struct machine *m, enum world w)
{
	switch (w) {
	case W_64:
		return true;
	case W_32:
		return m->have_ldt &&
		       runs_code(m, machine_sel(S_CODE32), m->base + AT_CODE);
	default:
		return m->have_ldt &&
		       runs_code(m, machine_sel(S_CODE16), AT_CODE);
	}
}
