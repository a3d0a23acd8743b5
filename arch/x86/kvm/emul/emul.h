/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 instruction decoder and emulator: the interface.
 *
 * Use: fill the input part of struct emul_ctx, emul_decode(), emul_exec(); on
 * EMUL_OK take gpr, rip and rflags back. All other state is reached through
 * struct emul_ops, whose callbacks do paging, MMIO and its completion by user
 * space. The emulator does segmentation, privilege, operand sizes, flags, the
 * order of checks, and exceptions.
 */
#ifndef KVM_X86_EMUL_H
#define KVM_X86_EMUL_H

#include "env.h"

/* How the code segment and CR0/EFLAGS/EFER make the CPU read instructions. */
enum emul_mode {
	EMUL_REAL,	/* CR0.PE = 0; CS.D may still be 1 ("unreal") */
	EMUL_VM86,	/* EFLAGS.VM = 1 */
	EMUL_PROT16,	/* protected or compatibility mode, CS.D = 0 */
	EMUL_PROT32,	/* protected or compatibility mode, CS.D = 1 */
	EMUL_LONG64,	/* EFER.LMA = 1, CS.L = 1 */
};

enum emul_result {
	EMUL_OK,	/* done, or a chunk of REP iterations done: commit */
	EMUL_FAULT,	/* inject ctx->fault; commit: REP progress, a new task */
	EMUL_USER,	/* user space must act; then emul_exec() again */
	EMUL_RETRY,	/* enter the guest again at the same RIP */
	EMUL_UNHANDLED,	/* not implemented: report ctx->insn[0..fetched) */
};

enum emul_seg_id {
	EMUL_ES, EMUL_CS, EMUL_SS, EMUL_DS, EMUL_FS, EMUL_GS,
	EMUL_LDTR, EMUL_TR,
	EMUL_NR_SEGS,
};

/* attr: bits 0-7 = descriptor bits 40-47, bits 8-11 = descriptor bits 52-55 */
#define EMUL_SEG_TYPE		0x000f
#define EMUL_SEG_S		0x0010
#define EMUL_SEG_DPL_SHIFT	5
#define EMUL_SEG_DPL		0x0060
#define EMUL_SEG_P		0x0080
#define EMUL_SEG_AVL		0x0100
#define EMUL_SEG_L		0x0200
#define EMUL_SEG_DB		0x0400
#define EMUL_SEG_G		0x0800
#define EMUL_SEG_UNUSABLE	0x1000	/* null selector loaded */

struct emul_seg {
	u64 base;
	u32 limit;	/* in bytes, G already applied */
	u16 sel;
	u16 attr;
};

struct emul_dt {
	u64 base;
	u16 limit;
};

enum emul_dt_id { EMUL_GDTR, EMUL_IDTR };

struct emul_fault {
	u8 vector;
	bool has_error;
	bool nested;	/* owner's: address is a nested (L2) physical address */
	u32 error;
	u64 addr;	/* CR2 of #PF, payload of #DB */
	u64 opaque;	/* owner's, never touched by the emulator */
};

enum emul_vector {
	EMUL_DE = 0, EMUL_DB = 1, EMUL_BP = 3, EMUL_OF = 4, EMUL_BR = 5,
	EMUL_UD = 6, EMUL_NM = 7, EMUL_DF = 8, EMUL_TS = 10, EMUL_NP = 11,
	EMUL_SS_VEC = 12, EMUL_GP = 13, EMUL_PF = 14, EMUL_MF = 16,
	EMUL_AC = 17, EMUL_XM = 19,
};

/* Access flags of read() and write() */
#define EMUL_ACC_SYSTEM	0x01	/* implicit supervisor access whatever CPL is */
#define EMUL_ACC_RMW	0x02	/* read that will be written: check for write */
#define EMUL_ACC_PROBE	0x04	/* check only, buf is NULL, no effect */
#define EMUL_ACC_STACK	0x08	/* implicit stack push or pop */
#define EMUL_ACC_CHUNK	0x10	/* several REP elements, within one page */

