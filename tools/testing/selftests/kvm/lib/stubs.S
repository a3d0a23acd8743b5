/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry stubs of 64-bit guests: one for each vector, 16 bytes apart. */

	.section .note.GNU-stack, "", @progbits
	.text
	.globl	guest_stubs
	.balign	16
guest_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	/* the CPU pushes an error code itself for these */
	.if	(vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
	.else
	pushq	$0
	.endif
	pushq	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, %rdi
	movq	%rsp, %rbx
	andq	$-16, %rsp
	cld
	call	guest_trap
	movq	%rbx, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp		/* vector, error code */
	iretq

/*
 * Where a SIPI sends a vCPU: copied to REAL_GPA, so only absolute addresses.
 * The numbers are those of vm.h: GDT 0x10000, IDT 0x11000, tables 0x20000,
 * stacks of 64 KiB from 0x100000, 64-bit code 0x08, data 0x10.
 */
#define HERE(label)	(0x8000 + (label) - ap_trampoline)

	.globl	ap_trampoline, ap_trampoline_end
	.code16
ap_trampoline:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	HERE(ap_gdtr)
	movl	$0x620, %eax
	movl	%eax, %cr4
	movl	$0x20000, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x101, %eax
	wrmsr
	movl	$0x80010033, %eax
	movl	%eax, %cr0
	ljmpl	$0x08, $ap_long
ap_gdtr:
	.word	0x7f
	.long	0x10000
ap_trampoline_end:

	.code64
ap_long:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	lidt	ap_idtr
	movl	$0xfee00020, %eax
	movl	(%rax), %eax		/* APIC ID, 31:24 */
	shrl	$24, %eax
	incl	%eax
	shll	$16, %eax
	leaq	0x100000 - 0x100(%rax), %rsp
	call	*ap_entry
1:	cli
	hlt
	jmp	1b
ap_idtr:
	.word	0xfff
	.quad	0x11000
