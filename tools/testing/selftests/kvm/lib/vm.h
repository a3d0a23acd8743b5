/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVMTEST_VM_H
#define KVMTEST_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "guest.h"
#include "tap.h"

/*
 * The usual VM: RAM from 0 in slot 0, this program's own image copied to the
 * guest-physical addresses that it has here as virtual ones, and page tables
 * that map the first 4 GiB onto themselves. So a 64-bit guest runs functions
 * of this program, sees its own copy of the variables, and a pointer means the
 * same on both sides. AT(vm, variable) is the guest's copy.
 */
#define RAM_SIZE	(16ul << 20)
#define GDT_GPA		0x10000ul
#define IDT_GPA		0x11000ul
#define TSS_GPA		0x12000ul	/* 0x80 per vCPU */
#define PT_GPA		0x20000ul	/* PML4, PDPT, 4 directories */
#define STACK_GPA	0x100000ul	/* STACK_SIZE per vCPU */
#define SCRATCH_GPA	0x200000ul	/* 2 MiB for the test */
#define REAL_GPA	0x8000ul	/* real-mode code */
#define FREE_GPA	0x800000ul	/* RAM behind the image */
#define HOLE_GPA	0xd0000000ul	/* no memory here, but mapped */

#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_UDATA	0x23
#define SEL_UCODE64	0x2b
#define SEL_UCODE32	0x33
#define SEL_TSS		0x40

#define MAX_TEST_VCPUS	8

struct vm;

struct vcpu {
	struct vm *vm;
	int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	volatile bool stop;
	bool has_cpuid;
};

struct vm {
	int kvm;
	int fd;
	u8 *ram;
	size_t run_size;
	struct vcpu vcpu[MAX_TEST_VCPUS];
};

/* vm.c: all of these end the test when they fail */
int kvm_open(void);
struct vm *vm_bare(void);
struct vm *vm_new(void);
struct vm *vm_new_irqchip(void);
void vm_free(struct vm *vm);
struct vcpu *vcpu_new(struct vm *vm, int id);
void vcpu_close(struct vcpu *vcpu);
void *ram_alloc(size_t size);
int slot_set(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
void slot_must(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
struct kvm_cpuid2 *cpuid_supported(int kvm);
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, u32 function, u32 index);
int has_cap(int fd, int cap);
int enable_cap(int fd, u32 cap, u64 arg);
int irq_line(struct vm *vm, u32 gsi, u32 level);
extern u64 rnd_seed;
u64 rnd(void);
int msr_set(struct vcpu *vcpu, u32 index, u64 value);
int msr_get(struct vcpu *vcpu, u32 index, u64 *value);
u64 msr_must_get(struct vcpu *vcpu, u32 index);
u64 vcpu_stat(struct vcpu *vcpu, const char *name);

static inline void *at_gpa(struct vm *vm, u64 gpa, size_t size)
{
	MUST(gpa < RAM_SIZE && size <= RAM_SIZE - gpa);
	return vm->ram + gpa;
}

#define AT(vm, var)	(*(volatile typeof(var) *)at_gpa(vm, (u64)&(var), sizeof(var)))

/* setup.c: a start in each mode */
typedef void (*guest_fn)(void);
#define FLAT_GDT_ROWS	7
extern const u64 flat_gdt[FLAT_GDT_ROWS];	/* all but SEL_TSS */
void load_image(struct vm *vm);
void set_supported_cpuid(struct vcpu *vcpu);
void start_long(struct vcpu *vcpu, guest_fn fn);
void start_long_only(struct vcpu *vcpu, guest_fn fn);
void start_real(struct vcpu *vcpu, const void *code, size_t size);
void start_real_at(struct vcpu *vcpu, u64 gpa, const void *code, size_t size);
void start_prot32(struct vcpu *vcpu, const void *code, size_t size);
void set_long_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs);
u64 long_stack(struct vcpu *vcpu);
void irqs_on_for_bochs(struct vcpu *vcpu);
struct vcpu *quick_real(struct vm *vm, const void *code, size_t size);
struct vcpu *quick_long(struct vm *vm, guest_fn fn);

/* Machine code in this program, to be copied: BLOB(name, ".code16", "hlt") */
#define BLOB(name, mode, text)						\
	extern const u8 name[], name##_end[];				\
	asm(".pushsection .rodata\n" #name ":\n" mode "\n" text "\n"	\
	    #name "_end:\n.code64\n.popsection")
#define BLOB_OF(name)	name, (size_t)(name##_end - name)

/* run.c */
int run_once(struct vcpu *vcpu);
int run_bounded(struct vcpu *vcpu, unsigned int ms);
u32 run_exit(struct vcpu *vcpu);
bool expect_exit(struct vcpu *vcpu, u32 reason, const char *file, int line);
#define EXPECT_EXIT(vcpu, reason) \
	expect_exit(vcpu, reason, __FILE__, __LINE__)
#define MUST_EXIT(vcpu, reason)					\
	do {							\
		if (!EXPECT_EXIT(vcpu, reason))			\
			test_stop();				\
	} while (0)
bool is_ucall(struct vcpu *vcpu, struct ucall *uc);
bool run_to_ucall(struct vcpu *vcpu, struct ucall *uc);
u64 run_to_sync(struct vcpu *vcpu);
void run_to_done(struct vcpu *vcpu);
void expect_done(struct vcpu *vcpu);
void *io_data(struct vcpu *vcpu);
const char *exit_name(u32 reason);
void describe_exit(struct vcpu *vcpu);
void vcpu_start(struct vcpu *vcpu, void *(*fn)(void *));
void vcpu_start_to_done(struct vcpu *vcpu);
void vcpu_join(struct vcpu *vcpu);
void vcpu_start_until_stopped(struct vcpu *vcpu);
void vcpu_stop(struct vcpu *vcpu);
void vcpu_kick(struct vcpu *vcpu);
void kick_setup(void);

#endif
