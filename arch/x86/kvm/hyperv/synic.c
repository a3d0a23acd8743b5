// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthetic interrupt controller (TLFS, "Virtual interrupt control"): sixteen sources
 * for each processor, that user space and the synthetic timers raise. A source is a
 * vector of the local APIC. Two pages of the guest's carry what an interrupt is about:
 * messages, one slot for each source, which timers write here, and event flags, which
 * are user space's alone.
 *
 * A vCPU has one when its VMM asks for it: until then there is no memory for it.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "hv_trace.h"
#include "synic.h"

/* On since the first vCPU with one: EOIs of others pay a branch that is patched out. */
DEFINE_STATIC_KEY_FALSE(hyperv_synics);

/* --- sources ------------------------------------------------------------- */

/* -1: masked */
static int vector_of(u64 sint)
{
	u8 vector = sint & HV_SYNIC_SINT_VECTOR_MASK;

	return sint & HV_SYNIC_SINT_MASKED || vector < HV_SYNIC_FIRST_VALID_VECTOR ? -1 : vector;
}

/* Several sources may share a vector: it ends by itself if one of them says so. */
static void update_vectors(struct hv_synic *s)
{
	bool was_auto = !bitmap_empty(s->auto_eoi, 256);
	unsigned int i;
	int vector;

	bitmap_zero(s->vectors, 256);
	bitmap_zero(s->auto_eoi, 256);
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
		vector = vector_of(s->sint[i]);
		if (vector < 0)
			continue;
		__set_bit(vector, s->vectors);
		if (s->sint[i] & HV_SYNIC_SINT_AUTO_EOI)
			__set_bit(vector, s->auto_eoi);
	}
	/* Hardware would put it in service, and tells nobody. */
	if (was_auto != !bitmap_empty(s->auto_eoi, 256))
		kvm_request(&s->v->vcpu, X86_REQ_APIC_MODE);
	kvm_request(&s->v->vcpu, X86_REQ_SCAN_IOAPIC);
}

bool __hyperv_has_auto_eoi(struct x86_vcpu *v)
{
	return v->hyperv.synic && !bitmap_empty(v->hyperv.synic->auto_eoi, 256);
}

bool __hyperv_ends_itself(struct x86_vcpu *v, u8 vector)
{
	return v->hyperv.synic && test_bit(vector, v->hyperv.synic->auto_eoi);
}

bool __hyperv_awaits_end(struct x86_vcpu *v, u8 vector)
{
	return v->hyperv.synic && test_bit(vector, v->hyperv.synic->vectors);
}

void __hyperv_add_vectors(struct x86_vcpu *v, unsigned long *vectors)
{
	if (v->hyperv.synic)
		bitmap_or(vectors, vectors, v->hyperv.synic->vectors, 256);
}

/* Any context. >0 taken, 0 by an APIC that is off, <0 not there or masked */
static int raise(struct x86_vcpu *v, unsigned int n)
{
	struct hv_synic *s = smp_load_acquire(&v->hyperv.synic);
	int vector, ret;

	if (!s || n >= HV_SYNIC_SINT_COUNT)
		return -EINVAL;
	vector = vector_of(READ_ONCE(s->sint[array_index_nospec(n, HV_SYNIC_SINT_COUNT)]));
	ret = vector < 0 ? -ENOENT : lapic_raise(v, vector);
	trace_kvm_hv_synic_set_irq(v->vcpu.id, n, vector, ret);
	return ret;
}

/* --- routes -------------------------------------------------------------- */

static struct x86_vcpu *by_index(struct kvm *kvm, u32 index)
{
	struct kvm_vcpu *vcpu = kvm_vcpu_by_index(kvm, index);
	unsigned int i;

	/* As it is unless the VMM has set VP_INDEX. */
	if (vcpu && READ_ONCE(to_x86(vcpu)->hyperv.index) == index)
		return to_x86(vcpu);
	kvm_for_each_vcpu(i, vcpu, kvm)
		if (READ_ONCE(to_x86(vcpu)->hyperv.index) == index)
			return to_x86(vcpu);
	return NULL;
}

static int route_sint(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level,
		      bool line_status)
{
	struct x86_vcpu *v = level ? by_index(kvm, r->hv_sint.vcpu) : NULL;

	return v ? max(raise(v, r->hv_sint.sint), -1) : -1;
}

