// SPDX-License-Identifier: GPL-2.0-only
/* What ties the counters to a vCPU: what it has, requests, its APIC, its instructions. */
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/slab.h>

#include "../core.h"
#include "pmu.h"

static bool enable_pmu = true;
module_param(enable_pmu, bool, 0444);
MODULE_PARM_DESC(enable_pmu, "Performance counters for guests");

DEFINE_STATIC_KEY_FALSE(pmu_counts);

/* Of what perf has; version 0: guests get none. Set when a backend comes */
static struct pmu_shape pmu_host __read_mostly;
static u8 pmu_host_events __read_mostly;	/* bits in leaf 0xa's EBX */

#define HELD_FOR	(HZ / 4)	/* events of counters that stand still */

struct pmu_room {
	struct pmu_vcpu pmu;		/* first */
	struct x86_vcpu *v;		/* c */
	struct irq_work kick;
	unsigned long age_at;		/* p; jiffies */
	bool age;			/* p to set, v; with X86_REQ_PMU */
	bool counted;			/* v; in pmu_counts */
	unsigned int filter_changes;	/* v; seen */
};

static struct pmu_vcpu *pmu_of(struct x86_vcpu *v)
{
	return v->pmu ? &v->pmu->pmu : NULL;
}

static struct pmu_room *room_of(struct pmu_vcpu *p)
{
	return container_of(p, struct pmu_room, pmu);
}

/* --- what there is -------------------------------------------------------- */

static bool read_host(struct pmu_shape *host)
{
	const struct pmu_model *model = x86_caps.pmu;
	struct x86_pmu_capability cap;

	/* Two kinds of cores, and the vCPU may be on either. */
	if (boot_cpu_has(X86_FEATURE_HYBRID_CPU))
		return false;
	perf_get_x86_pmu_capability(&cap);
	if (model->leaf && !cap.version)
		return false;
	if (cap.num_counters_gp < max_t(int, model->min_gp, 1))
		return false;
	host->version = model->leaf ? min(cap.version, 2) : 1;
	host->nr_gp = min_t(int, cap.num_counters_gp, model->max_gp);
	host->gp_width = cap.bit_width_gp;
	host->missing = cap.events_mask;
	pmu_host_events = min(cap.events_mask_len, 32);
	if (host->version < 2)
		return true;
	host->nr_fixed = min_t(int, cap.num_counters_fixed, PMU_MAX_FIXED);
	host->fixed_width = cap.bit_width_fixed;
	return true;
}

void pmu_module_init(void)
{
	memset(&pmu_host, 0, sizeof(pmu_host));
	pmu_host_events = 0;
	if (enable_pmu && !read_host(&pmu_host))
		enable_pmu = false;
}

bool pmu_offered(void)
{
	return pmu_host.version;
}

u64 pmu_capabilities(void)
{
	return pmu_offered() && x86_caps.pmu->leaf ? PMU_CAP_WIDE : 0;
}

/* SDM 2A CPUID, 0AH. Bit 15 of EDX: counting for both threads of a core is no more. */
void pmu_leaf(struct kvm_cpuid_entry2 *e)
{
	e->eax = e->ebx = e->ecx = e->edx = 0;
	if (!pmu_offered() || !x86_caps.pmu->leaf)
		return;
	e->eax = pmu_host.version | pmu_host.nr_gp << 8 | pmu_host.gp_width << 16 |
		 (u32)pmu_host_events << 24;
	e->ebx = pmu_host.missing;
	e->edx = pmu_host.nr_fixed | pmu_host.fixed_width << 5 | BIT(15);
}

/* Those of both vendors are, but for general-purpose counters that the host has not. */
bool pmu_listed(u32 index)
{
	switch (index) {
	case MSR_IA32_PERFCTR0 ... MSR_IA32_PERFCTR0 + PMU_MAX_GP - 1:
		return index - MSR_IA32_PERFCTR0 < pmu_host.nr_gp;
	case MSR_P6_EVNTSEL0 ... MSR_P6_EVNTSEL0 + PMU_MAX_GP - 1:
		return index - MSR_P6_EVNTSEL0 < pmu_host.nr_gp;
	case MSR_IA32_PMC0 ... MSR_IA32_PMC0 + PMU_MAX_GP - 1:
		return false;
	default:
		return true;
	}
}

/* --- a vCPU's ------------------------------------------------------------- */

void pmu_want_update(struct pmu_vcpu *p)
{
	kvm_request(&room_of(p)->v->vcpu, X86_REQ_PMU);
}

static void kick(struct irq_work *work)
{
	struct kvm_vcpu *vcpu = &container_of(work, struct pmu_room, kick)->v->vcpu;

	kvm_request(vcpu, KVM_REQ_UNBLOCK);
	kvm_vcpu_kick(vcpu);
}

/*
 * The guest is out for this NMI already and stays out, or it has left before, and
 * then the thread may be anywhere: waking it up is not for an NMI.
 */
void pmu_overflow_seen(struct pmu_vcpu *p)
{
	pmu_want_update(p);
	irq_work_queue(&room_of(p)->kick);
}

bool pmu_allowed(struct pmu_vcpu *p, u64 event, int fixed)
{
	return pmu_filter_allows(room_of(p)->v->vcpu.kvm, event, fixed);
}

