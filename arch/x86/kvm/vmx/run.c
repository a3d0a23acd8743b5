// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry and exit. The inner loop of common code comes here again and again with
 * IRQs off; what can only have changed outside of it is looked at once, in
 * vmx_prepare_entry().
 *
 * Speculation: GPRs cleared and return stack refilled after each exit, CPU buffers
 * cleared before entry (VERW), the L1 data cache flushed where other code ran
 * since the last entry, SPEC_CTRL switched when the guest's differs, IBPB between
 * vCPUs (vcpu.c).
 */
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/rcupdate.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/mmu_context.h>
#include <asm/nospec-branch.h>
#include <asm/spec-ctrl.h>

#include "block.h"

static void vmx_save_segments(struct vmx_vcpu *s)
{
	unsigned long fs_base;

	savesegment(ds, s->host_ds);
	savesegment(es, s->host_es);
	savesegment(fs, s->host_fs);
	savesegment(gs, s->host_gs);
	asm volatile("sldt %0" : "=m" (s->host_ldt));
	rdmsrl(MSR_FS_BASE, fs_base);
	if (fs_base != s->host_fs_base) {
		vmx_write(HOST_FS_BASE, fs_base);
		s->host_fs_base = fs_base;
	}
	rdmsrl(MSR_KERNEL_GS_BASE, s->host_kernel_gs);
}

static void vmx_load_guest_msrs(struct vmx_vcpu *s)
{
	unsigned int i;

	wrmsrl(MSR_KERNEL_GS_BASE, s->kernel_gs_base);
	for (i = 0; i < VMX_NR_SWITCHED; i++)
		if (vmx_switched_slot[i] >= 0)
			x86_user_return_msr_set(vmx_switched_slot[i], s->switched[i], ~0ull);
	s->guest_loaded = true;
}

void vmx_prepare_guest(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);

	s->prep |= VMX_PREP_FRESH;
	if (likely(s->guest_loaded))
		return;
	vmx_save_segments(s);
	vmx_load_guest_msrs(s);
}

static void vmx_prepare_spec_ctrl(struct vmx_vcpu *s)
{
	u64 host;

	if (!vmx_hw.spec_ctrl_bits)
		return;
	host = this_cpu_read(x86_spec_ctrl_current);
	s->entry.host_spec_ctrl = host;
	/* Bits the host insists on for itself stay on for its guests. */
	s->entry.guest_spec_ctrl = s->spec_ctrl | (host & x86_spec_ctrl_base);
}

/* Counts from the entry on, so what is left has to be told each time (SDM 3C 26.5.1). */
static void vmx_prepare_timer(struct vmx_vcpu *s)
{
	u64 now = rdtsc(), left;

	if (!s->timer_tsc) {
		vmx_write(VMX_PREEMPTION_TIMER_VALUE, U32_MAX);
		s->prep &= ~VMX_PREP_TIMER;
		return;
	}
	left = s->timer_tsc > now ? ((s->timer_tsc - now - 1) >> vmx_hw.timer_shift) + 1 : 0;
	vmx_write(VMX_PREEMPTION_TIMER_VALUE, min_t(u64, left, U32_MAX));
}

/* The CPU can't run the guest as it is. What was to be injected is for the emulator too. */
static void vmx_leave_to_emulator(struct vmx_vcpu *s)
{
	struct x86_exit *e = &s->x86.exit;

	vmx_cancel_injection(&s->x86);
	e->reason = X86_EXIT_EMULATE;
	e->nr_bytes = 0;
	e->insn_len = 0;
}

/* False: no entry is made, the exit is decoded. */
static noinline bool vmx_prepare_entry(struct vmx_vcpu *s)
{
	unsigned long cr3, cr4;

	if ((s->prep & VMX_PREP_FRESH) && unlikely(!vmx_hw.unrestricted) && vmx_must_emulate(s)) {
		vmx_leave_to_emulator(s);
		return false;
	}
	if (s->prep & VMX_PREP_TIMER)
		vmx_prepare_timer(s);
	if (!(s->prep & VMX_PREP_FRESH))
		return true;
	s->prep &= ~VMX_PREP_FRESH;
	vmx_posted_enter(s);
	cr3 = __get_current_cr3_fast();
	cr4 = cr4_read_shadow();
	if (cr3 != s->host_cr3) {
		vmx_write(HOST_CR3, cr3);
		s->host_cr3 = cr3;
	}
	if (cr4 != s->host_cr4) {
		vmx_write(HOST_CR4, cr4);
		s->host_cr4 = cr4;
	}
	vmx_prepare_spec_ctrl(s);
	if (unlikely(s->flush))
		vmx_flush_now(s);
	if (unlikely(vmx_hw.flush_l1d))
		vmx_l1d_flush();
	if (vmx_hw.perf)
		vmx_perf_enter(s);
	/* A CPU that runs guests all day passes a quiescent state after each tick. */
	if (s->x86.exit.reason == X86_EXIT_INTR)
		rcu_note_context_switch(false);
	return true;
}

