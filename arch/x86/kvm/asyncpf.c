// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults (Documentation/virt/kvm/x86/msr.rst,
 * MSR_KVM_ASYNC_PF_EN): a page that the host has to wait for (swap, a file,
 * userfaultfd) is waited for by a worker. The guest is told by a #PF with a token
 * and runs something else; when the page is there it gets the token back, with an
 * interrupt. Where the guest may take interrupts but not such a #PF, the vCPU sleeps
 * and is there for interrupts; elsewhere it waits for the page as ever.
 *
 * The worker makes the fault of a user of the VMM's memory and nothing else: the
 * guest's access comes again and is looked at anew. So it needs the mm, not the VM,
 * and nobody waits for it: it may be waiting for one who waits for us, as where the
 * thread that closes the last file of a VM is to serve its userfaultfd afterwards.
 * What a vCPU does not care about any more is cancelled, or if it is under way let
 * go: it then holds the mm and the module until the host has brought the page.
 *
 * As many as may wait in the host (ASYNCPF_MAX) are started at once by the workqueue:
 * no one's page waits behind pages that others never get. Who finds no room waits
 * by itself.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <uapi/asm/kvm_para.h>

#include "x86.h"
#include "trace.h"

#define ASYNCPF_MAX		256	/* the workqueue's max_active is no smaller */
#define ASYNCPF_PER_VCPU	64

#define ASYNCPF_ON		(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define ASYNCPF_RESERVED	0x30ull
#define ASYNCPF_ADDR		(~0x3full)
#define ASYNCPF_AREA		64
#define ASYNCPF_OFF(field)	offsetof(struct kvm_vcpu_pv_apf_data, field)
#define ASYNCPF_EVERYONE	(~0u)	/* the token for all who wait */

/* A page that is waited for. a: asyncpf_lock */
struct asyncpf {
	struct work_struct work;
	struct list_head node;		/* a; of the vCPU's waiting or done */
	struct x86_vcpu *v;		/* a; NULL: nobody wants to know */
	struct mm_struct *mm;		/* c, the rest too */
	hva_t hva;
	gpa_t gpa;			/* for the trace */
	u32 token;
	bool write;
	bool told;			/* the guest has the token */
	bool failed;			/* once it is done */
};

static struct workqueue_struct *asyncpf_wq;
static atomic_t asyncpf_under_way;
/* Innermost. A few instructions, and none without a page to wait for */
static DEFINE_SPINLOCK(asyncpf_lock);

/* --- the worker's side ----------------------------------------------------- */

static void asyncpf_free(struct asyncpf *f)
{
	mmdrop(f->mm);
	kfree(f);
	module_put(THIS_MODULE);	/* whose exit waits for the worker to return */
}

static bool fault_in(struct asyncpf *f, struct mm_struct *mm)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (f->write ? FAULT_FLAG_WRITE : 0);
	bool unlocked = false;
	int ret;

	mmap_read_lock(mm);
	ret = fixup_user_fault(mm, f->hva, flags, &unlocked);
	mmap_read_unlock(mm);
	return !ret;
}

static void asyncpf_work(struct work_struct *work)
{
	struct asyncpf *f = container_of(work, struct asyncpf, work);
	struct mm_struct *mm = f->mm;
	bool alive = mmget_not_zero(mm), wanted;

	f->failed = !alive || !fault_in(f, mm);
	trace_kvm_async_pf_completed(f->hva, f->gpa);
	atomic_dec(&asyncpf_under_way);
	spin_lock(&asyncpf_lock);
	wanted = f->v;
	if (wanted) {
		struct kvm_vcpu *vcpu = &f->v->vcpu;

		list_move_tail(&f->node, &f->v->asyncpf.done);
		kvm_request(vcpu, X86_REQ_ASYNCPF);
		kvm_request(vcpu, KVM_REQ_UNBLOCK);
		kvm_vcpu_kick(vcpu);
	}
	spin_unlock(&asyncpf_lock);
	/* From here on @f is the vCPU's, if there is one. */
	if (alive)
		mmput(mm);
	if (!wanted)
		asyncpf_free(f);
}

/* --- a fault --------------------------------------------------------------- */

/* Of a guest that stands at an instruction and may be interrupted there. */
static bool may_leave_it(struct x86_vcpu *v)
{
	return v->apic && !x86_delivering(v) && !v->ev.exc.pending && !v->smm.active &&
	       !v->dbg.guest_debug && x86_paging(v) && !x86_op(irq_blocked)(v);
}

/* The last event's word is clear again, and the privilege as the guest wants it. */
static bool may_tell(struct x86_vcpu *v)
{
	struct x86_asyncpf *a = &v->asyncpf;
	u32 flags;

	if (!(a->msr & KVM_ASYNC_PF_SEND_ALWAYS) && !x86_op(get_cpl)(v))
		return false;
	return !kvm_gmap_read(v->vcpu.kvm, &a->map, ASYNCPF_OFF(flags), &flags,
			      sizeof(flags)) && !flags;
}

