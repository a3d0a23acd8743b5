// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that edits its page tables while it runs on them, in every way that there
 * is to write to memory, sees what the tables say after the flushes that the
 * architecture asks for (SDM 3A 4.10.4). Where tables are shadowed each of these
 * writes has to be noticed.
 */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

#define PF_VECTOR	14
#define PTE_P		0x01ul
#define PTE_W		0x02ul
#define PTE_U		0x04ul
#define PTE_RAM		0x07ul
#define PTE_A		0x20ul
#define PTE_D		0x40ul
#define PTE_2M		0x80ul

/* Tables of the guest's own, all below a window of theirs, and frames to map */
#define T_PDPT		FREE_GPA
#define T_PD		(FREE_GPA + 0x1000)
#define T_PT		(FREE_GPA + 0x2000)
#define T_MORE		(FREE_GPA + 0x100000)	/* for those who need many */
#define FRAMES		(FREE_GPA + 0x20000)
#define FRAME(n)	(FRAMES + (n) * 0x1000)
#define WINDOW		0x8000000000ul		/* entry 1 of the root */
#define SELF		255ul			/* entry of the root that is the root */

#define ENTRY(table, n)	(((volatile u64 *)(table))[n])

static void invlpg(u64 va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static u64 read_cr3(void)
{
	u64 cr3;

	asm volatile("mov %%cr3, %0" : "=r"(cr3));
	return cr3;
}

static void write_cr3(u64 cr3)
{
	asm volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}

static void write_cr0(u64 cr0)
{
	asm volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

/* The vector, or NO_TRAP */
static u64 try_read(u64 va)
{
	return GUEST_TRY("movq (%[va]), %%rax", , [va] "r"(va), "a"(0));
}

static u64 try_write(u64 va)
{
	return GUEST_TRY("lock addq $0, (%[va])", , [va] "r"(va));
}

/* The window's tables, and in each frame its number */
static void setup(void)
{
	guest_warm();
	for (u64 i = 0; i < 512; i++) {
		ENTRY(T_PDPT, i) = 0;
		ENTRY(T_PD, i) = 0;
		ENTRY(T_PT, i) = 0;
	}
	for (u64 i = 0; i < 64; i++)
		MMIO(u64, FRAME(i)) = i;
	ENTRY(T_PDPT, 0) = T_PD | PTE_RAM;
	ENTRY(T_PD, 0) = T_PT | PTE_RAM;
	ENTRY(PT_GPA, 1) = T_PDPT | PTE_RAM;
}

#define PAGE_VA(n)	(WINDOW + (n) * 0x1000)
#define SEEN(n)		MMIO(u64, PAGE_VA(n))

static void editing_guest(void)
{
	setup();
	for (u64 round = 0; round < 20; round++) {
		for (u64 i = 0; i < 16; i++) {
			ENTRY(T_PT, i) = FRAME(i) | PTE_RAM;
			GEQ(SEEN(i), i);
			ENTRY(T_PT, i) = FRAME(i + 16) | PTE_RAM;
			invlpg(PAGE_VA(i));
			GEQ(SEEN(i), i + 16);
			ENTRY(T_PT, i) = FRAME(i + 16) | PTE_P;
			invlpg(PAGE_VA(i));
			GEQ(try_write(PAGE_VA(i)), PF_VECTOR);
			GEQ(this_cpu()->error, 3);
			GEQ(this_cpu()->cr2, PAGE_VA(i));
			GEQ(SEEN(i), i + 16);
			ENTRY(T_PT, i) = 0;
			invlpg(PAGE_VA(i));
			GEQ(try_read(PAGE_VA(i)), PF_VECTOR);
			GEQ(this_cpu()->error, 0);
		}
	}
	guest_done();
}

/* Whole tables change places, and CR3 flushes. */
static void upper_levels_guest(void)
{
	const u64 other = T_MORE;

	setup();
	for (u64 i = 0; i < 512; i++) {
		ENTRY(other, i) = FRAME(32 + i % 16) | PTE_RAM;
		ENTRY(T_PT, i) = FRAME(i % 16) | PTE_RAM;
	}
	for (u64 round = 0; round < 50; round++) {
		GEQ(SEEN(5), 5);
		ENTRY(T_PD, 0) = other | PTE_RAM;
		write_cr3(read_cr3());
		GEQ(SEEN(5), 37);
		ENTRY(T_PDPT, 0) = 0;
		write_cr3(read_cr3());
		GEQ(try_read(PAGE_VA(5)), PF_VECTOR);
		ENTRY(T_PDPT, 0) = T_PD | PTE_RAM;
		GEQ(SEEN(5), 37);
		/* The same tables, but nobody may write */
		ENTRY(T_PDPT, 0) = T_PD | PTE_P;
		write_cr3(read_cr3());
		GEQ(try_write(PAGE_VA(5)), PF_VECTOR);
		ENTRY(T_PDPT, 0) = T_PD | PTE_RAM;
		write_cr3(read_cr3());
		GEQ(try_write(PAGE_VA(5)), NO_TRAP);
		/* A large page, and back */
		ENTRY(T_PD, 0) = FREE_GPA | PTE_RAM | PTE_2M;
		write_cr3(read_cr3());
		GEQ(MMIO(u64, WINDOW + FRAME(9) - FREE_GPA), 9);
		ENTRY(T_PD, 0) = SCRATCH_GPA | PTE_RAM | PTE_2M;
		write_cr3(read_cr3());
		MMIO(u64, SCRATCH_GPA + 0x8000) = round;
		GEQ(MMIO(u64, WINDOW + 0x8000), round);
		ENTRY(T_PD, 0) = T_PT | PTE_RAM;
		write_cr3(read_cr3());
	}
	guest_done();
}

/* What wrote to the entries, by the line */
#define SEES(n, frame)							\
	do {								\
		invlpg(PAGE_VA(n));					\
		GEQ(SEEN(n), frame);					\
	} while (0)

static void movs(volatile u64 *to, const u64 *from, u64 count)
{
	asm volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
}

static void stosb(volatile u64 *to, u64 bytes)
{
	asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(0) : "memory");
}

static const u64 two_entries[2] = { FRAME(20) | PTE_RAM, FRAME(21) | PTE_RAM };
static const u64 many_zeros[64];

static void writing_guest(void)
{
	volatile u64 *e = &ENTRY(T_PT, 8);
	u64 old, again;

	setup();
	for (u64 round = 0; round < 10; round++) {
		e[0] = FRAME(1) | PTE_RAM;
		e[1] = FRAME(2) | PTE_RAM;
		SEES(8, 1);
		SEES(9, 2);
		/* Halves, words, bytes; an entry out of two */
		*(volatile u32 *)e = (u32)FRAME(3) | PTE_RAM;
		*((volatile u32 *)e + 1) = 0;
		SEES(8, 3);
		*((volatile u16 *)e + 1) = FRAME(4) >> 16;
		*(volatile u16 *)e = (u16)FRAME(4) | PTE_RAM;
		SEES(8, 4);
		*((volatile u8 *)e + 1) = (u8)(FRAME(5) >> 8);
		SEES(8, 5);
		*(volatile u64 *)((u64)e + 4) = (FRAME(6) | PTE_RAM) << 32;
		SEES(8, 5);
		SEES(9, 6);
		/* Bits, and read-modify-write */
		asm volatile("lock btrq $0, %0" : "+m"(*e) : : "cc");
		invlpg(PAGE_VA(8));
		GEQ(try_read(PAGE_VA(8)), PF_VECTOR);
		asm volatile("lock btsq $0, %0" : "+m"(*e) : : "cc");
		SEES(8, 5);
		asm volatile("lock addq %1, %0" : "+m"(*e) : "r"(0x1000ul) : "cc");
		SEES(8, 6);
		asm volatile("incb 1+%0\n\taddb $15, 1+%0" : "+m"(*e) : : "cc");
		SEES(8, 7);
		old = *e;
		asm volatile("lock cmpxchgq %2, %1" : "+a"(old), "+m"(*e)
			     : "r"(FRAME(8) | PTE_RAM) : "cc");
		SEES(8, 8);
		old = FRAME(9) | PTE_RAM;
		asm volatile("xchgq %0, %1" : "+r"(old), "+m"(*e));
		SEES(8, 9);
		old = e[0];
		again = e[1];
		asm volatile("lock cmpxchg16b %2"
			     : "+a"(old), "+d"(again), "+m"(*(volatile __uint128_t *)e)
			     : "b"(FRAME(10) | PTE_RAM), "c"(FRAME(11) | PTE_RAM) : "cc");
		SEES(8, 10);
		SEES(9, 11);
		/* What the emulator may not know */
		asm volatile("movups %1, %%xmm0\n\tmovups %%xmm0, %0"
			     : "=m"(*(volatile __uint128_t *)e)
			     : "m"(*(const __uint128_t *)two_entries));
		SEES(8, 20);
		SEES(9, 21);
		old = FRAME(12) | PTE_RAM;
		asm volatile("fninit\n\tfildq %1\n\tfistpq %0" : "=m"(*e) : "m"(old));
		SEES(8, 12);
		asm volatile("fxsave64 %0" : "=m"(*(volatile u8 (*)[512])&ENTRY(T_PT, 64)));
		SEES(8, 12);
		/* The stack */
		asm volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tpushq %1\n\tpushq %2\n\t"
			     "mov %%rbx, %%rsp"
			     : : "r"(e + 2), "r"(FRAME(14) | PTE_RAM), "r"(FRAME(13) | PTE_RAM)
			     : "rbx", "memory");
		SEES(8, 13);
		SEES(9, 14);
		/* Strings */
		movs(e, two_entries, 2);
		SEES(8, 20);
		stosb(e, 16);
		invlpg(PAGE_VA(8));
		GEQ(try_read(PAGE_VA(8)), PF_VECTOR);
		movs(&ENTRY(T_PT, 64), many_zeros, ARRAY_SIZE(many_zeros));
	}
	guest_done();
}

