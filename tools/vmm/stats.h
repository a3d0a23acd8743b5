/* SPDX-License-Identifier: GPL-2.0-only */
/* The hypervisor's own counters, by KVM_GET_STATS_FD. */
#ifndef VMM_STATS_H
#define VMM_STATS_H

struct vmm;

/* Prints the counters of the VM and the sums over its vCPUs that are not 0, one a line. */
void stats_print(struct vmm *vmm);

#endif
