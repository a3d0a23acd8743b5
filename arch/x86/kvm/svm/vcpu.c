// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's life on SVM: its VMCB, what it intercepts, moving between CPUs. */
#include <linux/atomic.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>

#include "block.h"

#define VEC_DB	1
#define VEC_BP	3
#define VEC_UD	6
#define VEC_PF	14
#define VEC_AC	17
#define VEC_MC	18

#define PAT_AT_RESET	0x0007040600070406ull	/* APM 2 7.8.2 */

static atomic64_t svm_unique = ATOMIC64_INIT(0);

/*
 * Always intercepted. SVM's own instructions undefine themselves for a guest
 * that has no SVM; CR4 writes switch features that CPUID mirrors; INVD would
 * throw away the host's data. #DB, #AC: a guest can make their delivery endless,
 * deaf to interrupts. #MC: the host's. #UD: the other vendor's hypercall.
 */
static const u8 svm_always[] = {
	INTERCEPT_CR4_WRITE,
	INTERCEPT_EXCEPTION_OFFSET + VEC_DB, INTERCEPT_EXCEPTION_OFFSET + VEC_UD,
	INTERCEPT_EXCEPTION_OFFSET + VEC_AC, INTERCEPT_EXCEPTION_OFFSET + VEC_MC,
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT,
	INTERCEPT_RDPMC, INTERCEPT_CPUID, INTERCEPT_RSM, INTERCEPT_INVD,
	INTERCEPT_INVLPGA, INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT, INTERCEPT_TASK_SWITCH,
	INTERCEPT_SHUTDOWN, INTERCEPT_VMRUN, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE, INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_ICEBP, INTERCEPT_WBINVD, INTERCEPT_XSETBV,
};

/* With shadow paging: whatever changes how addresses translate */
static const u8 svm_shadow[] = {
	INTERCEPT_CR0_WRITE, INTERCEPT_CR3_READ, INTERCEPT_CR3_WRITE,
	INTERCEPT_EXCEPTION_OFFSET + VEC_PF, INTERCEPT_INVLPG,
};

static bool svm_exit_disabled(struct svm_vcpu *s, u32 which)
{
	return to_x86_vm(s->x86.vcpu.kvm)->disabled_exits & which;
}

static void svm_intercept_by_cpuid(struct svm_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;

	svm_intercept(s, INTERCEPT_RDTSCP, boot_cpu_has(X86_FEATURE_RDTSCP) &&
		      !x86_has(v, X86_FEATURE_RDTSCP));
	svm_intercept(s, INTERCEPT_INVPCID, boot_cpu_has(X86_FEATURE_INVPCID) &&
		      (!svm_hw.npt || !x86_has(v, X86_FEATURE_INVPCID)));
	svm_intercept(s, INTERCEPT_RDPRU, svm_hw.rdpru);
	svm_intercept(s, INTERCEPT_MCOMMIT, svm_hw.mcommit);
	svm_intercept(s, INTERCEPT_INVLPGB, svm_hw.invlpgb);
	svm_intercept(s, INTERCEPT_INVLPGB_ILLEGAL, svm_hw.invlpgb);
	svm_intercept(s, INTERCEPT_TLBSYNC, svm_hw.invlpgb);
}

static void svm_intercept_by_vm(struct svm_vcpu *s)
{
	bool mwait = !svm_exit_disabled(s, KVM_X86_DISABLE_EXITS_MWAIT);

	svm_intercept(s, INTERCEPT_HLT, !svm_exit_disabled(s, KVM_X86_DISABLE_EXITS_HLT));
	svm_intercept(s, INTERCEPT_MONITOR, mwait);
	svm_intercept(s, INTERCEPT_MWAIT, mwait);
	svm_intercept(s, INTERCEPT_PAUSE, svm_hw.pause_filter &&
		      !svm_exit_disabled(s, KVM_X86_DISABLE_EXITS_PAUSE));
}

void svm_update_intercepts(struct x86_vcpu *v)
{
	svm_intercept(to_svm(v), INTERCEPT_EXCEPTION_OFFSET + VEC_BP,
		      v->dbg.guest_debug & KVM_GUESTDBG_USE_SW_BP);
	if (svm_needs_drs(to_svm(v)))
		svm_take_drs(to_svm(v));
}

void svm_cpuid_changed(struct x86_vcpu *v)
{
	svm_intercept_by_cpuid(to_svm(v));
	svm_bitmap_update(to_svm(v));
}

