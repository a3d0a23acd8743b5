/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 0 by the string */
#include "bzimage.h"
	/* string I/O: one exit may carry many bytes */
	lea	text(%rip), %rsi
	mov	$text_end - text, %ecx
	mov	$COM1, %edx
	cld
	rep outsb
	/* and in: the scratch register, eight times */
	mov	$COM1 + 7, %edx
	mov	$0x5a, %al
	out	%al, %dx
	lea	in_buf(%rip), %rdi
	mov	$8, %ecx
	rep insb
	movabs	$0x5a5a5a5a5a5a5a5a, %rax
	cmp	%rax, in_buf(%rip)
	jne	bad
	PUTS	good
bad:	POWEROFF
text:	.ascii	"by the "
text_end:
good:	.asciz	"string\n"
	.balign	8
in_buf:	.quad	0
	END_IMAGE
