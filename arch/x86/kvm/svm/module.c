// SPDX-License-Identifier: GPL-2.0-only
/* kvm-amd.ko: the ops table, and SVM on and off on host CPUs. */
#include <linux/mm.h>
#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <asm/cpu_device_id.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/reboot.h>

#include "svm.h"

MODULE_DESCRIPTION("KVM on AMD SVM");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(KVM_BACKEND);

static const struct x86_cpu_id svm_cpu_ids[] = {
	X86_MATCH_FEATURE(X86_FEATURE_SVM, NULL),
	{}
};
MODULE_DEVICE_TABLE(x86cpu, svm_cpu_ids);

struct svm_pause svm_pause = { .count = 3000, .thresh = 128, .grow = 2, .max = USHRT_MAX };
module_param_named(pause_filter_count, svm_pause.count, ushort, 0444);
MODULE_PARM_DESC(pause_filter_count, "PAUSEs in a row that make an exit, 0: never");
module_param_named(pause_filter_thresh, svm_pause.thresh, ushort, 0444);
MODULE_PARM_DESC(pause_filter_thresh, "Cycles between PAUSEs of one row");
module_param_named(pause_filter_count_grow, svm_pause.grow, ushort, 0444);
MODULE_PARM_DESC(pause_filter_count_grow, "Factor of the count after an exit");
module_param_named(pause_filter_count_shrink, svm_pause.shrink, ushort, 0444);
MODULE_PARM_DESC(pause_filter_count_shrink, "Divisor of the count at a switch, 0: start anew");
module_param_named(pause_filter_count_max, svm_pause.max, ushort, 0444);
MODULE_PARM_DESC(pause_filter_count_max, "Limit of the count");

bool svm_dump_invalid;
module_param_named(dump_invalid_vmcb, svm_dump_invalid, bool, 0644);
MODULE_PARM_DESC(dump_invalid_vmcb, "Print the VMCB when the CPU refuses it");

DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

/*
 * STGI first: with GIF clear, turning SVM off would leave this CPU deaf. It may
 * raise #UD if an NMI got here before SVME was set; GIF is set then.
 */
static void svm_off(void)
{
	u64 efer;

	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	asm volatile("1: stgi\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "memory");
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

static int svm_hw_enable(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	u64 efer, vm_cr;

	if (!boot_cpu_has(X86_FEATURE_SVM) || rdmsrl_safe(MSR_VM_CR, &vm_cr))
		return -EOPNOTSUPP;
	if (vm_cr & SVM_VM_CR_SVM_DIS_MASK)
		return -EOPNOTSUPP;
	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;		/* somebody else's */
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, __sme_pa(page_address(cpu->hsave)));
	if (svm_hw.tsc_scaling) {
		cpu->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
		wrmsrl(MSR_AMD64_TSC_RATIO, cpu->tsc_ratio);
	}
	cpu->last_vcpu = 0;
	svm_cpu_init_asids(cpu);
	/* Counters may tell guests from the host now. */
	amd_pmu_enable_virt();
	return 0;
}

static void svm_hw_disable(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);

	if (svm_hw.tsc_scaling && cpu->tsc_ratio != SVM_TSC_RATIO_DEFAULT) {
		cpu->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
		wrmsrl(MSR_AMD64_TSC_RATIO, cpu->tsc_ratio);
	}
	svm_off();
	amd_pmu_disable_virt();
}

static int svm_vm_init(struct kvm *kvm)
{
	return svm_avic_vm_init(kvm);
}

static void svm_vm_destroy(struct kvm *kvm)
{
	svm_avic_vm_destroy(kvm);
}

