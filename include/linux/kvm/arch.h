/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an architecture supplies to virt/kvm. Plain functions: both halves are
 * linked into one module.
 */
#ifndef LINUX_KVM_ARCH_H
#define LINUX_KVM_ARCH_H

#include <linux/kvm/vcpu.h>
#include <linux/kvm/memslot.h>
#include <linux/kvm/irq.h>
#include <linux/kvm/ioctl.h>

/* Module life. kvm.ko loads without a backend; see kvm_core_register(). */
int kvm_arch_init(void);
void kvm_arch_exit(void);

/*
 * A backend module calls these (through the arch) to open and close /dev/kvm:
 * the misc device exists only while a backend is registered. @owner is pinned
 * by every VM.
 */
int kvm_core_register(struct module *owner);
void kvm_core_unregister(void);

/* Per host CPU, IRQs off or on that CPU's hotplug thread. */
int kvm_arch_hw_enable(void);
void kvm_arch_hw_disable(void);

/*
 * VM: alloc returns zeroed memory whose first member is struct kvm; free takes
 * it back, in any context and after the backend may have gone: kvfree() alone.
 */
struct kvm *kvm_arch_vm_alloc(void);
void kvm_arch_vm_free(struct kvm *kvm);
int kvm_arch_vm_init(struct kvm *kvm, unsigned long type);
/* Last user is gone; vCPUs still exist: stop timers and workers that reach into them. */
void kvm_arch_vm_quiesce(struct kvm *kvm);
/* After all vCPUs were destroyed; before slots are freed. */
void kvm_arch_vm_destroy(struct kvm *kvm);

/* vCPU: alloc as for VMs. init runs before anybody can find it, without vcpu->mutex. */
struct kvm_vcpu *kvm_arch_vcpu_alloc(struct kvm *kvm);
void kvm_arch_vcpu_free(struct kvm_vcpu *vcpu);
/* kvm->lock held: may this id be created now? */
int kvm_arch_vcpu_precreate(struct kvm *kvm, unsigned int id);
int kvm_arch_vcpu_init(struct kvm_vcpu *vcpu);
/* It has its index and can be found; no fd yet. */
void kvm_arch_vcpu_postcreate(struct kvm_vcpu *vcpu);
void kvm_arch_vcpu_destroy(struct kvm_vcpu *vcpu);

/* Preemption off; also from the preempt notifier. */
void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu);
/* KVM_RUN with the vCPU loaded and the signal mask set. 0 or -errno (-EINTR, -EAGAIN, ...). */
int kvm_arch_vcpu_run(struct kvm_vcpu *vcpu);
/* Would kvm_vcpu_halt() return at once? Any context. */
bool kvm_arch_vcpu_runnable(struct kvm_vcpu *vcpu);
bool kvm_arch_vcpu_in_kernel(struct kvm_vcpu *vcpu);	/* guest CPL 0 when last seen */
/* mmap of page @pgoff > 0 of the vCPU fd (PIO page 1): the page or NULL. */
struct page *kvm_arch_vcpu_page(struct kvm_vcpu *vcpu, unsigned long pgoff);

/* Capabilities the generic code does not know. 0: absent. @kvm NULL on the system fd. */
int kvm_arch_check_extension(struct kvm *kvm, long cap);
int kvm_arch_vm_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap);
extern struct kvm_ioctl_table kvm_arch_system_ioctls;
extern struct kvm_ioctl_table kvm_arch_vm_ioctls;
extern struct kvm_ioctl_table kvm_arch_vcpu_ioctls;

/*
 * Memory slots; slots_lock held. prepare may fail, commit may not. When only
 * flags change, new->arch starts as old->arch and old loses it after commit;
 * kvm_arch_slot_free() gets a slot whose arch data nobody else has.
 */
int kvm_arch_slot_prepare(struct kvm *kvm, const struct kvm_memslot *old,
			  struct kvm_memslot *new);
/* The slot has left (or moved within) the visible set and readers are gone: drop its mappings. */
void kvm_arch_slot_flush(struct kvm *kvm, const struct kvm_memslot *old);
/* Visible now. Either may be NULL; both: flags changed. */
void kvm_arch_slot_commit(struct kvm *kvm, const struct kvm_memslot *old,
			  const struct kvm_memslot *new);
void kvm_arch_slot_free(struct kvm_memslot *slot);

/* MMU notifier and dirty log; mmu_lock is taken by the callee. */
struct kvm_gfn_range {
	const struct kvm_memslot *slot;
	gfn_t start;
	gfn_t end;		/* exclusive */
	bool may_block;
};
/* mmu_lock held for writing. True: TLBs must be flushed before the page is reused. */
bool kvm_arch_mmu_zap(struct kvm *kvm, const struct kvm_gfn_range *r);
/* mmu_lock held for writing. True: was young. */
bool kvm_arch_mmu_age(struct kvm *kvm, const struct kvm_gfn_range *r, bool test_only);
/* slots_lock held. What guests wrote before the call is in the bitmaps after it. */
void kvm_arch_dirty_log_sync(struct kvm *kvm);
/* How many pages hardware may list as dirty before we look */
unsigned int kvm_arch_dirty_burst(void);
/*
 * Take care that the next write to gfn base_gfn+@offset+bit for each bit of @mask is
 * logged. mmu_lock held for writing; TLBs are flushed by the caller.
 */
void kvm_arch_mmu_write_protect(struct kvm *kvm, const struct kvm_memslot *slot,
				unsigned long offset, unsigned long mask);
/*
 * With kvm_tells_writes: guest_mem.c wrote @len bytes on the guest's behalf, in
 * one slot. srcu held, no mmu_lock.
 */
void kvm_arch_guest_written(struct kvm *kvm, gpa_t gpa, unsigned long len);
/* The whole VM's mm goes away. */
void kvm_arch_mmu_zap_all(struct kvm *kvm);

/*
 * Devices of the host that the VM uses do not look into caches: guests' memory types
 * and their flushing of caches count, or do no longer. May sleep.
 */
void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool noncoherent);

/* Fill route->set and the destination from user space's entry, or -EINVAL. irq_lock held. */
int kvm_arch_set_route(struct kvm *kvm, struct kvm_irq_route *route,
		       const struct kvm_irq_routing_entry *ue);
/* irq_lock held: a new table is in force (rescan IOAPIC EOI maps and so on). */
void kvm_arch_routes_changed(struct kvm *kvm);
/* Hardware can post interrupts of the host's devices. */
bool kvm_arch_may_post(void);
/*
 * bypass_lock held. Post the host's @irq to the vCPU that @msg is for, if it is one that
 * takes it; else, or without a message, it is the host's. @now: zeroed at first.
 */
void kvm_arch_post_irq(struct kvm *kvm, unsigned int irq, const struct kvm_msi_msg *msg,
		       struct kvm_posted *now);
/* KVM_IRQ_LINE, KVM_IRQFD need some controller in the kernel. */
bool kvm_arch_has_irqchip(struct kvm *kvm);
/*
 * Inject from an atomic context (irqfd's wakeup): -EWOULDBLOCK when it needs
 * a worker, else as kvm_irq_route.set().
 */
int kvm_arch_set_irq_atomic(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level);

/* Clock moved under us (suspend, hotplug of a CPU): runs with the CPU's vCPUs not loaded. */
void kvm_arch_host_resumed(void);

#endif
