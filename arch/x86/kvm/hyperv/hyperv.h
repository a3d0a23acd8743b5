/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Hyper-V offers its guests (the Hypervisor Top Level Functional
 * Specification, TLFS), for guests whose CPUID says so: Documentation/virt/kvm/hyperv.rst.
 * cpuid.c says what there is, msr.c keeps its registers, clock.c the reference time, and
 * hypercall.c answers.
 */
#ifndef KVM_X86_HYPERV_H
#define KVM_X86_HYPERV_H

#include <linux/atomic.h>
#include <linux/jump_label.h>
#include <linux/kvm/guest_mem.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

struct hv_synic;
struct kvm_irq_route;
struct x86_vcpu;

#define HYPERV_NR_CRASH_PARAMS	5

/* syndbg.c: the registers of the synthetic debugger. H: hyperv_vm.lock */
struct hv_syndbg {
	u64 control, status, send, receive, pending;	/* H */
	u64 options;			/* H, read racily */
};

/* Per VM. H: @lock */
struct hyperv_vm {
	struct mutex lock;
	u64 guest_os_id;		/* H, read racily; 0: no hypercalls */
	u64 hypercall;			/* H; HV_X64_MSR_HYPERCALL */
	u64 crash[HYPERV_NR_CRASH_PARAMS];	/* H */
	u64 crash_ctl;			/* H */
	u64 reenlightenment;		/* H */
	u64 tsc_emulation_ctl, tsc_emulation_status;	/* H */
	u64 tsc_page;			/* H; HV_X64_MSR_REFERENCE_TSC */
	bool tsc_page_asked;		/* H; by the guest, and not written yet */
	bool tsc_page_valid;		/* H; what the page says is this: */
	u64 tsc_scale;			/* H */
	s64 tsc_offset;			/* H */
	u32 tsc_sequence;		/* H; the last one given */
	struct hv_syndbg syndbg;
	struct xarray doorbells;	/* own lock to change, RCU to read; by connection */
};

/* v: vcpu->mutex */
struct hyperv_vcpu {
	bool on;			/* v; the guest's CPUID names the interface */
	bool enforce;			/* v; KVM_CAP_HYPERV_ENFORCE_CPUID */
	u32 features_a, features_b, features_d;	/* v; EAX, EBX, EDX of leaf 0x40000003 */
	u32 advice, spins;		/* v; EAX, EBX of leaf 0x40000004 */
	u32 index;			/* v to change, read racily; VP_INDEX */
	u32 debugger;			/* v; EAX of leaf 0x40000082 */
	u64 assist;			/* v; VP_ASSIST_PAGE */
	u64 runtime_base;		/* v; 100 ns, added to what the thread used */
	unsigned long events;		/* v; HYPERV_EVENT_*, with X86_REQ_HYPERV */
	struct hv_synic *synic;		/* v to set, once, release; NULL: not asked for */
};

#define HYPERV_EVENT_RESET	0
#define HYPERV_EVENT_CRASH	1
#define HYPERV_EVENT_SYNIC	2
#define HYPERV_EVENT_SYNDBG	3
#define HYPERV_EVENT_SYNDBG_PAGE	4
#define HYPERV_NR_EVENTS	5

void hyperv_vm_init(struct kvm *kvm);
void hyperv_vm_destroy(struct kvm *kvm);
void hyperv_vcpu_create(struct x86_vcpu *v);
void hyperv_vcpu_reset(struct x86_vcpu *v);		/* INIT, too */
void hyperv_vcpu_destroy(struct x86_vcpu *v);

/* cpuid.c */
void hyperv_cpuid_changed(struct x86_vcpu *v);
/* user pointer */
long hyperv_ioctl_cpuid(void *obj, void *arg);
long hyperv_vcpu_ioctl_cpuid(void *obj, void *arg);
/* The guest may use what one of @bits of @reg says it has: always, unless enforced */
static inline bool hyperv_may(const struct hyperv_vcpu *h, u32 reg, u32 bits)
{
	return !h->enforce || (reg & bits);
}

