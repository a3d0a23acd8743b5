// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMCS: its page, and on which CPU it may be cached. A CPU keeps a VMCS to
 * itself until VMCLEAR writes it back (SDM 3C 25.11.1), so one that was loaded on
 * a CPU is in that CPU's list until then.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/smp.h>

#include "block.h"

void vmx_field_error(const char *insn, unsigned long field)
{
	/* Expected while the machine goes down. */
	if (system_state <= SYSTEM_RUNNING)
		WARN_ONCE(1, "kvm_intel: %s of field %lx failed\n", insn, field);
}

struct page *vmx_block_alloc(void)
{
	struct page *block = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (block)
		*(u32 *)page_address(block) = vmx_hw.revision;
	return block;
}

void vmx_block_free(struct page *block)
{
	__free_page(block);
}

/* Any CPU that has VMX on; a fault means that it is off already, which clears too. */
static void vmclear(struct page *block)
{
	u64 pa = page_to_phys(block);

	asm volatile("1: vmclear %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (pa) : "cc", "memory");
}

void vmx_block_load(struct vmx_vcpu *s)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	u64 pa = page_to_phys(s->block);

	if (s->cpu < 0) {
		/* Before first use as well (SDM 3C 25.11.3). */
		vmclear(s->block);
		s->cpu = smp_processor_id();
		s->entry.launched = 0;
		list_add(&s->loaded, &cpu->loaded);
	}
	if (cpu->current_vmcs == s)
		return;
	asm volatile("1: vmptrld %0\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (pa) : "cc", "memory");
	cpu->current_vmcs = s;
}

void vmx_block_clear(struct vmx_vcpu *s)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);

	if (s->cpu != smp_processor_id())
		return;			/* the CPU went down first, and did it */
	vmclear(s->block);
	list_del(&s->loaded);
	s->entry.launched = 0;
	if (cpu->current_vmcs == s)
		cpu->current_vmcs = NULL;
	/* Whoever sees -1 may use the VMCS. */
	smp_store_release(&s->cpu, -1);
}

static void block_clear_ipi(void *s)
{
	vmx_block_clear(s);
}

void vmx_block_evict(struct vmx_vcpu *s)
{
	int cpu = smp_load_acquire(&s->cpu);

	/* A CPU that is no longer there has cleared it on its way out. */
	if (cpu >= 0)
		smp_call_function_single(cpu, block_clear_ipi, s, true);
}
