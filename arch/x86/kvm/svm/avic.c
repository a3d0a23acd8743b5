// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC (APM 2 15.29): a local APIC that hardware has in the register page, and IPIs
 * that it sends by itself.
 *
 * A VM has two tables. The physical one has an entry for each APIC id: the page, and
 * on which CPU the guest may be running. A sender sets the bit in the target's IRR,
 * then rings the doorbell of that CPU; of a target that does not run it tells by an
 * exit. So the entry says "runs" exactly while the vCPU is loaded, does not sleep and
 * hardware delivers. The logical table leads to ids.
 *
 * What waits in the IRR is looked at by VMRUN and by the doorbell.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mem_encrypt.h>
#include <linux/nospec.h>
#include <asm/apic.h>

#include "avic_map.h"
#include "block.h"

static_assert(AVIC_LOGICAL_VALID == (u32)AVIC_LOGICAL_ID_ENTRY_VALID_MASK);
static_assert(AVIC_ENTRY_VALID == AVIC_PHYSICAL_ID_ENTRY_VALID_MASK);
static_assert(AVIC_ENTRY_RUNS == AVIC_PHYSICAL_ID_ENTRY_IS_RUNNING_MASK);
static_assert(AVIC_ENTRY_HOST == AVIC_PHYSICAL_ID_ENTRY_HOST_PHYSICAL_ID_MASK);
static_assert(AVIC_IPI_NOT_RUNNING == (u32)AVIC_IPI_FAILURE_TARGET_NOT_RUNNING);
static_assert((AVIC_MAX_X2APIC + 1) * sizeof(u64) <= PAGE_SIZE);

int svm_avic_vm_init(struct kvm *kvm)
{
	struct svm_vm *vm = to_svm_vm(kvm);

	if (!svm_hw.avic)
		return 0;
	vm->avic_physical = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vm->avic_logical = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vm->avic_physical && vm->avic_logical)
		return 0;
	svm_avic_vm_destroy(kvm);
	return -ENOMEM;
}

void svm_avic_vm_destroy(struct kvm *kvm)
{
	struct svm_vm *vm = to_svm_vm(kvm);

	free_page((unsigned long)vm->avic_physical);
	free_page((unsigned long)vm->avic_logical);
}

/* The control area is made from scratch. */
void svm_avic_fill(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	struct svm_vm *vm = to_svm_vm(s->x86.vcpu.kvm);
	bool x2apic = s->avic.mode & X2APIC_MODE_MASK;

	if (!svm_hw.avic || !s->x86.apic)
		return;
	c->int_ctl |= s->avic.mode;
	c->avic_vapic_bar = APIC_DEFAULT_PHYS_BASE;
	c->avic_backing_page = __sme_pa(lapic_page(&s->x86));
	c->avic_logical_id = __sme_pa(vm->avic_logical);
	c->avic_physical_id = __sme_pa(vm->avic_physical) |
			      (x2apic ? AVIC_MAX_X2APIC : AVIC_MAX_XAPIC);
	svm_touch(s, SVM_CLEAN_AVIC);
}

/* Preemption off. @cpu: where the vCPU is loaded, -1: nowhere */
static void avic_runs_on(struct svm_vcpu *s, int cpu)
{
	struct svm_avic *avic = &s->avic;
	unsigned long flags;
	long host = -1;

	if (cpu >= 0 && avic->mode && !avic->sleeps && svm_hw.avic_ipi)
		host = per_cpu(x86_cpu_to_apicid, cpu);
	raw_spin_lock_irqsave(&avic->lock, flags);
	avic->entry = avic_entry(__sme_pa(lapic_page(&s->x86)), host);
	if (avic->slot)
		WRITE_ONCE(*avic->slot, avic->entry);
	raw_spin_unlock_irqrestore(&avic->lock, flags);
	/* A sender that still saw "runs" has set its bit before: look at the IRR from here on. */
	smp_mb();
}

void svm_avic_load(struct svm_vcpu *s, int cpu)
{
	if (s->x86.apic)
		avic_runs_on(s, cpu);
}

void svm_avic_set_mode(struct svm_vcpu *s, enum lapic_hw_mode mode)
{
	u32 bits = mode == LAPIC_HW_OFF ? 0 : AVIC_ENABLE_MASK;

	if (mode == LAPIC_HW_X2APIC)
		bits |= X2APIC_MODE_MASK;
	if (bits == s->avic.mode)
		return;
	s->avic.mode = bits;
	s->block->control.int_ctl &= ~(AVIC_ENABLE_MASK | X2APIC_MODE_MASK);
	svm_avic_fill(s);
	if (bits)
		svm_close_irq_window(s);
	svm_touch(s, SVM_CLEAN_TPR);
	svm_bitmap_x2apic(s, mode == LAPIC_HW_X2APIC);
	/* Translations may be cached with or without the redirection. */
	svm_flush_tlb(&s->x86);
	preempt_disable();
	avic_runs_on(s, smp_processor_id());
	preempt_enable();
}

