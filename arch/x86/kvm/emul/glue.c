// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of the emulator: its callbacks on guest memory, MMIO,
 * ports and registers, and what becomes of its results.
 */
#include <linux/slab.h>

#include "../core.h"
#include "../insn.h"
#include "../io.h"
#include "../ioctls.h"
#include "../trace.h"
#include "emul.h"
#include "glue.h"

#define VEC_NMI	2

/* DR7's R/W field: what stops on it */
#define DR_KIND_FETCH	BIT(0)
#define DR_KIND_WRITE	(BIT(1) | BIT(3))
#define DR_KIND_READ	BIT(3)

static struct x86_vcpu *emul_vcpu(struct emul_ctx *c)
{
	return c->owner;
}

static enum emul_result emul_gva_fault(struct emul_ctx *c, const struct mmu_gfault *f)
{
	return emul_raise_pf(c, f->addr, f->error);
}

/* The access the guest faulted on: hardware translated it already. */
static bool emul_known_gpa(struct emul_ctx *c, u64 la, unsigned int acc, bool write, gpa_t *gpa)
{
	struct x86_vcpu *v = emul_vcpu(c);
	struct x86_io *io = v->io;

	if (acc & (EMUL_ACC_SYSTEM | EMUL_ACC_STACK | EMUL_ACC_CHUNK | EMUL_ACC_PROBE))
		return false;
	/* Only what hardware checked: another processor may have changed the instruction. */
	if (v->exit.reason != X86_EXIT_TDP_FAULT || (v->exit.fault.flags & X86_FAULT_FETCH) ||
	    (write && !(v->exit.fault.flags & X86_FAULT_WRITE)))
		return false;
	if (io->gpa_known && io->gva == la) {
		*gpa = io->gpa;
		return true;
	}
	if (io->gpa_known || c->map != 1 || emul_has_two_memory_operands(c->opcode) ||
	    (v->exit.fault.flags & X86_FAULT_GUEST_TABLE) ||
	    (v->exit.fault.gpa & ~PAGE_MASK) != (la & ~PAGE_MASK))
		return false;
	io->gpa_known = true;
	io->gva = la;
	io->gpa = v->exit.fault.gpa;
	*gpa = io->gpa;
	return true;
}

static enum emul_result emul_translate(struct emul_ctx *c, u64 la, unsigned int acc, bool write,
				       gpa_t *gpa)
{
	struct mmu_gfault fault;
	u32 access;

	write |= acc & EMUL_ACC_RMW;
	if (emul_known_gpa(c, la, acc, write, gpa))
		return EMUL_OK;
	access = write ? X86_FAULT_WRITE : 0;
	if (c->cpl == 3 && !(acc & EMUL_ACC_SYSTEM))
		access |= X86_FAULT_USER;
	if (mmu_gva_to_gpa(emul_vcpu(c), la, access, gpa, &fault, false))
		return emul_gva_fault(c, &fault);
	return EMUL_OK;
}

static enum emul_result emul_io_result(enum x86_io_result r)
{
	switch (r) {
	case X86_IO_DONE:
		return EMUL_OK;
	case X86_IO_USER:
		return EMUL_USER;
	default:
		return EMUL_UNHANDLED;
	}
}

/* MMIO goes out in pieces of at most 8 bytes, within a page. */
static enum emul_result emul_mmio(struct emul_ctx *c, gpa_t gpa, void *buf, unsigned int len,
				  bool write)
{
	enum emul_result r = EMUL_OK;
	unsigned int n;

	for (; len && r == EMUL_OK; len -= n, gpa += n, buf += n) {
		n = min(len, 8u);
		r = emul_io_result(x86_mmio(emul_vcpu(c), gpa, buf, n, write));
	}
	return r;
}

static bool emul_is_ram(struct x86_vcpu *v, gpa_t gpa, bool write)
{
	bool writable;

	return kvm_gfn_to_hva(v->vcpu.kvm, v->vcpu.as_id, gpa_to_gfn(gpa), &writable) &&
	       (writable || !write);
}

