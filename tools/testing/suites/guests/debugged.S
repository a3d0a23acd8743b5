/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A multiboot guest for a debugger: 32-bit code that loops for ever. gdb-check.c
 * knows these labels by their distance from "around", at 1 MiB and 4 KiB.
 */
	.text
	.globl	_start
header:
	.long	0x1badb002, 0, -0x1badb002

	.org	0x1000
_start:
around:
	incl	%ebx
	nop
	xorl	%eax, %eax
	cpuid
	outb	%al, $0x80
	call	func
	jmp	around

	.org	0x1040
func:
	incl	counter
	nop
	ret

	.org	0x1080
counter:
	.long	0
