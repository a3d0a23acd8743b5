// SPDX-License-Identifier: GPL-2.0-only
/* What leaves the guest: port and memory-mapped I/O of every size and shape. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define PAGE	4096ul
#define DEV	HOLE_GPA

/* A device in user space: answers reads from memory, keeps writes there. */
static struct access {
	u64 addr, value;
	u32 len, write;
} seen[256];
static unsigned int nr_seen;
static u8 device[2 * PAGE];

static void device_access(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct access *access = &seen[nr_seen % 256];
	u64 offset = run->mmio.phys_addr - DEV + 64;

	nr_seen++;
	MUST(run->mmio.len >= 1 && run->mmio.len <= 8);
	MUST(offset <= sizeof(device) - 8);
	if (run->mmio.is_write)
		memcpy(device + offset, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, device + offset, run->mmio.len);
	*access = (struct access){ run->mmio.phys_addr, 0, run->mmio.len, run->mmio.is_write };
	memcpy(&access->value, run->mmio.data, run->mmio.len);
}

/* Runs to the next ucall, playing the device. */
static bool with_device(struct vcpu *vcpu, struct ucall *uc)
{
	for (;;) {
		run_exit(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO) {
			device_access(vcpu);
			continue;
		}
		if (!is_ucall(vcpu, uc)) {
			test_fail("guest", 0, "exit without a ucall");
			describe_exit(vcpu);
			return false;
		}
		if (uc->cmd == UCALL_SYNC || uc->cmd == UCALL_DONE)
			return true;
		if (uc->cmd == UCALL_TRAP) {
			test_fail("guest", 0, "vector %d at rip %#llx", (int)uc->arg[0],
				  (unsigned long long)uc->arg[2]);
			return false;
		}
		test_fail("guest", uc->arg[1], "%s: %#llx, %#llx", (const char *)uc->arg[0],
			  (unsigned long long)uc->arg[2], (unsigned long long)uc->arg[3]);
	}
}

static void play_device(guest_fn fn)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, fn);
	struct ucall uc;

	nr_seen = 0;
	for (size_t i = 0; i < sizeof(device); i++)
		device[i] = i * 7 + 1;
	while (with_device(vcpu, &uc) && uc.cmd == UCALL_SYNC)
		;
	vm_free(vm);
}

static u8 dev_byte(u64 offset)
{
	return (offset + 64) * 7 + 1;
}

static u64 dev_value(u64 offset, int len)
{
	u64 value = 0;

	for (int i = 0; i < len; i++)
		value |= (u64)dev_byte(offset + i) << (8 * i);
	return value;
}

/* Port I/O: the data, size, direction, port as the host sees them */
static void port_guest(void)
{
	u32 byte, word, dword;

	guest_outb(0x20f, 0xab);
	guest_outw(0x210, 0xabcd);
	guest_outl(0x214, 0xabcd1234);
	guest_outb(0xffff, 1);
	byte = guest_inb(0x220);
	word = guest_inw(0x222);
	dword = guest_inl(0x224);
	guest_sync4(byte, word, dword, 0);
	guest_outl(0, 0x55aa55aa);
	guest_done();
}

static void expect_out(struct vcpu *vcpu, u16 port, u8 size, u32 value)
{
	u32 data = 0;

	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(vcpu->run->io.direction, KVM_EXIT_IO_OUT);
	EQ(vcpu->run->io.port, port);
	EQ(vcpu->run->io.size, size);
	EQ(vcpu->run->io.count, 1);
	memcpy(&data, io_data(vcpu), size);
	EQ(data, value);
}

static void answer_in(struct vcpu *vcpu, u16 port, u8 size, u32 value)
{
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(vcpu->run->io.direction, KVM_EXIT_IO_IN);
	EQ(vcpu->run->io.port, port);
	EQ(vcpu->run->io.size, size);
	EQ(vcpu->run->io.count, 1);
	memcpy(io_data(vcpu), &value, size);
}

