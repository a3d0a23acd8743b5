// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_SYNC_REGS: registers that travel in kvm_run instead of by an ioctl.
 *
 * The page is user space's, which may write it at any time: each set is copied
 * once, and what is then checked and taken over is the copy.
 */
#include "ioctls.h"

#define SYNC_ALL	((u64)KVM_SYNC_X86_VALID_FIELDS)

/* @arg of the handlers is a kernel copy, as it is of the ioctls they serve. */
static const struct sync_set {
	u64 bit;
	u16 offset, size;	/* in struct kvm_sync_regs */
	long (*get)(void *obj, void *arg);
	long (*set)(void *obj, void *arg);
} sync_sets[] = {
#define SYNC_SET(bit, member, get, set)	{ KVM_SYNC_X86_##bit,		\
	offsetof(struct kvm_sync_regs, member),				\
	sizeof(((struct kvm_sync_regs *)0)->member), get, set }
	SYNC_SET(REGS, regs, x86_get_regs, x86_set_regs),
	SYNC_SET(SREGS, sregs, x86_get_sregs, x86_set_sregs),
	SYNC_SET(EVENTS, events, x86_get_events, x86_set_events),
};

union sync_copy {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
};

/* vCPU loaded. -EINVAL for bits that nobody knows and for what the ioctl would refuse. */
int sync_from_user(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct kvm_run *run = v->vcpu.run;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	const struct sync_set *s;
	union sync_copy copy;
	long ret;
	int idx;

	if ((dirty | READ_ONCE(run->kvm_valid_regs)) & ~SYNC_ALL)
		return -EINVAL;
	for (s = sync_sets; s < sync_sets + ARRAY_SIZE(sync_sets); s++) {
		if (!(dirty & s->bit))
			continue;
		memcpy(&copy, (u8 *)&run->s.regs + s->offset, s->size);
		barrier();	/* from here on @copy alone is looked at */
		idx = srcu_read_lock(&kvm->srcu);
		ret = s->set(&v->vcpu, &copy);
		srcu_read_unlock(&kvm->srcu, idx);
		if (ret)
			return ret;
		run->kvm_dirty_regs &= ~s->bit;
	}
	return 0;
}

/* vCPU loaded. Every end of KVM_RUN, failed ones too: user space asked for it. */
void sync_to_user(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;
	u64 valid = READ_ONCE(run->kvm_valid_regs);
	const struct sync_set *s;
	union sync_copy copy;

	BUILD_BUG_ON(sizeof(run->s.regs) > sizeof(run->s));
	for (s = sync_sets; s < sync_sets + ARRAY_SIZE(sync_sets); s++) {
		if (!(valid & s->bit))
			continue;
		s->get(&v->vcpu, &copy);
		memcpy((u8 *)&run->s.regs + s->offset, &copy, s->size);
	}
}
