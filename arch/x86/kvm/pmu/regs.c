// SPDX-License-Identifier: GPL-2.0-only
/* The registers of the counters, as the guest and its VMM read and write them. */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/nospec.h>

#include "pmu.h"

/* GLOBAL_STATUS: a trace buffer overflowed, counters changed at all. Never set here */
#define STATUS_BUFFER	BIT_ULL(62)
#define STATUS_CHANGED	BIT_ULL(63)

/* RDPMC (SDM 2B): a fixed counter, the low half alone */
#define PMC_FIXED	BIT(30)
#define PMC_LOW		BIT(31)

void pmu_init(struct pmu_vcpu *p, const struct pmu_model *model)
{
	unsigned int i;

	p->model = model;
	for (i = 0; i < PMU_MAX_GP; i++)
		pmu_counter_init(&p->gp[i], p, i);
	for (i = 0; i < PMU_MAX_FIXED; i++)
		pmu_counter_init(&p->fixed[i], p, PMU_FIXED + i);
}

/* --- what the guest has --------------------------------------------------- */

/* A width that no processor had would make each event an interrupt. */
#define WIDTH_MIN	32

/* SDM 2A CPUID, 0AH: at most what the host has, whatever the list says */
static void shape_from_leaf(struct pmu_shape *s, const struct pmu_shape *host, const u32 *leaf)
{
	u32 eax = leaf[0], edx = leaf[3], nr_events = eax >> 24;

	s->version = min_t(u32, eax & 0xff, host->version);
	if (!s->version)
		return;
	s->nr_gp = min_t(u32, eax >> 8 & 0xff, host->nr_gp);
	s->gp_width = min_t(u32, eax >> 16 & 0xff, host->gp_width);
	if (s->gp_width < WIDTH_MIN)
		s->nr_gp = 0;
	s->missing = leaf[1] | host->missing;
	if (nr_events < 32)
		s->missing |= ~0u << nr_events;
	if (s->version < 2)
		return;
	s->nr_fixed = min_t(u32, edx & 0x1f, host->nr_fixed);
	s->fixed_width = min_t(u32, edx >> 5 & 0xff, host->fixed_width);
	if (s->fixed_width < WIDTH_MIN)
		s->nr_fixed = 0;
}

/* The caller has set what follows from feature bits: wide, extended, tx. */
void pmu_shape_from(struct pmu_shape *s, const struct pmu_model *model,
		    const struct pmu_shape *host, const u32 *leaf)
{
	s->version = s->nr_gp = s->nr_fixed = s->gp_width = s->fixed_width = 0;
	s->missing = 0;
	if (!host->version)
		return;
	if (model->leaf) {
		shape_from_leaf(s, host, leaf);
		return;
	}
	s->version = 1;
	s->nr_gp = s->extended ? host->nr_gp : model->min_gp;
	s->gp_width = host->gp_width;
}

u64 pmu_all(const struct pmu_vcpu *p)
{
	return (BIT_ULL(p->shape.nr_gp) - 1) | (BIT_ULL(p->shape.nr_fixed) - 1) << PMU_FIXED;
}

/* SDM 3A table 10-1: all is 0, but GLOBAL_CTRL lets the general-purpose counters count. */
void pmu_reset(struct pmu_vcpu *p)
{
	unsigned int i;

	for (i = 0; i < PMU_MAX_GP; i++) {
		pmu_counter_release(&p->gp[i]);
		p->gp[i].value = p->gp[i].select = 0;
		p->gp[i].emulated = 0;
	}
	for (i = 0; i < PMU_MAX_FIXED; i++) {
		pmu_counter_release(&p->fixed[i]);
		p->fixed[i].value = 0;
		p->fixed[i].emulated = 0;
	}
	xchg(&p->overflowed, 0);
	p->stale = 0;
	p->interrupt = false;
	p->fixed_ctrl = p->global_status = 0;
	p->global_ctrl = p->shape.version < 2 ? 0 : BIT_ULL(p->shape.nr_gp) - 1;
}

/* --- MSRs ----------------------------------------------------------------- */

static struct pmu_counter *gp_of(struct pmu_vcpu *p, unsigned int n)
{
	return &p->gp[array_index_nospec(n, PMU_MAX_GP)];
}

static struct pmu_counter *fixed_of(struct pmu_vcpu *p, unsigned int n)
{
	return &p->fixed[array_index_nospec(n, PMU_MAX_FIXED)];
}

static bool has_reg(const struct pmu_vcpu *p, const struct pmu_range *r, unsigned int n)
{
	const struct pmu_shape *s = &p->shape;

	if (r->extended && !s->extended)
		return false;
	switch (r->reg) {
	case PMU_REG_SELECT:
	case PMU_REG_COUNT:
		return n < s->nr_gp;
	case PMU_REG_COUNT_WIDE:
		return n < s->nr_gp && s->wide;
	case PMU_REG_FIXED:
		return n < s->nr_fixed;
	default:
		return s->version >= 2;
	}
}

