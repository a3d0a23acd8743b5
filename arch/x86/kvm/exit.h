/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The intercept record: what a backend's decode leaves for the common exit
 * rows. Nothing after it looks at vendor state to learn why the guest exited.
 */
#ifndef KVM_X86_EXIT_H
#define KVM_X86_EXIT_H

#include <linux/types.h>

struct x86_vcpu;

enum x86_exit_reason {
	X86_EXIT_INTR,		/* host interrupt; taken once IRQs are on */
	X86_EXIT_NMI,		/* host NMI, already taken by the backend */
	X86_EXIT_INTR_WINDOW,	/* the guest can take an interrupt now */
	X86_EXIT_NMI_WINDOW,
	X86_EXIT_CPUID,
	X86_EXIT_RDMSR,
	X86_EXIT_WRMSR,
	X86_EXIT_IO,		/* .io */
	X86_EXIT_TDP_FAULT,	/* .fault */
	X86_EXIT_HLT,
	X86_EXIT_HYPERCALL,	/* either vendor's VMCALL/VMMCALL */
	X86_EXIT_CR,		/* .reg */
	X86_EXIT_DR,		/* .reg */
	X86_EXIT_EXCEPTION,	/* .exc */
	X86_EXIT_PAUSE,
	X86_EXIT_TIMER,		/* set_hv_timer's */
	X86_EXIT_EOI,		/* .apic.vector; hardware did it, IRR and ISR are right */
	X86_EXIT_APIC_WRITE,	/* .apic.reg was written, nothing else is done */
	X86_EXIT_APIC_ACCESS,	/* .fault; to a register that hardware leaves to us */
	X86_EXIT_RDPMC,
	X86_EXIT_RDTSC,
	X86_EXIT_INVLPG,
	X86_EXIT_INVPCID,	/* .invpcid; of a guest that has it, at CPL 0 */
	X86_EXIT_CACHE,		/* INVD, WBINVD, WBNOINVD */
	X86_EXIT_XSETBV,
	X86_EXIT_MONITOR,
	X86_EXIT_MWAIT,
	X86_EXIT_TASK_SWITCH,	/* not begun; by the event under way, or the instruction */
	X86_EXIT_ENCLS,		/* at CPL 0, in protected mode */
	X86_EXIT_UNDEFINED,	/* an instruction the guest does not have: #UD */
	X86_EXIT_NOTIFY,	/* .notify_invalid; the guest let no event in for too long */
	X86_EXIT_EMULATE,	/* needs the emulator; nothing else known */
	X86_EXIT_RESUME,	/* the backend dealt with it wholly */
	X86_EXIT_SHUTDOWN,	/* triple fault */
	X86_EXIT_ENTRY_FAILED,	/* hardware refused the state; .hw_code */
	X86_EXIT_UNKNOWN,	/* .hw_code */
	X86_EXIT_NR
};

/* .fault.flags */
#define X86_FAULT_PRESENT	(1u << 0)
#define X86_FAULT_WRITE		(1u << 1)
#define X86_FAULT_USER		(1u << 2)
#define X86_FAULT_RSVD		(1u << 3)
#define X86_FAULT_FETCH		(1u << 4)
#define X86_FAULT_GUEST_TABLE	(1u << 8)	/* while reading the guest's own page tables */
#define X86_FAULT_GUEST_FINAL	(1u << 9)	/* for the final address; neither: not known */
#define X86_FAULT_NARROW	(1u << 10)	/* .gva; the gpa has bits that the guest has not */

struct x86_exit {
	u8 reason;		/* enum x86_exit_reason */
	u8 insn_len;		/* 0: not known, decode to step over */
	u8 nr_bytes;		/* instruction bytes in @bytes (decode assists) */
	u32 hw_code;		/* the vendor's exit code */
	union {
		struct {
			u16 port;
			u8 size;	/* 1, 2, 4 */
			bool in;
			bool string;
			bool rep;
		} io;
		struct {
			u64 gpa;
			u32 flags;
			u64 gva;	/* with X86_FAULT_NARROW */
		} fault;
		struct {
			u8 nr;		/* CR or DR number */
			u8 gpr;
			bool write;
			bool gpr_valid;	/* false: decode the instruction */
			bool clts, lmsw;
			u16 lmsw_src;
		} reg;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 addr;	/* #PF's address, #DB's DR6 payload */
		} exc;
		u64 gva;		/* INVLPG */
		u64 invpcid;		/* its type, the register operand */
		bool notify_invalid;	/* the guest's state is not what it was */
		struct {
			u8 vector;
			u16 reg;
		} apic;
	};
	u8 bytes[16];
};

/* What else hardware tells of the last exit, as kvm_exit shows it */
struct x86_exit_info {
	u64 info1, info2;	/* qualification and event interrupted, or EXITINFO1 and 2 */
	u32 event, event_error;	/* of the exit on VMX, interrupted on SVM */
	bool vmx;
};

/* What an exit handler wants next. */
enum x86_next {
	X86_RESUME,		/* enter the guest again */
	X86_TO_USER,		/* kvm_run is filled: KVM_RUN returns 0 */
	X86_ERROR,		/* KVM_RUN returns vcpu->run_error */
	X86_SLOW,		/* fast handlers only: nothing done, take the ordinary row */
};

struct x86_exit_row {
	const char *name;
	enum x86_next (*handle)(struct x86_vcpu *v);	/* IRQs on */
	enum x86_next (*fast)(struct x86_vcpu *v);	/* IRQs off; may be NULL */
};

extern const struct x86_exit_row x86_exit_rows[X86_EXIT_NR];

#endif
