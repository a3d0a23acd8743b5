// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's hypercalls (TLFS, "Hypercall interface"). The caller puts code, sizes and
 * counts into one register, and the input into memory that another one points to, or,
 * when it is short, into registers: two general ones and six of SSE.
 */
#include <asm/fpu/api.h>
#include <asm/hyperv-tlfs.h>
#include <linux/bitmap.h>

#include "../x86.h"
#include "../emul/glue.h"
#include "../trace.h"
#include "hv_trace.h"

#define FAST_REGS	2
#define FAST_XMMS	HV_HYPERCALL_MAX_XMM_REGISTERS
#define FAST_BYTES	(8 * FAST_REGS + 16 * FAST_XMMS)
#define MAX_BANKS	64	/* of 64 processors each */

struct hv_call {
	u16 code;
	bool fast;
	u16 head;		/* variable part of the input's header, in 8 bytes */
	u16 reps, start;
	u64 in, out;		/* addresses, or the first of the input itself */
};

/* The processors a call is about, by VP_INDEX */
struct hv_targets {
	bool all;
	u64 format, banks;	/* as a set had them, for traces */
	DECLARE_BITMAP(vps, KVM_MAX_VCPUS_ARCH);
};

/* HV_STATUS_*, or: user space has to say */
#define ASK_USER	0xffff

typedef u16 (*hv_call_fn)(struct x86_vcpu *v, const struct hv_call *c);

/* --- input --------------------------------------------------------------- */

static void fast_input(const struct hv_call *c, u8 *buf)
{
	struct fxregs_state fx __aligned(16);

	memcpy(buf, &c->in, 8);
	memcpy(buf + 8, &c->out, 8);
	state_fpu_hold();
	asm volatile("fxsaveq %0" : "=m"(fx));
	fpregs_unlock();
	memcpy(buf + 16, fx.xmm_space, 16 * FAST_XMMS);
}

static u16 input(struct x86_vcpu *v, const struct hv_call *c, unsigned int off, void *buf,
		 unsigned int len)
{
	u8 fast[FAST_BYTES];

	/* Wherever it is: the TLFS would have it aligned, but guests got away without. */
	if (!c->fast)
		return kvm_read_guest(v->vcpu.kvm, v->vcpu.as_id, c->in + off, buf, len) ?
		       HV_STATUS_INVALID_HYPERCALL_INPUT : HV_STATUS_SUCCESS;
	if (off + len > sizeof(fast))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	fast_input(c, fast);
	memcpy(buf, fast + off, len);
	return HV_STATUS_SUCCESS;
}

/* A set of any size: which banks there are, and those. */
static u16 input_set(struct x86_vcpu *v, const struct hv_call *c, unsigned int off,
		     struct hv_targets *t)
{
	u64 banks[MAX_BANKS], head[2];
	unsigned int bank, n = 0;
	u16 status = input(v, c, off, head, sizeof(head));

	if (status)
		return status;
	t->format = head[0];
	t->banks = head[1];
	if (head[0] != HV_GENERIC_SET_SPARSE_4K) {
		t->all = true;
		return HV_STATUS_SUCCESS;
	}
	if (hweight64(head[1]) != c->head)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (!c->head)
		return HV_STATUS_SUCCESS;
	status = input(v, c, off + sizeof(head), banks, c->head * 8);
	if (status)
		return status;
	for (bank = 0; bank < MAX_BANKS; bank++) {
		if (!(head[1] & BIT_ULL(bank)))
			continue;
		if (bank < BITS_TO_LONGS(KVM_MAX_VCPUS_ARCH))
			t->vps[bank] = banks[n];
		n++;
	}
	return HV_STATUS_SUCCESS;
}

static bool is_target(const struct hv_targets *t, struct kvm_vcpu *vcpu)
{
	return t->all || test_bit(READ_ONCE(to_x86(vcpu)->hyperv.index), t->vps);
}

/* --- the calls ----------------------------------------------------------- */

static u16 call_spin_wait(struct x86_vcpu *v, const struct hv_call *c)
{
	kvm_vcpu_on_spin(&v->vcpu, true);
	return HV_STATUS_SUCCESS;
}