/* The row and the counter's number in it; NULL: no such MSR in this guest */
static const struct pmu_range *find_reg(const struct pmu_vcpu *p, u32 index, unsigned int *n)
{
	const struct pmu_range *r = p->model->ranges;
	unsigned int i;

	for (i = 0; i < p->model->nr_ranges; i++, r++) {
		u32 offset = index - r->first;

		if (index < r->first || offset % r->step || offset / r->step >= r->nr)
			continue;
		*n = offset / r->step;
		return has_reg(p, r, *n) ? r : NULL;
	}
	return NULL;
}

int pmu_reg_get(struct pmu_vcpu *p, u32 index, u64 *data)
{
	const struct pmu_range *r;
	unsigned int n;

	*data = 0;
	r = find_reg(p, index, &n);
	if (!r)
		return -ENOENT;
	switch (r->reg) {
	case PMU_REG_SELECT:
		*data = gp_of(p, n)->select;
		break;
	case PMU_REG_COUNT:
	case PMU_REG_COUNT_WIDE:
		*data = pmu_counter_read(gp_of(p, n));
		break;
	case PMU_REG_FIXED:
		*data = pmu_counter_read(fixed_of(p, n));
		break;
	case PMU_REG_FIXED_CTRL:
		*data = p->fixed_ctrl;
		break;
	case PMU_REG_GLOBAL_CTRL:
		*data = p->global_ctrl;
		break;
	case PMU_REG_GLOBAL_STATUS:
		pmu_collect(p);
		*data = p->global_status;
		break;
	}
	return 0;
}

static void changed(struct pmu_vcpu *p, u64 counters)
{
	counters &= pmu_all(p);
	if (!counters)
		return;
	p->stale |= counters;
	pmu_want_update(p);
}

static int set_select(struct pmu_vcpu *p, struct pmu_counter *c, u64 data)
{
	u64 legal = p->model->select | (p->shape.tx ? p->model->select_tx : 0);

	if ((data & ~legal) && !p->model->select_drops)
		return 1;
	data &= legal;
	if (c->select != data) {
		c->select = data;
		changed(p, BIT_ULL(c->nr));
	}
	return 0;
}

static int set_count(struct pmu_vcpu *p, struct pmu_counter *c, u64 data, bool wide, bool host)
{
	if (wide && data >> p->shape.gp_width)
		return 1;
	if (!wide && p->model->narrow_writes && !host)
		data = (s64)(s32)data;
	pmu_counter_write(c, data);
	return 0;
}

static int set_fixed_ctrl(struct pmu_vcpu *p, u64 data)
{
	u64 diff = p->fixed_ctrl ^ data, legal = 0, counters = 0;
	unsigned int i;

	for (i = 0; i < p->shape.nr_fixed; i++) {
		legal |= (u64)(PMU_FIX_OS | PMU_FIX_USR | PMU_FIX_INT) << i * 4;
		if (diff >> i * 4 & 0xf)
			counters |= BIT_ULL(PMU_FIXED + i);
	}
	if (data & ~legal)
		return 1;
	p->fixed_ctrl = data;
	changed(p, counters);
	return 0;
}

static int set_global_ctrl(struct pmu_vcpu *p, u64 data)
{
	u64 diff = p->global_ctrl ^ data;

	if (data & ~pmu_all(p))
		return 1;
	p->global_ctrl = data;
	changed(p, diff);
	return 0;
}

/* Read-only; a VMM brings back what it saved, from another host maybe. */
static int set_global_status(struct pmu_vcpu *p, u64 data, bool host)
{
	if (!host)
		return 1;
	pmu_collect(p);
	p->global_status = data & pmu_all(p);
	return 0;
}

static int reset_global_status(struct pmu_vcpu *p, u64 data)
{
	if (data & ~(pmu_all(p) | STATUS_BUFFER | STATUS_CHANGED))
		return 1;
	pmu_collect(p);
	p->global_status &= ~data;
	return 0;
}

int pmu_reg_set(struct pmu_vcpu *p, u32 index, u64 data, bool host)
{
	const struct pmu_range *r;
	unsigned int n;

	r = find_reg(p, index, &n);
	if (!r)
		return -ENOENT;
	switch (r->reg) {
	case PMU_REG_SELECT:
		return set_select(p, gp_of(p, n), data);
	case PMU_REG_COUNT:
	case PMU_REG_COUNT_WIDE:
		return set_count(p, gp_of(p, n), data, r->reg == PMU_REG_COUNT_WIDE, host);
	case PMU_REG_FIXED:
		pmu_counter_write(fixed_of(p, n), data);
		return 0;
	case PMU_REG_FIXED_CTRL:
		return set_fixed_ctrl(p, data);
	case PMU_REG_GLOBAL_CTRL:
		return set_global_ctrl(p, data);
	case PMU_REG_GLOBAL_STATUS:
		return set_global_status(p, data, host);
	default:
		return reset_global_status(p, data);
	}
}

int pmu_read_pmc(struct pmu_vcpu *p, u32 index, u64 *data)
{
	bool fixed = (index & PMC_FIXED) && p->model->leaf;
	unsigned int n = index & ~(PMC_FIXED | PMC_LOW);

	*data = 0;
	if (n >= (fixed ? p->shape.nr_fixed : p->shape.nr_gp))
		return 1;
	*data = pmu_counter_read(fixed ? fixed_of(p, n) : gp_of(p, n));
	if (index & PMC_LOW)
		*data = (u32)*data;
	return 0;
}
