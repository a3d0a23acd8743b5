// SPDX-License-Identifier: GPL-2.0-only
/*
 * From exit codes to the intercept record: one row per code, a reason, the
 * instruction's length and a decoder where there is more to tell.
 *
 * Lengths are those of the instruction without redundant prefixes, for CPUs
 * that do not save the next RIP. A guest that writes, say, REP CPUID then runs
 * on in the middle of it: its own business. 0: the emulator's decoder counts.
 */
#include <linux/indirect_call_wrapper.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/ptrace.h>

#include "block.h"

#define VEC_DB	1
#define VEC_PF	14
#define VEC_MC	18

/* Vectors that push an error code: DF, TS, NP, SS, GP, PF, AC, CP */
#define ERROR_VECTORS	(BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | \
			 BIT(17) | BIT(21))

#define SVM_TASK_RF	BIT_ULL(48)

struct svm_exit_row {
	u8 reason;
	u8 len;
	void (*decode)(struct svm_vcpu *s);	/* NULL: no such exit code */
};

static inline u8 svm_insn_len(struct svm_vcpu *s, u8 known)
{
	u64 len = s->block->control.next_rip - s->x86.regs.rip;

	/* next_rip is 0 where the exit is no instruction's. */
	return svm_hw.nrips && len - 1 < 15 ? len : known;
}

static void decode_plain(struct svm_vcpu *s)
{
}

/* The host has taken it: those that follow are not the guest's. See svm_host_nmi(). */
static void decode_nmi(struct svm_vcpu *s)
{
	WRITE_ONCE(s->block->control.exit_code, SVM_EXIT_INTR);
}

/* EXITINFO2 is the next RIP, on every CPU (APM 2 15.10.2). */
static void decode_io(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	struct x86_exit *e = &s->x86.exit;
	u32 info = c->exit_info_1;
	u64 len = c->exit_info_2 - s->x86.regs.rip;

	e->insn_len = len < 16 ? len : 0;
	e->io.port = info >> 16;
	e->io.size = info >> SVM_IOIO_SIZE_SHIFT & 7;
	e->io.in = info & SVM_IOIO_TYPE_MASK;
	e->io.string = info & SVM_IOIO_STR_MASK;
	e->io.rep = info & SVM_IOIO_REP_MASK;
}

static void decode_msr(struct svm_vcpu *s)
{
	if (s->block->control.exit_info_1 & 1)
		s->x86.exit.reason = X86_EXIT_WRMSR;
	s->prep |= SVM_PREP_TPR;
}

/* Bits 0-4 are those of a #PF; 32, 33: final address, guest's page table */
static void decode_npf(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	struct x86_exit *e = &s->x86.exit;
	u64 info = c->exit_info_1;

	BUILD_BUG_ON(X86_FAULT_FETCH != BIT(4) || X86_FAULT_GUEST_TABLE != BIT(33 - 25) ||
		     X86_FAULT_GUEST_FINAL != BIT(32 - 23));
	e->insn_len = 0;
	e->fault.gpa = c->exit_info_2;
	e->fault.flags = (info & 0x1f) | (info >> 25 & X86_FAULT_GUEST_TABLE) |
			 (info >> 23 & X86_FAULT_GUEST_FINAL);
	s->prep |= SVM_PREP_TPR;
	if (svm_hw.decode_assists && c->insn_len <= sizeof(c->insn_bytes)) {
		e->nr_bytes = c->insn_len;
		memcpy(e->bytes, c->insn_bytes, sizeof(c->insn_bytes));
	}
}

/* EXITINFO1: bit 63 a MOV, 0-3 its register (APM 2 15.8.1) */
static void decode_cr(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	struct x86_exit *e = &s->x86.exit;
	bool sel = c->exit_code == SVM_EXIT_CR0_SEL_WRITE;

	e->reg.nr = sel ? 0 : c->exit_code & 15;
	e->reg.write = sel || c->exit_code >= SVM_EXIT_WRITE_CR0;
	e->reg.gpr = c->exit_info_1 & SVM_EXITINFO_REG_MASK;
	e->reg.gpr_valid = svm_hw.decode_assists && (c->exit_info_1 >> 63);
	e->reg.clts = false;
	e->reg.lmsw = false;
}

