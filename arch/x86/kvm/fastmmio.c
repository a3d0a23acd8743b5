// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads and stores to devices without leaving the IRQs-off loop.
 *
 * The instruction is read anew each time, since the guest may have changed it.
 * Whatever is not a plain MOV to memory, or would have to sleep, takes the
 * ordinary way through the emulator.
 */
#include "core.h"
#include "insn.h"
#include "ioctls.h"
#include "trace.h"

/* The bytes of the instruction at RIP: from the exit, or fetched here. */
static unsigned int fetch_bytes(struct x86_vcpu *v, const struct kvm_segment *cs, bool long64,
				u8 *bytes)
{
	struct mmu_gfault fault;
	unsigned long la = x86_rip(v);
	u32 access = X86_FAULT_FETCH;
	unsigned int n;
	gpa_t gpa;

	if (v->exit.nr_bytes) {
		memcpy(bytes, v->exit.bytes, 15);
		return v->exit.nr_bytes;
	}
	if (x86_op(get_cpl)(v) == 3)
		access |= X86_FAULT_USER;
	if (!long64)
		la = (u32)(la + cs->base);
	n = min_t(unsigned int, 15, PAGE_SIZE - (la & ~PAGE_MASK));
	if (mmu_gva_to_gpa(v, la, access, &gpa, &fault, true) ||
	    kvm_read_guest_atomic(v->vcpu.kvm, v->vcpu.as_id, gpa, bytes, n))
		return 0;
	return n;
}

/* Lengths of what a ModRM byte drags along, 32- and 64-bit addressing (SDM 2A table 2-2). */
static unsigned int modrm_tail(const u8 *p, unsigned int left)
{
	u8 mod = p[0] >> 6, rm = p[0] & 7;
	unsigned int n = 1;

	if (mod == 3)
		return 0;
	if (rm == 4) {
		if (left < 2)
			return 0;
		if (mod == 0 && (p[1] & 7) == 5)
			n += 4;
		n++;
	} else if (mod == 0 && rm == 5) {
		n += 4;
	}
	if (mod == 1)
		n += 1;
	else if (mod == 2)
		n += 4;
	return n;
}

/* Where in the bytes the pieces of a MOV are. */
struct mov_parts {
	u8 rex;
	u8 modrm;		/* offset of the ModRM byte */
	u8 size;		/* operand size: 2, 4, 8 */
	u8 op;			/* 0xb6, 0xb7: MOVZX */
	u8 reg;
	u8 imm;			/* offset of an immediate */
};

static bool split_mov(const u8 *b, unsigned int n, bool long64, struct mov_parts *p)
{
	unsigned int i = 0, tail;

	p->size = 4;
	p->rex = 0;
	if (n && b[0] == 0x66) {
		p->size = 2;
		i++;
	}
	if (long64 && n > i && (b[i] & 0xf0) == 0x40)
		p->rex = b[i++];
	if (p->rex & 8)
		p->size = 8;
	if (n < i + 2)
		return false;
	p->op = b[i++];
	if (p->op == 0x0f) {
		p->op = b[i++];
		if (p->op != 0xb6 && p->op != 0xb7)
			return false;
	} else if (p->op == 0xb6 || p->op == 0xb7) {
		return false;
	}
	if (n <= i)
		return false;
	tail = modrm_tail(b + i, n - i);
	if (!tail || n < i + tail)
		return false;
	p->reg = ((b[i] >> 3) & 7) | ((p->rex & 4) << 1);
	p->modrm = i;
	p->imm = i + tail;
	return true;
}

/*
 * The address in 64-bit mode, where no segment moves it. split_mov() saw that
 * all the bytes are there.
 */
