/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the emulator's own files: opcode rows, operand notation, helpers.
 *
 * An opcode row tells everything about an instruction but its arithmetic:
 * operands, immediates, legality. emul_exec() loads the operands, calls
 * ->exec, which works on c->dst.val and c->src.val, and stores the result.
 */
#ifndef KVM_X86_EMUL_INTERNAL_H
#define KVM_X86_EMUL_INTERNAL_H

#include "emul.h"

typedef enum emul_result (*emul_fn)(struct emul_ctx *c);

struct emul_op {
	union {
		emul_fn exec;
		const struct emul_op *sub;	/* with F_SUB flags */
	};
	u32 flags;
	u8 dst;		/* operand notation, see OPND() */
	u8 src;
	u8 imm;		/* enum emul_imm; kind of prefix with F_PREFIX */
	u8 icpt;	/* enum emul_intercept */
	u8 feature;	/* enum emul_feature + 1, 0: always there */
};

#define F_MODRM		0x00000001u
#define F_PREFIX	0x00000002u	/* prefix or escape byte */
#define F_LOCK		0x00000004u	/* LOCK allowed when dst is memory */
#define F_D64		0x00000008u	/* 64-bit mode: operand size 64 or 16 */
#define F_F64		0x00000010u	/* 64-bit mode: near branch, size 64 */
#define F_NO64		0x00000020u	/* #UD in 64-bit mode */
#define F_ONLY64	0x00000040u	/* #UD outside of it */
#define F_PRIV		0x00000080u	/* #GP(0) unless CPL is 0 */
#define F_PROT		0x00000100u	/* #UD in real and VM86 mode */
#define F_MOV		0x00000200u	/* dst is not read */
#define F_NOWR		0x00000400u	/* dst is not written */
#define F_WRSRC		0x00000800u	/* src is written, before dst */
#define F_MEM		0x00001000u	/* #UD with a register r/m */
#define F_REG		0x00002000u	/* #UD with a memory r/m */
#define F_UD		0x00004000u	/* undefined by architecture */
#define F_GROUP		0x00008000u	/* sub[ModRM.reg] */
#define F_MODSEL	0x00010000u	/* sub[memory, register] */
#define F_PFXSEL	0x00020000u	/* sub[none, 66, f3, f2] */
#define F_RMSEL		0x00040000u	/* sub[ModRM.rm] */
#define F_SSE		0x00080000u	/* #UD/#NM by CR0.EM, TS, CR4.OSFXSR */
#define F_MMX		0x00100000u	/* #UD/#NM by CR0.EM, TS; #MF */
#define F_X87		0x00200000u	/* #NM by CR0.EM, TS */
#define F_CRDR		0x00400000u	/* ModRM.mod is ignored: registers */
#define F_UMIP		0x00800000u	/* #GP(0) by CR4.UMIP and CPL */
#define F_VEX		0x01000000u	/* has a VEX form of the same shape */
#define F_LONGSEL	0x02000000u	/* sub[not 64-bit mode, 64-bit mode] */
#define F_UDCPL		0x04000000u	/* #UD unless CPL is 0 */

#define F_SUB		(F_GROUP | F_MODSEL | F_PFXSEL | F_RMSEL | F_LONGSEL)
#define F_LEGAL		(F_NO64 | F_ONLY64 | F_PROT | F_MEM | F_REG | F_UD)
#define F_CHECK		(F_PRIV | F_UDCPL | F_SSE | F_MMX | F_X87 | F_UMIP)

/* Operand notation: what it is, and its size */
#define OPND(kind, size)	((kind) << 3 | (size))

enum emul_size {
	SZ_B, SZ_W, SZ_D, SZ_Q,
	SZ_V,		/* operand size */
	SZ_Y,		/* 8 with REX.W, else 4 */
	SZ_M,		/* 8 in 64-bit mode, else 4 */
	SZ_Z,		/* operand size, 4 at most */
};

enum emul_opnd_kind {
	K_NONE, K_REG, K_RM, K_OPR, K_ACC, K_IMM, K_MOFFS, K_ONE, K_CL,
	K_EA,		/* the offset itself: LEA */
	K_RMX,		/* register: operand size; memory: 16 bits */
	K_CRDR,		/* r/m as register whatever mod says */
	K_MEMOP,	/* memory that the body reaches itself; LOCK looks at it */
};