static noinstr int vmx_run_guest(struct vmx_vcpu *s)
{
	unsigned long cr2 = s->x86.regs.cr2;
	int failed;

	x86_leave_host();
	/* Neither entry nor exit switches CR2. */
	if (native_read_cr2() != cr2)
		native_write_cr2(cr2);
	/* Not all CPUs with stale data in their buffers need VERW for MDS's sake. */
	if (static_branch_unlikely(&mmio_stale_data_clear))
		x86_clear_cpu_buffers();
	failed = vmx_vmenter(s->x86.regs.gpr, &s->entry);
	s->x86.regs.cr2 = native_read_cr2();
	x86_back_in_host();
	return failed;
}

/*
 * A step out of a shadow ends with a #DB only if it is pending already, and entry
 * insists on that (SDM 3C 27.3.1.5).
 */
static void vmx_step_in_shadow(unsigned long rflags)
{
	const u32 shadow = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	unsigned long pending;

	if (!(rflags & X86_EFLAGS_TF) || !(vmx_read(GUEST_INTERRUPTIBILITY_INFO) & shadow))
		return;
	pending = vmx_read(GUEST_PENDING_DBG_EXCEPTIONS);
	vmx_write(GUEST_PENDING_DBG_EXCEPTIONS, pending | DR_STEP);
}

static void vmx_regs_to_block(struct vmx_vcpu *s)
{
	struct x86_regs *regs = &s->x86.regs;
	unsigned long rflags = regs->rflags;
	unsigned int i;

	if (regs->dirty & BIT(X86_LAZY_RIP))
		vmx_write(GUEST_RIP, regs->rip);
	if (regs->dirty & BIT(X86_LAZY_RSP))
		vmx_write(GUEST_RSP, regs->gpr[X86_RSP]);
	if (regs->dirty & BIT(X86_LAZY_RFLAGS)) {
		if (unlikely(s->vm86.on))
			rflags = vmx_vm86_flags_to_block(s, rflags);
		vmx_write(GUEST_RFLAGS, rflags);
		vmx_step_in_shadow(rflags);
	}
	if ((regs->dirty & BIT(X86_LAZY_CR3)) && !s->unpaged && !mmu_shadow())
		vmx_write(GUEST_CR3, regs->cr3);
	if ((regs->dirty & BIT(X86_LAZY_PDPTRS)) && !mmu_shadow())
		for (i = 0; i < 4; i++)
			vmx_write(GUEST_PDPTR0 + 2 * i, regs->pdptr[i]);
	regs->dirty = 0;
}

void vmx_enter(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);
	bool failed;

	if (unlikely(s->prep) && !vmx_prepare_entry(s))
		return;
	if (unlikely(vmx_hw.flush_l1d_always))
		vmx_l1d_flush();
	if (v->regs.dirty)
		vmx_regs_to_block(s);

	failed = vmx_run_guest(s);

	v->regs.avail = 0;	/* all of them are in the VMCS */
	vmx_decode_exit(s, failed);
}

/*
 * Where the CPU can, the exit has acknowledged the interrupt: the handler is
 * called as the CPU would have. Else it is pending, and taken with IRQs on.
 */
void vmx_take_host_irq(struct x86_vcpu *v)
{
	struct desc_ptr idt;
	gate_desc *gate;
	u32 info;

	if (unlikely(to_vmx(v)->nr_perf))
		vmx_perf_leave(to_vmx(v));
	if (vmx_hw.pml)
		vmx_pml_drain(to_vmx(v));
	if (v->exit.reason != X86_EXIT_INTR ||
	    !(vmx_hw.exit & VM_EXIT_ACK_INTR_ON_EXIT))
		return;
	info = vmx_read(VM_EXIT_INTR_INFO);
	if (WARN_ON_ONCE(!(info & INTR_INFO_VALID_MASK)))
		return;
	store_idt(&idt);
	gate = (gate_desc *)idt.address + (info & INTR_INFO_VECTOR_MASK);
	vmx_call_irq(gate_offset(gate));
}

/* While vmx_take_nmi() calls its handler: all is in the VMCS, and that is this vCPU's. */
bool vmx_host_nmi(struct x86_vcpu *v, unsigned long *ip)
{
	if (!READ_ONCE(to_vmx(v)->takes_nmi))
		return false;
	*ip = vmx_read(GUEST_RIP);
	return true;
}