static void ports_of_every_size(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, port_guest);
	struct ucall uc;

	expect_out(vcpu, 0x20f, 1, 0xab);
	expect_out(vcpu, 0x210, 2, 0xabcd);
	expect_out(vcpu, 0x214, 4, 0xabcd1234);
	expect_out(vcpu, 0xffff, 1, 1);
	answer_in(vcpu, 0x220, 1, 0x87);
	answer_in(vcpu, 0x222, 2, 0x8765);
	answer_in(vcpu, 0x224, 4, 0x87654321);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], 0x87);
	EQ(uc.arg[1], 0x8765);
	EQ(uc.arg[2], 0x87654321);
	expect_out(vcpu, 0, 4, 0x55aa55aa);
	run_to_done(vcpu);
	vm_free(vm);
}

/* IN of 1 and 2 bytes keeps the rest of RAX, of 4 clears its upper half. */
static void in_keeps_the_rest_guest(void)
{
	u64 a = 0x1122334455667788, b = a, c = a;

	asm volatile("in %%dx, %%al" : "+a"(a) : "d"(0x220));
	asm volatile("in %%dx, %%ax" : "+a"(b) : "d"(0x222));
	asm volatile("in %%dx, %%eax" : "+a"(c) : "d"(0x224));
	GEQ(a, 0x11223344556677ee);
	GEQ(b, 0x112233445566eeee);
	GEQ(c, 0xeeeeeeee);
	guest_done();
}

static void in_changes_only_its_part_of_rax(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, in_keeps_the_rest_guest);

	answer_in(vcpu, 0x220, 1, 0xee);
	answer_in(vcpu, 0x222, 2, 0xeeee);
	answer_in(vcpu, 0x224, 4, 0xeeeeeeee);
	run_to_done(vcpu);
	vm_free(vm);
}

/* String I/O; one exit may carry many items. */
static u8 string_buf[8192] __attribute__((aligned(4096)));

#define STRING_IO(insn, count, port, at, reg)				\
	({								\
		u64 __n = count, __p = (u64)(at);			\
		asm volatile(insn : "+c"(__n), reg(__p) : "d"(port) : "memory"); \
		GEQ(__n, 0);						\
		__p;							\
	})

static void string_guest(void)
{
	u64 end;

	for (int i = 0; i < 8192; i++)
		string_buf[i] = i * 3;
	end = STRING_IO("rep outsb", 100, 0x300, string_buf, "+S");
	GEQ(end, string_buf + 100);
	guest_sync(1);
	end = STRING_IO("rep outsw", 60, 0x302, string_buf + 4096 - 61, "+S");
	GEQ(end, string_buf + 4096 - 61 + 120);
	guest_sync(2);
	end = STRING_IO("rep outsl", 1500, 0x304, string_buf, "+S");
	GEQ(end, string_buf + 6000);
	guest_sync(3);
	end = STRING_IO("rep insb", 5000, 0x300, string_buf, "+D");
	GEQ(end, string_buf + 5000);
	for (int i = 0; i < 5000; i++)
		GCHECK(string_buf[i] == (u8)(i + 9));
	guest_sync(4);
	end = STRING_IO("rep insl", 33, 0x304, string_buf + 4096 - 66, "+D");
	for (int i = 0; i < 132; i++)
		GCHECK(string_buf[4096 - 66 + i] == (u8)(i + 9));
	guest_sync(5);
	end = STRING_IO("std; rep insw; cld", 40, 0x302, string_buf + 200, "+D");
	GEQ(end, string_buf + 200 - 80);
	for (int i = 0; i < 40; i++) {
		GCHECK(string_buf[200 - 2 * i] == (u8)(2 * i + 9));
		GCHECK(string_buf[201 - 2 * i] == (u8)(2 * i + 10));
	}
	guest_sync(6);
	end = STRING_IO("rep outsb", 0, 0x300, string_buf, "+S");
	GEQ(end, string_buf);
	guest_sync(7);
	guest_done();
}

/* Reads give 9, 10, 11, ...; writes are collected. Ends at the next ucall. */
static u32 string_phase(struct vcpu *vcpu, u8 *got, size_t room)
{
	size_t n = 0;
	struct ucall uc;
	u8 *data;
	u32 len;

	for (;;) {
		run_exit(vcpu);
		if (is_ucall(vcpu, &uc)) {
			if (uc.cmd == UCALL_FAIL)
				test_fail("guest", uc.arg[1], "%s %#llx %#llx",
					  (const char *)uc.arg[0], (unsigned long long)uc.arg[2],
					  (unsigned long long)uc.arg[3]);
			if (uc.cmd != UCALL_FAIL)
				return n;
			continue;
		}
		if (vcpu->run->exit_reason != KVM_EXIT_IO)
			describe_exit(vcpu);
		MUST(vcpu->run->exit_reason == KVM_EXIT_IO);
		len = vcpu->run->io.size * vcpu->run->io.count;
		MUST(len <= 4096 && n + len <= room);
		data = io_data(vcpu);
		for (u32 i = 0; i < len; i++, n++) {
			if (vcpu->run->io.direction == KVM_EXIT_IO_IN)
				data[i] = n + 9;
			else
				got[n] = data[i];
		}
	}
}

static void out_data(u8 *got, u32 n, u32 start)
{
	for (u32 i = 0; i < n; i++)
		CHECK(got[i] == (u8)((start + i) * 3), "byte %u is %#x", i, got[i]);
}

static void string_io(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, string_guest);
	static u8 got[8192];

	EQ(string_phase(vcpu, got, sizeof(got)), 100);
	out_data(got, 100, 0);
	EQ(string_phase(vcpu, got, sizeof(got)), 120);
	out_data(got, 120, 4096 - 61);
	EQ(string_phase(vcpu, got, sizeof(got)), 6000);
	out_data(got, 6000, 0);
	EQ(string_phase(vcpu, got, sizeof(got)), 5000);
	EQ(string_phase(vcpu, got, sizeof(got)), 132);
	EQ(string_phase(vcpu, got, sizeof(got)), 80);
	EQ(string_phase(vcpu, got, sizeof(got)), 0);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Memory-mapped I/O */
static void mmio_read_guest(void)
{
	u64 value;

	GEQ(MMIO(u8, DEV + 1), (u8)(65 * 7 + 1));
	guest_sync(MMIO(u8, DEV + 3));
	guest_sync(MMIO(u16, DEV + 6));
	guest_sync(MMIO(u32, DEV + 8));
	guest_sync(MMIO(u64, DEV + 16));
	/* not aligned */
	guest_sync(MMIO(u16, DEV + 33));
	guest_sync(MMIO(u32, DEV + 37));
	guest_sync(MMIO(u64, DEV + 43));
	/* extension */
	asm volatile("movzbl (%1), %k0" : "=r"(value) : "r"(DEV + 51));
	guest_sync(value);
	asm volatile("movsbq (%1), %0" : "=r"(value) : "r"(DEV + 51));
	guest_sync(value);
	asm volatile("movswq (%1), %0" : "=r"(value) : "r"(DEV + 52));
	guest_sync(value);
	asm volatile("movslq (%1), %0" : "=r"(value) : "r"(DEV + 56));
	guest_sync(value);
	value = ~0ul;
	asm volatile("movb (%1), %b0" : "+r"(value) : "r"(DEV + 60));
	guest_sync(value);
	value = ~0ul;
	asm volatile("movl (%1), %k0" : "+r"(value) : "r"(DEV + 60));
	guest_sync(value);
	/* an address in the instruction itself */
	asm volatile("movabs 0xd0000048, %%rax" : "=a"(value));
	guest_sync(value);
	guest_done();
}

static void mmio_reads_of_every_size(void)
{
	const u64 expect[] = {
		dev_value(3, 1), dev_value(6, 2), dev_value(8, 4), dev_value(16, 8),
		dev_value(33, 2), dev_value(37, 4), dev_value(43, 8), dev_value(51, 1),
		(s64)(signed char)dev_value(51, 1), (s64)(short)dev_value(52, 2),
		(s64)(int)dev_value(56, 4), ~0xffull | dev_value(60, 1), dev_value(60, 4),
		dev_value(0x48, 8),
	};
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, mmio_read_guest);
	struct ucall uc;

	for (size_t i = 0; i < sizeof(device); i++)
		device[i] = i * 7 + 1;
	for (size_t i = 0; i < ARRAY_SIZE(expect); i++) {
		MUST(with_device(vcpu, &uc) && uc.cmd == UCALL_SYNC);
		CHECK(uc.arg[0] == expect[i], "read %zu is %#llx, not %#llx", i,
		      (unsigned long long)uc.arg[0], (unsigned long long)expect[i]);
	}
	run_to_done(vcpu);
	vm_free(vm);
}

static void mmio_write_guest(void)
{
	MMIO(u8, DEV + 3) = 0x5a;
	MMIO(u16, DEV + 6) = 0x5a6b;
	MMIO(u32, DEV + 8) = 0x5a6b7c8d;
	MMIO(u64, DEV + 16) = 0x5a6b7c8d9eaf0112;
	MMIO(u32, DEV + 37) = 0x11223344;
	asm volatile("movq $-2, (%0)" : : "r"(DEV + 48) : "memory");
	asm volatile("movb $0x99, (%0)" : : "r"(DEV + 60) : "memory");
	asm volatile("movw $0x9988, (%0)" : : "r"(DEV + 62) : "memory");
	asm volatile("movabs %%al, 0xd0000050" : : "a"(0x42ul) : "memory");
	asm volatile("movnti %0, (%1)" : : "r"(0x1234567812345678ul), "r"(DEV + 96) : "memory");
	guest_done();
}

static void mmio_writes_of_every_size(void)
{
	static const struct access expect[] = {
		{ DEV + 3, 0x5a, 1, 1 }, { DEV + 6, 0x5a6b, 2, 1 }, { DEV + 8, 0x5a6b7c8d, 4, 1 },
		{ DEV + 16, 0x5a6b7c8d9eaf0112, 8, 1 }, { DEV + 37, 0x11223344, 4, 1 },
		{ DEV + 48, -2ul, 8, 1 }, { DEV + 60, 0x99, 1, 1 }, { DEV + 62, 0x9988, 2, 1 },
		{ DEV + 80, 0x42, 1, 1 }, { DEV + 96, 0x1234567812345678, 8, 1 },
	};

	play_device(mmio_write_guest);
	EQ(nr_seen, ARRAY_SIZE(expect));
	for (size_t i = 0; i < ARRAY_SIZE(expect); i++) {
		EQ(seen[i].addr, expect[i].addr);
		EQ(seen[i].len, expect[i].len);
		EQ(seen[i].value, expect[i].value);
		EQ(seen[i].write, 1);
	}
}

/* Read, change, write: each once, in this order */
static void rmw_guest(void)
{
	u64 reg = 0x1111, flags;

	MMIO(u64, DEV) = 0x100;
	guest_sync(0);
	asm volatile("addq %1, (%0)" : : "r"(DEV), "r"(5ul) : "memory");
	guest_sync(1);
	asm volatile("lock orl $0x80, (%0)" : : "r"(DEV) : "memory");
	guest_sync(2);
	asm volatile("xchgl %k0, (%1)" : "+r"(reg) : "r"(DEV) : "memory");
	GEQ(reg, 0x185);
	guest_sync(3);
	asm volatile("notb (%0)" : : "r"(DEV) : "memory");
	guest_sync(4);
	asm volatile("decl (%0); pushfq; popq %1" : : "r"(DEV), "r"(0ul) : "memory");
	guest_sync(5);
	asm volatile("lock btsl $31, (%1); setc %b0" : "=q"(reg) : "r"(DEV) : "memory", "cc");
	GEQ((u8)reg, 0);
	guest_sync(6);
	asm volatile("cmpl $0x800011ed, (%1); pushfq; popq %0" : "=r"(flags) : "r"(DEV) : "cc");
	GEQ(flags & 0x40, 0x40);
	guest_sync(7);
	asm volatile("testb $0x10, (%1); pushfq; popq %0" : "=r"(flags) : "r"(DEV) : "cc");
	GEQ(flags & 0x40, 0x40);
	guest_done();
}

static void read_modify_write(void)
{
	static const u32 value[] = {
		0x100, 0x105, 0x185, 0x1111, 0x11ee, 0x11ed, 0x800011ed, 0x800011ed, 0x800011ed,
	};
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, rmw_guest);
	struct ucall uc;

	for (size_t i = 0; i < ARRAY_SIZE(value); i++) {
		nr_seen = 0;
		MUST(with_device(vcpu, &uc));
		CHECK(*(u32 *)(device + 64) == value[i], "step %zu: %#x, not %#x", i,
		      *(u32 *)(device + 64), value[i]);
		if (i == 0 || i >= 7)
			continue;
		if (CHECK(nr_seen == 2, "step %zu: %u accesses", i, nr_seen))
			CHECK(!seen[0].write && seen[1].write, "step %zu", i);
	}
	EQ(uc.cmd, UCALL_DONE);
	vm_free(vm);
}

