/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An option ROM that boots Linux where the emulator has put it: kernel (the
 * bare vmlinux, not a bzImage) and initramfs are in memory before the first
 * instruction, so nothing is read from a disk and nothing is decompressed.
 *
 * Bochs 2.7 gives the guest's memory in blocks of 128 KiB, in the order in
 * which they are first touched, from one large piece. A RAM image longer than a
 * block is copied over the blocks that come next in that piece, whatever the
 * guest's addresses. So this ROM takes the blocks in the order in which the
 * image has them: PADS blocks with a mark, some of which have gone to what the
 * BIOS touched; the kernel; the initramfs; a block with the last mark. A mark
 * is the word MARK and its number.
 *
 * Symbols from the command line: ROM, where this ROM is seen; SECTORS, its
 * size; KERNEL, INITRD, where they go; ENTRY, the kernel's first instruction;
 * KERNEL_BLOCKS, INITRD_BLOCKS and INITRD_SIZE; PADS and MARK. The kernel's
 * command line is the file cmdline.
 *
 * See Documentation/x86/boot.rst and zero-page.rst of the kernel: "64-bit boot
 * protocol".
 */

#define ZERO_PAGE	0x10000
#define CMDLINE		0x11000		/* at most 4095 bytes */
#define PML4		0x12000
#define PDPT		0x13000
#define PD		0x14000		/* four pages: 4 GiB by 2 MiB */
#define TABLES_END	0x18000

#define E820_MAX	64

#define BLOCK		0x20000
#define INITRD_END	(INITRD + INITRD_BLOCKS * BLOCK)
#define SPARE		(INITRD_END + BLOCK)
#define PAD_MARK(n)	(((n) << 32) + MARK)
#define COM1		0x3f8

	.code16
	.globl _start
_start:
	.word	0xaa55
	.byte	SECTORS

	/* Called during POST: boot later, when the BIOS is done with its tables. */
	push	%ds
	push	%ax
	xor	%ax, %ax
	mov	%ax, %ds
	movw	$boot, 0x19 * 4
	mov	%cs, 0x19 * 4 + 2
	pop	%ax
	pop	%ds
	lret

boot:
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ss
	mov	$0x7c00, %sp

	/* All that is below is zero unless it is set. */
	mov	$(ZERO_PAGE >> 4), %ax
	mov	%ax, %es
	xor	%di, %di
	xor	%eax, %eax
	mov	$((TABLES_END - ZERO_PAGE) / 4), %cx
	rep stosl

	mov	%cs, %ax
	mov	%ax, %ds
	mov	$cmdline, %si
	mov	$(CMDLINE - ZERO_PAGE), %di
	mov	$(cmdline_end - cmdline), %cx
	rep movsb

	/* The memory map. */
	xor	%ebx, %ebx
	mov	$0x2d0, %di
1:	mov	$0xe820, %eax
	mov	$0x534d4150, %edx
	mov	$20, %ecx
	int	$0x15
	jc	2f
	add	$20, %di
	incb	%es:0x1e8
	cmpb	$E820_MAX, %es:0x1e8
	jae	2f
	test	%ebx, %ebx
	jnz	1b
2:
	cli
	movw	$0xaa55, %es:0x1fe
	movl	$0x53726448, %es:0x202		/* "HdrS" */
	movw	$0x20c, %es:0x206		/* the protocol with 64-bit entry */
	movb	$0xff, %es:0x210		/* a loader without a number */
	movb	$1, %es:0x211			/* loaded high */
	movl	$INITRD, %es:0x218
	movl	$INITRD_SIZE, %es:0x21c
	movl	$CMDLINE, %es:0x228

	/* 4 GiB mapped as they are. */
	movl	$(PDPT + 3), %es:PML4 - ZERO_PAGE
	mov	$(PDPT - ZERO_PAGE), %di
	mov	$(PD + 3), %eax
	mov	$4, %cx
3:	mov	%eax, %es:(%di)
	add	$0x1000, %eax
	add	$8, %di
	loop	3b
	mov	$(PD - ZERO_PAGE), %di
	mov	$0x83, %eax
	mov	$2048, %cx
4:	mov	%eax, %es:(%di)
	add	$0x200000, %eax
	add	$8, %di
	loop	4b

	in	$0x92, %al			/* address line 20 */
	or	$2, %al
	and	$0xfe, %al
	out	%al, $0x92

	/* From real mode to 64-bit mode at once. */
	lgdtl	gdt_pointer
	lidtl	idt_pointer
	mov	$0x20, %eax			/* PAE */
	mov	%eax, %cr4
	mov	$PML4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	and	$0x9fffffff, %eax		/* caches on */
	or	$0x80000001, %eax		/* paging, protection */
	mov	%eax, %cr0
	ljmpl	$0x10, $(ROM + long_mode)

	.code64
long_mode:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	$0x7c00, %esp

	/* The pads that are left. */
	movabs	$PAD_MARK(PADS - 1), %rdx
	mov	$SPARE, %ebx
	mov	$PADS, %ecx
1:	mov	(%rbx), %rax
	add	$BLOCK, %ebx
	cmp	%rdx, %rax
	loopne	1b
	jne	lost

	mov	$KERNEL, %ebx
	mov	$KERNEL_BLOCKS, %ecx
2:	mov	(%rbx), %rax
	add	$BLOCK, %ebx
	loop	2b
	mov	$INITRD, %ebx
	mov	$INITRD_BLOCKS, %ecx
3:	mov	(%rbx), %rax
	add	$BLOCK, %ebx
	loop	3b
	movabs	$PAD_MARK(PADS), %rdx
	cmp	%rdx, (%rbx)
	jne	lost

	mov	$ZERO_PAGE, %esi
	mov	$ENTRY, %eax
	jmp	*%rax

	/* No IDT: the undefined instruction ends Bochs. */
lost:	mov	$(ROM + lost_text), %esi
4:	lodsb
	test	%al, %al
	jz	6f
	mov	%al, %ah
	mov	$(COM1 + 5), %dx
5:	in	%dx, %al
	test	$0x20, %al
	jz	5b
	mov	%ah, %al
	mov	$COM1, %dx
	out	%al, %dx
	jmp	4b
6:	ud2

lost_text:
	.asciz	"bochs-rom: this Bochs did not put kernel and initramfs where 2.7 does\n"

	.balign 8
gdt:	.quad	0, 0
	.quad	0x00af9a000000ffff		/* 10: code */
	.quad	0x00cf92000000ffff		/* 18: data */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	ROM + gdt
idt_pointer:
	.word	0
	.long	0

cmdline:
	.incbin	"cmdline"
	.byte	0
cmdline_end:
