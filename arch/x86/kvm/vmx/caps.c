// SPDX-License-Identifier: GPL-2.0-only
/* The capability MSRs of SDM 3D appendix A, turned into what the room uses. */
#include <linux/module.h>
#include <asm/mce.h>
#include <asm/cpufeature.h>
#include <asm/irq_remapping.h>
#include <asm/nospec-branch.h>
#include <asm/pgtable.h>

#include "pmu/pmu.h"
#include "vmx.h"

struct vmx_hw vmx_hw __read_mostly;

bool vmx_emulate_invalid = true;
module_param_named(emulate_invalid_guest_state, vmx_emulate_invalid, bool, 0444);
MODULE_PARM_DESC(emulate_invalid_guest_state,
		 "Without unrestricted guests: emulate protected mode that the CPU refuses");

static bool ept = true, vpid = true, unrestricted_guest = true, eptad = true, pml = true;
static bool preemption_timer = true;
static bool enable_apicv = true, flexpriority = true, enable_ipiv = true;
static bool apicv_asked;		/* by a parameter, not by default */
module_param(ept, bool, 0444);
MODULE_PARM_DESC(ept, "Extended page tables; without them, shadow paging");
module_param(vpid, bool, 0444);
MODULE_PARM_DESC(vpid, "Tag TLB entries by vCPU");
module_param(unrestricted_guest, bool, 0444);
MODULE_PARM_DESC(unrestricted_guest, "Real mode and no paging by the CPU, not by emulation");
module_param(eptad, bool, 0444);
MODULE_PARM_DESC(eptad, "Accessed and dirty bits in extended page tables");
module_param(pml, bool, 0444);
MODULE_PARM_DESC(pml, "Dirty logs by the CPU's own list of pages (needs eptad)");

static bool allow_smaller_maxphyaddr;
module_param(allow_smaller_maxphyaddr, bool, 0444);
MODULE_PARM_DESC(allow_smaller_maxphyaddr,
		 "With EPT: reserved bits of guests with narrower addresses than the CPU's");

module_param(preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "Deadlines of a running guest's APIC timer in hardware");

module_param(flexpriority, bool, 0444);
MODULE_PARM_DESC(flexpriority, "Accesses to an xAPIC's page without exits (needs enable_apicv)");

module_param(enable_ipiv, bool, 0444);
MODULE_PARM_DESC(enable_ipiv, "IPIs to one APIC sent by hardware (needs posted interrupts)");

static bool sgx = true;
module_param(sgx, bool, 0444);
MODULE_PARM_DESC(sgx, "Enclaves of guests (needs ept)");

static int set_apicv(const char *val, const struct kernel_param *kp)
{
	apicv_asked = true;
	return param_set_bool(val, kp);
}

static const struct kernel_param_ops apicv_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG, .set = set_apicv, .get = param_get_bool,
};
module_param_cb(enable_apicv, &apicv_ops, &enable_apicv, 0444);
__MODULE_PARM_TYPE(enable_apicv, "bool");
MODULE_PARM_DESC(enable_apicv,
		 "Interrupts delivered by hardware (by default if it has posted interrupts)");

/* The older MSR's bits are those of the "true" one, plus some that are forced to 1. */
static u64 control_msr(u32 msr, u32 true_msr)
{
	u64 basic, val;

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	rdmsrl(basic & VMX_BASIC_TRUE_CTLS ? true_msr : msr, val);
	return val;
}

/*
 * Low half: bits that must be 1, high half: bits that may be. -EOPNOTSUPP and a
 * line if some of @need are missing.
 */
static int vmx_pick(const char *what, u64 allowed, u32 need, u32 want, u32 *out)
{
	u32 must = allowed, may = allowed >> 32;

	if (need & ~may) {
		pr_err("kvm_intel: the CPU lacks %s controls %08x\n", what, need & ~may);
		return -EOPNOTSUPP;
	}
	*out = must | need | (want & may);
	return 0;
}

#define NEED_PIN	(PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING | PIN_BASED_VIRTUAL_NMIS)
#define NEED_PRIMARY	(CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING |			\
			 CPU_BASED_MONITOR_EXITING | CPU_BASED_RDPMC_EXITING |			\
			 CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_MOV_DR_EXITING |		\
			 CPU_BASED_USE_MSR_BITMAPS | CPU_BASED_USE_TSC_OFFSETTING |		\
			 CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING |		\
			 CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
