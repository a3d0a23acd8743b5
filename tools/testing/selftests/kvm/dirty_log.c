// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: every page written is there, no other, until it is taken. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define PAGE		4096ul
#define PAGES		512ul
#define SLOT_GPA	0x10000000ul
#define LOG		KVM_MEM_LOG_DIRTY_PAGES

/* Writes one page for each entry of the list, then asks for another list. */
static volatile u32 list[PAGES], list_len;

static void writing_guest(void)
{
	for (;;) {
		for (u32 i = 0; i < list_len; i++)
			MMIO(u64, SLOT_GPA + list[i] * PAGE + 8 * (i % 512))++;
		guest_sync(list_len);
	}
}

static u64 bitmap[PAGES / 64];

static int get_log(struct vm *vm, u32 slot)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	memset(bitmap, 0xee, sizeof(bitmap));
	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static int clear_log(struct vm *vm, u32 slot, u64 first, u32 count, u64 *bits)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot, .first_page = first, .num_pages = count, .dirty_bitmap = bits,
	};

	return ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

static unsigned int ones(void)
{
	unsigned int count = 0;

	for (size_t i = 0; i < PAGES; i++)
		count += bitmap[i / 64] >> (i % 64) & 1;
	return count;
}

static bool bit(u32 page)
{
	return bitmap[page / 64] >> (page % 64) & 1;
}

static void guest_writes(struct vcpu *vcpu, u32 first, u32 count, u32 step)
{
	for (u32 i = 0; i < count; i++)
		AT(vcpu->vm, list)[i] = (first + i * step) % PAGES;
	AT(vcpu->vm, list_len) = count;
	EQ(run_to_sync(vcpu), count);
}

static struct vm *vm_with_log(u32 flags)
{
	struct vm *vm = vm_new();

	slot_must(vm, 1, flags, SLOT_GPA, PAGES * PAGE, ram_alloc(PAGES * PAGE));
	quick_long(vm, writing_guest);
	return vm;
}

static void exactly_the_written_pages(void)
{
	struct vm *vm = vm_with_log(LOG);
	struct vcpu *vcpu = &vm->vcpu[0];

	OK(get_log(vm, 1));
	EQ(ones(), 0);
	guest_writes(vcpu, 0, 1, 1);
	OK(get_log(vm, 1));
	EQ(ones(), 1);
	CHECK(bit(0));
	guest_writes(vcpu, 3, 50, 7);
	OK(get_log(vm, 1));
	EQ(ones(), 50);
	for (u32 i = 0; i < 50; i++)
		CHECK(bit(3 + 7 * i), "page %u", 3 + 7 * i);
	/* taken: gone; the same pages written again: back */
	OK(get_log(vm, 1));
	EQ(ones(), 0);
	guest_writes(vcpu, 3, 50, 7);
	OK(get_log(vm, 1));
	EQ(ones(), 50);
	guest_writes(vcpu, PAGES - 1, 1, 1);
	OK(get_log(vm, 1));
	CHECK(bit(PAGES - 1) && ones() == 1);
	vm_free(vm);
}

static void switched_on_late(void)
{
	struct vm *vm = vm_with_log(0);
	struct vcpu *vcpu = &vm->vcpu[0];
	void *hva = ram_alloc(PAGES * PAGE);

	/* mapped writable (perhaps by huge pages) before anyone asked */
	guest_writes(vcpu, 0, PAGES, 1);
	slot_must(vm, 1, 0, 0, 0, NULL);
	slot_must(vm, 1, 0, SLOT_GPA, PAGES * PAGE, hva);
	guest_writes(vcpu, 0, PAGES, 1);
	FAILS(get_log(vm, 1), ENOENT);
	slot_must(vm, 1, LOG, SLOT_GPA, PAGES * PAGE, hva);
	OK(get_log(vm, 1));
	EQ(ones(), 0);
	guest_writes(vcpu, 100, 3, 1);
	OK(get_log(vm, 1));
	EQ(ones(), 3);
	CHECK(bit(100) && bit(101) && bit(102));
	/* off again: no log to be had */
	slot_must(vm, 1, 0, SLOT_GPA, PAGES * PAGE, hva);
	FAILS(get_log(vm, 1), ENOENT);
	guest_writes(vcpu, 0, PAGES, 1);
	slot_must(vm, 1, LOG, SLOT_GPA, PAGES * PAGE, hva);
	guest_writes(vcpu, 5, 1, 1);
	OK(get_log(vm, 1));
	EQ(ones(), 1);
	vm_free(vm);
}

