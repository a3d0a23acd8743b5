// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory stays the host's: split, dropped, protected, exchanged, paged out. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define PAGE		4096ul
#define HUGE		0x200000ul
#define SIZE		(4 * HUGE)
#define PAGES		(SIZE / PAGE)
#define SLOT_GPA	0x10000000ul

/* Orders from the host: fill with a tag, or check it and count the zero pages. */
static volatile u64 order, tag, base, zeros, wrong;

static void paging_guest(void)
{
	for (;;) {
		zeros = wrong = 0;
		for (u64 i = 0; i < PAGES; i++) {
			u64 at = base + i * PAGE + i % 512 * 8;

			if (order == 1)
				MMIO(u64, at) = tag + i;
			else if (MMIO(u64, at) == 0)
				zeros++;
			else if (MMIO(u64, at) != tag + i)
				wrong++;
		}
		guest_sync(order);
	}
}

static void guest_fill(struct vcpu *vcpu, u64 value)
{
	AT(vcpu->vm, order) = 1;
	AT(vcpu->vm, tag) = value;
	EQ(run_to_sync(vcpu), 1);
}

static void guest_check(struct vcpu *vcpu, u64 value, u64 zero_pages)
{
	AT(vcpu->vm, order) = 2;
	AT(vcpu->vm, tag) = value;
	EQ(run_to_sync(vcpu), 2);
	EQ(AT(vcpu->vm, wrong), 0);
	EQ(AT(vcpu->vm, zeros), zero_pages);
}

static void host_check(u8 *p, u64 value)
{
	for (u64 i = 0; i < PAGES; i++) {
		if (!EQ(*(u64 *)(p + i * PAGE + i % 512 * 8), value + i))
			break;
	}
}

static u8 *huge_memory(void)
{
	u8 *p = ram_alloc(SIZE + HUGE);

	p = (u8 *)(((u64)p + HUGE - 1) & ~(HUGE - 1));
	madvise(p, SIZE, MADV_HUGEPAGE);
	return p;
}

static struct vcpu *with_memory(u8 *p, u64 gpa)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;

	slot_must(vm, 1, 0, gpa, SIZE, p);
	vcpu = quick_long(vm, paging_guest);
	AT(vm, base) = gpa;
	return vcpu;
}

static void two_megabyte_pages(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA);

	guest_check(vcpu, 0, PAGES);
	guest_fill(vcpu, 0x1000000);
	host_check(p, 0x1000000);
	guest_check(vcpu, 0x1000000, 0);
	for (u64 i = 0; i < PAGES; i++)
		*(u64 *)(p + i * PAGE + i % 512 * 8) = 0x2000000 + i;
	guest_check(vcpu, 0x2000000, 0);
	vm_free(vcpu->vm);
}

/* The guest's and the host's 2 MiB do not lie over each other. */
static void misaligned_to_each_other(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA + 5 * PAGE);

	guest_fill(vcpu, 0x3000000);
	host_check(p, 0x3000000);
	guest_check(vcpu, 0x3000000, 0);
	vm_free(vcpu->vm);
}

static void parts_dropped(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA);

	guest_fill(vcpu, 0x4000000);
	MUST(!madvise(p + 7 * PAGE, PAGE, MADV_DONTNEED));
	guest_check(vcpu, 0x4000000, 1);
	MUST(!madvise(p + HUGE, HUGE, MADV_DONTNEED));
	guest_check(vcpu, 0x4000000, 1 + 512);
	MUST(!madvise(p + 2 * HUGE - 3 * PAGE, 6 * PAGE, MADV_DONTNEED));
	guest_check(vcpu, 0x4000000, 1 + 512 + 3);
	guest_fill(vcpu, 0x5000000);
	host_check(p, 0x5000000);
	MUST(!madvise(p, SIZE, MADV_DONTNEED));
	guest_check(vcpu, 0x5000000, PAGES);
	vm_free(vcpu->vm);
}

