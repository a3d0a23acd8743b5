/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch.
 *
 * RSP and RAX travel in the VMCB, the other registers in the array that %rdi
 * points to. VMRUN swaps little more than what the guest needs to run at once:
 * FS, GS, TR, LDTR and the SYSCALL/SYSENTER MSRs move by VMLOAD and VMSAVE
 * (APM 2 15.5). Between CLGI and STGI nothing can interrupt us, NMIs included,
 * so that no handler sees the guest's GS base.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

/* struct svm_entry */
#define BLOCK_PA	0x00
#define HOST_BLOCK_PA	0x08
#define GUEST_SPEC	0x10
#define HOST_SPEC	0x18

/* Offsets in x86_regs.gpr[], by register number */
#define GPR(n)		((n) * 8)

/* Needs %rsi = entry; spoils %rax, %rcx, %rdx */
.macro WRITE_SPEC_CTRL offset:req
	movl	$MSR_IA32_SPEC_CTRL, %ecx
	movl	\offset(%rsi), %eax
	movl	\offset + 4(%rsi), %edx
	wrmsr
.endm

.section .noinstr.text, "ax"

/* void svm_vmrun(unsigned long *gpr, const struct svm_entry *entry); IRQs off */
SYM_FUNC_START(svm_vmrun)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi
	push	%rdi

	clgi
	mov	GUEST_SPEC(%rsi), %rax
	cmp	HOST_SPEC(%rsi), %rax
	je	1f
	WRITE_SPEC_CTRL GUEST_SPEC
1:
	/* With V_INTR_MASKING the host's IF decides about physical interrupts. */
	sti
	mov	BLOCK_PA(%rsi), %rax
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
	VM_CLEAR_CPU_BUFFERS

	vmload	%rax
	vmrun	%rax
	vmsave	%rax

	/* %rax is ours again, and nothing else but %rsp. */
	mov	(%rsp), %rax
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

	mov	8(%rsp), %rsi
	mov	HOST_BLOCK_PA(%rsi), %rax
	vmload	%rax
	cli

	/* No guest value may steer the host's speculation from here on. */
	add	$16, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	mov	GUEST_SPEC(%rsi), %rax
	cmp	HOST_SPEC(%rsi), %rax
	je	2f
	WRITE_SPEC_CTRL HOST_SPEC
2:
	/* Before the first RET: retbleed and its kin. Spoils %rax, %rcx, %rdx. */
	UNTRAIN_RET
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
	stgi
	RET
SYM_FUNC_END(svm_vmrun)
