// SPDX-License-Identifier: GPL-2.0-only
/*
 * User space's MSR filter (KVM_X86_SET_MSR_FILTER): ranges with a bitmap each,
 * immutable once published and replaced as a whole.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

struct msr_range {
	u32 flags;		/* KVM_MSR_FILTER_READ, _WRITE */
	u32 base;
	u32 nmsrs;
	unsigned long *bitmap;	/* nmsrs bits; set: allowed */
};

struct msr_filter {
	bool default_allow;
	u8 count;
	struct msr_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

static void filter_free(struct msr_filter *f)
{
	unsigned int i;

	if (!f)
		return;
	for (i = 0; i < f->count; i++)
		kfree(f->ranges[i].bitmap);
	kfree(f);
}

/* 0, or -errno; an empty range adds nothing */
static int filter_add(struct msr_filter *f, const struct kvm_msr_filter_range *user)
{
	struct msr_range *r = &f->ranges[f->count];
	size_t bytes = BITS_TO_LONGS((u64)user->nmsrs) * sizeof(long);

	if (!user->nmsrs)
		return 0;
	if (!user->flags || (user->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)))
		return -EINVAL;
	if (bytes > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;
	r->bitmap = kzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!r->bitmap)
		return -ENOMEM;
	f->count++;		/* from here on filter_free() sees the bitmap */
	r->flags = user->flags;
	r->base = user->base;
	r->nmsrs = user->nmsrs;
	if (copy_from_user(r->bitmap, user->bitmap, DIV_ROUND_UP(user->nmsrs, BITS_PER_BYTE)))
		return -EFAULT;
	return 0;
}

static struct msr_filter *filter_make(const struct kvm_msr_filter *user)
{
	struct msr_filter *f;
	unsigned int i;
	int r;

	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return ERR_PTR(-EINVAL);
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(user->ranges); i++) {
		r = filter_add(f, &user->ranges[i]);
		if (r) {
			filter_free(f);
			return ERR_PTR(r);
		}
	}
	if (f->count)
		return f;
	/* No range at all switches the filter off; there is nothing to deny by then. */
	r = f->default_allow ? 0 : -EINVAL;
	filter_free(f);
	return ERR_PTR(r);	/* NULL for 0 */
}

long msr_ioctl_set_filter(void *obj, void *arg)
{
	struct kvm *kvm = obj;
	struct x86_vm *vm = to_x86_vm(kvm);
	struct msr_filter *new = filter_make(arg), *old;

	if (IS_ERR(new))
		return PTR_ERR(new);
	mutex_lock(&kvm->slots_lock);
	old = rcu_replace_pointer(vm->msr_filter, new, lockdep_is_held(&kvm->slots_lock));
	synchronize_srcu(&kvm->srcu);
	mutex_unlock(&kvm->slots_lock);
	filter_free(old);
	kvm_request_all(kvm, X86_REQ_MSR_FILTER);
	return 0;
}

/* The last user is gone. */
void msr_filter_destroy(struct kvm *kvm)
{
	struct x86_vm *vm = to_x86_vm(kvm);

	filter_free(rcu_dereference_protected(vm->msr_filter, true));
	RCU_INIT_POINTER(vm->msr_filter, NULL);
}

/* The first range that covers this access decides. */
static bool filter_allows(const struct msr_filter *f, u32 index, u32 kind)
{
	unsigned int i;

	for (i = 0; i < f->count; i++) {
		const struct msr_range *r = &f->ranges[i];

		if ((r->flags & kind) && index >= r->base && index - r->base < r->nmsrs)
			return test_bit(index - r->base, r->bitmap);
	}
	return f->default_allow;
}

bool msr_filter_allows(struct kvm *kvm, u32 index, bool write)
{
	const struct msr_filter *f;

	/* x2APIC registers are not subject to it. */
	if (index >= 0x800 && index <= 0x8ff)
		return true;
	f = srcu_dereference(to_x86_vm(kvm)->msr_filter, &kvm->srcu);
	return !f || filter_allows(f, index, write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ);
}
KVM_EXPORT(msr_filter_allows);
