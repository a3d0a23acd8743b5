/* SPDX-License-Identifier: GPL-2.0-only */
/* Access to the VMCB: changes clear the clean bit of their group (APM 2 15.15.3). */
#ifndef KVM_SVM_BLOCK_H
#define KVM_SVM_BLOCK_H

#include "svm.h"

enum svm_clean {
	SVM_CLEAN_INTERCEPTS,	/* intercepts, TSC offset, PAUSE filter */
	SVM_CLEAN_MAPS,		/* IOPM, MSRPM */
	SVM_CLEAN_ASID,
	SVM_CLEAN_TPR,		/* int_ctl and int_vector */
	SVM_CLEAN_NP,		/* nested_ctl, nested_cr3, g_pat */
	SVM_CLEAN_CR,		/* CR0, CR3, CR4, EFER */
	SVM_CLEAN_DR,
	SVM_CLEAN_DT,
	SVM_CLEAN_SEG,		/* CS, DS, SS, ES, CPL */
	SVM_CLEAN_CR2,
	SVM_CLEAN_LBR,
	SVM_CLEAN_AVIC,
	SVM_NR_CLEAN
};
#define SVM_CLEAN_ALL	(BIT(SVM_NR_CLEAN) - 1)

/* int_ctl, int_vector: a virtual interrupt that only makes us an exit */
#define SVM_WINDOW_BITS	(V_IRQ_MASK | V_IGN_TPR_MASK | V_INTR_PRIO_MASK)

/* control.intercepts[INTERCEPT_DR]: reads and writes of all numbers */
#define SVM_ALL_DR	0xffffffffu

static inline void svm_touch(struct svm_vcpu *s, enum svm_clean group)
{
	s->block->control.clean &= ~BIT(group);
}

/* @bit: INTERCEPT_* of <asm/svm.h> */
static inline bool svm_intercepts(struct svm_vcpu *s, unsigned int bit)
{
	return s->block->control.intercepts[bit / 32] & BIT(bit % 32);
}

void svm_intercept(struct svm_vcpu *s, unsigned int bit, bool on);
struct vmcb_seg *svm_seg(struct svm_vcpu *s, enum x86_seg seg);
struct vmcb *svm_block_alloc(u64 *pa);
void svm_block_free(struct vmcb *block);

#endif