static void decode_dr(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	struct x86_exit *e = &s->x86.exit;

	if (!svm_needs_drs(s)) {
		svm_give_drs(s);
		e->reason = X86_EXIT_RESUME;
		return;
	}
	e->reg.nr = c->exit_code & 15;
	e->reg.write = c->exit_code >= SVM_EXIT_WRITE_DR0;
	e->reg.gpr = c->exit_info_1 & SVM_EXITINFO_REG_MASK;
	e->reg.gpr_valid = svm_hw.decode_assists;
}

/*
 * The host's machine check: its handler has not seen it. Frames from user mode
 * let it take the task down rather than the machine, as for any user access.
 */
static void svm_host_mce(void)
{
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	if (IS_ENABLED(CONFIG_X86_MCE))
		do_machine_check(&regs);
}

static void decode_exception(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	struct x86_exit *e = &s->x86.exit;
	u8 vector = c->exit_code - SVM_EXIT_EXCP_BASE;

	if (vector == VEC_MC) {
		svm_host_mce();
		e->reason = X86_EXIT_RESUME;
		return;
	}
	e->insn_len = 0;
	e->exc.vector = vector;
	e->exc.has_error = ERROR_VECTORS & BIT(vector);
	e->exc.error = e->exc.has_error ? c->exit_info_1 : 0;
	e->exc.addr = vector == VEC_PF ? c->exit_info_2 : 0;
	if (vector == VEC_DB) {
		/* DR6 starts clean at each entry: what is new is the payload. */
		e->exc.addr = (u32)s->block->save.dr6 ^ X86_DR6_INIT;
		s->block->save.dr6 = X86_DR6_INIT;
		svm_touch(s, SVM_CLEAN_DR);
	}
}

/* INT1: a trap, so step over it first. */
static void decode_icebp(struct svm_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;

	x86_set_rip(&s->x86, s->x86.regs.rip + e->insn_len);
	e->insn_len = 0;
	e->exc.vector = VEC_DB;
	e->exc.has_error = false;
	e->exc.addr = 0;
}

/* A guest that keeps spinning gets a longer window, to exit less often. */
static void decode_pause(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	u32 count = c->pause_filter_count;

	count = svm_pause.grow > 1 ? count * svm_pause.grow : count + svm_pause.grow;
	c->pause_filter_count = min_t(u32, count, svm_pause.max);
	svm_touch(s, SVM_CLEAN_INTERCEPTS);
}

static void decode_invlpg(struct svm_vcpu *s)
{
	if (svm_hw.decode_assists)
		s->x86.exit.gva = s->block->control.exit_info_1;
	else
		s->x86.exit.reason = X86_EXIT_EMULATE;
}

/* Intercepted with shadow paging, and where the guest has no such instruction. */
static void decode_invpcid(struct svm_vcpu *s)
{
	if (x86_has(&s->x86, X86_FEATURE_INVPCID))
		s->x86.exit.reason = X86_EXIT_EMULATE;
}

/*
 * APM 2 15.14.1: bit 48 is the RF that the old task's TSS is to get. Nothing else
 * is needed: the event, or the instruction, is gone through from its beginning.
 */
static void decode_task_switch(struct svm_vcpu *s)
{
	if (s->block->control.exit_info_2 & SVM_TASK_RF)
		x86_set_rflags(&s->x86, x86_rflags(&s->x86) | X86_EFLAGS_RF);
}

static void decode_window(struct svm_vcpu *s)
{
	svm_close_irq_window(s);
}

static void decode_iret(struct svm_vcpu *s)
{
	svm_iret_intercepted(s);
}

static void decode_avic_ipi(struct svm_vcpu *s)
{
	svm_avic_incomplete_ipi(s);
}

