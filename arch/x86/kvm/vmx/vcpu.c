// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's life on VMX: its VMCS, what it intercepts, moving between CPUs. */
#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/mmu_context.h>
#include <asm/nospec-branch.h>

#include "block.h"

#define VEC_DB	1
#define VEC_BP	3
#define VEC_UD	6
#define VEC_PF	14
#define VEC_AC	17
#define VEC_MC	18

#define PAT_AT_RESET	0x0007040600070406ull	/* SDM 3A 12.12.4 */

static atomic64_t vmx_unique = ATOMIC64_INIT(0);

/*
 * #DB, #AC: a guest can make their delivery endless, deaf to interrupts. #MC: the
 * host's. #UD: the other vendor's hypercall.
 */
#define VMX_ALWAYS	(BIT(VEC_DB) | BIT(VEC_UD) | BIT(VEC_AC) | BIT(VEC_MC))

static bool vmx_exit_disabled(struct vmx_vcpu *s, u32 which)
{
	return to_x86_vm(s->x86.vcpu.kvm)->disabled_exits & which;
}

static void vmx_intercept_by_cpuid(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;

	vmx_secondary(s, SECONDARY_EXEC_ENABLE_RDTSCP, x86_has(v, X86_FEATURE_RDTSCP) ||
		      x86_has(v, X86_FEATURE_RDPID));
	vmx_secondary(s, SECONDARY_EXEC_ENABLE_INVPCID, x86_has(v, X86_FEATURE_INVPCID));
	vmx_secondary(s, SECONDARY_EXEC_ENABLE_XSAVES, x86_has(v, X86_FEATURE_XSAVES));
	if (vmx_hw.sgx)
		vmx_write(ENCLS_EXITING_BITMAP, sgx_encls_exits(v));
	if (vmx_hw.narrow)
		vmx_control(&s->exceptions, EXCEPTION_BITMAP, BIT(VEC_PF),
			    v->cpuid.maxphyaddr < boot_cpu_data.x86_phys_bits);
}

static void vmx_intercept_by_vm(struct vmx_vcpu *s)
{
	struct x86_vm *vm = to_x86_vm(s->x86.vcpu.kvm);
	bool mwait = !vmx_exit_disabled(s, KVM_X86_DISABLE_EXITS_MWAIT);

	vmx_secondary(s, SECONDARY_EXEC_BUS_LOCK_DETECTION, vm->bus_lock_exit);
	if (vm->notify_flags) {
		vmx_write(NOTIFY_WINDOW, vm->notify_window);
		vmx_secondary(s, SECONDARY_EXEC_NOTIFY_VM_EXITING, true);
	}
	vmx_primary(s, CPU_BASED_HLT_EXITING, !vmx_exit_disabled(s, KVM_X86_DISABLE_EXITS_HLT));
	vmx_primary(s, CPU_BASED_MONITOR_EXITING | CPU_BASED_MWAIT_EXITING, mwait);
	if (vmx_hw.ple)
		vmx_secondary(s, SECONDARY_EXEC_PAUSE_LOOP_EXITING,
			      !vmx_exit_disabled(s, KVM_X86_DISABLE_EXITS_PAUSE));
}

void vmx_update_intercepts(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);
	bool bp = (v->dbg.guest_debug & KVM_GUESTDBG_USE_SW_BP) || s->vm86.on;

	vmx_control(&s->exceptions, EXCEPTION_BITMAP, BIT(VEC_BP), bp);
}

void vmx_cpuid_changed(struct x86_vcpu *v)
{
	vmx_intercept_by_cpuid(to_vmx(v));
	vmx_bitmap_update(to_vmx(v));
	/* What the guest owns of CR4 depends on it. */
	vmx_set_cr4(v, x86_cr4(v));
}

