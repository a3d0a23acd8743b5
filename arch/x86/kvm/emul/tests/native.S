/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run one instruction of user mode on this CPU, with any registers, segments
 * and flags: IRETQ goes there from 64-bit code, to code of whatever size, and
 * a signal (single-step trap, breakpoint, or the fault that the instruction
 * raised) comes back to native_signal, which leaves its frame behind.
 *
 * Offsets are those of struct native in machine.h.
 */
#define GPR(n)		native+8*(n)(%rip)
#define FRAME		native+128(%rip)	/* rip cs rflags rsp ss */
#define N_SEL		native+168(%rip)	/* ds es fs gs, 16 bits each */
#define N_FSBASE	native+176(%rip)
#define N_GSBASE	native+184(%rip)
#define N_HOST_RSP	native+192(%rip)
#define N_HOST_FS	native+200(%rip)
#define N_FPU		native+208(%rip)
#define N_XFEATURES	native+216(%rip)
#define N_FSGSBASE	native+224(%rip)
#define N_OUT_SEL	native+232(%rip)
#define N_OUT_FSBASE	native+240(%rip)
#define N_OUT_GSBASE	native+248(%rip)
#define N_IRET_RSP	native+256(%rip)

#define SYS_ARCH_PRCTL	158
#define ARCH_SET_GS	0x1001
#define ARCH_SET_FS	0x1002

	.text
	.globl	native_run, native_signal
	.type	native_run, @function
	.type	native_signal, @function
native_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, N_HOST_RSP
	mov	N_FPU, %rcx
	test	%rcx, %rcx
	jz	2f
	mov	N_XFEATURES, %rax
	xor	%edx, %edx
	test	%eax, %eax
	jz	1f
	xrstor64 (%rcx)
	jmp	2f
1:	fxrstor64 (%rcx)
2:	lea	N_SEL, %rbx
	mov	0(%rbx), %ds
	mov	2(%rbx), %es
	/* a selector or a base, not both: a selector brings its own */
	movzwl	4(%rbx), %edi
	mov	$ARCH_SET_FS, %esi
	mov	N_FSBASE, %rax
	mov	%rdi, %rcx
	mov	%edi, %fs
	call	set_base
	movzwl	6(%rbx), %edi
	mov	$ARCH_SET_GS, %esi
	mov	N_GSBASE, %rax
	mov	%rdi, %rcx
	mov	%edi, %gs
	call	set_base
	pushq	native+160(%rip)
	pushq	native+152(%rip)
	pushq	native+144(%rip)
	pushq	native+136(%rip)
	pushq	native+128(%rip)
	mov	GPR(0), %rax
	mov	GPR(1), %rcx
	mov	GPR(2), %rdx
	mov	GPR(3), %rbx
	mov	GPR(5), %rbp
	mov	GPR(6), %rsi
	mov	GPR(7), %rdi
	mov	GPR(8), %r8
	mov	GPR(9), %r9
	mov	GPR(10), %r10
	mov	GPR(11), %r11
	mov	GPR(12), %r12
	mov	GPR(13), %r13
	mov	GPR(14), %r14
	mov	GPR(15), %r15
	mov	%rsp, N_IRET_RSP
	.globl	native_iret
native_iret:
	iretq
	.size	native_run, . - native_run

/* FS or GS by %esi: base %rax, if the selector in %ecx is null */
set_base:
	test	%ecx, %ecx
	jnz	2f
	cmpq	$0, N_FSGSBASE
	jz	1f
	cmp	$ARCH_SET_FS, %esi
	je	3f
	wrgsbase %rax
	ret
3:	wrfsbase %rax
2:	ret
1:	mov	%esi, %edi
	mov	%rax, %rsi
	mov	$SYS_ARCH_PRCTL, %eax
	syscall
	ret

/* The handler; %rdi, %rsi, %rdx are its arguments */
native_signal:
	/* AC and NT are still the instruction's */
	pushq	$0x202
	popfq
	lea	N_OUT_SEL, %rbx
	mov	%ds, 0(%rbx)
	mov	%es, 2(%rbx)
	mov	%fs, 4(%rbx)
	mov	%gs, 6(%rbx)
	mov	%rdi, %r12
	mov	%rsi, %r13
	mov	%rdx, %r14
	cmpq	$0, N_FSGSBASE
	jz	1f
	rdfsbase %rax
	mov	%rax, N_OUT_FSBASE
	rdgsbase %rax
	mov	%rax, N_OUT_GSBASE
1:	xor	%ecx, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%ecx, %fs
	mov	$ARCH_SET_FS, %esi
	mov	N_HOST_FS, %rax
	call	set_base
	mov	%r12, %rdi
	mov	%r13, %rsi
	mov	%r14, %rdx
	call	native_captured
	mov	N_HOST_RSP, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	native_signal, . - native_signal

	.bss
	.globl	native
	.hidden	native
	.balign	16
	.type	native, @object
	.size	native, 264
native:
	.skip	264
	.section .note.GNU-stack, "", @progbits