/* Shorthands close to the manuals' opcode maps */
enum {
	Eb = OPND(K_RM, SZ_B), Ew = OPND(K_RM, SZ_W), Ev = OPND(K_RM, SZ_V),
	Ed = OPND(K_RM, SZ_D), Ey = OPND(K_RM, SZ_Y), Ewv = OPND(K_RMX, SZ_V),
	Gb = OPND(K_REG, SZ_B), Gw = OPND(K_REG, SZ_W), Gv = OPND(K_REG, SZ_V),
	Ez = OPND(K_RM, SZ_Z), Gy = OPND(K_REG, SZ_Y), Gd = OPND(K_REG, SZ_D),
	Zb = OPND(K_OPR, SZ_B), Zv = OPND(K_OPR, SZ_V),
	AL = OPND(K_ACC, SZ_B), rAX = OPND(K_ACC, SZ_V),
	Ib = OPND(K_IMM, SZ_B), Iv = OPND(K_IMM, SZ_V),
	Ob = OPND(K_MOFFS, SZ_B), Ov = OPND(K_MOFFS, SZ_V),
	One = OPND(K_ONE, SZ_B), CL = OPND(K_CL, SZ_B),
	Mea = OPND(K_EA, SZ_V),
	Rm = OPND(K_CRDR, SZ_M), Mx = OPND(K_MEMOP, SZ_B),
};

enum emul_imm {
	I_NONE,
	I_B,		/* 8 bits, sign-extended */
	I_UB,		/* 8 bits, zero-extended */
	I_W,		/* 16 bits, zero-extended */
	I_Z,		/* 16 or 32 bits, sign-extended */
	I_V,		/* 16, 32 or 64 bits */
	I_FAR,		/* offset in imm, selector in imm2 */
	I_ENTER,	/* 16 bits in imm, 8 in imm2 */
	I_MOFFS,	/* address-sized offset, to ea */
};

/* With F_PREFIX, in ->imm; the value is in ->dst */
enum emul_prefix { P_SEG, P_66, P_67, P_LOCK, P_REP, P_0F, P_VEX2, P_VEX3 };

/* Where a decoded operand lives */
enum { OPND_NONE, OPND_REG, OPND_HI, OPND_MEM, OPND_VAL };

extern const struct emul_op emul_map1[256];
extern const struct emul_op emul_map2[256];
extern const struct emul_op emul_map3[256];
extern const struct emul_op emul_map4_f0;
extern const struct emul_op emul_op_unknown;

/* EFLAGS */
#define FL_CF	0x00000001ull
#define FL_PF	0x00000004ull
#define FL_AF	0x00000010ull
#define FL_ZF	0x00000040ull
#define FL_SF	0x00000080ull
#define FL_TF	0x00000100ull
#define FL_IF	0x00000200ull
#define FL_DF	0x00000400ull
#define FL_OF	0x00000800ull
#define FL_IOPL	0x00003000ull
#define FL_NT	0x00004000ull
#define FL_RF	0x00010000ull
#define FL_VM	0x00020000ull
#define FL_AC	0x00040000ull
#define FL_VIF	0x00080000ull
#define FL_VIP	0x00100000ull
#define FL_ID	0x00200000ull
#define FL_ARITH (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF)

#define CR0_PE	0x00000001ull
#define CR0_MP	0x00000002ull
#define CR0_EM	0x00000004ull
#define CR0_TS	0x00000008ull
#define CR0_AM	0x00040000ull
#define CR0_PG	0x80000000ull
#define CR4_VME	0x00000001ull
#define CR4_PVI	0x00000002ull
#define CR4_TSD	0x00000004ull
#define CR4_DE	0x00000008ull
#define CR4_PCE	0x00000100ull
#define CR4_OSFXSR 0x00000200ull
#define CR4_UMIP 0x00000800ull
#define CR4_FSGSBASE 0x00010000ull
#define CR4_OSXSAVE 0x00040000ull

enum { R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI };

/* Run a step; leave when it does not end in EMUL_OK */
#define TRY(expr) do {						\
	enum emul_result try_ = (expr);				\
	if (unlikely(try_ != EMUL_OK))				\
		return try_;					\
} while (0)

