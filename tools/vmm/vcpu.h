/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual processors: one thread each. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <stdint.h>

struct vmm;

/* How the first processor starts: 64-bit mode with paging, flat segments. */
struct vcpu_start {
	uint64_t rip, rsi, rsp, cr3, gdt;
	uint16_t gdt_limit;
};

int vcpus_create(struct vmm *vmm, const struct vcpu_start *start);
int vcpus_start(struct vmm *vmm);
/* Brings every vCPU out of the guest and ends its thread. */
void vcpus_stop(struct vmm *vmm);
void vcpus_destroy(struct vmm *vmm);
/* For its counters; @i below vmm->n_vcpus. */
int vcpu_fd(const struct vmm *vmm, unsigned int i);

#endif
