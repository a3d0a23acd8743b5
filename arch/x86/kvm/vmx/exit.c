// SPDX-License-Identifier: GPL-2.0-only
/*
 * From exit reasons to the intercept record: one row per reason, whether the CPU
 * tells the instruction's length, and a decoder where there is more to tell.
 */
#include <linux/indirect_call_wrapper.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/ptrace.h>

#include "block.h"

#define VEC_DB	1
#define VEC_NMI	2
#define VEC_DF	8
#define VEC_PF	14
#define VEC_MC	18

#define VMX_REASON_BUS_LOCK	BIT(26)

struct vmx_exit_row {
	u8 reason;
	bool len;				/* VM_EXIT_INSTRUCTION_LEN is valid */
	void (*decode)(struct vmx_vcpu *s);	/* NULL: no such exit reason */
};

static void decode_plain(struct vmx_vcpu *s)
{
}

/* SDM 3C table 28-5 */
static void decode_io(struct vmx_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;
	u32 qual = vmx_read(EXIT_QUALIFICATION);

	e->io.port = qual >> 16;
	e->io.size = (qual & 7) + 1;
	e->io.in = qual & BIT(3);
	e->io.string = qual & BIT(4);
	e->io.rep = qual & BIT(5);
}

/* An IRET that faulted had ended the blocking by NMI already (SDM 3C 28.2.3). */
static void vmx_block_nmi_again(void)
{
	if (!(vmx_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK))
		vmx_write(GUEST_INTERRUPTIBILITY_INFO,
			  vmx_read(GUEST_INTERRUPTIBILITY_INFO) | GUEST_INTR_STATE_NMI);
}

/* SDM 3C table 28-7 */
static void decode_ept_violation(struct vmx_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;
	u64 qual = vmx_read(EXIT_QUALIFICATION);
	u32 flags = 0;

	if (unlikely(qual & INTR_INFO_UNBLOCK_NMI))
		vmx_block_nmi_again();
	if (qual & EPT_VIOLATION_ACC_WRITE)
		flags |= X86_FAULT_WRITE;
	if (qual & EPT_VIOLATION_ACC_INSTR)
		flags |= X86_FAULT_FETCH;
	if (qual & EPT_VIOLATION_RWX_MASK)
		flags |= X86_FAULT_PRESENT;
	if (qual & EPT_VIOLATION_GVA_IS_VALID)
		flags |= qual & EPT_VIOLATION_GVA_TRANSLATED ? X86_FAULT_GUEST_FINAL :
							       X86_FAULT_GUEST_TABLE;
	e->fault.gpa = vmx_read(GUEST_PHYSICAL_ADDRESS);
	if (unlikely(vmx_hw.narrow) && (e->fault.gpa & s->x86.cpuid.reserved_gpa_bits) &&
	    (qual & EPT_VIOLATION_GVA_IS_VALID)) {
		e->fault.gva = vmx_read(GUEST_LINEAR_ADDRESS);
		flags |= X86_FAULT_NARROW;
	}
	e->fault.flags = flags;
}

/* SDM 3C table 28-3 */
static void decode_cr(struct vmx_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;
	u32 qual = vmx_read(EXIT_QUALIFICATION);
	u32 type = (qual & CONTROL_REG_ACCESS_TYPE) >> 4;

	e->reg.nr = qual & 15;
	e->reg.write = type == 0;
	e->reg.gpr = (qual & CONTROL_REG_ACCESS_REG) >> 8;
	e->reg.gpr_valid = true;
	e->reg.clts = type == 2;
	e->reg.lmsw = type == 3;
	e->reg.lmsw_src = qual >> LMSW_SOURCE_DATA_SHIFT;
}

static void decode_dr(struct vmx_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;
	u32 qual = vmx_read(EXIT_QUALIFICATION);

	e->reg.nr = qual & DEBUG_REG_ACCESS_NUM;
	e->reg.write = !(qual & DEBUG_REG_ACCESS_TYPE);
	e->reg.gpr = DEBUG_REG_ACCESS_REG(qual);
	e->reg.gpr_valid = true;
}

/*
 * The host's machine check: its handler has not seen it. Frames from user mode
 * let it take the task down rather than the machine, as for any user access.
 */
