/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vCPU's register file as common code sees it. A register is either
 * available here or still in the hardware block; dirty ones are written back
 * by the backend before the next entry.
 */
#ifndef KVM_X86_REGS_H
#define KVM_X86_REGS_H

#include <linux/bits.h>
#include <linux/types.h>

/* In the order of ModRM encoding */
enum x86_gpr {
	X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI,
	X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
	X86_NR_GPR
};

/* Lazily read ones: bits of avail and dirty */
enum x86_lazy {
	X86_LAZY_RIP,
	X86_LAZY_RSP,
	X86_LAZY_RFLAGS,
	X86_LAZY_CR0,
	X86_LAZY_CR3,
	X86_LAZY_CR4,
	X86_LAZY_PDPTRS,
	X86_NR_LAZY
};
#define X86_LAZY_ALL	(BIT(X86_NR_LAZY) - 1)

enum x86_seg { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_LDTR, X86_TR, X86_NR_SEG };

/* All fields: owned by the thread holding vcpu->mutex. */
struct x86_regs {
	unsigned long gpr[X86_NR_GPR];
	unsigned long rip;
	unsigned long rflags;
	unsigned long cr0, cr2, cr3, cr4, cr8;	/* guest's view */
	u64 efer;
	u64 xcr0;
	u64 xss;
	u64 pdptr[4];
	u32 avail;
	u32 dirty;
};

#endif
