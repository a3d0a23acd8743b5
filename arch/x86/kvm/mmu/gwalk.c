// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest page tables: 32-bit with 4 MiB pages (PSE, PSE-36), PAE, 4 and 5
 * levels (SDM 3A 4.3 to 4.7, APM 2 5).
 *
 * An entry is read once and judged by that copy. Accessed and dirty bits are
 * set after the access was found legal, by cmpxchg; if an entry changed since
 * then, the walk starts over.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include <mmu/gmem.h>

#include "gwalk.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_G		BIT_ULL(8)
#define PTE_NX		BIT_ULL(63)
#define PTE_PKEY(e)	(((e) >> 59) & 15)

/* How often a guest that keeps changing an entry under us makes us start over. */
#define GWALK_TRIES	8

static u64 bit_range(unsigned int from, unsigned int to)
{
	return from > to ? 0 : GENMASK_ULL(to, from);
}

/* SDM 3A table 4-3 and 4-4 */
static void set_mode_32bit(struct gwalk_mode *m, const struct gwalk_config *c)
{
	m->levels = 2;
	m->index_bits = 10;
	m->max_leaf = c->pse ? 2 : 1;
	m->frame = 0xfffff000;
	if (c->pse36 && c->maxphyaddr > 32)
		m->pse36_bits = min_t(u8, c->maxphyaddr - 32, 8);
	m->rsvd[1][1] = bit_range(13 + m->pse36_bits, 21);
}

static void set_mode_64bit_entries(struct gwalk_mode *m, const struct gwalk_config *c)
{
	unsigned int top = c->long_mode ? 51 : 62;
	u64 always = bit_range(c->maxphyaddr, top);
	unsigned int level;

	m->index_bits = 9;
	m->frame = GENMASK_ULL(51, 12);
	m->nxe = c->nxe;
	if (!c->nxe)
		always |= PTE_NX;
	for (level = 1; level <= GWALK_MAX_LEVELS; level++) {
		m->rsvd[level - 1][0] = always;
		/* Bit 12 of a large leaf is its PAT bit. */
		m->rsvd[level - 1][1] = always | bit_range(13, 11 + 9 * (level - 1));
	}
	if (!c->long_mode) {
		m->levels = 3;
		m->max_leaf = 2;
		return;
	}
	m->levels = c->la57 ? 5 : 4;
	m->max_leaf = c->gbpages ? 3 : 2;
	for (level = m->max_leaf + 1; level <= GWALK_MAX_LEVELS; level++)
		m->rsvd[level - 1][0] |= PTE_PS;
	/* APM 2 5.3.3: bit 8 of a PML4E must be zero there. */
	if (c->amd) {
		m->rsvd[3][0] |= PTE_G;
		m->rsvd[4][0] |= PTE_G;
	}
}

/**
 * gwalk_set_mode() - make a paging mode ready for walking
 * @m: set as a whole but for its key
 * @c: what the guest's registers and CPUID say
 */
void gwalk_set_mode(struct gwalk_mode *m, const struct gwalk_config *c)
{
	u32 key = m->key;

	*m = (struct gwalk_mode) {
		.key = key, .wp = c->wp, .smep = c->smep, .smap = c->smap,
		.pke = c->pke && c->long_mode,
	};
	if (!c->paging)
		return;
	if (c->pae || c->long_mode)
		set_mode_64bit_entries(m, c);
	else
		set_mode_32bit(m, c);
}

/* I/D is only told where fetches are distinguished at all (SDM 3A 4.7). */
static enum gwalk_result fail(const struct gwalk_mode *m, struct gwalk *w, u32 why)
{
	w->error = why | (w->access & (GWALK_WRITE | GWALK_USER));
	if (m->nxe || m->smep)
		w->error |= w->access & GWALK_FETCH;
	return GWALK_FAULT;
}

/* SDM 3A 4.6.2: of user pages only. 0, GWALK_PK, or -EAGAIN. */
static int check_pkey(const struct gwalk_mode *m, const struct gwalk *w, u64 leaf,
		      struct gwalk_env *env)
{
	u32 pkru, deny = 1;

	if (w->access & GWALK_FETCH)
		return 0;
	if (gwalk_pkru(env, &pkru))
		return -EAGAIN;
	if ((w->access & GWALK_WRITE) && (m->wp || (w->access & GWALK_USER)))
		deny |= 2;
	return pkru >> (2 * PTE_PKEY(leaf)) & deny ? GWALK_PK : 0;
}

/* @both: what all entries allow (U, W), @any: bits set in any of them (NX). SDM 3A 4.6.1 */
static bool forbidden(const struct gwalk_mode *m, const struct gwalk *w, u64 both, u64 any,
		      struct gwalk_env *env)
{
	u32 access = w->access;

