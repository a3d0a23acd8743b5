/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest TSC (tsc.c) and the paravirtual clock (kvmclock.c). */
#ifndef KVM_X86_TSC_H
#define KVM_X86_TSC_H

#include <asm/pvclock-abi.h>
#include <linux/kvm/guest_mem.h>

struct x86_vcpu;

/* Per vCPU; v: vcpu->mutex */
struct x86_tsc {
	u64 offset;			/* v; guest = scale(host) + offset */
	u64 ratio;			/* v; fixed point, 0 or default ratio: 1:1 */
	u32 khz;			/* v; guest's rate */
	u64 adjust;			/* v; IA32_TSC_ADJUST */
	bool catchup;			/* v; no scaling and guest wants faster */
};

struct x86_pvclock {
	struct kvm_gmap map;		/* v; valid if enabled */
	bool enabled;			/* v */
	bool guest_stopped;		/* v; KVM_KVMCLOCK_CTRL */
	u64 msr;			/* v; what the guest wrote */
	struct pvclock_vcpu_time_info info;	/* v; last published */
};

/* Per VM; T: tsc_lock */
struct x86_clock_vm {
	raw_spinlock_t tsc_lock;
	u32 default_khz;		/* kvm->lock; KVM_SET_TSC_KHZ on the VM */
	u64 last_write_tsc, last_write_ns, last_write_offset;	/* T; matching of writes */
	u32 last_write_khz;		/* T */
	u64 generation;			/* T */
	unsigned int nr_matched;	/* T */
	s64 clock_offset;		/* T; kvmclock = boottime + this */
	seqcount_raw_spinlock_t seq;
	bool master;			/* T, read by seq */
	u64 master_ns, master_tsc;	/* T, read by seq */
	u64 wall_clock_gpa;
};

int tsc_module_init(void);
void tsc_module_exit(void);
void tsc_vm_init(struct kvm *kvm);
void tsc_vcpu_create(struct x86_vcpu *v);
/* Preemption off, on arrival at a host CPU */
void tsc_vcpu_load(struct x86_vcpu *v, int cpu);
u64 tsc_read_guest(struct x86_vcpu *v, u64 host_tsc);
u64 tsc_guest_to_host_delta(struct x86_vcpu *v, u64 guest_delta);	/* in host TSC ticks */
void tsc_write(struct x86_vcpu *v, u64 guest_tsc, bool host);		/* MSR_IA32_TSC */
void tsc_adjust(struct x86_vcpu *v, u64 value, bool host);		/* MSR_IA32_TSC_ADJUST */
int tsc_set_khz(struct x86_vcpu *v, u32 khz);
bool tsc_host_stable(void);
/* KVM_{SET,GET,HAS}_DEVICE_ATTR on a vCPU: KVM_VCPU_TSC_CTRL. */
int tsc_attr(struct x86_vcpu *v, unsigned int cmd, const struct kvm_device_attr *attr);

/* KVM_REQ handlers in the vCPU thread, srcu held */
int kvmclock_update(struct x86_vcpu *v);
void kvmclock_update_master(struct kvm *kvm);
int kvmclock_set_msr(struct x86_vcpu *v, u64 value, bool old_msr, bool host);	/* 0 or 1 */
int kvmclock_set_wall(struct kvm *kvm, u64 gpa);				/* 0 or 1 */
u64 kvmclock_now(struct kvm *kvm);
int kvmclock_get(struct kvm *kvm, struct kvm_clock_data *d);
int kvmclock_set(struct kvm *kvm, const struct kvm_clock_data *d);
int kvmclock_guest_stopped(struct x86_vcpu *v);					/* KVM_KVMCLOCK_CTRL */
void kvmclock_disable(struct x86_vcpu *v);

/* pv.c: the guest's hypercall; reads and writes registers. 0, or enum x86_next. IRQs on. */
int pv_hypercall(struct x86_vcpu *v);

#endif
