// SPDX-License-Identifier: GPL-2.0-only
/* What each kind of exit means, whoever the vendor: one row, one handler. */
#include <linux/kvm_para.h>
#include <asm/cpu.h>
#include <asm/smp.h>

#include "core.h"
#include "insn.h"
#include "ioctls.h"
#include "trace.h"

#define VEC_DB	1
#define VEC_BP	3
#define VEC_UD	6
#define VEC_PF	14
#define VEC_AC	17

#define FORCED_CLEARS_RF	2

static int force_emulation_prefix;
module_param(force_emulation_prefix, int, 0644);
MODULE_PARM_DESC(force_emulation_prefix,
		 "Emulate what follows UD2 and \"kvm\"; 2: with RF clear (for tests)");

static enum x86_next exit_nothing(struct x86_vcpu *v)
{
	return X86_RESUME;
}

static enum x86_next exit_window(struct x86_vcpu *v)
{
	v->vcpu.stat.irq_window_exits++;
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return X86_RESUME;
}

static enum x86_next exit_nmi_window(struct x86_vcpu *v)
{
	v->vcpu.stat.nmi_window_exits++;
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return X86_RESUME;
}

/* Also with IRQs off. */
static enum x86_next exit_cpuid(struct x86_vcpu *v)
{
	unsigned long *gpr = v->regs.gpr;
	u32 eax, ebx, ecx, edx;

	if (unlikely(v->msr.misc_features & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT) &&
	    x86_op(get_cpl)(v)) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	if (unlikely(!v->exit.insn_len && irqs_disabled()))
		return X86_SLOW;
	if (trace_kvm_cpuid_enabled())
		cpuid_trace(v, gpr[X86_RAX], gpr[X86_RCX]);
	eax = gpr[X86_RAX];
	ecx = gpr[X86_RCX];
	cpuid_emulate(v, &eax, &ebx, &ecx, &edx);
	gpr[X86_RAX] = eax;
	gpr[X86_RBX] = ebx;
	gpr[X86_RCX] = ecx;
	gpr[X86_RDX] = edx;
	return x86_skip(v);
}

static enum x86_next exit_rdmsr(struct x86_vcpu *v)
{
	return msr_exit_read(v);
}

static enum x86_next exit_wrmsr(struct x86_vcpu *v)
{
	return msr_exit_write(v);
}

static enum x86_next exit_rdmsr_fast(struct x86_vcpu *v)
{
	return msr_fast_read(v);
}

static enum x86_next exit_wrmsr_fast(struct x86_vcpu *v)
{
	return msr_fast_write(v);
}

/* HLT was executed or emulated; RIP is past it. */
enum x86_next x86_halt(struct x86_vcpu *v)
{
	v->vcpu.stat.halt_exits++;
	if (!v->apic) {
		v->vcpu.run->exit_reason = KVM_EXIT_HLT;
		return X86_TO_USER;
	}
	v->mp_state = KVM_MP_STATE_HALTED;
	return X86_RESUME;
}

static enum x86_next exit_hlt(struct x86_vcpu *v)
{
	enum x86_next next = x86_skip(v);

	return next == X86_RESUME ? x86_halt(v) : next;
}

static enum x86_next exit_hypercall(struct x86_vcpu *v)
{
	enum x86_next next;

	v->vcpu.stat.hypercalls++;
	if (unlikely(hyperv_takes_calls(v)))
		return hyperv_hypercall(v);
	if (x86_op(get_cpl)(v)) {
		x86_set_gpr(v, X86_RAX, -KVM_EPERM);
		return x86_skip(v);
	}
	next = pv_hypercall(v, true);
	return next == X86_RESUME ? x86_skip(v) : next;
}

static enum x86_next mmu_error(struct x86_vcpu *v, enum mmu_fault_result r)
{
	switch (r) {
	case MMU_HWPOISON:
		v->run_error = -EHWPOISON;
		break;
	case MMU_NOMEM:
		v->run_error = -ENOMEM;
		break;
	case MMU_INTR:
		v->vcpu.run->exit_reason = KVM_EXIT_INTR;
		v->run_error = -EINTR;
		break;
	default:
		v->run_error = -EFAULT;
	}
	return X86_ERROR;
}

/*
 * The access is a device's, so the instruction has to be looked at; unless it
 * was none: an event's way in led through a device (its stack, the IDT).
 */
static enum x86_next emulate_access(struct x86_vcpu *v, gpa_t gpa)
{
	struct kvm_run *run = v->vcpu.run;