	if ((access & GWALK_WRITE) && !(both & PTE_W) && (m->wp || (access & GWALK_USER)))
		return true;
	if ((access & GWALK_FETCH) && m->nxe && (any & PTE_NX))
		return true;
	if (access & GWALK_USER)
		return !(both & PTE_U);
	if (!(both & PTE_U))
		return false;
	if (access & GWALK_FETCH)
		return m->smep;
	return m->smap && !gwalk_ac(env);
}

static enum gwalk_result judge(const struct gwalk_mode *m, struct gwalk *w, u64 both, u64 any,
			       u64 leaf, struct gwalk_env *env)
{
	int pk = 0;

	if (unlikely(m->pke && (both & PTE_U))) {
		pk = check_pkey(m, w, leaf, env);
		if (pk < 0)
			return GWALK_AGAIN;
	}
	if (unlikely(pk || forbidden(m, w, both, any, env)))
		return fail(m, w, GWALK_PRESENT | pk);
	return GWALK_OK;
}

static void found(const struct gwalk_mode *m, struct gwalk *w, u64 leaf, unsigned int level)
{
	u64 within = (1ull << (12 + m->index_bits * (level - 1))) - 1;

	w->gpa = (leaf & m->frame & ~within) | (w->gva & within);
	if (m->pse36_bits && level == 2)
		w->gpa |= (leaf >> 13 & (BIT(m->pse36_bits) - 1)) << 32;
}

/* Down to the leaf; checks everything, changes nothing. */
static enum gwalk_result descend(const struct gwalk_mode *m, struct gwalk *w,
				 struct gwalk_env *env)
{
	const bool wide = m->index_bits == 9;
	u64 table = w->cr3, both = PTE_W | PTE_U, any = 0, entry, gpa;
	unsigned int level = m->levels, index, n = 0;
	bool leaf;
	int ret;

	if (level == 3) {
		table = w->pdptrs[w->gva >> 30 & 3];
		if (!(table & PTE_P))
			return fail(m, w, 0);
		level = 2;
	}
	for (;; level--) {
		table &= m->frame;
		index = w->gva >> (12 + m->index_bits * (level - 1)) & (BIT(m->index_bits) - 1);
		gpa = table + index * (wide ? 8 : 4);
		ret = gwalk_read(env, level, gpa, &entry, wide);
		if (unlikely(ret)) {
			if (ret == -EAGAIN)
				return GWALK_AGAIN;
			entry = ~0ull;	/* an empty bus; has reserved bits set */
		}
		if (!(entry & PTE_P))
			return fail(m, w, 0);
		leaf = level == 1 || (level <= m->max_leaf && (entry & PTE_PS));
		if (unlikely((entry & m->rsvd[level - 1][leaf]) || ret))
			return fail(m, w, GWALK_PRESENT | GWALK_RSVD);
		both &= entry;
		any |= entry;
		w->step[n].gpa = gpa;
		w->step[n].entry = entry;
		n++;
		if (leaf)
			break;
		table = entry;
	}
	w->nr_steps = n;
	found(m, w, entry, level);
	return judge(m, w, both, any, entry, env);
}

/* 0, -EAGAIN: an entry changed, -EBUSY: can't do it here. */
static int set_accessed_dirty(const struct gwalk_mode *m, struct gwalk *w,
			      struct gwalk_env *env)
{
	unsigned int i;
	u64 old, new;
	int ret;

	for (i = 0; i < w->nr_steps; i++) {
		old = w->step[i].entry;
		new = old | PTE_A;
		if (i == w->nr_steps - 1 && (w->access & GWALK_WRITE))
			new |= PTE_D;
		if (likely(new == old))
			continue;
		ret = gwalk_cmpxchg(env, w->step[i].gpa, old, new, m->index_bits == 9);
		if (ret == -EROFS)
			continue;
		if (ret)
			return ret;
		w->step[i].entry = new;
	}
	return 0;
}

/**
 * gwalk() - translate an address as the guest's processor would
 * @m: its paging mode, levels not 0
 * @w: the access; @w->gva is cut to the mode's width by the caller
 * @env: where entries are read
 *
 * Return: GWALK_OK with @w->gpa, GWALK_FAULT with @w->error, GWALK_AGAIN.
 */
enum gwalk_result gwalk(const struct gwalk_mode *m, struct gwalk *w, struct gwalk_env *env)
{
	unsigned int tries = GWALK_TRIES;
	enum gwalk_result r;
	int ret;

	do {
		r = descend(m, w, env);
		if (r != GWALK_OK)
			return r;
		ret = set_accessed_dirty(m, w, env);
		if (ret == -EBUSY)
			return GWALK_AGAIN;
		/* Out of tries: what was read was true for a moment, and is as good as any. */
	} while (unlikely(ret) && --tries);
	return GWALK_OK;
}