/* clock.c; in 100 ns. srcu held, may sleep */
u64 hyperv_time(struct x86_vcpu *v);
/* The clock changed, or the page did: tell the guest, which has one. */
void hyperv_update_clock(struct x86_vcpu *v);

/* msr.c: X86_REQ_HYPERV; true: kvm_run is filled */
bool hyperv_tell_user(struct x86_vcpu *v);

/* eventfd.c: KVM_HYPERV_EVENTFD, struct copy; what SIGNAL_EVENT does, HV_STATUS_* */
long hyperv_ioctl_eventfd(void *obj, void *arg);
u16 hyperv_ring(struct kvm *kvm, u64 param);

/* synic.c: 0 or -errno; v->apic is needed */
int hyperv_enable_synic(struct x86_vcpu *v, bool keeps_pages);
void hyperv_set_route(struct kvm_irq_route *r, const struct kvm_irq_routing_entry *ue);
void synic_fill_run(struct x86_vcpu *v);

/*
 * What the local APIC asks about a vector, in the vCPU's thread, IRQs on or off. On since
 * the first vCPU with a synthetic interrupt controller.
 */
DECLARE_STATIC_KEY_FALSE(hyperv_synics);
bool __hyperv_has_auto_eoi(struct x86_vcpu *v);
bool __hyperv_ends_itself(struct x86_vcpu *v, u8 vector);
bool __hyperv_awaits_end(struct x86_vcpu *v, u8 vector);
void __hyperv_add_vectors(struct x86_vcpu *v, unsigned long *vectors);
void __hyperv_ended(struct x86_vcpu *v, u8 vector);

/* Some interrupt ends as it is delivered: hardware cannot do that. */
static inline bool hyperv_has_auto_eoi(struct x86_vcpu *v)
{
	return static_branch_unlikely(&hyperv_synics) && __hyperv_has_auto_eoi(v);
}

static inline bool hyperv_ends_itself(struct x86_vcpu *v, u8 vector)
{
	return static_branch_unlikely(&hyperv_synics) && __hyperv_ends_itself(v, vector);
}

/* Is somebody to be told when it ends? */
static inline bool hyperv_awaits_end(struct x86_vcpu *v, u8 vector)
{
	return static_branch_unlikely(&hyperv_synics) && __hyperv_awaits_end(v, vector);
}

static inline void hyperv_add_vectors(struct x86_vcpu *v, unsigned long *vectors)
{
	if (static_branch_unlikely(&hyperv_synics))
		__hyperv_add_vectors(v, vectors);
}

static inline void hyperv_ended(struct x86_vcpu *v, u8 vector)
{
	if (static_branch_unlikely(&hyperv_synics))
		__hyperv_ended(v, vector);
}

/* stimer.c: X86_REQ_STIMER, srcu held, IRQs on */
void hyperv_run_timers(struct x86_vcpu *v);
/* Will there be something to do for it? Any context */
bool hyperv_timer_due(struct x86_vcpu *v);
/* The reference time was set. */
void hyperv_recheck_timers(struct x86_vcpu *v);

/* syndbg.c */
bool syndbg_on(const struct x86_vcpu *v);
int syndbg_get_msr(struct x86_vcpu *v, u32 index, u64 *data);
int syndbg_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
/* kvm_run for HYPERV_EVENT_SYNDBG and _PAGE */
void syndbg_tell_command(struct x86_vcpu *v);
void syndbg_tell_page(struct x86_vcpu *v);
/* A hypercall of the debugger's: HV_STATUS_*, success: user space may do it */
u16 syndbg_may_call(struct x86_vcpu *v);

/* hypercall.c: enum x86_next; IRQs on, srcu held. The other: false: #UD */
int hyperv_hypercall(struct x86_vcpu *v);
bool hyperv_answer(struct x86_vcpu *v);

#endif