/* All of a processor's translations, whatever was asked for: that much is allowed. */
static void flush(struct kvm *kvm, const struct hv_targets *t)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		if (is_target(t, vcpu))
			kvm_request(vcpu, X86_REQ_GUEST_FLUSH);
	kvm_await_requests(kvm);
}

static u16 call_flush(struct x86_vcpu *v, const struct hv_call *c)
{
	struct hv_targets t = {};
	struct hv_tlb_flush in;
	u16 status = input(v, c, 0, &in, sizeof(in));

	if (status)
		return status;
	trace_kvm_hv_flush_tlb(in.processor_mask, in.address_space, in.flags);
	t.all = in.flags & HV_FLUSH_ALL_PROCESSORS;
	t.vps[0] = in.processor_mask;
	flush(v->vcpu.kvm, &t);
	return HV_STATUS_SUCCESS;
}

static u16 call_flush_ex(struct x86_vcpu *v, const struct hv_call *c)
{
	struct hv_targets t = {};
	struct {
		u64 address_space, flags;
	} in;
	u16 status = input(v, c, 0, &in, sizeof(in));

	if (status)
		return status;
	t.all = in.flags & HV_FLUSH_ALL_PROCESSORS;
	if (!t.all)
		status = input_set(v, c, offsetof(struct hv_tlb_flush_ex, hv_vp_set), &t);
	trace_kvm_hv_flush_tlb_ex(t.banks, t.format, in.address_space, in.flags);
	if (!status)
		flush(v->vcpu.kvm, &t);
	return status;
}

static u16 send_ipi(struct x86_vcpu *v, u32 vector, const struct hv_targets *t)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (vector < HV_IPI_LOW_VECTOR || vector > HV_IPI_HIGH_VECTOR)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	kvm_for_each_vcpu(i, vcpu, v->vcpu.kvm)
		if (is_target(t, vcpu))
			lapic_raise(to_x86(vcpu), vector);
	return HV_STATUS_SUCCESS;
}

static u16 call_send_ipi(struct x86_vcpu *v, const struct hv_call *c)
{
	struct hv_targets t = {};
	struct hv_send_ipi in;
	u16 status = input(v, c, 0, &in, sizeof(in));

	if (status)
		return status;
	trace_kvm_hv_send_ipi(in.vector, in.cpu_mask);
	t.vps[0] = in.cpu_mask;
	return send_ipi(v, in.vector, &t);
}

static u16 call_send_ipi_ex(struct x86_vcpu *v, const struct hv_call *c)
{
	struct hv_targets t = {};
	u32 vector;
	u16 status = input(v, c, 0, &vector, sizeof(vector));

	if (!status)
		status = input_set(v, c, offsetof(struct hv_send_ipi_ex, vp_set), &t);
	trace_kvm_hv_send_ipi_ex(vector, t.format, t.banks);
	/* To nobody: guests probe with that, and name no vector. */
	if (status || (!t.all && !c->head))
		return status;
	return send_ipi(v, vector, &t);
}

/* The parameter itself, or where it is */
static u16 call_signal_event(struct x86_vcpu *v, const struct hv_call *c)
{
	struct kvm *kvm = v->vcpu.kvm;
	u64 param = c->in;
	u16 status;

	if (!c->fast && (c->in % sizeof(param) ||
			 kvm_read_guest(kvm, v->vcpu.as_id, c->in, &param, sizeof(param))))
		return HV_STATUS_INVALID_ALIGNMENT;
	status = hyperv_ring(kvm, param);
	return status == HV_STATUS_INVALID_PORT_ID ? ASK_USER : status;
}

static u16 call_of_user(struct x86_vcpu *v, const struct hv_call *c)
{
	return ASK_USER;
}

static u16 call_debugger(struct x86_vcpu *v, const struct hv_call *c)
{
	u16 status = syndbg_may_call(v);

	/* Data is in pages. */
	if (c->fast && c->code != HVCALL_RESET_DEBUG_SESSION)
		return HV_STATUS_INVALID_PARAMETER;
	return status ? status : ASK_USER;
}