static bool say_not_present(struct x86_vcpu *v)
{
	static const u32 flags = KVM_PV_REASON_PAGE_NOT_PRESENT;

	return !kvm_gmap_write(v->vcpu.kvm, &v->asyncpf.map, ASYNCPF_OFF(flags), &flags,
			       sizeof(flags));
}

/* Of all vCPUs: a task may go on elsewhere. */
static u32 new_token(struct kvm *kvm)
{
	u32 token;

	do
		token = atomic_inc_return(&to_x86_vm(kvm)->asyncpf_token);
	while (!token || token == ASYNCPF_EVERYONE);
	return token;
}

static bool is_waited_for(struct x86_vcpu *v, hva_t hva)
{
	struct asyncpf *f;
	bool found = false;

	spin_lock(&asyncpf_lock);
	list_for_each_entry(f, &v->asyncpf.waiting, node)
		found |= f->hva == hva;
	spin_unlock(&asyncpf_lock);
	return found;
}

static struct asyncpf *asyncpf_new(struct x86_vcpu *v, const struct kvm_page *p)
{
	struct asyncpf *f;

	if (v->asyncpf.nr >= ASYNCPF_PER_VCPU)
		return NULL;
	if (!atomic_add_unless(&asyncpf_under_way, 1, ASYNCPF_MAX))
		return NULL;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_NORETRY);
	if (!f) {
		atomic_dec(&asyncpf_under_way);
		return NULL;
	}
	INIT_WORK(&f->work, asyncpf_work);
	f->v = v;
	f->hva = p->hva;
	f->gpa = gfn_to_gpa(p->gfn);
	f->write = p->write;
	f->mm = v->vcpu.kvm->mm;
	mmgrab(f->mm);
	__module_get(THIS_MODULE);
	return f;
}

static void asyncpf_start(struct x86_vcpu *v, struct asyncpf *f)
{
	v->asyncpf.nr++;
	spin_lock(&asyncpf_lock);
	list_add_tail(&f->node, &v->asyncpf.waiting);
	spin_unlock(&asyncpf_lock);
	queue_work(asyncpf_wq, &f->work);
}

/* The vCPU does something else until the page is there. False: it has to wait. */
static bool asyncpf_begin(struct x86_vcpu *v, const struct kvm_page *p)
{
	struct x86_asyncpf *a = &v->asyncpf;
	struct asyncpf *f;
	bool tell;

	if (!may_leave_it(v))
		return false;
	trace_kvm_try_async_get_page(gfn_to_gpa(p->gfn), p->gfn);
	/* What the worker could not do is the vCPU's own. */
	if (a->failed == p->hva) {
		a->failed = 0;
		return false;
	}
	tell = may_tell(v);
	if (tell || !is_waited_for(v, p->hva)) {
		f = asyncpf_new(v, p);
		if (!f)
			return false;
		f->told = tell && say_not_present(v);
		tell = f->told;
		if (tell) {
			f->token = new_token(v->vcpu.kvm);
			trace_kvm_async_pf_not_present(f->token, f->gpa);
			x86_queue_page_fault(v, f->token, 0);
		}
		asyncpf_start(v, f);
	}
	if (!tell) {
		WRITE_ONCE(a->halted, true);
		kvm_request(&v->vcpu, X86_REQ_ASYNCPF);
	}
	return true;
}

/**
 * asyncpf_get_page() - kvm_page_get() that need not wait
 * @v: the vCPU, at an access of its guest's
 * @p: the page
 *
 * Context: process, srcu held.
 * Return: as kvm_page_get(). -EAGAIN: what the guest is to do meanwhile is arranged.
 */
int asyncpf_get_page(struct x86_vcpu *v, struct kvm_page *p)
{
	struct kvm *kvm = v->vcpu.kvm;
	int ret;

	p->no_wait = v->asyncpf.on;
	ret = kvm_page_get(kvm, p);
	if (likely(ret != -EAGAIN) || !p->no_wait || asyncpf_begin(v, p))
		return ret;
	p->no_wait = false;
	return kvm_page_get(kvm, p);
}

/* --- page ready ------------------------------------------------------------ */

/* False: the guest has not taken the last one yet, or cannot be told. */
static bool tell_ready(struct x86_vcpu *v, u32 token)
{
	static const u32 none;
	struct x86_asyncpf *a = &v->asyncpf;
	struct kvm *kvm = v->vcpu.kvm;
	u32 last;

	if (kvm_gmap_read(kvm, &a->map, ASYNCPF_OFF(token), &last, sizeof(last)) || last)
		return false;
	if (kvm_gmap_write(kvm, &a->map, ASYNCPF_OFF(token), &token, sizeof(token)))
		return false;
	if (lapic_raise(v, a->vector))
		return true;
	kvm_gmap_write(kvm, &a->map, ASYNCPF_OFF(token), &none, sizeof(none));
	return false;
}