static void vmx_host_mce(struct vmx_vcpu *s)
{
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	if (IS_ENABLED(CONFIG_X86_MCE))
		do_machine_check(&regs);
	s->x86.exit.reason = X86_EXIT_RESUME;
}

/* The exit blocks further NMIs until an IRET, as the NMI would have: the handler makes it. */
static void vmx_take_nmi(struct vmx_vcpu *s)
{
	WRITE_ONCE(s->takes_nmi, true);		/* see vmx_host_nmi() */
	asm volatile("int $2" : : : "memory");
	WRITE_ONCE(s->takes_nmi, false);
	s->x86.exit.reason = X86_EXIT_NMI;
}

static void decode_exception(struct vmx_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;
	u32 info = vmx_read(VM_EXIT_INTR_INFO);
	u8 vector = info & INTR_INFO_VECTOR_MASK;

	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR) {
		vmx_take_nmi(s);
		return;
	}
	if (vector == VEC_MC) {
		vmx_host_mce(s);
		return;
	}
	if (unlikely((info & INTR_INFO_UNBLOCK_NMI) && vector != VEC_DF))
		vmx_block_nmi_again();
	if (unlikely(s->vm86.on) && vmx_vm86_emulates(s, vector)) {
		/* No trap belongs to an instruction that faulted; Bochs 2.7 leaves its step. */
		vmx_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
		e->reason = X86_EXIT_EMULATE;
		return;
	}
	e->exc.vector = vector;
	e->exc.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
	e->exc.error = e->exc.has_error ? vmx_read(VM_EXIT_INTR_ERROR_CODE) : 0;
	e->exc.addr = 0;
	if (vector == VEC_PF) {
		e->exc.addr = vmx_read(EXIT_QUALIFICATION);
	} else if (vector == VEC_DB) {
		/* What DR6 would get; INT1 alone is a trap behind the instruction. */
		e->exc.addr = vmx_read(EXIT_QUALIFICATION) &
			      (DR_TRAP_BITS | DR_STEP | X86_DR6_BD);
		if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
			x86_set_rip(&s->x86, x86_rip(&s->x86) +
				    vmx_read(VM_EXIT_INSTRUCTION_LEN));
	}
}

/* A guest that keeps spinning gets a longer window, to exit less often. */
static void decode_pause(struct vmx_vcpu *s)
{
	u64 window = s->ple_window;

	if (!vmx_hw.ple)
		return;
	window = vmx_pause.grow > 1 ? window * vmx_pause.grow : window + vmx_pause.grow;
	s->ple_window = min_t(u64, window, vmx_pause.max);
	vmx_write(PLE_WINDOW, s->ple_window);
}

static void decode_invlpg(struct vmx_vcpu *s)
{
	s->x86.exit.gva = vmx_read(EXIT_QUALIFICATION);
}

/* SDM 3C table 28-13: the register operand */
static void decode_invpcid(struct vmx_vcpu *s)
{
	u32 info = vmx_read(VMX_INSTRUCTION_INFO);

	s->x86.exit.invpcid = x86_gpr(&s->x86, info >> 28 & 15);
}

/* Before the write that found the list full (SDM 3C 29.3.6). */
static void decode_pml_full(struct vmx_vcpu *s)
{
	if (unlikely(vmx_read(EXIT_QUALIFICATION) & INTR_INFO_UNBLOCK_NMI))
		vmx_block_nmi_again();
	vmx_pml_drain(s);
}

/* A trap: the instruction with the lock is done (SDM 3C 26.2). */
static void decode_bus_lock(struct vmx_vcpu *s)
{
	kvm_request(&s->x86.vcpu, X86_REQ_BUS_LOCK);
}

static void decode_notify(struct vmx_vcpu *s)
{
	u32 qual = vmx_read(EXIT_QUALIFICATION);

	if (unlikely(qual & INTR_INFO_UNBLOCK_NMI))
		vmx_block_nmi_again();
	s->x86.exit.notify_invalid = qual & NOTIFY_VM_CONTEXT_INVALID;
}

static void decode_window(struct vmx_vcpu *s)
{
	vmx_close_irq_window(s);
}

static void decode_nmi_window(struct vmx_vcpu *s)
{
	vmx_close_nmi_window(s);
}

/* What waits may be let in now. */
static void decode_tpr_below(struct vmx_vcpu *s)
{
	kvm_request(&s->x86.vcpu, X86_REQ_EVENT);
}

