// SPDX-License-Identifier: GPL-2.0-only
/* x86's half of VM and vCPU life: creation, reset, moving between host CPUs. */
#include <asm/apicdef.h>
#include <linux/kvm/guest_mem.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "core.h"
#include "insn.h"
#include "ioctls.h"

int kvm_arch_init(void)
{
	int ret;

	x86_vm_ioctls_init();
	x86_vcpu_ioctls_init();
	ret = irqchip_module_init();
	if (ret)
		return ret;
	ret = tsc_module_init();
	if (ret)
		goto err_irqchip;
	ret = asyncpf_module_init();
	if (ret)
		goto err_tsc;
	return 0;

err_tsc:
	tsc_module_exit();
err_irqchip:
	irqchip_module_exit();
	return ret;
}

void kvm_arch_exit(void)
{
	asyncpf_module_exit();
	tsc_module_exit();
	irqchip_module_exit();
	mmu_module_exit();
}

int kvm_arch_hw_enable(void)
{
	x86_user_return_cpu_up();
	return x86_op(hw_enable)();
}

void kvm_arch_hw_disable(void)
{
	x86_op(hw_disable)();
	x86_user_return_cpu_down();
	tsc_host_cpu_down();
}

struct kvm *kvm_arch_vm_alloc(void)
{
	return kvzalloc(max_t(size_t, x86_vendor.vm_size, sizeof(struct x86_vm)),
			GFP_KERNEL_ACCOUNT);
}

void kvm_arch_vm_free(struct kvm *kvm)
{
	kvfree(kvm);
}

int kvm_arch_vm_init(struct kvm *kvm, unsigned long type)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	int ret;

	if (type)
		return -EINVAL;
	ret = mmu_vm_init(kvm);
	if (ret)
		return ret;
	ret = irqchip_vm_init(kvm);
	if (ret)
		goto err_mmu;
	ret = x86_op(vm_init)(kvm);
	if (ret)
		goto err_irqchip;
	tsc_vm_init(kvm);
	hyperv_vm_init(kvm);
	vm->identity_map_addr = 0xfffbc000;
	return 0;

err_irqchip:
	irqchip_vm_destroy(kvm);
err_mmu:
	mmu_vm_destroy(kvm);
	return ret;
}

void kvm_arch_vm_quiesce(struct kvm *kvm)
{
	irqchip_vm_quiesce(kvm);
}

void kvm_arch_vm_destroy(struct kvm *kvm)
{
	x86_op(vm_destroy)(kvm);
	irqchip_vm_destroy(kvm);
	hyperv_vm_destroy(kvm);
	msr_filter_destroy(kvm);
	pmu_vm_destroy(kvm);
	mmu_vm_destroy(kvm);
}

struct kvm_vcpu *kvm_arch_vcpu_alloc(struct kvm *kvm)
{
	/* fpu_guest and friends want cache line alignment at most. */
	return kzalloc(x86_vendor.vcpu_size, GFP_KERNEL_ACCOUNT);
}

void kvm_arch_vcpu_free(struct kvm_vcpu *vcpu)
{
	kfree(vcpu);
}

int kvm_arch_vcpu_precreate(struct kvm *kvm, unsigned int id)
{
	/* 8-bit APIC ids, unless user space knows the wide formats. */
	return 0;
}

/* SDM 3A table 9-1 */
static void x86_reset_segments(struct x86_vcpu *v)
{
	static const struct kvm_segment cs = {
		.selector = 0xf000, .base = 0xffff0000, .limit = 0xffff,
		.type = 11, .s = 1, .present = 1,
	};
	static const struct kvm_segment data = {
		.limit = 0xffff, .type = 3, .s = 1, .present = 1,
	};
	static const struct kvm_segment ldt = { .limit = 0xffff, .type = 2, .present = 1 };
	static const struct kvm_segment tr = { .limit = 0xffff, .type = 11, .present = 1 };
	static const struct kvm_dtable dt = { .limit = 0xffff };
	enum x86_seg seg;

	for (seg = X86_ES; seg <= X86_GS; seg++)
		x86_op(set_segment)(v, seg, seg == X86_CS ? &cs : &data);
	x86_op(set_segment)(v, X86_LDTR, &ldt);
	x86_op(set_segment)(v, X86_TR, &tr);
	x86_op(set_dt)(v, true, &dt);
	x86_op(set_dt)(v, false, &dt);
}

