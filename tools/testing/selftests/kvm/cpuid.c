// SPDX-License-Identifier: GPL-2.0-only
/* CPUID: what is offered, what is set, and what the guest then sees. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define ROOM	256

static struct kvm_cpuid2 *room_for(u32 n)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + (n + 1) * sizeof(cpuid->entries[0]));

	MUST(cpuid);
	memset(&cpuid->entries[n], 0xa5, sizeof(cpuid->entries[0]));
	cpuid->nent = n;
	return cpuid;
}

static bool guard_is_whole(struct kvm_cpuid2 *cpuid, u32 n)
{
	const u8 *p = (u8 *)&cpuid->entries[n];

	for (size_t i = 0; i < sizeof(cpuid->entries[0]); i++) {
		if (p[i] != 0xa5)
			return false;
	}
	return true;
}

/* Too small is E2BIG, right is right, larger tells the count; nothing behind it. */
static void list_lengths(unsigned long request)
{
	struct kvm_cpuid2 *cpuid;
	int kvm = kvm_open();
	u32 count;

	cpuid = room_for(ROOM);
	OK(ioctl(kvm, request, cpuid));
	count = cpuid->nent;
	MUST(count >= 1 && count < ROOM);
	for (u32 n = 0; n < count; n++) {
		struct kvm_cpuid2 *small = room_for(n);

		FAILS(ioctl(kvm, request, small), E2BIG);
		CHECK(guard_is_whole(small, n), "written behind %u entries", n);
		free(small);
	}
	/* the list of what is emulated wants one to spare */
	count += request == KVM_GET_EMULATED_CPUID;
	cpuid = room_for(count);
	OK(ioctl(kvm, request, cpuid));
	CHECK(cpuid->nent <= count);
	CHECK(guard_is_whole(cpuid, count));
	cpuid = room_for(ROOM);
	cpuid->nent = ~0u;
	ioctl(kvm, request, cpuid);
	CHECK(guard_is_whole(cpuid, ROOM));
}

static void supported_list_lengths(void)
{
	list_lengths(KVM_GET_SUPPORTED_CPUID);
}

static void emulated_list_lengths(void)
{
	if (has_cap(kvm_open(), KVM_CAP_EXT_EMUL_CPUID) != 1)
		SKIP("KVM_CAP_EXT_EMUL_CPUID is not offered");
	list_lengths(KVM_GET_EMULATED_CPUID);
}

static void supported_list_contents(void)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(kvm_open());
	struct kvm_cpuid_entry2 *e;

	e = cpuid_find(cpuid, 0, 0);
	MUST(e);
	CHECK(e->eax >= 0xd);
	for (u32 leaf = 0; leaf <= 1; leaf++)
		CHECK(cpuid_find(cpuid, leaf, 0), "leaf %u", leaf);
	CHECK(cpuid_find(cpuid, 7, 0));
	e = cpuid_find(cpuid, 0x80000000, 0);
	CHECK(e && e->eax >= 0x80000008);
	e = cpuid_find(cpuid, 0x80000001, 0);
	CHECK(e && e->edx & 1u << 29, "no long mode");
	e = cpuid_find(cpuid, 1, 0);
	CHECK(e->ecx & 1u << 21, "no x2APIC");
	/* "KVMKVMKVM" and the clock */
	e = cpuid_find(cpuid, 0x40000000, 0);
	if (CHECK(e, "no KVM leaf")) {
		EQ(e->ebx, 0x4b4d564b);
		EQ(e->ecx, 0x564b4d56);
		EQ(e->edx, 0x4d);
	}
	e = cpuid_find(cpuid, 0x40000001, 0);
	if (CHECK(e, "no KVM features"))
		CHECK(e->eax & 1u << 3, "no kvmclock");
	/* no leaf twice */
	for (u32 i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *a = &cpuid->entries[i];

		CHECK(a->padding[0] == 0 && a->padding[1] == 0 && a->padding[2] == 0);
		for (u32 k = 0; k < i; k++)
			CHECK(cpuid->entries[k].function != a->function ||
			      cpuid->entries[k].index != a->index, "leaf %#x.%u twice",
			      a->function, a->index);
	}
}

