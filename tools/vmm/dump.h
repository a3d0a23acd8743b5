/* SPDX-License-Identifier: GPL-2.0-only */
/* What a person needs to see when a guest cannot go on. */
#ifndef VMM_DUMP_H
#define VMM_DUMP_H

struct kvm_run;
struct vmm;

/* Registers and the bytes at the instruction pointer. */
void dump_vcpu(struct vmm *vmm, unsigned int id, int vcpu_fd);
void dump_internal_error(unsigned int id, const struct kvm_run *run);

#endif