void svm_rebuild_control(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < ARRAY_SIZE(svm_always); i++)
		svm_intercept(s, svm_always[i], true);
	for (i = 0; i < ARRAY_SIZE(svm_shadow) && !svm_hw.npt; i++)
		svm_intercept(s, svm_shadow[i], true);
	c->intercepts[INTERCEPT_DR] = s->watch & SVM_WATCH_DR ? 0 : SVM_ALL_DR;
	svm_intercept_by_cpuid(s);
	svm_intercept_by_vm(s);
	svm_update_intercepts(&s->x86);
	svm_intercept(s, INTERCEPT_CR8_WRITE, !s->x86.apic);
	svm_intercept(s, INTERCEPT_CR0_READ, !(s->lazy & BIT(X86_LAZY_CR0)));
	svm_intercept(s, INTERCEPT_CR0_WRITE, !(s->lazy & BIT(X86_LAZY_CR0)));
	svm_intercept(s, INTERCEPT_CR4_READ, s->block->save.cr4 != s->x86.regs.cr4);
	svm_intercept(s, INTERCEPT_IRET, s->nmi_masked && !(s->watch & SVM_WATCH_IRET));

	c->iopm_base_pa = svm_iopm_pa;
	c->msrpm_base_pa = s->msrpm_pa;
	c->int_ctl = V_INTR_MASKING_MASK | s->tpr;
	svm_avic_fill(s);
	if (svm_hw.npt) {
		c->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
		c->nested_cr3 = s->root;
	}
	c->pause_filter_count = svm_pause.count;
	c->pause_filter_thresh = svm_hw.pause_threshold ? svm_pause.thresh : 0;
	c->virt_ext = svm_hw.lbrv && (s->debugctl & DEBUGCTLMSR_LBR) ? LBR_CTL_ENABLE_MASK : 0;
	s->asid_generation = 0;
	svm_write_tsc(&s->x86);
	c->clean = 0;
}

int svm_vcpu_create(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	BUILD_BUG_ON(offsetof(struct svm_entry, block_pa) != 0x00 ||
		     offsetof(struct svm_entry, host_block_pa) != 0x08 ||
		     offsetof(struct svm_entry, guest_spec_ctrl) != 0x10 ||
		     offsetof(struct svm_entry, host_spec_ctrl) != 0x18);
	s->block = svm_block_alloc(&s->entry.block_pa);
	if (!s->block)
		return -ENOMEM;
	raw_spin_lock_init(&s->avic.lock);
	s->unique = atomic64_inc_return(&svm_unique);
	s->last_cpu = -1;
	if (svm_hw.npt)
		s->lazy = BIT(X86_LAZY_CR0) | BIT(X86_LAZY_CR3) | BIT(X86_LAZY_PDPTRS);
	svm_bitmap_create(s);
	return 0;
}

void svm_vcpu_destroy(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	svm_bitmap_destroy(s);
	svm_block_free(s->block);
}

/* INIT keeps MSRs and with them PAT (APM 2 table 14-1). */
void svm_vcpu_reset(struct x86_vcpu *v, bool init)
{
	struct svm_vcpu *s = to_svm(v);
	struct vmcb_save_area *save = &s->block->save;

	if (!init) {
		memset(save, 0, sizeof(*save));
		save->g_pat = PAT_AT_RESET;
		s->tsc_aux = 0;
		s->spec_ctrl = 0;
		s->virt_spec_ctrl = 0;
		s->debugctl = 0;
		s->vm_cr = 0;
		s->guest_loaded = false;
	}
	s->tpr = 0;
	svm_reset_events(s);
	svm_rebuild_control(s);
	save->efer = EFER_SVME;
	save->dr6 = X86_DR6_INIT;
	save->dr7 = X86_DR7_INIT;
	save->rflags = X86_EFLAGS_FIXED;
	save->cpl = 0;
}

/* The window shrinks again while the guest does not spin. */
static void svm_shrink_pause_window(struct svm_vcpu *s)
{
	u16 *count = &s->block->control.pause_filter_count;

	if (!svm_hw.pause_filter || *count == svm_pause.count)
		return;
	*count = svm_pause.shrink > 1 ? max_t(u16, *count / svm_pause.shrink, svm_pause.count) :
					svm_pause.count;
	svm_touch(s, SVM_CLEAN_INTERCEPTS);
}

void svm_vcpu_load(struct x86_vcpu *v, int cpu)
{
	struct svm_vcpu *s = to_svm(v);
	struct svm_cpu *here = this_cpu_ptr(&svm_cpus);

	if (s->last_cpu != cpu) {
		s->last_cpu = cpu;
		s->asid_generation = 0;
		s->block->control.clean = 0;
		s->entry.host_block_pa = here->host_block_pa;
	}
	if (svm_hw.avic)
		svm_avic_load(s, cpu);
	svm_shrink_pause_window(s);
	svm_take_drs(s);
	/* Another guest's branch history is not this one's to meet. */
	if (here->last_vcpu != s->unique) {
		here->last_vcpu = s->unique;
		indirect_branch_prediction_barrier();
	}
}

void svm_vcpu_put(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	s->guest_loaded = false;
	s->host_saved = false;
	if (svm_hw.avic)
		svm_avic_load(s, -1);
}

/* The ratio is a per-CPU MSR: written when this vCPU enters next. */
void svm_write_tsc(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	s->block->control.tsc_offset = v->tsc.offset;
	svm_touch(s, SVM_CLEAN_INTERCEPTS);
	s->guest_loaded = false;
}

/* There is no such timer. */
bool svm_set_hv_timer(struct x86_vcpu *v, u64 tsc)
{
	return false;
}

void svm_cancel_hv_timer(struct x86_vcpu *v)
{
}