/* SDM 3C 30.1.4: behind the instruction */
static void decode_eoi(struct vmx_vcpu *s)
{
	s->x86.exit.apic.vector = vmx_read(EXIT_QUALIFICATION);
}

/* SDM 3C 30.4.3.3: behind the instruction */
static void decode_apic_write(struct vmx_vcpu *s)
{
	s->x86.exit.apic.reg = vmx_read(EXIT_QUALIFICATION) & APIC_ACCESS_OFFSET;
}

/* SDM 3C table 28-6 */
static void decode_apic_access(struct vmx_vcpu *s)
{
	u32 qual = vmx_read(EXIT_QUALIFICATION);

	s->x86.exit.fault.gpa = APIC_DEFAULT_PHYS_BASE | (qual & APIC_ACCESS_OFFSET);
	s->x86.exit.fault.flags = 0;
}

#define ROW(code, why, n, fn)	\
	[EXIT_REASON_##code] = { .reason = X86_EXIT_##why, .len = (n), .decode = (fn) }

static const struct vmx_exit_row vmx_exit_rows[] = {
	ROW(EXCEPTION_NMI,	EXCEPTION,	false, decode_exception),
	ROW(EXTERNAL_INTERRUPT,	INTR,		false, decode_plain),
	ROW(TRIPLE_FAULT,	SHUTDOWN,	false, decode_plain),
	ROW(INIT_SIGNAL,	RESUME,		false, decode_plain),
	ROW(SIPI_SIGNAL,	RESUME,		false, decode_plain),
	ROW(INTERRUPT_WINDOW,	INTR_WINDOW,	false, decode_window),
	ROW(NMI_WINDOW,		NMI_WINDOW,	false, decode_nmi_window),
	/* SDM 3C 26.4.2; the instruction or event is gone through from its beginning */
	ROW(TASK_SWITCH,	TASK_SWITCH,	false, decode_plain),
	ROW(CPUID,		CPUID,		true,  decode_plain),
	ROW(HLT,		HLT,		true,  decode_plain),
	ROW(INVD,		CACHE,		true,  decode_plain),
	ROW(INVLPG,		INVLPG,		true,  decode_invlpg),
	ROW(RDPMC,		RDPMC,		true,  decode_plain),
	ROW(RDTSC,		RDTSC,		true,  decode_plain),
	ROW(VMCALL,		HYPERCALL,	true,  decode_plain),
	ROW(VMCLEAR,		UNDEFINED,	true,  decode_plain),
	ROW(VMLAUNCH,		UNDEFINED,	true,  decode_plain),
	ROW(VMPTRLD,		UNDEFINED,	true,  decode_plain),
	ROW(VMPTRST,		UNDEFINED,	true,  decode_plain),
	ROW(VMREAD,		UNDEFINED,	true,  decode_plain),
	ROW(VMRESUME,		UNDEFINED,	true,  decode_plain),
	ROW(VMWRITE,		UNDEFINED,	true,  decode_plain),
	ROW(VMOFF,		UNDEFINED,	true,  decode_plain),
	ROW(VMON,		UNDEFINED,	true,  decode_plain),
	ROW(CR_ACCESS,		CR,		true,  decode_cr),
	ROW(DR_ACCESS,		DR,		true,  decode_dr),
	ROW(IO_INSTRUCTION,	IO,		true,  decode_io),
	ROW(MSR_READ,		RDMSR,		true,  decode_plain),
	ROW(MSR_WRITE,		WRMSR,		true,  decode_plain),
	ROW(MWAIT_INSTRUCTION,	MWAIT,		true,  decode_plain),
	ROW(MONITOR_INSTRUCTION, MONITOR,	true,  decode_plain),
	ROW(PAUSE_INSTRUCTION,	PAUSE,		true,  decode_pause),
	ROW(TPR_BELOW_THRESHOLD, RESUME,	false, decode_tpr_below),
	ROW(MCE_DURING_VMENTRY,	RESUME,		false, vmx_host_mce),
	ROW(APIC_ACCESS,	APIC_ACCESS,	false, decode_apic_access),
	ROW(APIC_WRITE,		APIC_WRITE,	false, decode_apic_write),
	ROW(EOI_INDUCED,	EOI,		false, decode_eoi),
	/* For UMIP, where the CPU has none */
	ROW(GDTR_IDTR,		EMULATE,	false, decode_plain),
	ROW(LDTR_TR,		EMULATE,	false, decode_plain),
	ROW(EPT_VIOLATION,	TDP_FAULT,	false, decode_ept_violation),
	ROW(PREEMPTION_TIMER,	TIMER,		false, decode_plain),
	ROW(INVEPT,		UNDEFINED,	true,  decode_plain),
	ROW(INVVPID,		UNDEFINED,	true,  decode_plain),
	ROW(WBINVD,		CACHE,		true,  decode_plain),
	ROW(INVPCID,		INVPCID,	true,  decode_invpcid),
	ROW(XSETBV,		XSETBV,		true,  decode_plain),
	ROW(VMFUNC,		UNDEFINED,	true,  decode_plain),
	ROW(ENCLS,		ENCLS,		true,  decode_plain),
	ROW(PML_FULL,		RESUME,		false, decode_pml_full),
	ROW(BUS_LOCK,		RESUME,		false, decode_bus_lock),
	ROW(NOTIFY,		NOTIFY,		false, decode_notify),
};

static const struct vmx_exit_row vmx_unknown_row = {
	.reason = X86_EXIT_UNKNOWN, .decode = decode_plain,
};

static inline const struct vmx_exit_row *vmx_find_row(u32 reason)
{
	if (likely(reason < ARRAY_SIZE(vmx_exit_rows) && vmx_exit_rows[reason].decode))
		return &vmx_exit_rows[reason];
	return &vmx_unknown_row;
}

/* Was something on its way in when the exit happened? A triple fault forgets it. */
static void vmx_interrupted_event(struct vmx_vcpu *s, u32 reason, u32 info)
{
	if (reason != EXIT_REASON_TRIPLE_FAULT)
		vmx_requeue(s, info, info & VECTORING_INFO_DELIVER_CODE_MASK ?
			    vmx_read(IDT_VECTORING_ERROR_CODE) : 0);
}

/* Nothing ran. The event that was to be injected is still in the VMCS. */
static void vmx_entry_failed(struct vmx_vcpu *s, u32 code)
{
	vmx_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	s->x86.exit.hw_code = code;
	s->x86.exit.reason = X86_EXIT_ENTRY_FAILED;
}

/* Bits 31:16 of the exit reason (SDM 3C 25.9.1) are rarely set. True: there is no exit. */
static bool vmx_odd_exit(struct vmx_vcpu *s, u32 reason)
{
	/* Another exit came with the bus lock, or before the one for it. */
	if (reason & VMX_REASON_BUS_LOCK)
		decode_bus_lock(s);
	/* A launch that failed on the guest's state was none (SDM 3C 27.8). */
	if (!(reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		s->entry.launched = 1;
		return false;
	}
	if ((u16)reason == EXIT_REASON_MCE_DURING_VMENTRY)
		return false;
	vmx_entry_failed(s, reason);
	return true;
}

void vmx_decode_exit(struct vmx_vcpu *s, bool failed)
{
	struct x86_exit *e = &s->x86.exit;
	const struct vmx_exit_row *row;
	u32 reason, event;

	e->nr_bytes = 0;
	e->insn_len = 0;
	if (unlikely(failed)) {
		vmx_entry_failed(s, vmx_read(VM_INSTRUCTION_ERROR));
		return;
	}
	reason = vmx_read(VM_EXIT_REASON);
	if (likely(!(reason >> 16)))
		s->entry.launched = 1;
	else if (vmx_odd_exit(s, reason))
		return;
	e->hw_code = reason;
	row = vmx_find_row((u16)reason);
	event = vmx_read(IDT_VECTORING_INFO_FIELD);
	if (unlikely(event & VECTORING_INFO_VALID_MASK))
		vmx_interrupted_event(s, (u16)reason, event);
	s->soft_ours = false;
	e->reason = row->reason;
	if (row->len)
		e->insn_len = vmx_read(VM_EXIT_INSTRUCTION_LEN);
	INDIRECT_CALL_4(row->decode, decode_plain, decode_io, decode_ept_violation, decode_cr, s);
}

/* Asked only where the length was not known at the exit: then hardware has no other. */
int vmx_skip_insn(struct x86_vcpu *v)
{
	return -EAGAIN;
}