static void bad_arguments(void)
{
	struct vm *vm = vm_with_log(LOG);
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = (void *)8 };

	FAILS(get_log(vm, 0), ENOENT);
	FAILS(get_log(vm, 5), ENOENT);
	FAILS(get_log(vm, 2 << 16 | 1), EINVAL);
	FAILS(get_log(vm, 0xffff), EINVAL);
	FAILS(get_log(vm, 40000), EINVAL);
	if (has_cap(vm->fd, KVM_CAP_MULTI_ADDRESS_SPACE) == 2)
		FAILS(get_log(vm, 1 << 16 | 1), ENOENT);
	else
		FAILS(get_log(vm, 1 << 16 | 1), EINVAL);
	FAILS(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), EFAULT);
	vm_free(vm);
}

static void manual_protect(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	u64 bits[PAGES / 64];

	OK(enable_cap(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		      KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE));
	slot_must(vm, 1, LOG, SLOT_GPA, PAGES * PAGE, ram_alloc(PAGES * PAGE));
	vcpu = quick_long(vm, writing_guest);
	guest_writes(vcpu, 0, 128, 1);
	/* looking does not take */
	for (int i = 0; i < 3; i++) {
		OK(get_log(vm, 1));
		EQ(ones(), 128);
	}
	memset(bits, 0, sizeof(bits));
	bits[0] = 0xff00;
	OK(clear_log(vm, 1, 0, 64, bits));
	OK(get_log(vm, 1));
	EQ(ones(), 120);
	CHECK(bit(7) && !bit(8) && !bit(15) && bit(16));
	/* the second word, by its first page */
	bits[0] = ~0ull;
	OK(clear_log(vm, 1, 64, 64, bits));
	OK(get_log(vm, 1));
	EQ(ones(), 56);
	CHECK(!bit(64) && !bit(127));
	/* written again after the clear */
	guest_writes(vcpu, 9, 1, 1);
	guest_writes(vcpu, 70, 1, 1);
	OK(get_log(vm, 1));
	EQ(ones(), 58);
	CHECK(bit(9) && bit(70));
	memset(bits, 0xff, sizeof(bits));
	OK(clear_log(vm, 1, 0, PAGES, bits));
	OK(get_log(vm, 1));
	EQ(ones(), 0);
	guest_writes(vcpu, 9, 3, 100);
	OK(get_log(vm, 1));
	EQ(ones(), 3);
	vm_free(vm);
}

static void clear_arguments(void)
{
	struct vm *vm = vm_new();
	u64 bits[PAGES / 64 + 2] = { 0 };

	FAILS(enable_cap(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 4), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			 KVM_DIRTY_LOG_INITIALLY_SET), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1));
	slot_must(vm, 1, LOG, SLOT_GPA, 100 * PAGE, ram_alloc(PAGES * PAGE));
	FAILS(clear_log(vm, 1, 1, 64, bits), EINVAL);
	FAILS(clear_log(vm, 1, 0, 63, bits), EINVAL);
	FAILS(clear_log(vm, 1, 128, 64, bits), EINVAL);
	FAILS(clear_log(vm, 1, 0, 128, bits), EINVAL);
	FAILS(clear_log(vm, 1, 64, 64, bits), EINVAL);
	FAILS(clear_log(vm, 1, 1ull << 63, 64, bits), EINVAL);
	FAILS(clear_log(vm, 1, ~63ull, 64, bits), EINVAL);
	FAILS(clear_log(vm, 1, 0, ~0u, bits), EINVAL);
	OK(clear_log(vm, 1, 64, 36, bits));
	OK(clear_log(vm, 1, 0, 100, bits));
	FAILS(clear_log(vm, 1, 0, 100, (u64 *)8), EFAULT);
	FAILS(clear_log(vm, 0, 0, 64, bits), ENOENT);
	FAILS(clear_log(vm, 40000, 0, 64, bits), EINVAL);
	FAILS(clear_log(vm, 2 << 16, 0, 64, bits), EINVAL);
	vm_free(vm);
}