/* --- the rows ------------------------------------------------------------ */

#define REP	BIT(0)		/* over a list */
#define HEAD	BIT(1)		/* the input's header has a variable part */
#define XMM	BIT(2)		/* fast, the input is in SSE's registers too */
#define BY_B	BIT(3)		/* @bits are of EBX of leaf 0x40000003 */
#define MESSAGES BIT(4)		/* user space's, and for guests with a SynIC alone */

#define EX	HV_X64_EX_PROCESSOR_MASKS_RECOMMENDED

/* @bits: what the guest was told to do, or may do, all of it, when that is enforced */
static const struct hv_row {
	u16 code;
	u8 flags;
	u32 bits;
	hv_call_fn call;
} rows[] = {
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE, XMM, HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED,
	  call_flush },
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST, XMM | REP, HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED,
	  call_flush },
	{ HVCALL_NOTIFY_LONG_SPIN_WAIT, 0, 0, call_spin_wait },
	{ HVCALL_SEND_IPI, 0, HV_X64_CLUSTER_IPI_RECOMMENDED, call_send_ipi },
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX, XMM | HEAD,
	  HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED | EX, call_flush_ex },
	{ HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX, XMM | HEAD | REP,
	  HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED | EX, call_flush_ex },
	{ HVCALL_SEND_IPI_EX, XMM | HEAD, HV_X64_CLUSTER_IPI_RECOMMENDED | EX,
	  call_send_ipi_ex },
	{ HVCALL_POST_MESSAGE, BY_B | MESSAGES, HV_POST_MESSAGES, call_of_user },
	{ HVCALL_SIGNAL_EVENT, BY_B | MESSAGES, HV_SIGNAL_EVENTS, call_signal_event },
	{ HVCALL_POST_DEBUG_DATA, BY_B, HV_DEBUGGING, call_debugger },
	{ HVCALL_RETRIEVE_DEBUG_DATA, BY_B, HV_DEBUGGING, call_debugger },
	{ HVCALL_RESET_DEBUG_SESSION, BY_B, HV_DEBUGGING, call_debugger },
};

static const struct hv_row *find(u16 code)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

static bool allowed(const struct x86_vcpu *v, const struct hv_row *row)
{
	const struct hyperv_vcpu *h = &v->hyperv;

	if (!h->enforce)
		return true;
	/* How long to spin before the call; never: no such call */
	if (row->code == HVCALL_NOTIFY_LONG_SPIN_WAIT)
		return h->spins && h->spins != U32_MAX;
	/* Where there is no debugger, that is what it is told. */
	if (row->bits == HV_DEBUGGING && !syndbg_on(v))
		return true;
	return ((row->flags & BY_B ? h->features_b : h->advice) & row->bits) == row->bits;
}

static bool well_formed(const struct hv_row *row, const struct hv_call *c)
{
	if (row->flags & REP ? c->start >= c->reps : c->reps || c->start)
		return false;
	return !c->head || row->flags & HEAD;
}

/*
 * Registers to a call: RCX, RDX and R8, or pairs of 32 bits, the high half first:
 * EDX:EAX, EBX:ECX and EDI:ESI.
 */
static u64 decode(struct x86_vcpu *v, struct hv_call *c)
{
	const unsigned long *gpr = v->regs.gpr;
	u64 control;

	if (x86_is_64bit(v)) {
		control = gpr[X86_RCX];
		c->in = gpr[X86_RDX];
		c->out = gpr[X86_R8];
	} else {
		control = (u64)gpr[X86_RDX] << 32 | (u32)gpr[X86_RAX];
		c->in = (u64)gpr[X86_RBX] << 32 | (u32)gpr[X86_RCX];
		c->out = (u64)gpr[X86_RDI] << 32 | (u32)gpr[X86_RSI];
	}
	c->code = control;
	c->fast = control & HV_HYPERCALL_FAST_BIT;
	c->head = (control & HV_HYPERCALL_VARHEAD_MASK) >> HV_HYPERCALL_VARHEAD_OFFSET;
	c->reps = (control & HV_HYPERCALL_REP_COMP_MASK) >> HV_HYPERCALL_REP_COMP_OFFSET;
	c->start = (control & HV_HYPERCALL_REP_START_MASK) >> HV_HYPERCALL_REP_START_OFFSET;
	return control;
}