static u64 effective_address(struct x86_vcpu *v, const u8 *b, const struct mov_parts *p,
			     unsigned int insn_len)
{
	const u8 *m = b + p->modrm;
	u8 mod = m[0] >> 6, rm = m[0] & 7, base = rm, index;
	s32 disp = 0;
	u64 ea = 0;

	if (rm == 4) {
		base = m[1] & 7;
		index = ((m[1] >> 3) & 7) | ((p->rex & 2) << 2);
		if (index != 4)
			ea = (u64)x86_gpr(v, index) << (m[1] >> 6);
	}
	if (mod == 1)
		disp = (s8)b[p->imm - 1];
	else if (mod == 2 || base == 5)	/* with mod 0, base 5 is a displacement alone */
		memcpy(&disp, b + p->imm - 4, 4);
	if (mod == 1 || mod == 2 || base != 5)
		ea += x86_gpr(v, base | ((p->rex & 1) << 3));
	else if (rm == 5)
		ea += x86_rip(v) + insn_len;
	return ea + disp;
}

static void parse_load(struct x86_mov *m, u8 size, u8 reg_size)
{
	m->store = false;
	m->size = size;
	m->reg_size = reg_size;
}

static void parse_store(struct x86_vcpu *v, struct x86_mov *m, u8 size)
{
	m->store = true;
	m->size = size;
	m->val = m->high ? x86_gpr(v, m->reg) >> 8 : x86_gpr(v, m->reg);
}

/* C6, C7: an immediate of at most 4 bytes, sign extended */
static bool parse_imm(struct x86_mov *m, const struct mov_parts *p, const u8 *b, unsigned int n,
		      u8 size)
{
	unsigned int len = min_t(unsigned int, size, 4);
	s32 imm = 0;

	if ((p->reg & 7) || n < p->imm + len)
		return false;
	memcpy(&imm, b + p->imm, len);
	m->store = true;
	m->size = size;
	m->val = (s64)imm;
	m->insn_len = p->imm + len;
	return true;
}

/* MOV between memory and a register or from an immediate, and MOVZX: all that is known here. */
static bool parse_op(struct x86_vcpu *v, const u8 *b, unsigned int n, const struct mov_parts *p,
		     struct x86_mov *m)
{
	bool byte_reg;

	/* Without REX, byte registers 4..7 are AH..BH (SDM 2A table 3-1). */
	byte_reg = p->op == 0x88 || p->op == 0x8a;
	m->high = byte_reg && !p->rex && p->reg >= 4;
	m->reg = m->high ? p->reg - 4 : p->reg;
	m->insn_len = p->imm;
	switch (p->op) {
	case 0x88:
		parse_store(v, m, 1);
		return true;
	case 0x89:
		parse_store(v, m, p->size);
		return true;
	case 0x8a:
		parse_load(m, 1, 1);
		return true;
	case 0x8b:
		parse_load(m, p->size, p->size);
		return true;
	case 0xb6:
		parse_load(m, 1, p->size);
		return true;
	case 0xb7:
		parse_load(m, 2, p->size);
		return true;
	case 0xc6:
		return parse_imm(m, p, b, n, 1);
	case 0xc7:
		return parse_imm(m, p, b, n, p->size);
	}
	return false;
}

/*
 * An access that crosses into the page it faulted on begins elsewhere, maybe in
 * memory: what looks like offset 0 of a page may be the tail of one.
 */
static bool starts_at(struct x86_vcpu *v, const u8 *b, const struct mov_parts *p,
		      const struct x86_mov *m, bool long64, gpa_t gpa)
{
	if (likely(gpa & ~PAGE_MASK) || m->size == 1)
		return (gpa & ~PAGE_MASK) + m->size <= PAGE_SIZE;
	return long64 && !(effective_address(v, b, p, m->insn_len) & ~PAGE_MASK);
}

static bool decode_mov(struct x86_vcpu *v, struct x86_mov *m, gpa_t gpa)
{
	struct kvm_segment cs;
	struct mov_parts p;
	bool long64;
	u8 bytes[16];
	unsigned int n;

	x86_op(get_segment)(v, X86_CS, &cs);
	if (!cs.l && (!cs.db || !(x86_cr0(v) & X86_CR0_PE)))
		return false;		/* 16-bit code */
	long64 = cs.l && x86_long_mode(v);
	n = fetch_bytes(v, &cs, long64, bytes);
	return n && split_mov(bytes, n, long64, &p) && parse_op(v, bytes, n, &p, m) &&
	       starts_at(v, bytes, &p, m, long64, gpa);
}