/* One piece within one page. */
static enum emul_result emul_piece(struct emul_ctx *c, u64 la, void *buf, unsigned int len,
				   unsigned int acc, bool write)
{
	struct x86_vcpu *v = emul_vcpu(c);
	struct kvm_vcpu *vcpu = &v->vcpu;
	enum emul_result r;
	gpa_t gpa;
	int err;

	x86_io_epoch(v->io, c->epoch);
	r = emul_translate(c, la, acc, write, &gpa);
	if (r != EMUL_OK)
		return r;
	if (acc & EMUL_ACC_PROBE)	/* chunks are for RAM alone */
		return (acc & EMUL_ACC_CHUNK) && !emul_is_ram(v, gpa, write) ?
		       EMUL_UNHANDLED : EMUL_OK;
	if (unlikely(v->dbg.active) && !(acc & EMUL_ACC_SYSTEM))
		c->trap_dr6 |= x86_debug_hits(v, la, len, write ? DR_KIND_WRITE : DR_KIND_READ);
	err = write ? kvm_write_guest(vcpu->kvm, vcpu->as_id, gpa, buf, len) :
		      kvm_read_guest(vcpu->kvm, vcpu->as_id, gpa, buf, len);
	if (!err)
		return EMUL_OK;
	if (acc & EMUL_ACC_CHUNK)
		return EMUL_UNHANDLED;
	return emul_mmio(c, gpa, buf, len, write);
}

static enum emul_result emul_access(struct emul_ctx *c, u64 la, void *buf, unsigned int len,
				    unsigned int acc, bool write)
{
	unsigned int first = min_t(unsigned int, len, PAGE_SIZE - (la & ~PAGE_MASK));
	enum emul_result r;

	if (likely(first == len))
		return emul_piece(c, la, buf, len, acc, write);
	/* Both pages must translate before either is touched. */
	if (write) {
		r = emul_piece(c, la, NULL, first, acc | EMUL_ACC_PROBE, true);
		if (r == EMUL_OK)
			r = emul_piece(c, la + first, NULL, len - first, acc | EMUL_ACC_PROBE,
				       true);
		if (r != EMUL_OK || (acc & EMUL_ACC_PROBE))
			return r;
	}
	r = emul_piece(c, la, buf, first, acc, write);
	if (r == EMUL_OK)
		r = emul_piece(c, la + first, buf ? buf + first : NULL, len - first, acc, write);
	return r;
}

static enum emul_result op_read(struct emul_ctx *c, u64 la, void *buf, unsigned int len,
				unsigned int acc)
{
	return emul_access(c, la, buf, len, acc, false);
}

static enum emul_result op_write(struct emul_ctx *c, u64 la, const void *buf, unsigned int len,
				 unsigned int acc)
{
	return emul_access(c, la, (void *)buf, len, acc, true);
}

static enum emul_result op_fetch(struct emul_ctx *c, u64 la, void *buf, unsigned int len)
{
	struct x86_vcpu *v = emul_vcpu(c);
	struct mmu_gfault fault;
	u32 access = X86_FAULT_FETCH | (c->cpl == 3 ? X86_FAULT_USER : 0);
	unsigned int n;
	gpa_t gpa;

	for (; len; len -= n, la += n, buf += n) {
		n = min_t(unsigned int, len, PAGE_SIZE - (la & ~PAGE_MASK));
		if (mmu_gva_to_gpa(v, la, access, &gpa, &fault, false))
			return emul_gva_fault(c, &fault);
		/* Code in MMIO is nothing we can run. */
		if (kvm_read_guest(v->vcpu.kvm, v->vcpu.as_id, gpa, buf, n))
			return EMUL_UNHANDLED;
	}
	return EMUL_OK;
}

static enum emul_result op_swap(struct emul_ctx *c, u64 la, const void *old, const void *new,
				unsigned int len, unsigned int acc)
{
	struct kvm_vcpu *vcpu = &emul_vcpu(c)->vcpu;
	enum emul_result r;
	gpa_t gpa;

	/* A lock that is split between two lines, or pages: a plain write, not atomic. */
	if ((la & 63) + len > 64 || (len == 16 && !boot_cpu_has(X86_FEATURE_CX16)))
		return mmu_retry_write(emul_vcpu(c)) ? EMUL_RETRY :
			emul_access(c, la, (void *)new, len, acc, true);
	x86_io_epoch(emul_vcpu(c)->io, c->epoch);
	r = emul_translate(c, la, acc, true, &gpa);
	if (r != EMUL_OK)
		return r;
	switch (kvm_cmpxchg_guest(vcpu->kvm, vcpu->as_id, gpa, old, new, len)) {
	case 0:
		return EMUL_OK;
	case -EAGAIN:
		return EMUL_RETRY;
	default:
		return emul_mmio(c, gpa, (void *)new, len, true);
	}
}

