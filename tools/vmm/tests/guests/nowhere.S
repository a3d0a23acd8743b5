/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 0 all ones */
#include "bzimage.h"
	/* memory and ports that nobody claims read as all ones, of every size */
	mov	$0xd0000000, %ebx
	xor	%eax, %eax
	mov	(%rbx), %al
	cmp	$0xff, %eax
	jne	bad
	mov	(%rbx), %ax
	cmp	$0xffff, %eax
	jne	bad
	mov	(%rbx), %eax
	cmp	$-1, %eax
	jne	bad
	mov	(%rbx), %rax
	cmp	$-1, %rax
	jne	bad
	mov	%rax, 8(%rbx)
	mov	$0xabcd, %edx
	xor	%eax, %eax
	in	%dx, %eax
	cmp	$-1, %eax
	jne	bad
	out	%eax, %dx
	PUTS	good
bad:	POWEROFF
good:	.asciz	"all ones\n"
	END_IMAGE
