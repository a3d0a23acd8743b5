// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots: what may be set, what is refused, what the guest then sees. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define PAGE	4096ul
#define HIGH	(1ul << 32)	/* outside the usual RAM; a 64-bit guest maps below 4 GiB only */
#define SLOT_GPA 0x10000000ul

/* Reads or writes the word the host named, until told to stop. */
static volatile u64 probe_gpa, probe_write;

static void probing_guest(void)
{
	for (;;) {
		guest_sync(MMIO(u64, probe_gpa));
		if (probe_write)
			MMIO(u64, probe_gpa) = probe_write;
		probe_write = 0;
	}
}

static u64 guest_reads(struct vcpu *vcpu, u64 gpa)
{
	AT(vcpu->vm, probe_gpa) = gpa;
	return run_to_sync(vcpu);
}

/* The next access is not RAM. */
static void guest_hits_mmio(struct vcpu *vcpu, u64 gpa)
{
	AT(vcpu->vm, probe_gpa) = gpa;
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, gpa);
	EQ(vcpu->run->mmio.is_write, 0);
	memset(vcpu->run->mmio.data, 0x77, 8);
	EQ(run_to_sync(vcpu), 0x7777777777777777ull);
}

static struct vcpu *prober(struct vm *vm)
{
	struct vcpu *vcpu = quick_long(vm, probing_guest);

	AT(vm, probe_gpa) = SCRATCH_GPA;
	run_to_sync(vcpu);
	return vcpu;
}

static u64 *tagged(u64 tag, size_t pages)
{
	u64 *p = ram_alloc(pages * PAGE);

	for (size_t i = 0; i < pages; i++)
		p[i * 512] = tag + i;
	return p;
}

static void create_move_delete(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = prober(vm);
	u64 *a = tagged(0xa00, 4), *b = tagged(0xb00, 4);

	guest_hits_mmio(vcpu, SLOT_GPA);
	slot_must(vm, 1, 0, SLOT_GPA, 4 * PAGE, a);
	EQ(guest_reads(vcpu, SLOT_GPA), 0xa00);
	EQ(guest_reads(vcpu, SLOT_GPA + 3 * PAGE), 0xa03);
	guest_hits_mmio(vcpu, SLOT_GPA + 4 * PAGE);
	guest_hits_mmio(vcpu, SLOT_GPA - PAGE);
	/* moved by 2 pages: what was there is gone, what was not is there */
	slot_must(vm, 1, 0, SLOT_GPA + 2 * PAGE, 4 * PAGE, a);
	guest_hits_mmio(vcpu, SLOT_GPA);
	EQ(guest_reads(vcpu, SLOT_GPA + 2 * PAGE), 0xa00);
	EQ(guest_reads(vcpu, SLOT_GPA + 4 * PAGE), 0xa02);
	slot_must(vm, 1, 0, 0, 0, NULL);
	guest_hits_mmio(vcpu, SLOT_GPA + 2 * PAGE);
	/* the same id again, elsewhere in the host */
	slot_must(vm, 1, 0, SLOT_GPA, 4 * PAGE, b);
	EQ(guest_reads(vcpu, SLOT_GPA + PAGE), 0xb01);
	vm_free(vm);
}

static void deleting_what_is_not_there(void)
{
	struct vm *vm = vm_new();

	FAILS(slot_set(vm, 7, 0, 0, 0, NULL), EINVAL);
	slot_must(vm, 7, 0, SLOT_GPA, PAGE, vm->ram);
	OK(slot_set(vm, 7, 0, 0, 0, NULL));
	FAILS(slot_set(vm, 7, 0, 0, 0, NULL), EINVAL);
	vm_free(vm);
}

