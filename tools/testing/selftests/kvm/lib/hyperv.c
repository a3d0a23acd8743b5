// SPDX-License-Identifier: GPL-2.0-only
/* Guests that were told of Hyper-V. */
#include <stdlib.h>
#include <string.h>

#include "hyperv.h"

const struct hv_features hv_full = {
	.a = A_ALL,
	.b = B_POST | B_SIGNAL | B_DEBUG,
	.d = D_DEBUG | D_XMM | D_CRASH | D_DEBUG_MSRS | D_DIRECT,
	.advice = ADVICE_FLUSH | ADVICE_IPI | ADVICE_EX,
	.spins = 0xfff,
	.debugger = DEBUGGER,
};

static void add_leaf(struct kvm_cpuid2 *c, u32 function, u32 eax, u32 ebx, u32 edx)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(c, function, 0);

	if (!e)
		e = &c->entries[c->nent++];
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->eax = eax;
	e->ebx = ebx;
	e->edx = edx;
}

void hv_give(struct vcpu *vcpu, const struct hv_features *f)
{
	struct kvm_cpuid2 *c = cpuid_supported(vcpu->vm->kvm);
	struct kvm_cpuid_entry2 *one = cpuid_find(c, 1, 0);

	one->ebx = (one->ebx & 0xffffff) | vcpu->id << 24;
	add_leaf(c, 0x40000000, 0x40000082, 0, 0);
	add_leaf(c, 0x40000001, HV1, 0, 0);
	add_leaf(c, 0x40000003, f->a, f->b, f->d);
	add_leaf(c, 0x40000004, f->advice, f->spins, 0);
	add_leaf(c, 0x40000082, f->debugger, 0, 0);
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, c));
	vcpu->has_cpuid = true;
	free(c);
}

int vcpu_cap(struct vcpu *vcpu, u32 cap, u64 arg)
{
	struct kvm_enable_cap e = { .cap = cap, .args[0] = arg };

	return ioctl(vcpu->fd, KVM_ENABLE_CAP, &e);
}

struct vcpu *hv_vcpu(struct vm *vm, int id, guest_fn fn)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vcpu *vcpu = vcpu_new(vm, id);

	hv_give(vcpu, &hv_full);
	MUST(!ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable));
	start_long(vcpu, fn);
	return vcpu;
}

static u64 code_page = CODE_PAGE;

/* RCX, RDX and R8, as the page's caller finds them; the page ends in RET. */
u64 hv_call(u64 control, u64 in, u64 out)
{
	register u64 r8 asm("r8") = out;
	u64 ret;

	asm volatile("call *%[page]"
		     : "=a"(ret), "+c"(control), "+d"(in), "+r"(r8)
		     : [page] "m"(code_page) : "memory", "cc", "r9", "r10", "r11");
	return ret;
}

void hv_enlighten(void)
{
	guest_wrmsr(OS_ID, LINUX_ID);
	guest_wrmsr(HYPERCALL, CODE_PAGE | 1);
}