/* A feature the host lacks is one that must be made in software: few are. */
static void no_feature_that_the_host_lacks(void)
{
	static const struct {
		u32 leaf, reg, software;
	} rows[] = {
		{ 1, 3, 0 },
		/* x2APIC, TSC deadline */
		{ 1, 2, 1u << 21 | 1u << 24 },
		/* TSC_ADJUST */
		{ 7, 1, 1u << 1 },
		/* UMIP, RDPID */
		{ 7, 2, 1u << 2 | 1u << 22 },
		{ 0x80000001, 3, 1u << 27 },
		{ 0x80000001, 2, 0 },
	};
	struct kvm_cpuid2 *cpuid = cpuid_supported(kvm_open());

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, rows[i].leaf, 0);
		u32 host[4], extra;

		if (!CHECK(e, "leaf %#x", rows[i].leaf))
			continue;
		guest_cpuid(rows[i].leaf, 0, host);
		extra = (&e->eax)[rows[i].reg] & ~host[rows[i].reg] & ~rows[i].software;
		CHECK(extra == 0, "leaf %#x register %u: %#x", rows[i].leaf, rows[i].reg, extra);
	}
}

/* The guest sees what was set, registers that mirror state apart. */
static volatile u32 ask_leaf, ask_index;

static void asking_guest(void)
{
	u32 r[4];

	for (;;) {
		guest_cpuid(ask_leaf, ask_index, r);
		guest_sync4(r[0], r[1], r[2], r[3]);
	}
}

static void ask(struct vcpu *vcpu, u32 leaf, u32 index, u32 *r)
{
	struct ucall uc;

	AT(vcpu->vm, ask_leaf) = leaf;
	AT(vcpu->vm, ask_index) = index;
	MUST(run_to_ucall(vcpu, &uc));
	for (int i = 0; i < 4; i++)
		r[i] = uc.arg[i];
}

static u32 mirrored(const struct kvm_cpuid_entry2 *e, int reg)
{
	switch (e->function << 4 | reg) {
	case 0x12:
		return 1u << 27 | 1u << 3;	/* OSXSAVE, MONITOR */
	case 0x13:
		return 1u << 9;			/* APIC */
	case 0x72:
		return 1u << 4;			/* OSPKE */
	case 0xd1:
		return ~0u;			/* size of what XCR0 has on */
	}
	return 0;
}

static void the_guest_sees_what_was_set(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	u32 r[4];

	/* leaves of our own making */
	for (u32 i = 0; i < 3; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[cpuid->nent++];

		*e = (struct kvm_cpuid_entry2){
			.function = 0x40000100 + i, .eax = 0xa0 + i, .ebx = 0xb0 + i,
			.ecx = 0xc0 + i, .edx = ~i,
		};
	}
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	start_long_only(vcpu, asking_guest);
	for (u32 i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		ask(vcpu, e->function, e->index, r);
		for (int k = 0; k < 4; k++) {
			u32 diff = (r[k] ^ (&e->eax)[k]) & ~mirrored(e, k);

			CHECK(diff == 0, "leaf %#x.%u register %d: %#x, not %#x", e->function,
			      e->index, k, r[k], (&e->eax)[k]);
		}
	}
	/* what is not there is 0 (an AMD rule; Intel's is the last leaf) */
	ask(vcpu, 0x40000200, 0, r);
	note("unknown leaf: %#x %#x %#x %#x", r[0], r[1], r[2], r[3]);
	ask(vcpu, 7, 77, r);
	EQ(r[0] | r[1] | r[2] | r[3], 0);
	vm_free(vm);
}

/* Taken away from the list, a feature is gone in the guest. */
static void filtered_guest(void)
{
	u32 r[4];
	u64 trap, cr4;

	guest_cpuid(1, 0, r);
	GEQ(r[2] & 1u << 26, 0);
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	trap = GUEST_TRY("mov %[cr4], %%cr4", , [cr4] "r"(cr4 | 1 << 18));
	GEQ(trap, GP_VECTOR);
	trap = GUEST_TRY("mov %[cr4], %%cr4", , [cr4] "r"(cr4 | 1 << 20));
	GEQ(trap, GP_VECTOR);
	guest_done();
}

