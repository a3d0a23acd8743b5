/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bzImage in assembly: boot sector with header, one sector of nothing, 512
 * bytes where the 32-bit entry would be, then 64-bit code. rsi holds
 * boot_params. Include first, write code, end with END_IMAGE.
 */
	.code64
	.text
image:
	.org	0x1f1
	.byte	1			/* setup_sects */
	.word	0			/* root_flags */
	.long	(image_end - body) / 16	/* syssize */
	.word	0, 0, 0
	.word	0xaa55
	.byte	0xeb, 0x6a
	.ascii	"HdrS"
	.word	0x20f
	.org	0x211
	.byte	1			/* loadflags: LOADED_HIGH */
	.org	0x22c
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x200000		/* kernel_alignment */
	.byte	1, 21			/* relocatable, min_alignment */
	.word	1			/* xloadflags: XLF_KERNEL_64 */
	.long	2047			/* cmdline_size */
	.org	0x258
	.quad	0x1000000		/* pref_address */
	.long	0x100000		/* init_size */
	.org	0x400
body:
	.org	0x600
entry:

#define COM1		0x3f8
#define PM1A_CNT	0x604
#define RESET_PORT	0xcf9
#define PANIC_PORT	0x505

	/* PUTS label: the zero-terminated text at label */
	.macro	PUTS label
	lea	\label(%rip), %rdi
	call	puts
	.endm

	/* POWEROFF: code 0 */
	.macro	POWEROFF
	mov	$PM1A_CNT, %edx
	mov	$(0x2000 | 5 << 10), %eax
	out	%ax, %dx
	hlt
	.endm

	.macro	END_IMAGE
puts:
	mov	$COM1, %edx
1:	mov	(%rdi), %al
	inc	%rdi
	test	%al, %al
	jz	2f
	out	%al, %dx
	jmp	1b
2:	ret
	.balign	16
image_end:
	.endm