static enum emul_result op_pio_in(struct emul_ctx *c, u16 port, unsigned int size, void *buf,
				  unsigned int count, unsigned int *done)
{
	x86_io_epoch(emul_vcpu(c)->io, c->epoch);
	*done = count;
	return emul_io_result(x86_pio(emul_vcpu(c), port, size, buf, done, true));
}

static enum emul_result op_pio_out(struct emul_ctx *c, u16 port, unsigned int size,
				   const void *buf, unsigned int count, unsigned int *done)
{
	x86_io_epoch(emul_vcpu(c)->io, c->epoch);
	*done = count;
	return emul_io_result(x86_pio(emul_vcpu(c), port, size, (void *)buf, done, false));
}

static const struct emul_ops emul_kernel_ops = {
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.swap = op_swap,
	.pio_in = op_pio_in,
	.pio_out = op_pio_out,
	EMUL_STATE_OPS
};

static bool emul_fill(struct x86_vcpu *v)
{
	struct emul_ctx *c = v->emul;

	if (!c) {
		c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
		if (!c)
			return false;
		c->ops = &emul_kernel_ops;
		c->owner = v;
		v->emul = c;
	}
	x86_need(v, BIT(X86_LAZY_RSP));
	memcpy(c->gpr, v->regs.gpr, sizeof(c->gpr));
	c->rip = x86_rip(v);
	c->rflags = x86_guest_rflags(v);
	c->cpl = x86_op(get_cpl)(v);
	c->lma = x86_long_mode(v);
	c->va_bits = x86_cr4(v) & X86_CR4_LA57 ? 57 : 48;
	c->mode = emul_mode_of(v);
	return true;
}

static void emul_commit(struct x86_vcpu *v)
{
	struct emul_ctx *c = v->emul;

	memcpy(v->regs.gpr, c->gpr, sizeof(c->gpr));
	x86_set_gpr(v, X86_RSP, c->gpr[X86_RSP]);
	x86_set_rip(v, c->rip);
	if (c->rflags != x86_guest_rflags(v))
		x86_debug_set_rflags(v, c->rflags);
}

enum x86_next x86_emulation_failed(struct x86_vcpu *v, const u8 *bytes, unsigned int n)
{
	struct kvm_run *run = v->vcpu.run;
	unsigned int ndata = 1;		/* flags */

	v->vcpu.stat.insn_emulation_fail++;
	n = min_t(unsigned int, n, sizeof(run->emulation_failure.insn_bytes));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	if (n) {
		ndata += 2;
		run->emulation_failure.flags =
			KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = n;
		memcpy(run->emulation_failure.insn_bytes, bytes, n);
	}
	/* What follows is for people, not for programs. */
	run->internal.data[ndata++] = v->exit.hw_code;
	run->internal.data[ndata++] = x86_rip(v);
	run->emulation_failure.ndata = ndata;
	return X86_TO_USER;
}

/* What we can't do for a guest's user program is not to stop the whole guest. */
static enum x86_next emul_failed(struct x86_vcpu *v)
{
	if (mmu_retry_write(v))
		return X86_RESUME;
	trace_kvm_emulate_insn(v, true);
	if (v->emul->cpl && !to_x86_vm(v->vcpu.kvm)->exit_on_emul_fail) {
		v->vcpu.stat.insn_emulation_fail++;
		x86_inject_ud(v);
		return X86_RESUME;
	}
	return x86_emulation_failed(v, v->emul->insn, v->emul->fetched);
}

/* While a debugger uses them, they are not the guest's. */
static bool emul_is_int3(const struct emul_ctx *c)
{
	return c->map == 1 && c->opcode == 0xcc;
}

