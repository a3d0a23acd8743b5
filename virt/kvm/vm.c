// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's life, and the ioctls of its fd.
 *
 * Every fd (VM, vCPU, stats) holds a reference; the last one to go destroys
 * the VM. Nothing in that waits for a grace period: the notifier is run down
 * by a count, srcu has no readers any more, and the memory that a late
 * notifier callback may still look at is freed by the notifier itself.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include "virt.h"

LIST_HEAD(kvm_vms);
DEFINE_MUTEX(kvm_vms_lock);

static struct kvm_ioctl_table vm_ioctls;

void kvm_get(struct kvm *kvm)
{
	refcount_inc(&kvm->users);
}

/* An invariant of the VM broke: nothing of it runs again, the host goes on. */
void kvm_vm_bug(struct kvm *kvm, const char *what)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (READ_ONCE(kvm->vm_bugged))
		return;
	WRITE_ONCE(kvm->vm_bugged, true);
	pr_err_ratelimited("kvm: VM of process %d stopped: %s\n", kvm->creator, what);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_request(vcpu, KVM_REQ_VM_DEAD);
		kvm_vcpu_kick(vcpu);
	}
}

struct kvm_vcpu *kvm_vcpu_by_id(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu = kvm_vcpu_by_index(kvm, id);
	unsigned int i;

	/* Most VMMs number them in the order of creation. */
	if (vcpu && vcpu->id == id)
		return vcpu;
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (vcpu->id == id)
			return vcpu;
	return NULL;
}

/* Everything that can't fail and needs no undoing. */
static void vm_init_fields(struct kvm *kvm)
{
	kvm->mm = current->mm;
	kvm->creator = task_pid_nr(current);
	refcount_set(&kvm->users, 1);
	mutex_init(&kvm->lock);
	mutex_init(&kvm->slots_lock);
	mutex_init(&kvm->irq_lock);
	rwlock_init(&kvm->mmu_lock);
	xa_init(&kvm->vcpus);
	INIT_LIST_HEAD(&kvm->ioeventfds);
	INIT_LIST_HEAD(&kvm->coalesced_zones);
	spin_lock_init(&kvm->coalesced_lock);
	INIT_HLIST_HEAD(&kvm->ack_notifiers);
	spin_lock_init(&kvm->irqfds_lock);
	INIT_LIST_HEAD(&kvm->irqfds);
	INIT_LIST_HEAD(&kvm->resamplers);
	mutex_init(&kvm->bypass_lock);
	INIT_LIST_HEAD(&kvm->bypasses);
	INIT_LIST_HEAD(&kvm->devices);
	kvm_slots_init(kvm);
}

static struct kvm *create_vm(unsigned long type)
{
	struct module *owner = kvm_backend_get();
	struct kvm *kvm;
	int ret = -ENOMEM;

	if (!owner)
		return ERR_PTR(-ENODEV);
	kvm = kvm_arch_vm_alloc();
	if (!kvm)
		goto err_owner;
	kvm->owner = owner;
	vm_init_fields(kvm);
	ret = init_srcu_struct(&kvm->srcu);
	if (ret)
		goto err_free;
	ret = kvm_hw_get();
	if (ret)
		goto err_srcu;
	ret = kvm_arch_vm_init(kvm, type);
	if (ret)
		goto err_hw;
	/* Last: from here on callbacks come, and freeing is the notifier's. */
	ret = kvm_notifier_start(kvm);
	if (ret)
		goto err_arch;
	mmgrab(kvm->mm);

	mutex_lock(&kvm_vms_lock);
	list_add(&kvm->vm_list, &kvm_vms);
	mutex_unlock(&kvm_vms_lock);
	kvm_tell_uevent(kvm, true);
	return kvm;

err_arch:
	kvm_arch_vm_quiesce(kvm);
	kvm_io_bus_destroy(kvm);
	kvm_arch_vm_destroy(kvm);
	kvm_free_routes(kvm);
	kvm_slots_destroy(kvm);
err_hw:
	kvm_hw_put();
err_srcu:
	cleanup_srcu_struct(&kvm->srcu);
err_free:
	kvm_arch_vm_free(kvm);
err_owner:
	module_put(owner);
	return ERR_PTR(ret);
}

static void destroy_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	xa_for_each(&kvm->vcpus, i, vcpu)
		kvm_vcpu_destroy(vcpu);
	xa_destroy(&kvm->vcpus);
}