#define NEED_SECONDARY	0
/* ENCLS: the CPU would let a guest make enclaves that is told of no SGX. */
#define WANT_SECONDARY	(SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_ENCLS_EXITING)
/* Of a local APIC's mode */
#define VMX_APICV	(SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |				\
			 SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
/* Switched by a guest's CPUID, or by parameters */
#define OPT_SECONDARY	(SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID |		\
			 SECONDARY_EXEC_ENABLE_XSAVES | SECONDARY_EXEC_ENABLE_VPID |		\
			 SECONDARY_EXEC_PAUSE_LOOP_EXITING | SECONDARY_EXEC_TSC_SCALING |	\
			 SECONDARY_EXEC_BUS_LOCK_DETECTION | SECONDARY_EXEC_DESC |		\
			 SECONDARY_EXEC_NOTIFY_VM_EXITING |					\
			 SECONDARY_EXEC_ENABLE_PML | VMX_APICV |				\
			 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |				\
			 SECONDARY_EXEC_UNRESTRICTED_GUEST | SECONDARY_EXEC_ENABLE_EPT)
/* Of shadow paging: all that changes how the guest's addresses translate */
#define NEED_PRIMARY_SHADOW	(CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING |	\
				 CPU_BASED_INVLPG_EXITING)
#define NEED_EXIT	VM_EXIT_HOST_ADDR_SPACE_SIZE
/* Shadow tables are ours, and go by the host's PAT. */
#define NEED_EXIT_PAT	(VM_EXIT_LOAD_IA32_PAT | VM_EXIT_SAVE_IA32_PAT)
/* Older CPUs load MSRs from lists alone. */
#define WANT_EXIT	(VM_EXIT_SAVE_DEBUG_CONTROLS | VM_EXIT_ACK_INTR_ON_EXIT |		\
			 VM_EXIT_LOAD_IA32_EFER)
#define WANT_ENTRY	(VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_EFER)

/* Nehalem and Westmere count at another rate than they say (their specification updates). */
static u32 vmx_probe_timer(struct vmx_hw *hw)
{
	static const u8 bad[] = { 0x1a, 0x1e, 0x1f, 0x2e, 0x25, 0x2c, 0x2f };
	u64 misc;

	if (boot_cpu_data.x86 == 6 && memchr(bad, boot_cpu_data.x86_model, sizeof(bad)))
		preemption_timer = false;
	rdmsrl(MSR_IA32_VMX_MISC, misc);
	hw->timer_shift = vmx_misc_preemption_timer_rate(misc);
	return preemption_timer ? PIN_BASED_VMX_PREEMPTION_TIMER : 0;
}

/* SDM 3D A.10. What EPT has to be like is no more than its first CPUs had. */
static void vmx_probe_ept(struct vmx_hw *hw)
{
	const u64 need = VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_2MB_PAGE_BIT |
			 VMX_EPT_INVEPT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT;
	const u64 need_vpid = (VMX_VPID_INVVPID_BIT | VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT |
			       VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT) << 32;

	if (hw->optional & (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID))
		rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, hw->ept_vpid_cap);
	hw->ept = ept && (hw->optional & SECONDARY_EXEC_ENABLE_EPT) &&
		  !(need & ~hw->ept_vpid_cap);
	hw->ept_ad = hw->ept && eptad && (hw->ept_vpid_cap & VMX_EPT_AD_BIT);
	hw->pml = pml && hw->ept_ad && (hw->optional & SECONDARY_EXEC_ENABLE_PML);
	hw->vpid = vpid && (hw->optional & SECONDARY_EXEC_ENABLE_VPID) &&
		   !(need_vpid & ~hw->ept_vpid_cap);
	ept = hw->ept;
	eptad = hw->ept_ad;
	pml = hw->pml;
	vpid = hw->vpid;
}