void svm_avic_set_sleep(struct svm_vcpu *s, bool sleeps)
{
	s->avic.sleeps = sleeps;
	preempt_disable();
	avic_runs_on(s, smp_processor_id());
	preempt_enable();
}

/* The CPU looks at the IRR if it is in a guest, whichever; else VMRUN will. */
void svm_avic_ring(int cpu)
{
	wrmsrl(MSR_AMD64_SVM_AVIC_DOORBELL, per_cpu(x86_cpu_to_apicid, cpu));
}

static void avic_set_slot(struct svm_vcpu *s, u64 *slot)
{
	struct svm_avic *avic = &s->avic;
	unsigned long flags;

	raw_spin_lock_irqsave(&avic->lock, flags);
	if (slot != avic->slot) {
		if (avic->slot)
			WRITE_ONCE(*avic->slot, 0);
		avic->slot = slot;
	}
	if (slot)
		WRITE_ONCE(*slot, avic->entry);
	raw_spin_unlock_irqrestore(&avic->lock, flags);
}

/* Ids may be changing: whoever does it has set_ids() look again. */
static u64 *avic_slot_of(struct x86_vcpu *v)
{
	struct svm_vm *vm = to_svm_vm(v->vcpu.kvm);
	struct lapic_ids ids;

	if (!lapic_get_ids(v, &ids) || ids.id > AVIC_MAX_X2APIC)
		return NULL;
	return vm->avic_physical + array_index_nospec(ids.id, AVIC_MAX_X2APIC + 1);
}

/*
 * Broadcasts go to whoever has an entry, so that all have one, or hardware sends
 * nothing. Senders that find none in between exit, and are emulated.
 */
u32 svm_avic_set_ids(struct kvm *kvm)
{
	struct svm_vm *vm = to_svm_vm(kvm);
	struct avic_map map = {};
	struct lapic_ids ids;
	struct kvm_vcpu *vcpu;
	bool fits = true;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		if (lapic_get_ids(to_x86(vcpu), &ids))
			fits &= avic_map_add(&map, ids.id, ids.ldr, ids.dfr, ids.x2apic);
	avic_map_finish(&map);
	/* All that move leave first: their new place may be another's old one. */
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (!fits || to_svm(to_x86(vcpu))->avic.slot != avic_slot_of(to_x86(vcpu)))
			avic_set_slot(to_svm(to_x86(vcpu)), NULL);
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (fits)
			avic_set_slot(to_svm(to_x86(vcpu)), avic_slot_of(to_x86(vcpu)));
	for (i = 0; i < AVIC_NR_LOGICAL; i++)
		WRITE_ONCE(vm->avic_logical[i], fits ? map.logical[i] : 0);
	if (!fits)
		return 0;
	return (avic_map_has_xapic(&map) ? BIT(LAPIC_HW_XAPIC) : 0) |
	       (svm_hw.x2avic ? BIT(LAPIC_HW_X2APIC) : 0);
}

/* Behind the write of the ICR. EXITINFO1 is what was written (APM 2 15.29.9.1). */
void svm_avic_incomplete_ipi(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	u32 lo = c->exit_info_1, hi = c->exit_info_1 >> 32;
	struct x86_exit *e = &s->x86.exit;
	void *page = lapic_page(&s->x86);

	if (avic_ipi_sent(c->exit_info_2)) {
		lapic_ipi_posted(&s->x86, lo, hi);
		e->reason = X86_EXIT_RESUME;
		return;
	}
	WRITE_ONCE(*(u32 *)(page + APIC_ICR2), hi);
	WRITE_ONCE(*(u32 *)(page + APIC_ICR), lo);
	e->apic.reg = APIC_ICR;
}

/*
 * APM 2 15.29.9.2. The EOI of a level-triggered vector is not done yet. What exits
 * before the access is executed by the emulator, or as an MSR.
 */
void svm_avic_access(struct svm_vcpu *s)
{
	u64 info = s->block->control.exit_info_1;
	unsigned int reg = info & AVIC_UNACCEL_ACCESS_OFFSET_MASK;
	bool write = info >> 32 & AVIC_UNACCEL_ACCESS_WRITE_MASK;
	struct x86_exit *e = &s->x86.exit;

	if (write && avic_write_traps(reg)) {
		e->apic.reg = reg;
	} else if (s->avic.mode & X2APIC_MODE_MASK) {
		e->reason = write ? X86_EXIT_WRMSR : X86_EXIT_RDMSR;
		s->prep |= SVM_PREP_TPR;
	} else {
		e->reason = X86_EXIT_APIC_ACCESS;
		e->insn_len = 0;
		e->fault.gpa = APIC_DEFAULT_PHYS_BASE | reg;
		e->fault.flags = write ? X86_FAULT_WRITE : 0;
	}
}