/* Call an optional callback */
#define OPTIONAL(c, op, ...)					\
	((c)->ops->op ? (c)->ops->op((c), ##__VA_ARGS__) : EMUL_UNHANDLED)

static inline u64 size_mask(unsigned int size)
{
	return ~0ull >> (64 - 8 * size);
}

static inline u64 size_sign(unsigned int size)
{
	return 1ull << (8 * size - 1);
}

static inline s64 sign_extend(u64 v, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (s64)(v << shift) >> shift;
}

static inline bool is_long64(const struct emul_ctx *c)
{
	return c->mode == EMUL_LONG64;
}

/* Real and VM86 mode: selectors are paragraphs */
static inline bool is_paragraph(const struct emul_ctx *c)
{
	return c->mode <= EMUL_VM86;
}

static inline bool emul_has(struct emul_ctx *c, enum emul_feature f)
{
	return c->ops->cpu_has && c->ops->cpu_has(c, f);
}

static inline unsigned int emul_iopl(const struct emul_ctx *c)
{
	return (c->rflags & FL_IOPL) >> 12;
}

static inline enum emul_result emul_gp0(struct emul_ctx *c)
{
	return emul_raise_err(c, EMUL_GP, 0);
}

static inline bool is_canonical(const struct emul_ctx *c, u64 la)
{
	unsigned int shift = 64 - c->va_bits;

	return (u64)((s64)(la << shift) >> shift) == la;
}

/* operand.c: registers */
u64 emul_reg(const struct emul_ctx *c, unsigned int n, unsigned int size);
void emul_set_reg(struct emul_ctx *c, unsigned int n, unsigned int size, u64 v);
enum emul_result emul_seg(struct emul_ctx *c, unsigned int id,
			  const struct emul_seg **seg);
enum emul_result emul_put_seg(struct emul_ctx *c, unsigned int id,
			      const struct emul_seg *seg);

/* operand.c: memory through segments; size 0 is never asked for */
enum emul_result emul_linear(struct emul_ctx *c, unsigned int seg, u64 ea,
			     unsigned int size, bool write, u64 *la);
enum emul_result emul_linear_aligned(struct emul_ctx *c, unsigned int seg,
				     u64 ea, unsigned int size, bool write,
				     u64 *la);
enum emul_result emul_read_la(struct emul_ctx *c, u64 la, void *buf,
			      unsigned int len, unsigned int acc);
enum emul_result emul_write_la(struct emul_ctx *c, u64 la, const void *buf,
			       unsigned int len, unsigned int acc);
enum emul_result emul_read_mem(struct emul_ctx *c, unsigned int seg, u64 ea,
			       unsigned int size, unsigned int acc, u64 *v);
enum emul_result emul_write_mem(struct emul_ctx *c, unsigned int seg, u64 ea,
				unsigned int size, unsigned int acc, u64 v);
u64 emul_wrap_ea(const struct emul_ctx *c, u64 ea);

/* operand.c: operands of the row, and the stack */
enum emul_result emul_load(struct emul_ctx *c, struct emul_opnd *o,
			   unsigned int acc);
enum emul_result emul_store(struct emul_ctx *c, struct emul_opnd *o);
enum emul_result emul_stack_bytes(struct emul_ctx *c, unsigned int *bytes);
enum emul_result emul_push(struct emul_ctx *c, u64 v, unsigned int size);
enum emul_result emul_pop(struct emul_ctx *c, u64 *v, unsigned int size);
enum emul_result emul_pop_sel(struct emul_ctx *c, u64 *v, unsigned int size);
enum emul_result emul_add_sp(struct emul_ctx *c, s64 delta);

/* exec.c */
enum emul_result emul_icpt(struct emul_ctx *c, enum emul_intercept id);
void emul_commit(struct emul_ctx *c);
bool emul_cond(const struct emul_ctx *c, unsigned int cc);
void emul_enter_pass(struct emul_ctx *c);
enum emul_result emul_finish(struct emul_ctx *c, enum emul_result r);

/* seg.c: descriptors */
struct emul_desc {
	u32 lo, hi;	/* as in memory */
	u64 la;		/* where it lies */
	u32 base_hi;	/* upper half of a 16-byte descriptor */
	u16 sel;
};

#define DESC_TYPE(d)	((d)->hi >> 8 & 15)
#define DESC_S(d)	((d)->hi >> 12 & 1)
#define DESC_DPL(d)	((d)->hi >> 13 & 3)
#define DESC_P(d)	((d)->hi >> 15 & 1)
#define DESC_L(d)	((d)->hi >> 21 & 1)
#define DESC_DB(d)	((d)->hi >> 22 & 1)
#define DESC_CODE(d)	(DESC_S(d) && (d)->hi >> 11 & 1)
#define DESC_CONFORMING(d) ((d)->hi >> 10 & 1)
#define DESC_ACCESSED	0x100u
#define DESC_BUSY	0x200u

/* System descriptor types */
enum {
	SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4,
	SYS_TASK = 5, SYS_INT16 = 6, SYS_TRAP16 = 7, SYS_TSS = 9,
	SYS_TSS_BUSY = 11, SYS_CALL = 12, SYS_INT = 14, SYS_TRAP = 15,
};

enum emul_result emul_read_desc(struct emul_ctx *c, u16 sel,
				struct emul_desc *d, u8 vector, u32 ext);
enum emul_result emul_read_desc_hi(struct emul_ctx *c, struct emul_desc *d);
enum emul_result emul_mark_desc(struct emul_ctx *c, const struct emul_desc *d,
				u32 bits);
void emul_desc_to_seg(const struct emul_desc *d, struct emul_seg *seg);
enum emul_result emul_paragraph_seg(struct emul_ctx *c, unsigned int id,
				    u16 sel, struct emul_seg *seg);
/* Check a selector for a data or stack segment; nothing is loaded yet */
enum emul_result emul_check_seg(struct emul_ctx *c, unsigned int id, u16 sel,
				unsigned int cpl, u8 vector, u32 ext,
				struct emul_seg *seg);
enum emul_result emul_load_seg(struct emul_ctx *c, unsigned int id, u16 sel);
void emul_cache_seg(struct emul_ctx *c, unsigned int id,
		    const struct emul_seg *seg);
enum emul_result emul_io_allowed(struct emul_ctx *c, u16 port,
				 unsigned int size);

/* Why an event is delivered, and what it brings */
struct emul_event {
	u32 ext;	/* EXT of the error codes that arise (SDM 3A 6.13) */
	u32 error;
	bool has_error;
};

/* intr.c: stacks of inner levels */
enum emul_result emul_inner_stack(struct emul_ctx *c, unsigned int cpl,
				  u32 ext, struct emul_seg *ss, u64 *sp);
void emul_enter_level(struct emul_ctx *c, const struct emul_seg *cs,
		      unsigned int cpl, const struct emul_seg *ss, u64 sp);
/* r, but with this error code if it is that vector */
enum emul_result emul_with_error(struct emul_ctx *c, enum emul_result r,
				 u8 vector, u32 error);

/* x87.c */
enum emul_result emul_x87_pending(struct emul_ctx *c);

/* vme.c */
enum emul_result emul_virtual_if(struct emul_ctx *c, bool *virtual);
u64 emul_vme_image(const struct emul_ctx *c);
enum emul_result emul_vme_flags(struct emul_ctx *c, u64 v);
enum emul_result emul_vme_redirects(struct emul_ctx *c, u8 vector, bool *own);
enum emul_result emul_vme_interrupt(struct emul_ctx *c, u8 vector);

/* task.c */
enum emul_task_why {
	EMUL_TASK_CALL, EMUL_TASK_IRET, EMUL_TASK_JMP, EMUL_TASK_GATE,
};
/* sel was not looked at; rip is what the old task goes on with */
enum emul_result emul_task_switch(struct emul_ctx *c, u16 sel,
				  enum emul_task_why why, u64 rip,
				  const struct emul_event *ev);
enum emul_result emul_task_return(struct emul_ctx *c);

/* far.c */
enum emul_result emul_to_code(struct emul_ctx *c, const struct emul_seg *cs,
			      u64 rip);
enum emul_result emul_check_rip(struct emul_ctx *c, const struct emul_seg *cs,
				u64 rip);
void emul_set_mode(struct emul_ctx *c, const struct emul_seg *cs);

#endif