static void destroy_vm(struct kvm *kvm)
{
	struct mm_struct *mm = kvm->mm;
	struct module *owner = kvm->owner;

	mutex_lock(&kvm_vms_lock);
	list_del(&kvm->vm_list);
	mutex_unlock(&kvm_vms_lock);
	kvm_tell_uevent(kvm, false);

	/* First everything that could still call into the VM. */
	kvm_irqfd_release(kvm);
	kvm_arch_vm_quiesce(kvm);
	kvm_notifier_stop(kvm);

	/* Now it is ours alone. */
	kvm_io_bus_destroy(kvm);
	kvm_ioeventfd_release(kvm);
	kvm_coalesced_destroy(kvm);
	destroy_vcpus(kvm);
	kvm_arch_vm_destroy(kvm);
	kvm_free_routes(kvm);
	kvm_slots_destroy(kvm);
	cleanup_srcu_struct(&kvm->srcu);
	kvm_hw_put();
	kvm_notifier_free_vm(kvm);
	mmdrop(mm);
	module_put(owner);
}

void kvm_put(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->users))
		destroy_vm(kvm);
}

static long vm_create_vcpu(void *obj, void *arg)
{
	return kvm_create_vcpu(obj, (unsigned long)arg);
}

static long vm_check_extension(void *obj, void *arg)
{
	return kvm_check_extension(obj, (long)arg);
}

static long vm_enable_cap(void *obj, void *arg)
{
	struct kvm *kvm = obj;
	const struct kvm_enable_cap *cap = arg;

	switch (cap->cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return cap->flags ? -EINVAL : kvm_enable_manual_dirty_log(kvm, cap->args[0]);
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return cap->flags ? -EINVAL : kvm_enable_dirty_ring(kvm, cap->args[0]);
	case KVM_CAP_HALT_POLL:
		if (cap->flags || cap->args[0] != (unsigned int)cap->args[0])
			return -EINVAL;
		WRITE_ONCE(kvm->halt_poll_ns, (unsigned int)cap->args[0]);
		smp_store_release(&kvm->override_halt_poll, true);
		return 0;
	}
	return kvm_arch_vm_enable_cap(kvm, cap);
}

static long vm_set_memory_region(void *obj, void *arg)
{
	return kvm_set_memory_region(obj, arg);
}

static long vm_get_dirty_log(void *obj, void *arg)
{
	return kvm_get_dirty_log(obj, arg);
}

static long vm_clear_dirty_log(void *obj, void *arg)
{
	return kvm_clear_dirty_log(obj, arg);
}

static long vm_reset_dirty_rings(void *obj, void *arg)
{
	return kvm_reset_dirty_rings(obj);
}

static long vm_register_coalesced(void *obj, void *arg)
{
	return kvm_register_coalesced(obj, arg);
}

static long vm_unregister_coalesced(void *obj, void *arg)
{
	return kvm_unregister_coalesced(obj, arg);
}

static long vm_ioeventfd(void *obj, void *arg)
{
	return kvm_ioeventfd(obj, arg);
}

static long vm_irqfd(void *obj, void *arg)
{
	return kvm_irqfd(obj, arg);
}

static long vm_irq_line(void *obj, void *arg)
{
	return kvm_irq_line(obj, arg, false);
}

static long vm_irq_line_status(void *obj, void *arg)
{
	return kvm_irq_line(obj, arg, true);
}

static long vm_signal_msi(void *obj, void *arg)
{
	return kvm_signal_msi(obj, arg);
}

static long vm_set_gsi_routing(void *obj, void *arg)
{
	return kvm_set_gsi_routing(obj, (void __user *)arg);
}

static long vm_create_device(void *obj, void *arg)
{
	return kvm_create_device(obj, arg);
}

static long vm_get_stats_fd(void *obj, void *arg)
{
	return kvm_vm_stats_fd(obj);
}