static void overlaps(void)
{
	struct vm *vm = vm_new();
	u8 *p = ram_alloc(16 * PAGE);

	slot_must(vm, 1, 0, SLOT_GPA, 4 * PAGE, p);
	slot_must(vm, 2, 0, SLOT_GPA + 8 * PAGE, 4 * PAGE, p);
	FAILS(slot_set(vm, 3, 0, SLOT_GPA, PAGE, p), EEXIST);
	FAILS(slot_set(vm, 3, 0, SLOT_GPA + 3 * PAGE, PAGE, p), EEXIST);
	FAILS(slot_set(vm, 3, 0, SLOT_GPA - PAGE, 2 * PAGE, p), EEXIST);
	FAILS(slot_set(vm, 3, 0, SLOT_GPA - PAGE, 16 * PAGE, p), EEXIST);
	FAILS(slot_set(vm, 3, 0, SLOT_GPA + 3 * PAGE, 8 * PAGE, p), EEXIST);
	FAILS(slot_set(vm, 3, 0, 0, PAGE, p), EEXIST);
	/* moving onto another one */
	FAILS(slot_set(vm, 2, 0, SLOT_GPA + PAGE, 4 * PAGE, p), EEXIST);
	/* the gaps, exactly */
	OK(slot_set(vm, 3, 0, SLOT_GPA + 4 * PAGE, 4 * PAGE, p));
	OK(slot_set(vm, 4, 0, SLOT_GPA + 12 * PAGE, PAGE, p));
	OK(slot_set(vm, 5, 0, SLOT_GPA - PAGE, PAGE, p));
	/* moving over one's own old place is no overlap */
	OK(slot_set(vm, 5, 0, 0, 0, NULL));
	OK(slot_set(vm, 1, 0, SLOT_GPA - PAGE, 4 * PAGE, p));
	/* address space 1 (for SMM) is another world, where there is one */
	if (has_cap(vm->fd, KVM_CAP_MULTI_ADDRESS_SPACE) == 2)
		OK(slot_set(vm, 1 << 16 | 3, 0, SLOT_GPA, PAGE, p));
	else
		FAILS(slot_set(vm, 1 << 16 | 3, 0, SLOT_GPA, PAGE, p), EINVAL);
	vm_free(vm);
}

static void bad_geometry(void)
{
	struct vm *vm = vm_new();
	u8 *p = ram_alloc(4 * PAGE);

	FAILS(slot_set(vm, 1, 0, SLOT_GPA, 1, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE + 512, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA + 1, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA + 512, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE, p + 1), EINVAL);
	FAILS(slot_set(vm, 1, 0, -PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, -PAGE, 2 * PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, -SLOT_GPA, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, -PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, ~0xffful, p), EINVAL);
	/* 2^31 pages and more */
	FAILS(slot_set(vm, 1, 0, HIGH, 1ul << 43, p), EINVAL);
	vm_free(vm);
}

static void beyond_the_address_width(void)
{
	struct vm *vm = vm_new();
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, 0x80000008, 0);
	u8 *p = ram_alloc(4 * PAGE);
	u64 width;

	MUST(entry);
	width = entry->eax & 0xff;
	MUST(width >= 36 && width <= 52);
	FAILS(slot_set(vm, 1, 0, 1ul << 52, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, (1ul << 52) - PAGE, 2 * PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, 1ul << 63, PAGE, p), EINVAL);
	OK(slot_set(vm, 1, 0, (1ul << width) - PAGE, PAGE, p));
	FAILS(slot_set(vm, 1, 0, 1ul << 52, PAGE, p), EINVAL);
	vm_free(vm);
}

static void host_addresses(void)
{
	struct vm *vm = vm_new();

	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE, (void *)0xffff888000000000ul), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE, (void *)0xffffffff81000000ul), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE, (void *)-PAGE), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, 2 * PAGE, (void *)-PAGE), EINVAL);
	/* reaches from user space over the end of it (with either paging depth) */
	FAILS(slot_set(vm, 1, 0, HIGH, 4 * PAGE, (void *)(0x00ffffffffffe000ul)), EINVAL);
	vm_free(vm);
}