	if (likely(!x86_delivering(v)))
		return x86_emulate(v);
	x86_internal_error(v, KVM_INTERNAL_ERROR_DELIVERY_EV);
	run->internal.ndata = 2;
	run->internal.data[0] = v->exit.hw_code;
	run->internal.data[1] = gpa;
	return X86_TO_USER;
}

/* Bits that are addresses for the CPU are reserved in the tables of a narrower guest. */
static bool queue_reserved_fault(struct x86_vcpu *v, gva_t gva, u32 access)
{
	struct mmu_gfault fault;
	gpa_t gpa;

	if (!mmu_gva_to_gpa(v, gva, access, &gpa, &fault, false) ||
	    !(fault.error & X86_FAULT_RSVD))
		return false;
	x86_queue_page_fault(v, fault.addr, fault.error);
	return true;
}

/* Found in a table, they do not tell what the access is: the instruction does. */
static enum x86_next exit_narrow_fault(struct x86_vcpu *v)
{
	u32 access = v->exit.fault.flags & (X86_FAULT_WRITE | X86_FAULT_FETCH);

	if (!(v->exit.fault.flags & X86_FAULT_GUEST_FINAL))
		return emulate_access(v, v->exit.fault.gpa);
	if (x86_op(get_cpl)(v) == 3)
		access |= X86_FAULT_USER;
	queue_reserved_fault(v, v->exit.fault.gva, access);
	return X86_RESUME;
}

/* What both kinds of paging have in common */
static enum x86_next fault_handled(struct x86_vcpu *v, gpa_t gpa, enum mmu_fault_result r)
{
	switch (r) {
	case MMU_FIXED:
	case MMU_RETRY:
		return X86_RESUME;
	case MMU_MMIO:
		mmu_note_mmio(v, gpa_to_gfn(gpa));
		fallthrough;
	case MMU_READONLY:
		v->vcpu.stat.pf_mmio++;
		return emulate_access(v, gpa);
	default:
		return mmu_error(v, r);
	}
}

/* As nested page faults of AMD's have it (APM 2 15.25.6) */
static u64 trace_fault_code(u32 flags)
{
	return (flags & (X86_FAULT_PRESENT | X86_FAULT_WRITE | X86_FAULT_USER |
			 X86_FAULT_RSVD | X86_FAULT_FETCH)) |
	       (flags & X86_FAULT_GUEST_FINAL ? BIT_ULL(32) : 0) |
	       (flags & X86_FAULT_GUEST_TABLE ? BIT_ULL(33) : 0);
}

static enum x86_next exit_tdp_fault(struct x86_vcpu *v)
{
	gpa_t gpa = v->exit.fault.gpa;

	if (unlikely(v->exit.fault.flags & X86_FAULT_NARROW))
		return exit_narrow_fault(v);
	v->vcpu.stat.pf_taken++;
	if (mmu_known_mmio(v, gpa_to_gfn(gpa))) {
		trace_vcpu_match_mmio(0, gpa, v->exit.fault.flags & X86_FAULT_WRITE, true);
		return emulate_access(v, gpa);
	}
	return fault_handled(v, gpa, mmu_fault(v, gpa, v->exit.fault.flags));
}

/* IRQs off: dirty-log write faults and known device pages. */
static enum x86_next exit_tdp_fault_fast(struct x86_vcpu *v)
{
	gpa_t gpa = v->exit.fault.gpa;
	u32 flags = v->exit.fault.flags;

	if (mmu_known_mmio(v, gpa_to_gfn(gpa)))
		return unlikely(x86_delivering(v)) ? X86_SLOW : x86_mmio_fast(v, gpa, flags);
	trace_kvm_page_fault(v, gpa, trace_fault_code(flags));
	if (!mmu_fault_fast(v, gpa, flags))
		return X86_SLOW;
	v->vcpu.stat.pf_fast++;
	return X86_RESUME;
}

/*
 * Shadow paging. An event that was on its way when a table was to be written is
 * injected again, so that write has to be the CPU's.
 */
static enum x86_next exit_page_fault(struct x86_vcpu *v)
{
	struct mmu_gfault fault;
	enum mmu_fault_result r;
	gpa_t gpa = 0;