/* Features that change what is defined; see cpu_has() */
enum emul_feature {
	EMUL_F_AMD,		/* AMD or Hygon behaviour where vendors differ */
	EMUL_F_CX8, EMUL_F_CX16, EMUL_F_CMOV, EMUL_F_MOVBE, EMUL_F_POPCNT,
	EMUL_F_LZCNT, EMUL_F_BMI1, EMUL_F_SEP, EMUL_F_SYSCALL, EMUL_F_RDTSCP,
	EMUL_F_XSAVE, EMUL_F_CLFLUSH, EMUL_F_CLFLUSHOPT, EMUL_F_CLWB,
	EMUL_F_SMAP, EMUL_F_FSGSBASE, EMUL_F_RDPID, EMUL_F_MMX, EMUL_F_SSE,
	EMUL_F_SSE2, EMUL_F_SSE3, EMUL_F_SSE41, EMUL_F_AVX, EMUL_F_LAHF64,
	EMUL_F_UMIP, EMUL_F_INVPCID, EMUL_F_MONITOR, EMUL_F_SSE42,
	EMUL_F_BMI2, EMUL_F_ADX, EMUL_F_AVX2, EMUL_F_FXSR,
	EMUL_NR_FEATURES,
};

/*
 * Intercept points for a nested guest. intercept() is asked after the
 * instruction's exception checks and before any effect. ctx->modrm tells
 * which control or debug register. For port I/O see ctx->io.
 */
enum emul_intercept {
	EMUL_ICPT_NONE,
	EMUL_ICPT_CR_READ, EMUL_ICPT_CR_WRITE, EMUL_ICPT_DR_READ,
	EMUL_ICPT_DR_WRITE, EMUL_ICPT_CLTS, EMUL_ICPT_LMSW, EMUL_ICPT_SMSW,
	EMUL_ICPT_LGDT, EMUL_ICPT_LIDT, EMUL_ICPT_SGDT, EMUL_ICPT_SIDT,
	EMUL_ICPT_LLDT, EMUL_ICPT_LTR, EMUL_ICPT_SLDT, EMUL_ICPT_STR,
	EMUL_ICPT_RDTSC, EMUL_ICPT_RDTSCP, EMUL_ICPT_RDPMC, EMUL_ICPT_RDMSR,
	EMUL_ICPT_WRMSR, EMUL_ICPT_CPUID, EMUL_ICPT_HLT, EMUL_ICPT_PAUSE,
	EMUL_ICPT_INVLPG, EMUL_ICPT_INVD, EMUL_ICPT_WBINVD, EMUL_ICPT_XSETBV,
	EMUL_ICPT_PUSHF, EMUL_ICPT_POPF, EMUL_ICPT_IRET, EMUL_ICPT_INTN,
	EMUL_ICPT_RSM, EMUL_ICPT_HYPERCALL, EMUL_ICPT_MONITOR, EMUL_ICPT_MWAIT,
	EMUL_ICPT_IO_IN, EMUL_ICPT_IO_OUT, EMUL_ICPT_IO_INS, EMUL_ICPT_IO_OUTS,
	EMUL_ICPT_TASK_SWITCH,
};

/* x87 control access: no operand, or a word that is read */
enum emul_x87 { EMUL_FNINIT, EMUL_FNSTSW, EMUL_FNSTCW, EMUL_FNCLEX };

struct emul_ctx;

/*
 * Callbacks. Every one gets the context and returns an emul_result; anything
 * but EMUL_OK ends this pass of emul_exec() with that result, and nothing of
 * the instruction is committed. One that returns EMUL_FAULT has filled
 * ctx->fault (see emul_raise*()).
 *
 * Restart: after EMUL_USER the same callbacks come again in the same order
 * with the same arguments; the owner answers those already served from its
 * log. When ctx->epoch differs from the last one seen, all accesses before are
 * final (a REP iteration was committed) and the log is to be emptied.
 *
 * Addresses are linear; an access may cross a page, never the end of the
 * address space. fetch, read, write, cmpxchg, get_seg and get_cr are required;
 * a missing other one makes its instructions EMUL_UNHANDLED.
 */