static void accessed_dirty_guest(void)
{
	setup();
	for (u64 i = 0; i < 32; i++) {
		volatile u64 *pte = &ENTRY(T_PT, i), *pde = &ENTRY(T_PD, 0);

		*pte = FRAME(i) | PTE_RAM;
		*pde &= ~PTE_A;
		write_cr3(read_cr3());
		GEQ(SEEN(i), i);
		GEQ(*pte & (PTE_A | PTE_D), PTE_A);
		GEQ(*pde & PTE_A, PTE_A);
		SEEN(i) = i;
		GEQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
		/* Both ways to take them back */
		*pte = FRAME(i) | PTE_RAM;
		invlpg(PAGE_VA(i));
		SEEN(i) = i;
		GEQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
		asm volatile("lock andb %1, %0" : "+m"(*(volatile u8 *)pte)
			     : "i"((u8)~(PTE_A | PTE_D)) : "cc");
		*pde &= ~PTE_A;
		write_cr3(read_cr3());
		GEQ(*pte & (PTE_A | PTE_D), 0);
		GEQ(SEEN(i), i);
		GEQ(*pte & (PTE_A | PTE_D), PTE_A);
		GEQ(*pde & PTE_A, PTE_A);
		/* A write that is not allowed sets nothing. */
		*pte = FRAME(i) | PTE_P;
		invlpg(PAGE_VA(i));
		GEQ(try_write(PAGE_VA(i)), PF_VECTOR);
		GEQ(*pte & PTE_D, 0);
	}
	guest_done();
}

