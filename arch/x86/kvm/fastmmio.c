// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stores to device doorbells without leaving the IRQs-off loop.
 *
 * The instruction is read anew each time, since the guest may have changed it.
 * Whatever is not a plain MOV to memory, or would have to sleep, takes the
 * ordinary way through the emulator.
 */
#include "core.h"
#include "insn.h"
#include "ioctls.h"

/* The bytes of the instruction at RIP: from the exit, or fetched here. */
static unsigned int fetch_bytes(struct x86_vcpu *v, u8 *bytes)
{
	struct kvm_segment cs;
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
	if (!x86_long_mode(v)) {
		x86_op(get_segment)(v, X86_CS, &cs);
		la = (u32)(la + cs.base);
	}
	n = min_t(unsigned int, 15, PAGE_SIZE - (la & ~PAGE_MASK));
	if (mmu_gva_to_gpa(v, la, access, &gpa, &fault, true) ||
	    kvm_read_guest_atomic(v->vcpu.kvm, gpa, bytes, n))
		return 0;
	return n;
}

unsigned int x86_fetch_atomic(struct x86_vcpu *v, void *buf, unsigned int len)
{
	return len < 15 ? 0 : fetch_bytes(v, buf);
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

/* MOV r8/16/32/64 or imm to memory, in 32- or 64-bit code: the whole of what is known here. */
static bool parse_store(struct x86_vcpu *v, const u8 *b, unsigned int n, bool long64,
			struct x86_store *st)
{
	unsigned int i = 0, size = 4, tail;
	u8 rex = 0, op, reg;
	u32 imm = 0;

	if (n > 1 && b[i] == 0x66) {
		size = 2;
		i++;
	}
	if (long64 && n > i + 1 && (b[i] & 0xf0) == 0x40)
		rex = b[i++];
	if (rex & 8)
		size = 8;
	if (n < i + 2)
		return false;
	op = b[i++];
	tail = modrm_tail(b + i, n - i);
	if (!tail || n < i + tail)
		return false;
	reg = ((b[i] >> 3) & 7) | ((rex & 4) << 1);
	if (op == 0x88 || op == 0xc6)
		size = 1;
	st->size = size;
	i += tail;
	switch (op) {
	case 0x88:
		/* Without REX, 4..7 are AH..BH (SDM 2A table 3-1). */
		st->val = !rex && reg >= 4 ? x86_gpr(v, reg - 4) >> 8 : x86_gpr(v, reg);
		break;
	case 0x89:
		st->val = x86_gpr(v, reg);
		break;
	case 0xc6:
	case 0xc7:
		tail = min(size, 4u);
		if ((reg & 7) || n < i + tail)
			return false;
		memcpy(&imm, b + i, tail);
		st->val = size == 8 ? (u64)(s64)(s32)imm : imm;
		i += tail;
		break;
	default:
		return false;
	}
	st->insn_len = i;
	return true;
}

bool x86_decode_store(struct x86_vcpu *v, struct x86_store *st)
{
	struct kvm_segment cs;
	u8 bytes[16];
	unsigned int n;

	x86_op(get_segment)(v, X86_CS, &cs);
	if (!cs.l && (!cs.db || !(x86_cr0(v) & X86_CR0_PE)))
		return false;		/* 16-bit code */
	n = fetch_bytes(v, bytes);
	return n && parse_store(v, bytes, n, cs.l && x86_long_mode(v), st);
}

/* IRQs off, srcu held; @gpa is known to have no slot. */
enum x86_next x86_mmio_fast(struct x86_vcpu *v, gpa_t gpa, u32 flags)
{
	struct x86_store st;

	if (!(flags & X86_FAULT_WRITE) || (flags & X86_FAULT_GUEST_TABLE) ||
	    unlikely(x86_rflags(v) & X86_EFLAGS_TF))
		return X86_SLOW;
	if (!x86_decode_store(v, &st) || ((gpa & ~PAGE_MASK) + st.size > PAGE_SIZE))
		return X86_SLOW;
	if (kvm_io_bus_write_atomic(&v->vcpu, KVM_BUS_FAST_MMIO, gpa, 0, NULL) &&
	    kvm_io_bus_write_atomic(&v->vcpu, KVM_BUS_MMIO, gpa, st.size, &st.val))
		return X86_SLOW;
	x86_skip_len(v, st.insn_len);
	return X86_RESUME;
}
