// SPDX-License-Identifier: GPL-2.0-only
/*
 * End of interrupt without an exit (Documentation/virt/kvm/x86/msr.rst,
 * MSR_KVM_EOI_EN): with an interrupt that nobody but the LAPIC wants to see ended,
 * and behind which none waits, the guest gets a bit in its memory. By clearing it
 * the guest ends the interrupt, and the LAPIC learns of it at the next exit.
 *
 * So between two exits the ISR may have a vector too many. Every exit looks at the
 * bit before anything looks at the LAPIC. The bit is taken back when something comes
 * to wait behind it, and when KVM_RUN ends: user space sees a LAPIC as it is.
 */
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>

#include "lapic.h"

#define PV_EOI_BIT	1u

/* On since the first guest that asked: the exits of others cost nothing. */
DEFINE_STATIC_KEY_FALSE(lapic_pv_eoi);

enum { PV_EOI_NONE, PV_EOI_GIVEN, PV_EOI_STALE };

static int read_word(struct lapic *a, u32 *word)
{
	return kvm_gmap_read(a->v->vcpu.kvm, &a->pv_eoi.map, 0, word, sizeof(*word));
}

/* The vCPU is not in the guest, and nobody else may write there. */
static void write_bit(struct lapic *a, u32 word, u32 bit)
{
	word = (word & ~PV_EOI_BIT) | bit;
	kvm_gmap_write(a->v->vcpu.kvm, &a->pv_eoi.map, 0, &word, sizeof(word));
}

/*
 * The LAPIC ends @vector otherwise than by the bit. IRQs on or off: the bit is
 * cleared before the guest runs again.
 */
void pv_eoi_void(struct lapic *a)
{
	if (a->pv_eoi.state != PV_EOI_GIVEN)
		return;
	a->pv_eoi.state = PV_EOI_STALE;
	kvm_request(&a->v->vcpu, X86_REQ_EVENT);
}

/* Did the guest end its interrupt by the bit? False: its word cannot be read now. */
static bool look(struct lapic *a)
{
	u32 word;

	if (read_word(a, &word))
		return false;
	if (!(word & PV_EOI_BIT)) {
		a->pv_eoi.state = PV_EOI_NONE;
		lapic_pv_ended(a);
	}
	return true;
}

/* An exit, IRQs off. False: the guest's word cannot be read now. */
bool pv_eoi_collect(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	bool seen;

	if (!a || a->pv_eoi.state != PV_EOI_GIVEN)
		return true;
	pagefault_disable();
	seen = look(a);
	pagefault_enable();
	return seen;
}

/* Where that is not so, before the exit is handled. IRQs on, srcu held. */
void pv_eoi_settle(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (a && a->pv_eoi.state == PV_EOI_GIVEN)
		look(a);
}

/* As it is before the next entry, or after the last one: no bit. IRQs on. */
void pv_eoi_take_back(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	struct kvm *kvm = v->vcpu.kvm;
	bool ended = false;
	u32 word;
	int idx;

	if (!a || a->pv_eoi.state == PV_EOI_NONE)
		return;
	idx = srcu_read_lock(&kvm->srcu);
	if (!read_word(a, &word)) {
		ended = a->pv_eoi.state == PV_EOI_GIVEN && !(word & PV_EOI_BIT);
		write_bit(a, word, 0);
	}
	a->pv_eoi.state = PV_EOI_NONE;
	srcu_read_unlock(&kvm->srcu, idx);
	if (ended)
		lapic_pv_ended(a);
}

/* Before events are injected: does anything wait? IRQs on. */
void pv_eoi_review(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (a && (a->pv_eoi.state == PV_EOI_STALE || lapic_highest_irr(v) >= 0))
		pv_eoi_take_back(v);
}

/* @vector came into service and goes to the guest. IRQs on. */
void pv_eoi_give(struct lapic *a, u8 vector)
{
	struct kvm *kvm = a->v->vcpu.kvm;
	u32 word;
	int idx;

	if (!a->pv_eoi.on || !lapic_pv_may_end(a, vector))
		return;
	idx = srcu_read_lock(&kvm->srcu);
	if (!read_word(a, &word)) {
		a->pv_eoi.state = PV_EOI_GIVEN;
		write_bit(a, word, PV_EOI_BIT);
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

/* 0, or 1: #GP. srcu held */
int pv_eoi_set_msr(struct x86_vcpu *v, u64 data)
{
	struct lapic *a = v->apic;
	gpa_t gpa = data & ~(u64)KVM_MSR_ENABLED;
	struct kvm_gmap map;

	if (gpa & 3)
		return 1;
	if (!a)
		return data ? 1 : 0;
	if (data & KVM_MSR_ENABLED && kvm_gmap_init(v->vcpu.kvm, &map, gpa, sizeof(u32)))
		return 1;
	pv_eoi_take_back(v);
	a->pv_eoi.msr = data;
	a->pv_eoi.on = data & KVM_MSR_ENABLED;
	if (!a->pv_eoi.on)
		return 0;
	a->pv_eoi.map = map;
	if (!a->pv_eoi.counted) {
		/* Until the vCPU is gone: what a guest can do often must not be dear. */
		a->pv_eoi.counted = true;
		static_branch_inc(&lapic_pv_eoi);
	}
	return 0;
}

u64 pv_eoi_get_msr(struct x86_vcpu *v)
{
	return v->apic ? v->apic->pv_eoi.msr : 0;
}

/* The ISR is empty from now on, and the guest's memory may be another's. */
void pv_eoi_reset(struct lapic *a)
{
	a->pv_eoi.state = PV_EOI_NONE;
	a->pv_eoi.on = false;
	a->pv_eoi.msr = 0;
}

void pv_eoi_destroy(struct lapic *a)
{
	if (a->pv_eoi.counted)
		static_branch_dec(&lapic_pv_eoi);
}