/* Compare and exchange with a device: not atomic there, but right. */
static void cmpxchg_guest(void)
{
	u64 old = 0x100;

	MMIO(u64, DEV) = 0x100;
	asm volatile("lock cmpxchgq %2, (%1)" : "+a"(old) : "r"(DEV), "r"(0x200ul) : "memory");
	GEQ(old, 0x100);
	GEQ(MMIO(u64, DEV), 0x200);
	guest_done();
}

static void compare_and_exchange(void)
{
	play_device(cmpxchg_guest);
	EQ(*(u64 *)(device + 64), 0x200);
}

/* Over a page's end: two pieces whose order is by address */
static void crossing_guest(void)
{
	guest_sync(MMIO(u64, DEV + PAGE - 3));
	guest_sync(MMIO(u16, DEV + PAGE - 1));
	MMIO(u64, DEV + PAGE - 5) = 0x8877665544332211;
	guest_sync(0);
	MMIO(u32, DEV + PAGE - 2) = 0xddccbbaa;
	guest_sync(0);
	asm volatile("addq $1, (%0)" : : "r"(DEV + PAGE - 4) : "memory");
	guest_done();
}

static u64 pieces(unsigned int first)
{
	u64 value = 0;
	u32 len = 0;

	for (unsigned int i = first; i < nr_seen; i++) {
		if (i > first)
			EQ(seen[i].addr, seen[i - 1].addr + seen[i - 1].len);
		CHECK((seen[i].addr & 4095) + seen[i].len <= 4096, "piece %u crosses", i);
		value |= seen[i].value << (8 * len);
		len += seen[i].len;
	}
	return value;
}

static void mmio_crossing_pages(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, crossing_guest);
	struct ucall uc;

	for (size_t i = 0; i < sizeof(device); i++)
		device[i] = i * 7 + 1;
	MUST(with_device(vcpu, &uc));
	EQ(uc.arg[0], dev_value(PAGE - 3, 8));
	EQ(pieces(0), dev_value(PAGE - 3, 8));
	MUST(with_device(vcpu, &uc));
	EQ(uc.arg[0], dev_value(PAGE - 1, 2));
	nr_seen = 0;
	MUST(with_device(vcpu, &uc));
	EQ(nr_seen, 2);
	EQ(pieces(0), 0x8877665544332211);
	nr_seen = 0;
	MUST(with_device(vcpu, &uc));
	EQ(pieces(0), 0xddccbbaa);
	*(u64 *)(device + 64 + PAGE - 4) = 0xffffffff;
	MUST(with_device(vcpu, &uc));
	EQ(*(u64 *)(device + 64 + PAGE - 4), 0x100000000ull);
	EQ(uc.cmd, UCALL_DONE);
	vm_free(vm);
}

/* One half in RAM, the other at a device */
#define EDGE	(RAM_SIZE - 4)

static void edge_guest(void)
{
	MMIO(u32, EDGE) = 0x44332211;
	guest_sync(MMIO(u64, EDGE));
	MMIO(u64, EDGE) = 0x0102030405060708;
	guest_sync(MMIO(u32, EDGE));
	guest_done();
}

static void half_ram_half_device(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, edge_guest);
	struct ucall uc;

	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, RAM_SIZE);
	EQ(vcpu->run->mmio.len, 4);
	*(u32 *)vcpu->run->mmio.data = 0x88776655;
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], 0x8877665544332211);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.is_write, 1);
	EQ(vcpu->run->mmio.phys_addr, RAM_SIZE);
	EQ(*(u32 *)vcpu->run->mmio.data, 0x01020304);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], 0x05060708);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Strings and stacks on a device */
