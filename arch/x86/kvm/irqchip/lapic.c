// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's register file (SDM 3A 10): acceptance, priorities, EOI,
 * and the two ways in: xAPIC page and x2APIC MSRs.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "lapic.h"
#include "../core.h"
#include "../trace.h"

#define LAPIC_VERSION	(0x14u | (5u << 16))	/* integrated, LVTs 0 to 5 */
#define LAPIC_CMCI	(1u << 16)		/* one more */
#define LAPIC_BASE_ADDR	GENMASK_ULL(51, 12)
#define NR_VEC_WORDS	8

/* Writable bits of each LVT (SDM 3A figure 10-8) */
#define LVT_COMMON	(APIC_LVT_MASKED | APIC_VECTOR_MASK)
#define LVT_LINT	(LVT_COMMON | APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER)

u32 lapic_id(const struct lapic *a)
{
	return a->x2apic ? a->v->vcpu.id : lapic_reg(a, APIC_ID) >> 24;
}

int lapic_highest(const struct lapic *a, unsigned int reg)
{
	int i;
	u32 w;

	for (i = NR_VEC_WORDS - 1; i >= 0; i--) {
		w = lapic_reg(a, reg + i * 0x10);
		if (w)
			return i * 32 + __fls(w);
	}
	return -1;
}

void *lapic_page(struct x86_vcpu *v)
{
	return v->apic->regs;
}
KVM_EXPORT(lapic_page);

static bool lapic_test_vec(struct lapic *a, unsigned int reg, u8 vector)
{
	return test_bit(vector & 31, lapic_vec_word(a, reg, vector));
}

static bool lapic_usable(const struct lapic *a)
{
	return a->enabled && a->sw_enabled;
}

int lapic_highest_isr(const struct lapic *a)
{
	return a->hw_delivers ? lapic_highest(a, APIC_ISR) : a->highest_isr;
}

/* Processor priority: TPR or what is in service, by class (SDM 3A 10.8.3.1). */
static u32 lapic_ppr(struct lapic *a)
{
	u32 tpr = lapic_reg(a, APIC_TASKPRI) & 0xff;
	int isr = lapic_highest_isr(a);

	if (isr < 0 || (tpr & 0xf0) >= (isr & 0xf0))
		return tpr;
	return isr & 0xf0;
}

static void lapic_poke(struct lapic *a)
{
	kvm_request(&a->v->vcpu, X86_REQ_EVENT);
	kvm_vcpu_kick(&a->v->vcpu);
}

/* What the EOI of a vector has to do depends on how it came. */
static void lapic_set_trigger(struct lapic *a, u8 vector, bool level)
{
	unsigned long *tmr = lapic_vec_word(a, APIC_TMR, vector);

	if (level == test_bit(vector & 31, tmr))
		return;
	if (level)
		set_bit(vector & 31, tmr);
	else
		clear_bit(vector & 31, tmr);
	if (static_branch_unlikely(&lapic_posts))
		kvm_request(&a->v->vcpu, X86_REQ_SCAN_IOAPIC);
}

static void lapic_set_irr(struct lapic *a, u8 vector)
{
	/* AVIC's own senders set the IRR's bits: there it is shared. */
	if (static_branch_unlikely(&lapic_posts) && !x86_caps.avic)
		set_bit(vector, a->posted.vectors);
	else
		set_bit(vector & 31, lapic_vec_word(a, APIC_IRR, vector));
}

/* Not ended yet: in the IRR, on the way there, or in service. Racy */
bool lapic_vector_waits(const struct lapic *a, u8 vector)
{
	u32 bits = lapic_reg(a, APIC_IRR + (vector >> 5) * 0x10) |
		   lapic_reg(a, APIC_ISR + (vector >> 5) * 0x10);

	return (bits & BIT(vector & 31)) ||
	       (static_branch_unlikely(&lapic_posts) && test_bit(vector, a->posted.vectors));
}

static void lapic_tell_waiting(struct lapic *a)
{
	WRITE_ONCE(a->irr_pending, true);
	kvm_request(&a->v->vcpu, X86_REQ_EVENT);
	if (!static_branch_unlikely(&lapic_posts) || !lapic_notify(a))
		kvm_vcpu_kick(&a->v->vcpu);
}

/* An APIC that is off by software takes nothing; hardware does not look at that. */
void lapic_take_posted(struct lapic *a, u8 vector)
{
	if (lapic_usable(a))
		lapic_tell_waiting(a);
	else
		clear_bit(vector & 31, lapic_vec_word(a, APIC_IRR, vector));
}

