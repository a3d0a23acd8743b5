// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that AMD has or keeps in the VMCB. 0: done, 1: #GP, -ENOENT: not ours.
 */
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "block.h"

/* SYSCALL, SYSENTER and segment-base MSRs: plain fields, addresses canonical */
static const struct {
	u32 index;
	u16 offset;
	bool address;
} svm_fields[] = {
#define FIELD(msr, field, addr)	{ msr, offsetof(struct vmcb_save_area, field), addr }
	FIELD(MSR_STAR,			star,		false),
	FIELD(MSR_LSTAR,		lstar,		true),
	FIELD(MSR_CSTAR,		cstar,		true),
	FIELD(MSR_SYSCALL_MASK,		sfmask,		false),
	FIELD(MSR_KERNEL_GS_BASE,	kernel_gs_base,	true),
	FIELD(MSR_FS_BASE,		fs.base,	true),
	FIELD(MSR_GS_BASE,		gs.base,	true),
	FIELD(MSR_IA32_SYSENTER_CS,	sysenter_cs,	false),
	/* No address for AMD's WRMSR: the upper halves are not used (APM 2 6.1.2). */
	FIELD(MSR_IA32_SYSENTER_ESP,	sysenter_esp,	false),
	FIELD(MSR_IA32_SYSENTER_EIP,	sysenter_eip,	false),
#undef FIELD
};

static u64 *svm_field(struct svm_vcpu *s, u32 index, bool *address)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(svm_fields); i++) {
		if (svm_fields[i].index != index)
			continue;
		*address = svm_fields[i].address;
		return (void *)&s->block->save + svm_fields[i].offset;
	}
	return NULL;
}

static bool svm_has_tsc_aux(struct x86_vcpu *v, bool host)
{
	return svm_hw.tsc_aux_slot >= 0 &&
	       (host || x86_has(v, X86_FEATURE_RDTSCP) || x86_has(v, X86_FEATURE_RDPID));
}

static bool svm_has_spec_ctrl(struct x86_vcpu *v, bool host)
{
	return svm_hw.spec_ctrl_bits &&
	       (host || x86_has(v, X86_FEATURE_SPEC_CTRL) || x86_has(v, X86_FEATURE_AMD_IBRS) ||
		x86_has(v, X86_FEATURE_AMD_STIBP) || x86_has(v, X86_FEATURE_AMD_SSBD));
}

static bool svm_has_ibpb(struct x86_vcpu *v, bool host)
{
	return boot_cpu_has(X86_FEATURE_IBPB) &&
	       (host || x86_has(v, X86_FEATURE_SPEC_CTRL) || x86_has(v, X86_FEATURE_AMD_IBPB));
}

static bool svm_has_virt_ssbd(struct x86_vcpu *v, bool host)
{
	return svm_hw.virt_ssbd && (host || x86_has(v, X86_FEATURE_VIRT_SSBD));
}

/* Last-branch records live in the VMCB when they are virtualised. */
static int svm_get_lbr(struct svm_vcpu *s, u32 index, u64 *data)
{
	struct vmcb_save_area *save = &s->block->save;

	if (!svm_hw.lbrv)
		return -ENOENT;
	switch (index) {
	case MSR_IA32_LASTBRANCHFROMIP:
		*data = save->br_from;
		return 0;
	case MSR_IA32_LASTBRANCHTOIP:
		*data = save->br_to;
		return 0;
	case MSR_IA32_LASTINTFROMIP:
		*data = save->last_excp_from;
		return 0;
	default:
		*data = save->last_excp_to;
		return 0;
	}
}

