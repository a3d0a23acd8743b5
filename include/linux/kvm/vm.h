/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine.
 *
 * Lock order, outermost first; each lock may be taken with those above held:
 *
 *	kvm->lock  >  vcpu->mutex  >  kvm->slots_lock  >  kvm->irq_lock
 *	  >  mm->mmap_lock  >  kvm->mmu_lock  >  irqchip spinlocks
 *
 * kvm->srcu readers may sleep and may take anything below slots_lock;
 * synchronize_srcu(&kvm->srcu) is called with slots_lock held and never with
 * a vcpu->mutex held. kvm_hw_lock (hw.c) nests inside nothing but kvm_vms_lock.
 */
#ifndef LINUX_KVM_VM_H
#define LINUX_KVM_VM_H

#include <linux/completion.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/xarray.h>
#include <linux/kvm/types.h>

struct kvm_memslots;
struct kvm_io_bus;
struct kvm_irq_routes;
struct kvm_stale;
struct kvm_vcpu;
struct module;

#define KVM_ADDRESS_SPACES	2	/* the second: x86, system management mode */
#define KVM_MAX_VCPUS_ARCH	1024
#define KVM_MAX_VCPU_ID_ARCH	4096

enum kvm_bus { KVM_BUS_PIO, KVM_BUS_MMIO, KVM_BUS_FAST_MMIO, KVM_NR_BUSES };

/* Per VM counters, all updated with plain increments; see stats.c for names. */
struct kvm_vm_stat {
	u64 mmu_flushes;
	u64 mmu_unmaps;
	u64 pages_4k;
	u64 pages_2m;
	u64 pages_1g;
};

/*
 * struct kvm - one virtual machine; embedded first in the architecture's own
 *
 * c: constant once created   a: atomic   o: own synchronisation
 * L: kvm->lock   S: slots_lock to change, kvm->srcu to read
 * R: irq_lock to change, RCU to read   M: mmu_lock
 */
struct kvm {
	struct mm_struct *mm;			/* c, mm_count held */
	refcount_t users;			/* a, one for each fd */
	struct mutex lock;			/* o */
	struct mutex slots_lock;		/* o */
	struct mutex irq_lock;			/* o */
	rwlock_t mmu_lock;			/* o */
	struct srcu_struct srcu;		/* o */
	struct module *owner;			/* c, the backend, pinned */
	pid_t creator;				/* c, for names only */

	struct xarray vcpus;			/* L to change; by index 0.. */
	atomic_t online_vcpus;			/* a, published vCPUs */
	unsigned int created_vcpus;		/* L */
	unsigned int max_vcpu_ids;		/* L, 0: not limited further */
	u32 bsp_vcpu_id;			/* L */

	struct kvm_memslots __rcu *slots[KVM_ADDRESS_SPACES];	/* S */
	struct xarray slots_by_id[KVM_ADDRESS_SPACES];		/* slots_lock */
	u64 slots_generation;			/* slots_lock, of the newest set */
	struct kvm_memslot __rcu *leaving_slot;	/* S, out of its set but still mapped */
	struct kvm_stale *stale;		/* slots_lock; unlinked, readers may remain */
	unsigned int nr_stale;			/* slots_lock */
	struct kvm_io_bus __rcu *buses[KVM_NR_BUSES];		/* S, NULL: empty */
	struct kvm_irq_routes __rcu *routes;	/* R */

	/* irqfd.c, ioeventfd.c, iobus.c */
	struct list_head ioeventfds;		/* slots_lock */
	struct list_head coalesced_zones;	/* slots_lock */
	struct kvm_coalesced_mmio_ring *coalesced_ring;	/* a, c once set */
	spinlock_t coalesced_lock;		/* o, guards the ring's tail */
	struct hlist_head ack_notifiers;	/* R */
	spinlock_t irqfds_lock;			/* o */
	struct list_head irqfds;		/* irqfds_lock */
	struct list_head resamplers;		/* R; resampling irqfds by GSI */
	struct mutex bypass_lock;		/* o; nests inside irq_lock, see bypass.c */
	struct list_head bypasses;		/* bypass_lock; irqfds of devices */

	/* notifier.c */
	struct mmu_notifier mn;			/* o */
	refcount_t mn_users;			/* a, callbacks inside, plus one until teardown */
	struct completion mn_silent;		/* o, mn_users dropped to 0 */
	unsigned long invalidate_seq;		/* M */
	unsigned int invalidate_in_progress;	/* M */
	hva_t invalidate_start, invalidate_end;	/* M, union of ranges in progress */

	bool vm_bugged;				/* set once; every later ioctl is -EIO */
	bool dirty_manual_protect;		/* slots_lock */
	bool dirty_initially_set;		/* slots_lock */
	u32 dirty_ring_size;			/* L and slots_lock, 0: bitmap in use */
	unsigned int halt_poll_ns;		/* a; with override_halt_poll */
	bool override_halt_poll;		/* a, set once, release; KVM_CAP_HALT_POLL */
	unsigned int last_boosted;		/* index of the last vCPU yielded to; a hint */

	struct kvm_vm_stat stat;
	struct list_head vm_list;		/* kvm_vms_lock */
	struct list_head devices;		/* L */
};

extern struct list_head kvm_vms;
extern struct mutex kvm_vms_lock;

void kvm_get(struct kvm *kvm);
/* Drop a reference; the last one destroys the VM. May sleep. */
void kvm_put(struct kvm *kvm);

struct kvm_vcpu *kvm_vcpu_by_id(struct kvm *kvm, u32 id);

/* Index < online_vcpus; NULL beyond. Lockless, vCPUs live as long as the VM. */
static inline struct kvm_vcpu *kvm_vcpu_by_index(struct kvm *kvm, unsigned int i)
{
	if (i >= (unsigned int)atomic_read(&kvm->online_vcpus))
		return NULL;
	smp_rmb();	/* pairs with the publication in vcpu.c */
	return xa_load(&kvm->vcpus, i);
}

#define kvm_for_each_vcpu(i, vcpu, kvm)	\
	for ((i) = 0; ((vcpu) = kvm_vcpu_by_index(kvm, i)); (i)++)

/* A VM-level invariant broke: stop running it, never the host. */
void kvm_vm_bug(struct kvm *kvm, const char *what);

#endif
