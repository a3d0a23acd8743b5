// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPIs that hardware sends (SDM 3C 30.1.6): fixed ones to one APIC by its id. A VM's
 * table leads from ids to descriptors; posting there is as by anybody else (posted.c).
 */
#include <linux/gfp.h>
#include <linux/io.h>

#include "block.h"
#include "ipiv_map.h"

static u32 ipiv_size(struct kvm *kvm)
{
	return kvm->max_vcpu_ids ?: KVM_MAX_VCPU_ID_ARCH;
}

/* Not before KVM_CAP_MAX_VCPU_ID is settled: the first vCPU's creation. 0 or -ENOMEM */
int vmx_ipiv_alloc(struct kvm *kvm)
{
	struct vmx_vm *vm = to_vmx_vm(kvm);
	size_t bytes = ipiv_size(kvm) * sizeof(u64);
	void *table;

	if (!vmx_hw.ipiv || READ_ONCE(vm->ipiv_table))
		return 0;
	table = alloc_pages_exact(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!table)
		return -ENOMEM;
	if (cmpxchg(&vm->ipiv_table, NULL, table))
		free_pages_exact(table, bytes);
	return 0;
}

void vmx_ipiv_free(struct kvm *kvm)
{
	struct vmx_vm *vm = to_vmx_vm(kvm);

	if (vm->ipiv_table)
		free_pages_exact(vm->ipiv_table, ipiv_size(kvm) * sizeof(u64));
}

/* Before the controls are written to the VMCS, which is current */
void vmx_ipiv_fill(struct vmx_vcpu *s)
{
	struct kvm *kvm = s->x86.vcpu.kvm;

	if (!vmx_hw.ipiv)
		return;
	s->primary |= CPU_BASED_ACTIVATE_TERTIARY_CONTROLS;
	vmx_write(TERTIARY_VM_EXEC_CONTROL, 0);
	vmx_write(PID_POINTER_TABLE, virt_to_phys(to_vmx_vm(kvm)->ipiv_table));
	vmx_write(LAST_PID_POINTER_INDEX, ipiv_size(kvm) - 1);
}

void vmx_ipiv_set_mode(bool on)
{
	if (vmx_hw.ipiv)
		vmx_write(TERTIARY_VM_EXEC_CONTROL, on ? TERTIARY_EXEC_IPI_VIRT : 0);
}

/* Who finds no entry meanwhile exits, and is emulated. */
u32 vmx_set_apic_ids(struct kvm *kvm)
{
	u64 *table = READ_ONCE(to_vmx_vm(kvm)->ipiv_table);
	u32 size = ipiv_size(kvm);
	struct lapic_ids ids;
	struct kvm_vcpu *vcpu;
	unsigned long i;

	if (!table)
		return ~0u;
	for (i = 0; i < size; i++)
		WRITE_ONCE(table[i], 0);
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (lapic_get_ids(to_x86(vcpu), &ids))
			ipiv_map_add(table, size, ids.id, ids.takes ?
				     virt_to_phys(lapic_posted(to_x86(vcpu))) : 0);
	return ~0u;
}