static void a_page_mapped_anew(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA);
	u64 i = 600;

	guest_fill(vcpu, 0x6000000);
	MUST(mmap(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	guest_check(vcpu, 0x6000000, 1);
	*(u64 *)(p + i * PAGE + i % 512 * 8) = 0x6000000 + i;
	guest_check(vcpu, 0x6000000, 0);
	/* moved elsewhere and back */
	u8 *away = ram_alloc(PAGE);

	MUST(mremap(p + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
	AT(vcpu->vm, order) = 2;
	FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
	MUST(mremap(away, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + i * PAGE) ==
	     p + i * PAGE);
	EQ(run_to_sync(vcpu), 2);
	EQ(AT(vcpu->vm, wrong), 0);
	vm_free(vcpu->vm);
}

static void protected_by_the_host(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA);

	guest_fill(vcpu, 0x7000000);
	MUST(!mprotect(p + HUGE + 9 * PAGE, PAGE, PROT_READ));
	guest_check(vcpu, 0x7000000, 0);
	AT(vcpu->vm, order) = 1;
	AT(vcpu->vm, tag) = 0x8000000;
	FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
	EQ(*(u64 *)(p + HUGE + 9 * PAGE + 9 * 8), 0x7000000 + 512 + 9);
	MUST(!mprotect(p + HUGE + 9 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	EQ(run_to_sync(vcpu), 1);
	host_check(p, 0x8000000);
	MUST(!mprotect(p, SIZE, PROT_NONE));
	FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
	MUST(!mprotect(p, SIZE, PROT_READ | PROT_WRITE));
	EQ(run_to_sync(vcpu), 1);
	vm_free(vcpu->vm);
}

static void paged_out(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA);

	guest_fill(vcpu, 0x9000000);
	for (int i = 0; i < 4; i++) {
		if (madvise(p, SIZE, MADV_PAGEOUT))
			SKIP("no MADV_PAGEOUT");
		madvise(p, SIZE, MADV_COLD);
		guest_check(vcpu, 0x9000000 + i * 0x10000, 0);
		guest_fill(vcpu, 0x9000000 + (i + 1) * 0x10000);
		host_check(p, 0x9000000 + (i + 1) * 0x10000);
	}
	vm_free(vcpu->vm);
}

/* Shared memory of a file: a hole punched is zeroes for the guest. */
static void shared_memory_with_holes(void)
{
	int fd = memfd_create("ram", 0);
	struct vcpu *vcpu;
	u8 *p, *q;

	MUST(fd >= 0 && !ftruncate(fd, SIZE));
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(p != MAP_FAILED && q != MAP_FAILED);
	vcpu = with_memory(p, SLOT_GPA);
	guest_fill(vcpu, 0xa000000);
	/* by another mapping of the same file */
	host_check(q, 0xa000000);
	MUST(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * PAGE, 20 * PAGE));
	guest_check(vcpu, 0xa000000, 20);
	*(u64 *)(q + 105 * PAGE + 105 * 8) = 0xa000000 + 105;
	guest_check(vcpu, 0xa000000, 19);
	/* the file is cut: no memory behind the slot's end */
	MUST(!ftruncate(fd, SIZE - PAGE));
	FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
	MUST(!ftruncate(fd, SIZE));
	EQ(run_to_sync(vcpu), 2);
	vm_free(vcpu->vm);
}

static void huge_pages_and_the_dirty_log(void)
{
	u8 *p = huge_memory();
	struct vcpu *vcpu = with_memory(p, SLOT_GPA);
	static u64 bitmap[PAGES / 64];
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	u64 dirty = 0;

	guest_fill(vcpu, 0xb000000);
	slot_must(vcpu->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, SIZE, p);
	guest_check(vcpu, 0xb000000, 0);
	OK(ioctl(vcpu->vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (u64 i = 0; i < PAGES; i++)
		dirty += bitmap[i / 64] >> (i % 64) & 1;
	EQ(dirty, 0);
	guest_fill(vcpu, 0xb100000);
	OK(ioctl(vcpu->vm->fd, KVM_GET_DIRTY_LOG, &log));
	for (u64 i = 0; i < PAGES; i++)
		dirty += bitmap[i / 64] >> (i % 64) & 1;
	EQ(dirty, PAGES);
	/* logging ends: big pages again, and nothing is lost */
	slot_must(vcpu->vm, 1, 0, SLOT_GPA, SIZE, p);
	guest_check(vcpu, 0xb100000, 0);
	guest_fill(vcpu, 0xb200000);
	host_check(p, 0xb200000);
	vm_free(vcpu->vm);
}

/* Everything at once while the guest runs; it sees its own writes or zeroes. */
static volatile u64 churn_stop;

static void churning_guest(void)
{
	guest_sti();		/* Bochs interrupts no guest that has IF clear */
	for (u64 n = 1; !churn_stop; n++) {
		for (u64 i = 0; i < PAGES; i += 3) {
			u64 at = SLOT_GPA + i * PAGE, value = MMIO(u64, at);

			GCHECK(value == 0 || (value >> 32 == i && (u32)value < n));
			MMIO(u64, at) = i << 32 | n;
		}
	}
	guest_done();
}

static void churn_under_a_running_guest(void)
{
	struct vm *vm = vm_new();
	u8 *p = huge_memory();
	struct vcpu *vcpu;

	slot_must(vm, 1, 0, SLOT_GPA, SIZE, p);
	vcpu = quick_long(vm, churning_guest);
	vcpu_start_to_done(vcpu);
	for (u64 i = 0; i < 60; i++) {
		u64 at = i * 37 % (PAGES - 16) * PAGE;

		switch (i % 4) {
		case 0: madvise(p + at, 16 * PAGE, MADV_DONTNEED); break;
		case 1: madvise(p, SIZE, MADV_PAGEOUT); break;
		case 2: madvise(p + at / HUGE * HUGE, HUGE, MADV_DONTNEED); break;
		default:
			madvise(p, SIZE, i & 8 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
			break;
		}
		sleep_ms(3);
	}
	AT(vm, churn_stop) = 1;
	vcpu_join(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(two_megabyte_pages),
	TEST(misaligned_to_each_other),
	TEST(parts_dropped),
	TEST(a_page_mapped_anew),
	TEST(protected_by_the_host),
	TEST(paged_out),
	TEST(shared_memory_with_holes),
	TEST(huge_pages_and_the_dirty_log),
	TEST(churn_under_a_running_guest),
};

TEST_MAIN(tests)
