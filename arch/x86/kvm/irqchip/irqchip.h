/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In-kernel interrupt controllers and timers as the rest of x86 sees them.
 * Registers and private structs live in the .c files of this folder (lapic.h,
 * ioapic.h, pic.h, pit.h for what they share among themselves).
 */
#ifndef KVM_X86_IRQCHIP_H
#define KVM_X86_IRQCHIP_H

#include <linux/jump_label.h>
#include <linux/kvm/irq.h>

struct x86_vcpu;
struct lapic;			/* lapic.h */
struct lapic_map;		/* ipi.c */
struct ioapic;			/* ioapic.c */
struct pic;			/* pic.c */
struct pit;			/* pit.c */

/* Per VM */
struct irqchip_vm {
	/* kvm->lock; set once, release */
	enum { IRQCHIP_NONE, IRQCHIP_KERNEL, IRQCHIP_SPLIT } mode;
	u8 split_pins;			/* routes reserved by KVM_CAP_SPLIT_IRQCHIP */
	bool x2apic_format;		/* KVM_CAP_X2APIC_API */
	bool x2apic_no_broadcast_quirk;
	struct pic *pic;
	struct ioapic *ioapic;
	struct pit *pit;		/* kvm->lock to create */
	struct lapic_map __rcu *map;	/* physical and logical id -> vCPU */
	struct mutex map_lock;
	atomic_t map_dirty;
	struct page *apic_page;		/* c; accesses to it hardware makes accesses to the APIC */
	unsigned int need_exits;	/* map_lock; vCPUs for which it may not be shown */
	u32 hw_modes;			/* map_lock, read racily; of set_apic_ids */
};

int irqchip_module_init(void);
void irqchip_module_exit(void);

int irqchip_vm_init(struct kvm *kvm);
/* Stop PIT and workers: nothing reaches into vCPUs afterwards. */
void irqchip_vm_quiesce(struct kvm *kvm);
void irqchip_vm_destroy(struct kvm *kvm);

/* The vCPU can be found now: it takes part in the destination map. */
void irqchip_vcpu_online(struct x86_vcpu *v);

/* ioctls, rows in ioctl_vm.c; kvm->lock held unless said otherwise */
int irqchip_create(struct kvm *kvm);				/* KVM_CREATE_IRQCHIP */
int irqchip_create_split(struct kvm *kvm, unsigned int pins);	/* KVM_CAP_SPLIT_IRQCHIP */
int irqchip_get(struct kvm *kvm, struct kvm_irqchip *chip);
int irqchip_set(struct kvm *kvm, const struct kvm_irqchip *chip);
int pit_create(struct kvm *kvm, u32 flags);			/* KVM_CREATE_PIT(2) */
int pit_get2(struct kvm *kvm, struct kvm_pit_state2 *s);
int pit_set2(struct kvm *kvm, const struct kvm_pit_state2 *s);
int pit_get(struct kvm *kvm, struct kvm_pit_state *s);
int pit_set(struct kvm *kvm, const struct kvm_pit_state *s);
int pit_set_reinject(struct kvm *kvm, const struct kvm_reinject_control *c);

