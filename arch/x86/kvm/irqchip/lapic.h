/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share: the local APIC and its neighbours. */
#ifndef KVM_X86_LAPIC_H
#define KVM_X86_LAPIC_H

#include <asm/apicdef.h>
#include <linux/hrtimer.h>
#include <linux/kvm/irq.h>

#include "../x86.h"
#include "msi.h"

#define LAPIC_INIT_PENDING	0
#define LAPIC_SIPI_PENDING	1

/* timer.c. v: vcpu->mutex */
struct lapic_timer {
	struct hrtimer hrtimer;
	u64 period_ns;			/* v */
	ktime_t expires;		/* v, and the callback while armed */
	u64 deadline;			/* v; IA32_TSC_DEADLINE */
	u64 hv_tsc;			/* v; host TSC at which hardware ends the guest, or 0 */
	bool sleeps;			/* v; the vCPU's thread does, or is about to */
	u32 mode;			/* v; APIC_LVT_TIMER_* */
	u32 divide;			/* v; 1..128 */
	atomic_t pending;		/* a; expired, not yet in the IRR */
};

/* pveoi.c. v: vcpu->mutex */
struct lapic_pv_eoi {
	u64 msr;			/* v; MSR_KVM_PV_EOI_EN */
	bool on;			/* v */
	bool counted;			/* v; in the static key */
	u8 state;			/* v; of the guest's bit */
	struct kvm_gmap map;		/* v; its 32-bit word */
};

/*
 * One local APIC. a: atomic, any thread may set (IRR, TMR, events);
 * v: vcpu->mutex; r: read by senders without a lock, a stale value delivers
 * as if the change came a moment later
 */
struct lapic {
	struct x86_vcpu *v;		/* c */
	u64 base_msr;			/* v, r */
	void *regs;			/* one page in xAPIC layout: IRR, TMR a; the rest v, r */
	bool enabled;			/* v, r; by APIC_BASE */
	bool x2apic;			/* v, r */
	bool sw_enabled;		/* v, r; by SVR */
	bool cmci;			/* v; LVT CMCI is there */
	bool irr_pending;		/* a; hint: the IRR may have bits */
	bool hw_delivers;		/* v, r; and keeps IRR, ISR and PPR meanwhile */
	bool needs_exits;		/* v; no page may hide its registers. In .need_exits */
	s16 highest_isr;		/* v; -1: none; unless @hw_delivers */
	struct lapic_posted posted;	/* a; with lapic_posts */
	unsigned long events;		/* a; INIT, SIPI */
	u8 sipi_vector;			/* a */
	struct lapic_timer timer;
	struct lapic_pv_eoi pv_eoi;
};

static inline u32 lapic_reg(const struct lapic *a, unsigned int reg)
{
	return READ_ONCE(*(u32 *)(a->regs + reg));
}

static inline void lapic_set_reg(struct lapic *a, unsigned int reg, u32 val)
{
	WRITE_ONCE(*(u32 *)(a->regs + reg), val);
}

/* Bit arrays of 256 vectors: 32 each 16 bytes (SDM 3A 10.8.4) */
static inline unsigned long *lapic_vec_word(struct lapic *a, unsigned int reg, u8 vector)
{
	return a->regs + reg + (vector >> 5) * 0x10;
}

int lapic_highest(const struct lapic *a, unsigned int reg);
int lapic_highest_isr(const struct lapic *a);
u32 lapic_id(const struct lapic *a);

/* lapic.c: a message arrived. >0 taken, 0 nothing came of it, -1 not enabled */
int lapic_accept(struct lapic *a, const struct lapic_irq *irq);
int lapic_local_deliver(struct lapic *a, unsigned int lvt);
bool lapic_takes_extint(struct x86_vcpu *v);
bool lapic_vector_waits(const struct lapic *a, u8 vector);

/* hw.c */
/* kvm->lock held, no vCPU yet. Does without if there is no memory */
void lapic_show_page(struct kvm *kvm);
void lapic_eoi_exits_changed(struct kvm *kvm);
/* map_lock held, process context */
void lapic_tell_ids(struct kvm *kvm);
/* A vector was posted, and the request with it. False: not taken without a kick */
bool lapic_notify(struct lapic *a);

/* lapic.c: hardware has set @vector in the IRR, and could not tell the guest. Any context */
void lapic_take_posted(struct lapic *a, u8 vector);

/* lapic.c, for pveoi.c: may the guest end @vector by itself; it did with the highest */
bool lapic_pv_may_end(struct lapic *a, u8 vector);
void lapic_pv_ended(struct lapic *a);

/* pveoi.c */
void pv_eoi_void(struct lapic *a);
void pv_eoi_give(struct lapic *a, u8 vector);
void pv_eoi_reset(struct lapic *a);
void pv_eoi_destroy(struct lapic *a);

/* vapic.c */
void vapic_report(struct x86_vcpu *v, bool write);
void vapic_reset(struct x86_vcpu *v);

/* ipi.c */
int lapic_deliver(struct kvm *kvm, struct lapic *src, const struct lapic_irq *irq);
void lapic_map_changed(struct kvm *kvm);
void lapic_map_free(struct kvm *kvm);
/* The one that @msg is for, if hardware may post @vector to it. Process context */
struct lapic *lapic_post_target(struct kvm *kvm, const struct kvm_msi_msg *msg, u8 *vector);
void lapic_send_ipi(struct lapic *a, u32 icr_lo, u32 icr_hi);

/* timer.c */
void lapic_timer_init(struct lapic *a);
void lapic_timer_cancel(struct lapic *a);
void lapic_timer_start(struct lapic *a);
void lapic_timer_set_mode(struct lapic *a);
void lapic_timer_set_divide(struct lapic *a);
u32 lapic_timer_current(struct lapic *a);
void lapic_timer_restore(struct lapic *a, u32 current_count);

/*
 * ioapic.c, pic.c: >0 delivered, 0 coalesced, -1 masked or absent. Any context.
 * @status: user space wants to know.
 */
int ioapic_create(struct kvm *kvm);
/* slots_lock held: off the bus; no-op without one */
void ioapic_unplug(struct kvm *kvm);
void ioapic_destroy(struct kvm *kvm);
int ioapic_set_irq(struct ioapic *ioapic, unsigned int pin, int source, int level, bool status);
/* A LAPIC sent EOI for @vector */
void ioapic_eoi(struct kvm *kvm, u8 vector, bool level);
bool ioapic_handles(struct ioapic *ioapic, u8 vector);
/* Adds the vectors it handles. Any context */
void ioapic_add_vectors(struct ioapic *ioapic, unsigned long *vectors);
int ioapic_get(struct ioapic *ioapic, struct kvm_ioapic_state *s);
int ioapic_set(struct ioapic *ioapic, const struct kvm_ioapic_state *s);

int pic_create(struct kvm *kvm);
void pic_unplug(struct kvm *kvm);
void pic_destroy(struct kvm *kvm);
int pic_set_irq(struct pic *pic, unsigned int irq, int source, int level);
bool pic_output(struct pic *pic);
int pic_inta(struct pic *pic);
int pic_get(struct pic *pic, unsigned int chip, struct kvm_pic_state *s);
int pic_set(struct pic *pic, unsigned int chip, const struct kvm_pic_state *s);

void pit_quiesce(struct kvm *kvm);
/* Its ticks are counted by the guest's EOIs */
bool pit_wants_eoi(struct kvm *kvm);
void pit_destroy(struct kvm *kvm);

#endif