int pmu_prepare(struct x86_vcpu *v, const struct kvm_cpuid_entry2 *leaf)
{
	const struct pmu_model *model = x86_caps.pmu;
	struct pmu_room *room;

	if (v->pmu || !pmu_offered() || to_x86_vm(v->vcpu.kvm)->pmu.off)
		return 0;
	if (model->leaf && !(leaf && (leaf->eax & 0xff)))
		return 0;
	room = kzalloc(sizeof(*room), GFP_KERNEL_ACCOUNT);
	if (!room)
		return -ENOMEM;
	room->v = v;
	init_irq_work(&room->kick, kick);
	pmu_init(&room->pmu, model);
	v->pmu = room;
	return 0;
}

void pmu_destroy(struct x86_vcpu *v)
{
	struct pmu_room *room = v->pmu;

	if (!room)
		return;
	pmu_reset(&room->pmu);
	irq_work_sync(&room->kick);
	if (room->counted)
		static_branch_dec(&pmu_counts);
	v->pmu = NULL;
	kfree(room);
}

static bool has_tx(struct x86_vcpu *v)
{
	return (boot_cpu_has(X86_FEATURE_RTM) || boot_cpu_has(X86_FEATURE_HLE)) &&
	       (x86_has(v, X86_FEATURE_RTM) || x86_has(v, X86_FEATURE_HLE));
}

void pmu_cpuid_changed(struct x86_vcpu *v)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(v, 0xa, 0);
	struct pmu_vcpu *p = pmu_of(v);
	u32 leaf[4] = {};

	if (!p)
		return;
	if (e) {
		leaf[0] = e->eax;
		leaf[1] = e->ebx;
		leaf[2] = e->ecx;
		leaf[3] = e->edx;
	}
	pmu_reset(p);
	p->shape.wide = x86_has(v, X86_FEATURE_PDCM) && (v->msr.perf_capabilities & PMU_CAP_WIDE);
	p->shape.extended = x86_has(v, X86_FEATURE_PERFCTR_CORE);
	p->shape.tx = has_tx(v);
	pmu_shape_from(&p->shape, p->model, &pmu_host, leaf);
	if (pmu_all(p))
		pmu_reset(p);
	else
		pmu_destroy(v);
}

void pmu_caps_changed(struct x86_vcpu *v)
{
	struct pmu_vcpu *p = pmu_of(v);

	if (p)
		p->shape.wide = x86_has(v, X86_FEATURE_PDCM) &&
				(v->msr.perf_capabilities & PMU_CAP_WIDE);
}

void pmu_vcpu_reset(struct x86_vcpu *v)
{
	if (v->pmu)
		pmu_reset(&v->pmu->pmu);
}

void pmu_load(struct x86_vcpu *v)
{
	struct pmu_room *room = v->pmu;

	if (!room->pmu.held || time_before(jiffies, room->age_at))
		return;
	room->age_at = jiffies + HELD_FOR;
	room->age = true;
	kvm_request(&v->vcpu, X86_REQ_PMU);
}

void pmu_serve(struct x86_vcpu *v)
{
	struct pmu_room *room = v->pmu;
	struct pmu_vcpu *p = pmu_of(v);
	unsigned int changes;

	if (!p)
		return;
	if (room->age) {
		room->age = false;
		pmu_age(p);
	}
	changes = smp_load_acquire(&to_x86_vm(v->vcpu.kvm)->pmu.filter_changes);
	if (changes != room->filter_changes) {
		room->filter_changes = changes;
		p->stale |= pmu_all(p);
	}
	if (pmu_update(p) && v->apic)
		lapic_deliver_pmi(v, p->model->masks_lvt);
	/* Guests that do it once do it again: it stays until the vCPU goes. */
	if (unlikely((p->insns | p->branches) && !room->counted)) {
		room->counted = true;
		static_branch_inc(&pmu_counts);
	}
}

/* --- accesses ------------------------------------------------------------- */

/* Old guests touch these without having asked CPUID. */
static bool harmless(u32 index)
{
	switch (index) {
	case MSR_P6_PERFCTR0 ... MSR_P6_PERFCTR1:
	case MSR_P6_EVNTSEL0 ... MSR_P6_EVNTSEL1:
	case MSR_K7_EVNTSEL0 ... MSR_K7_PERFCTR3:
		return true;
	default:
		return false;
	}
}

int pmu_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	struct pmu_vcpu *p = pmu_of(v);
	int r = p ? pmu_reg_get(p, index, data) : -ENOENT;

	if (r == -ENOENT && (harmless(index) || (host && pmu_listed(index)))) {
		*data = 0;
		r = 0;
	}
	return r;
}

int pmu_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct pmu_vcpu *p = pmu_of(v);
	int r = p ? pmu_reg_set(p, index, data, host) : -ENOENT;

	/* A VMM writes back what it read. */
	if (r == -ENOENT && (harmless(index) || (host && !data && pmu_listed(index))))
		r = 0;
	return r;
}

int pmu_rdpmc(struct x86_vcpu *v, u32 index, u64 *data)
{
	struct pmu_vcpu *p = pmu_of(v);

	if (!(x86_cr4(v) & X86_CR4_PCE) && x86_op(get_cpl)(v))
		return 1;
	if (p)
		return pmu_read_pmc(p, index, data);
	/* The counters that no bit of CPUID tells of stand still. */
	*data = 0;
	return (index & GENMASK(29, 0)) >= x86_caps.pmu->min_gp;
}

void pmu_insn_done(struct x86_vcpu *v, bool branch)
{
	struct pmu_vcpu *p = pmu_of(v);

	if (p && (p->insns | p->branches))
		pmu_insn(p, branch, x86_op(get_cpl)(v) == 3);
}
