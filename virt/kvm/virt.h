/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of virt/kvm offer each other, by file. */
#ifndef KVM_VIRT_H
#define KVM_VIRT_H

#include <linux/fs.h>
#include <linux/irqbypass.h>
#include <linux/kvm/arch.h>
#include <linux/kvm/compat.h>
#include <linux/kvm/guest_mem.h>
#include <linux/kvm/iobus.h>
#include <linux/kvm/ioctl.h>
#include <linux/kvm/irq.h>
#include <linux/kvm/memslot.h>
#include <linux/kvm/vcpu.h>
#include <linux/kvm/vm.h>

/* main.c */
/* The registered backend with a module reference, or NULL. */
struct module *kvm_backend_get(void);
/* @kvm NULL on the system fd */
long kvm_check_extension(struct kvm *kvm, long cap);
void kvm_tell_uevent(struct kvm *kvm, bool created);

/* ioctl.c */
long kvm_ioctl_call_srcu(const struct kvm_ioctl_row *row, void *obj, unsigned long arg,
			 struct srcu_struct *srcu);

/* vm.c */
void kvm_vm_module_init(void);
long kvm_create_vm_fd(unsigned long type);
/* -EIO unless the caller shares the VM's mm and the VM is sane. */
static inline int kvm_check_caller(struct kvm *kvm)
{
	return likely(kvm->mm == current->mm && !READ_ONCE(kvm->vm_bugged)) ? 0 : -EIO;
}

/* vcpu.c */
void kvm_vcpu_module_init(void);
long kvm_create_vcpu(struct kvm *kvm, unsigned long id);
/* The VM's last reference is gone. */
void kvm_vcpu_destroy(struct kvm_vcpu *vcpu);

/* hw.c */
DECLARE_PER_CPU(bool, kvm_hw_on);
int kvm_hw_module_init(void);
void kvm_hw_module_exit(void);
/* The first VM enables virtualisation on all CPUs, the last disables it. */
int kvm_hw_get(void);
void kvm_hw_put(void);

/* kick.c */
int kvm_kick_module_init(void);
void kvm_kick_module_exit(void);
/* Wait until no vCPU is inside a stretch with IRQs off that began before. */
void kvm_wait_irqs_off_readers(struct kvm *kvm);

/* memslot.c */
void kvm_slots_init(struct kvm *kvm);
void kvm_slots_destroy(struct kvm *kvm);
/* slots_lock held: free @s (kvfree) once no srcu reader can see it; never waits long. */
void kvm_stale_add(struct kvm *kvm, struct kvm_stale *s);
/* slots_lock held: wait for srcu readers, if there can be any, then free all stale ones. */
bool kvm_slots_sync(struct kvm *kvm);
/* slots_lock held. @slot as in the ABI: address space and id. */
struct kvm_memslot *kvm_slot_by_id(struct kvm *kvm, u32 slot);

/* dirty.c */
unsigned long kvm_dirty_words(const struct kvm_memslot *slot);
long kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log);
long kvm_clear_dirty_log(struct kvm *kvm, const struct kvm_clear_dirty_log *log);
int kvm_enable_manual_dirty_log(struct kvm *kvm, u64 flags);

/* dirty_ring.c */
int kvm_enable_dirty_ring(struct kvm *kvm, u64 bytes);
int kvm_dirty_ring_create(struct kvm_vcpu *vcpu);
void kvm_dirty_ring_destroy(struct kvm_vcpu *vcpu);
struct page *kvm_dirty_ring_page(struct kvm_vcpu *vcpu, unsigned long pgoff);
bool kvm_dirty_ring_has(struct kvm_vcpu *vcpu, unsigned long pgoff, unsigned long n);
/* srcu or mmu_lock held; @slot logs */
void kvm_dirty_ring_push(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long offset);
long kvm_reset_dirty_rings(struct kvm *kvm);

/* notifier.c */
int kvm_notifier_start(struct kvm *kvm);
/* No callback runs on return, none will do anything later. */
void kvm_notifier_stop(struct kvm *kvm);
/* Frees @kvm with kvm_arch_vm_free() once the notifier is really gone. Doesn't wait. */
void kvm_notifier_free_vm(struct kvm *kvm);
void kvm_notifier_module_exit(void);

/* iobus.c */
void kvm_io_bus_destroy(struct kvm *kvm);
long kvm_register_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *zone);
long kvm_unregister_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *zone);
/* The ring's page, made on first use; NULL without memory. */
struct page *kvm_coalesced_page(struct kvm *kvm);
void kvm_coalesced_destroy(struct kvm *kvm);

/* irqroute.c */
long kvm_irq_line(struct kvm *kvm, struct kvm_irq_level *line, bool status);
long kvm_signal_msi(struct kvm *kvm, const struct kvm_msi *msi);
long kvm_set_gsi_routing(struct kvm *kvm, const void __user *arg);

/* bypass.c */
struct kvm_bypass {
	struct irq_bypass_consumer consumer;	/* irqbypass.ko's */
	struct kvm *kvm;			/* c */
	u32 gsi;				/* c */
	bool joined;				/* c */
	unsigned int host_irq;			/* bypass_lock */
	struct kvm_posted posted;		/* bypass_lock */
	struct list_head link;			/* kvm->bypasses, bypass_lock */
};

/* irq_lock held. Without what it needs, @token's interrupts go by the host. */
void kvm_bypass_join(struct kvm_bypass *b, struct kvm *kvm, u32 gsi, void *token);
/* The host has its interrupt back on return. */
void kvm_bypass_leave(struct kvm_bypass *b);

/* stats.c */
void kvm_stats_module_init(void);
void kvm_stats_module_exit(void);
long kvm_vm_stats_fd(struct kvm *kvm);
long kvm_vcpu_stats_fd(struct kvm_vcpu *vcpu);

/* device.c */
struct kvm_device;

/* Attributes: NULL is -EPERM. */
struct kvm_device_kind {
	const char *name;		/* of the fd */
	size_t size;			/* of what embeds struct kvm_device first */
	void (*init)(struct kvm_device *dev);
	/* The fd is closed. kvm->lock held; freed by the caller. */
	void (*release)(struct kvm_device *dev);
	long (*set_attr)(struct kvm_device *dev, const struct kvm_device_attr *attr);
	long (*get_attr)(struct kvm_device *dev, const struct kvm_device_attr *attr);
	long (*has_attr)(struct kvm_device *dev, const struct kvm_device_attr *attr);
};

struct kvm_device {
	struct kvm *kvm;			/* c */
	const struct kvm_device_kind *kind;	/* c */
	struct list_head link;			/* kvm->lock */
};

long kvm_create_device(struct kvm *kvm, struct kvm_create_device *cd);

/* vfio.c */
extern const struct kvm_device_kind kvm_vfio_kind;

#endif
