// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address-space identifiers. Each host CPU hands them out in rising order; when
 * they run out, all of its TLB is flushed and a new generation starts. A vCPU
 * keeps its ASID as long as it stays on the CPU and the generation lasts.
 */
#include <linux/mem_encrypt.h>

#include "block.h"

/* IRQs off: the first entry here flushes what an earlier user may have left. */
void svm_cpu_init_asids(struct svm_cpu *cpu)
{
	cpu->asid_generation++;
	cpu->next_asid = svm_hw.nr_asids;
}

/* IRQs off, right before entry. ASID 0 is the host's. */
void svm_assign_asid(struct svm_vcpu *s, struct svm_cpu *cpu)
{
	struct vmcb_control_area *c = &s->block->control;

	if (cpu->next_asid >= svm_hw.nr_asids) {
		cpu->asid_generation++;
		cpu->next_asid = 1;
		c->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	s->asid_generation = cpu->asid_generation;
	c->asid = cpu->next_asid++;
	svm_touch(s, SVM_CLEAN_ASID);
}

void svm_flush_tlb(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	if (svm_hw.flush_by_asid)
		s->block->control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
	else
		s->asid_generation = 0;
}

/*
 * With nested paging only the emulator gets here, rarely; with shadow paging each
 * INVLPG of the guest, after its tables' shadow was changed. No INVLPGA: SVM may
 * be off on this CPU by now (reboot), which only the entry path knows for sure.
 */
void svm_flush_tlb_gva(struct x86_vcpu *v, gva_t gva)
{
	svm_flush_tlb(v);
}

void svm_load_root(struct x86_vcpu *v, hpa_t root, int level)
{
	struct svm_vcpu *s = to_svm(v);

	s->root = __sme_set(root);
	if (mmu_shadow()) {
		s->block->save.cr3 = s->root;
		svm_touch(s, SVM_CLEAN_CR);
	} else {
		s->block->control.nested_cr3 = s->root;
		svm_touch(s, SVM_CLEAN_NP);
	}
	svm_flush_tlb(v);
}