static void a_feature_not_set_cannot_be_used(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_sregs sregs;

	cpuid_find(cpuid, 1, 0)->ecx &= ~(1u << 26);	/* XSAVE */
	cpuid_find(cpuid, 7, 0)->ebx &= ~(1u << 7 | 1u << 20);	/* SMEP, SMAP */
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	start_long_only(vcpu, filtered_guest);
	run_to_done(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= 1 << 20;
	FAILS(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs), EINVAL);
	vm_free(vm);
}

/* What KVM_GET_EMULATED_CPUID tells works, whether or not the host's CPU has it. */
#define MOVBE	(1u << 22)		/* leaf 1, ECX */
#define RDPID	(1u << 22)		/* leaf 7, ECX */
#define RDTSCP	(1u << 27)		/* leaf 0x80000001, EDX */

static u64 swapped = 0x1122334455667788ull;
static volatile bool has_rdpid;

static void emulated_guest(void)
{
	u64 v = 0;

	GEQ(GUEST_TRY("movbe %[m], %%rax", GUEST_OUT("+a"(v)), [m] "m"(swapped)), NO_TRAP);
	GEQ(v, 0x8877665544332211ull);
	asm volatile("movbe %1, %k0" : "=r"(v) : "m"(swapped));
	GEQ(v, 0x88776655);
	v = ~0ull;
	asm volatile("movbe %1, %w0" : "+r"(v) : "m"(swapped));
	GEQ(v, 0xffffffffffff8877ull);
	asm volatile("movbe %k1, 2(%0)" : : "r"(&swapped), "r"(0xa1b2c3d4) : "memory");
	GEQ(swapped, 0x1122d4c3b2a17788ull);
	/* A page fault is the guest's, and nothing is changed. */
	v = 7;
	GEQ(GUEST_TRY("movbe (%[m]), %%rax", GUEST_OUT("+a"(v)), [m] "r"(5ull << 30)),
		PF_VECTOR);
	GEQ(this_cpu()->cr2, 5ull << 30);
	GEQ(v, 7);
	if (!has_rdpid)
		guest_done();
	guest_wrmsr(0xc0000103, 0x12345678);
	v = ~0ull;
	GEQ(GUEST_TRY(".byte 0xf3, 0x0f, 0xc7, 0xf8", GUEST_OUT("+a"(v))), NO_TRAP);
	GEQ(v, 0x12345678);
	guest_done();
}

static void emulated_features(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm), *emulated = room_for(ROOM);
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, 0x80000001, 0);
	bool aux = e && (e->edx & RDTSCP);

	if (has_cap(vm->kvm, KVM_CAP_EXT_EMUL_CPUID) != 1)
		SKIP("KVM_CAP_EXT_EMUL_CPUID is not offered");
	needs_cr2();
	OK(ioctl(vm->kvm, KVM_GET_EMULATED_CPUID, emulated));
	e = cpuid_find(emulated, 0, 0);
	MUST(e);
	EQ(e->eax, 7);
	e = cpuid_find(emulated, 1, 0);
	MUST(e);
	EQ(e->ecx, MOVBE);
	EQ(e->eax | e->ebx | e->edx, 0);
	e = cpuid_find(emulated, 7, 0);
	MUST(e);
	EQ(e->ecx, aux ? RDPID : 0);
	EQ(e->eax | e->ebx | e->edx, 0);

	cpuid_find(cpuid, 1, 0)->ecx |= MOVBE;
	cpuid_find(cpuid, 7, 0)->ecx |= aux ? RDPID : 0;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	load_image(vm);
	AT(vm, has_rdpid) = aux;
	start_long_only(vcpu, emulated_guest);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Without the bit they are undefined, if the CPU asks. */
static void plain_guest(void)
{
	u64 v = 0;

	guest_sync(GUEST_TRY("movbe %[m], %%rax", GUEST_OUT("+a"(v)), [m] "m"(swapped)));
	guest_sync(GUEST_TRY(".byte 0xf3, 0x0f, 0xc7, 0xf8", GUEST_OUT("+a"(v))));
}

static void undefined_without_the_bit(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *one = cpuid_find(cpuid, 1, 0), *seven = cpuid_find(cpuid, 7, 0);
	bool movbe = one->ecx & MOVBE, rdpid = seven->ecx & RDPID;

	one->ecx &= ~MOVBE;
	seven->ecx &= ~RDPID;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	load_image(vm);
	start_long_only(vcpu, plain_guest);
	EQ(run_to_sync(vcpu), movbe ? NO_TRAP : UD_VECTOR);
	EQ(run_to_sync(vcpu), rdpid ? NO_TRAP : UD_VECTOR);
	vm_free(vm);
}

