/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch.
 *
 * RIP, RSP and RFLAGS travel in the VMCS, the other registers in the array that
 * %rdi points to. IRQs are off, before and after. An exit comes out at
 * vmx_vmexit with the stack pointer we wrote into the VMCS.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

/* struct vmx_entry */
#define GUEST_SPEC	0x00
#define HOST_SPEC	0x08
#define LAUNCHED	0x10

/* Offsets in x86_regs.gpr[], by register number */
#define GPR(n)		((n) * 8)

#define FIELD_HOST_RSP	0x6c14

/* Needs %rsi = entry; spoils %rax, %rcx, %rdx */
.macro WRITE_SPEC_CTRL offset:req
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	movl	\offset(%rsi), %eax
	movl	\offset + 4(%rsi), %edx
	wrmsr
.endm

.section .noinstr.text, "ax"

/* int vmx_vmenter(unsigned long *gpr, const struct vmx_entry *entry); IRQs off */
SYM_FUNC_START(vmx_vmenter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi
	push	%rdi

	movl	$FIELD_HOST_RSP, %eax
	vmwrite	%rsp, %rax

	mov	GUEST_SPEC(%rsi), %rax
	cmp	HOST_SPEC(%rsi), %rax
	je	1f
	WRITE_SPEC_CTRL GUEST_SPEC
1:
	/* Into CF, which neither MOV nor VERW touches. */
	btw	$0, LAUNCHED(%rsi)
	mov	GPR(0)(%rdi), %rax
	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	GPR(7)(%rdi), %rdi
	/* Which of the two the kernel sets for Intel's CPUs depends on its version. */
	ALTERNATIVE_2 "jmp .Lverw_done", "", X86_FEATURE_CLEAR_CPU_BUF, \
		      "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw	x86_verw_sel(%rip)
.Lverw_done:

	jnc	3f
2:	vmresume
	jmp	4f
3:	vmlaunch
	/* Who gets here failed, and has CF or ZF set (SDM 3C 31.2). */
	jbe	4f

SYM_INNER_LABEL(vmx_vmexit, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	push	%rax
	mov	8(%rsp), %rax
	mov	%rcx, GPR(1)(%rax)
	mov	%rdx, GPR(2)(%rax)
	mov	%rbx, GPR(3)(%rax)
	mov	%rbp, GPR(5)(%rax)
	mov	%rsi, GPR(6)(%rax)
	mov	%rdi, GPR(7)(%rax)
	mov	%r8,  GPR(8)(%rax)
	mov	%r9,  GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)
	pop	GPR(0)(%rax)
	pop	%rdi
	xor	%ebx, %ebx
	jmp	5f

4:	/* Refused, or a fault: VMX was switched off for a reboot. */
	movl	$1, %ebx
	pop	%rdi

	_ASM_EXTABLE(2b, 4b)
	_ASM_EXTABLE(3b, 4b)

5:	/* %ebx: the result. No guest value may steer the host's speculation from here on. */
	pop	%rsi
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	/* IBRS of the older kind covers what ran before only once it is written anew. */
	ALTERNATIVE "", "jmp .Lwrite_spec", X86_FEATURE_KERNEL_IBRS
	mov	GUEST_SPEC(%rsi), %rax
	cmp	HOST_SPEC(%rsi), %rax
	je	6f
.Lwrite_spec:
	WRITE_SPEC_CTRL HOST_SPEC
6:
	/* Branch history injection. Spoils %rax and %rcx. */
	CLEAR_BRANCH_HISTORY_VMEXIT
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
	movl	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(vmx_vmenter)

/* void vmx_call_irq(unsigned long entry): the frame of an interrupt from here, IRQs off */
SYM_FUNC_START(vmx_call_irq)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	CALL_NOSPEC rdi
	/* IRET took the frame away, %rsp is as in it. */
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(vmx_call_irq)
