// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's hypercalls (Documentation/virt/kvm/x86/hypercalls.rst): number in
 * RAX, arguments in RBX, RCX, RDX, RSI, result in RAX. One row each.
 */
#include <linux/nospec.h>
#include <uapi/asm/kvm_para.h>
#include <uapi/linux/kvm_para.h>

#include "x86.h"
#include "trace.h"

struct pv_args {
	unsigned long a0, a1, a2, a3;
	bool mode64;
};

static long pv_nothing(struct x86_vcpu *v, const struct pv_args *a)
{
	return 0;	/* the exit itself was what the guest wanted */
}

static long pv_kick_cpu(struct x86_vcpu *v, const struct pv_args *a)
{
	lapic_pv_kick(v->vcpu.kvm, a->a1);
	return 0;
}

static long pv_send_ipi(struct x86_vcpu *v, const struct pv_args *a)
{
	if (!v->apic)
		return -KVM_ENOSYS;
	return lapic_pv_send_ipi(v->vcpu.kvm, a->a0, a->a1, a->a2, a->a3, a->mode64);
}

/* Give our time to a vCPU that waits for a host CPU. */
static long pv_sched_yield(struct x86_vcpu *v, const struct pv_args *a)
{
	struct kvm_vcpu *target = lapic_vcpu_by_id(v->vcpu.kvm, a->a0);

	if (target && target != &v->vcpu && READ_ONCE(target->preempted))
		kvm_vcpu_yield_to(target);
	return 0;
}

/* The host's wall clock and the guest's TSC at one moment */
static long pv_clock_pairing(struct x86_vcpu *v, const struct pv_args *a)
{
	struct kvm_clock_pairing pair = {};
	u64 tsc, boot, real;
	u32 rest;

	if (a->a1 != KVM_CLOCK_PAIRING_WALLCLOCK)
		return -KVM_EOPNOTSUPP;
	if (!kvmclock_host_moment(&tsc, &boot, &real))
		return -KVM_EOPNOTSUPP;
	pair.sec = div_u64_rem(real, NSEC_PER_SEC, &rest);
	pair.nsec = rest;
	pair.tsc = tsc_read_guest(v, tsc);
	if (kvm_write_guest(v->vcpu.kvm, v->vcpu.as_id, a->a0, &pair, sizeof(pair)))
		return -KVM_EFAULT;
	return 0;
}

/* @feature: of KVM_CPUID_FEATURES, needed when the VMM enforces it; -1: none */
static const struct pv_row {
	long (*call)(struct x86_vcpu *v, const struct pv_args *a);
	s8 feature;
} pv_rows[] = {
	[KVM_HC_VAPIC_POLL_IRQ] = { pv_nothing, -1 },
	[KVM_HC_KICK_CPU] = { pv_kick_cpu, KVM_FEATURE_PV_UNHALT },
	[KVM_HC_CLOCK_PAIRING] = { pv_clock_pairing, -1 },
	[KVM_HC_SEND_IPI] = { pv_send_ipi, KVM_FEATURE_PV_SEND_IPI },
	[KVM_HC_SCHED_YIELD] = { pv_sched_yield, KVM_FEATURE_PV_SCHED_YIELD },
};

static long pv_dispatch(struct x86_vcpu *v, unsigned long nr, const struct pv_args *a)
{
	const struct pv_row *row;

	if (nr >= ARRAY_SIZE(pv_rows) || !pv_rows[nr].call)
		return -KVM_ENOSYS;
	row = &pv_rows[array_index_nospec(nr, ARRAY_SIZE(pv_rows))];
	if (row->feature >= 0 && x86_pv_withheld(v, row->feature))
		return -KVM_ENOSYS;
	return row->call(v, a);
}

/* User space has done what the hypercall asked for. */
static enum x86_next pv_finish_user(struct x86_vcpu *v)
{
	u64 ret = v->vcpu.run->hypercall.ret;

	x86_set_gpr(v, X86_RAX, x86_is_64bit(v) ? ret : (u32)ret);
	return x86_skip(v);
}

/*
 * KVM_HC_MAP_GPA_RANGE: the start, the number of pages, how to map them; all for
 * user space to judge but that the range is one.
 */
static bool pv_map_gpa_range(struct x86_vcpu *v, const struct pv_args *a, long *ret)
{
	struct kvm_run *run = v->vcpu.run;
	u64 gfn = a->a0 >> PAGE_SHIFT;

	*ret = -KVM_ENOSYS;
	if (!(READ_ONCE(to_x86_vm(v->vcpu.kvm)->user_hypercalls) & BIT(KVM_HC_MAP_GPA_RANGE)))
		return false;
	if (x86_pv_withheld(v, KVM_FEATURE_HC_MAP_GPA_RANGE))
		return false;
	*ret = -KVM_EINVAL;
	if ((a->a0 & ~PAGE_MASK) || gfn + a->a1 <= gfn)
		return false;
	run->exit_reason = KVM_EXIT_HYPERCALL;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = a->a0;
	run->hypercall.args[1] = a->a1;
	run->hypercall.args[2] = a->a2;
	run->hypercall.longmode = a->mode64;
	v->complete = pv_finish_user;
	return true;
}

/* CPL 0 only: the exit row saw to it. @may_ask: user space may be asked. */
int pv_hypercall(struct x86_vcpu *v, bool may_ask)
{
	unsigned long nr = x86_gpr(v, X86_RAX);
	struct pv_args a = {
		.a0 = x86_gpr(v, X86_RBX),
		.a1 = x86_gpr(v, X86_RCX),
		.a2 = x86_gpr(v, X86_RDX),
		.a3 = x86_gpr(v, X86_RSI),
		.mode64 = x86_is_64bit(v),
	};
	long ret = -KVM_ENOSYS;

	if (!a.mode64) {
		nr = (u32)nr;
		a.a0 = (u32)a.a0;
		a.a1 = (u32)a.a1;
		a.a2 = (u32)a.a2;
		a.a3 = (u32)a.a3;
	}
	trace_kvm_hypercall(nr, a.a0, a.a1, a.a2, a.a3);
	if (nr != KVM_HC_MAP_GPA_RANGE)
		ret = pv_dispatch(v, nr, &a);
	else if (may_ask && pv_map_gpa_range(v, &a, &ret))
		return X86_TO_USER;
	x86_set_gpr(v, X86_RAX, a.mode64 ? ret : (u32)ret);
	return X86_RESUME;
}