static void xsave_guest(void)
{
	u32 r[4];
	u64 cr4;

	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	guest_cpuid(1, 0, r);
	if (!(r[2] & 1u << 26))
		guest_done();
	GEQ(r[2] & 1u << 27, 0);
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1 << 18));
	guest_cpuid(1, 0, r);
	GEQ(r[2] & 1u << 27, 1u << 27);
	guest_cpuid(0xd, 0, r);
	GEQ(r[1], 576);
	/* now the host sets XCR0 to 7 */
	guest_sync(1);
	guest_cpuid(0xd, 0, r);
	GEQ(r[1], 832);
	GEQ(GUEST_TRY("xsetbv", , "a"(6), "d"(0), "c"(0)), GP_VECTOR);
	GEQ(GUEST_TRY("xsetbv", , "a"(5), "d"(0), "c"(0)), GP_VECTOR);
	GEQ(GUEST_TRY("xsetbv", , "a"(1), "d"(0x40000000), "c"(0)), GP_VECTOR);
	GEQ(GUEST_TRY("xsetbv", , "a"(1), "d"(0), "c"(1)), GP_VECTOR);
	asm volatile("mov %0, %%cr4" : : "r"(cr4));
	guest_cpuid(1, 0, r);
	GEQ(r[2] & 1u << 27, 0);
	guest_done();
}

static void bits_that_mirror_state(void)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = 7 } } };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, xsave_guest);
	struct ucall uc;

	MUST(run_to_ucall(vcpu, &uc));
	if (uc.cmd == UCALL_DONE)
		SKIP("no XSAVE");
	if (ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs))
		SKIP("no AVX");
	run_to_done(vcpu);
	vm_free(vm);
}

static void read_back(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm), *back;
	u32 n = cpuid->nent;

	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	back = room_for(n - 1);
	FAILS(ioctl(vcpu->fd, KVM_GET_CPUID2, back), E2BIG);
	back = room_for(ROOM);
	OK(ioctl(vcpu->fd, KVM_GET_CPUID2, back));
	for (u32 i = 0; i < n; i++) {
		EQ(back->entries[i].function, cpuid->entries[i].function);
		EQ(back->entries[i].index, cpuid->entries[i].index);
	}
	vm_free(vm);
}

static void bad_lists(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *many = room_for(1000), *cpuid;

	FAILS(ioctl(vcpu->fd, KVM_SET_CPUID2, many), E2BIG);
	many->nent = ~0u;
	FAILS(ioctl(vcpu->fd, KVM_SET_CPUID2, many), E2BIG);
	FAILS(ioctl(vcpu->fd, KVM_SET_CPUID, many), E2BIG);
	/* a list of nothing is a list */
	many->nent = 0;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, many));
	cpuid = cpuid_supported(vm->kvm);
	/* linear addresses have 48 or 57 bits */
	cpuid_find(cpuid, 0x80000008, 0)->eax = 47 << 8 | 40;
	FAILS(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid), EINVAL);
	start_long(vcpu, asking_guest);
	EQ(vcpu->run->exit_reason, 0);
	vm_free(vm);
}

static void frozen_after_the_first_run(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, asking_guest);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	u32 r[4];

	cpuid_find(cpuid, 1, 0)->ebx &= 0xffffff;
	ask(vcpu, 0, 0, r);
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	cpuid_find(cpuid, 1, 0)->ecx ^= 1u << 30;
	FAILS(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid), EINVAL);
	ask(vcpu, 1, 0, r);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(supported_list_lengths),
	TEST(emulated_list_lengths),
	TEST(supported_list_contents),
	TEST(no_feature_that_the_host_lacks),
	TEST(the_guest_sees_what_was_set),
	TEST(a_feature_not_set_cannot_be_used),
	TEST(emulated_features),
	TEST(undefined_without_the_bit),
	TEST(bits_that_mirror_state),
	TEST(read_back),
	TEST(bad_lists),
	TEST(frozen_after_the_first_run),
};

TEST_MAIN(tests)