struct emul_ops {
	enum emul_result (*fetch)(struct emul_ctx *c, u64 la, void *buf,
				  unsigned int len);
	/*
	 * len: 1..16, 32, or with EMUL_ACC_CHUNK up to 512. A chunk that is
	 * not plain memory is declined by EMUL_UNHANDLED before any effect;
	 * the emulator then goes element by element.
	 */
	enum emul_result (*read)(struct emul_ctx *c, u64 la, void *buf,
				 unsigned int len, unsigned int acc);
	enum emul_result (*write)(struct emul_ctx *c, u64 la, const void *buf,
				  unsigned int len, unsigned int acc);
	/*
	 * Atomically replace old by new (len 1, 2, 4, 8, 16); EMUL_RETRY when
	 * memory no longer holds old. A plain write of new where the address
	 * is no memory. The range was read() before. acc: SYSTEM or 0.
	 */
	enum emul_result (*swap)(struct emul_ctx *c, u64 la, const void *old,
				 const void *new, unsigned int len,
				 unsigned int acc);
	/*
	 * Transfer up to count elements, tell in *done how many (at least one
	 * on EMUL_OK). The permission bitmap has been checked.
	 */
	enum emul_result (*pio_in)(struct emul_ctx *c, u16 port,
				   unsigned int size, void *buf,
				   unsigned int count, unsigned int *done);
	enum emul_result (*pio_out)(struct emul_ctx *c, u16 port,
				    unsigned int size, const void *buf,
				    unsigned int count, unsigned int *done);
	enum emul_result (*get_seg)(struct emul_ctx *c, enum emul_seg_id id,
				    struct emul_seg *seg);
	/* Checked already; must not fail for a reason of the guest's */
	enum emul_result (*set_seg)(struct emul_ctx *c, enum emul_seg_id id,
				    const struct emul_seg *seg);
	enum emul_result (*get_dt)(struct emul_ctx *c, enum emul_dt_id id,
				   struct emul_dt *dt);
	enum emul_result (*set_dt)(struct emul_ctx *c, enum emul_dt_id id,
				   const struct emul_dt *dt);
	/* n: 0, 2, 3, 4, 8 (checked). set_cr raises #GP on an illegal value */
	enum emul_result (*get_cr)(struct emul_ctx *c, unsigned int n, u64 *v);
	enum emul_result (*set_cr)(struct emul_ctx *c, unsigned int n, u64 v);
	/* n: 0..3, 6, 7; the emulator has done CPL, CR4.DE and DR7.GD */
	enum emul_result (*get_dr)(struct emul_ctx *c, unsigned int n, u64 *v);
	enum emul_result (*set_dr)(struct emul_ctx *c, unsigned int n, u64 v);
	/* The emulator's own need (EFER, STAR, ...): no filter, no exit */
	enum emul_result (*get_msr)(struct emul_ctx *c, u32 msr, u64 *v);
	enum emul_result (*set_msr)(struct emul_ctx *c, u32 msr, u64 v);
	/* The guest's RDMSR and WRMSR */
	enum emul_result (*rdmsr)(struct emul_ctx *c, u32 msr, u64 *v);
	enum emul_result (*wrmsr)(struct emul_ctx *c, u32 msr, u64 v);
	enum emul_result (*rdpmc)(struct emul_ctx *c, u32 idx, u64 *v);
	/* regs: EAX, EBX, ECX, EDX, with leaf and subleaf in EAX and ECX */
	enum emul_result (*cpuid)(struct emul_ctx *c, u32 regs[4]);
	enum emul_result (*xgetbv)(struct emul_ctx *c, u32 idx, u64 *v);
	enum emul_result (*xsetbv)(struct emul_ctx *c, u32 idx, u64 v);
	enum emul_result (*hlt)(struct emul_ctx *c);
	enum emul_result (*wbinvd)(struct emul_ctx *c);
	enum emul_result (*invlpg)(struct emul_ctx *c, u64 la);
	/* VMCALL or VMMCALL; may change c->gpr (by emul_set_gpr()) */
	enum emul_result (*hypercall)(struct emul_ctx *c);
	/* RSM: replaces all state, gpr/rip/rflags of the context included */
	enum emul_result (*smm_leave)(struct emul_ctx *c);
	/* Nested guest wants to see this: anything but EMUL_OK ends the pass */
	enum emul_result (*intercept)(struct emul_ctx *c,
				      enum emul_intercept id);
	enum emul_result (*get_xmm)(struct emul_ctx *c, unsigned int reg,
				    void *buf, unsigned int len);
	enum emul_result (*put_xmm)(struct emul_ctx *c, unsigned int reg,
				    const void *buf, unsigned int len);
	enum emul_result (*get_mmx)(struct emul_ctx *c, unsigned int reg,
				    u64 *v);
	enum emul_result (*put_mmx)(struct emul_ctx *c, unsigned int reg,
				    const u64 *v);
	enum emul_result (*x87)(struct emul_ctx *c, enum emul_x87 what, u16 *v);
	/*
	 * Run c->opcode (d8..df) with ModRM.reg and a memory operand in buf on
	 * the guest's FPU, where no exception is pending. keep: its state is
	 * as before, only buf has the result.
	 */
	enum emul_result (*x87_mem)(struct emul_ctx *c, void *buf,
				    unsigned int len, bool keep);
	/* FXSAVE or FXRSTOR of buf, 512 bytes: x87, MXCSR, 16 XMM registers */
	enum emul_result (*fxstate)(struct emul_ctx *c, void *buf,
				    bool restore);
	bool (*cpu_has)(struct emul_ctx *c, enum emul_feature f);
};

