// SPDX-License-Identifier: GPL-2.0-only
/* The module, /dev/kvm and the ioctls of the system fd. */
#include <linux/cpumask.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include "virt.h"

/* Guards backend; not held while the misc device comes or goes (misc_mtx nests outside). */
static DEFINE_MUTEX(backend_lock);
static struct module *backend;
static bool backend_present;

static struct kvm_ioctl_table system_ioctls;

/*
 * Capabilities that need no question to the architecture. A row for what is
 * always there; the rest is asked for in kvm_check_extension().
 */
struct cap_row {
	u16 cap;
	u32 value;
};

static const struct cap_row cap_rows[] = {
	{ KVM_CAP_USER_MEMORY,			1 },
	{ KVM_CAP_SYNC_MMU,			1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS,	1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS,	1 },
	{ KVM_CAP_READONLY_MEM,			1 },
	{ KVM_CAP_NR_MEMSLOTS,			KVM_USER_MEM_SLOTS },
	{ KVM_CAP_MULTI_ADDRESS_SPACE,		KVM_ADDRESS_SPACES > 1 ? KVM_ADDRESS_SPACES : 0 },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,	KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
						KVM_DIRTY_LOG_INITIALLY_SET },
	{ KVM_CAP_DIRTY_LOG_RING,		KVM_DIRTY_RING_MAX * sizeof(struct kvm_dirty_gfn) },
	{ KVM_CAP_DIRTY_LOG_RING_ACQ_REL,	KVM_DIRTY_RING_MAX * sizeof(struct kvm_dirty_gfn) },
	{ KVM_CAP_COALESCED_MMIO,		KVM_COALESCED_MMIO_PAGE_OFFSET },
	{ KVM_CAP_COALESCED_PIO,		1 },
	{ KVM_CAP_IOEVENTFD,			1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH,		1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH,		1 },
	{ KVM_CAP_IRQFD,			1 },
	{ KVM_CAP_IRQFD_RESAMPLE,		1 },
	{ KVM_CAP_IRQ_ROUTING,			KVM_MAX_ROUTES },
	{ KVM_CAP_IRQ_INJECT_STATUS,		1 },
	{ KVM_CAP_SIGNAL_MSI,			1 },
	{ KVM_CAP_IMMEDIATE_EXIT,		1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA,		1 },
	{ KVM_CAP_SYSTEM_EVENT_DATA,		1 },
	{ KVM_CAP_CHECK_EXTENSION_VM,		1 },
	{ KVM_CAP_ENABLE_CAP_VM,		1 },
	{ KVM_CAP_HALT_POLL,			1 },
	{ KVM_CAP_BINARY_STATS_FD,		1 },
	{ KVM_CAP_MAX_VCPUS,			KVM_MAX_VCPUS_ARCH },
	{ KVM_CAP_MAX_VCPU_ID,			KVM_MAX_VCPU_ID_ARCH },
};

long kvm_check_extension(struct kvm *kvm, long cap)
{
	unsigned int i;

	if (cap == KVM_CAP_NR_VCPUS)
		return min_t(unsigned int, num_online_cpus(), KVM_MAX_VCPUS_ARCH);
	for (i = 0; i < ARRAY_SIZE(cap_rows); i++)
		if (cap_rows[i].cap == cap)
			return cap_rows[i].value;
	return kvm_arch_check_extension(kvm, cap);
}

static long sys_get_api_version(void *obj, void *arg)
{
	return arg ? -EINVAL : KVM_API_VERSION;
}

static long sys_create_vm(void *obj, void *arg)
{
	return kvm_create_vm_fd((unsigned long)arg);
}

static long sys_check_extension(void *obj, void *arg)
{
	return kvm_check_extension(NULL, (long)arg);
}

/* kvm_run, the port data page and the ring of coalesced writes, in the ABI's order. */
static long sys_vcpu_mmap_size(void *obj, void *arg)
{
	return arg ? -EINVAL : (KVM_COALESCED_MMIO_PAGE_OFFSET + 1) * PAGE_SIZE;
}

static const struct kvm_ioctl_row system_rows[] = {
	KVM_IOCTL(KVM_GET_API_VERSION, KVM_ARG_VALUE, 0, sys_get_api_version),
	KVM_IOCTL(KVM_CREATE_VM, KVM_ARG_VALUE, 0, sys_create_vm),
	KVM_IOCTL(KVM_CHECK_EXTENSION, KVM_ARG_VALUE, 0, sys_check_extension),
	KVM_IOCTL(KVM_GET_VCPU_MMAP_SIZE, KVM_ARG_VALUE, 0, sys_vcpu_mmap_size),
};