/* Host state that never changes while the module is loaded. */
static void vmx_write_host_constants(void)
{
	u64 val;

	vmx_write(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmx_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmx_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmx_write(HOST_DS_SELECTOR, 0);
	vmx_write(HOST_ES_SELECTOR, 0);
	vmx_write(HOST_FS_SELECTOR, 0);
	vmx_write(HOST_GS_SELECTOR, 0);
	vmx_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmx_write(HOST_RIP, (unsigned long)vmx_vmexit);
	if (vmx_hw.ept) {
		rdmsrl(MSR_IA32_CR_PAT, val);
		vmx_write(HOST_IA32_PAT, val);
	}
	if (vmx_hw.exit & VM_EXIT_LOAD_IA32_EFER) {
		rdmsrl(MSR_EFER, val);
		vmx_write(HOST_IA32_EFER, val);
	}
}

/* Host state that each CPU has of its own. IRQs off. */
static void vmx_write_host_cpu(void)
{
	struct desc_ptr gdt, idt;
	struct ldttss_desc *tss;
	unsigned long val;

	store_idt(&idt);
	vmx_write(HOST_IDTR_BASE, idt.address);
	native_store_gdt(&gdt);
	vmx_write(HOST_GDTR_BASE, gdt.address);
	tss = (void *)(gdt.address + GDT_ENTRY_TSS * 8);
	vmx_write(HOST_TR_BASE, tss->base0 | tss->base1 << 16 | (u64)tss->base2 << 24 |
		  (u64)tss->base3 << 32);
	rdmsrl(MSR_IA32_SYSENTER_CS, val);
	vmx_write(HOST_IA32_SYSENTER_CS, val);
	rdmsrl(MSR_IA32_SYSENTER_ESP, val);
	vmx_write(HOST_IA32_SYSENTER_ESP, val);
	rdmsrl(MSR_IA32_SYSENTER_EIP, val);
	vmx_write(HOST_IA32_SYSENTER_EIP, val);
	rdmsrl(MSR_GS_BASE, val);
	vmx_write(HOST_GS_BASE, val);
}

/* The whole control area, from what was probed. The VMCS is current. */
static void vmx_fill_control(struct vmx_vcpu *s)
{
	s->pin = vmx_hw.pin & ~PIN_BASED_POSTED_INTR;
	s->primary = vmx_hw.primary;
	s->secondary = vmx_hw.secondary;
	s->entry_ctl = vmx_hw.entry;
	s->exit_ctl = vmx_hw.exit;
	/* No such values: to be written when they are used. */
	s->perf_guest = s->perf_host = ~0ull;
	s->exceptions = VMX_ALWAYS | (vmx_hw.ept ? 0 : BIT(VEC_PF));
	if (!s->vpid)
		s->secondary &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmx_apic_fill(s);
	vmx_write(PIN_BASED_VM_EXEC_CONTROL, s->pin);
	if (s->pin & PIN_BASED_VMX_PREEMPTION_TIMER)
		vmx_write(VMX_PREEMPTION_TIMER_VALUE, U32_MAX);
	vmx_write(CPU_BASED_VM_EXEC_CONTROL, s->primary);
	vmx_write(SECONDARY_VM_EXEC_CONTROL, s->secondary);
	vmx_write(VM_EXIT_CONTROLS, s->exit_ctl);
	vmx_write(VM_ENTRY_CONTROLS, s->entry_ctl);
	vmx_write(EXCEPTION_BITMAP, s->exceptions);
	vmx_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmx_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmx_write(CR3_TARGET_COUNT, 0);
	vmx_write(VM_EXIT_MSR_STORE_COUNT, 0);
	vmx_write(VM_EXIT_MSR_LOAD_COUNT, !!s->efer);
	vmx_write(VM_ENTRY_MSR_LOAD_COUNT, !!s->efer);
	if (s->efer) {
		vmx_write(VM_ENTRY_MSR_LOAD_ADDR, virt_to_phys(&s->efer[0]));
		vmx_write(VM_EXIT_MSR_LOAD_ADDR, virt_to_phys(&s->efer[1]));
	}
	vmx_write(VMCS_LINK_POINTER, ~0ul);
	if (s->vpid)
		vmx_write(VIRTUAL_PROCESSOR_ID, s->vpid);
	if (vmx_hw.optional & SECONDARY_EXEC_ENABLE_XSAVES)
		vmx_write(XSS_EXIT_BITMAP, 0);
	if (vmx_hw.ple) {
		s->ple_window = vmx_pause.window;
		vmx_write(PLE_GAP, vmx_pause.gap);
		vmx_write(PLE_WINDOW, s->ple_window);
	}
	if (s->secondary & SECONDARY_EXEC_ENCLS_EXITING)
		vmx_write(ENCLS_EXITING_BITMAP, ~0ull);
	vmx_write_host_constants();
	vmx_pml_start(s);
	vmx_bitmap_create(s);
	s->fields_set = true;
}

static int vmx_alloc_efer(struct vmx_vcpu *s)
{
	if (vmx_hw.entry & VM_ENTRY_LOAD_IA32_EFER)
		return 0;
	/* 32 bytes by kmalloc() are aligned to them; the CPU wants 16. */
	s->efer = kcalloc(2, sizeof(*s->efer), GFP_KERNEL_ACCOUNT);
	if (!s->efer)
		return -ENOMEM;
	s->efer[0].index = MSR_EFER;
	s->efer[1].index = MSR_EFER;
	rdmsrl(MSR_EFER, s->efer[1].value);
	return 0;
}

int vmx_vcpu_create(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);
	int ret;

	BUILD_BUG_ON(offsetof(struct vmx_entry, guest_spec_ctrl) != 0x00 ||
		     offsetof(struct vmx_entry, host_spec_ctrl) != 0x08 ||
		     offsetof(struct vmx_entry, launched) != 0x10);
	if (vmx_hw.ept && !vmx_hw.unrestricted) {
		ret = mmu_map_identity(v->vcpu.kvm);
		if (ret)
			return ret;
	}
	ret = vmx_ipiv_alloc(v->vcpu.kvm);
	if (ret)
		return ret;
	s->block = vmx_block_alloc();
	if (!s->block)
		return -ENOMEM;
	if (vmx_pml_alloc(s) || vmx_alloc_efer(s)) {
		vmx_pml_free(s);
		vmx_block_free(s->block);
		return -ENOMEM;
	}
	s->unique = atomic64_inc_return(&vmx_unique);
	s->cpu = -1;
	s->sleeps_on = -1;
	s->vpid = vmx_vpid_get();
	return 0;
}

