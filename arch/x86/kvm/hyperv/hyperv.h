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
#include <linux/kvm/guest_mem.h>
#include <linux/mutex.h>

struct x86_vcpu;

#define HYPERV_NR_CRASH_PARAMS	5

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
	bool tsc_page_valid;		/* H; what the page says is this: */
	u64 tsc_scale;			/* H */
	s64 tsc_offset;			/* H */
	u32 tsc_sequence;		/* H; the last one given */
};

/* v: vcpu->mutex */
struct hyperv_vcpu {
	bool on;			/* v; the guest's CPUID names the interface */
	bool enforce;			/* v; KVM_CAP_HYPERV_ENFORCE_CPUID */
	u32 features_a, features_b, features_d;	/* v; EAX, EBX, EDX of leaf 0x40000003 */
	u32 advice, spins;		/* v; EAX, EBX of leaf 0x40000004 */
	u32 index;			/* v to change, read racily; VP_INDEX */
	u64 assist;			/* v; VP_ASSIST_PAGE */
	u64 runtime_base;		/* v; 100 ns, added to what the thread used */
	unsigned long events;		/* v; HYPERV_EVENT_*, with X86_REQ_HYPERV */
};

#define HYPERV_EVENT_RESET	0
#define HYPERV_EVENT_CRASH	1

void hyperv_vm_init(struct kvm *kvm);
void hyperv_vcpu_create(struct x86_vcpu *v);

/* cpuid.c */
void hyperv_cpuid_changed(struct x86_vcpu *v);
long hyperv_ioctl_cpuid(void *obj, void *arg);		/* any fd; user pointer */
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

/* hypercall.c: enum x86_next; IRQs on, srcu held. The other: false: #UD */
int hyperv_hypercall(struct x86_vcpu *v);
bool hyperv_answer(struct x86_vcpu *v);

#endif
