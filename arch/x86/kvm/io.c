// SPDX-License-Identifier: GPL-2.0-only
/* Port I/O and MMIO: kernel devices, the replay log, exits to user space. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "core.h"
#include "io.h"
#include "ioctls.h"
#include "trace.h"

struct x86_io *x86_io(struct x86_vcpu *v)
{
	if (!v->io)
		v->io = kzalloc(sizeof(*v->io), GFP_KERNEL_ACCOUNT);
	return v->io;
}

void x86_io_destroy(struct x86_vcpu *v)
{
	kfree(v->io);
	v->io = NULL;
}

void x86_io_start(struct x86_io *io)
{
	io->nr = 0;
	io->pos = 0;
	io->asked = false;
	io->pio = X86_PIO_NONE;
	io->gpa_known = false;
	io->halt = false;
}

/* A REP iteration was committed: what it did is history. */
void x86_io_epoch(struct x86_io *io, u32 epoch)
{
	if (io->epoch == epoch)
		return;
	io->epoch = epoch;
	io->nr = 0;
	io->pos = 0;
	io->pio = X86_PIO_NONE;
}

static int x86_kernel_mmio(struct x86_vcpu *v, gpa_t gpa, void *data, unsigned int len,
			   bool write)
{
	struct kvm_vcpu *vcpu = &v->vcpu;

	if (write) {
		if (v->apic && !lapic_mmio_write(v, gpa, len, data))
			return 0;
		return kvm_io_bus_write(vcpu, KVM_BUS_MMIO, gpa, len, data);
	}
	if (v->apic && !lapic_mmio_read(v, gpa, len, data))
		return 0;
	return kvm_io_bus_read(vcpu, KVM_BUS_MMIO, gpa, len, data);
}

static void x86_log(struct x86_io *io, gpa_t gpa, const void *data, unsigned int len, bool write)
{
	struct x86_io_piece *p = &io->log[io->nr++];

	if (!write)
		trace_kvm_mmio(TRACE_MMIO_READ, len, gpa, data);
	p->gpa = gpa;
	p->len = len;
	p->write = write;
	memcpy(p->data, data, len);
	io->pos = io->nr;
}

enum x86_io_result x86_mmio(struct x86_vcpu *v, gpa_t gpa, void *data, unsigned int len,
			    bool write)
{
	struct x86_io *io = v->io;
	struct kvm_run *run = v->vcpu.run;

	if (io->pos < io->nr) {
		struct x86_io_piece *p = &io->log[io->pos++];

		/* Restarted with other operands: what was done is not what is wanted now. */
		if (p->gpa != gpa || p->len != len || p->write != write)
			return X86_IO_TOO_MANY;
		if (!write)
			memcpy(data, p->data, len);
		return X86_IO_DONE;
	}
	if (io->nr == X86_IO_LOG)
		return X86_IO_TOO_MANY;
	if (write)
		trace_kvm_mmio(TRACE_MMIO_WRITE, len, gpa, data);
	if (!x86_kernel_mmio(v, gpa, data, len, write)) {
		x86_log(io, gpa, data, len, write);
		return X86_IO_DONE;
	}

	if (!write)
		trace_kvm_mmio(TRACE_MMIO_ASKED, len, gpa, NULL);
	v->vcpu.stat.mmio_exits++;
	io->asked = true;
	io->want.gpa = gpa;
	io->want.len = len;
	io->want.write = write;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (write) {
		memcpy(io->want.data, data, len);
		memcpy(run->mmio.data, data, len);
	}
	return X86_IO_USER;
}

void x86_io_answered(struct x86_vcpu *v)
{
	struct x86_io *io = v->io;
	u8 data[8];

	if (io->asked) {
		io->asked = false;
		/* kvm_run is user space's memory: one copy, then ours. */
		if (io->want.write)
			memcpy(data, io->want.data, sizeof(data));
		else
			memcpy(data, v->vcpu.run->mmio.data, sizeof(data));
		x86_log(io, io->want.gpa, data, io->want.len, io->want.write);
	}
	if (io->pio == X86_PIO_ASKED)
		io->pio = X86_PIO_DONE;
	io->pos = 0;
}

static void *x86_pio_data(struct x86_vcpu *v)
{
	return page_address(v->pio_page);
}

/* All of the elements by devices in the kernel, or none. */
static bool x86_kernel_pio(struct x86_vcpu *v, u16 port, unsigned int size, void *data,
			   unsigned int count, bool in)
{
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++, data += size) {
		if (in)
			ret = kvm_io_bus_read(&v->vcpu, KVM_BUS_PIO, port, size, data);
		else
			ret = kvm_io_bus_write(&v->vcpu, KVM_BUS_PIO, port, size, data);
		if (ret && !i)
			return false;
		if (ret && in)
			memset(data, 0xff, size);
	}
	return true;
}

static void x86_pio_to_user(struct x86_vcpu *v, u16 port, unsigned int size, unsigned int count,
			    bool in)
{
	struct kvm_run *run = v->vcpu.run;

	v->vcpu.stat.io_exits++;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = PAGE_SIZE;	/* page 1 of the vCPU's mapping */
}