/* An operand: where it lives and its value. The emulator's own. */
struct emul_opnd {
	u64 val;
	u64 old;	/* memory: value read, for LOCKed replacement */
	u8 kind;
	u8 size;	/* bytes */
	u8 reg;
};

struct emul_io {
	u16 port;
	u8 size;
	bool rep;
};

struct emul_op;

/* Values of int_shadow */
#define EMUL_SHADOW_STI		1
#define EMUL_SHADOW_MOVSS	2

struct emul_ctx {
	/* Input: the caller fills these */
	const struct emul_ops *ops;
	void *owner;
	u64 gpr[16];		/* in and out; RAX RCX RDX RBX RSP ... R15 */
	u64 rip;		/* in and out */
	u64 rflags;		/* in and out */
	u8 mode;		/* enum emul_mode; in and out */
	u8 cpl;			/* in and out; 3 in VM86 mode, 0 in real mode */
	bool lma;		/* EFER.LMA */
	u8 va_bits;		/* canonical width: 48, or 57 with CR4.LA57 */

	/* Output, valid after EMUL_OK */
	u8 int_shadow;		/* EMUL_SHADOW_* to begin after this one */
	bool rep_more;		/* REP has iterations left: rip not moved */
	bool replaced;		/* RSM: smm_leave() has set everything */
	bool iret;		/* an IRET: NMIs are no longer blocked */
	u64 trap_dr6;		/* a #DB trap behind this one: DR6's bits; also
				 * with rep_more */
	struct emul_fault fault; /* valid after EMUL_FAULT */
	u32 epoch;		/* changes when a REP iteration is committed */

	/* Decoded state, readable by callbacks; insn_len is decode's result */
	u8 insn[15];
	u8 insn_len;
	u8 fetched;		/* bytes of insn that hold fetched code */
	u8 op_bytes;		/* operand size: 2, 4, 8 */
	u8 ad_bytes;		/* address size: 2, 4, 8 */
	u8 rex;
	u8 rep;			/* 0, 0xf2 or 0xf3 */
	u8 seg;			/* effective segment of the memory operand */
	bool opsize_pfx;	/* 66 seen */
	bool lock;
	bool has_modrm;
	bool rip_rel;
	bool ea_rsp;		/* base register is RSP: POP moves it first */
	u8 modrm;
	u8 modrm_reg;		/* with REX.R */
	u8 modrm_rm;		/* with REX.B */
	u8 opcode;		/* last opcode byte */
	u8 map;			/* 1: one byte, 2: 0f, 3: 0f38, 4: 0f3a */
	u8 vex_l;
	u8 vex_v;
	bool vex_w;		/* whatever the mode; REX.W is in rex */
	bool vex;
	u64 ea;			/* offset in segment, before limits */
	u64 imm;
	u64 imm2;
	const struct emul_op *op;
	struct emul_io io;

