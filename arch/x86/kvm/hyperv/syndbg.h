/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of the synthetic debugger, which no exported header of the kernel's has. */
#ifndef KVM_X86_HYPERV_SYNDBG_H
#define KVM_X86_HYPERV_SYNDBG_H

#define HV_MSR_SYNDBG_CONTROL	0x400000f1
#define HV_MSR_SYNDBG_STATUS	0x400000f2
#define HV_MSR_SYNDBG_SEND	0x400000f3
#define HV_MSR_SYNDBG_RECEIVE	0x400000f4
#define HV_MSR_SYNDBG_PENDING	0x400000f5
#define HV_MSR_SYNDBG_OPTIONS	0x400000ff

/* EAX of leaf 0x40000082: a kernel may be debugged */
#define HV_SYNDBG_ALLOWED	(1u << 1)

/* In OPTIONS: by hypercalls rather than by the other registers */
#define HV_SYNDBG_BY_CALLS	(1u << 2)

#endif