static int vmx_probe_controls(struct vmx_hw *hw)
{
	u64 primary = control_msr(MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
	u64 secondary = 0;
	int ret;

	if (primary >> 32 & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
		rdmsrl(MSR_IA32_VMX_PROCBASED_CTLS2, secondary);
	hw->optional = secondary >> 32 & OPT_SECONDARY;
	vmx_probe_ept(hw);
	ret = vmx_pick("pin-based", control_msr(MSR_IA32_VMX_PINBASED_CTLS,
						MSR_IA32_VMX_TRUE_PINBASED_CTLS),
		       NEED_PIN, vmx_probe_timer(hw) | PIN_BASED_POSTED_INTR, &hw->pin);
	if (!ret)
		ret = vmx_pick("processor-based", primary,
			       NEED_PRIMARY | (hw->ept ? 0 : NEED_PRIMARY_SHADOW), 0,
			       &hw->primary);
	if (!ret)
		ret = vmx_pick("secondary", secondary, NEED_SECONDARY, WANT_SECONDARY,
			       &hw->secondary);
	if (!ret)
		ret = vmx_pick("exit", control_msr(MSR_IA32_VMX_EXIT_CTLS,
						   MSR_IA32_VMX_TRUE_EXIT_CTLS),
			       NEED_EXIT | (hw->ept ? NEED_EXIT_PAT : 0), WANT_EXIT, &hw->exit);
	if (!ret)
		ret = vmx_pick("entry", control_msr(MSR_IA32_VMX_ENTRY_CTLS,
						    MSR_IA32_VMX_TRUE_ENTRY_CTLS),
			       hw->ept ? VM_ENTRY_LOAD_IA32_PAT : 0, WANT_ENTRY, &hw->entry);
	if (!(hw->exit & VM_EXIT_LOAD_IA32_EFER) || !(hw->entry & VM_ENTRY_LOAD_IA32_EFER)) {
		hw->exit &= ~VM_EXIT_LOAD_IA32_EFER;
		hw->entry &= ~VM_ENTRY_LOAD_IA32_EFER;
	}
	hw->tpr_shadow = primary >> 32 & CPU_BASED_TPR_SHADOW;
	return ret;
}

static u64 vmx_spec_ctrl_bits(void)
{
	u64 bits = 0;

	if (boot_cpu_has(X86_FEATURE_SPEC_CTRL))
		bits |= SPEC_CTRL_IBRS;
	if (boot_cpu_has(X86_FEATURE_INTEL_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if (boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD))
		bits |= SPEC_CTRL_SSBD;
	return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) ? bits : 0;
}

/* Whoever sends posts. Tertiary controls are 64 bits that may be, none must (SDM 3D A.3.4). */
static void vmx_probe_ipiv(struct vmx_hw *hw)
{
	u64 primary = control_msr(MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
	u64 tertiary = 0;

	if (primary >> 32 & CPU_BASED_ACTIVATE_TERTIARY_CONTROLS)
		rdmsrl(MSR_IA32_VMX_PROCBASED_CTLS3, tertiary);
	hw->ipiv = enable_ipiv && hw->posted && (tertiary & TERTIARY_EXEC_IPI_VIRT);
	enable_ipiv = hw->ipiv;
}

/*
 * For posted interrupts entry insists on all three (SDM 3C 27.2.1.1). CPUs with the
 * other controls and without this one are emulated: asked for, these are used.
 */
static void vmx_probe_apicv(struct vmx_hw *hw)
{
	/* In virtual-8086 mode it would take the IVT of real mode for an IDT. */
	bool can = enable_apicv && hw->unrestricted && hw->tpr_shadow &&
		   (hw->optional & VMX_APICV) == VMX_APICV;

	hw->posted = can && (hw->pin & PIN_BASED_POSTED_INTR) &&
		     (hw->exit & VM_EXIT_ACK_INTR_ON_EXIT);
	if (!hw->posted)
		hw->pin &= ~PIN_BASED_POSTED_INTR;
	hw->apicv = hw->posted || (can && apicv_asked);
	enable_apicv = hw->apicv;
	flexpriority = flexpriority && hw->apicv &&
		       (hw->optional & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES);
	vmx_probe_ipiv(hw);
}

/* Page faults that exit are looked at without the EPC's own reasons for them. */
static void vmx_probe_sgx(struct vmx_hw *hw)
{
	sgx = sgx && IS_ENABLED(CONFIG_X86_SGX_KVM) && boot_cpu_has(X86_FEATURE_SGX) &&
	      boot_cpu_has(X86_FEATURE_SGX1) && hw->ept && !hw->narrow &&
	      (hw->secondary & SECONDARY_EXEC_ENCLS_EXITING);
	hw->sgx = sgx;
}

/* 0, or -EOPNOTSUPP with a line that says why. */
int vmx_caps_probe(void)
{
	struct vmx_hw *hw = &vmx_hw;
	u64 basic;
	int ret;

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	hw->revision = basic & 0x7fffffff;
	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, hw->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, hw->cr4_fixed0);
	ret = vmx_probe_controls(hw);
	if (ret)
		return ret;
	preemption_timer = hw->pin & PIN_BASED_VMX_PREEMPTION_TIMER;
	unrestricted_guest &= hw->ept && (hw->optional & SECONDARY_EXEC_UNRESTRICTED_GUEST);
	hw->unrestricted = unrestricted_guest;
	hw->narrow = allow_smaller_maxphyaddr && hw->unrestricted;
	allow_smaller_maxphyaddr = hw->narrow || !hw->ept;
	vmx_probe_apicv(hw);
	hw->umip_exits = !boot_cpu_has(X86_FEATURE_UMIP) && (hw->optional & SECONDARY_EXEC_DESC);
	hw->ple = vmx_pause.gap && (hw->optional & SECONDARY_EXEC_PAUSE_LOOP_EXITING);
	hw->tsc_scaling = hw->optional & SECONDARY_EXEC_TSC_SCALING;
	vmx_probe_sgx(hw);
	hw->secondary |= hw->ept ? SECONDARY_EXEC_ENABLE_EPT : 0;
	hw->secondary |= hw->vpid ? SECONDARY_EXEC_ENABLE_VPID : 0;
	hw->secondary |= hw->unrestricted ? SECONDARY_EXEC_UNRESTRICTED_GUEST : 0;
	hw->secondary |= hw->pml ? SECONDARY_EXEC_ENABLE_PML : 0;
	hw->secondary |= hw->ple ? SECONDARY_EXEC_PAUSE_LOOP_EXITING : 0;
	hw->secondary |= hw->tsc_scaling ? SECONDARY_EXEC_TSC_SCALING : 0;
	hw->spec_ctrl_bits = vmx_spec_ctrl_bits();
	vmx_perf_probe(control_msr(MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS) >> 32,
		       control_msr(MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS) >> 32);
	return 0;
}

static void drop(u32 *words, unsigned int feature, bool there)
{
	if (!there)
		words[feature / 32] &= ~BIT(feature % 32);
}

/* Bits of CPUID that depend on this room */
static void vmx_adjust_cpuid(u32 *words, unsigned int nr_words)
{
	bool rdtscp = vmx_hw.optional & SECONDARY_EXEC_ENABLE_RDTSCP;

	drop(words, X86_FEATURE_VMX, false);
	drop(words, X86_FEATURE_RDTSCP, rdtscp);
	drop(words, X86_FEATURE_RDPID, rdtscp);
	drop(words, X86_FEATURE_INVPCID, vmx_hw.optional & SECONDARY_EXEC_ENABLE_INVPCID);
	drop(words, X86_FEATURE_WAITPKG, false);
	drop(words, X86_FEATURE_SGX, vmx_hw.sgx);
	drop(words, X86_FEATURE_SGX_LC, vmx_hw.sgx);
	if (vmx_hw.umip_exits)
		words[CPUID_7_ECX] |= BIT(X86_FEATURE_UMIP & 31);
}

void vmx_caps_export(struct x86_caps *caps)
{
	*caps = (struct x86_caps) {
		.tdp = vmx_hw.ept,
		.tdp_ept = vmx_hw.ept,
		.tdp_ad = vmx_hw.ept_ad,
		.pml = vmx_hw.pml,
		.tdp_levels = vmx_hw.ept_vpid_cap & VMX_EPT_PAGE_WALK_5_BIT &&
			      boot_cpu_data.x86_phys_bits > 48 ? 5 : 4,
		.tdp_max_page_level = vmx_hw.ept_vpid_cap & VMX_EPT_1GB_PAGE_BIT ? 3 : 2,
		.tsc_scaling = vmx_hw.tsc_scaling,
		.tsc_frac_bits = 48,
		.tsc_max_ratio = ~0ull,
		.nrips = true,
		.narrow_guests = allow_smaller_maxphyaddr,
		.bus_lock_exit = vmx_hw.optional & SECONDARY_EXEC_BUS_LOCK_DETECTION,
		.notify_exit = vmx_hw.optional & SECONDARY_EXEC_NOTIFY_VM_EXITING,
		.feat_ctl = true,
		.sgx = vmx_hw.sgx,
		.vmcall = X86_VMCALL,
		.mce = MCG_CMCI_P | MCG_LMCE_P,
		.pmu = &vmx_pmu,
		.tss_pages = !vmx_hw.unrestricted,
		.apicv = vmx_hw.apicv,
		.posts_irqs = vmx_hw.posted && irq_remapping_cap(IRQ_POSTING_CAP),
		.apic_page = flexpriority,
		.icr_wide = vmx_hw.ipiv,
		.xsaves = boot_cpu_has(X86_FEATURE_XSAVES) &&
			  (vmx_hw.optional & SECONDARY_EXEC_ENABLE_XSAVES),
		.adjust_cpuid = vmx_adjust_cpuid,
	};
}
