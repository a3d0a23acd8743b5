// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualisation on and off, per host CPU: on for the first VM, off after the
 * last, and following the host through CPU hotplug, suspend, reboot and kexec.
 *
 * A CPU that went off under a vCPU (reboot) or never came on is no trap: the
 * vCPU finds KVM_REQ_VM_DEAD before its next entry. The request is posted with
 * IRQs off on the CPU itself, or while the vCPU is being loaded there, and the
 * run loop looks at requests with IRQs off right before it enters.
 */
#include <linux/cpu.h>
#include <linux/reboot.h>
#include "virt.h"

DEFINE_PER_CPU(bool, kvm_hw_on);

/* Guards users together with cpus_read_lock(): hotplug callbacks read it without. */
static DEFINE_MUTEX(kvm_hw_lock);
static unsigned int users;
static bool host_goes_down;		/* the reboot notifier was called */

/* IRQs off, or the CPU's hotplug thread. */
static int hw_enable_here(void)
{
	int ret;

	if (__this_cpu_read(kvm_hw_on) || READ_ONCE(host_goes_down))
		return 0;
	ret = kvm_arch_hw_enable();
	if (ret) {
		pr_err("kvm: cpu %d: cannot enable virtualisation (%d)\n",
		       raw_smp_processor_id(), ret);
		return ret;
	}
	__this_cpu_write(kvm_hw_on, true);
	return 0;
}

static void hw_disable_here(void)
{
	struct kvm_vcpu *vcpu = kvm_running_vcpu();

	if (!__this_cpu_read(kvm_hw_on))
		return;
	if (vcpu)
		kvm_request(vcpu, KVM_REQ_VM_DEAD);
	__this_cpu_write(kvm_hw_on, false);
	kvm_arch_hw_disable();
}

static void enable_ipi(void *failed)
{
	if (hw_enable_here())
		atomic_inc(failed);
}

static void disable_ipi(void *unused)
{
	hw_disable_here();
}

int kvm_hw_get(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	int ret = 0;

	cpus_read_lock();
	mutex_lock(&kvm_hw_lock);
	if (!users++) {
		on_each_cpu(enable_ipi, &failed, 1);
		if (atomic_read(&failed) || READ_ONCE(host_goes_down)) {
			on_each_cpu(disable_ipi, NULL, 1);
			users--;
			ret = -EBUSY;
		}
	}
	mutex_unlock(&kvm_hw_lock);
	cpus_read_unlock();
	return ret;
}

void kvm_hw_put(void)
{
	cpus_read_lock();
	mutex_lock(&kvm_hw_lock);
	if (!--users)
		on_each_cpu(disable_ipi, NULL, 1);
	mutex_unlock(&kvm_hw_lock);
	cpus_read_unlock();
}

/* Hotplug holds cpus_write_lock(): users is stable. A failure is for kvm_vcpu_load() to see. */
static int hw_cpu_up(unsigned int cpu)
{
	if (users)
		hw_enable_here();
	return 0;
}

static int hw_cpu_down(unsigned int cpu)
{
	hw_disable_here();
	return 0;
}

/* The last CPU, IRQs off, user space frozen: no lock is needed, none may be taken. */
static int hw_suspend(KVM_SYSCORE_ARGS)
{
	hw_disable_here();
	return 0;
}

static void hw_resume(KVM_SYSCORE_ARGS)
{
	if (!users)
		return;
	hw_enable_here();
	kvm_arch_host_resumed();
}

KVM_SYSCORE(hw_syscore, .suspend = hw_suspend, .resume = hw_resume);

/* Firmware and the next kernel expect the extension off; vCPUs may be running. */
static int hw_reboot(struct notifier_block *nb, unsigned long event, void *data)
{
	cpus_read_lock();
	WRITE_ONCE(host_goes_down, true);
	on_each_cpu(disable_ipi, NULL, 1);
	cpus_read_unlock();
	return NOTIFY_OK;
}

static struct notifier_block hw_reboot_nb = {
	.notifier_call	= hw_reboot,
};

int kvm_hw_module_init(void)
{
	int ret = cpuhp_setup_state_nocalls(KVM_CPUHP_STATE, "kvm/cpu:online",
					    hw_cpu_up, hw_cpu_down);

	if (ret)
		return ret;
	register_reboot_notifier(&hw_reboot_nb);
	kvm_syscore_register(&hw_syscore);
	return 0;
}

void kvm_hw_module_exit(void)
{
	kvm_syscore_unregister(&hw_syscore);
	unregister_reboot_notifier(&hw_reboot_nb);
	cpuhp_remove_state_nocalls(KVM_CPUHP_STATE);
}