static int lapic_accept_fixed(struct lapic *a, u8 vector, bool trig_level)
{
	if (!lapic_usable(a))
		return -1;
	/* Those below 16 are illegal, and end here (SDM 3A 10.5.2). */
	if (vector < 16)
		return 1;
	lapic_set_trigger(a, vector, trig_level);
	lapic_set_irr(a, vector);
	lapic_tell_waiting(a);
	return 1;
}

bool lapic_raise(struct x86_vcpu *v, u8 vector)
{
	if (!v->apic)
		return false;
	trace_kvm_apic_accept_irq(v->vcpu.id, APIC_DM_FIXED, false, vector);
	return lapic_accept_fixed(v->apic, vector, false) >= 0;
}

int lapic_accept(struct lapic *a, const struct lapic_irq *irq)
{
	trace_kvm_apic_accept_irq(a->v->vcpu.id, irq->mode, irq->trig_level, irq->vector);
	switch (irq->mode) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		return lapic_accept_fixed(a, irq->vector, irq->trig_level);
	case APIC_DM_NMI:
		x86_queue_nmi(a->v);
		return 1;
	case APIC_DM_SMI:
		smm_post(a->v);
		return 1;
	case APIC_DM_INIT:
		/* De-assert is ignored by processors since the P4 (SDM 3A 10.6.1). */
		if (irq->trig_level && !irq->level)
			return 1;
		clear_bit(LAPIC_SIPI_PENDING, &a->events);
		set_bit(LAPIC_INIT_PENDING, &a->events);
		lapic_poke(a);
		return 1;
	case APIC_DM_STARTUP:
		WRITE_ONCE(a->sipi_vector, irq->vector);
		smp_wmb();	/* pairs with lapic_take_init_sipi() */
		set_bit(LAPIC_SIPI_PENDING, &a->events);
		lapic_poke(a);
		return 1;
	case APIC_DM_EXTINT:
		lapic_poke(a);	/* the 8259 holds the vector */
		return 0;
	default:
		return 1;	/* remote read: not there */
	}
}

int lapic_local_deliver(struct lapic *a, unsigned int lvt)
{
	u32 val = lapic_reg(a, lvt);
	struct lapic_irq irq = {
		.mode = val & APIC_MODE_MASK,
		.vector = val & APIC_VECTOR_MASK,
		.trig_level = val & APIC_LVT_LEVEL_TRIGGER,
		.level = true,
	};

	if (!a->enabled || (val & APIC_LVT_MASKED))
		return -1;
	return lapic_accept(a, &irq);
}

void lapic_deliver_pmi(struct x86_vcpu *v, bool mask)
{
	struct lapic *a = v->apic;

	if (lapic_local_deliver(a, APIC_LVTPC) >= 0 && mask)
		lapic_set_reg(a, APIC_LVTPC, lapic_reg(a, APIC_LVTPC) | APIC_LVT_MASKED);
}

void lapic_deliver_cmci(struct x86_vcpu *v)
{
	if (v->apic && v->apic->cmci)
		lapic_local_deliver(v->apic, APIC_LVTCMCI);
}

/* Does this LAPIC pass the 8259's output on? Also when it is off altogether. */
bool lapic_takes_extint(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	u32 lvt0;

	if (!a || !a->enabled)
		return true;
	lvt0 = lapic_reg(a, APIC_LVT0);
	return !(lvt0 & APIC_LVT_MASKED) && (lvt0 & APIC_MODE_MASK) == APIC_DM_EXTINT;
}

/* In the IRR, or on the way there */
static int lapic_highest_waiting(const struct lapic *a)
{
	int irr = lapic_highest(a, APIC_IRR), posted;

	if (!static_branch_unlikely(&lapic_posts))
		return irr;
	posted = find_last_bit(a->posted.vectors, 256);
	return posted < 256 ? max(irr, posted) : irr;
}

int lapic_highest_irr(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	int irr;

	if (!a)
		return -1;
	/* The hint knows nothing of a guest's own. */
	if (READ_ONCE(a->hw_delivers))
		return lapic_highest_waiting(a);
	if (!READ_ONCE(a->irr_pending))
		return -1;
	irr = lapic_highest_waiting(a);
	if (irr < 0) {
		/* Clear the hint, then look again: a sender sets the bit first. */
		WRITE_ONCE(a->irr_pending, false);
		smp_mb();
		irr = lapic_highest_waiting(a);
		if (irr >= 0)
			WRITE_ONCE(a->irr_pending, true);
	}
	return irr;
}

/* Highest vector that may be delivered now, or -1. */
static int lapic_deliverable(struct x86_vcpu *v)
{
	int irr = lapic_highest_irr(v);

	if (irr < 0 || !lapic_usable(v->apic) || (irr & 0xf0) <= (int)(lapic_ppr(v->apic) & 0xf0))
		return -1;
	return irr;
}