/* Nothing need be mapped there until the guest comes. */
static void nothing_behind_the_slot(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = prober(vm);
	u8 *p = ram_alloc(2 * PAGE);

	munmap(p, 2 * PAGE);
	slot_must(vm, 1, 0, SLOT_GPA, 2 * PAGE, p);
	AT(vm, probe_gpa) = SLOT_GPA;
	FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
	/* and when it is there at last, the guest goes on */
	MUST(mmap(p, 2 * PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	*(u64 *)p = 0x1234;
	EQ(run_to_sync(vcpu), 0x1234);
	vm_free(vm);
}

static void flags(void)
{
	struct vm *vm = vm_new();
	u8 *p = ram_alloc(PAGE);

	FAILS(slot_set(vm, 1, 4, SLOT_GPA, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0x80000000, SLOT_GPA, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, ~0u, SLOT_GPA, PAGE, p), EINVAL);
	OK(slot_set(vm, 1, KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY, SLOT_GPA, PAGE, p));
	/* read-only for life */
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE, p), EINVAL);
	OK(slot_set(vm, 1, KVM_MEM_READONLY, SLOT_GPA, PAGE, p));
	vm_free(vm);
}

static void a_slot_keeps_size_and_host_address(void)
{
	struct vm *vm = vm_new();
	u8 *p = ram_alloc(4 * PAGE);

	slot_must(vm, 1, 0, SLOT_GPA, 2 * PAGE, p);
	OK(slot_set(vm, 1, 0, SLOT_GPA, 2 * PAGE, p));
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, 4 * PAGE, p), EINVAL);
	FAILS(slot_set(vm, 1, 0, SLOT_GPA, 2 * PAGE, p + PAGE), EINVAL);
	FAILS(slot_set(vm, 1, KVM_MEM_READONLY, SLOT_GPA, 2 * PAGE, p), EINVAL);
	vm_free(vm);
}

static void slot_numbers(void)
{
	struct vm *vm = vm_new();
	u8 *p = ram_alloc(PAGE);
	u32 max = has_cap(vm->fd, KVM_CAP_NR_MEMSLOTS);

	OK(slot_set(vm, max - 1, 0, SLOT_GPA, PAGE, p));
	FAILS(slot_set(vm, max, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, max + 3, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 0xffff, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 2 << 16, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, 0xffff0001, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, ~0u, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	FAILS(slot_set(vm, (1 << 16) + max, 0, SLOT_GPA + PAGE, PAGE, p), EINVAL);
	vm_free(vm);
}

static void read_only_slot(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = prober(vm);
	u64 *p = tagged(0xc00, 2);

	slot_must(vm, 1, KVM_MEM_READONLY, SLOT_GPA, 2 * PAGE, p);
	EQ(guest_reads(vcpu, SLOT_GPA), 0xc00);
	EQ(guest_reads(vcpu, SLOT_GPA + PAGE), 0xc01);
	AT(vm, probe_write) = 0xdead;
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.is_write, 1);
	EQ(vcpu->run->mmio.phys_addr, SLOT_GPA + PAGE);
	EQ(vcpu->run->mmio.len, 8);
	EQ(*(u64 *)vcpu->run->mmio.data, 0xdead);
	/* not written behind our back */
	EQ(run_to_sync(vcpu), 0xc01);
	EQ(p[512], 0xc01);
	/* the host's own write is seen */
	p[512] = 0xc0ffee;
	EQ(guest_reads(vcpu, SLOT_GPA + PAGE), 0xc0ffee);
	vm_free(vm);
}

static void read_only_host_memory(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = prober(vm);
	u64 *p = tagged(0xd00, 1);

	MUST(!mprotect(p, PAGE, PROT_READ));
	slot_must(vm, 1, 0, SLOT_GPA, PAGE, p);
	EQ(guest_reads(vcpu, SLOT_GPA), 0xd00);
	AT(vm, probe_write) = 1;
	FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
	EQ(p[0], 0xd00);
	vm_free(vm);
}

static void same_memory_in_two_slots(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = prober(vm);
	u64 *p = tagged(0xe00, 1);

	slot_must(vm, 1, 0, SLOT_GPA, PAGE, p);
	slot_must(vm, 2, 0, SLOT_GPA + 16 * PAGE, PAGE, p);
	EQ(guest_reads(vcpu, SLOT_GPA), 0xe00);
	AT(vm, probe_write) = 0xe55;
	/* written through the one, read through the other */
	EQ(guest_reads(vcpu, SLOT_GPA + 16 * PAGE), 0xe55);
	EQ(guest_reads(vcpu, SLOT_GPA), 0xe55);
	vm_free(vm);
}

static void many_slots(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = prober(vm);
	u64 *p = tagged(0x1000, 80);
	const u64 step = 4 * PAGE;

	/* neither in order nor side by side */
	for (int i = 0; i < 80; i++) {
		int k = i * 37 % 80;

		slot_must(vm, 1 + k, 0, SLOT_GPA + k * step, PAGE, p + k * 512);
	}
	for (int k = 0; k < 80; k += 9)
		EQ(guest_reads(vcpu, SLOT_GPA + k * step), 0x1000 + k);
	for (int k = 0; k < 80; k += 2)
		slot_must(vm, 1 + k, 0, 0, 0, NULL);
	guest_hits_mmio(vcpu, SLOT_GPA + 40 * step);
	EQ(guest_reads(vcpu, SLOT_GPA + 41 * step), 0x1000 + 41);
	vm_free(vm);
}

/* A guest that never stops reading a slot while it comes and goes. */
static volatile u64 seen_ram, seen_other, racing_stop;

static void racing_guest(void)
{
	guest_sti();		/* Bochs interrupts no guest that has IF clear */
	while (!racing_stop) {
		u64 value = MMIO(u64, SLOT_GPA + 8);

		if (value == 0xfeed)
			seen_ram++;
		else
			seen_other++;
		GCHECK(value == 0xfeed || value == 0x1111111111111111ull);
	}
	guest_done();
}

static void *racing_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (run_exit(vcpu) == KVM_EXIT_MMIO)
		memset(vcpu->run->mmio.data, 0x11, 8);
	return NULL;
}

