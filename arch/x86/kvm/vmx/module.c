// SPDX-License-Identifier: GPL-2.0-only
/* kvm-intel.ko: the ops table, and VMX on and off on host CPUs. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <asm/cpu_device_id.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#include <linux/kvm/compat.h>

#include "block.h"

MODULE_DESCRIPTION("KVM on Intel VMX");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(KVM_BACKEND);

static const struct x86_cpu_id vmx_cpu_ids[] = {
	X86_MATCH_FEATURE(X86_FEATURE_VMX, NULL),
	{}
};
MODULE_DEVICE_TABLE(x86cpu, vmx_cpu_ids);

struct vmx_pause vmx_pause = {
	.gap = 128, .window = 4096, .grow = 2, .max = UINT_MAX,
};
module_param_named(ple_gap, vmx_pause.gap, uint, 0444);
MODULE_PARM_DESC(ple_gap, "Cycles between PAUSEs of one loop, 0: loops never exit");
module_param_named(ple_window, vmx_pause.window, uint, 0444);
MODULE_PARM_DESC(ple_window, "Cycles in a PAUSE loop that make an exit");
module_param_named(ple_window_grow, vmx_pause.grow, uint, 0444);
MODULE_PARM_DESC(ple_window_grow, "Factor of the window after an exit");
module_param_named(ple_window_shrink, vmx_pause.shrink, uint, 0444);
MODULE_PARM_DESC(ple_window_shrink, "Divisor of the window at a switch, 0: start anew");
module_param_named(ple_window_max, vmx_pause.max, uint, 0444);
MODULE_PARM_DESC(ple_window_max, "Limit of the window");

bool vmx_dump_invalid;
module_param_named(dump_invalid_vmcs, vmx_dump_invalid, bool, 0644);
MODULE_PARM_DESC(dump_invalid_vmcs, "Print the VMCS when the CPU refuses it");

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);

/* IRQs off. What is cached goes to memory first: a crash dump wants it there. */
static void vmx_off(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *s, *next;

	if (!cpu->on)
		return;
	list_for_each_entry_safe(s, next, &cpu->loaded, loaded)
		vmx_block_clear(s);
	cpu->on = false;
	asm volatile("1: vmxoff\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "cc", "memory");
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/* 0, or -EIO: the firmware left VMX off or locked on this CPU. */
static int vmx_on(struct vmx_cpu *cpu)
{
	u64 pa = page_to_phys(cpu->vmxon);
	bool bad;

	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	asm volatile("1: vmxon %[pa]\n"
		     "   setna %[bad]\n"
		     "   jmp 3f\n"
		     "2: movb $1, %[bad]\n"
		     "3:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [bad] "=&q" (bad) : [pa] "m" (pa) : "cc", "memory");
	if (!bad)
		return 0;
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
	return -EIO;
}

static int vmx_hw_enable(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	int ret;

	if (cr4_read_shadow() & X86_CR4_VMXE)
		return -EBUSY;		/* somebody else's */
	ret = vmx_on(cpu);
	if (ret)
		return ret;
	cpu->on = true;
	cpu->current_vmcs = NULL;
	cpu->last_vcpu = 0;
	vmx_flush_cpu();
	return 0;
}

static void vmx_hw_disable(void)
{
	vmx_posted_leave_cpu();
	vmx_off();
}

static int vmx_vm_init(struct kvm *kvm)
{
	return 0;
}

static void vmx_vm_destroy(struct kvm *kvm)
{
	vmx_ipiv_free(kvm);
}

static const struct x86_vendor_ops vmx_ops = {
	.name			= "kvm_intel",
	.owner			= THIS_MODULE,
	.vcpu_size		= sizeof(struct vmx_vcpu),
	.vm_size		= sizeof(struct vmx_vm),

	.hw_enable		= vmx_hw_enable,
	.hw_disable		= vmx_hw_disable,
	.vm_init		= vmx_vm_init,
	.vm_destroy		= vmx_vm_destroy,

	.vcpu_create		= vmx_vcpu_create,
	.vcpu_destroy		= vmx_vcpu_destroy,
	.vcpu_reset		= vmx_vcpu_reset,
	.vcpu_load		= vmx_vcpu_load,
	.vcpu_put		= vmx_vcpu_put,
	.cpuid_changed		= vmx_cpuid_changed,

	.prepare_guest		= vmx_prepare_guest,
	.enter			= vmx_enter,
	.take_host_irq		= vmx_take_host_irq,

	.cache_regs		= vmx_cache_regs,
	.get_segment		= vmx_get_segment,
	.set_segment		= vmx_set_segment,
	.get_cpl		= vmx_get_cpl,
	.seg_base		= vmx_seg_base,
	.get_dt			= vmx_get_dt,
	.set_dt			= vmx_set_dt,
	.set_cr0		= vmx_set_cr0,
	.set_cr4		= vmx_set_cr4,
	.set_efer		= vmx_set_efer,
	.cr4_valid		= vmx_cr4_valid,
	.segments_valid		= vmx_segments_valid,
	.set_dr7		= vmx_set_dr7,
	.sync_drs		= vmx_sync_drs,
	.update_intercepts	= vmx_update_intercepts,
	.skip_insn		= vmx_skip_insn,

	.inject_exception	= vmx_inject_exception,
	.inject_irq		= vmx_inject_irq,
	.inject_nmi		= vmx_inject_nmi,
	.cancel_injection	= vmx_cancel_injection,
	.irq_blocked		= vmx_irq_blocked,
	.nmi_blocked		= vmx_nmi_blocked,
	.get_nmi_mask		= vmx_get_nmi_mask,
	.set_nmi_mask		= vmx_set_nmi_mask,
	.want_irq_window	= vmx_want_irq_window,
	.want_nmi_window	= vmx_want_nmi_window,
	.get_int_shadow		= vmx_get_int_shadow,
	.set_int_shadow		= vmx_set_int_shadow,
	.end_halt		= vmx_end_halt,
	.sync_irqs		= vmx_sync_irqs,
	.set_apic_mode		= vmx_set_apic_mode,
	.notify_guest		= vmx_notify_guest,
	.set_sleep		= vmx_set_sleep,
	.post_irq		= vmx_post_irq,
	.set_eoi_exits		= vmx_set_eoi_exits,
	.set_apic_ids		= vmx_set_apic_ids,

	.load_root		= vmx_load_root,
	.flush_tlb		= vmx_flush_tlb,
	.flush_tlb_gva		= vmx_flush_tlb_gva,
	.write_tsc		= vmx_write_tsc,
	.set_hv_timer		= vmx_set_hv_timer,
	.cancel_hv_timer	= vmx_cancel_hv_timer,

	.get_msr		= vmx_get_msr,
	.set_msr		= vmx_set_msr,
	.get_feature_msr	= vmx_get_feature_msr,
	.set_msr_intercept	= vmx_set_msr_intercept,
	.msr_filter_changed	= vmx_msr_filter_changed,

	.exit_info		= vmx_exit_info,
	.dump			= vmx_dump,
};

static void vmx_free_cpus(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct vmx_cpu *cpu = per_cpu_ptr(&vmx_cpus, i);

		if (cpu->vmxon)
			__free_page(cpu->vmxon);
		cpu->vmxon = NULL;
	}
}

static int vmx_alloc_cpus(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct vmx_cpu *cpu = per_cpu_ptr(&vmx_cpus, i);

		INIT_LIST_HEAD(&cpu->loaded);
		cpu->vmxon = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!cpu->vmxon) {
			vmx_free_cpus();
			return -ENOMEM;
		}
		*(u32 *)page_address(cpu->vmxon) = vmx_hw.revision;
	}
	return 0;
}