/* The processor and the source may come to be, or never: then nothing is raised. */
void hyperv_set_route(struct kvm_irq_route *r, const struct kvm_irq_routing_entry *ue)
{
	r->set = route_sint;
	r->hv_sint.vcpu = ue->u.hv_sint.vcpu;
	r->hv_sint.sint = ue->u.hv_sint.sint;
}

struct sint_id {
	u32 index, sint;
};

static bool route_is(const struct kvm_irq_route *r, const void *arg)
{
	const struct sint_id *id = arg;

	return r->type == KVM_IRQ_ROUTING_HV_SINT && r->hv_sint.vcpu == id->index &&
	       r->hv_sint.sint == id->sint;
}

/* An interrupt of @n ended, or its message was taken. IRQs on or off */
static void acked(struct hv_synic *s, unsigned int n)
{
	const struct sint_id id = { s->v->hyperv.index, n };

	trace_kvm_hv_notify_acked_sint(s->v->vcpu.id, n);
	stimers_retry(s, n);
	kvm_notify_acked_routes(s->v->vcpu.kvm, route_is, &id);
}

void __hyperv_ended(struct x86_vcpu *v, u8 vector)
{
	struct hv_synic *s = v->hyperv.synic;
	unsigned int i;

	if (!s || !test_bit(vector, s->vectors))
		return;
	trace_kvm_hv_synic_send_eoi(v->vcpu.id, vector);
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		if (vector_of(s->sint[i]) == vector)
			acked(s, i);
}

/* --- messages ------------------------------------------------------------ */

#define SLOT_OFF(field)	offsetof(struct hv_message, header.field)

/*
 * The guest empties a slot by its type, looks at the flag then, and writes EOM if that
 * is set. So the flag comes before the last look at the type.
 */
static bool slot_is_free(struct kvm *kvm, gpa_t slot)
{
	struct hv_message_header head;

	if (kvm_read_guest(kvm, 0, slot, &head, sizeof(head)))
		return false;
	if (head.message_type == HVMSG_NONE)
		return true;
	head.message_flags.msg_pending = 1;
	if (kvm_write_guest(kvm, 0, slot + SLOT_OFF(message_flags), &head.message_flags,
			    sizeof(head.message_flags)))
		return false;
	smp_mb();	/* as told above; another processor may be the one that reads it */
	if (kvm_read_guest(kvm, 0, slot, &head.message_type, sizeof(head.message_type)))
		return false;
	return head.message_type == HVMSG_NONE;
}

bool synic_post(struct hv_synic *s, unsigned int sint, struct hv_message *m)
{
	const unsigned int skip = sizeof(m->header.message_type);
	const unsigned int len = sizeof(m->header) + m->header.payload_size;
	struct kvm *kvm = s->v->vcpu.kvm;
	gpa_t slot = (s->messages & HV_HYP_PAGE_MASK) + sint * sizeof(*m);

	if (!(s->control & HV_SYNIC_CONTROL_ENABLE) || !(s->messages & HV_SYNIC_SIMP_ENABLE) ||
	    !slot_is_free(kvm, slot) ||
	    kvm_write_guest(kvm, 0, slot + skip, (u8 *)m + skip, len - skip))
		return false;
	smp_wmb();	/* all of it, before the type says that it is there */
	if (kvm_write_guest(kvm, 0, slot, &m->header.message_type, skip))
		return false;
	/* A source that is masked is one whose guest looks for itself. */
	raise(s->v, sint);
	return true;
}

/* --- registers ----------------------------------------------------------- */

static u64 *field(struct hv_synic *s, u32 index)
{
	switch (index) {
	case HV_X64_MSR_SCONTROL:
		return &s->control;
	case HV_X64_MSR_SVERSION:
		return &s->version;
	case HV_X64_MSR_SIEFP:
		return &s->events;
	case HV_X64_MSR_SIMP:
		return &s->messages;
	default:
		return &s->sint[array_index_nospec(index - HV_X64_MSR_SINT0,
						   HV_SYNIC_SINT_COUNT)];
	}
}

int synic_get_msr(struct x86_vcpu *v, u32 index, u64 *data)
{
	struct hv_synic *s = v->hyperv.synic;

	if (index == HV_X64_MSR_EOM)
		*data = 0;
	else if (s)
		*data = *field(s, index);
	else if (index == HV_X64_MSR_SVERSION)
		*data = HV_SYNIC_VERSION_1;
	else
		*data = index >= HV_X64_MSR_SINT0 ? HV_SYNIC_SINT_MASKED : 0;
	return 0;
}