static void slots_change_under_a_running_vcpu(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, racing_guest);
	u64 *p = ram_alloc(2 * PAGE);
	struct ucall uc;

	p[1] = p[513] = 0xfeed;
	vcpu_start(vcpu, racing_thread);
	for (int i = 0; i < 25; i++) {
		slot_must(vm, 1, 0, SLOT_GPA, 2 * PAGE, p);
		sleep_ms(1);
		slot_must(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, SLOT_GPA, 2 * PAGE, p);
		slot_must(vm, 1, 0, SLOT_GPA - PAGE, 2 * PAGE, p);
		slot_must(vm, 1, 0, 0, 0, NULL);
		sleep_ms(1);
	}
	AT(vm, racing_stop) = 1;
	vcpu_join(vcpu);
	if (CHECK(is_ucall(vcpu, &uc)))
		EQ(uc.cmd, UCALL_DONE);
	else
		describe_exit(vcpu);
	CHECK(AT(vm, seen_ram) > 0);
	CHECK(AT(vm, seen_other) > 0);
	vm_free(vm);
}

/*
 * Two vCPUs that never stop ringing doorbells, which need no exit to user space;
 * in odd phases there is memory where the doorbells were.
 */
#define BELLS		16
#define BELL_GPA(i)	(SLOT_GPA + (i) * 4 * PAGE)
static volatile u64 bell_phase, bell_stop, bell_vcpus, bell_done[2], bell_passes[2];

static void ringing_guest(void)
{
	u64 me = __sync_fetch_and_add(&bell_vcpus, 1), phase;

	guest_sti();
	while (!bell_stop) {
		phase = bell_phase;
		for (int i = 0; i < BELLS; i++)
			MMIO(u32, BELL_GPA(i) + 4 * me) = phase;
		for (int i = 0; (phase & 1) && i < BELLS; i++) {
			u32 value = MMIO(u32, BELL_GPA(i) + 4 * me);

			GCHECK(value == phase || bell_phase != phase);
		}
		bell_done[me] = phase;
		bell_passes[me]++;
	}
	guest_done();
}