static void initially_set(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	u64 bits[PAGES / 64];
	int flags = has_cap(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);

	if (!(flags & KVM_DIRTY_LOG_INITIALLY_SET))
		SKIP("KVM_DIRTY_LOG_INITIALLY_SET is not offered");
	OK(enable_cap(vm->fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3));
	slot_must(vm, 1, LOG, SLOT_GPA, PAGES * PAGE, ram_alloc(PAGES * PAGE));
	vcpu = quick_long(vm, writing_guest);
	OK(get_log(vm, 1));
	EQ(ones(), PAGES);
	memset(bits, 0xff, sizeof(bits));
	OK(clear_log(vm, 1, 0, PAGES, bits));
	OK(get_log(vm, 1));
	EQ(ones(), 0);
	guest_writes(vcpu, 17, 1, 1);
	OK(get_log(vm, 1));
	CHECK(bit(17) && ones() == 1);
	vm_free(vm);
}

/*
 * While the guest writes without end: no write may be lost. The guest counts
 * up in every page; a page whose value changed between two looks must have
 * been in one of the logs.
 */
static volatile u64 storm_stop;

static void storming_guest(void)
{
	guest_sti();		/* Bochs interrupts no guest that has IF clear */
	for (u64 n = 1; !storm_stop; n++) {
		for (u64 i = 0; i < PAGES; i += 3)
			MMIO(u64, SLOT_GPA + i * PAGE) = n;
	}
	guest_done();
}

static void no_write_is_lost(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, storming_guest);
	volatile u64 *ram = ram_alloc(PAGES * PAGE);
	u64 *copy = calloc(PAGES, 8);
	unsigned int lost = 0, total = 0;

	slot_must(vm, 1, LOG, SLOT_GPA, PAGES * PAGE, (void *)ram);
	vcpu_start_to_done(vcpu);
	for (int round = 0; round < 50; round++) {
		sleep_ms(5);
		MUST(!get_log(vm, 1));
		total += ones();
		for (u32 i = 0; i < PAGES; i++) {
			if (bit(i))
				copy[i] = ram[i * 512];
		}
	}
	AT(vm, storm_stop) = 1;
	vcpu_join(vcpu);
	MUST(!get_log(vm, 1));
	for (u32 i = 0; i < PAGES; i++) {
		if (bit(i))
			copy[i] = ram[i * 512];
		lost += copy[i] != ram[i * 512];
	}
	EQ(lost, 0);
	CHECK(total > PAGES / 3, "%u", total);
	vm_free(vm);
}

static void writes_by_the_kernel_are_logged(void)
{
	struct vm *vm = vm_with_log(LOG);
	struct vcpu *vcpu = &vm->vcpu[0];

	/* the wall clock is written when its MSR is */
	EQ(msr_set(vcpu, 0x4b564d00, SLOT_GPA + 33 * PAGE), 1);
	OK(get_log(vm, 1));
	CHECK(bit(33));
	EQ(ones(), 1);
	vm_free(vm);
}

static void readonly_slot_has_an_empty_log(void)
{
	struct vm *vm = vm_new();

	slot_must(vm, 1, LOG | KVM_MEM_READONLY, SLOT_GPA, PAGES * PAGE,
		  ram_alloc(PAGES * PAGE));
	OK(get_log(vm, 1));
	EQ(ones(), 0);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(exactly_the_written_pages),
	TEST(switched_on_late),
	TEST(bad_arguments),
	TEST(manual_protect),
	TEST(clear_arguments),
	TEST(initially_set),
	TEST(no_write_is_lost),
	TEST(writes_by_the_kernel_are_logged),
	TEST(readonly_slot_has_an_empty_log),
};

TEST_MAIN(tests)