/* Those that can change RIP, taken or not, as counters of branches see them */
static bool emul_is_branch(const struct emul_ctx *c)
{
	switch (c->map << 8 | c->opcode) {
	case 0x170 ... 0x17f:	/* Jcc */
	case 0x19a:		/* CALL, JMP, RET, LOOP, JCXZ, near and far */
	case 0x1c2 ... 0x1c3:
	case 0x1ca ... 0x1cb:
	case 0x1e0 ... 0x1e3:
	case 0x1e8 ... 0x1eb:
	case 0x1cc ... 0x1cf:	/* INT3, INT, INTO, IRET */
	case 0x1f1:
	case 0x205:		/* SYSCALL, SYSRET, SYSENTER, SYSEXIT */
	case 0x207:
	case 0x234 ... 0x235:
	case 0x280 ... 0x28f:
		return true;
	case 0x1ff:		/* of its group, /2 to /5 */
		return (c->modrm >> 3 & 7) >= 2 && (c->modrm >> 3 & 7) <= 5;
	default:
		return false;
	}
}

static void emul_queue_fault(struct x86_vcpu *v)
{
	const struct emul_fault *f = &v->emul->fault;

	if (f->vector == EMUL_PF)
		x86_queue_page_fault(v, f->addr, f->error);
	else if (f->has_error)
		x86_queue_exception_error(v, f->vector, f->error);
	else if (f->vector == EMUL_DB)
		x86_queue_exception_payload(v, f->vector, f->addr);
	else
		x86_queue_exception(v, f->vector);
}

static enum x86_next emul_continue(struct x86_vcpu *v);

/* RSM: TF traps behind the next instruction. Only the VMM's debugger stops here. */
static enum x86_next emul_replaced(struct x86_vcpu *v)
{
	enum x86_next next = X86_RESUME;

	if (v->dbg.guest_debug & KVM_GUESTDBG_SINGLESTEP)
		x86_debug_step(v, &next);
	return v->io->halt && next == X86_RESUME ? x86_halt(v) : next;
}

/* Traps behind the instruction. While REP goes on, hardware steps for the VMM's debugger. */
static enum x86_next emul_traps(struct x86_vcpu *v)
{
	enum x86_next next = X86_RESUME;
	struct emul_ctx *c = v->emul;

	if (v->dbg.guest_debug & KVM_GUESTDBG_SINGLESTEP) {
		if (!c->rep_more)
			x86_debug_step(v, &next);
	} else if (unlikely(c->trap_dr6)) {
		next = x86_debug_hit(v, c->trap_dr6);
	}
	return next;
}

/* Behind it, or with a fault in the new task */
static void emul_left_insn(struct x86_vcpu *v)
{
	struct emul_ctx *c = v->emul;

	if (c->iret)
		x86_op(set_nmi_mask)(v, false);
	x86_op(set_int_shadow)(v, (c->int_shadow & EMUL_SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0) |
			       (c->int_shadow & EMUL_SHADOW_MOVSS ? KVM_X86_SHADOW_INT_MOV_SS : 0));
}

static enum x86_next emul_done(struct x86_vcpu *v)
{
	struct emul_ctx *c = v->emul;
	enum x86_next next;

	if (c->replaced)
		return emul_replaced(v);
	next = emul_traps(v);
	if (c->rep_more)
		return next;	/* interrupts first, then the rest */
	x86_insn_done(v, emul_is_branch(c));
	emul_left_insn(v);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	if (v->io->halt && next == X86_RESUME)
		return x86_halt(v);
	return next;
}

static enum x86_next emul_pass(struct x86_vcpu *v)
{
	enum emul_result r;

	v->io->halt = false;
	r = emul_exec(v->emul);
	emul_commit(v);
	switch (r) {
	case EMUL_OK:
		return emul_done(v);
	case EMUL_FAULT:
		if (v->emul->committed)
			emul_left_insn(v);
		emul_queue_fault(v);
		return X86_RESUME;
	case EMUL_USER:
		v->io->rip = x86_rip(v);
		v->complete = emul_continue;
		return X86_TO_USER;
	case EMUL_RETRY:
		return X86_RESUME;
	case EMUL_UNHANDLED:
		break;
	}
	return emul_failed(v);
}