static const struct x86_vendor_ops svm_ops = {
	.name			= "kvm_amd",
	.owner			= THIS_MODULE,
	.vcpu_size		= sizeof(struct svm_vcpu),
	.vm_size		= sizeof(struct svm_vm),

	.hw_enable		= svm_hw_enable,
	.hw_disable		= svm_hw_disable,
	.vm_init		= svm_vm_init,
	.vm_destroy		= svm_vm_destroy,

	.vcpu_create		= svm_vcpu_create,
	.vcpu_destroy		= svm_vcpu_destroy,
	.vcpu_reset		= svm_vcpu_reset,
	.vcpu_load		= svm_vcpu_load,
	.vcpu_put		= svm_vcpu_put,
	.cpuid_changed		= svm_cpuid_changed,

	.prepare_guest		= svm_prepare_guest,
	.enter			= svm_enter,
	.take_host_irq		= svm_take_host_irq,

	.cache_regs		= svm_cache_regs,
	.get_segment		= svm_get_segment,
	.set_segment		= svm_set_segment,
	.get_cpl		= svm_get_cpl,
	.seg_base		= svm_seg_base,
	.get_dt			= svm_get_dt,
	.set_dt			= svm_set_dt,
	.set_cr0		= svm_set_cr0,
	.set_cr4		= svm_set_cr4,
	.set_efer		= svm_set_efer,
	.cr4_valid		= svm_cr4_valid,
	.segments_valid		= svm_segments_valid,
	.set_dr7		= svm_set_dr7,
	.sync_drs		= svm_sync_drs,
	.update_intercepts	= svm_update_intercepts,
	.skip_insn		= svm_skip_insn,

	.inject_exception	= svm_inject_exception,
	.inject_irq		= svm_inject_irq,
	.inject_nmi		= svm_inject_nmi,
	.cancel_injection	= svm_cancel_injection,
	.irq_blocked		= svm_irq_blocked,
	.nmi_blocked		= svm_nmi_blocked,
	.get_nmi_mask		= svm_get_nmi_mask,
	.set_nmi_mask		= svm_set_nmi_mask,
	.want_irq_window	= svm_want_irq_window,
	.want_nmi_window	= svm_want_nmi_window,
	.get_int_shadow		= svm_get_int_shadow,
	.set_int_shadow		= svm_set_int_shadow,
	.end_halt		= svm_end_halt,
	.sync_irqs		= svm_sync_irqs,
	.set_apic_mode		= svm_set_apic_mode,
	.notify_guest		= svm_notify_guest,
	.set_sleep		= svm_set_sleep,
	.post_irq		= svm_post_irq,
	.set_eoi_exits		= svm_set_eoi_exits,
	.set_apic_ids		= svm_set_apic_ids,

	.load_root		= svm_load_root,
	.flush_tlb		= svm_flush_tlb,
	.flush_tlb_gva		= svm_flush_tlb_gva,
	.write_tsc		= svm_write_tsc,
	.set_hv_timer		= svm_set_hv_timer,
	.cancel_hv_timer	= svm_cancel_hv_timer,

	.get_msr		= svm_get_msr,
	.set_msr		= svm_set_msr,
	.get_feature_msr	= svm_get_feature_msr,
	.set_msr_intercept	= svm_set_msr_intercept,
	.msr_filter_changed	= svm_msr_filter_changed,

	.exit_info		= svm_exit_info,
	.dump			= svm_dump,
};

static void svm_free_cpus(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct svm_cpu *cpu = per_cpu_ptr(&svm_cpus, i);

		if (cpu->hsave)
			__free_page(cpu->hsave);
		if (cpu->host_block)
			__free_page(cpu->host_block);
		cpu->hsave = cpu->host_block = NULL;
	}
}

static int svm_alloc_cpus(void)
{
	unsigned int i;

	for_each_possible_cpu(i) {
		struct svm_cpu *cpu = per_cpu_ptr(&svm_cpus, i);

		cpu->hsave = alloc_page(GFP_KERNEL | __GFP_ZERO);
		cpu->host_block = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!cpu->hsave || !cpu->host_block) {
			svm_free_cpus();
			return -ENOMEM;
		}
		cpu->host_block_pa = __sme_pa(page_address(cpu->host_block));
	}
	return 0;
}

/* Would hw_enable work here? Says why not, once, before any VM fails for it. */
static int svm_check_host(void)
{
	u64 vm_cr;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		pr_err("kvm_amd: this CPU has no SVM\n");
		return -EOPNOTSUPP;
	}
	if (rdmsrl_safe(MSR_VM_CR, &vm_cr) || (vm_cr & SVM_VM_CR_SVM_DIS_MASK)) {
		pr_err("kvm_amd: SVM is disabled by the firmware\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int __init svm_init(void)
{
	struct x86_caps caps;
	int ret = svm_check_host();

	if (!ret)
		ret = svm_caps_probe();
	if (ret)
		return ret;
	svm_hw.tsc_aux_slot = -1;
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		svm_hw.tsc_aux_slot = x86_user_return_msr_add(MSR_TSC_AUX);
	ret = svm_alloc_cpus();
	if (ret)
		return ret;
	ret = svm_bitmaps_init();
	if (ret)
		goto err_cpus;
	/* A crash kernel must not start with SVM on. */
	cpu_emergency_register_virt_callback(svm_off);
	svm_caps_export(&caps);
	ret = x86_vendor_register(&svm_ops, &caps);
	if (ret)
		goto err_callback;
	return 0;

err_callback:
	cpu_emergency_unregister_virt_callback(svm_off);
	svm_bitmaps_exit();
err_cpus:
	svm_free_cpus();
	return ret;
}
module_init(svm_init);

static void __exit svm_exit(void)
{
	x86_vendor_unregister();
	cpu_emergency_unregister_virt_callback(svm_off);
	svm_bitmaps_exit();
	svm_free_cpus();
}
module_exit(svm_exit);