/* X86_REQ_ASYNCPF, before the guest runs again. IRQs on; takes srcu. */
void asyncpf_update(struct x86_vcpu *v)
{
	struct x86_asyncpf *a = &v->asyncpf;
	struct kvm *kvm = v->vcpu.kvm;
	struct asyncpf *f;
	int idx;

	if (!a->on)
		return;
	idx = srcu_read_lock(&kvm->srcu);
	if (a->wake_all && tell_ready(v, ASYNCPF_EVERYONE))
		a->wake_all = false;
	for (;;) {
		spin_lock(&asyncpf_lock);
		f = list_first_entry_or_null(&a->done, struct asyncpf, node);
		spin_unlock(&asyncpf_lock);
		if (!f || (f->told && !tell_ready(v, f->token)))
			break;
		spin_lock(&asyncpf_lock);
		list_del(&f->node);
		spin_unlock(&asyncpf_lock);
		if (f->told)
			trace_kvm_async_pf_ready(f->token, f->gpa);
		if (f->failed)
			a->failed = f->hva;
		a->nr--;
		asyncpf_free(f);
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

/* --- the guest's registers, and life --------------------------------------- */

/* Nothing is told of what waits now. Process context. */
void asyncpf_forget(struct x86_vcpu *v)
{
	struct x86_asyncpf *a = &v->asyncpf;
	struct asyncpf *f, *next;
	LIST_HEAD(ours);

	spin_lock(&asyncpf_lock);
	list_splice_init(&a->done, &ours);
	list_for_each_entry_safe(f, next, &a->waiting, node) {
		f->v = NULL;
		list_del(&f->node);
		if (!cancel_work(&f->work))
			continue;	/* under way: the worker's from now on */
		atomic_dec(&asyncpf_under_way);
		list_add(&f->node, &ours);
	}
	spin_unlock(&asyncpf_lock);
	list_for_each_entry_safe(f, next, &ours, node)
		asyncpf_free(f);
	a->nr = 0;
	a->failed = 0;
	a->halted = false;
	a->wake_all = false;
}

static int set_enable(struct x86_vcpu *v, u64 data)
{
	struct x86_asyncpf *a = &v->asyncpf;
	bool on = (data & ASYNCPF_ON) == ASYNCPF_ON;
	struct kvm_gmap map;

	if (data & ASYNCPF_RESERVED)
		return 1;
	if (data & KVM_ASYNC_PF_DELIVERY_AS_INT && x86_pv_withheld(v, KVM_FEATURE_ASYNC_PF_INT))
		return 1;
	if (data & KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT &&
	    x86_pv_withheld(v, KVM_FEATURE_ASYNC_PF_VMEXIT))
		return 1;
	if (!v->apic)
		return data ? 1 : 0;
	if (on && kvm_gmap_init(v->vcpu.kvm, &map, data & ASYNCPF_ADDR, ASYNCPF_AREA))
		return 1;
	asyncpf_forget(v);
	a->msr = data;
	a->on = on;
	if (!on)
		return 0;
	a->map = map;
	/* Those whom another host told, or we before this, would wait forever. */
	a->wake_all = true;
	kvm_request(&v->vcpu, X86_REQ_ASYNCPF);
	return 0;
}

/* 0, or 1: #GP. srcu held */
int asyncpf_set_msr(struct x86_vcpu *v, u32 index, u64 data)
{
	struct x86_asyncpf *a = &v->asyncpf;

	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		return set_enable(v, data);
	case MSR_KVM_ASYNC_PF_INT:
		if (data & ~(u64)KVM_ASYNC_PF_VEC_MASK)
			return 1;
		a->vector = data;
		break;
	default:	/* MSR_KVM_ASYNC_PF_ACK */
		if (!(data & 1))
			return 0;
	}
	kvm_request(&v->vcpu, X86_REQ_ASYNCPF);
	return 0;
}

u64 asyncpf_get_msr(struct x86_vcpu *v, u32 index)
{
	switch (index) {
	case MSR_KVM_ASYNC_PF_EN:
		return v->asyncpf.msr;
	case MSR_KVM_ASYNC_PF_INT:
		return v->asyncpf.vector;
	default:
		return 0;
	}
}

/* INIT too: whoever comes next has other memory there. */
void asyncpf_reset(struct x86_vcpu *v)
{
	asyncpf_forget(v);
	v->asyncpf.on = false;
	v->asyncpf.msr = 0;
	v->asyncpf.vector = 0;
}

void asyncpf_vcpu_create(struct x86_vcpu *v)
{
	INIT_LIST_HEAD(&v->asyncpf.waiting);
	INIT_LIST_HEAD(&v->asyncpf.done);
}

int asyncpf_module_init(void)
{
	asyncpf_wq = alloc_workqueue("kvm-async-pf", 0, ASYNCPF_MAX);
	return asyncpf_wq ? 0 : -ENOMEM;
}

void asyncpf_module_exit(void)
{
	destroy_workqueue(asyncpf_wq);
}