void vmx_vcpu_destroy(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);

	vmx_block_evict(s);
	vmx_bitmap_destroy(s);
	vmx_vpid_put(s->vpid);
	vmx_pml_free(s);
	kfree(s->efer);
	vmx_block_free(s->block);
}

/* INIT keeps MSRs and with them PAT (SDM 3A table 10-1). */
void vmx_vcpu_reset(struct x86_vcpu *v, bool init)
{
	struct vmx_vcpu *s = to_vmx(v);
	unsigned int i;

	vmx_vm86_leave(s);
	if (!s->fields_set)
		vmx_fill_control(s);
	if (!init) {
		if (vmx_hw.ept)
			vmx_write(GUEST_IA32_PAT, PAT_AT_RESET);
		vmx_write(GUEST_IA32_DEBUGCTL, 0);
		vmx_write(GUEST_SYSENTER_CS, 0);
		vmx_write(GUEST_SYSENTER_ESP, 0);
		vmx_write(GUEST_SYSENTER_EIP, 0);
		for (i = 0; i < VMX_NR_SWITCHED; i++)
			s->switched[i] = 0;
		s->cstar = 0;
		s->spec_ctrl = 0;
		vmx_set_msr(v, MSR_KERNEL_GS_BASE, 0, true);
	}
	vmx_intercept_by_cpuid(s);
	vmx_intercept_by_vm(s);
	vmx_reset_events(s);
	vmx_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmx_write(GUEST_DR7, X86_DR7_INIT);
	vmx_write_tsc(v);
}