/* The root is in itself: tables are seen, and written, as pages. */
static void recursive_guest(void)
{
	const u64 self = SELF << 39;
	const u64 pts = self | 1ul << 30;		/* of the window: its first table */
	const u64 root = self | SELF << 30 | SELF << 21 | SELF << 12;

	setup();
	ENTRY(PT_GPA, SELF) = PT_GPA | PTE_RAM;
	for (u64 round = 0; round < 10; round++) {
		for (u64 i = 0; i < 8; i++) {
			ENTRY(pts, i) = FRAME(i) | PTE_RAM;
			GEQ(ENTRY(T_PT, i), FRAME(i) | PTE_RAM);
			GEQ(SEEN(i), i);
			ENTRY(pts, i) = FRAME(i + 8) | PTE_RAM;
			SEES(i, i + 8);
			GEQ(ENTRY(pts, i) & PTE_A, PTE_A);
			/* By the other name */
			ENTRY(T_PT, i) = FRAME(i + 16) | PTE_RAM;
			SEES(i, i + 16);
			ENTRY(pts, i) = 0;
			invlpg(PAGE_VA(i));
			GEQ(try_read(PAGE_VA(i)), PF_VECTOR);
		}
		GEQ(ENTRY(root, SELF) & ~0xffful, PT_GPA);
		ENTRY(root, 1) = 0;
		write_cr3(read_cr3());
		GEQ(try_read(pts), PF_VECTOR);
		GEQ(try_read(PAGE_VA(0)), PF_VECTOR);
		ENTRY(root, 1) = T_PDPT | PTE_RAM;
	}
	guest_done();
}

