// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time (Documentation/virt/kvm/x86/msr.rst, MSR_KVM_STEAL_TIME): how long
 * the vCPU waited for a host CPU, and whether it waits now.
 *
 * The byte that says so goes both ways. A guest that wants a waiting vCPU's TLB
 * flushed may set a bit there instead of sending an interrupt, and goes on as if
 * it was done. So the byte is set only while the vCPU stands between two
 * instructions: one that is half emulated holds translations that a flush no
 * longer reaches. And it is cleared, by one exchange, before the guest runs again.
 */
#include <linux/kvm/compat.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>

#include "x86.h"

#define STEAL_OFF(field)	offsetof(struct kvm_steal_time, field)
#define STEAL_RESERVED		((u64)KVM_STEAL_RESERVED_MASK)

bool steal_known(void)
{
	return kvm_run_delay_known();
}

int steal_set_msr(struct x86_vcpu *v, u64 data)
{
	struct x86_steal *st = &v->steal;
	gpa_t gpa = data & KVM_STEAL_VALID_BITS;

	if ((data && !steal_known()) || data & STEAL_RESERVED)
		return 1;
	st->msr = data;
	st->on = data & KVM_MSR_ENABLED;
	st->marked = false;
	if (!st->on)
		return 0;
	/* Where there is no memory now there may be later: looked up at each use. */
	kvm_gmap_init(v->vcpu.kvm, &st->map, gpa, sizeof(struct kvm_steal_time));
	st->counted = kvm_run_delay();
	kvm_request(&v->vcpu, X86_REQ_STEAL);
	return 0;
}

void steal_reset(struct x86_vcpu *v)
{
	v->steal.on = false;
	v->steal.msr = 0;
}

/* Back on a host CPU; preemption off. Most come back to where nothing has changed. */
void steal_load(struct x86_vcpu *v)
{
	struct x86_steal *st = &v->steal;

	if (st->on && (st->marked || st->counted != kvm_run_delay()))
		kvm_request(&v->vcpu, X86_REQ_STEAL);
}

/* The thread gives up its CPU: maybe with a runqueue's lock held. */
void steal_put(struct x86_vcpu *v)
{
	static const u8 preempted = KVM_VCPU_PREEMPTED;
	struct x86_steal *st = &v->steal;
	struct kvm *kvm = v->vcpu.kvm;
	int idx;

	if (!st->on || !v->between_insns || st->marked)
		return;
	idx = srcu_read_lock(&kvm->srcu);
	pagefault_disable();
	st->marked = !kvm_gmap_write(kvm, &st->map, STEAL_OFF(preempted), &preempted,
				     sizeof(preempted));
	pagefault_enable();
	srcu_read_unlock(&kvm->srcu, idx);
}

/* The version is odd while the time changes. What was there is the guest's word. */
static void add_time(struct x86_vcpu *v, u64 ns)
{
	struct x86_steal *st = &v->steal;
	struct kvm *kvm = v->vcpu.kvm;
	u32 version;
	u64 steal;

	if (kvm_gmap_read(kvm, &st->map, STEAL_OFF(version), &version, sizeof(version)) ||
	    kvm_gmap_read(kvm, &st->map, STEAL_OFF(steal), &steal, sizeof(steal)))
		return;
	version |= 1;
	steal += ns;
	if (kvm_gmap_write(kvm, &st->map, STEAL_OFF(version), &version, sizeof(version)))
		return;
	smp_wmb();	/* odd before the time */
	kvm_gmap_write(kvm, &st->map, STEAL_OFF(steal), &steal, sizeof(steal));
	smp_wmb();	/* the time before even */
	version++;
	kvm_gmap_write(kvm, &st->map, STEAL_OFF(version), &version, sizeof(version));
}

/* X86_REQ_STEAL, before the guest runs again. IRQs on; takes srcu. */
void steal_update(struct x86_vcpu *v)
{
	struct x86_steal *st = &v->steal;
	struct kvm *kvm = v->vcpu.kvm;
	u64 delay = kvm_run_delay();
	u8 old = 0;
	int idx;

	if (!st->on)
		return;
	/* Not from the side meanwhile: the map is in use here. */
	v->between_insns = false;
	barrier();
	idx = srcu_read_lock(&kvm->srcu);
	st->marked = false;
	/* Not exchanged: then nobody could say what was asked for meanwhile. */
	if (kvm_gmap_xchg_byte(kvm, &st->map, STEAL_OFF(preempted), 0, &old) ||
	    old & KVM_VCPU_FLUSH_TLB) {
		mmu_new_cr3(v);
		kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	}
	add_time(v, delay - st->counted);
	st->counted = delay;
	srcu_read_unlock(&kvm->srcu, idx);
	barrier();
	v->between_insns = true;
}
