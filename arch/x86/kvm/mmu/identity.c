// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of ours lies in a guest's memory: the identity map, a page table for guests
 * that have none, and the TSS of guests in real mode.
 */
#include <linux/gfp.h>
#include <linux/mutex.h>

#include "../core.h"

#define TSS_SLOT	KVM_USER_MEM_SLOTS
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

/* SDM 3A 8.2.1: the offset of the I/O map base. SDM 1 19.5.2: the map ends with ones. */
#define TSS_IO_BASE	0x66
static const u16 tss_io_base = MMU_TSS_SIZE - 1 - 0x10000 / 8;
static const u8 tss_io_end = 0xff;

static int write_tss(struct kvm *kvm, gpa_t gpa)
{
	int idx, ret;

	idx = srcu_read_lock(&kvm->srcu);
	ret = kvm_write_guest(kvm, 0, gpa + TSS_IO_BASE, &tss_io_base, sizeof(tss_io_base));
	if (!ret)
		ret = kvm_write_guest(kvm, 0, gpa + MMU_TSS_SIZE - 1, &tss_io_end, 1);
	srcu_read_unlock(&kvm->srcu, idx);
	return ret;
}

int mmu_map_tss(struct kvm *kvm, gpa_t gpa)
{
	/* New memory: all the rest is 0. */
	int ret = kvm_set_private_region(kvm, TSS_SLOT, gpa, 3 * PAGE_SIZE);

	if (ret)
		return ret;
	ret = write_tss(kvm, gpa);
	if (ret)
		kvm_set_private_region(kvm, TSS_SLOT, gpa, 0);
	return ret;
}
