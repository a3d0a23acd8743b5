// SPDX-License-Identifier: GPL-2.0-only
/* CPUID 0x8000000a and its neighbours, turned into what the room uses. */
#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>
#include <asm/pgtable.h>

#include "pmu/pmu.h"
#include "svm.h"

/* Parameters are what was wanted first, then what there is. */
struct svm_hw svm_hw __read_mostly = {
	.npt = true, .nrips = true, .vgif = true, .vls = true, .lbrv = true, .tsc_scaling = true,
};
module_param_named(npt, svm_hw.npt, bool, 0444);
MODULE_PARM_DESC(npt, "Nested paging; without it, shadow paging");
module_param_named(nrips, svm_hw.nrips, bool, 0444);
MODULE_PARM_DESC(nrips, "Use the next RIP that the CPU saves");
module_param_named(vgif, svm_hw.vgif, bool, 0444);
MODULE_PARM_DESC(vgif, "Virtual GIF, for nested guests");
module_param_named(vls, svm_hw.vls, bool, 0444);
MODULE_PARM_DESC(vls, "Virtual VMLOAD and VMSAVE, for nested guests");
module_param_named(lbrv, svm_hw.lbrv, bool, 0444);
MODULE_PARM_DESC(lbrv, "Last-branch records for guests");
module_param_named(tsc_scaling, svm_hw.tsc_scaling, bool, 0444);
MODULE_PARM_DESC(tsc_scaling, "Guest TSC rates other than the host's");
module_param_named(avic, svm_hw.avic, bool, 0444);
MODULE_PARM_DESC(avic, "Interrupts delivered by hardware");

/* CPUID 0x80000008 EBX: what the kernel has no name for */
#define CPUID_8_INVLPGB	BIT(3)
#define CPUID_8_MCOMMIT	BIT(8)

static u64 svm_spec_ctrl_bits(void)
{
	u64 bits = 0;

	if (boot_cpu_has(X86_FEATURE_AMD_IBRS) || boot_cpu_has(X86_FEATURE_SPEC_CTRL))
		bits |= SPEC_CTRL_IBRS;
	if (boot_cpu_has(X86_FEATURE_AMD_STIBP) || boot_cpu_has(X86_FEATURE_INTEL_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if (boot_cpu_has(X86_FEATURE_AMD_SSBD) || boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD))
		bits |= SPEC_CTRL_SSBD;
	return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) ? bits : 0;
}

static void svm_probe_avic(struct svm_hw *hw)
{
	bool there = hw->npt && boot_cpu_has(X86_FEATURE_AVIC);

	if (hw->avic && !there)
		pr_info("kvm_amd: this CPU has no AVIC, or nested paging is off\n");
	hw->avic &= there;
	hw->x2avic = hw->avic && boot_cpu_has(X86_FEATURE_X2AVIC);
	/* Erratum 1235: senders may miss that a target stopped. They are told that none runs. */
	hw->avic_ipi = boot_cpu_data.x86 != 0x17 && boot_cpu_data.x86 != 0x18;
}

/* 0, or -EOPNOTSUPP with a line that says why. */
int svm_caps_probe(void)
{
	struct svm_hw *hw = &svm_hw;
	u32 ext = cpuid_ebx(0x80000008);

	hw->npt &= !!boot_cpu_has(X86_FEATURE_NPT);
	/* What CR3 points to in 32-bit modes is read without the encryption bit. */
	if (!hw->npt && sme_me_mask) {
		pr_err("kvm_amd: shadow paging does not go with memory encryption\n");
		return -EOPNOTSUPP;
	}
	hw->nrips &= !!boot_cpu_has(X86_FEATURE_NRIPS);
	hw->lbrv &= !!boot_cpu_has(X86_FEATURE_LBRV);
	hw->clean_bits = boot_cpu_has(X86_FEATURE_VMCBCLEAN);
	hw->flush_by_asid = boot_cpu_has(X86_FEATURE_FLUSHBYASID);
	hw->decode_assists = boot_cpu_has(X86_FEATURE_DECODEASSISTS);
	hw->pause_filter = svm_pause.count && boot_cpu_has(X86_FEATURE_PAUSEFILTER);
	hw->pause_threshold = hw->pause_filter && boot_cpu_has(X86_FEATURE_PFTHRESHOLD);
	hw->tsc_scaling &= !!boot_cpu_has(X86_FEATURE_TSCRATEMSR);
	hw->vgif &= !!boot_cpu_has(X86_FEATURE_VGIF);
	hw->vls &= !!boot_cpu_has(X86_FEATURE_V_VMSAVE_VMLOAD);
	hw->v_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL);
	hw->virt_ssbd = boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) ||
			boot_cpu_has(X86_FEATURE_VIRT_SSBD);
	hw->rdpru = boot_cpu_has(X86_FEATURE_RDPRU);
	hw->invlpgb = ext & CPUID_8_INVLPGB;
	hw->mcommit = ext & CPUID_8_MCOMMIT;
	hw->spec_ctrl_bits = svm_spec_ctrl_bits();
	svm_probe_avic(hw);
	hw->nr_asids = cpuid_ebx(SVM_CPUID_FUNC);
	if (hw->nr_asids < 2) {
		pr_err("kvm_amd: the CPU reports no ASID for guests\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Bits of CPUID that depend on this room */
static void svm_adjust_cpuid(u32 *words, unsigned int nr_words)
{
	words[X86_FEATURE_SVM / 32] &= ~BIT(X86_FEATURE_SVM % 32);
	if (svm_hw.virt_ssbd)
		words[X86_FEATURE_VIRT_SSBD / 32] |= BIT(X86_FEATURE_VIRT_SSBD % 32);
}

void svm_caps_export(struct x86_caps *caps)
{
	*caps = (struct x86_caps) {
		.tdp = svm_hw.npt,
		/* Nested tables have as many levels as the host's own. */
		.tdp_levels = pgtable_l5_enabled() ? 5 : 4,
		.tdp_max_page_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? 3 : 2,
		.tsc_scaling = svm_hw.tsc_scaling,
		.tsc_frac_bits = 32,
		.tsc_max_ratio = SVM_TSC_RATIO_MAX,
		.narrow_guests = !svm_hw.npt,
		.nrips = svm_hw.nrips,
		.vmcall = X86_VMMCALL,
		.pmu = &svm_pmu,
		.apicv = svm_hw.avic,
		.apic_page = svm_hw.avic,
		.avic = svm_hw.avic,
		.xsaves = boot_cpu_has(X86_FEATURE_XSAVE) && boot_cpu_has(X86_FEATURE_XSAVES),
		.adjust_cpuid = svm_adjust_cpuid,
	};
}
