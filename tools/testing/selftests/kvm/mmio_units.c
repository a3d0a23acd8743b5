// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are reached by x87, MMX, SSE and BMI instructions: the values, how
 * often the device is asked, and what becomes of the unit's own state.
 */
#include <string.h>

#include "vm.h"

#define DEV	HOLE_GPA
#define BUF	SCRATCH_GPA

#define MF_VECTOR	16
#define GP_VECTOR	13

static u8 device[4096];
static unsigned int reads, writes;

static void play(guest_fn fn)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, fn);
	struct kvm_run *run = vcpu->run;

	reads = writes = 0;
	for (size_t i = 0; i < sizeof(device); i++)
		device[i] = i;
	for (run_exit(vcpu); run->exit_reason == KVM_EXIT_MMIO; run_exit(vcpu)) {
		MUST(run->mmio.phys_addr - DEV <= sizeof(device) - 8);
		if (run->mmio.is_write) {
			memcpy(device + run->mmio.phys_addr - DEV, run->mmio.data, run->mmio.len);
			writes++;
		} else {
			memcpy(run->mmio.data, device + run->mmio.phys_addr - DEV, run->mmio.len);
			reads++;
		}
	}
	expect_done(vcpu);
	vm_free(vm);
}

static u16 fsw(void)
{
	u16 v;

	asm volatile("fnstsw %0" : "=a"(v));
	return v;
}

#define DEV_REG(at)	"r"(DEV + (at))

static void x87_guest(void)
{
	u64 buf = BUF;

	asm volatile("fninit; fildll (%0)" : : DEV_REG(0x10));
	GEQ(fsw() >> 11 & 7, 7);
	asm volatile("fistpll (%0)" : : "r"(buf) : "memory");
	GEQ(MMIO(u64, buf), 0x1716151413121110);
	/* popped once, whatever the exits */
	asm volatile("fildll (%0); fld1; fistpll (%1)" : : "r"(buf), DEV_REG(0x80) : "memory");
	GEQ(fsw() >> 11 & 7, 7);
	asm volatile("fistpll (%0)" : : DEV_REG(0x88) : "memory");
	GEQ(fsw() >> 11 & 7, 0);
	GEQ(MMIO(u64, DEV + 0x80), 1);
	GEQ(MMIO(u64, DEV + 0x88), 0x1716151413121110);
	asm volatile("fldpi; fstpt (%0); fldt (%0); fldpi; fcompp" : : DEV_REG(0x90) : "memory");
	GEQ(fsw() & 0x4500, 0x4000);
	GEQ(MMIO(u64, DEV + 0x90), 0xc90fdaa22168c235);
	GEQ(MMIO(u16, DEV + 0x98), 0x4000);
	asm volatile("fnstcw (%0)" : : DEV_REG(0xa0) : "memory");
	GEQ(MMIO(u16, DEV + 0xa0), 0x37f);
	MMIO(u16, DEV + 0xa0) = 0x27f;
	asm volatile("fldcw (%0); fnstcw (%1)" : : DEV_REG(0xa0), "r"(buf) : "memory");
	GEQ(MMIO(u16, buf), 0x27f);
	asm volatile("fnstsw (%0)" : : DEV_REG(0xa2) : "memory");
	guest_done();
}

static void x87_loads_and_stores(void)
{
	play(x87_guest);
	EQ(writes, 2 + 2 + 1 + 1 + 1);
}

/* The pointers to the last instruction are the guest's, or none: never the host's. */
static void x87_pointers_guest(void)
{
	extern u8 x87_at[];
	u64 buf = BUF;
	u32 fip;

	asm volatile("fninit; .globl x87_at; x87_at: fildl (%1); fnstenv (%0)"
		     : : "r"(buf), DEV_REG(0) : "memory");
	fip = MMIO(u32, buf + 12);
	if (fip)
		GEQ(fip, (u32)(u64)x87_at);
	asm volatile("fninit; fld1; fistpl (%1); fnstenv (%0)" : : "r"(buf), DEV_REG(0) : "memory");
	fip = MMIO(u32, buf + 12);
	GEQ(fip >> 28, 0);
	memset((void *)buf, 0, 512);
	asm volatile("fldl (%1); fxsave64 (%0)" : : "r"(buf), DEV_REG(0) : "memory");
	GEQ(MMIO(u64, buf + 8) >> 28, 0);
	guest_done();
}

static void no_host_address_in_the_pointers(void)
{
	if (on_tcg())
		SKIP("TCG's FLDENV does not load the pointers");
	play(x87_pointers_guest);
}

/* 0 / 0 with the exception unmasked is pending when the next instruction is emulated. */
static void x87_pending_guest(void)
{
	u16 cw = 0x37e;

	asm volatile("fninit; fldcw %0; fldz; fldz; fdivp" : : "m"(cw));
	GEQ(fsw() & 0x80, 0x80);
	GEQ(GUEST_TRY("fildl (%[dev])", , [dev] "r"(DEV)), MF_VECTOR);
	GEQ(GUEST_TRY("fnstsw (%[dev])", , [dev] "r"(DEV + 8)), NO_TRAP);
	GEQ(MMIO(u16, DEV + 8) & 0x80, 0x80);
	asm volatile("fnclex; fninit");
	guest_done();
}