static const struct kvm_ioctl_row vm_rows[] = {
	KVM_IOCTL(KVM_CREATE_VCPU, KVM_ARG_VALUE, 0, vm_create_vcpu),
	KVM_IOCTL(KVM_CHECK_EXTENSION, KVM_ARG_VALUE, KVM_CAP_CHECK_EXTENSION_VM,
		  vm_check_extension),
	KVM_IOCTL(KVM_ENABLE_CAP, KVM_ARG_STRUCT, KVM_CAP_ENABLE_CAP_VM, vm_enable_cap),
	KVM_IOCTL(KVM_SET_USER_MEMORY_REGION, KVM_ARG_STRUCT, KVM_CAP_USER_MEMORY,
		  vm_set_memory_region),
	KVM_IOCTL(KVM_GET_DIRTY_LOG, KVM_ARG_STRUCT, 0, vm_get_dirty_log),
	KVM_IOCTL(KVM_CLEAR_DIRTY_LOG, KVM_ARG_STRUCT, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		  vm_clear_dirty_log),
	KVM_IOCTL(KVM_RESET_DIRTY_RINGS, KVM_ARG_VALUE, KVM_CAP_DIRTY_LOG_RING,
		  vm_reset_dirty_rings),
	KVM_IOCTL(KVM_REGISTER_COALESCED_MMIO, KVM_ARG_STRUCT, KVM_CAP_COALESCED_MMIO,
		  vm_register_coalesced),
	KVM_IOCTL(KVM_UNREGISTER_COALESCED_MMIO, KVM_ARG_STRUCT, KVM_CAP_COALESCED_MMIO,
		  vm_unregister_coalesced),
	KVM_IOCTL(KVM_IOEVENTFD, KVM_ARG_STRUCT, KVM_CAP_IOEVENTFD, vm_ioeventfd),
	KVM_IOCTL(KVM_IRQFD, KVM_ARG_STRUCT, KVM_CAP_IRQFD, vm_irqfd),
	KVM_IOCTL(KVM_IRQ_LINE, KVM_ARG_STRUCT, KVM_CAP_IRQCHIP, vm_irq_line),
	KVM_IOCTL(KVM_IRQ_LINE_STATUS, KVM_ARG_STRUCT, KVM_CAP_IRQ_INJECT_STATUS,
		  vm_irq_line_status),
	KVM_IOCTL(KVM_SIGNAL_MSI, KVM_ARG_STRUCT, KVM_CAP_SIGNAL_MSI, vm_signal_msi),
	KVM_IOCTL(KVM_SET_GSI_ROUTING, KVM_ARG_USER, KVM_CAP_IRQ_ROUTING, vm_set_gsi_routing),
	KVM_IOCTL(KVM_CREATE_DEVICE, KVM_ARG_STRUCT, KVM_CAP_DEVICE_CTRL, vm_create_device),
	KVM_IOCTL(KVM_GET_STATS_FD, KVM_ARG_VALUE, KVM_CAP_BINARY_STATS_FD, vm_get_stats_fd),
};

static long call_holding(const struct kvm_ioctl_row *row, struct kvm *kvm, unsigned long arg)
{
	long ret;

	if (row->flags & KVM_HOLD_LOCK)
		mutex_lock(&kvm->lock);
	if (row->flags & KVM_HOLD_SRCU)
		ret = kvm_ioctl_call_srcu(row, kvm, arg, &kvm->srcu);
	else
		ret = kvm_ioctl_call(row, kvm, arg);
	if (row->flags & KVM_HOLD_LOCK)
		mutex_unlock(&kvm->lock);
	return ret;
}

static long kvm_vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm *kvm = file->private_data;
	const struct kvm_ioctl_row *row;
	int ret = kvm_check_caller(kvm);

	if (ret)
		return ret;
	row = kvm_ioctl_find(&vm_ioctls, cmd);
	if (!row)
		row = kvm_ioctl_find(&kvm_arch_vm_ioctls, cmd);
	return row ? call_holding(row, kvm, arg) : -ENOTTY;
}

static int kvm_vm_release(struct inode *inode, struct file *file)
{
	kvm_put(file->private_data);
	return 0;
}

/* 32-bit callers: all layouts agree; the dirty log's pointers are cut in dirty.c. */
static const struct file_operations kvm_vm_fops = {
	.owner		= THIS_MODULE,
	.release	= kvm_vm_release,
	.unlocked_ioctl	= kvm_vm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

long kvm_create_vm_fd(unsigned long type)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;
	struct kvm *kvm;

	if (fd < 0)
		return fd;
	kvm = create_vm(type);
	if (IS_ERR(kvm)) {
		put_unused_fd(fd);
		return PTR_ERR(kvm);
	}
	file = anon_inode_getfile("kvm-vm", &kvm_vm_fops, kvm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		kvm_put(kvm);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

void __init kvm_vm_module_init(void)
{
	kvm_ioctl_table_init(&vm_ioctls, vm_rows, ARRAY_SIZE(vm_rows));
}