/* mov %rsi, (%rdi); mov (%rdx), %rax; ret */
static const u8 store[] = { 0x48, 0x89, 0x37, 0x48, 0x8b, 0x02, 0xc3 };

/* Code in the page of a table writes to that table. */
static void code_in_table_guest(void)
{
	u64 (*fn)(volatile u64 *entry, u64 value, u64 va) = (void *)(T_PT + 0x800);

	setup();
	for (size_t i = 0; i < sizeof(store); i++)
		MMIO(u8, T_PT + 0x800 + i) = store[i];
	for (u64 i = 0; i < 32; i++)
		GEQ(fn(&ENTRY(T_PT, i), FRAME(i) | PTE_RAM, PAGE_VA(i)), i);
	guest_done();
}

/* The guest frees a table, uses its page for something else, and back again. */
static void reuse_guest(void)
{
	setup();
	for (u64 round = 0; round < 10; round++) {
		for (u64 i = 0; i < 512; i++)
			ENTRY(T_PT, i) = FRAME(i % 32) | PTE_RAM;
		for (u64 i = 0; i < 512; i += 5)
			GEQ(SEEN(i), i % 32);
		ENTRY(T_PD, 0) = 0;
		write_cr3(read_cr3());
		for (u64 i = 0; i < 512; i++)
			MMIO(u64, T_PT + 8 * i) = i ^ round;
		for (u64 i = 0; i < 512; i++)
			GEQ(MMIO(u64, T_PT + 8 * i), i ^ round);
		stosb(&ENTRY(T_PT, 0), 4096);
		ENTRY(T_PD, 0) = T_PT | PTE_RAM;
		GEQ(try_read(PAGE_VA(3)), PF_VECTOR);
	}
	guest_done();
}

/* The kernel writes to pages that are read-only, with CR0.WP clear. */
static void wp_guest(void)
{
	u64 cr0;

	setup();
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	for (u64 i = 0; i < 16; i++) {
		ENTRY(T_PT, i) = FRAME(i) | PTE_P | (i & 1 ? PTE_U : 0);
		GEQ(try_write(PAGE_VA(i)), PF_VECTOR);
		write_cr0(cr0 & ~(1ul << 16));
		GEQ(try_write(PAGE_VA(i)), NO_TRAP);
		GEQ(ENTRY(T_PT, i) & PTE_D, PTE_D);
		SEEN(i) = i;
		GEQ(MMIO(u64, FRAME(i)), i);
		write_cr0(cr0);
		GEQ(try_write(PAGE_VA(i)), PF_VECTOR);
		GEQ(SEEN(i), i);
		/* A table that only its entry for itself protects */
		ENTRY(T_PT, 100) = T_PT | PTE_P;
		write_cr0(cr0 & ~(1ul << 16));
		ENTRY(PAGE_VA(100), 101) = FRAME(33) | PTE_RAM;
		SEES(101, 33);
		ENTRY(PAGE_VA(100), 101) = FRAME(34) | PTE_RAM;
		SEES(101, 34);
		write_cr0(cr0);
	}
	guest_done();
}