enum answer {
	UNDEFINED,		/* #UD */
	ANSWERED,		/* @result; a list was gone through to its end */
	ASKS,			/* kvm_run is filled */
};

static void ask_user(struct x86_vcpu *v, u64 control, const struct hv_call *c)
{
	struct kvm_hyperv_exit *e = &v->vcpu.run->hyperv;

	v->vcpu.run->exit_reason = KVM_EXIT_HYPERV;
	memset(e, 0, sizeof(*e));
	e->type = KVM_EXIT_HYPERV_HCALL;
	e->u.hcall.input = control;
	e->u.hcall.params[0] = c->in;
	e->u.hcall.params[1] = c->out;
}

/* Unless @may_ask, user space's calls are none. */
static enum answer answer(struct x86_vcpu *v, u64 *result, bool may_ask)
{
	const struct hyperv_vcpu *h = &v->hyperv;
	const struct hv_row *row;
	struct hv_call c;
	u64 control;

	if (x86_op(get_cpl)(v) || !(x86_cr0(v) & X86_CR0_PE))
		return UNDEFINED;
	control = decode(v, &c);
	trace_kvm_hv_hypercall(c.code, c.fast, c.head, c.reps, c.start, c.in, c.out);
	row = find(c.code);
	if (!row) {
		*result = HV_STATUS_INVALID_HYPERCALL_CODE;
		return ANSWERED;
	}
	if (!allowed(v, row)) {
		*result = HV_STATUS_ACCESS_DENIED;
		return ANSWERED;
	}
	if (c.fast && row->flags & XMM &&
	    !hyperv_may(h, h->features_d, HV_X64_HYPERCALL_XMM_INPUT_AVAILABLE))
		return UNDEFINED;
	if (control & HV_HYPERCALL_RSVD_MASK || !well_formed(row, &c)) {
		*result = HV_STATUS_INVALID_HYPERCALL_INPUT;
		return ANSWERED;
	}
	*result = row->call(v, &c);
	if (*result == ASK_USER && row->flags & MESSAGES && !h->synic) {
		*result = HV_STATUS_INVALID_HYPERCALL_INPUT;
	} else if (*result == ASK_USER && !may_ask) {
		*result = HV_STATUS_INVALID_HYPERCALL_CODE;
	} else if (*result == ASK_USER) {
		ask_user(v, control, &c);
		return ASKS;
	}
	if (!*result)
		*result |= (u64)c.reps << HV_HYPERCALL_REP_COMP_OFFSET;
	return ANSWERED;
}

static void give_result(struct x86_vcpu *v, u64 result)
{
	trace_kvm_hv_hypercall_done(result);
	if (x86_is_64bit(v)) {
		x86_set_gpr(v, X86_RAX, result);
	} else {
		x86_set_gpr(v, X86_RAX, (u32)result);
		x86_set_gpr(v, X86_RDX, result >> 32);
	}
}

/* Whatever user space says is how it went. */
static enum x86_next finish_call(struct x86_vcpu *v)
{
	give_result(v, READ_ONCE(v->vcpu.run->hyperv.u.hcall.result));
	return x86_skip(v);
}

bool hyperv_answer(struct x86_vcpu *v)
{
	u64 result;

	if (answer(v, &result, false) == UNDEFINED)
		return false;
	give_result(v, result);
	return true;
}

int hyperv_hypercall(struct x86_vcpu *v)
{
	u64 result;

	switch (answer(v, &result, true)) {
	case UNDEFINED:
		x86_inject_ud(v);
		return X86_RESUME;
	case ASKS:
		v->complete = finish_call;
		return X86_TO_USER;
	case ANSWERED:
		break;
	}
	give_result(v, result);
	return x86_skip(v);
}