/* The window shrinks again while the guest does not spin. */
static void vmx_shrink_pause_window(struct vmx_vcpu *s)
{
	u32 window = vmx_pause.shrink > 1 ? max(s->ple_window / vmx_pause.shrink,
						vmx_pause.window) : vmx_pause.window;

	if (!vmx_hw.ple || !s->fields_set || s->ple_window == window)
		return;
	s->ple_window = window;
	vmx_write(PLE_WINDOW, window);
}

void vmx_vcpu_load(struct x86_vcpu *v, int cpu)
{
	struct vmx_vcpu *s = to_vmx(v);
	struct vmx_cpu *here = this_cpu_ptr(&vmx_cpus);
	bool moved = s->cpu != cpu;
	unsigned long flags;

	if (moved)
		vmx_block_evict(s);
	local_irq_save(flags);
	vmx_block_load(s);
	if (moved) {
		vmx_write_host_cpu();
		/* No such values: to be written anew. */
		s->host_fs_base = s->host_cr3 = s->host_cr4 = ~0ul;
		s->flush = true;
		vmx_posted_load(s, cpu);
	}
	local_irq_restore(flags);
	vmx_shrink_pause_window(s);
	/* Another guest's branch history is not this one's to meet. */
	if (here->last_vcpu != s->unique) {
		here->last_vcpu = s->unique;
		indirect_branch_prediction_barrier();
	}
}

/*
 * Exits load null selectors, an LDTR of 0 and limits of 64 KiB (SDM 3C 28.5.2,
 * 28.5.3). The kernel itself does not mind; user mode gets its own back here.
 */
static void vmx_restore_host(struct vmx_vcpu *s)
{
	struct desc_ptr gdt;

	rdmsrl(MSR_KERNEL_GS_BASE, s->kernel_gs_base);
	if (unlikely(s->host_ldt))
		asm volatile("lldt %0" : : "m" (s->host_ldt));
	if (unlikely(s->host_ds | s->host_es)) {
		loadsegment(ds, s->host_ds);
		loadsegment(es, s->host_es);
	}
	/* Loading a selector changes the base, so bases last. */
	if (unlikely(s->host_fs)) {
		loadsegment(fs, s->host_fs);
		wrmsrl(MSR_FS_BASE, s->host_fs_base);
	}
	if (unlikely(s->host_gs))
		load_gs_index(s->host_gs);
	wrmsrl(MSR_KERNEL_GS_BASE, s->host_kernel_gs);
	invalidate_tss_limit();
	native_store_gdt(&gdt);
	gdt.size = GDT_SIZE - 1;
	native_load_gdt(&gdt);
}

void vmx_vcpu_put(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);

	if (s->guest_loaded)
		vmx_restore_host(s);
	s->guest_loaded = false;
}

void vmx_write_tsc(struct x86_vcpu *v)
{
	vmx_write(TSC_OFFSET, v->tsc.offset);
	if (vmx_hw.tsc_scaling)
		vmx_write(TSC_MULTIPLIER, v->tsc.ratio ?: 1ull << 48);
}

/* The VMCS gets the time that is left, before each entry until it is cancelled. */
bool vmx_set_hv_timer(struct x86_vcpu *v, u64 tsc)
{
	struct vmx_vcpu *s = to_vmx(v);

	if (!(vmx_hw.pin & PIN_BASED_VMX_PREEMPTION_TIMER))
		return false;
	s->timer_tsc = tsc;
	s->prep |= VMX_PREP_TIMER;
	return true;
}

void vmx_cancel_hv_timer(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);

	s->timer_tsc = 0;
	s->prep |= VMX_PREP_TIMER;
}
