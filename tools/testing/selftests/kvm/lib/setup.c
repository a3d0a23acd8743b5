// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory and registers for a start in real, 32-bit and 64-bit mode. */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

/* From the linker: the whole program, in memory. */
extern u8 __executable_start[], _end[];

extern u8 ap_trampoline[], ap_trampoline_end[];

#define GATE_INTERRUPT	0x8e00ull
#define PTE_RAM		0x07ull		/* present, writable, user */
#define PTE_2M		0x80ull

const u64 flat_gdt[FLAT_GDT_ROWS] = {
	[SEL_CODE64 / 8]	= 0x00af9b000000ffffull,
	[SEL_DATA / 8]		= 0x00cf93000000ffffull,
	[SEL_CODE32 / 8]	= 0x00cf9b000000ffffull,
	[SEL_UDATA / 8]		= 0x00cff3000000ffffull,
	[SEL_UCODE64 / 8]	= 0x00affb000000ffffull,
	[SEL_UCODE32 / 8]	= 0x00cffb000000ffffull,
};

static void write_idt(u8 *ram)
{
	u64 *idt = (u64 *)(ram + IDT_GPA);

	for (int i = 0; i < 256; i++) {
		u64 entry = (u64)guest_stubs + i * 16;

		idt[2 * i] = (entry & 0xffff) | SEL_CODE64 << 16 | GATE_INTERRUPT << 32 |
			     (entry >> 16 & 0xffff) << 48;
		idt[2 * i + 1] = entry >> 32;
	}
}

static void write_page_tables(u8 *ram)
{
	u64 *table = (u64 *)(ram + PT_GPA);

	table[0] = (PT_GPA + 0x1000) | PTE_RAM;
	for (u64 i = 0; i < 4; i++)
		table[512 + i] = (PT_GPA + 0x2000 + i * 0x1000) | PTE_RAM;
	for (u64 i = 0; i < 2048; i++)
		table[1024 + i] = i << 21 | PTE_RAM | PTE_2M;
}

void load_image(struct vm *vm)
{
	u64 start = (u64)__executable_start & ~0xfffull;
	u64 size = (u64)_end - start;

	MUST(start >= SCRATCH_GPA + 0x200000 && start + size <= FREE_GPA);
	memcpy(vm->ram + start, (void *)start, size);
	memcpy(vm->ram + GDT_GPA, flat_gdt, sizeof(flat_gdt));
	memcpy(vm->ram + REAL_GPA, ap_trampoline, ap_trampoline_end - ap_trampoline);
	write_idt(vm->ram);
	write_page_tables(vm->ram);
}

static struct kvm_segment segment(u16 selector, u8 type, u8 dpl)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1,
		.dpl = dpl, .s = 1, .g = 1,
	};
}

/* The stack grows down from the top of the vCPU's 64 KiB; RSP0 is its middle. */
u64 long_stack(struct vcpu *vcpu)
{
	return STACK_GPA + vcpu->id * STACK_SIZE + STACK_SIZE - 0x100 - 8;
}

static void write_tss(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	u64 gpa = TSS_GPA + vcpu->id * 0x80;
	u8 *tss = at_gpa(vcpu->vm, gpa, 0x80);
	u64 rsp0 = STACK_GPA + vcpu->id * STACK_SIZE + STACK_SIZE / 2;

	memset(tss, 0, 0x80);
	memcpy(tss + 4, &rsp0, sizeof(rsp0));
	*(u16 *)(tss + 102) = 0x80;
	sregs->tr = (struct kvm_segment){
		.base = gpa, .limit = 0x67, .selector = SEL_TSS, .type = 11, .present = 1,
	};
}

void set_long_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	sregs->cs = segment(SEL_CODE64, 11, 0);
	sregs->cs.l = 1;
	sregs->ss = segment(SEL_DATA, 3, 0);
	sregs->ss.db = 1;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss;
	sregs->gdt.base = GDT_GPA;
	sregs->gdt.limit = 0x7f;	/* with room for the test's own */
	sregs->idt.base = IDT_GPA;
	sregs->idt.limit = 256 * 16 - 1;
	write_tss(vcpu, sregs);
	sregs->cr3 = PT_GPA;
	sregs->cr0 = 0x80050033;	/* PG AM WP NE ET MP PE */
	sregs->cr0 &= ~0x40000ul;	/* no alignment checks */
	sregs->cr4 = 0x620;		/* PAE OSFXSR OSXMMEXCPT */
	sregs->efer = 0x501;		/* LMA LME SCE */
}

void set_supported_cpuid(struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(vcpu->vm->kvm);
	struct kvm_cpuid_entry2 *one = cpuid_find(cpuid, 1, 0);

	if (one)
		one->ebx = (one->ebx & 0xffffff) | vcpu->id << 24;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	vcpu->has_cpuid = true;
	free(cpuid);
}

/* The vCPU's CPUID is the caller's affair. */
void start_long_only(struct vcpu *vcpu, guest_fn fn)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {
		.rip = (u64)fn, .rsp = long_stack(vcpu), .rflags = 2,
	};

	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	set_long_sregs(vcpu, &sregs);
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

void start_long(struct vcpu *vcpu, guest_fn fn)
{
	/* frozen once the vCPU has run */
	if (!vcpu->has_cpuid)
		set_supported_cpuid(vcpu);
	start_long_only(vcpu, fn);
}

/* CS:0 is the code, the other segments are 0, the stack ends at 0x7000. */
void start_real_at(struct vcpu *vcpu, u64 gpa, const void *code, size_t size)
{
	struct kvm_regs regs = { .rflags = 2, .rsp = 0x7000 };
	struct kvm_sregs sregs;

	memcpy(at_gpa(vcpu->vm, gpa, size), code, size);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.base = gpa;
	sregs.cs.selector = gpa >> 4;
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

void start_real(struct vcpu *vcpu, const void *code, size_t size)
{
	start_real_at(vcpu, REAL_GPA, code, size);
}

/* Flat 32-bit segments, paging off. */
void start_prot32(struct vcpu *vcpu, const void *code, size_t size)
{
	struct kvm_regs regs = { .rip = REAL_GPA, .rflags = 2, .rsp = 0x7000 };
	struct kvm_sregs sregs;

	set_supported_cpuid(vcpu);
	memcpy(at_gpa(vcpu->vm, REAL_GPA, size), code, size);
	memcpy(at_gpa(vcpu->vm, GDT_GPA, sizeof(flat_gdt)), flat_gdt, sizeof(flat_gdt));
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs = segment(SEL_CODE32, 11, 0);
	sregs.cs.db = 1;
	sregs.ss = segment(SEL_DATA, 3, 0);
	sregs.ss.db = 1;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss;
	sregs.gdt.base = GDT_GPA;
	sregs.gdt.limit = sizeof(flat_gdt) - 1;
	sregs.cr0 |= 1;
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

/*
 * Bochs takes no interrupt of the host's while the guest has IF clear. A guest that
 * may run without exits starts with IF set there, or sets it (guest_sti()).
 */
void irqs_on_for_bochs(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	if (!on_bochs())
		return;
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= 0x200;
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

struct vcpu *quick_real(struct vm *vm, const void *code, size_t size)
{
	struct vcpu *vcpu = vcpu_new(vm, 0);

	start_real(vcpu, code, size);
	return vcpu;
}

struct vcpu *quick_long(struct vm *vm, guest_fn fn)
{
	struct vcpu *vcpu = vcpu_new(vm, 0);

	start_long(vcpu, fn);
	return vcpu;
}
