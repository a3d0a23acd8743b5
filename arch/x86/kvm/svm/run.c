// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry and exit. The inner loop of common code comes here again and again with
 * IRQs off; what can only have changed outside of it is looked at once, in
 * svm_prepare_entry().
 *
 * Speculation: GPRs cleared and return stack refilled after each exit, return
 * predictor untrained or IBPB where the host's mitigations say so, CPU buffers
 * cleared before entry (VERW), SPEC_CTRL switched when the guest's differs, IBPB
 * between vCPUs (vcpu.c).
 */
#include <linux/irqflags.h>
#include <linux/rcupdate.h>
#include <asm/spec-ctrl.h>

#include "block.h"

static void svm_load_guest_msrs(struct svm_vcpu *s)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	struct x86_vcpu *v = &s->x86;
	u64 ratio = v->tsc.ratio ?: SVM_TSC_RATIO_DEFAULT;

	if (svm_hw.tsc_aux_slot >= 0)
		x86_user_return_msr_set(svm_hw.tsc_aux_slot, s->tsc_aux, ~0ull);
	if (svm_hw.tsc_scaling && cpu->tsc_ratio != ratio) {
		wrmsrl(MSR_AMD64_TSC_RATIO, ratio);
		cpu->tsc_ratio = ratio;
	}
	s->guest_loaded = true;
}

void svm_prepare_guest(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	s->prep = SVM_PREP_FRESH | SVM_PREP_TPR;
	if (unlikely(!s->guest_loaded))
		svm_load_guest_msrs(s);
}

/*
 * What VMLOAD brings back after an exit. It stays good until another task runs
 * here, but for LDTR: modify_ldt() of a sibling thread changes it by an IPI.
 */
static void svm_save_host(struct svm_vcpu *s)
{
	u16 ldt;

	asm volatile("sldt %0" : "=m" (ldt));
	if (likely(s->host_saved && !ldt))
		return;
	asm volatile("vmsave %%rax" : : "a" (s->entry.host_block_pa) : "memory");
	s->host_saved = true;
}

static void svm_prepare_spec_ctrl(struct svm_vcpu *s)
{
	u64 host;

	if (!svm_hw.spec_ctrl_bits || svm_hw.v_spec_ctrl)
		return;
	host = this_cpu_read(x86_spec_ctrl_current);
	s->entry.host_spec_ctrl = host;
	/* Bits the host insists on for itself stay on for its guests. */
	s->entry.guest_spec_ctrl = s->spec_ctrl | (host & x86_spec_ctrl_base);
}

static noinline void svm_prepare_entry(struct svm_vcpu *s)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	struct x86_regs *regs = &s->x86.regs;
	struct vmcb_save_area *save = &s->block->save;
	u8 prep = s->prep;

	s->prep = 0;
	svm_sync_tpr(s);
	if (!(prep & SVM_PREP_FRESH))
		return;
	svm_save_host(s);
	svm_prepare_spec_ctrl(s);
	if (unlikely(s->asid_generation != cpu->asid_generation))
		svm_assign_asid(s, cpu);
	/* Only slow handlers and ioctls change these. */
	if ((regs->dirty & BIT(X86_LAZY_CR3)) && !mmu_shadow()) {
		save->cr3 = regs->cr3;
		svm_touch(s, SVM_CLEAN_CR);
	}
	if (save->cr2 != regs->cr2) {
		save->cr2 = regs->cr2;
		svm_touch(s, SVM_CLEAN_CR2);
	}
	regs->dirty = 0;
	/* A CPU that runs guests all day passes a quiescent state after each tick. */
	if (s->x86.exit.reason == X86_EXIT_INTR)
		rcu_note_context_switch(false);
}

static noinstr void svm_run_guest(struct svm_vcpu *s)
{
	x86_leave_host();
	svm_vmrun(s->x86.regs.gpr, &s->entry);
	x86_back_in_host();
}

static noinline void svm_run_guest_virt_ssbd(struct svm_vcpu *s)
{
	x86_spec_ctrl_set_guest(s->virt_spec_ctrl);
	svm_run_guest(s);
	x86_spec_ctrl_restore_host(s->virt_spec_ctrl);
}

static inline void svm_regs_to_block(struct svm_vcpu *s)
{
	struct x86_regs *regs = &s->x86.regs;
	struct vmcb_save_area *save = &s->block->save;

	save->rax = regs->gpr[X86_RAX];
	save->rsp = regs->gpr[X86_RSP];
	save->rip = regs->rip;
	save->rflags = regs->rflags;
}

/* Guests toggle CR0.PG without an exit, and EFER.LMA with it. */
static inline void svm_regs_from_block(struct svm_vcpu *s)
{
	struct x86_regs *regs = &s->x86.regs;
	struct vmcb_save_area *save = &s->block->save;

	regs->gpr[X86_RAX] = save->rax;
	regs->gpr[X86_RSP] = save->rsp;
	regs->rip = save->rip;
	regs->rflags = save->rflags;
	regs->cr2 = save->cr2;
	if (!mmu_shadow())
		regs->efer = save->efer & ~EFER_SVME;
	regs->avail = X86_LAZY_ALL & ~s->lazy;
}

void svm_enter(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);
	struct vmcb_control_area *c = &s->block->control;
	unsigned long old_rflags = v->regs.rflags;
	u8 tpr;

	if (unlikely(s->prep))
		svm_prepare_entry(s);
	svm_regs_to_block(s);
	if (unlikely(s->watch))
		svm_watch_entry(s);

	if (unlikely(svm_hw.virt_ssbd))
		svm_run_guest_virt_ssbd(s);
	else
		svm_run_guest(s);

	svm_regs_from_block(s);
	c->clean = SVM_CLEAN_ALL;
	c->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	c->event_inj = 0;
	tpr = c->int_ctl & V_TPR_MASK;
	if (unlikely(tpr != s->tpr)) {
		s->tpr = tpr;
		/* With AVIC the register has it, and nobody waits for it. */
		if (!s->avic.mode)
			x86_set_cr8(v, tpr);
	}
	svm_decode_exit(s, old_rflags);
}

/* A pending host interrupt stays pending through #VMEXIT(INTR): taken with IRQs on. */
void svm_take_host_irq(struct x86_vcpu *v)
{
}

/* It comes at STGI: the registers are in the block still, and decode_nmi() ends this. */
bool svm_host_nmi(struct x86_vcpu *v, unsigned long *ip)
{
	const struct vmcb *block = to_svm(v)->block;

	*ip = block->save.rip;
	return READ_ONCE(block->control.exit_code) == SVM_EXIT_NMI;
}