#define NR_ROOTS	40ul
#define NR_TABLES	120ul

/* More tables than there may be shadows of */
static void many_tables_guest(void)
{
	setup();
	for (u64 r = 0; r < NR_ROOTS; r++) {
		u64 root = T_MORE + r * 0x2000;

		for (u64 i = 0; i < 512; i++) {
			ENTRY(root, i) = i == 1 ? (root + 0x1000) | PTE_RAM : ENTRY(PT_GPA, i);
			ENTRY(root + 0x1000, i) = i == r ? T_PD | PTE_RAM : 0;
		}
	}
	for (u64 n = 0; n < NR_TABLES; n++) {
		u64 table = T_MORE + 0x100000 + n * 0x1000;

		for (u64 i = 0; i < 512; i++)
			ENTRY(table, i) = FRAME((i + n) % 64) | PTE_RAM;
		ENTRY(T_PD, n) = table | PTE_RAM;
	}
	for (u64 round = 0; round < 2; round++) {
		for (u64 r = 0; r < NR_ROOTS; r++) {
			write_cr3(T_MORE + r * 0x2000);
			for (u64 n = r % 4; n < NR_TABLES; n += 4)
				GEQ(MMIO(u64, WINDOW + (r << 30) + (n << 21) + (r << 12)),
				    (r + n) % 64);
			GEQ(try_read(WINDOW + ((r + 1) << 30)), PF_VECTOR);
		}
	}
	write_cr3(PT_GPA);
	guest_done();
}

static void run(guest_fn fn)
{
	struct vm *vm = vm_new();

	run_to_done(quick_long(vm, fn));
	vm_free(vm);
}

static void edits_are_seen(void)
{
	run(editing_guest);
}

static void edits_of_upper_levels(void)
{
	run(upper_levels_guest);
}

static void all_ways_to_write(void)
{
	run(writing_guest);
}

static void accessed_and_dirty_bits(void)
{
	run(accessed_dirty_guest);
}

static void recursive_tables(void)
{
	run(recursive_guest);
}

static void code_in_a_table(void)
{
	run(code_in_table_guest);
}

static void tables_become_data(void)
{
	run(reuse_guest);
}

static void write_protection_off(void)
{
	run(wp_guest);
}

static void more_tables_than_shadows(void)
{
	struct vm *vm = vm_new();

	OK(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 64ul));
	run_to_done(quick_long(vm, many_tables_guest));
	vm_free(vm);
}

static void logged_guest(void)
{
	setup();
	ENTRY(T_PT, 0) = FRAME(0) | PTE_RAM;
	ENTRY(T_PT, 1) = FRAME(1) | PTE_RAM | PTE_A | PTE_D;
	GEQ(SEEN(0), 0);
	GEQ(SEEN(1), 1);
	guest_sync(0);
	ENTRY(T_PT, 2) = FRAME(2) | PTE_RAM | PTE_A | PTE_D;
	guest_sync(1);
	GEQ(SEEN(2), 2);
	guest_sync(2);
	SEEN(0) = 7;
	guest_sync(3);
	ENTRY(T_PD, 0) = T_PT | PTE_RAM | PTE_A;
	GEQ(SEEN(0), 7);
	guest_done();
}

static bool logged(const u64 *bitmap, u64 gpa)
{
	return bitmap[gpa >> 18] >> (gpa >> 12 & 63) & 1;
}