/* LAPIC life; v->apic is NULL without in-kernel LAPICs */
int lapic_create(struct x86_vcpu *v);
void lapic_destroy(struct x86_vcpu *v);
void lapic_reset(struct x86_vcpu *v, bool init);
void lapic_cpuid_changed(struct x86_vcpu *v);
int lapic_get_state(struct x86_vcpu *v, struct kvm_lapic_state *s);
int lapic_set_state(struct x86_vcpu *v, const struct kvm_lapic_state *s);
/* The register page, for hardware that works on it */
void *lapic_page(struct x86_vcpu *v);
/* The local vector table has one for corrected errors. vCPU mutex held */
void lapic_set_cmci(struct x86_vcpu *v, bool on);
void lapic_deliver_cmci(struct x86_vcpu *v);
/* Counters overflowed; @mask: the local APIC masks LVTPC as it delivers (SDM 3A 10.5.1) */
void lapic_deliver_pmi(struct x86_vcpu *v, bool mask);
/* IA32_APIC_BASE: 0, or 1 for an illegal value or transition (host_initiated skips transitions) */
int lapic_set_base(struct x86_vcpu *v, u64 value, bool host_initiated);
u64 lapic_get_base(struct x86_vcpu *v);
/* x2APIC MSRs 0x800-0x8ff: 0 or 1 (#GP). @index is the MSR number */
int lapic_read_msr(struct x86_vcpu *v, u32 index, u64 *data);
int lapic_write_msr(struct x86_vcpu *v, u32 index, u64 data);
/* Hyper-V's way to EOI, ICR and TPR in either mode; 0 or 1 (#GP) */
int lapic_hyperv_read(struct x86_vcpu *v, unsigned int reg, u64 *data);
int lapic_hyperv_write(struct x86_vcpu *v, unsigned int reg, u64 data);
/* xAPIC page: 0 handled, -EOPNOTSUPP when @gpa is not this vCPU's APIC page */
int lapic_mmio_read(struct x86_vcpu *v, gpa_t gpa, unsigned int len, void *data);
int lapic_mmio_write(struct x86_vcpu *v, gpa_t gpa, unsigned int len, const void *data);
/* The same for the registers that guests write all day, IRQs off. -EAGAIN: take the other call. */
int lapic_mmio_write_atomic(struct x86_vcpu *v, gpa_t gpa, unsigned int len, const void *data);
u64 lapic_get_tscdeadline(struct x86_vcpu *v);
void lapic_set_tscdeadline(struct x86_vcpu *v, u64 tsc);
/* CR8 / TPR bits 7:4 */
unsigned long lapic_get_cr8(struct x86_vcpu *v);
void lapic_set_cr8(struct x86_vcpu *v, unsigned long cr8);

/*
 * What waits: v->ext_vector (user space's controllers), PIC ExtINT and LAPIC
 * together. irqchip_accept() of v->ext_vector sets it to -1. Any thread may post; these
 * run in the vCPU's thread, IRQs on or off.
 */
/* Vector to inject now (priority above PPR), -1: none, or hardware will; does not accept it */
int irqchip_pending(struct x86_vcpu *v);
/* Accept it: INTA cycle on the PIC, or IRR to ISR. -1 if it went away */
int irqchip_accept(struct x86_vcpu *v);
/* Highest IRR vector regardless of priority. -1: none */
int lapic_highest_irr(struct x86_vcpu *v);
/* Before entry, after what was injected: x86_op(sync_irqs) */
void lapic_sync_irqs(struct x86_vcpu *v);
/* X86_REQ_APIC_MODE: the APIC's mode changed, or whether hardware may deliver */
void lapic_choose_mode(struct x86_vcpu *v);
/* X86_EXIT_EOI, IRQs on or off */
void lapic_hw_eoi(struct x86_vcpu *v, u8 vector);
/* X86_EXIT_APIC_WRITE. False: IRQs are off, and have to be on. */
bool lapic_hw_write(struct x86_vcpu *v, unsigned int reg);
/* By which ids a local APIC is found. False: it takes no part. map_lock held */
struct lapic_ids {
	u32 id, ldr, dfr;
	bool x2apic;
	bool takes;		/* what hardware posts */
};

bool lapic_get_ids(struct x86_vcpu *v, struct lapic_ids *ids);
/* The ICR's message is in the targets' IRRs, and not all of them run. Any context */
void lapic_ipi_posted(struct x86_vcpu *v, u32 icr_lo, u32 icr_hi);
/* With AVIC: what lapic_mode() asks for changed. Any context */
void lapic_review_mode(struct x86_vcpu *v);
/* x2APIC registers that are no more than memory, to be read by hardware. By (MSR - 0x800) */
bool lapic_x2apic_plain(unsigned int index);

/* Vectors on their way to the IRR, as hardware reads them (SDM 3C 30.6). All atomic */
struct lapic_posted {
	DECLARE_BITMAP(vectors, 256);
	unsigned long flags;		/* LAPIC_NOTIFIED; whom to notify: vmx/posted.c */
	u64 unused[3];
} __aligned(64);

#define LAPIC_NOTIFIED	0		/* whoever takes them is on the way */

struct lapic_posted *lapic_posted(struct x86_vcpu *v);
/* Any context: ends the sleep of a vCPU that hardware posted to; it looks for itself. */
void lapic_unblock(struct x86_vcpu *v);
/* The vCPU's thread is about to sleep: hardware that posts has to wake it; and back */
void lapic_sleep(struct x86_vcpu *v, bool sleeps);