	v->vcpu.stat.pf_taken++;
	trace_kvm_page_fault(v, v->exit.exc.addr, v->exit.exc.error);
	r = mmu_guest_fault(v, v->exit.exc.addr, v->exit.exc.error, &gpa, &fault);
	switch (r) {
	case MMU_GUEST_FAULT:
		x86_queue_page_fault(v, fault.addr, fault.error);
		return X86_RESUME;
	case MMU_EMULATE:
		if (unlikely(x86_delivering(v)) && mmu_retry_write(v))
			return X86_RESUME;
		return emulate_access(v, gpa);
	default:
		return fault_handled(v, gpa, r);
	}
}

/* With nested paging: the guest's own, but for reserved bits that the CPU did not see */
static enum x86_next exit_own_page_fault(struct x86_vcpu *v)
{
	u32 error = v->exit.exc.error;

	/* Not present: above it there were none, or the walk had not got there. */
	if ((error & X86_FAULT_PRESENT) &&
	    queue_reserved_fault(v, v->exit.exc.addr,
				 error & (X86_FAULT_WRITE | X86_FAULT_USER | X86_FAULT_FETCH)))
		return X86_RESUME;
	x86_queue_page_fault(v, v->exit.exc.addr, error);
	return X86_RESUME;
}

static unsigned long exit_gpr(struct x86_vcpu *v)
{
	unsigned long val = x86_gpr(v, v->exit.reg.gpr);

	return x86_is_64bit(v) ? val : (u32)val;
}

static enum x86_next gp_or_skip(struct x86_vcpu *v, int gp)
{
	if (!gp)
		return x86_skip(v);
	x86_inject_gp(v);
	return X86_RESUME;
}

static enum x86_next cr_write(struct x86_vcpu *v, unsigned long val)
{
	enum x86_next next;
	unsigned long old_cr8;

	trace_kvm_cr(1, v->exit.reg.nr, val);
	switch (v->exit.reg.nr) {
	case 0:
		return gp_or_skip(v, x86_set_cr0(v, val));
	case 3:
		return gp_or_skip(v, x86_set_cr3(v, val));
	case 4:
		return gp_or_skip(v, x86_set_cr4(v, val));
	case 8:
		old_cr8 = x86_get_cr8(v);
		next = gp_or_skip(v, x86_set_cr8(v, val));
		if (v->apic || next != X86_RESUME || old_cr8 <= val)
			return next;
		/* User space's LAPIC may have something below the old priority. */
		v->vcpu.run->exit_reason = KVM_EXIT_SET_TPR;
		return X86_TO_USER;
	}
	x86_inject_ud(v);
	return X86_RESUME;
}

static enum x86_next cr_read(struct x86_vcpu *v)
{
	unsigned long val;

	switch (v->exit.reg.nr) {
	case 0:
		val = x86_cr0(v);
		break;
	case 2:
		val = v->regs.cr2;
		break;
	case 3:
		val = x86_cr3(v);
		break;
	case 4:
		val = x86_cr4(v);
		break;
	case 8:
		val = x86_get_cr8(v);
		break;
	default:
		x86_inject_ud(v);
		return X86_RESUME;
	}
	trace_kvm_cr(0, v->exit.reg.nr, val);
	x86_set_gpr(v, v->exit.reg.gpr, val);
	return x86_skip(v);
}

static enum x86_next exit_cr(struct x86_vcpu *v)
{
	unsigned long cr0 = x86_cr0(v), low;

	if (v->exit.reg.clts)
		return gp_or_skip(v, x86_set_cr0(v, cr0 & ~X86_CR0_TS));
	if (v->exit.reg.lmsw) {
		/* LMSW sets PE but never clears it (SDM 2A LMSW). */
		low = (v->exit.reg.lmsw_src & 15) | (cr0 & X86_CR0_PE);
		return gp_or_skip(v, x86_set_cr0(v, (cr0 & ~15ul) | low));
	}
	if (!v->exit.reg.gpr_valid)
		return x86_emulate(v);
	return v->exit.reg.write ? cr_write(v, exit_gpr(v)) : cr_read(v);
}

static enum x86_next exit_dr(struct x86_vcpu *v)
{
	unsigned int nr = v->exit.reg.nr;
	unsigned long val;

	if (!v->exit.reg.gpr_valid)
		return x86_emulate(v);
	if ((nr == 4 || nr == 5) && (x86_cr4(v) & X86_CR4_DE)) {
		x86_inject_ud(v);
		return X86_RESUME;
	}
	if (v->dbg.dr7 & X86_DR7_GD) {
		if (v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP)
			return x86_debug_exit(v, VEC_DB, X86_DR6_BD);
		x86_queue_exception_payload(v, VEC_DB, X86_DR6_BD);
		return X86_RESUME;
	}
	if (v->exit.reg.write)
		return gp_or_skip(v, x86_set_dr(v, nr, exit_gpr(v)));
	x86_get_dr(v, nr, &val);
	x86_set_gpr(v, v->exit.reg.gpr, val);
	return x86_skip(v);
}