static void mmio_string_guest(void)
{
	u64 n = 20, d = DEV, s = (u64)string_buf, sp;

	for (int i = 0; i < 80; i++)
		string_buf[i] = i + 1;
	asm volatile("rep movsl" : "+c"(n), "+D"(d), "+S"(s) : : "memory");
	GEQ(n, 0);
	GEQ(d, DEV + 80);
	guest_sync(1);
	n = 10;
	s = DEV + 3;
	d = (u64)string_buf + 100;
	asm volatile("rep movsb" : "+c"(n), "+D"(d), "+S"(s) : : "memory");
	for (int i = 0; i < 10; i++)
		GEQ(string_buf[100 + i], i + 4);
	n = 5;
	d = DEV + 200;
	asm volatile("rep stosq" : "+c"(n), "+D"(d) : "a"(0xabababababababab) : "memory");
	GEQ(d, DEV + 240);
	guest_sync(2);
	n = 3;
	s = DEV;
	d = DEV + 300;
	asm volatile("rep movsb" : "+c"(n), "+D"(d), "+S"(s) : : "memory");
	guest_sync(3);
	s = DEV + 8;
	asm volatile("lodsb" : "=a"(n), "+S"(s) : "a"(0ul) : "memory");
	GEQ(n, 9);
	/* a stack there: push writes, pop reads */
	asm volatile("mov %%rsp, %0; mov %2, %%rsp; push %3; pop %1; mov %0, %%rsp"
		     : "=&r"(sp), "=&r"(n) : "r"(DEV + 408), "r"(0x123456789ul) : "memory");
	GEQ(n, 0x123456789);
	/* push from there and pop to there */
	asm volatile("push (%1); pop %0" : "=r"(n) : "r"(DEV + 400) : "memory");
	GEQ(n, 0x123456789);
	asm volatile("push %0; pop (%1)" : : "r"(0x77ul), "r"(DEV + 416) : "memory");
	guest_done();
}

static void strings_and_stacks_on_a_device(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, mmio_string_guest);
	struct ucall uc;

	MUST(with_device(vcpu, &uc));
	EQ(nr_seen, 20);
	for (int i = 0; i < 80; i++)
		EQ(device[64 + i], i + 1);
	MUST(with_device(vcpu, &uc));
	for (int i = 0; i < 40; i++)
		EQ(device[264 + i], 0xab);
	MUST(with_device(vcpu, &uc));
	CHECK(device[364] == 1 && device[365] == 2 && device[366] == 3);
	MUST(with_device(vcpu, &uc));
	EQ(uc.cmd, UCALL_DONE);
	EQ(*(u64 *)(device + 64 + 416), 0x77);
	vm_free(vm);
}

/* 16 bytes by SSE: two exits of 8 */
static void sse_guest(void)
{
	static u8 in[16] __attribute__((aligned(16))), out[16] __attribute__((aligned(16)));

	for (int i = 0; i < 16; i++)
		in[i] = 0xa0 + i;
	asm volatile("movups (%0), %%xmm0; movups %%xmm0, (%1)"
		     : : "r"(in), "r"(DEV + 8) : "memory");
	asm volatile("movups (%0), %%xmm3; movaps %%xmm3, (%1)"
		     : : "r"(DEV + 8), "r"(out) : "memory");
	for (int i = 0; i < 16; i++)
		GEQ(out[i], 0xa0 + i);
	asm volatile("movdqa (%0), %%xmm1; movdqa %%xmm1, (%1)"
		     : : "r"(in), "r"(DEV + 32) : "memory");
	guest_done();
}

static void sixteen_bytes_by_sse(void)
{
	play_device(sse_guest);
	for (int i = 0; i < 16; i++) {
		EQ(device[72 + i], 0xa0 + i);
		EQ(device[96 + i], 0xa0 + i);
	}
	for (unsigned int i = 0; i < nr_seen; i++)
		EQ(seen[i].len, 8);
	EQ(nr_seen, 6);
}

/* The same from 16-bit and 32-bit code */
BLOB(real_io, ".code16",
     "mov $0x1234, %ax; out %al, $0x42; mov $0x310, %dx; out %ax, %dx;"
     "mov $0x87654321, %eax; out %eax, %dx; in $0x43, %al; mov %al, 0x9000;"
     "mov $0xa000, %ax; mov %ax, %ds; movw $0xbeef, (0); mov (2), %bx; hlt");

