/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtual CPU: its life, being loaded on a host CPU, kicks and requests. */
#ifndef LINUX_KVM_VCPU_H
#define LINUX_KVM_VCPU_H

#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/signal_types.h>
#include <linux/kvm/vm.h>

enum kvm_vcpu_mode {
	KVM_OUTSIDE_GUEST,
	KVM_IN_GUEST,		/* may be between here and VMRUN, IRQs off */
	KVM_EXITING_GUEST,	/* somebody sent an IPI already */
};

/* Requests: generic ones below 8, the architecture's from 8 to 63. */
#define KVM_REQ_TLB_FLUSH	0	/* drop all cached translations */
#define KVM_REQ_UNBLOCK		1	/* leave kvm_vcpu_block() */
#define KVM_REQ_VM_DEAD		2	/* VM is broken: KVM_RUN is -EIO */
#define KVM_REQ_DIRTY_RING	3	/* nearly full: see kvm_dirty_ring_exits() */
#define KVM_REQ_ARCH_BASE	8

struct kvm_vcpu_stat {
	u64 exits;
	u64 halt_exits;
	u64 halt_successful_poll;
	u64 halt_attempted_poll;
	u64 halt_poll_success_ns;
	u64 halt_poll_fail_ns;
	u64 halt_wakeup;
	u64 signal_exits;
	u64 io_exits;
	u64 mmio_exits;
	u64 irq_exits;
	u64 irq_window_exits;
	u64 nmi_window_exits;
	u64 notify_window_exits;
	u64 request_irq_exits;
	u64 irq_injections;
	u64 nmi_injections;
	u64 pf_taken;
	u64 pf_fast;
	u64 pf_mmio;
	u64 pf_spurious;
	u64 insn_emulation;
	u64 insn_emulation_fail;
	u64 hypercalls;
	u64 fast_exits;		/* handled without leaving the IRQs-off loop */
	u64 tlb_flush;
	u64 host_state_reload;
	u64 preemption_reported;
};

/* dirty_ring.c. R: @lock; entries are shared with user space */
struct kvm_dirty_ring {
	struct kvm_dirty_gfn *gfns;	/* c */
	u32 size;			/* c; entries, 0: there is a bitmap instead */
	u32 next;			/* R to change; free-running, as @first */
	u32 first;			/* slots_lock to change */
	u32 last_slot;			/* R; what the entry before @next names */
	u64 last_offset;		/* R */
	raw_spinlock_t lock;
};

#define KVM_DIRTY_RING_MAX	65536	/* entries */

/*
 * struct kvm_vcpu - the generic half; embedded first in the architecture's own
 *
 * c: constant once created   a: atomic   v: vcpu->mutex
 * p: the thread that has the vCPU loaded, preemption off or from its notifier
 */
struct kvm_vcpu {
	struct kvm *kvm;			/* c, a reference while the fd lives */
	unsigned int id;			/* c, KVM_CREATE_VCPU's argument */
	unsigned int idx;			/* c, dense */
	int cpu;				/* p; -1 when not loaded */
	unsigned int mode;			/* a, enum kvm_vcpu_mode */
	unsigned long requests;			/* a, KVM_REQ_* bits */
	unsigned int as_id;			/* v, the address space its accesses go to */
	struct kvm_run *run;			/* c, shared with user space: read once */
	struct mutex mutex;
	struct preempt_notifier pn;		/* p */
	struct rcuwait wait;			/* a */
	struct pid __rcu *pid;			/* v to change */
	sigset_t sigset;			/* v */
	bool sigset_active;			/* v */
	bool preempted;				/* p; read racily by the yield code */
	bool in_spin_loop;			/* read racily */
	unsigned int halt_poll_ns;		/* v */
	struct kvm_dirty_ring dirty_ring;
	struct kvm_vcpu_stat stat;		/* v to change, read racily */
};

void kvm_vcpu_load(struct kvm_vcpu *vcpu);
void kvm_vcpu_put(struct kvm_vcpu *vcpu);
struct kvm_vcpu *kvm_running_vcpu(void);

/* dirty_ring.c: before entry, with KVM_REQ_DIRTY_RING: is KVM_EXIT_DIRTY_RING_FULL due? */
bool kvm_dirty_ring_exits(struct kvm_vcpu *vcpu);

/* hostwork.c */
void kvm_hostwork_module_init(void);
int kvm_host_work(void);

/* kick.c */

/**
 * kvm_request() - post a request without waking or kicking anybody
 * Full ordering with the mode check in the run loop is the kick's business.
 */
static inline void kvm_request(struct kvm_vcpu *vcpu, unsigned int req)
{
	smp_mb__before_atomic();
	set_bit(req, &vcpu->requests);
}

static inline bool kvm_requests_pending(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests);
}

static inline bool kvm_take_request(struct kvm_vcpu *vcpu, unsigned int req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	smp_mb__after_atomic();
	return true;
}

/* Make the vCPU look at its requests: wake it if it sleeps, IPI if in guest. Any context. */
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);
/* Wake a blocked vCPU; true if it slept. Any context. */
bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu);
/* Request on every vCPU and wait until none runs guest code that has not seen it. */
void kvm_request_all(struct kvm *kvm, unsigned int req);
/* Those with requests, after kvm_request(): wait likewise. */
void kvm_await_requests(struct kvm *kvm);
void kvm_flush_remote_tlbs(struct kvm *kvm);
/* May sleep. On return each vCPU has been out of the guest at some time since the call. */
void kvm_leave_guests(struct kvm *kvm);

/**
 * kvm_vcpu_halt() - sleep until the vCPU has something to do, polling first
 * Context: process, vCPU loaded, no spinlock, srcu not held.
 */
void kvm_vcpu_halt(struct kvm_vcpu *vcpu);
/* Sleep without polling (wait-for-SIPI and the like). */
void kvm_vcpu_block(struct kvm_vcpu *vcpu);
/* A guest spins: give the CPU to a preempted vCPU of the same VM. */
void kvm_vcpu_on_spin(struct kvm_vcpu *vcpu, bool in_kernel_mode);
int kvm_vcpu_yield_to(struct kvm_vcpu *target);

#endif