/*
 * The bytes at RIP, as far as they are there: 0xcc, which is no beginning, for
 * others. No fault is raised: the instruction has made its own already.
 */
static void peek_insn(struct x86_vcpu *v, u8 *b, unsigned int len)
{
	unsigned long la = x86_code_address(v);
	struct mmu_gfault fault;
	gpa_t gpa;
	unsigned int i;

	memset(b, 0xcc, len);
	for (i = 0; i < len; i++)
		if (mmu_gva_to_gpa(v, la + i, X86_FAULT_FETCH, &gpa, &fault, false) ||
		    kvm_read_guest(v->vcpu.kvm, v->vcpu.as_id, gpa, &b[i], 1))
			return;
}

/* UD2, "kvm": emulate what follows. For tests: a guest's user code may do it as well. */
static bool is_forced(struct x86_vcpu *v)
{
	static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	u8 b[sizeof(prefix)];

	peek_insn(v, b, sizeof(b));
	return !memcmp(b, prefix, sizeof(b));
}

static enum x86_next emulate_forced(struct x86_vcpu *v)
{
	unsigned long rip = x86_rip(v) + 5;

	x86_set_rip(v, x86_is_64bit(v) ? rip : (u32)rip);
	/* The #UD has set it */
	if (force_emulation_prefix & FORCED_CLEARS_RF)
		x86_debug_set_rflags(v, x86_guest_rflags(v) & ~X86_EFLAGS_RF);
	return x86_emulate(v);
}

/*
 * KVM_X86_QUIRK_FIX_HYPERCALL_INSN: next time the guest uses this processor's
 * instruction. One byte differs, so that others may run it meanwhile. Code that the
 * guest itself could not write stays as it is.
 */
static void fix_hypercall(struct x86_vcpu *v)
{
	unsigned long la = x86_code_address(v) + 2;
	struct mmu_gfault fault;
	gpa_t gpa;

	if (!mmu_gva_to_gpa(v, la, X86_FAULT_WRITE, &gpa, &fault, false))
		kvm_write_guest(v->vcpu.kvm, v->vcpu.as_id, gpa, &x86_caps.vmcall, 1);
}

/* #UD: the other vendor's hypercall instruction, RSM in SMM, or really undefined. */
static enum x86_next exc_undefined(struct x86_vcpu *v)
{
	bool quirk = !(to_x86_vm(v->vcpu.kvm)->disabled_quirks & KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
	u8 b[3];

	if (unlikely(READ_ONCE(force_emulation_prefix)) && is_forced(v))
		return emulate_forced(v);
	if (unlikely(v->smm.active)) {
		peek_insn(v, b, 2);
		if (b[0] == 0x0f && b[1] == 0xaa)
			return x86_emulate(v);
	}
	if (quirk && x86_op(get_cpl)(v) == 0) {
		peek_insn(v, b, sizeof(b));
		if (b[0] == 0x0f && b[1] == 0x01 &&
		    (b[2] == X86_VMCALL || b[2] == X86_VMMCALL)) {
			fix_hypercall(v);
			v->exit.insn_len = 3;
			return exit_hypercall(v);
		}
	}
	return x86_emulate_undefined(v);
}

/*
 * #AC: the guest's if it has alignment checked (SDM 3A 6.15). Else it is the host's
 * check for locks over two lines of the cache, which is on in guests as well.
 */
static enum x86_next exc_alignment(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;
	bool checked = (x86_cr0(v) & X86_CR0_AM) && (x86_rflags(v) & X86_EFLAGS_AC) &&
		       x86_op(get_cpl)(v) == 3;

	if (checked || !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT)) {
		x86_queue_exception_error(v, VEC_AC, v->exit.exc.error);
		return X86_RESUME;
	}
	if (handle_guest_split_lock(x86_rip(v)))
		return X86_RESUME;
	run->exit_reason = KVM_EXIT_EXCEPTION;
	run->ex.exception = VEC_AC;
	run->ex.error_code = v->exit.exc.error;
	return X86_TO_USER;
}

