// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthetic debugger's transport: a kernel that is debugged hands buffers over by
 * six registers, or by three hypercalls. User space is the debugger's end: it is told of
 * a command and of the place where the guest wants to find what is pending, and answers
 * a command with its status.
 */
#include <asm/hyperv-tlfs.h>

#include "hv_trace.h"
#include "synic.h"
#include "syndbg.h"

bool syndbg_on(const struct x86_vcpu *v)
{
	return v->hyperv.debugger & HV_SYNDBG_ALLOWED;
}

static u64 *field(struct x86_vcpu *v, u32 index)
{
	struct hv_syndbg *d = &to_x86_vm(v->vcpu.kvm)->hyperv.syndbg;

	switch (index) {
	case HV_MSR_SYNDBG_CONTROL:
		return &d->control;
	case HV_MSR_SYNDBG_STATUS:
		return &d->status;
	case HV_MSR_SYNDBG_SEND:
		return &d->send;
	case HV_MSR_SYNDBG_RECEIVE:
		return &d->receive;
	case HV_MSR_SYNDBG_PENDING:
		return &d->pending;
	default:
		return &d->options;
	}
}

int syndbg_get_msr(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = *field(v, index);
	trace_kvm_hv_syndbg_get_msr(v->vcpu.id, v->hyperv.index, index, *data);
	return 0;
}

int syndbg_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	trace_kvm_hv_syndbg_set_msr(v->vcpu.id, v->hyperv.index, index, data);
	WRITE_ONCE(*field(v, index), data);
	if (host)
		return 0;
	if (index == HV_MSR_SYNDBG_CONTROL)
		hyperv_tell(v, HYPERV_EVENT_SYNDBG);
	else if (index == HV_MSR_SYNDBG_PENDING)
		hyperv_tell(v, HYPERV_EVENT_SYNDBG_PAGE);
	return 0;
}

/* The command has been carried out: how, is what the guest reads next. */
static enum x86_next finish_command(struct x86_vcpu *v)
{
	struct hyperv_vm *h = &to_x86_vm(v->vcpu.kvm)->hyperv;

	mutex_lock(&h->lock);
	h->syndbg.status = READ_ONCE(v->vcpu.run->hyperv.u.syndbg.status);
	mutex_unlock(&h->lock);
	return X86_RESUME;
}

static void fill_run(struct x86_vcpu *v, u32 msr)
{
	struct hyperv_vm *h = &to_x86_vm(v->vcpu.kvm)->hyperv;
	struct kvm_hyperv_exit *e = &v->vcpu.run->hyperv;

	v->vcpu.run->exit_reason = KVM_EXIT_HYPERV;
	memset(e, 0, sizeof(*e));
	e->type = KVM_EXIT_HYPERV_SYNDBG;
	e->u.syndbg.msr = msr;
	mutex_lock(&h->lock);
	e->u.syndbg.control = h->syndbg.control;
	e->u.syndbg.status = h->syndbg.status;
	e->u.syndbg.send_page = h->syndbg.send;
	e->u.syndbg.recv_page = h->syndbg.receive;
	e->u.syndbg.pending_page = h->syndbg.pending;
	mutex_unlock(&h->lock);
}

void syndbg_tell_command(struct x86_vcpu *v)
{
	fill_run(v, HV_MSR_SYNDBG_CONTROL);
	v->complete = finish_command;
}

void syndbg_tell_page(struct x86_vcpu *v)
{
	fill_run(v, HV_MSR_SYNDBG_PENDING);
}

u16 syndbg_may_call(struct x86_vcpu *v)
{
	if (!syndbg_on(v))
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (!(READ_ONCE(to_x86_vm(v->vcpu.kvm)->hyperv.syndbg.options) & HV_SYNDBG_BY_CALLS))
		return HV_STATUS_OPERATION_DENIED;
	return HV_STATUS_SUCCESS;
}
