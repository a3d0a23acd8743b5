/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVMTEST_REAL_H
#define KVMTEST_REAL_H

#include "vm.h"

/*
 * Real-mode guests: code at REAL_GPA that tells the host numbers by a port. Each test
 * is there twice: as VMMs run real mode, and in a VM without KVM_SET_TSS_ADDR, where
 * Intel processors without unrestricted guests have it emulated.
 */
#define PORT	0x10
#define TSS_ADDR 0xfffbd000ul

/* Label @l of blob @b: as an offset in its segment, and as a linear address */
#define OFF(b, l)	"(" #l " - " #b ")"
#define LIN(b, l)	"(0x8000 + " #l " - " #b ")"

/* Selectors: 8 code, 16 data of 4 GiB; 24 code at 0x8000, 32 data of 64 KiB */
#define FLAT_GDT							\
	".balign 8\n9: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff,"	\
	"0x00009b008000ffff, 0x000093000000ffff\n8: .word 39; .long "
#define SET_PE	"mov %cr0, %eax; or $1, %al; mov %eax, %cr0;"
#define TELL(value)	"mov $" value ", %eax; out %eax, $0x10;"
#define TELL_AX		"movzwl %ax, %eax; out %eax, $0x10;"
/* Vector @n of the IVT, by DS = 0 */
#define VECTOR(b, n, l)	"movw $" OFF(b, l) ", 4*" #n "; movw %cs, 4*" #n "+2;"

#define TEST_TWICE(fn)				\
	static void fn##_emulated(void)		\
	{					\
		no_tss = true;			\
		fn();				\
	}
#define TESTS(fn)	TEST(fn), TEST(fn##_emulated)

extern bool no_tss;
struct vm *real_vm(void);
struct vcpu *real_guest(const void *code, size_t size);
void tells(struct vcpu *vcpu, u32 value);
void needs_real_interrupts(void);

#endif