int svm_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	struct svm_vcpu *s = to_svm(v);
	bool address;
	u64 *field = svm_field(s, index, &address);

	if (field) {
		*data = *field;
		return 0;
	}
	switch (index) {
	case MSR_TSC_AUX:
		*data = s->tsc_aux;
		return !svm_has_tsc_aux(v, host);
	case MSR_IA32_SPEC_CTRL:
		*data = svm_hw.v_spec_ctrl ? s->block->save.spec_ctrl : s->spec_ctrl;
		return !svm_has_spec_ctrl(v, host);
	case MSR_IA32_PRED_CMD:
		return 1;		/* write-only */
	case MSR_AMD64_VIRT_SPEC_CTRL:
		*data = s->virt_spec_ctrl;
		return !svm_has_virt_ssbd(v, host);
	case MSR_IA32_DEBUGCTLMSR:
		*data = s->debugctl;
		return 0;
	case MSR_IA32_LASTBRANCHFROMIP ... MSR_IA32_LASTINTTOIP:
		return svm_get_lbr(s, index, data);
	case MSR_VM_CR:
		*data = s->vm_cr;
		return 0;
	default:
		return -ENOENT;
	}
}

static int svm_set_tsc_aux(struct svm_vcpu *s, u64 data)
{
	s->tsc_aux = (u32)data;		/* the upper half is ignored */
	preempt_disable();
	if (s->guest_loaded)
		x86_user_return_msr_set(svm_hw.tsc_aux_slot, s->tsc_aux, ~0ull);
	preempt_enable();
	return 0;
}

/*
 * BTF and the pins' bits are kept but do nothing; the LBR bit switches the
 * records in the VMCB. APM 2 13.1.1.6
 */
static int svm_set_debugctl(struct svm_vcpu *s, u64 data)
{
	struct vmcb *b = s->block;

	if (data & ~0x3full)
		return 1;
	s->debugctl = data;
	if (!svm_hw.lbrv)
		return 0;
	b->save.dbgctl = data & DEBUGCTLMSR_LBR;
	if (data & DEBUGCTLMSR_LBR)
		b->control.virt_ext |= LBR_CTL_ENABLE_MASK;
	else
		b->control.virt_ext &= ~LBR_CTL_ENABLE_MASK;
	svm_touch(s, SVM_CLEAN_LBR);
	return 0;
}

static int svm_set_spec_ctrl(struct svm_vcpu *s, u64 data)
{
	if (data & ~svm_hw.spec_ctrl_bits)
		return 1;
	if (svm_hw.v_spec_ctrl)
		s->block->save.spec_ctrl = data;
	else
		s->spec_ctrl = data;
	return 0;
}

/* A guest without SVM may lock and disable it, as firmware does (APM 2 15.30.1). */
static int svm_set_vm_cr(struct svm_vcpu *s, u64 data)
{
	if (data & ~SVM_VM_CR_VALID_MASK)
		return 1;
	if (!(s->vm_cr & SVM_VM_CR_SVM_LOCK_MASK))
		s->vm_cr = data & (SVM_VM_CR_SVM_LOCK_MASK | SVM_VM_CR_SVM_DIS_MASK);
	return 0;
}

int svm_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct svm_vcpu *s = to_svm(v);
	bool address;
	u64 *field = svm_field(s, index, &address);

	if (field) {
		/* As WRMSR would; VMLOAD just sign-extends (APM 2 15.5.2). */
		if (address && !x86_canonical(v, data))
			return 1;
		*field = data;
		return 0;
	}
	switch (index) {
	case MSR_TSC_AUX:
		return svm_has_tsc_aux(v, host) ? svm_set_tsc_aux(s, data) : 1;
	case MSR_IA32_SPEC_CTRL:
		return svm_has_spec_ctrl(v, host) ? svm_set_spec_ctrl(s, data) : 1;
	case MSR_IA32_PRED_CMD:
		if (!svm_has_ibpb(v, host) || (data & ~PRED_CMD_IBPB))
			return 1;
		if (data)
			wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
		return 0;
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (!svm_has_virt_ssbd(v, host) || (data & ~SPEC_CTRL_SSBD))
			return 1;
		s->virt_spec_ctrl = data;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		return svm_set_debugctl(s, data);
	case MSR_VM_CR:
		return svm_set_vm_cr(s, data);
	case MSR_IA32_CR_PAT:
		/* v->msr.pat was checked and set by common code. */
		s->block->save.g_pat = data;
		svm_touch(s, SVM_CLEAN_NP);
		return 0;
	default:
		return -ENOENT;
	}
}

int svm_get_feature_msr(u32 index, u64 *data)
{
	return -ENOENT;
}
