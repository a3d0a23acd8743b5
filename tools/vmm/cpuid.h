/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's CPUID instruction answers. */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

struct kvm_cpuid2;
struct vmm;

/* Everything this host's KVM can give; malloc()ed, with room to add rows. */
int cpuid_supported(struct vmm *vmm, struct kvm_cpuid2 **table);

/* Same table, for CPU @id of @n: identity, topology, and what needs our consent. */
void cpuid_for_cpu(struct kvm_cpuid2 *table, unsigned int id, unsigned int n, int tsc_deadline);

#endif