/*
 * Where hardware may be changing the IRR, senders post beside it. On for good
 * once a backend that has x86_caps.apicv is registered.
 */
DECLARE_STATIC_KEY_FALSE(lapic_posts);

/* pveoi.c: some guest ends interrupts in its memory; see there */
DECLARE_STATIC_KEY_FALSE(lapic_pv_eoi);
bool pv_eoi_collect(struct x86_vcpu *v);
void pv_eoi_settle(struct x86_vcpu *v);
void pv_eoi_take_back(struct x86_vcpu *v);
void pv_eoi_review(struct x86_vcpu *v);
int pv_eoi_set_msr(struct x86_vcpu *v, u64 data);	/* 0 or 1 */
u64 pv_eoi_get_msr(struct x86_vcpu *v);
void __lapic_collect_posted(struct x86_vcpu *v);

/* The vCPU's thread, before it looks at the IRR */
static inline void lapic_collect_posted(struct x86_vcpu *v)
{
	if (static_branch_unlikely(&lapic_posts))
		__lapic_collect_posted(v);
}
/* Any context: does an interrupt wait that may be delivered? (halt wake-up) */
bool irqchip_has_pending(struct x86_vcpu *v);
/* timer.c: guests must not flood the host */
u64 timer_min_period_ns(void);
/* Timer expired since the last look: set the IRR. Vcpu thread, before irqchip_pending() */
bool lapic_timer_pending(struct x86_vcpu *v);
void lapic_inject_timer(struct x86_vcpu *v);
/* INIT or SIPI wait? Any context. Then the vCPU thread takes them */
bool lapic_has_init_sipi(struct x86_vcpu *v);
enum { LAPIC_EV_NONE, LAPIC_EV_INIT, LAPIC_EV_SIPI };
/* Takes the next one; *@sipi_vector for a SIPI. Core does the reset itself */
int lapic_take_init_sipi(struct x86_vcpu *v, u8 *sipi_vector);
void lapic_set_sipi_vector(struct x86_vcpu *v, u8 vector);
/* KVM_SET_MP_STATE(SIPI_RECEIVED): pend a SIPI with the vector set before */
void lapic_post_sipi(struct x86_vcpu *v);
/* What SMM holds off: an INIT waits, a SIPI is lost */
void lapic_drop_sipi(struct x86_vcpu *v);
bool lapic_init_pending(struct x86_vcpu *v);
void lapic_set_init_pending(struct x86_vcpu *v, bool pending);
/* IOAPIC's EOI-exit map etc. changed: KVM_REQ handler in the vCPU thread */
void irqchip_scan(struct x86_vcpu *v);
/* The host clock or the TSC offset moved: re-arm */
void lapic_restart_timer(struct x86_vcpu *v);
/* The vCPU thread is about to sleep, so that an hrtimer has to wake it; and back */
void lapic_timer_to_host(struct x86_vcpu *v);
void lapic_timer_to_guest(struct x86_vcpu *v);
/* X86_EXIT_TIMER, IRQs on or off */
void lapic_hv_timer_expired(struct x86_vcpu *v);

/*
 * Deliver an MSI (irqfd, KVM_SIGNAL_MSI, IOAPIC). >0: vCPUs reached, 0
 * coalesced, -1 none. Any context
 */
int lapic_deliver_msi(struct kvm *kvm, const struct kvm_msi_msg *msg);
/* An edge of this vCPU's own. False: there is no APIC, or it takes none. Any context */
bool lapic_raise(struct x86_vcpu *v, u8 vector);
/* For PV IPI hypercalls: bitmap of APIC ids from @min */
int lapic_pv_send_ipi(struct kvm *kvm, unsigned long lo, unsigned long hi, u32 min, u32 icr,
		      bool mode64);
/* PV kick: wake the vCPU with this APIC id */
void lapic_pv_kick(struct kvm *kvm, u32 apic_id);
struct kvm_vcpu *lapic_vcpu_by_id(struct kvm *kvm, u32 apic_id);

static inline bool irqchip_in_kernel(struct irqchip_vm *ic)
{
	return smp_load_acquire((int *)&ic->mode) != IRQCHIP_NONE;
}

#endif