/* Would hw_enable work here? Says why not, once, before any VM fails for it. */
static int vmx_check_host(void)
{
	u64 feat;

	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		pr_err("kvm_intel: this CPU has no VMX, or the firmware disables it\n");
		return -EOPNOTSUPP;
	}
	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &feat) || !(feat & FEAT_CTL_LOCKED) ||
	    !(feat & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		pr_err("kvm_intel: VMX is disabled by the firmware\n");
		return -EOPNOTSUPP;
	}
	/* NMIs that end a guest are passed on through the IDT. */
	if (kvm_host_has_fred()) {
		pr_err("kvm_intel: hosts with FRED are not supported yet\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void vmx_add_switched(void)
{
	unsigned int i;

	for (i = 0; i < VMX_NR_SWITCHED; i++)
		vmx_switched_slot[i] = x86_user_return_msr_add(vmx_switched_msr[i]);
}

static int __init vmx_init(void)
{
	struct x86_caps caps;
	int ret = vmx_check_host();

	if (!ret)
		ret = vmx_caps_probe();
	if (ret)
		return ret;
	vmx_add_switched();
	ret = vmx_alloc_cpus();
	if (ret)
		return ret;
	ret = vmx_bitmaps_init();
	if (ret)
		goto err_cpus;
	ret = vmx_vpids_init();
	if (ret)
		goto err_bitmaps;
	ret = vmx_l1d_init();
	if (ret)
		goto err_vpids;
	vmx_posted_init();
	/* A crash kernel must not start with VMX on. */
	cpu_emergency_register_virt_callback(vmx_off);
	vmx_caps_export(&caps);
	ret = x86_vendor_register(&vmx_ops, &caps);
	if (ret)
		goto err_callback;
	return 0;

err_callback:
	cpu_emergency_unregister_virt_callback(vmx_off);
	vmx_posted_exit();
	vmx_l1d_exit();
err_vpids:
	vmx_vpids_exit();
err_bitmaps:
	vmx_bitmaps_exit();
err_cpus:
	vmx_free_cpus();
	return ret;
}
module_init(vmx_init);

static void __exit vmx_exit(void)
{
	x86_vendor_unregister();
	cpu_emergency_unregister_virt_callback(vmx_off);
	vmx_posted_exit();
	vmx_l1d_exit();
	vmx_vpids_exit();
	vmx_bitmaps_exit();
	vmx_free_cpus();
}
module_exit(vmx_exit);