/* User space answered. */
static enum x86_next emul_continue(struct x86_vcpu *v)
{
	enum x86_next next;
	int idx;

	if (x86_rip(v) != v->io->rip)
		return X86_RESUME;	/* moved elsewhere meanwhile */
	x86_io_answered(v);
	if (!emul_fill(v))
		return X86_RESUME;
	idx = srcu_read_lock(&v->vcpu.kvm->srcu);
	next = emul_pass(v);
	srcu_read_unlock(&v->vcpu.kvm->srcu, idx);
	return next;
}

void x86_trace_insn(struct x86_vcpu *v, struct x86_trace_insn *i, bool failed)
{
	/* Of kvm_emulate_insn.flags: CR0.PE, EFLAGS.VM, CS.D, CS.L */
	static const u8 modes[] = {
		[EMUL_REAL] = 0, [EMUL_VM86] = 1 | 2, [EMUL_PROT16] = 1,
		[EMUL_PROT32] = 1 | 4, [EMUL_LONG64] = 1 | 8,
	};
	const struct emul_ctx *c = v->emul;

	i->rip = x86_rip(v);
	i->csbase = x86_op(seg_base)(v, X86_CS);
	/* One that is not known has no length. */
	i->len = min_t(u8, failed ? c->fetched : c->insn_len, sizeof(i->bytes));
	memcpy(i->bytes, c->insn, sizeof(i->bytes));
	i->mode = modes[c->mode];
}

static enum x86_next emul_decode_now(struct x86_vcpu *v)
{
	enum emul_result r;

	if (!x86_io(v) || !emul_fill(v)) {
		v->run_error = -ENOMEM;
		return X86_ERROR;
	}
	x86_io_start(v->io);
	r = emul_decode(v->emul, v->exit.bytes, v->exit.nr_bytes);
	switch (r) {
	case EMUL_OK:
		return X86_RESUME;
	case EMUL_FAULT:
		emul_queue_fault(v);
		return X86_SLOW;	/* to the guest, nothing to execute */
	case EMUL_RETRY:
		return X86_SLOW;
	default:
		/* #UD instead: to the guest as well */
		return emul_failed(v) == X86_RESUME ? X86_SLOW : X86_TO_USER;
	}
}

/*
 * A breakpoint on the code itself comes before all else. Where hardware had begun
 * with the instruction, it has seen to it.
 */
static bool emul_code_breakpoint(struct x86_vcpu *v, enum x86_next *next)
{
	unsigned long hits;

	if (v->exit.reason != X86_EXIT_EMULATE || (x86_rflags(v) & X86_EFLAGS_RF))
		return false;
	hits = x86_debug_hits(v, x86_code_address(v), 1, DR_KIND_FETCH);
	if (hits)
		*next = x86_debug_hit(v, hits);
	return hits;
}

enum x86_next x86_emulate(struct x86_vcpu *v)
{
	enum x86_next next;

	if (unlikely(v->dbg.active) && emul_code_breakpoint(v, &next))
		return next;
	next = emul_decode_now(v);
	v->vcpu.stat.insn_emulation++;
	if (next == X86_SLOW)
		return X86_RESUME;
	if (next != X86_RESUME)
		return next;
	trace_kvm_emulate_insn(v, false);
	v->io->epoch = v->emul->epoch;
	if (unlikely(v->dbg.guest_debug & KVM_GUESTDBG_USE_SW_BP) && emul_is_int3(v->emul))
		return x86_debug_exit(v, EMUL_BP, 0);
	return emul_pass(v);
}

/* MOVBE and RDPID, as KVM_GET_EMULATED_CPUID says */
static bool emul_replaces_cpu(const struct emul_ctx *c)
{
	if (c->map == 3 && (c->opcode & 0xfe) == 0xf0 && c->rep != 0xf2)
		return !boot_cpu_has(X86_FEATURE_MOVBE);
	return c->map == 2 && c->opcode == 0xc7 && c->rep == 0xf3 && c->modrm >= 0xf8 &&
	       !boot_cpu_has(X86_FEATURE_RDPID);
}