static enum x86_next exit_exception(struct x86_vcpu *v)
{
	u8 vector = v->exit.exc.vector;
	u32 dbg = v->dbg.guest_debug;

	if (vector == VEC_DB) {
		if (dbg & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
			return x86_debug_exit(v, VEC_DB, v->exit.exc.addr);
		x86_queue_exception_payload(v, VEC_DB, v->exit.exc.addr);
		return X86_RESUME;
	}
	if (vector == VEC_BP && (dbg & KVM_GUESTDBG_USE_SW_BP))
		return x86_debug_exit(v, VEC_BP, 0);
	if (vector == VEC_UD)
		return exc_undefined(v);
	if (vector == VEC_AC)
		return exc_alignment(v);
	if (vector == VEC_PF)
		return mmu_shadow() ? exit_page_fault(v) : exit_own_page_fault(v);
	if (v->exit.exc.has_error)
		x86_queue_exception_error(v, vector, v->exit.exc.error);
	else
		x86_queue_exception(v, vector);
	return X86_RESUME;
}

/* Also with IRQs off. */
static enum x86_next exit_timer(struct x86_vcpu *v)
{
	lapic_hv_timer_expired(v);
	return X86_RESUME;
}

/* Also with IRQs off. */
static enum x86_next exit_eoi(struct x86_vcpu *v)
{
	lapic_hw_eoi(v, v->exit.apic.vector);
	return X86_RESUME;
}

/* Also with IRQs off. */
static enum x86_next exit_apic_write(struct x86_vcpu *v)
{
	return lapic_hw_write(v, v->exit.apic.reg) ? X86_RESUME : X86_SLOW;
}

static enum x86_next exit_apic_access(struct x86_vcpu *v)
{
	return emulate_access(v, v->exit.fault.gpa);
}

static enum x86_next exit_pause(struct x86_vcpu *v)
{
	kvm_vcpu_on_spin(&v->vcpu, x86_op(get_cpl)(v) == 0);
	return x86_skip(v);
}

static enum x86_next exit_rdpmc(struct x86_vcpu *v)
{
	u64 count;

	if (pmu_rdpmc(v, x86_gpr(v, X86_RCX), &count)) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	x86_set_gpr(v, X86_RAX, (u32)count);
	x86_set_gpr(v, X86_RDX, count >> 32);
	return x86_skip(v);
}

static enum x86_next exit_rdtsc(struct x86_vcpu *v)
{
	u64 tsc = tsc_read_guest(v, rdtsc());

	x86_set_gpr(v, X86_RAX, (u32)tsc);
	x86_set_gpr(v, X86_RDX, tsc >> 32);
	return x86_skip(v);
}

static enum x86_next exit_invlpg(struct x86_vcpu *v)
{
	x86_op(flush_tlb_gva)(v, v->exit.gva);
	return x86_skip(v);
}

/* Shadow paging has no PCIDs: all of them, whichever is meant (SDM 2A INVPCID). */
static enum x86_next exit_invpcid(struct x86_vcpu *v)
{
	if (v->exit.invpcid > 3) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	x86_op(flush_tlb)(v);
	return x86_skip(v);
}

/*
 * Guest memory is ordinary cached memory: INVD and WBINVD have nothing to do, unless
 * devices do not look into caches. The vCPU may have been anywhere.
 */
void x86_flush_caches(struct x86_vcpu *v)
{
	if (unlikely(READ_ONCE(to_x86_vm(v->vcpu.kvm)->mmu.noncoherent)))
		wbinvd_on_all_cpus();
}

static enum x86_next exit_cache(struct x86_vcpu *v)
{
	x86_flush_caches(v);
	return x86_skip(v);
}

/* MONITOR and MWAIT do nothing: MWAIT may wake at any time (SDM 2B). */
static enum x86_next exit_mwait(struct x86_vcpu *v)
{
	if ((to_x86_vm(v->vcpu.kvm)->disabled_quirks & KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) &&
	    !x86_has(v, X86_FEATURE_MWAIT)) {
		x86_inject_ud(v);
		return X86_RESUME;
	}
	return x86_skip(v);
}

static enum x86_next exit_xsetbv(struct x86_vcpu *v)
{
	unsigned long *gpr = v->regs.gpr;
	u64 val = (u32)gpr[X86_RAX] | (u64)(u32)gpr[X86_RDX] << 32;