	/* Execution: the emulator's own */
	u64 next_rip;
	u64 new_rip;
	u64 old_rflags;
	u64 undo[16];		/* values of gprs written since last commit */
	u16 undo_mask;
	u8 seg_valid;		/* segs[] filled in this pass */
	u8 old_mode;
	u8 old_cpl;
	bool committed;		/* REP made progress since decoding, or a task
				 * was left: what is there is not undone */
	bool step;		/* EFLAGS.TF was set when it began */
	struct emul_opnd dst;
	struct emul_opnd src;
	struct emul_seg segs[6];
};

/**
 * emul_decode() - decode the instruction at c->rip
 * @c: context with the input part filled
 * @bytes: bytes the caller already has (decode assist), or NULL
 * @nbytes: how many; more are fetched as needed
 *
 * On EMUL_OK c->insn_len is the length. EMUL_FAULT: fetching faulted, or the
 * instruction is undefined or too long. EMUL_UNHANDLED: not in the tables.
 * No state is changed in any case.
 */
enum emul_result emul_decode(struct emul_ctx *c, const u8 *bytes,
			     unsigned int nbytes);

/**
 * emul_exec() - execute what emul_decode() found
 * @c: decoded context
 *
 * Unless EMUL_OK comes back (or REP made progress, which is in gpr and told by
 * a new epoch), gpr, rip and rflags are as before the call; so they may be
 * taken back after any result. May be called again without decoding after
 * EMUL_USER, and after EMUL_OK with rep_more.
 */
enum emul_result emul_exec(struct emul_ctx *c);

/* What emul_interrupt() delivers */
enum emul_int_kind {
	EMUL_INT_HW,	/* external interrupt or NMI */
	EMUL_INT_EXC,	/* exception, error code in c->fault */
	EMUL_INT_SOFT,	/* INT n, INT3, INTO: DPL is checked */
};

/**
 * emul_interrupt() - deliver an event through the guest's IVT or IDT
 * @c: context with the input part filled; no decode needed
 * @vector: which
 * @kind: EMUL_INT_*
 *
 * For events that hardware cannot deliver itself. rip must be what is to be
 * pushed. Results as for emul_exec(). EMUL_FAULT with c->committed: a task gate
 * was taken, rip and all else are the new task's, and so is the fault.
 */
enum emul_result emul_interrupt(struct emul_ctx *c, u8 vector,
				enum emul_int_kind kind);

/* Write a register so that it is undone when the pass does not end in OK. */
static inline void emul_set_gpr(struct emul_ctx *c, unsigned int n, u64 v)
{
	n &= 15;
	if (!(c->undo_mask & (1u << n))) {
		c->undo_mask |= 1u << n;
		c->undo[n] = c->gpr[n];
	}
	c->gpr[n] = v;
}

/* Raise an exception that has no error code */
static inline enum emul_result emul_raise(struct emul_ctx *c, u8 vector)
{
	c->fault.vector = vector;
	c->fault.has_error = false;
	c->fault.nested = false;
	c->fault.error = 0;
	c->fault.addr = 0;
	return EMUL_FAULT;
}

/* Raise one that has; real mode pushes none */
static inline enum emul_result emul_raise_err(struct emul_ctx *c, u8 vector,
					      u32 error)
{
	emul_raise(c, vector);
	c->fault.has_error = c->mode != EMUL_REAL;
	c->fault.error = error;
	return EMUL_FAULT;
}

static inline enum emul_result emul_raise_pf(struct emul_ctx *c, u64 addr,
					     u32 error)
{
	emul_raise_err(c, EMUL_PF, error);
	c->fault.addr = addr;
	return EMUL_FAULT;
}

#endif
