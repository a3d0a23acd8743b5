// SPDX-License-Identifier: GPL-2.0-only
/* What the CPU refused, readable. */
#include <linux/kernel.h>

#include "block.h"

static void svm_dump_control(const struct vmcb_control_area *c)
{
	pr_err("  intercepts cr %08x dr %08x exc %08x %08x %08x %08x\n", c->intercepts[0],
	       c->intercepts[1], c->intercepts[2], c->intercepts[3], c->intercepts[4],
	       c->intercepts[5]);
	pr_err("  iopm %llx msrpm %llx tsc_offset %llx asid %u tlb_ctl %u\n", c->iopm_base_pa,
	       c->msrpm_base_pa, c->tsc_offset, c->asid, c->tlb_ctl);
	pr_err("  int_ctl %08x vector %x state %x event_inj %08x/%08x\n", c->int_ctl,
	       c->int_vector, c->int_state, c->event_inj, c->event_inj_err);
	pr_err("  exit %x:%08x info %llx %llx int_info %08x/%08x next_rip %llx\n",
	       c->exit_code_hi, c->exit_code, c->exit_info_1, c->exit_info_2, c->exit_int_info,
	       c->exit_int_info_err, c->next_rip);
	pr_err("  nested_ctl %llx cr3 %llx virt_ext %llx clean %08x\n", c->nested_ctl,
	       c->nested_cr3, c->virt_ext, c->clean);
}

static void svm_dump_save(struct svm_vcpu *s)
{
	static const char *const names[X86_NR_SEG] = {
		"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"
	};
	const struct vmcb_save_area *save = &s->block->save;
	enum x86_seg i;

	for (i = 0; i < X86_NR_SEG; i++) {
		const struct vmcb_seg *seg = svm_seg(s, i);

		pr_err("  %-4s sel %04x attr %03x limit %08x base %llx\n", names[i],
		       seg->selector, seg->attrib, seg->limit, seg->base);
	}
	pr_err("  gdtr %llx/%x idtr %llx/%x cpl %u\n", save->gdtr.base, save->gdtr.limit,
	       save->idtr.base, save->idtr.limit, save->cpl);
	pr_err("  cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx pat %llx\n", save->cr0,
	       save->cr2, save->cr3, save->cr4, save->efer, save->g_pat);
	pr_err("  dr6 %llx dr7 %llx rflags %llx rip %llx rsp %llx rax %llx\n", save->dr6,
	       save->dr7, save->rflags, save->rip, save->rsp, save->rax);
}

void svm_exit_info(struct x86_vcpu *v, struct x86_exit_info *info)
{
	const struct vmcb_control_area *c = &to_svm(v)->block->control;

	info->info1 = c->exit_info_1;
	info->info2 = c->exit_info_2;
	info->event = c->exit_int_info;
	info->event_error = c->exit_int_info_err;
	info->vmx = false;
}

void svm_dump(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	if (!svm_dump_invalid) {
		pr_warn_ratelimited("kvm_amd: vCPU %u: exit %x; dump_invalid_vmcb=1 tells more\n",
				    v->vcpu.id, s->block->control.exit_code);
		return;
	}
	pr_err("kvm_amd: vCPU %u, last on CPU %d\n", v->vcpu.id, s->last_cpu);
	svm_dump_control(&s->block->control);
	svm_dump_save(s);
}