static void real_mode_io(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_regs regs;

	slot_must(vm, 0, 0, 0, 0, NULL);
	slot_must(vm, 0, 0, 0, 0xa0000, vm->ram);
	start_real(vcpu, BLOB_OF(real_io));
	expect_out(vcpu, 0x42, 1, 0x34);
	expect_out(vcpu, 0x310, 2, 0x1234);
	expect_out(vcpu, 0x310, 4, 0x87654321);
	answer_in(vcpu, 0x43, 1, 0x5c);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vm->ram[0x9000], 0x5c);
	EQ(vcpu->run->mmio.phys_addr, 0xa0000);
	EQ(vcpu->run->mmio.len, 2);
	EQ(*(u16 *)vcpu->run->mmio.data, 0xbeef);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, 0xa0002);
	*(u16 *)vcpu->run->mmio.data = 0xfade;
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rbx & 0xffff, 0xfade);
	EQ(regs.rip, real_io_end - real_io);
	vm_free(vm);
}

BLOB(prot_io, ".code32",
     "mov $0xd0000010, %edi; movl $0x11223344, (%edi); movw $0x5566, %es:4(%edi);"
     "mov 8(%edi,%ecx,4), %eax; out %eax, $0x55; cmpxchg8b (%edi); hlt");

static void protected_mode_io(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	start_prot32(vcpu, BLOB_OF(prot_io));
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, 0xd0000010);
	EQ(*(u32 *)vcpu->run->mmio.data, 0x11223344);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, 0xd0000014);
	EQ(vcpu->run->mmio.len, 2);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, 0xd0000018);
	*(u32 *)vcpu->run->mmio.data = 0xcafe0055;
	expect_out(vcpu, 0x55, 4, 0xcafe0055);
	while (run_exit(vcpu) == KVM_EXIT_MMIO)
		memset(vcpu->run->mmio.data, 0, 8);
	EQ(vcpu->run->exit_reason, KVM_EXIT_HLT);
	vm_free(vm);
}

/*
 * Compatibility mode, where CS has a base. Without it RIP leads to code that stores
 * something else.
 */
#define CS_BASE		0x4000

BLOB(based_io, ".code32", "movl %ebx, 0xd0000010; movl %ebx, 0xd0000010;"
     "movl %ebx, 0xd0000010; hlt");
BLOB(no_base_io, ".code32", "movl %ecx, 0xd0000010; movl %ecx, 0xd0000010;"
     "movl %ecx, 0xd0000010; hlt");

static void code_with_a_base(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, mmio_read_guest);
	struct kvm_regs regs = { .rflags = 2, .rip = FREE_GPA, .rbx = 0xba5e, .rcx = 0xbad };
	struct kvm_sregs sregs;

	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	sregs.cs.base = CS_BASE;
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	memcpy(at_gpa(vm, FREE_GPA, 64), BLOB_OF(no_base_io));
	memcpy(at_gpa(vm, FREE_GPA + CS_BASE, 64), BLOB_OF(based_io));
	for (int i = 0; i < 3; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_MMIO);
		EQ(vcpu->run->mmio.len, 4);
		EQ(*(u32 *)vcpu->run->mmio.data, 0xba5e);
	}
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

/* The answer to a read arrives with the next KVM_RUN, even one that ends at once. */
static void completion_by_immediate_exit(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, mmio_read_guest);
	struct kvm_regs before, after;

	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	vcpu->run->mmio.data[0] = dev_byte(1);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &before));
	vcpu->run->immediate_exit = 1;
	EQ(run_once(vcpu), -EINTR);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &after));
	CHECK(after.rip > before.rip && after.rip <= before.rip + 15);
	vcpu->run->immediate_exit = 0;
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(vcpu->run->mmio.phys_addr, DEV + 3);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(ports_of_every_size),
	TEST(in_changes_only_its_part_of_rax),
	TEST(string_io),
	TEST(mmio_reads_of_every_size),
	TEST(mmio_writes_of_every_size),
	TEST(read_modify_write),
	TEST(compare_and_exchange),
	TEST(mmio_crossing_pages),
	TEST(half_ram_half_device),
	TEST(strings_and_stacks_on_a_device),
	TEST(sixteen_bytes_by_sse),
	TEST(real_mode_io),
	TEST(protected_mode_io),
	TEST(code_with_a_base),
	TEST(completion_by_immediate_exit),
};

TEST_MAIN(tests)