/* RESET (@init false) and INIT, SDM 3A 9.1.1 */
void x86_vcpu_reset(struct x86_vcpu *v, bool init)
{
	unsigned long cr0 = X86_CR0_CD | X86_CR0_NW;
	const struct kvm_cpuid_entry2 *e = cpuid_find(v, 1, 0);

	/* INIT leaves the caches as they are. */
	if (init)
		cr0 &= x86_cr0(v);
	cr0 |= X86_CR0_ET;
	memset(&v->ev.exc, 0, sizeof(v->ev.exc));
	v->ev.irq_injected = false;
	v->ev.nmi_injected = false;
	v->ev.nmi_pending = 0;
	atomic_set(&v->ev.nmi_queued, 0);
	v->ext_vector = -1;
	v->event_handed = false;
	v->complete = NULL;
	v->pv_unhalted = false;
	smm_reset(v, init);

	memset(v->regs.gpr, 0, sizeof(v->regs.gpr));
	v->regs.gpr[X86_RDX] = e ? e->eax : 0x600;
	v->regs.avail = X86_LAZY_ALL;
	v->regs.dirty = X86_LAZY_ALL;
	x86_set_rflags(v, X86_EFLAGS_FIXED);
	x86_set_rip(v, 0xfff0);
	v->regs.cr2 = 0;
	v->regs.cr3 = 0;
	v->regs.cr8 = 0;
	v->regs.xss = init ? v->regs.xss : 0;

	x86_op(vcpu_reset)(v, init);
	x86_reset_segments(v);
	x86_op(set_efer)(v, 0);
	x86_op(set_cr4)(v, 0);
	x86_op(set_cr0)(v, cr0);
	x86_debug_reset(v);
	x86_fpu_reset(v, init);
	msr_vcpu_reset(v, init);
	if (v->apic)
		lapic_reset(v, init);
	else if (!init)
		v->msr.apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
			(v->vcpu.id == to_x86_vm(v->vcpu.kvm)->bsp_vcpu_id ?
			 MSR_IA32_APICBASE_BSP : 0);
	if (!init)
		kvmclock_stop(v);
	hyperv_vcpu_reset(v);
	cpuid_update_runtime(v);
	x86_op(update_intercepts)(v);
	mmu_role_changed(v);
	kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

int kvm_arch_vcpu_init(struct kvm_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);
	struct x86_vm *vm = to_x86_vm(vcpu->kvm);
	int ret;

	v->mmu.root = HPA_INVALID;
	v->ext_vector = -1;
	asyncpf_vcpu_create(v);
	v->ev.exception_payload = vm->exception_payload;
	cpuid_vcpu_create(v);
	v->regs.avail = X86_LAZY_ALL;
	v->pio_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!v->pio_page)
		return -ENOMEM;
	ret = mmu_vcpu_create(v);
	if (ret)
		goto err_page;
	ret = x86_fpu_create(v);
	if (ret)
		goto err_mmu;
	ret = msr_vcpu_create(v);
	if (ret)
		goto err_fpu;
	if (irqchip_in_kernel(&vm->irqchip)) {
		ret = lapic_create(v);
		if (ret)
			goto err_msr;
	}
	v->mp_state = !v->apic || vcpu->id == vm->bsp_vcpu_id ? KVM_MP_STATE_RUNNABLE :
							       KVM_MP_STATE_UNINITIALIZED;
	ret = x86_op(vcpu_create)(v);
	if (ret)
		goto err_lapic;
	tsc_vcpu_create(v);
	kvm_vcpu_load(vcpu);
	x86_vcpu_reset(v, false);
	kvm_vcpu_put(vcpu);
	return 0;

err_lapic:
	lapic_destroy(v);
err_msr:
	msr_vcpu_destroy(v);
err_fpu:
	x86_fpu_destroy(v);
err_mmu:
	mmu_vcpu_destroy(v);
err_page:
	__free_page(v->pio_page);
	return ret;
}

void kvm_arch_vcpu_postcreate(struct kvm_vcpu *vcpu)
{
	hyperv_vcpu_create(to_x86(vcpu));
	irqchip_vcpu_online(to_x86(vcpu));
	/* Time starts at 0 and is matched with the other vCPUs'. */
	kvm_vcpu_load(vcpu);
	tsc_write(to_x86(vcpu), 0, true);
	kvm_vcpu_put(vcpu);
}

void kvm_arch_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	asyncpf_forget(v);
	kvmclock_stop(v);
	pmu_destroy(v);
	hyperv_vcpu_destroy(v);
	x86_op(vcpu_destroy)(v);
	lapic_destroy(v);
	x86_emul_destroy(v);
	x86_io_destroy(v);
	cpuid_destroy(v);
	msr_vcpu_destroy(v);
	x86_fpu_destroy(v);
	mmu_vcpu_destroy(v);
	__free_page(v->pio_page);
}

void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	x86_op(vcpu_load)(v, cpu);
	tsc_vcpu_load(v, cpu);
	steal_load(v);
	if (unlikely(v->pmu))
		pmu_load(v);
}

void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);

	if (unlikely(vcpu->preempted))
		v->last_cpl = x86_op(get_cpl)(v);
	steal_put(v);
	tsc_vcpu_put(v);
	x86_op(vcpu_put)(v);
}

struct page *kvm_arch_vcpu_page(struct kvm_vcpu *vcpu, unsigned long pgoff)
{
	return pgoff == 1 ? to_x86(vcpu)->pio_page : NULL;
}

bool kvm_arch_has_irqchip(struct kvm *kvm)
{
	return irqchip_in_kernel(&to_x86_vm(kvm)->irqchip);
}

void kvm_arch_host_resumed(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm *kvm;
	unsigned int i;

	tsc_host_resumed();
	/* Guest clocks are computed anew before the next entry. */
	list_for_each_entry(kvm, &kvm_vms, vm_list)
		kvm_for_each_vcpu(i, vcpu, kvm) {
			kvm_request(vcpu, X86_REQ_MASTERCLOCK);
			kvm_request(vcpu, X86_REQ_CLOCK);
		}
}