/* What pages user space shares with the guest is user space's business, too. */
static int set_page(struct hv_synic *s, u32 index, u64 data, bool host)
{
	/* The bit that enables is the same in both. */
	if (!host && !s->keeps_pages && data & HV_SYNIC_SIMP_ENABLE &&
	    kvm_write_guest(s->v->vcpu.kvm, 0, data & HV_HYP_PAGE_MASK,
			    page_address(ZERO_PAGE(0)), HV_HYP_PAGE_SIZE))
		return 1;
	*field(s, index) = data;
	return 0;
}

static int set_sint(struct hv_synic *s, unsigned int n, u64 data, bool host)
{
	if (!host && !(data & HV_SYNIC_SINT_MASKED) &&
	    (data & HV_SYNIC_SINT_VECTOR_MASK) < HV_SYNIC_FIRST_VALID_VECTOR)
		return 1;
	WRITE_ONCE(s->sint[array_index_nospec(n, HV_SYNIC_SINT_COUNT)], data);
	update_vectors(s);
	return 0;
}

static void all_acked(struct hv_synic *s)
{
	unsigned int i;

	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		acked(s, i);
}

/* One that may be written leaves this for user space to see. */
static int set_shared(struct hv_synic *s, u32 index, u64 data, bool host)
{
	unsigned int i;

	if (index == HV_X64_MSR_SCONTROL)
		s->control = data;
	else if (set_page(s, index, data, host))
		return 1;
	for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
		stimers_retry(s, i);
	if (host)
		return 0;
	s->written = index;
	hyperv_tell(s->v, HYPERV_EVENT_SYNIC);
	return 0;
}

int synic_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct hv_synic *s = v->hyperv.synic;

	/* Restored where there is none: what there is none of */
	if (!s)
		return !host || data;
	trace_kvm_hv_synic_set_msr(v->vcpu.id, index, data, host);
	switch (index) {
	case HV_X64_MSR_SCONTROL:
	case HV_X64_MSR_SIEFP:
	case HV_X64_MSR_SIMP:
		return set_shared(s, index, data, host);
	case HV_X64_MSR_SVERSION:
		if (!host)
			return 1;
		s->version = data;
		return 0;
	case HV_X64_MSR_EOM:
		all_acked(s);
		return 0;
	default:
		return set_sint(s, index - HV_X64_MSR_SINT0, data, host);
	}
}

void synic_fill_run(struct x86_vcpu *v)
{
	const struct hv_synic *s = v->hyperv.synic;
	struct kvm_hyperv_exit *e = &v->vcpu.run->hyperv;

	v->vcpu.run->exit_reason = KVM_EXIT_HYPERV;
	memset(e, 0, sizeof(*e));
	e->type = KVM_EXIT_HYPERV_SYNIC;
	e->u.synic.msr = s->written;
	e->u.synic.control = s->control;
	e->u.synic.evt_page = s->events;
	e->u.synic.msg_page = s->messages;
}

/* --- life ---------------------------------------------------------------- */

/* KVM_CAP_HYPERV_SYNIC and _SYNIC2 on a vCPU, which may be asked for again */
int hyperv_enable_synic(struct x86_vcpu *v, bool keeps_pages)
{
	struct hv_synic *s = v->hyperv.synic;
	unsigned int i;

	if (!v->apic)
		return -EINVAL;
	if (!s) {
		s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
		if (!s)
			return -ENOMEM;
		s->v = v;
		s->version = HV_SYNIC_VERSION_1;
		for (i = 0; i < HV_SYNIC_SINT_COUNT; i++)
			s->sint[i] = HV_SYNIC_SINT_MASKED;
		stimers_create(s);
		smp_store_release(&v->hyperv.synic, s);
		static_branch_inc(&hyperv_synics);
	}
	s->keeps_pages = keeps_pages;
	s->control = HV_SYNIC_CONTROL_ENABLE;
	return 0;
}

void hyperv_vcpu_reset(struct x86_vcpu *v)
{
	if (v->hyperv.synic)
		stimers_stop(v->hyperv.synic);
}

void hyperv_vcpu_destroy(struct x86_vcpu *v)
{
	if (!v->hyperv.synic)
		return;
	stimers_stop(v->hyperv.synic);
	kfree(v->hyperv.synic);
	v->hyperv.synic = NULL;
	static_branch_dec(&hyperv_synics);
}
