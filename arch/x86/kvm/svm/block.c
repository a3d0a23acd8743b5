// SPDX-License-Identifier: GPL-2.0-only
/* The VMCB: its page, intercept bits, segments. */
#include <linux/mm.h>
#include <linux/mem_encrypt.h>

#include "block.h"

struct vmcb *svm_block_alloc(u64 *pa)
{
	void *block = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (block)
		*pa = __sme_pa(block);
	return block;
}

void svm_block_free(struct vmcb *block)
{
	free_page((unsigned long)block);
}

void svm_intercept(struct svm_vcpu *s, unsigned int bit, bool on)
{
	u32 *word = &s->block->control.intercepts[bit / 32];
	u32 new = on ? *word | BIT(bit % 32) : *word & ~BIT(bit % 32);

	if (new == *word)
		return;
	*word = new;
	svm_touch(s, SVM_CLEAN_INTERCEPTS);
}

struct vmcb_seg *svm_seg(struct svm_vcpu *s, enum x86_seg seg)
{
	struct vmcb_save_area *save = &s->block->save;

	switch (seg) {
	case X86_ES:
		return &save->es;
	case X86_SS:
		return &save->ss;
	case X86_DS:
		return &save->ds;
	case X86_FS:
		return &save->fs;
	case X86_GS:
		return &save->gs;
	case X86_LDTR:
		return &save->ldtr;
	case X86_TR:
		return &save->tr;
	default:
		return &save->cs;
	}
}
