/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run code with given registers and flags on this CPU. The code ends by a jump
 * to native_return; a signal handler may go there too.
 *
 * struct native: gpr[16] at 0, rflags at 128, host_rsp at 136, code at 144
 */
	.text
	.globl	run_native, native_return
	.type	run_native, @function
run_native:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, native+136(%rip)
	pushq	native+128(%rip)
	popfq
	mov	native+0(%rip), %rax
	mov	native+8(%rip), %rcx
	mov	native+16(%rip), %rdx
	mov	native+24(%rip), %rbx
	mov	native+32(%rip), %rsp
	mov	native+40(%rip), %rbp
	mov	native+48(%rip), %rsi
	mov	native+56(%rip), %rdi
	mov	native+64(%rip), %r8
	mov	native+72(%rip), %r9
	mov	native+80(%rip), %r10
	mov	native+88(%rip), %r11
	mov	native+96(%rip), %r12
	mov	native+104(%rip), %r13
	mov	native+112(%rip), %r14
	mov	native+120(%rip), %r15
	jmp	*native+144(%rip)
native_return:
	mov	%rax, native+0(%rip)
	mov	%rcx, native+8(%rip)
	mov	%rdx, native+16(%rip)
	mov	%rbx, native+24(%rip)
	mov	%rsp, native+32(%rip)
	mov	%rbp, native+40(%rip)
	mov	%rsi, native+48(%rip)
	mov	%rdi, native+56(%rip)
	mov	%r8, native+64(%rip)
	mov	%r9, native+72(%rip)
	mov	%r10, native+80(%rip)
	mov	%r11, native+88(%rip)
	mov	%r12, native+96(%rip)
	mov	%r13, native+104(%rip)
	mov	%r14, native+112(%rip)
	mov	%r15, native+120(%rip)
	mov	native+136(%rip), %rsp
	pushfq
	popq	native+128(%rip)
	cld
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	run_native, . - run_native

	.bss
	.globl	native
	.hidden	native
	.balign	16
	.type	native, @object
	.size	native, 152
native:
	.skip	152
	.section .note.GNU-stack, "", @progbits
