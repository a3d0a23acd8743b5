/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests that were told of Hyper-V: numbers (TLFS), leaves, the hypercall page. */
#ifndef KVMTEST_HYPERV_H
#define KVMTEST_HYPERV_H

#include "vm.h"

#define GP	13
#define UD	6

#define HV1	0x31237648u	/* "Hv#1" */

#define OS_ID		0x40000000
#define HYPERCALL	0x40000001
#define VP_INDEX	0x40000002
#define RESET		0x40000003
#define VP_RUNTIME	0x40000010
#define TIME_REF_COUNT	0x40000020
#define REFERENCE_TSC	0x40000021
#define TSC_FREQUENCY	0x40000022
#define APIC_FREQUENCY	0x40000023
#define HV_EOI		0x40000070
#define HV_ICR		0x40000071
#define HV_TPR		0x40000072
#define VP_ASSIST	0x40000073
#define SCONTROL	0x40000080
#define SVERSION	0x40000081
#define SIEFP		0x40000082
#define SIMP		0x40000083
#define EOM		0x40000084
#define SINT(n)		(0x40000090 + (n))
#define STIMER_CONFIG(n) (0x400000b0 + 2 * (n))
#define STIMER_COUNT(n)	(0x400000b1 + 2 * (n))
#define SYNDBG_CONTROL	0x400000f1
#define SYNDBG_STATUS	0x400000f2
#define SYNDBG_SEND	0x400000f3
#define SYNDBG_RECEIVE	0x400000f4
#define SYNDBG_PENDING	0x400000f5
#define SYNDBG_OPTIONS	0x400000ff
#define CRASH_P0	0x40000100
#define CRASH_CTL	0x40000105
#define REENLIGHTEN	0x40000106
#define TSC_EMULATION	0x40000107

#define LINUX_ID	0x8100000000000001ull
#define CRASH_NOTIFY	(1ull << 63)

#define CODE_PAGE	SCRATCH_GPA
#define TSC_PAGE	(SCRATCH_GPA + 0x1000)
#define ASSIST_PAGE	(SCRATCH_GPA + 0x2000)	/* one per vCPU */
#define INPUT_PAGE	(SCRATCH_GPA + 0x8000)

/* Bits of leaves 0x40000003 (EAX, EBX, EDX), 0x40000004 (EAX) and 0x40000082 (EAX) */
#define A_RUNTIME	(1u << 0)
#define A_TIME		(1u << 1)
#define A_SYNIC		(1u << 2)
#define A_STIMER	(1u << 3)
#define A_APIC		(1u << 4)
#define A_HYPERCALL	(1u << 5)
#define A_INDEX		(1u << 6)
#define A_RESET		(1u << 7)
#define A_TSC_PAGE	(1u << 9)
#define A_FREQUENCY	(1u << 11)
#define A_REENLIGHTEN	(1u << 13)
#define A_ALL		(A_RUNTIME | A_TIME | A_SYNIC | A_STIMER | A_APIC | A_HYPERCALL | \
			 A_INDEX | A_RESET | A_TSC_PAGE | A_FREQUENCY | A_REENLIGHTEN)
#define B_POST		(1u << 4)
#define B_SIGNAL	(1u << 5)
#define B_DEBUG		(1u << 11)
#define D_DEBUG		(1u << 1)
#define D_XMM		(1u << 4)
#define D_CRASH		(1u << 10)
#define D_DEBUG_MSRS	(1u << 11)
#define D_DIRECT	(1u << 19)
#define ADVICE_FLUSH	(1u << 2)
#define ADVICE_IPI	(1u << 10)
#define ADVICE_EX	(1u << 11)
#define DEBUGGER	(1u << 1)

/* Hypercalls, the parts of their control word, and results */
#define FLUSH_SPACE	0x02
#define FLUSH_LIST	0x03
#define SPIN_WAIT	0x08
#define SEND_IPI	0x0b
#define FLUSH_SPACE_EX	0x13
#define FLUSH_LIST_EX	0x14
#define SEND_IPI_EX	0x15
#define POST_MESSAGE	0x5c
#define SIGNAL_EVENT	0x5d
#define POST_DEBUG	0x69
#define RETRIEVE_DEBUG	0x6a
#define RESET_DEBUG	0x6b
#define FAST		(1ull << 16)
#define HEAD(n)		((u64)(n) << 17)
#define REPS(n)		((u64)(n) << 32)
#define START(n)	((u64)(n) << 48)
#define ALL_PROCESSORS	1
#define BAD_CODE	2
#define BAD_INPUT	3
#define BAD_ALIGNMENT	4
#define BAD_PARAMETER	5
#define DENIED		6
#define NOT_NOW		8

/* What leaves 0x40000003 (EAX, EBX, EDX), 0x40000004 (EAX, EBX), 0x40000082 say */
struct hv_features {
	u32 a, b, d, advice, spins, debugger;
};

extern const struct hv_features hv_full;

/* hyperv.c: the host's side */
void hv_give(struct vcpu *vcpu, const struct hv_features *f);
/* Runnable, with all features */
struct vcpu *hv_vcpu(struct vm *vm, int id, guest_fn fn);
int vcpu_cap(struct vcpu *vcpu, u32 cap, u64 arg);

/* The guest's side */
u64 hv_call(u64 control, u64 in, u64 out);
void hv_enlighten(void);

#endif