enum x86_next x86_emulate_undefined(struct x86_vcpu *v)
{
	bool movbe = !boot_cpu_has(X86_FEATURE_MOVBE) && x86_has(v, X86_FEATURE_MOVBE);
	bool rdpid = !boot_cpu_has(X86_FEATURE_RDPID) && x86_has(v, X86_FEATURE_RDPID);

	if ((movbe || rdpid) && x86_io(v) && emul_fill(v)) {
		x86_io_start(v->io);
		if (emul_decode(v->emul, NULL, 0) == EMUL_OK && emul_replaces_cpu(v->emul)) {
			v->vcpu.stat.insn_emulation++;
			v->io->epoch = v->emul->epoch;
			return emul_pass(v);
		}
	}
	x86_inject_ud(v);
	return X86_RESUME;
}

enum x86_next x86_insn_length(struct x86_vcpu *v, unsigned int *len)
{
	int idx = srcu_read_lock(&v->vcpu.kvm->srcu);
	enum x86_next next = emul_decode_now(v);

	srcu_read_unlock(&v->vcpu.kvm->srcu, idx);
	*len = 0;
	if (next == X86_SLOW)
		return X86_RESUME;
	if (next == X86_RESUME)
		*len = v->emul->insn_len;
	return next;
}

/* Behind INT3 and INTO, where injection by hardware would return as well */
static u8 emul_event(struct x86_vcpu *v, u8 *vector, enum emul_int_kind *kind)
{
	const struct x86_events *ev = &v->ev;

	*kind = EMUL_INT_HW;
	*vector = ev->nmi_injected ? VEC_NMI : ev->irq_vector;
	if (!ev->exc.injected)
		return 0;
	*kind = EMUL_INT_EXC;
	*vector = ev->exc.vector;
	v->emul->fault.has_error = ev->exc.has_error && (x86_cr0(v) & X86_CR0_PE);
	v->emul->fault.error = ev->exc.error;
	return *vector == EMUL_BP || *vector == EMUL_OF;
}

static void emul_event_done(struct x86_vcpu *v)
{
	if (v->ev.nmi_injected) {
		v->ev.nmi_injected = false;
		x86_op(set_nmi_mask)(v, true);
	} else {
		v->ev.irq_injected = false;
	}
	x86_op(set_int_shadow)(v, 0);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

static enum x86_next emul_delivered(struct x86_vcpu *v)
{
	if (v->ev.exc.injected)
		v->ev.exc.injected = false;
	else
		emul_event_done(v);
	return v->emul->trap_dr6 ? x86_debug_hit(v, v->emul->trap_dr6) : X86_RESUME;
}

/*
 * An exception waits for what becomes of the fault: two can make a double fault.
 * An interrupt that got into a new task is not to come again.
 */
static enum x86_next emul_not_delivered(struct x86_vcpu *v)
{
	if (v->emul->committed && !v->ev.exc.injected)
		emul_event_done(v);
	emul_queue_fault(v);
	return X86_RESUME;
}

static enum x86_next emul_deliver(struct x86_vcpu *v)
{
	struct emul_ctx *c;
	enum emul_int_kind kind;
	enum emul_result r;
	u8 vector, len;

	if (!x86_io(v) || !emul_fill(v)) {
		v->run_error = -ENOMEM;
		return X86_ERROR;
	}
	x86_io_start(v->io);
	c = v->emul;
	v->io->epoch = c->epoch;
	len = emul_event(v, &vector, &kind);
	c->rip += len;
	r = emul_interrupt(c, vector, kind);
	if (r != EMUL_OK && !c->committed)
		c->rip -= len;
	emul_commit(v);
	switch (r) {
	case EMUL_OK:
		return emul_delivered(v);
	case EMUL_FAULT:
		return emul_not_delivered(v);
	case EMUL_RETRY:
		return X86_RESUME;
	default:
		/* The stack, the IVT or a TSS is a device's. */
		return x86_internal_error(v, KVM_INTERNAL_ERROR_DELIVERY_EV);
	}
}

enum x86_next x86_emulate_state(struct x86_vcpu *v)
{
	return unlikely(x86_delivering(v)) ? emul_deliver(v) : x86_emulate(v);
}

void x86_emul_destroy(struct x86_vcpu *v)
{
	kfree(v->emul);
	v->emul = NULL;
}
