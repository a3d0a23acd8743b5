/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 0 timer interrupt */
#include "bzimage.h"
	/* HLT with interrupts on ends with the local APIC's timer, in x2APIC mode */
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	/* one gate, for vector 0x40 */
	lea	handler(%rip), %rax
	lea	idt + 0x40 * 16(%rip), %rdi
	mov	%ax, (%rdi)
	movw	$0x10, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	shr	$16, %rax
	mov	%ax, 6(%rdi)
	shr	$16, %rax
	mov	%eax, 8(%rdi)
	lea	idt(%rip), %rax
	mov	%rax, idtr + 2(%rip)
	lidt	idtr(%rip)
	xor	%edx, %edx
	mov	$0x80f, %ecx			/* spurious vector, APIC on */
	mov	$0x1ff, %eax
	wrmsr
	mov	$0x832, %ecx			/* timer, one shot */
	mov	$0x40, %eax
	wrmsr
	mov	$0x838, %ecx			/* initial count: 100 ms, not to end before HLT */
	mov	$50000000, %eax
	wrmsr
	sti
	hlt
	cli
	cmpb	$1, seen(%rip)
	jne	bad
	PUTS	good
bad:	POWEROFF
handler:
	movb	$1, seen(%rip)
	push	%rax
	push	%rcx
	push	%rdx
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
good:	.asciz	"timer interrupt\n"
seen:	.byte	0
	.balign	8
idtr:	.word	0x41 * 16 - 1
	.quad	0
	.balign	16
idt:	.fill	0x41 * 16, 1, 0
	END_IMAGE