	if (x86_op(get_cpl)(v) || !(x86_cr4(v) & X86_CR4_OSXSAVE)) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	return gp_or_skip(v, x86_set_xcr0(v, gpr[X86_RCX], val));
}

static enum x86_next exit_encls(struct x86_vcpu *v)
{
	return sgx_exit(v);
}

static enum x86_next exit_ud(struct x86_vcpu *v)
{
	x86_inject_ud(v);
	return X86_RESUME;
}

/* The exit itself let events in. A guest whose state is lost can't go on. */
static enum x86_next exit_notify(struct x86_vcpu *v)
{
	u32 flags = to_x86_vm(v->vcpu.kvm)->notify_flags;
	struct kvm_run *run = v->vcpu.run;

	v->vcpu.stat.notify_window_exits++;
	if (!v->exit.notify_invalid && !(flags & KVM_X86_NOTIFY_VMEXIT_USER))
		return X86_RESUME;
	run->exit_reason = KVM_EXIT_NOTIFY;
	run->notify.flags = v->exit.notify_invalid ? KVM_NOTIFY_CONTEXT_INVALID : 0;
	return X86_TO_USER;
}

static enum x86_next exit_shutdown(struct x86_vcpu *v)
{
	v->vcpu.run->exit_reason = KVM_EXIT_SHUTDOWN;
	return X86_TO_USER;
}

static enum x86_next exit_entry_failed(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;

	x86_op(dump)(v);
	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = v->exit.hw_code;
	run->fail_entry.cpu = raw_smp_processor_id();
	return X86_TO_USER;
}

static enum x86_next exit_unknown(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;

	x86_op(dump)(v);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 2;
	run->internal.data[0] = v->exit.hw_code;
	run->internal.data[1] = raw_smp_processor_id();
	return X86_TO_USER;
}

#define ROW(r, h, f)	[X86_EXIT_##r] = { .name = #r, .handle = (h), .fast = (f) }

const struct x86_exit_row x86_exit_rows[X86_EXIT_NR] = {
	ROW(INTR,		exit_nothing,		NULL),
	ROW(NMI,		exit_nothing,		NULL),
	ROW(INTR_WINDOW,	exit_window,		NULL),
	ROW(NMI_WINDOW,		exit_nmi_window,	NULL),
	ROW(CPUID,		exit_cpuid,		exit_cpuid),
	ROW(RDMSR,		exit_rdmsr,		exit_rdmsr_fast),
	ROW(WRMSR,		exit_wrmsr,		exit_wrmsr_fast),
	ROW(IO,			x86_io_exit,		x86_io_fast),
	ROW(TDP_FAULT,		exit_tdp_fault,		exit_tdp_fault_fast),
	ROW(HLT,		exit_hlt,		NULL),
	ROW(HYPERCALL,		exit_hypercall,		NULL),
	ROW(CR,			exit_cr,		NULL),
	ROW(DR,			exit_dr,		NULL),
	ROW(EXCEPTION,		exit_exception,		NULL),
	ROW(PAUSE,		exit_pause,		NULL),
	ROW(TIMER,		exit_timer,		exit_timer),
	ROW(EOI,		exit_eoi,		exit_eoi),
	ROW(APIC_WRITE,		exit_apic_write,	exit_apic_write),
	ROW(APIC_ACCESS,	exit_apic_access,	NULL),
	ROW(RDPMC,		exit_rdpmc,		NULL),
	ROW(RDTSC,		exit_rdtsc,		NULL),
	ROW(INVLPG,		exit_invlpg,		NULL),
	ROW(INVPCID,		exit_invpcid,		NULL),
	ROW(CACHE,		exit_cache,		NULL),
	ROW(XSETBV,		exit_xsetbv,		NULL),
	/* Not in the guest's CPUID: the instructions are no-ops, as hardware allows */
	ROW(MONITOR,		exit_mwait,		NULL),
	ROW(MWAIT,		exit_mwait,		NULL),
	/* The event, or the instruction that hardware left at its beginning, once more */
	ROW(TASK_SWITCH,	x86_emulate_state,	NULL),
	ROW(ENCLS,		exit_encls,		NULL),
	ROW(UNDEFINED,		exit_ud,		NULL),
	ROW(NOTIFY,		exit_notify,		NULL),
	ROW(EMULATE,		x86_emulate_state,	NULL),
	ROW(RESUME,		exit_nothing,		NULL),
	ROW(SHUTDOWN,		exit_shutdown,		NULL),
	ROW(ENTRY_FAILED,	exit_entry_failed,	NULL),
	ROW(UNKNOWN,		exit_unknown,		NULL),
};
