// SPDX-License-Identifier: GPL-2.0-only
/* What the CPU refused, readable. */
#include <linux/kernel.h>

#include "block.h"

static void vmx_dump_control(void)
{
	pr_err("  pin %08lx primary %08lx secondary %08lx entry %08lx exit %08lx\n",
	       vmx_read(PIN_BASED_VM_EXEC_CONTROL), vmx_read(CPU_BASED_VM_EXEC_CONTROL),
	       vmx_read(SECONDARY_VM_EXEC_CONTROL), vmx_read(VM_ENTRY_CONTROLS),
	       vmx_read(VM_EXIT_CONTROLS));
	pr_err("  exit %08lx qualification %lx error %lx intr_info %08lx idt_info %08lx\n",
	       vmx_read(VM_EXIT_REASON), vmx_read(EXIT_QUALIFICATION),
	       vmx_read(VM_INSTRUCTION_ERROR), vmx_read(VM_EXIT_INTR_INFO),
	       vmx_read(IDT_VECTORING_INFO_FIELD));
	pr_err("  entry_info %08lx error %lx len %lx interruptibility %lx activity %lx\n",
	       vmx_read(VM_ENTRY_INTR_INFO_FIELD), vmx_read(VM_ENTRY_EXCEPTION_ERROR_CODE),
	       vmx_read(VM_ENTRY_INSTRUCTION_LEN), vmx_read(GUEST_INTERRUPTIBILITY_INFO),
	       vmx_read(GUEST_ACTIVITY_STATE));
	pr_err("  eptp %lx gpa %lx msr_bitmap %lx tsc_offset %lx vpid %lu\n",
	       vmx_hw.ept ? vmx_read(EPT_POINTER) : 0,
	       vmx_hw.ept ? vmx_read(GUEST_PHYSICAL_ADDRESS) : 0, vmx_read(MSR_BITMAP),
	       vmx_read(TSC_OFFSET), vmx_hw.vpid ? vmx_read(VIRTUAL_PROCESSOR_ID) : 0);
}

static void vmx_dump_save(void)
{
	static const char *const names[X86_NR_SEG] = {
		"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"
	};
	enum x86_seg i;

	for (i = 0; i < X86_NR_SEG; i++)
		pr_err("  %-4s sel %04lx attr %05lx limit %08lx base %lx\n", names[i],
		       vmx_read(VMX_SEG(SELECTOR, i)), vmx_read(VMX_SEG(AR_BYTES, i)),
		       vmx_read(VMX_SEG(LIMIT, i)), vmx_read(VMX_SEG(BASE, i)));
	pr_err("  gdtr %lx/%lx idtr %lx/%lx\n", vmx_read(GUEST_GDTR_BASE),
	       vmx_read(GUEST_GDTR_LIMIT), vmx_read(GUEST_IDTR_BASE), vmx_read(GUEST_IDTR_LIMIT));
	pr_err("  cr0 %lx (mask %lx) cr3 %lx cr4 %lx (mask %lx) efer %lx pat %lx\n",
	       vmx_read(GUEST_CR0), vmx_read(CR0_GUEST_HOST_MASK), vmx_read(GUEST_CR3),
	       vmx_read(GUEST_CR4), vmx_read(CR4_GUEST_HOST_MASK),
	       vmx_hw.entry & VM_ENTRY_LOAD_IA32_EFER ? vmx_read(GUEST_IA32_EFER) : 0,
	       vmx_hw.ept ? vmx_read(GUEST_IA32_PAT) : 0);
	pr_err("  dr7 %lx rflags %lx rip %lx rsp %lx pending %lx\n", vmx_read(GUEST_DR7),
	       vmx_read(GUEST_RFLAGS), vmx_read(GUEST_RIP), vmx_read(GUEST_RSP),
	       vmx_read(GUEST_PENDING_DBG_EXCEPTIONS));
}

void vmx_exit_info(struct x86_vcpu *v, struct x86_exit_info *info)
{
	info->info1 = vmx_read(EXIT_QUALIFICATION);
	info->info2 = vmx_read(IDT_VECTORING_INFO_FIELD);
	info->event = vmx_read(VM_EXIT_INTR_INFO);
	info->event_error = info->event & INTR_INFO_DELIVER_CODE_MASK ?
			    vmx_read(VM_EXIT_INTR_ERROR_CODE) : 0;
	info->vmx = true;
}

/* The VMCS has to stay current while it is read. */
void vmx_dump(struct x86_vcpu *v)
{
	if (!vmx_dump_invalid) {
		pr_warn_ratelimited("kvm_intel: vCPU %u: exit %x; dump_invalid_vmcs=1 tells more\n",
				    v->vcpu.id, v->exit.hw_code);
		return;
	}
	pr_err("kvm_intel: vCPU %u, last on CPU %d\n", v->vcpu.id, to_vmx(v)->cpu);
	vmx_dump_control();
	vmx_dump_save();
}