/* Run on; what was written to is in the log: the table, the directory, the frame. */
static void log_after(struct vcpu *vcpu, bool pt, bool pd, bool frame)
{
	static u64 bitmap[RAM_SIZE / 4096 / 64];
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
	struct ucall uc;

	MUST(run_to_ucall(vcpu, &uc));
	MUST(!ioctl(vcpu->vm->fd, KVM_GET_DIRTY_LOG, &log));
	/* More may be in it: nested walks count as writes (APM 2 15.25.6). */
	CHECK(logged(bitmap, T_PT) || !pt);
	CHECK(logged(bitmap, T_PD) || !pd);
	CHECK(logged(bitmap, FRAME(0)) || !frame);
}

/* Writes that are emulated, and bits that the walk sets, are writes. */
static void dirty_log_of_tables(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, logged_guest);
	/* Bochs sets dirty bits without a look at what EPT says of the table. */
	bool told = !on_bochs() || !nested_paging() || module_has("eptad");

	slot_must(vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, RAM_SIZE, vm->ram);
	log_after(vcpu, true, true, true);
	log_after(vcpu, true, false, false);
	log_after(vcpu, false, false, false);
	log_after(vcpu, told, false, true);
	log_after(vcpu, false, true, false);
	vm_free(vm);
}

/* Two processors: one changes the mapping, the other flushes when told. */
static volatile u64 wanted, flushed, stop;

static void changer_guest(void)
{
	setup();
	ENTRY(T_PT, 0) = FRAME(0) | PTE_RAM;
	ENTRY(T_PT, 1) = FRAME(1) | PTE_RAM;
	for (u64 i = 1; i <= 300; i++) {
		ENTRY(T_PT, 0) = FRAME(i % 64) | PTE_RAM;
		/* And something that makes the other one fault */
		ENTRY(T_PT, 1) = i & 1 ? 0 : FRAME(i % 64) | PTE_RAM;
		wanted = i;
		guest_wait(flushed == i);
	}
	stop = 1;
	guest_done();
}

static void reader_guest(void)
{
	guest_warm();
	for (u64 i = 1; i <= 300; i++) {
		guest_wait(wanted == i);
		invlpg(PAGE_VA(0));
		invlpg(PAGE_VA(1));
		GEQ(SEEN(0), i % 64);
		GEQ(try_read(PAGE_VA(1)), i & 1 ? PF_VECTOR : NO_TRAP);
		flushed = i;
	}
	guest_done();
}

static void two_processors(void)
{
	struct vm *vm = vm_new();
	struct vcpu *a = vcpu_new(vm, 0), *b = vcpu_new(vm, 1);

	start_long(a, changer_guest);
	start_long(b, reader_guest);
	irqs_on_for_bochs(a);
	irqs_on_for_bochs(b);
	vcpu_start_to_done(a);
	vcpu_start_to_done(b);
	vcpu_join(a);
	vcpu_join(b);
	EQ(AT(vm, stop), 1);
	EQ(AT(vm, flushed), 300);
	vm_free(vm);
}

static void looking_guest(void)
{
	guest_sync(MMIO(u64, SCRATCH_GPA));
}

/* User space rewrites tables and sets registers, as a reset or a migration does. */
static void tables_from_user_space(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	u64 *pd = at_gpa(vm, PT_GPA + 0x2000, 4096);

	if (on_stock_kvm() && !nested_paging())
		SKIP("its shadow of a table stays");
	for (u64 i = 0; i < 4; i++) {
		MMIO(u64, vm->ram + FREE_GPA + i * 0x200000) = i;
		pd[SCRATCH_GPA >> 21] = (FREE_GPA + i * 0x200000) | PTE_RAM | PTE_2M;
		start_long(vcpu, looking_guest);
		EQ(run_to_sync(vcpu), i);
	}
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(edits_are_seen),
	TEST(edits_of_upper_levels),
	TEST(all_ways_to_write),
	TEST(accessed_and_dirty_bits),
	TEST(recursive_tables),
	TEST(code_in_a_table),
	TEST(tables_become_data),
	TEST(write_protection_off),
	SLOW_TEST(more_tables_than_shadows, 60),
	TEST(dirty_log_of_tables),
	SLOW_TEST(two_processors, 60),
	TEST(tables_from_user_space),
};

TEST_MAIN(tests)