static void decode_avic_access(struct svm_vcpu *s)
{
	svm_avic_access(s);
}

/*
 * The VMCB's contents are undefined now (APM 2 15.14.3). What we own is made
 * anew; the guest's half stays for whoever wants to see it, and the worst it can
 * do is to be refused by VMRUN.
 */
static void decode_shutdown(struct svm_vcpu *s)
{
	s->block->save.efer |= EFER_SVME;
	svm_rebuild_control(s);
	if (mmu_shadow())
		svm_rebuild_paging(s);
	kvm_request(&s->x86.vcpu, X86_REQ_EVENT);
}

/* Nothing of the VMCB was taken over (APM 2 15.5.1). */
static void decode_refused(struct svm_vcpu *s)
{
	s->block->control.clean = 0;
}

#define ROW(code, why, n, fn)	\
	[SVM_EXIT_##code] = { .reason = X86_EXIT_##why, .len = (n), .decode = (fn) }
#define ROWS(first, last, why, fn)	\
	[SVM_EXIT_##first ... SVM_EXIT_##last] = { .reason = X86_EXIT_##why, .decode = (fn) }

/* Codes without a name in <asm/svm.h> */
#define SVM_EXIT_WRITE_CR15		0x01f
#define SVM_EXIT_READ_DR15		0x02f
#define SVM_EXIT_WRITE_DR15		0x03f
#define SVM_EXIT_INVLPGB		0x0a0
#define SVM_EXIT_INVLPGB_ILLEGAL	0x0a1
#define SVM_EXIT_MCOMMIT		0x0a3
#define SVM_EXIT_TLBSYNC		0x0a4

static const struct svm_exit_row svm_exit_rows[] = {
	ROWS(READ_CR0, WRITE_CR15, CR, decode_cr),
	ROWS(READ_DR0, WRITE_DR15, DR, decode_dr),
	ROWS(EXCP_BASE, LAST_EXCP, EXCEPTION, decode_exception),
	ROW(INTR,		INTR,		0, decode_plain),
	ROW(NMI,		NMI,		0, decode_nmi),
	ROW(SMI,		RESUME,		0, decode_plain),
	ROW(INIT,		RESUME,		0, decode_plain),
	ROW(VINTR,		INTR_WINDOW,	0, decode_window),
	ROW(CR0_SEL_WRITE,	CR,		0, decode_cr),
	ROW(RDTSC,		RDTSC,		2, decode_plain),
	ROW(RDPMC,		RDPMC,		2, decode_plain),
	ROW(CPUID,		CPUID,		2, decode_plain),
	ROW(RSM,		EMULATE,	0, decode_plain),
	ROW(IRET,		RESUME,		0, decode_iret),
	ROW(INVD,		CACHE,		2, decode_plain),
	ROW(PAUSE,		PAUSE,		2, decode_pause),
	ROW(HLT,		HLT,		1, decode_plain),
	ROW(INVLPG,		INVLPG,		0, decode_invlpg),
	ROW(INVLPGA,		UNDEFINED,	0, decode_plain),
	ROW(IOIO,		IO,		0, decode_io),
	ROW(MSR,		RDMSR,		2, decode_msr),
	ROW(TASK_SWITCH,	TASK_SWITCH,	0, decode_task_switch),
	ROW(SHUTDOWN,		SHUTDOWN,	0, decode_shutdown),
	ROW(VMRUN,		UNDEFINED,	0, decode_plain),
	ROW(VMMCALL,		HYPERCALL,	3, decode_plain),
	ROW(VMLOAD,		UNDEFINED,	0, decode_plain),
	ROW(VMSAVE,		UNDEFINED,	0, decode_plain),
	ROW(STGI,		UNDEFINED,	0, decode_plain),
	ROW(CLGI,		UNDEFINED,	0, decode_plain),
	ROW(SKINIT,		UNDEFINED,	0, decode_plain),
	ROW(RDTSCP,		UNDEFINED,	0, decode_plain),
	ROW(ICEBP,		EXCEPTION,	1, decode_icebp),
	ROW(WBINVD,		CACHE,		0, decode_plain),	/* or WBNOINVD, longer */
	ROW(MONITOR,		MONITOR,	3, decode_plain),
	ROW(MWAIT,		MWAIT,		3, decode_plain),
	ROW(MWAIT_COND,		MWAIT,		3, decode_plain),
	ROW(XSETBV,		XSETBV,		3, decode_plain),
	ROW(RDPRU,		UNDEFINED,	0, decode_plain),
	ROW(INVLPGB,		UNDEFINED,	0, decode_plain),
	ROW(INVLPGB_ILLEGAL,	UNDEFINED,	0, decode_plain),
	ROW(INVPCID,		UNDEFINED,	0, decode_invpcid),
	ROW(MCOMMIT,		UNDEFINED,	0, decode_plain),
	ROW(TLBSYNC,		UNDEFINED,	0, decode_plain),
};

static const struct svm_exit_row svm_npf_row = {
	.reason = X86_EXIT_TDP_FAULT, .decode = decode_npf,
};

static const struct svm_exit_row svm_avic_rows[] = {
	{ .reason = X86_EXIT_APIC_WRITE, .decode = decode_avic_ipi },
	/* As an access to an MSR it has two bytes. */
	{ .reason = X86_EXIT_APIC_WRITE, .len = 2, .decode = decode_avic_access },
};

/* VMEXIT_INVALID is -1 in 64 bits (APM 2 appendix C) */
static const struct svm_exit_row svm_refused_row = {
	.reason = X86_EXIT_ENTRY_FAILED, .decode = decode_refused,
};

static const struct svm_exit_row svm_unknown_row = {
	.reason = X86_EXIT_UNKNOWN, .decode = decode_plain,
};

static inline const struct svm_exit_row *svm_find_row(u32 code)
{
	const struct svm_exit_row *row;

	if (likely(code < ARRAY_SIZE(svm_exit_rows))) {
		row = &svm_exit_rows[code];
		return likely(row->decode) ? row : &svm_unknown_row;
	}
	if (likely(code == SVM_EXIT_NPF))
		return &svm_npf_row;
	if (code - SVM_EXIT_AVIC_INCOMPLETE_IPI < ARRAY_SIZE(svm_avic_rows))
		return &svm_avic_rows[code - SVM_EXIT_AVIC_INCOMPLETE_IPI];
	return code == (u32)SVM_EXIT_ERR ? &svm_refused_row : &svm_unknown_row;
}

/* Was something on its way in when the exit happened? A shutdown forgets it. */
static void svm_interrupted_event(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;

	if (c->exit_code != SVM_EXIT_SHUTDOWN && c->exit_code != (u32)SVM_EXIT_ERR)
		svm_requeue(s, c->exit_int_info, c->exit_int_info_err);
}

void svm_decode_exit(struct svm_vcpu *s, unsigned long old_rflags)
{
	struct vmcb_control_area *c = &s->block->control;
	const struct svm_exit_row *row = svm_find_row(c->exit_code);
	struct x86_exit *e = &s->x86.exit;

	e->hw_code = c->exit_code;
	e->nr_bytes = 0;
	if (unlikely(c->exit_int_info & SVM_EXITINTINFO_VALID))
		svm_interrupted_event(s);
	if (unlikely(s->watch) && svm_watch_exit(s, old_rflags))
		return;
	e->reason = row->reason;
	e->insn_len = svm_insn_len(s, row->len);
	INDIRECT_CALL_4(row->decode, decode_plain, decode_io, decode_msr, decode_npf, s);
}

/* Asked only where the length was not known at the exit: then hardware has no other. */
int svm_skip_insn(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);
	u8 len = svm_insn_len(s, 0);

	if (!len)
		return -EAGAIN;
	x86_set_rip(v, v->regs.rip + len);
	svm_set_int_shadow(v, 0);
	return 0;
}
