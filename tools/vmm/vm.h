/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual machine's file descriptor: what the host must offer, and its set-up. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>

struct vmm;

/* What is used when the host has it. */
struct vm_caps {
	bool any_length;	/* doorbells of any length */
	bool tsc_deadline;
	bool insn_bytes;	/* failed emulation comes with the instruction */
	int run_size;		/* of the mapping shared with a vCPU */
	int max_cpus;
};

/* Opens /dev/kvm, checks it and makes a VM with guest memory and interrupt controllers. */
int vm_create(struct vmm *vmm);
void vm_destroy(struct vmm *vmm);

#endif