static void load_register(struct x86_vcpu *v, const struct x86_mov *m, u64 val)
{
	unsigned long old = x86_gpr(v, m->reg);

	switch (m->reg_size) {
	case 1:
		val &= 0xff;
		if (m->high)
			val = (old & ~0xff00ul) | val << 8;
		else
			val = (old & ~0xfful) | val;
		break;
	case 2:
		val = (old & ~0xfffful) | (val & 0xffff);
		break;
	}
	x86_set_gpr(v, m->reg, val);
}

static enum x86_next complete_mov(struct x86_vcpu *v)
{
	u64 val = 0;

	if (x86_rip(v) != v->io_rip)
		return X86_RESUME;	/* moved elsewhere meanwhile */
	if (!v->mov.store) {
		memcpy(&val, v->vcpu.run->mmio.data, v->mov.size);
		trace_kvm_mmio(TRACE_MMIO_READ, v->mov.size, v->vcpu.run->mmio.phys_addr, &val);
		load_register(v, &v->mov, val);
	}
	v->exit.insn_len = v->mov.insn_len;
	return x86_skip(v);
}

static enum x86_next ask_user(struct x86_vcpu *v, gpa_t gpa)
{
	struct kvm_run *run = v->vcpu.run;
	struct x86_mov *m = &v->mov;

	if (m->store)
		trace_kvm_mmio(TRACE_MMIO_WRITE, m->size, gpa, &m->val);
	else
		trace_kvm_mmio(TRACE_MMIO_ASKED, m->size, gpa, NULL);
	v->vcpu.stat.mmio_exits++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = m->size;
	run->mmio.is_write = m->store;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (m->store)
		memcpy(run->mmio.data, &m->val, m->size);
	v->io_rip = x86_rip(v);
	v->complete = complete_mov;
	return X86_TO_USER;
}

static int kernel_store(struct x86_vcpu *v, gpa_t gpa)
{
	struct x86_mov *m = &v->mov;
	int ret = -EOPNOTSUPP;

	if (v->apic)
		ret = lapic_mmio_write_atomic(v, gpa, m->size, &m->val);
	if (ret == -EOPNOTSUPP) {
		ret = kvm_io_bus_write_atomic(&v->vcpu, KVM_BUS_FAST_MMIO, gpa, 0, NULL);
		if (!ret)
			trace_kvm_fast_mmio(gpa);
	}
	if (ret == -EOPNOTSUPP)
		ret = kvm_io_bus_write_atomic(&v->vcpu, KVM_BUS_MMIO, gpa, m->size, &m->val);
	return ret;
}

static int kernel_load(struct x86_vcpu *v, gpa_t gpa, u64 *val)
{
	int ret = -EOPNOTSUPP;

	if (v->apic)
		ret = lapic_mmio_read(v, gpa, v->mov.size, val);
	if (ret == -EOPNOTSUPP)
		ret = kvm_io_bus_read_atomic(&v->vcpu, KVM_BUS_MMIO, gpa, v->mov.size, val);
	return ret;
}

/* IRQs off; @gpa is known to have no slot. */
enum x86_next x86_mmio_fast(struct x86_vcpu *v, gpa_t gpa, u32 flags)
{
	struct x86_mov *m = &v->mov;
	u64 val = 0;
	int ret;

	if ((flags & X86_FAULT_GUEST_TABLE) || unlikely(x86_rflags(v) & X86_EFLAGS_TF) ||
	    unlikely(v->dbg.active))
		return X86_SLOW;
	if (!decode_mov(v, m, gpa) || m->store != !!(flags & X86_FAULT_WRITE))
		return X86_SLOW;
	ret = m->store ? kernel_store(v, gpa) : kernel_load(v, gpa, &val);
	if (ret == -EOPNOTSUPP)
		return ask_user(v, gpa);
	if (ret)
		return X86_SLOW;
	trace_kvm_mmio(m->store ? TRACE_MMIO_WRITE : TRACE_MMIO_READ, m->size, gpa,
		       m->store ? &m->val : &val);
	if (!m->store)
		load_register(v, m, val);
	x86_skip_len(v, m->insn_len);
	return X86_RESUME;
}