/* For the emulator's string instructions. *@count may come back smaller. */
enum x86_io_result x86_pio(struct x86_vcpu *v, u16 port, unsigned int size, void *data,
			   unsigned int *count, bool in)
{
	struct x86_io *io = v->io;
	unsigned int n = min_t(unsigned int, *count, PAGE_SIZE / size);

	if (io->pio == X86_PIO_DONE) {
		if (io->pio_port != port || io->pio_size != size || io->pio_in != in)
			return X86_IO_TOO_MANY;
		/* User space may have changed RCX: what is too much now is lost. */
		*count = min(*count, io->pio_count);
		if (in) {
			memcpy(data, x86_pio_data(v), size * *count);
			trace_kvm_pio(TRACE_PIO_IN, port, size, *count, data);
		}
		return X86_IO_DONE;
	}
	io->pio_port = port;
	io->pio_size = size;
	io->pio_in = in;
	io->pio_count = n;
	*count = n;
	if (!in)
		trace_kvm_pio(TRACE_PIO_OUT, port, size, n, data);
	if (x86_kernel_pio(v, port, size, data, n, in)) {
		if (in)
			memcpy(x86_pio_data(v), data, size * n);
		io->pio = X86_PIO_DONE;
		return X86_IO_DONE;
	}
	if (in)
		memset(x86_pio_data(v), 0, size * n);
	else
		memcpy(x86_pio_data(v), data, size * n);
	io->pio = X86_PIO_ASKED;
	x86_pio_to_user(v, port, size, n, in);
	return X86_IO_USER;
}

/* The register has what was read, or is to be written: nothing is kept for the trace. */
static noinline void x86_trace_pio(struct x86_vcpu *v)
{
	u32 val = x86_gpr(v, X86_RAX);

	trace_kvm_pio(v->exit.io.in ? TRACE_PIO_IN : TRACE_PIO_OUT, v->exit.io.port,
		      v->exit.io.size, 1, &val);
}

/* IN writes AL, AX or EAX; only the last clears what is above (APM 1 3.1.2). */
static void x86_set_in_data(struct x86_vcpu *v, u32 val, unsigned int size)
{
	unsigned long rax = x86_gpr(v, X86_RAX);

	switch (size) {
	case 1:
		rax = (rax & ~0xfful) | (val & 0xff);
		break;
	case 2:
		rax = (rax & ~0xfffful) | (val & 0xffff);
		break;
	default:
		rax = val;
	}
	x86_set_gpr(v, X86_RAX, rax);
	if (trace_kvm_pio_enabled())
		x86_trace_pio(v);
}

static enum x86_next x86_complete_pio(struct x86_vcpu *v)
{
	u32 val = 0;

	/* User space moved the guest elsewhere meanwhile (reset): nothing to finish. */
	if (x86_rip(v) != v->io_rip)
		return X86_RESUME;
	if (v->exit.io.in) {
		memcpy(&val, x86_pio_data(v), v->exit.io.size);
		x86_set_in_data(v, val, v->exit.io.size);
	}
	return x86_skip(v);
}

/* Nobody in the kernel claims the port. IRQs on or off. */
static enum x86_next x86_ask_user(struct x86_vcpu *v, u32 val)
{
	bool in = v->exit.io.in;

	x86_pio_to_user(v, v->exit.io.port, v->exit.io.size, 1, in);
	if (!in)
		memcpy(x86_pio_data(v), &val, v->exit.io.size);
	v->io_rip = x86_rip(v);
	v->complete = x86_complete_pio;
	return X86_TO_USER;
}

enum x86_next x86_io_exit(struct x86_vcpu *v)
{
	bool in = v->exit.io.in;
	unsigned int size = v->exit.io.size;
	u16 port = v->exit.io.port;
	u32 val = 0;

	if (v->exit.io.string)
		return x86_emulate(v);
	if (!in) {
		val = x86_gpr(v, X86_RAX);
		if (trace_kvm_pio_enabled())
			x86_trace_pio(v);
	}
	if (!x86_kernel_pio(v, port, size, &val, 1, in))
		return x86_ask_user(v, val);
	if (in)
		x86_set_in_data(v, val, size);
	return x86_skip(v);
}

/*
 * IRQs off: ports of kernel devices that need no sleep are served without
 * leaving the inner loop, and user space's are handed on without looking again.
 */
enum x86_next x86_io_fast(struct x86_vcpu *v)
{
	const bool in = v->exit.io.in;
	const u16 port = v->exit.io.port;
	const u8 size = v->exit.io.size;
	u32 val = 0;
	int ret;

	if (unlikely(v->exit.io.string || !v->exit.insn_len))
		return X86_SLOW;
	if (in) {
		ret = kvm_io_bus_read_atomic(&v->vcpu, KVM_BUS_PIO, port, size, &val);
	} else {
		val = x86_gpr(v, X86_RAX);
		ret = kvm_io_bus_write_atomic(&v->vcpu, KVM_BUS_PIO, port, size, &val);
	}
	if (unlikely(ret && ret != -EOPNOTSUPP))
		return X86_SLOW;
	if (trace_kvm_pio_enabled() && !in)
		x86_trace_pio(v);
	if (ret)
		return x86_ask_user(v, val);
	if (in)
		x86_set_in_data(v, val, size);
	return x86_skip(v);
}
