/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest TSC (tsc.c) and the paravirtual clock (kvmclock.c). */
#ifndef KVM_X86_TSC_H
#define KVM_X86_TSC_H

#include <linux/kvm/guest_mem.h>
#include <asm/pvclock-abi.h>
#include <linux/seqlock.h>

struct x86_vcpu;

/* Per vCPU; v: vcpu->mutex, T: the VM's tsc_lock, p: loaded, preemption off */
struct x86_tsc {
	u64 offset;			/* v; guest = scale(host) + offset */
	u64 ratio;			/* v; fixed point, 0 or default ratio: 1:1 */
	u32 khz;			/* v; guest's rate */
	u64 adjust;			/* v; IA32_TSC_ADJUST */
	u64 generation;			/* T; == the VM's: offset and rate are the others' */
	u64 lost_seen;			/* p; host ticks lost in suspends and made up */
	u64 last_host;			/* p; host TSC when last loaded or put */
};

struct x86_pvclock {
	struct kvm_gmap map;		/* v; valid if enabled */
	bool enabled;			/* v */
	bool guest_stopped;		/* v; KVM_KVMCLOCK_CTRL, not published yet */
	u64 msr;			/* v; what the guest wrote */
	struct pvclock_vcpu_time_info info;	/* v; last published */
};

/* Per VM; T: tsc_lock, L: kvm->lock */
struct x86_clock_vm {
	raw_spinlock_t tsc_lock;
	u32 default_khz;		/* L; KVM_SET_TSC_KHZ on the VM */
	/* T; the write other writes are matched with, and the offset it gave */
	u64 last_write_tsc, last_write_ns, last_write_offset;
	u32 last_write_khz;		/* T */
	u64 generation;			/* T; one for every offset in force, from 1 */
	seqcount_raw_spinlock_t seq;	/* T to change */
	s64 clock_offset;		/* seq; kvmclock = boottime + this */
	bool master;			/* seq; all vCPUs count from the pair below */
	u64 master_ns, master_tsc;	/* seq; boottime and host TSC at one moment */
	u64 wall_clock_gpa;		/* what was last written to WALL_CLOCK; racy */
};

int tsc_module_init(void);
void tsc_module_exit(void);
void tsc_vm_init(struct kvm *kvm);
void tsc_vcpu_create(struct x86_vcpu *v);
/* Preemption off, on arrival at a host CPU, and on leaving it */
void tsc_vcpu_load(struct x86_vcpu *v, int cpu);
void tsc_vcpu_put(struct x86_vcpu *v);
/* Suspend of the last CPU and resume, when the TSC may have restarted; IRQs off */
void tsc_host_cpu_down(void);
void tsc_host_resumed(void);
u64 tsc_read_guest(struct x86_vcpu *v, u64 host_tsc);
/* In host TSC ticks, rounded down; U64_MAX if it is beyond */
u64 tsc_guest_to_host_delta(struct x86_vcpu *v, u64 guest_delta);
/* MSR_IA32_TSC. @host: matched with the writes to the VM's other vCPUs */
void tsc_write(struct x86_vcpu *v, u64 guest_tsc, bool host);
/* MSR_IA32_TSC_ADJUST. @host: the value alone is restored, the TSC stays */
void tsc_adjust(struct x86_vcpu *v, u64 value, bool host);
/* 0 or -EINVAL: the hardware cannot. @khz 0: the host's */
int tsc_set_khz(struct x86_vcpu *v, u32 khz);
/* KVM_SET_TSC_KHZ on the VM: for vCPUs created later. kvm->lock held. */
int tsc_set_default_khz(struct kvm *kvm, u32 khz);
/* The host's own clock is its TSC, the same on all CPUs. */
bool tsc_host_stable(void);
/* KVM_{SET,GET,HAS}_DEVICE_ATTR on a vCPU: KVM_VCPU_TSC_CTRL. @cmd is the ioctl's number */
int tsc_attr(struct x86_vcpu *v, unsigned int cmd, const struct kvm_device_attr *attr);

/* KVM_REQ handlers in the vCPU thread, srcu held */
int kvmclock_update(struct x86_vcpu *v);
void kvmclock_update_master(struct kvm *kvm);
int kvmclock_set_msr(struct x86_vcpu *v, u64 value, bool old_msr, bool host);	/* 0 or 1 */
int kvmclock_set_wall(struct kvm *kvm, u64 gpa);				/* 0 or 1 */
void kvmclock_vm_init(struct kvm *kvm);
/* tsc_lock held: the pair of the master clock is void. */
void kvmclock_drop_master(struct kvm *kvm);
u64 kvmclock_now(struct kvm *kvm);
/* At @tsc it is @ns; from there ns = (ticks << shift) * mul >> 32. Process context */
struct kvmclock_line {
	u64 tsc, ns;
	u32 mul;
	s8 shift;
};
bool kvmclock_line(struct x86_vcpu *v, struct kvmclock_line *line);
/* KVM_{GET,SET}_CLOCK */
int kvmclock_get(struct kvm *kvm, struct kvm_clock_data *d);
int kvmclock_set(struct kvm *kvm, const struct kvm_clock_data *d);
/* KVM_KVMCLOCK_CTRL */
int kvmclock_guest_stopped(struct x86_vcpu *v);
void kvmclock_stop(struct x86_vcpu *v);

/*
 * One moment on the host's clocks. False: the host's clock is not the TSC, and
 * *@tsc belongs to this CPU alone.
 */
bool kvmclock_host_moment(u64 *tsc, u64 *boot_ns, u64 *real_ns);

/* pv.c: the guest's hypercall; reads and writes registers. 0, or enum x86_next. IRQs on. */
int pv_hypercall(struct x86_vcpu *v, bool may_ask);

#endif
