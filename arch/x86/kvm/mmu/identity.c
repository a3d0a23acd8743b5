// SPDX-License-Identifier: GPL-2.0-only
/* The identity map: a guest page table of ours, for guests that have none. */
#include <linux/gfp.h>
#include <linux/mutex.h>

#include "../core.h"

#define IDENTITY_SLOT	(KVM_USER_MEM_SLOTS + 1)
/* Present, writable, user, accessed, dirty, 4 MiB (SDM 3A table 4-4) */
#define IDENTITY_PDE	0xe7u

static DEFINE_MUTEX(identity_lock);

static int write_identity(struct kvm *kvm, gpa_t gpa)
{
	u32 *table = (u32 *)__get_free_page(GFP_KERNEL_ACCOUNT);
	int ret, idx;
	u32 i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < PAGE_SIZE / sizeof(u32); i++)
		table[i] = i << 22 | IDENTITY_PDE;
	idx = srcu_read_lock(&kvm->srcu);
	ret = kvm_write_guest(kvm, 0, gpa, table, PAGE_SIZE);
	srcu_read_unlock(&kvm->srcu, idx);
	free_page((unsigned long)table);
	return ret;
}

int mmu_map_identity(struct kvm *kvm)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	gpa_t gpa = vm->identity_map_addr;
	int ret = 0;

	mutex_lock(&identity_lock);
	if (vm->mmu.identity)
		goto out;
	ret = kvm_set_private_region(kvm, IDENTITY_SLOT, gpa, PAGE_SIZE);
	if (ret)
		goto out;
	ret = write_identity(kvm, gpa);
	if (ret)
		kvm_set_private_region(kvm, IDENTITY_SLOT, gpa, 0);
	vm->mmu.identity = !ret;
out:
	mutex_unlock(&identity_lock);
	return ret;
}
KVM_EXPORT(mmu_map_identity);
