// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced I/O: writes to a zone are kept in a ring, and do not leave the kernel
 * until the ring is full.
 */
#include <string.h>

#include "vm.h"

#define PORT		0x3f8
#define RING_MAX	((4096 - sizeof(struct kvm_coalesced_mmio_ring)) /	\
			 sizeof(struct kvm_coalesced_mmio))

static struct kvm_coalesced_mmio_ring *ring_of(struct vm *vm)
{
	return (void *)((u8 *)vm->vcpu[0].run + has_cap(vm->fd, KVM_CAP_COALESCED_MMIO) * 4096);
}

static int zone(struct vm *vm, bool there, u64 addr, u32 size, u32 pio)
{
	struct kvm_coalesced_mmio_zone z = { .addr = addr, .size = size, .pio = pio };

	return ioctl(vm->fd, there ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
		     &z);
}

static bool entry_is(struct vm *vm, unsigned int i, u64 addr, u64 value, u32 len, u32 pio)
{
	struct kvm_coalesced_mmio *e = &ring_of(vm)->coalesced_mmio[i];

	return e->phys_addr == addr && e->len == len && e->pio == pio &&
	       !memcmp(e->data, &value, len);
}

static void kept_guest(void)
{
	MMIO(u32, HOLE_GPA) = 0x11223344;
	MMIO(u8, HOLE_GPA + 0xfff) = 0x55;
	MMIO(u64, HOLE_GPA + 8) = 0x123456789abcdef0;
	guest_outw(PORT, 0x6677);
	guest_done();
}

static void writes_are_kept(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, kept_guest);

	MUST(!zone(vm, true, HOLE_GPA, 0x1000, 0));
	MUST(!zone(vm, true, PORT, 2, 1));
	run_to_done(vcpu);
	EQ(ring_of(vm)->first, 0);
	EQ(ring_of(vm)->last, 4);
	EQ(entry_is(vm, 0, HOLE_GPA, 0x11223344, 4, 0), true);
	EQ(entry_is(vm, 1, HOLE_GPA + 0xfff, 0x55, 1, 0), true);
	EQ(entry_is(vm, 2, HOLE_GPA + 8, 0x123456789abcdef0, 8, 0), true);
	EQ(entry_is(vm, 3, PORT, 0x6677, 2, 1), true);
	vm_free(vm);
}

/* A write that is not all in the zone, a read, and one too many */
static void others_guest(void)
{
	MMIO(u32, HOLE_GPA + 0xfe) = 1;
	(void)MMIO(u8, HOLE_GPA);
	for (;;)
		MMIO(u8, HOLE_GPA) = 1;
}

static void the_others_exit(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, others_guest);

	MUST(!zone(vm, true, HOLE_GPA, 0x100, 0));
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.is_write, 1);
	EQ(vcpu->run->mmio.phys_addr, HOLE_GPA + 0xfe);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.is_write, 0);
	EQ(ring_of(vm)->last, 0);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.is_write, 1);
	/* the stock modules miscount the room, and stop half-way */
	CHECK(ring_of(vm)->last >= RING_MAX / 2 && ring_of(vm)->last < RING_MAX, "%u",
	      ring_of(vm)->last);
	vm_free(vm);
}

static void writer(void)
{
	for (;;) {
		MMIO(u32, HOLE_GPA + 0x800) = 1;
		guest_sync(0);
	}
}

/* Does the guest's write stay in the kernel? */
static bool is_kept(struct vcpu *vcpu)
{
	u32 last = ring_of(vcpu->vm)->last;

	if (run_exit(vcpu) == KVM_EXIT_MMIO)
		run_to_sync(vcpu);
	return ring_of(vcpu->vm)->last != last;
}

/* Named by any part of it, and not by what is larger */
static void zones_go(void)
{
	static const struct {
		s64 at;
		u32 size, pio;
		bool stays;
	} row[] = {
		{ 0, 0x1000, 1, true }, { 0x1000, 0x1000, 0, true }, { -0x1000, 0x3000, 0, true },
		{ 0x100, 0x1000, 0, true }, { -1, 1, 0, true }, { 0, 0x1001, 0, true },
		{ 0, 0x1000, 0, false }, { 0x100, 0x10, 0, false }, { 0xfff, 1, 0, false },
	};
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writer);

	EQ(is_kept(vcpu), false);
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		MUST(!zone(vm, true, HOLE_GPA, 0x1000, 0));
		EQ(is_kept(vcpu), true);
		EQ(zone(vm, false, HOLE_GPA + row[i].at, row[i].size, row[i].pio), 0);
		CHECK(is_kept(vcpu) == row[i].stays, "row %zu", i);
		EQ(zone(vm, false, HOLE_GPA, 1, 0), 0);
		EQ(is_kept(vcpu), false);
	}
	EQ(zone(vm, false, HOLE_GPA, 0x1000, 2), -1);
	EQ(errno, EINVAL);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(writes_are_kept),
	TEST(the_others_exit),
	TEST(zones_go),
};

TEST_MAIN(tests)
