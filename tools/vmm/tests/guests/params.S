/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 0 tree tables cmdline */
/* append: tell me */
#include "bzimage.h"
	mov	%rsi, %rbx
	/* setup_data of type 2 holds a device tree: magic d00dfeed, big endian */
	mov	0x250(%rbx), %rax
1:	test	%rax, %rax
	jz	bad
	cmpl	$2, 8(%rax)
	je	2f
	mov	(%rax), %rax
	jmp	1b
2:	cmpl	$0xedfe0dd0, 16(%rax)
	jne	bad
	PUTS	tree
	/* acpi_rsdp_addr: "RSD PTR " */
	mov	0x70(%rbx), %rax
	movabs	$0x2052545020445352, %rcx
	cmp	%rcx, (%rax)
	jne	bad
	PUTS	tables
	/* the command line */
	mov	0x228(%rbx), %eax
	movabs	$0x656d206c6c6574, %rcx		/* "tell me" and its end */
	cmp	%rcx, (%rax)
	jne	bad
	PUTS	line
bad:	POWEROFF
tree:	.asciz	"tree "
tables:	.asciz	"tables "
line:	.asciz	"cmdline\n"
	END_IMAGE