int irqchip_pending(struct x86_vcpu *v)
{
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;

	if (v->ext_vector >= 0)
		return v->ext_vector;
	if (ic->pic && pic_output(ic->pic) && lapic_takes_extint(v))
		return 0;	/* INTA will tell the vector */
	return v->apic && !v->apic->hw_delivers ? lapic_deliverable(v) : -1;
}

bool irqchip_has_pending(struct x86_vcpu *v)
{
	return irqchip_pending(v) >= 0 || (v->apic && lapic_deliverable(v) >= 0);
}

/* What others have to know of an EOI */
static void lapic_eoi_done(struct lapic *a, u8 vector)
{
	struct x86_vcpu *v = a->v;
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;
	bool level = lapic_test_vec(a, APIC_TMR, vector);

	hyperv_ended(v, vector);
	if (lapic_reg(a, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)
		return;
	if (ic->ioapic && ioapic_handles(ic->ioapic, vector)) {
		ioapic_eoi(v->vcpu.kvm, vector, level);
	} else if (ic->mode == IRQCHIP_SPLIT && level) {
		v->eoi_vector = vector;
		kvm_request(&v->vcpu, X86_REQ_IOAPIC_EOI);
	}
}

int irqchip_accept(struct x86_vcpu *v)
{
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;
	struct lapic *a = v->apic;
	int vector;

	if (v->ext_vector >= 0) {
		vector = v->ext_vector;
		v->ext_vector = -1;
		lapic_review_mode(v);
		return vector;
	}
	if (ic->pic && lapic_takes_extint(v)) {
		vector = pic_inta(ic->pic);
		if (vector >= 0)
			return vector;
	}
	vector = a && !a->hw_delivers ? lapic_deliverable(v) : -1;
	if (vector < 0)
		return -1;
	clear_bit(vector & 31, lapic_vec_word(a, APIC_IRR, vector));
	if (static_branch_unlikely(&lapic_posts))
		clear_bit(vector, a->posted.vectors);	/* one with it, as it came before */
	if (hyperv_ends_itself(v, vector)) {
		lapic_eoi_done(a, vector);
		return vector;
	}
	set_bit(vector & 31, lapic_vec_word(a, APIC_ISR, vector));
	a->highest_isr = vector;	/* higher than all in service, by the PPR */
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_give(a, vector);
	return vector;
}

static void lapic_eoi(struct lapic *a)
{
	int vector;

	/* Emulated code may have ended the highest without an exit since. */
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_collect(a->v);
	vector = lapic_highest_isr(a);
	trace_kvm_eoi(a->v->vcpu.id, vector);
	if (vector < 0)
		return;
	clear_bit(vector & 31, lapic_vec_word(a, APIC_ISR, vector));
	a->highest_isr = lapic_highest(a, APIC_ISR);
	kvm_request(&a->v->vcpu, X86_REQ_EVENT);
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_void(a);
	lapic_eoi_done(a, vector);
}

/* Edge-triggered, of nobody's interest, and none behind it that would be due then */
bool lapic_pv_may_end(struct lapic *a, u8 vector)
{
	struct irqchip_vm *ic = &to_x86_vm(a->v->vcpu.kvm)->irqchip;

	return !a->hw_delivers && a->highest_isr == vector &&
	       !lapic_test_vec(a, APIC_TMR, vector) && lapic_highest_irr(a->v) < 0 &&
	       !hyperv_awaits_end(a->v, vector) &&
	       !(ic->ioapic && ioapic_handles(ic->ioapic, vector));
}

void lapic_pv_ended(struct lapic *a)
{
	int vector = lapic_highest_isr(a);

	trace_kvm_pv_eoi(a->v->vcpu.id, vector);
	if (vector < 0)
		return;
	clear_bit(vector & 31, lapic_vec_word(a, APIC_ISR, vector));
	a->highest_isr = lapic_highest(a, APIC_ISR);
	if (READ_ONCE(a->irr_pending))
		kvm_request(&a->v->vcpu, X86_REQ_EVENT);
	/* The IOAPIC may have come to want it meanwhile. */
	lapic_eoi_done(a, vector);
}

void lapic_hw_eoi(struct x86_vcpu *v, u8 vector)
{
	if (!v->apic)
		return;
	trace_kvm_eoi(v->vcpu.id, vector);
	lapic_eoi_done(v->apic, vector);
}

static void lapic_write_svr(struct lapic *a, u32 val)
{
	static const u16 lvts[] = {
		APIC_LVTT, APIC_LVTTHMR, APIC_LVTPC, APIC_LVT0, APIC_LVT1, APIC_LVTERR,
		APIC_LVTCMCI
	};
	u32 mask = APIC_SPIV_APIC_ENABLED | APIC_VECTOR_MASK | APIC_SPIV_FOCUS_DISABLED;
	bool on = val & APIC_SPIV_APIC_ENABLED;
	unsigned int i;

	if (to_x86_vm(a->v->vcpu.kvm)->irqchip.mode == IRQCHIP_SPLIT)
		mask |= APIC_SPIV_DIRECTED_EOI;
	lapic_set_reg(a, APIC_SPIV, val & mask);
	/* Software disable masks all LVTs (SDM 3A 10.4.7.2). */
	for (i = 0; !on && i < ARRAY_SIZE(lvts) - !a->cmci; i++)
		lapic_set_reg(a, lvts[i], lapic_reg(a, lvts[i]) | APIC_LVT_MASKED);
	if (!on)
		lapic_timer_cancel(a);
	if (on != a->sw_enabled) {
		a->sw_enabled = on;
		lapic_map_changed(a->v->vcpu.kvm);
		kvm_request(&a->v->vcpu, X86_REQ_ASYNCPF);	/* may wait for it */
		lapic_review_mode(a->v);
	}
	kvm_request(&a->v->vcpu, X86_REQ_EVENT);
}

static void lapic_write_lvt(struct lapic *a, unsigned int reg, u32 val, u32 mask)
{
	if (!a->sw_enabled)
		val |= APIC_LVT_MASKED;
	lapic_set_reg(a, reg, val & mask);
	if (reg == APIC_LVTT) {
		lapic_timer_set_mode(a);
	} else if (reg == APIC_LVT0) {
		kvm_request(&a->v->vcpu, X86_REQ_EVENT);
		lapic_review_mode(a->v);
	}
}

/* Hardware may have written it: see x86_caps.icr_wide. */
static u32 lapic_icr_high(const struct lapic *a)
{
	return lapic_reg(a, x86_caps.icr_wide && a->x2apic ? APIC_ICR + 4 : APIC_ICR2);
}

static void lapic_set_icr_high(struct lapic *a, u32 val)
{
	lapic_set_reg(a, APIC_ICR2, val);
	if (x86_caps.icr_wide && a->x2apic)
		lapic_set_reg(a, APIC_ICR + 4, val);
}

/* 0, or 1: no such register or reserved bits */
static int lapic_write(struct lapic *a, unsigned int reg, u32 val)
{
	trace_kvm_apic(1, reg, val);
	switch (reg) {
	case APIC_ID:
		if (a->x2apic)
			return 1;
		lapic_set_reg(a, APIC_ID, val & 0xff000000);
		lapic_map_changed(a->v->vcpu.kvm);
		return 0;
	case APIC_TASKPRI:
		lapic_set_reg(a, reg, val & 0xff);
		kvm_request(&a->v->vcpu, X86_REQ_EVENT);
		return 0;
	case APIC_EOI:
		lapic_eoi(a);
		return 0;
	case APIC_LDR:
		if (a->x2apic)
			return 1;
		lapic_set_reg(a, reg, val & APIC_LDR_MASK);
		lapic_map_changed(a->v->vcpu.kvm);
		return 0;
	case APIC_DFR:
		if (a->x2apic)
			return 1;
		lapic_set_reg(a, reg, val | 0x0fffffff);
		lapic_map_changed(a->v->vcpu.kvm);
		return 0;
	case APIC_SPIV:
		lapic_write_svr(a, val);
		return 0;
	case APIC_ICR:
		val &= ~APIC_ICR_BUSY;
		lapic_set_reg(a, APIC_ICR, val);
		lapic_send_ipi(a, val, lapic_icr_high(a));
		return 0;
	case APIC_ICR2:
		lapic_set_icr_high(a, a->x2apic ? val : val & 0xff000000);
		return 0;
	case APIC_LVTT:
		lapic_write_lvt(a, reg, val, LVT_COMMON | APIC_LVT_TIMER_PERIODIC |
				APIC_LVT_TIMER_TSCDEADLINE);
		return 0;
	case APIC_LVTCMCI:
		if (!a->cmci)
			return 1;
		fallthrough;
	case APIC_LVTTHMR:
	case APIC_LVTPC:
		lapic_write_lvt(a, reg, val, LVT_COMMON | APIC_MODE_MASK);
		return 0;
	case APIC_LVT0:
	case APIC_LVT1:
		lapic_write_lvt(a, reg, val, LVT_LINT);
		return 0;
	case APIC_LVTERR:
		lapic_write_lvt(a, reg, val, LVT_COMMON);
		return 0;
	case APIC_TMICT:
		if (a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE)
			val = 0;
		lapic_set_reg(a, reg, val);
		if (a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE)
			return 0;
		lapic_timer_start(a);
		return 0;
	case APIC_TDCR:
		lapic_set_reg(a, reg, val & 0xb);
		lapic_timer_set_divide(a);
		return 0;
	case APIC_ESR:
		if (a->x2apic && val)
			return 1;
		lapic_set_reg(a, reg, 0);
		return 0;
	case APIC_SELF_IPI:
		if (!a->x2apic || (val & ~APIC_VECTOR_MASK))
			return 1;
		lapic_send_ipi(a, APIC_DEST_SELF | (val & APIC_VECTOR_MASK), 0);
		return 0;
	default:
		return 1;
	}
}

/* Readable registers by offset / 16 (SDM 3A table 10-1) */
static bool lapic_readable(const struct lapic *a, unsigned int reg)
{
	const u64 map = BIT_ULL(0x02) | BIT_ULL(0x03) | BIT_ULL(0x08) | BIT_ULL(0x0a) |
			BIT_ULL(0x0d) | BIT_ULL(0x0f) | GENMASK_ULL(0x27, 0x10) |
			BIT_ULL(0x28) | BIT_ULL(0x30) | GENMASK_ULL(0x37, 0x32) |
			BIT_ULL(0x38) | BIT_ULL(0x39) | BIT_ULL(0x3e);
	const u64 xapic_only = BIT_ULL(0x09) | BIT_ULL(0x0e) | BIT_ULL(0x31);

	if (reg >= 0x400 || (reg & 0xf))
		return false;
	if (reg == APIC_LVTCMCI)
		return a->cmci;
	return ((a->x2apic ? map : map | xapic_only) >> (reg >> 4)) & 1;
}

/* Not what is computed when it is read, nor what is spread over two registers. */
bool lapic_x2apic_plain(unsigned int index)
{
	static const struct lapic x2apic = { .x2apic = true };

	return lapic_readable(&x2apic, index << 4) && index << 4 != APIC_TMCCT &&
	       index << 4 != APIC_ICR;
}
KVM_EXPORT(lapic_x2apic_plain);

static u32 lapic_value(struct lapic *a, unsigned int reg)
{
	switch (reg) {
	case APIC_ID:
		return a->x2apic ? lapic_id(a) : lapic_reg(a, reg);
	case APIC_PROCPRI:
		return lapic_ppr(a);
	case APIC_TMCCT:
		return lapic_timer_current(a);
	default:
		return lapic_reg(a, reg);
	}
}

static u32 lapic_read(struct lapic *a, unsigned int reg)
{
	u32 val = lapic_value(a, reg);

	trace_kvm_apic(0, reg, val);
	return val;
}

/* MSR 0x800 + register / 16; only the ICR is 64 bits wide (SDM 3A 10.12.1.2). */
int lapic_read_msr(struct x86_vcpu *v, u32 index, u64 *data)
{
	struct lapic *a = v->apic;
	unsigned int reg = (index - 0x800) << 4;

	if (!a || !a->x2apic || index - 0x800 >= 0x100 || !lapic_readable(a, reg))
		return 1;
	*data = lapic_read(a, reg);
	if (reg == APIC_ICR)
		*data |= (u64)lapic_icr_high(a) << 32;
	return 0;
}

int lapic_write_msr(struct x86_vcpu *v, u32 index, u64 data)
{
	struct lapic *a = v->apic;
	unsigned int reg = (index - 0x800) << 4;

	if (!a || !a->x2apic || index - 0x800 >= 0x100)
		return 1;
	if (reg == APIC_ICR)
		lapic_set_icr_high(a, data >> 32);
	else if (data >> 32)
		return 1;
	if (reg == APIC_ICR2 || (reg == APIC_EOI && data))
		return 1;
	return lapic_write(a, reg, data);
}

int lapic_hyperv_read(struct x86_vcpu *v, unsigned int reg, u64 *data)
{
	struct lapic *a = v->apic;

	if (!a || !lapic_readable(a, reg))
		return 1;
	*data = lapic_read(a, reg);
	if (reg == APIC_ICR)
		*data |= (u64)lapic_icr_high(a) << 32;
	return 0;
}

int lapic_hyperv_write(struct x86_vcpu *v, unsigned int reg, u64 data)
{
	struct lapic *a = v->apic;

	if (!a)
		return 1;
	if (reg == APIC_ICR)
		lapic_write(a, APIC_ICR2, data >> 32);
	return lapic_write(a, reg, data);
}

static bool lapic_owns(struct lapic *a, gpa_t gpa)
{
	return a && a->enabled && !a->x2apic &&
	       (gpa & PAGE_MASK) == (a->base_msr & LAPIC_BASE_ADDR);
}

/* Aligned 32-bit accesses are defined; narrower reads within a register work too. */
int lapic_mmio_read(struct x86_vcpu *v, gpa_t gpa, unsigned int len, void *data)
{
	struct lapic *a = v->apic;
	unsigned int reg = gpa & 0xff0, shift = gpa & 0xf;
	u32 val = 0;

	if (!lapic_owns(a, gpa))
		return -EOPNOTSUPP;
	memset(data, 0, len);
	if (shift + len > 4)
		return 0;
	if (unlikely(v->vapic.report) && reg == APIC_TASKPRI)
		vapic_report(v, false);
	if (lapic_readable(a, reg))
		val = lapic_read(a, reg) >> (shift * 8);
	memcpy(data, &val, len);
	return 0;
}

int lapic_mmio_write(struct x86_vcpu *v, gpa_t gpa, unsigned int len, const void *data)
{
	struct lapic *a = v->apic;
	u32 val;

	if (!lapic_owns(a, gpa))
		return -EOPNOTSUPP;
	if (len != 4 || (gpa & 0xf))
		return 0;	/* undefined by the architecture: ignored */
	memcpy(&val, data, 4);
	if (unlikely(v->vapic.report) && (gpa & 0xff0) == APIC_TASKPRI)
		vapic_report(v, true);
	lapic_write(a, gpa & 0xff0, val);
	return 0;
}

/* The others may rebuild the destination map. */
static bool lapic_write_is_atomic(unsigned int reg)
{
	return reg == APIC_EOI || reg == APIC_TASKPRI || reg == APIC_ICR || reg == APIC_ICR2 ||
	       reg == APIC_TMICT;
}

int lapic_mmio_write_atomic(struct x86_vcpu *v, gpa_t gpa, unsigned int len, const void *data)
{
	if (!lapic_owns(v->apic, gpa))
		return -EOPNOTSUPP;
	return lapic_write_is_atomic(gpa & 0xfff) ? lapic_mmio_write(v, gpa, len, data) : -EAGAIN;
}

/* The value is in the page as it was written: what the write means comes now. */
bool lapic_hw_write(struct x86_vcpu *v, unsigned int reg)
{
	struct lapic *a = v->apic;

	if (!a)
		return true;
	if (irqs_disabled() && !lapic_write_is_atomic(reg))
		return false;
	lapic_write(a, reg, lapic_reg(a, reg));
	return true;
}

unsigned long lapic_get_cr8(struct x86_vcpu *v)
{
	return (lapic_reg(v->apic, APIC_TASKPRI) & 0xf0) >> 4;
}

void lapic_set_cr8(struct x86_vcpu *v, unsigned long cr8)
{
	struct lapic *a = v->apic;
	u32 old = lapic_reg(a, APIC_TASKPRI);

	lapic_set_reg(a, APIC_TASKPRI, (cr8 & 15) << 4 | (old & 4));
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

u64 lapic_get_base(struct x86_vcpu *v)
{
	return v->apic ? v->apic->base_msr : v->msr.apic_base;
}

static bool lapic_base_legal(struct x86_vcpu *v, u64 old, u64 new, bool host)
{
	u64 mode = new & (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE);
	u64 was = old & (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE);
	u64 reserved = v->cpuid.reserved_gpa_bits | 0x2ff;

	if (!x86_has(v, X86_FEATURE_X2APIC))
		reserved |= X2APIC_ENABLE;
	if ((new & reserved) || mode == X2APIC_ENABLE)
		return false;
	if (host)
		return true;
	/* SDM 3A figure 10-27: from x2APIC only to off, from off only to xAPIC. */
	if (was == (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE))
		return mode != MSR_IA32_APICBASE_ENABLE;
	return was || mode != (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE);
}

static void lapic_enter_x2apic(struct lapic *a)
{
	u32 id = a->v->vcpu.id;

	lapic_set_reg(a, APIC_ID, id);
	lapic_set_reg(a, APIC_LDR, ((id >> 4) << 16) | (1u << (id & 0xf)));
}

static void lapic_apply_base(struct lapic *a, u64 value)
{
	bool x2apic = value & X2APIC_ENABLE;

	a->base_msr = value;
	a->enabled = value & MSR_IA32_APICBASE_ENABLE;
	if (x2apic && !a->x2apic)
		lapic_enter_x2apic(a);
	else if (!x2apic && a->x2apic)
		lapic_set_reg(a, APIC_ID, a->v->vcpu.id << 24);
	a->x2apic = x2apic;
	kvm_request(&a->v->vcpu, X86_REQ_APIC_MODE);
}

int lapic_set_base(struct x86_vcpu *v, u64 value, bool host)
{
	struct lapic *a = v->apic;
	u64 old = lapic_get_base(v);

	if (value == old)
		return 0;
	if (!lapic_base_legal(v, old, value, host))
		return 1;
	if (!a) {
		v->msr.apic_base = value;
		return 0;
	}
	lapic_apply_base(a, value);
	lapic_map_changed(v->vcpu.kvm);
	cpuid_update_runtime(v);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return 0;
}

/* An IOAPIC in user space takes EOIs of its own: those need not be told (SDM 3A 10.8.5). */
void lapic_cpuid_changed(struct x86_vcpu *v)
{
	u32 version = LAPIC_VERSION;

	if (!v->apic)
		return;
	if (v->apic->cmci)
		version += LAPIC_CMCI;
	if (to_x86_vm(v->vcpu.kvm)->irqchip.mode == IRQCHIP_SPLIT &&
	    x86_has(v, X86_FEATURE_X2APIC))
		version |= APIC_LVR_DIRECTED_EOI;
	lapic_set_reg(v->apic, APIC_LVR, version);
}

void lapic_set_cmci(struct x86_vcpu *v, bool on)
{
	if (!v->apic)
		return;
	v->apic->cmci = on;
	lapic_set_reg(v->apic, APIC_LVTCMCI, APIC_LVT_MASKED);
	lapic_cpuid_changed(v);
}

/* SDM 3A 10.4.7.1 */
void lapic_reset(struct x86_vcpu *v, bool init)
{
	struct lapic *a = v->apic;
	bool bsp = v->vcpu.id == to_x86_vm(v->vcpu.kvm)->bsp_vcpu_id;
	unsigned int reg;

	lapic_timer_cancel(a);
	if (!init) {
		a->x2apic = false;
		lapic_apply_base(a, APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
				 (bsp ? MSR_IA32_APICBASE_BSP : 0));
		lapic_set_reg(a, APIC_ID, v->vcpu.id << 24);
	}
	lapic_cpuid_changed(v);
	for (reg = APIC_LVTT; reg <= APIC_LVTERR; reg += 0x10)
		lapic_set_reg(a, reg, APIC_LVT_MASKED);
	if (a->cmci)
		lapic_set_reg(a, APIC_LVTCMCI, APIC_LVT_MASKED);
	/* Virtual wire for the boot processor, until firmware says otherwise. */
	if (bsp && !(to_x86_vm(v->vcpu.kvm)->disabled_quirks & KVM_X86_QUIRK_LINT0_REENABLED))
		lapic_set_reg(a, APIC_LVT0, APIC_DM_EXTINT);
	lapic_set_reg(a, APIC_DFR, 0xffffffff);
	lapic_set_reg(a, APIC_SPIV, 0xff);
	a->sw_enabled = false;
	lapic_set_reg(a, APIC_TASKPRI, 0);
	if (!a->x2apic)
		lapic_set_reg(a, APIC_LDR, 0);
	lapic_set_reg(a, APIC_ESR, 0);
	lapic_set_reg(a, APIC_ICR, 0);
	lapic_set_reg(a, APIC_ICR2, 0);
	lapic_set_reg(a, APIC_TDCR, 0);
	lapic_set_reg(a, APIC_TMICT, 0);
	for (reg = 0; reg < NR_VEC_WORDS * 0x10; reg += 0x10) {
		lapic_set_reg(a, APIC_IRR + reg, 0);
		lapic_set_reg(a, APIC_ISR + reg, 0);
		lapic_set_reg(a, APIC_TMR + reg, 0);
	}
	bitmap_zero(a->posted.vectors, 256);
	a->irr_pending = false;
	a->highest_isr = -1;
	pv_eoi_reset(a);
	vapic_reset(v);
	a->timer.deadline = 0;
	a->timer.period_ns = 0;
	lapic_timer_set_divide(a);
	lapic_timer_set_mode(a);
	lapic_map_changed(v->vcpu.kvm);
}

int lapic_create(struct x86_vcpu *v)
{
	/* Hardware wants what is posted to be aligned: a power of 2 is. */
	struct lapic *a = kzalloc(roundup_pow_of_two(sizeof(*a)), GFP_KERNEL_ACCOUNT);

	if (!a)
		return -ENOMEM;
	a->regs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!a->regs) {
		kfree(a);
		return -ENOMEM;
	}
	a->v = v;
	a->highest_isr = -1;
	lapic_timer_init(a);
	v->apic = a;
	return 0;
}

void lapic_destroy(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (!a)
		return;
	pv_eoi_destroy(a);
	hrtimer_cancel(&a->timer.hrtimer);
	v->apic = NULL;
	free_page((unsigned long)a->regs);
	kfree(a);
}

int lapic_get_state(struct x86_vcpu *v, struct kvm_lapic_state *s)
{
	struct lapic *a = v->apic;
	u32 val;

	BUILD_BUG_ON(sizeof(*s) > PAGE_SIZE);
	lapic_collect_posted(v);
	memcpy(s->regs, a->regs, sizeof(s->regs));
	val = lapic_timer_current(a);
	memcpy(s->regs + APIC_TMCCT, &val, 4);
	val = lapic_ppr(a);
	memcpy(s->regs + APIC_PROCPRI, &val, 4);
	val = lapic_icr_high(a);
	memcpy(s->regs + APIC_ICR2, &val, 4);
	/* Without KVM_X2APIC_API_USE_32BIT_IDS the id travels in xAPIC format. */
	if (a->x2apic && !to_x86_vm(v->vcpu.kvm)->irqchip.x2apic_format) {
		val = v->vcpu.id << 24;
		memcpy(s->regs + APIC_ID, &val, 4);
	}
	return 0;
}

int lapic_set_state(struct x86_vcpu *v, const struct kvm_lapic_state *s)
{
	struct lapic *a = v->apic;
	u32 id, current_count, want = v->vcpu.id;

	memcpy(&id, s->regs + APIC_ID, 4);
	memcpy(&current_count, s->regs + APIC_TMCCT, 4);
	if (a->x2apic) {
		if (!to_x86_vm(v->vcpu.kvm)->irqchip.x2apic_format)
			id >>= 24;
		else if (id != want)
			return -EINVAL;
	}
	lapic_timer_cancel(a);
	bitmap_zero(a->posted.vectors, 256);
	memcpy(a->regs, s->regs, sizeof(s->regs));
	/* What is not state is ours. */
	lapic_cpuid_changed(v);
	if (a->x2apic)
		lapic_enter_x2apic(a);
	lapic_set_icr_high(a, lapic_reg(a, APIC_ICR2));
	a->sw_enabled = lapic_reg(a, APIC_SPIV) & APIC_SPIV_APIC_ENABLED;
	lapic_review_mode(v);
	a->highest_isr = lapic_highest(a, APIC_ISR);
	a->irr_pending = true;
	lapic_timer_restore(a, current_count);
	lapic_map_changed(v->vcpu.kvm);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	kvm_request(&v->vcpu, X86_REQ_SCAN_IOAPIC);
	return 0;
}

bool lapic_has_init_sipi(struct x86_vcpu *v)
{
	unsigned long events = READ_ONCE(v->apic->events);

	if (!events || READ_ONCE(v->smm.active))
		return false;
	/* A SIPI alone matters only to a vCPU that waits for one. */
	return test_bit(LAPIC_INIT_PENDING, &events) ||
	       READ_ONCE(v->mp_state) == KVM_MP_STATE_INIT_RECEIVED;
}

int lapic_take_init_sipi(struct x86_vcpu *v, u8 *sipi_vector)
{
	struct lapic *a = v->apic;

	if (test_and_clear_bit(LAPIC_INIT_PENDING, &a->events))
		return LAPIC_EV_INIT;
	if (!test_and_clear_bit(LAPIC_SIPI_PENDING, &a->events))
		return LAPIC_EV_NONE;
	smp_rmb();
	*sipi_vector = READ_ONCE(a->sipi_vector);
	return LAPIC_EV_SIPI;
}

void lapic_set_sipi_vector(struct x86_vcpu *v, u8 vector)
{
	WRITE_ONCE(v->apic->sipi_vector, vector);
}

void lapic_post_sipi(struct x86_vcpu *v)
{
	set_bit(LAPIC_SIPI_PENDING, &v->apic->events);
}

void lapic_drop_sipi(struct x86_vcpu *v)
{
	clear_bit(LAPIC_SIPI_PENDING, &v->apic->events);
}

bool lapic_init_pending(struct x86_vcpu *v)
{
	return test_bit(LAPIC_INIT_PENDING, &v->apic->events);
}

void lapic_set_init_pending(struct x86_vcpu *v, bool pending)
{
	if (pending)
		set_bit(LAPIC_INIT_PENDING, &v->apic->events);
	else
		clear_bit(LAPIC_INIT_PENDING, &v->apic->events);
}
