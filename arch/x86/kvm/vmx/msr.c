// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that Intel has or keeps in the VMCS. 0: done, 1: #GP, -ENOENT: not ours.
 */
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "block.h"

const u32 vmx_switched_msr[VMX_NR_SWITCHED] = {
	[VMX_STAR]		= MSR_STAR,
	[VMX_LSTAR]		= MSR_LSTAR,
	[VMX_SYSCALL_MASK]	= MSR_SYSCALL_MASK,
	[VMX_TSC_AUX]		= MSR_TSC_AUX,
};
int vmx_switched_slot[VMX_NR_SWITCHED];

/* SYSENTER and segment-base MSRs: plain fields, addresses canonical */
static const struct {
	u32 index;
	u16 field;
	bool address;
} vmx_fields[] = {
	{ MSR_FS_BASE,			GUEST_FS_BASE,		true },
	{ MSR_GS_BASE,			GUEST_GS_BASE,		true },
	{ MSR_IA32_SYSENTER_CS,		GUEST_SYSENTER_CS,	false },
	{ MSR_IA32_SYSENTER_ESP,	GUEST_SYSENTER_ESP,	true },
	{ MSR_IA32_SYSENTER_EIP,	GUEST_SYSENTER_EIP,	true },
};

/* 0: none */
static u16 vmx_field(u32 index, bool *address)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx_fields); i++) {
		if (vmx_fields[i].index != index)
			continue;
		*address = vmx_fields[i].address;
		return vmx_fields[i].field;
	}
	return 0;
}

static bool vmx_has_tsc_aux(struct x86_vcpu *v, bool host)
{
	return vmx_switched_slot[VMX_TSC_AUX] >= 0 &&
	       (host || x86_has(v, X86_FEATURE_RDTSCP) || x86_has(v, X86_FEATURE_RDPID));
}

static bool vmx_has_spec_ctrl(struct x86_vcpu *v, bool host)
{
	return vmx_hw.spec_ctrl_bits &&
	       (host || x86_has(v, X86_FEATURE_SPEC_CTRL) || x86_has(v, X86_FEATURE_AMD_IBRS) ||
		x86_has(v, X86_FEATURE_AMD_STIBP) || x86_has(v, X86_FEATURE_AMD_SSBD));
}

static bool vmx_has_ibpb(struct x86_vcpu *v, bool host)
{
	return boot_cpu_has(X86_FEATURE_IBPB) &&
	       (host || x86_has(v, X86_FEATURE_SPEC_CTRL) || x86_has(v, X86_FEATURE_AMD_IBPB));
}

/* The guest may have changed the MSR itself. */
static u64 vmx_get_kernel_gs(struct vmx_vcpu *s)
{
	preempt_disable();
	if (s->guest_loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, s->kernel_gs_base);
	preempt_enable();
	return s->kernel_gs_base;
}

static void vmx_set_kernel_gs(struct vmx_vcpu *s, u64 data)
{
	preempt_disable();
	s->kernel_gs_base = data;
	if (s->guest_loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, data);
	preempt_enable();
}

int vmx_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	struct vmx_vcpu *s = to_vmx(v);
	bool address;
	u16 field = vmx_field(index, &address);

	if (field) {
		vmx_vm86_leave(s);
		*data = vmx_read(field);
		return 0;
	}
	switch (index) {
	case MSR_KERNEL_GS_BASE:
		*data = vmx_get_kernel_gs(s);
		return 0;
	case MSR_STAR:
		*data = s->switched[VMX_STAR];
		return 0;
	case MSR_LSTAR:
		*data = s->switched[VMX_LSTAR];
		return 0;
	case MSR_CSTAR:
		*data = s->cstar;
		return 0;
	case MSR_SYSCALL_MASK:
		*data = s->switched[VMX_SYSCALL_MASK];
		return 0;
	case MSR_TSC_AUX:
		*data = s->switched[VMX_TSC_AUX];
		return !vmx_has_tsc_aux(v, host);
	case MSR_IA32_SPEC_CTRL:
		*data = s->spec_ctrl;
		return !vmx_has_spec_ctrl(v, host);
	case MSR_IA32_PRED_CMD:
		return 1;		/* write-only */
	case MSR_IA32_DEBUGCTLMSR:
		*data = vmx_read(GUEST_IA32_DEBUGCTL);
		return 0;
	default:
		return -ENOENT;
	}
}

static int vmx_set_switched(struct vmx_vcpu *s, enum vmx_switched which, u64 data)
{
	s->switched[which] = data;
	preempt_disable();
	if (s->guest_loaded && vmx_switched_slot[which] >= 0)
		x86_user_return_msr_set(vmx_switched_slot[which], data, ~0ull);
	preempt_enable();
	return 0;
}

/* BTF alone: no branch records, no trace messages (SDM 3B 18.4.1). */
static int vmx_set_debugctl(u64 data)
{
	if (data & ~(u64)(DEBUGCTLMSR_BTF | DEBUGCTLMSR_LBR))
		return 1;
	vmx_write(GUEST_IA32_DEBUGCTL, data & DEBUGCTLMSR_BTF);
	return 0;
}

int vmx_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct vmx_vcpu *s = to_vmx(v);
	bool address;
	u16 field = vmx_field(index, &address);

	if (field) {
		if (address && !x86_canonical(v, data))
			return 1;
		vmx_vm86_leave(s);
		vmx_write(field, data);
		return 0;
	}
	switch (index) {
	case MSR_KERNEL_GS_BASE:
		if (!x86_canonical(v, data))
			return 1;
		vmx_set_kernel_gs(s, data);
		return 0;
	case MSR_STAR:
		return vmx_set_switched(s, VMX_STAR, data);
	case MSR_LSTAR:
		return x86_canonical(v, data) ? vmx_set_switched(s, VMX_LSTAR, data) : 1;
	case MSR_CSTAR:
		if (!x86_canonical(v, data))
			return 1;
		s->cstar = data;
		return 0;
	case MSR_SYSCALL_MASK:
		/* The upper half is reserved; hardware would refuse it too. */
		return data >> 32 ? 1 : vmx_set_switched(s, VMX_SYSCALL_MASK, data);
	case MSR_TSC_AUX:
		/* AMD's CPUs forget the upper half, these refuse it. */
		if (!vmx_has_tsc_aux(v, host) || data >> 32)
			return 1;
		return vmx_set_switched(s, VMX_TSC_AUX, data);
	case MSR_IA32_SPEC_CTRL:
		if (!vmx_has_spec_ctrl(v, host) || (data & ~vmx_hw.spec_ctrl_bits))
			return 1;
		s->spec_ctrl = data;
		return 0;
	case MSR_IA32_PRED_CMD:
		if (!vmx_has_ibpb(v, host) || (data & ~PRED_CMD_IBPB))
			return 1;
		if (data)
			wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		return vmx_set_debugctl(data);
	case MSR_IA32_CR_PAT:
		/* v->msr.pat was checked and set by common code. */
		if (vmx_hw.ept)
			vmx_write(GUEST_IA32_PAT, data);
		return 0;
	default:
		return -ENOENT;
	}
}

int vmx_get_feature_msr(u32 index, u64 *data)
{
	return -ENOENT;
}