static long kvm_dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct kvm_ioctl_row *row = kvm_ioctl_find(&system_ioctls, cmd);

	if (!row)
		row = kvm_ioctl_find(&kvm_arch_system_ioctls, cmd);
	/* The VM fd says -ENOTTY; here and on the vCPU fd clients have always got -EINVAL. */
	return row ? kvm_ioctl_call(row, NULL, arg) : -EINVAL;
}

struct module *kvm_backend_get(void)
{
	struct module *owner = NULL;

	mutex_lock(&backend_lock);
	if (backend_present && try_module_get(backend))
		owner = backend;
	mutex_unlock(&backend_lock);
	return owner;
}

/* An open system fd answers for the backend's features, so it keeps it. */
static int kvm_dev_open(struct inode *inode, struct file *file)
{
	file->private_data = kvm_backend_get();
	return file->private_data ? 0 : -ENODEV;
}

static int kvm_dev_release(struct inode *inode, struct file *file)
{
	module_put(file->private_data);
	return 0;
}

static const struct file_operations kvm_dev_fops = {
	.owner		= THIS_MODULE,
	.open		= kvm_dev_open,
	.release	= kvm_dev_release,
	.unlocked_ioctl	= kvm_dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice kvm_dev = {
	.minor	= KVM_MINOR,
	.name	= "kvm",
	.fops	= &kvm_dev_fops,
};

/**
 * kvm_tell_uevent() - a VM comes or goes: udev rules can know
 * @kvm: the VM
 * @created: else it ends
 *
 * The device is there as long as VMs are.
 */
void kvm_tell_uevent(struct kvm *kvm, bool created)
{
	static unsigned long long count, ever;		/* kvm_vms_lock */
	char text[4][32];
	char *env[] = { text[0], text[1], text[2], text[3], NULL };

	mutex_lock(&kvm_vms_lock);
	count += created ? 1 : -1;
	ever += created;
	snprintf(text[0], sizeof(text[0]), "CREATED=%llu", ever);
	snprintf(text[1], sizeof(text[1]), "COUNT=%llu", count);
	mutex_unlock(&kvm_vms_lock);
	snprintf(text[2], sizeof(text[2]), "EVENT=%s", created ? "create" : "destroy");
	snprintf(text[3], sizeof(text[3]), "PID=%d", kvm->creator);
	kobject_uevent_env(&kvm_dev.this_device->kobj, KOBJ_CHANGE, env);
}

/**
 * kvm_core_register() - a backend is ready: open /dev/kvm
 * @owner: its module, pinned by every open system fd and every VM
 *
 * Return: 0, -EBUSY with a backend there already, or what misc_register() says.
 */
int kvm_core_register(struct module *owner)
{
	int ret;

	mutex_lock(&backend_lock);
	ret = backend_present ? -EBUSY : 0;
	if (!ret) {
		backend = owner;
		backend_present = true;
	}
	mutex_unlock(&backend_lock);
	if (ret)
		return ret;

	/* Once here rather than per VM: it patches the scheduler's code. */
	preempt_notifier_inc();
	ret = misc_register(&kvm_dev);
	if (ret) {
		preempt_notifier_dec();
		mutex_lock(&backend_lock);
		backend_present = false;
		mutex_unlock(&backend_lock);
	}
	return ret;
}

/**
 * kvm_core_unregister() - the backend leaves
 *
 * Called on its module's way out, so no system fd and no VM is left.
 */
void kvm_core_unregister(void)
{
	misc_deregister(&kvm_dev);
	preempt_notifier_dec();
	mutex_lock(&backend_lock);
	backend_present = false;
	backend = NULL;
	mutex_unlock(&backend_lock);
}

static int __init kvm_module_init(void)
{
	int ret;

	kvm_ioctl_table_init(&system_ioctls, system_rows, ARRAY_SIZE(system_rows));
	kvm_hostwork_module_init();
	kvm_vm_module_init();
	kvm_vcpu_module_init();

	ret = kvm_kick_module_init();
	if (ret)
		return ret;
	ret = kvm_irqfd_module_init();
	if (ret)
		goto err_kick;
	ret = kvm_hw_module_init();
	if (ret)
		goto err_irqfd;
	ret = kvm_arch_init();
	if (ret)
		goto err_hw;
	kvm_stats_module_init();
	return 0;

err_hw:
	kvm_hw_module_exit();
err_irqfd:
	kvm_irqfd_module_exit();
err_kick:
	kvm_kick_module_exit();
	return ret;
}

static void __exit kvm_module_exit(void)
{
	kvm_stats_module_exit();
	kvm_irqfd_module_exit();
	kvm_notifier_module_exit();
	kvm_arch_exit();
	kvm_hw_module_exit();
	kvm_kick_module_exit();
	rcu_barrier();		/* callbacks of ours still queued */
}

module_init(kvm_module_init);
module_exit(kvm_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Virtual machines by hardware virtualisation");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
MODULE_ALIAS("devname:kvm");