static u64 rung(int fd)
{
	u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* The next phase, and nobody is in the last one any more. */
static void next_phase(struct vm *vm)
{
	u64 phase = ++AT(vm, bell_phase);

	for (int i = 0; i < 2; i++)
		while (AT(vm, bell_done)[i] < phase)
			sleep_ms(1);
}

/* How often it rings while both go round twice, beginning now. */
static u64 rings(struct vm *vm, int fd)
{
	u64 passes[2];

	rung(fd);
	for (int i = 0; i < 2; i++)
		passes[i] = AT(vm, bell_passes)[i];
	for (int i = 0; i < 2; i++)
		while (AT(vm, bell_passes)[i] < passes[i] + 2)
			sleep_ms(1);
	return rung(fd);
}

static void memory_where_vcpus_ring_doorbells(void)
{
	struct kvm_ioeventfd ev = { .fd = eventfd(0, EFD_NONBLOCK) };
	struct vm *vm = vm_new();
	struct vcpu *vcpu[2];
	u8 *p = ram_alloc(BELLS * 4 * PAGE);

	MUST(ev.fd >= 0);
	for (int i = 0; i < 2 * BELLS; i++) {
		ev.addr = BELL_GPA(i / 2) + i % 2 * 4;
		MUST(!ioctl(vm->fd, KVM_IOEVENTFD, &ev));
	}
	load_image(vm);
	for (int i = 0; i < 2; i++) {
		vcpu[i] = vcpu_new(vm, i);
		set_supported_cpuid(vcpu[i]);
		start_long(vcpu[i], ringing_guest);
	}
	for (int i = 0; i < 2; i++)
		vcpu_start(vcpu[i], racing_thread);
	for (int round = 0; round < 10; round++) {
		slot_must(vm, 1, 0, SLOT_GPA, BELLS * 4 * PAGE, p);
		next_phase(vm);
		EQ(rings(vm, ev.fd), 0);
		CHECK(*(u32 *)p == AT(vm, bell_phase));
		CHECK(*(u32 *)(p + 60 * PAGE + 4) == AT(vm, bell_phase));
		next_phase(vm);
		slot_must(vm, 1, 0, 0, 0, NULL);
		memset(p, 0, BELLS * 4 * PAGE);
		CHECK(rings(vm, ev.fd) >= 2 * BELLS);
		EQ(*(u32 *)p, 0);
		EQ(*(u32 *)(p + 60 * PAGE + 4), 0);
	}
	AT(vm, bell_stop) = 1;
	for (int i = 0; i < 2; i++) {
		struct ucall uc;

		vcpu_join(vcpu[i]);
		if (CHECK(is_ucall(vcpu[i], &uc)))
			EQ(uc.cmd, UCALL_DONE);
		else
			describe_exit(vcpu[i]);
	}
	close(ev.fd);
	vm_free(vm);
}

static void tss_and_identity_map_addresses(void)
{
	struct vm *vm = vm_bare();
	u64 addr = 0xfeffc000;

	OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000));
	FAILS(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xffffffffu), EINVAL);
	FAILS(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffffffffffff000ul), EINVAL);
	OK(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	vcpu_new(vm, 0);
	FAILS(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), EINVAL);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(create_move_delete),
	TEST(deleting_what_is_not_there),
	TEST(overlaps),
	TEST(bad_geometry),
	TEST(beyond_the_address_width),
	TEST(host_addresses),
	TEST(nothing_behind_the_slot),
	TEST(flags),
	TEST(a_slot_keeps_size_and_host_address),
	TEST(slot_numbers),
	TEST(read_only_slot),
	TEST(read_only_host_memory),
	TEST(same_memory_in_two_slots),
	TEST(many_slots),
	TEST(slots_change_under_a_running_vcpu),
	TEST(memory_where_vcpus_ring_doorbells),
	TEST(tss_and_identity_map_addresses),
};

TEST_MAIN(tests)