static void a_pending_exception_is_the_guests(void)
{
	play(x87_pending_guest);
	EQ(reads, 1);
}

static void vector_guest(void)
{
	u64 buf = BUF;

	asm volatile("movq (%0), %%mm3; movq %%mm3, (%1); movd %%mm3, (%2); emms"
		     : : DEV_REG(0x20), DEV_REG(0x100), DEV_REG(0x108) : "memory");
	GEQ(MMIO(u64, DEV + 0x100), 0x2726252423222120);
	GEQ(MMIO(u32, DEV + 0x108), 0x23222120);
	asm volatile("movdqa (%0), %%xmm9; movntdq %%xmm9, (%1); movups %%xmm9, (%2)"
		     : : DEV_REG(0x30), DEV_REG(0x110), "r"(buf) : "memory");
	GEQ(MMIO(u64, DEV + 0x118), 0x3f3e3d3c3b3a3938);
	GEQ(MMIO(u64, buf), 0x3736353433323130);
	asm volatile("movups (%0), %%xmm1; movss (%1), %%xmm2; movhps (%1), %%xmm1;"
		     "movups %%xmm1, (%2); movups %%xmm2, 16(%2)"
		     : : DEV_REG(0x33), DEV_REG(0x48), "r"(buf) : "memory");
	GEQ(MMIO(u64, buf), 0x3a39383736353433);
	GEQ(MMIO(u64, buf + 8), 0x4f4e4d4c4b4a4948);
	GEQ(MMIO(u64, buf + 16), 0x4b4a4948);
	GEQ(MMIO(u64, buf + 24), 0);
	GEQ(GUEST_TRY("movaps (%[dev]), %%xmm1", , [dev] "r"(DEV + 8)), GP_VECTOR);
	GEQ(GUEST_TRY("movntps %%xmm1, (%[dev])", , [dev] "r"(DEV + 8)), GP_VECTOR);
	/* bytes 1 and 4 of eight */
	MMIO(u64, buf) = 0x000000ff0000ff00;
	asm volatile("movq (%0), %%xmm3; movdqa %%xmm9, %%xmm4; maskmovdqu %%xmm3, %%xmm4"
		     : : "r"(buf), "D"(DEV + 0x120) : "memory");
	GEQ(MMIO(u64, DEV + 0x120), 0x2726253423223120);
	guest_done();
}

static void mmx_and_sse_moves(void)
{
	play(vector_guest);
}

static void integer_guest(void)
{
	u64 v = 0x0f0f0f0f0f0f0f0f, lo;
	u32 r[4];

	guest_cpuid(7, 0, r);
	if (r[1] & 1 << 3) {
		asm volatile("andn (%1), %0, %0" : "+r"(v) : DEV_REG(0x50));
		GEQ(v, 0x5756555453525150 & 0xf0f0f0f0f0f0f0f0);
	}
	if (r[1] & 1 << 8) {
		asm volatile("rorx $8, (%1), %0" : "=r"(v) : DEV_REG(0x50));
		GEQ(v, 0x5057565554535251);
		asm volatile("mulx (%2), %1, %0" : "=r"(v), "=r"(lo) : DEV_REG(0x50), "d"(256ul));
		GEQ(v, 0x57);
		GEQ(lo, 0x5655545352515000);
	}
	guest_cpuid(1, 0, r);
	if (r[2] & 1 << 22) {
		asm volatile("movbe (%1), %0" : "=r"(v) : DEV_REG(0x50));
		GEQ(v, 0x5051525354555657);
		asm volatile("movbe %0, (%1)" : : "r"(v), DEV_REG(0x130) : "memory");
		GEQ(MMIO(u64, DEV + 0x130), 0x5756555453525150);
	}
	asm volatile("lock xaddl %k0, (%1)" : "=r"(v) : DEV_REG(0x140), "0"(1ul) : "memory");
	GEQ(v, 0x43424140);
	GEQ(MMIO(u32, DEV + 0x140), 0x43424141);
	asm volatile("lock cmpxchg8b (%4)" : "=a"(r[0]), "=d"(r[1])
		     : "0"(0x53525150u), "1"(0x57565554u), DEV_REG(0x150), "b"(1), "c"(2)
		     : "memory");
	GEQ(MMIO(u64, DEV + 0x150), 0x200000001);
	guest_done();
}

static void integer_instructions(void)
{
	play(integer_guest);
}

static const struct test tests[] = {
	TEST(x87_loads_and_stores),
	TEST(no_host_address_in_the_pointers),
	TEST(a_pending_exception_is_the_guests),
	TEST(mmx_and_sse_moves),
	TEST(integer_instructions),
};

TEST_MAIN(tests)
