// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's CPUID: taking user space's list, what follows from it for the rest
 * of x86, and answering the guest.
 *
 * The list is kept in user space's order. Entries of one leaf are chained by
 * next[], and the leaves of the three ranges in use find their first entry in
 * an array, so that a guest's CPUID costs no search.
 */
#include <linux/kvm/vcpu.h>
#include <asm/processor.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>

#include "x86.h"
#include "trace.h"

#define HYPER_BASE	0x40000000u
#define HYPER_END	0x40010000u	/* signatures are looked for below */
#define EXT_BASE	0x80000000u

#define CPUID_BIT(name)	BIT(X86_FEATURE_##name & 31)

/* Where the first entry of @leaf is noted; NULL: found by search only */
static u16 *leaf_slot(struct x86_cpuid *c, u32 leaf)
{
	if (leaf < X86_CPUID_NR_BASIC)
		return &c->basic[leaf];
	if (leaf - EXT_BASE < X86_CPUID_NR_EXT)
		return &c->extended[leaf - EXT_BASE];
	if (leaf - HYPER_BASE < X86_CPUID_NR_HYPER)
		return &c->hyper[leaf - HYPER_BASE];
	return NULL;
}

static struct kvm_cpuid_entry2 *find(struct x86_cpuid *c, u32 leaf, u32 sub)
{
	u16 *slot = leaf_slot(c, leaf);
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	if (likely(slot)) {
		for (i = *slot; i; i = c->next[i - 1]) {
			e = &c->entries[i - 1];
			if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == sub)
				return e;
		}
		return NULL;
	}
	for (i = 0; i < c->nent; i++) {
		e = &c->entries[i];
		if (e->function == leaf &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == sub))
			return e;
	}
	return NULL;
}

const struct kvm_cpuid_entry2 *cpuid_find(struct x86_vcpu *v, u32 leaf, u32 sub)
{
	return find(&v->cpuid, leaf, sub);
}

static u32 entry_reg(const struct kvm_cpuid_entry2 *e, unsigned int reg)
{
	switch (reg) {
	case CPUID_EAX:
		return e->eax;
	case CPUID_EBX:
		return e->ebx;
	case CPUID_ECX:
		return e->ecx;
	default:
		return e->edx;
	}
}

/* --- what follows from the list ------------------------------------------ */

static void index_entries(struct x86_cpuid *c)
{
	unsigned int i;

	memset(c->basic, 0, sizeof(c->basic));
	memset(c->hyper, 0, sizeof(c->hyper));
	memset(c->extended, 0, sizeof(c->extended));
	/* From the end, so that each chain runs in user space's order. */
	for (i = c->nent; i; i--) {
		u16 *slot = leaf_slot(c, c->entries[i - 1].function);

		if (!slot)
			continue;
		c->next[i - 1] = *slot;
		*slot = i;
	}
}

static void derive_words(struct x86_cpuid *c)
{
	unsigned int i;

	memset(c->words, 0, sizeof(c->words));
	for (i = 0; i < cpuid_nr_words; i++) {
		const struct cpuid_word *w = &cpuid_words[i];
		const struct kvm_cpuid_entry2 *e = find(c, w->leaf, w->sub);

		if (e)
			c->words[w->word] = entry_reg(e, w->reg);
	}
}

static bool amd_compatible(struct x86_cpuid *c)
{
	static const char *const vendors[] = { "AuthenticAMD", "HygonGenuine" };
	const struct kvm_cpuid_entry2 *e = find(c, 0, 0);
	unsigned int i;
	u32 name[3];

	if (!e)
		return false;
	name[0] = e->ebx;
	name[1] = e->edx;
	name[2] = e->ecx;
	for (i = 0; i < ARRAY_SIZE(vendors); i++)
		if (!memcmp(name, vendors[i], sizeof(name)))
			return true;
	return false;
}

/* Another interface's leaves (Hyper-V's) may come first: ours move up by 0x100. */
static void derive_pv(struct x86_cpuid *c)
{
	const struct kvm_cpuid_entry2 *e;
	u32 leaf, name[3];

	c->pv_leaf = 0;
	c->pv_features = 0;
	for (leaf = HYPER_BASE; leaf < HYPER_END; leaf += 0x100) {
		e = find(c, leaf, 0);
		if (!e)
			continue;
		name[0] = e->ebx;
		name[1] = e->ecx;
		name[2] = e->edx;
		if (memcmp(name, KVM_SIGNATURE, sizeof(name)))
			continue;
		c->pv_leaf = leaf;
		e = find(c, leaf | 1, 0);
		if (e)
			c->pv_features = e->eax;
		return;
	}
}

/* CR4 bits that need a feature; the others are left to the guest's reading. */
static const struct {
	u32 cr4;
	u16 feature;
} cr4_needs[] = {
	{ X86_CR4_UMIP, X86_FEATURE_UMIP },
	{ X86_CR4_LA57, X86_FEATURE_LA57 },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE },
	{ X86_CR4_PCIDE, X86_FEATURE_PCID },
	{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE },
	{ X86_CR4_SMEP, X86_FEATURE_SMEP },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP },
	{ X86_CR4_PKE, X86_FEATURE_PKU },
};

#define CR4_ALWAYS_ALLOWED \
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
	 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | \
	 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static void derive_cr4(struct x86_vcpu *v)
{
	u64 allowed = CR4_ALWAYS_ALLOWED;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_needs); i++) {
		/*
		 * What the host lacks would fail the entry, whatever the list says. Before
		 * there is one, state may be restored that has any of the rest.
		 */
		if ((!v->cpuid.nent || x86_has(v, cr4_needs[i].feature)) &&
		    cpuid_supported(cr4_needs[i].feature))
			allowed |= cr4_needs[i].cr4;
	}
	v->cpuid.cr4_reserved = ~allowed;
}

static void derive(struct x86_vcpu *v)
{
	struct x86_cpuid *c = &v->cpuid;
	const struct kvm_cpuid_entry2 *e;

	index_entries(c);
	derive_words(c);
	derive_pv(c);
	derive_cr4(v);
	c->amd_compatible = amd_compatible(c);

	/* Without the leaf, 36 bits (SDM 3A 4.1.4); 52 is what entries can hold. */
	e = find(c, 0x80000008, 0);
	c->maxphyaddr = e && (e->eax & 0xff) ? clamp_t(u32, e->eax & 0xff, 32, 52) : 36;
	c->reserved_gpa_bits = GENMASK_ULL(63, c->maxphyaddr);

	e = find(c, 0xd, 0);
	c->xcr0_supported = e ? e->eax | (u64)e->edx << 32 : 0;
	c->xcr0_supported &= x86_caps.supported_xcr0;
}

static void assign(u32 *reg, u32 bit, bool on)
{
	*reg = on ? *reg | bit : *reg & ~bit;
}

/* Patch @c's entries with what depends on the vCPU's other state. */
static void patch_runtime(struct x86_vcpu *v, struct x86_cpuid *c)
{
	struct x86_vm *vm = to_x86_vm(v->vcpu.kvm);
	u64 base = v->apic ? lapic_get_base(v) : v->msr.apic_base;
	unsigned long cr4 = x86_cr4(v);
	struct kvm_cpuid_entry2 *e;

	e = find(c, 1, 0);
	if (e) {
		assign(&e->ecx, CPUID_BIT(OSXSAVE), cr4 & X86_CR4_OSXSAVE);
		assign(&e->edx, CPUID_BIT(APIC), base & MSR_IA32_APICBASE_ENABLE);
		if (vm->disabled_quirks & KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)
			assign(&e->ecx, CPUID_BIT(MWAIT),
			       v->msr.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT);
		c->words[CPUID_1_ECX] = e->ecx;
		c->words[CPUID_1_EDX] = e->edx;
	}
	e = find(c, 7, 0);
	if (e) {
		assign(&e->ecx, CPUID_BIT(OSPKE), cr4 & X86_CR4_PKE);
		c->words[CPUID_7_ECX] = e->ecx;
	}
	e = find(c, 0xd, 0);
	if (e)
		e->ebx = cpuid_xsave_size(v->regs.xcr0, false);
	e = find(c, 0xd, 1);
	if (e && (e->eax & (CPUID_BIT(XSAVES) | CPUID_BIT(XSAVEC))))
		e->ebx = cpuid_xsave_size(v->regs.xcr0 | v->regs.xss, true);
	/* A guest that keeps its HLT never sleeps where a kick could wake it. */
	e = c->pv_leaf ? find(c, c->pv_leaf | 1, 0) : NULL;
	if (e && (vm->disabled_exits & KVM_X86_DISABLE_EXITS_HLT))
		e->eax &= ~BIT(KVM_FEATURE_PV_UNHALT);
}

void cpuid_update_runtime(struct x86_vcpu *v)
{
	patch_runtime(v, &v->cpuid);
}

void cpuid_vcpu_create(struct x86_vcpu *v)
{
	memset(&v->cpuid, 0, sizeof(v->cpuid));
	derive(v);
}

void cpuid_destroy(struct x86_vcpu *v)
{
	kvfree(v->cpuid.entries);
	kvfree(v->cpuid.next);
	v->cpuid.entries = NULL;
	v->cpuid.next = NULL;
	v->cpuid.nent = 0;
}

/* --- ioctls -------------------------------------------------------------- */

static int check_list(const struct kvm_cpuid_entry2 *entries, unsigned int nent)
{
	unsigned int i;

	/* A linear address has 48 or 57 bits, or the width is not told. */
	for (i = 0; i < nent; i++) {
		if (entries[i].function == 0x80000008) {
			u32 bits = entries[i].eax >> 8 & 0xff;

			return !bits || bits == 48 || bits == 57 ? 0 : -EINVAL;
		}
	}
	return 0;
}

static bool same_list(const struct x86_cpuid *a, const struct x86_cpuid *b)
{
	unsigned int i;

	if (a->nent != b->nent)
		return false;
	for (i = 0; i < a->nent; i++) {
		/* all but the padding */
		if (memcmp(&a->entries[i], &b->entries[i],
			   offsetof(struct kvm_cpuid_entry2, padding)))
			return false;
	}
	return true;
}

/*
 * Makes @entries the vCPU's list, and takes them over if it returns 0. Once the
 * vCPU has run, only a list that changes nothing is accepted: the MMU and the
 * guest rely on what they saw.
 */
static int install(struct x86_vcpu *v, struct kvm_cpuid_entry2 *entries, unsigned int nent)
{
	struct x86_cpuid *c = &v->cpuid, *new;
	int r;

	r = check_list(entries, nent);
	if (r)
		return r;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	r = -ENOMEM;
	new->next = kvcalloc(max(nent, 1u), sizeof(*new->next), GFP_KERNEL_ACCOUNT);
	if (!new->next)
		goto out;
	new->entries = entries;
	new->nent = nent;
	index_entries(new);
	derive_pv(new);
	patch_runtime(v, new);
	if (v->has_run) {
		r = same_list(c, new) ? 0 : -EINVAL;
		if (!r)
			kvfree(entries);
		goto out;
	}
	r = pmu_prepare(v, find(new, 0xa, 0));
	if (r)
		goto out;
	swap(c->entries, new->entries);
	swap(c->next, new->next);
	c->nent = nent;
	kvfree(new->entries);
	derive(v);
	cpuid_update_runtime(v);
	hyperv_cpuid_changed(v);
	pmu_cpuid_changed(v);
	lapic_cpuid_changed(v);
	x86_op(cpuid_changed)(v);
	mmu_role_changed(v);
	r = 0;
out:
	kvfree(new->next);
	kfree(new);
	return r;
}

long cpuid_set(void *obj, void *arg)
{
	struct kvm_cpuid2 __user *user = (struct kvm_cpuid2 __user *)arg;
	struct kvm_cpuid_entry2 *entries = NULL;
	struct x86_vcpu *v = to_x86(obj);
	u32 nent;
	int r;

	if (get_user(nent, &user->nent))
		return -EFAULT;
	if (nent > X86_CPUID_MAX_ENTRIES)
		return -E2BIG;
	if (nent) {
		entries = vmemdup_user(user->entries, array_size(sizeof(*entries), nent));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	r = install(v, entries, nent);
	if (r)
		kvfree(entries);
	return r;
}

long cpuid_set_legacy(void *obj, void *arg)
{
	struct kvm_cpuid __user *user = (struct kvm_cpuid __user *)arg;
	struct kvm_cpuid_entry2 *entries = NULL;
	struct kvm_cpuid_entry *old = NULL;
	struct x86_vcpu *v = to_x86(obj);
	u32 nent, i;
	int r = -ENOMEM;

	if (get_user(nent, &user->nent))
		return -EFAULT;
	if (nent > X86_CPUID_MAX_ENTRIES)
		return -E2BIG;
	if (nent) {
		old = vmemdup_user(user->entries, array_size(sizeof(*old), nent));
		if (IS_ERR(old))
			return PTR_ERR(old);
		entries = kvcalloc(nent, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries)
			goto out;
	}
	for (i = 0; i < nent; i++) {
		entries[i].function = old[i].function;
		entries[i].eax = old[i].eax;
		entries[i].ebx = old[i].ebx;
		entries[i].ecx = old[i].ecx;
		entries[i].edx = old[i].edx;
	}
	r = install(v, entries, nent);
	if (r)
		kvfree(entries);
out:
	kvfree(old);
	return r;
}

long cpuid_get(void *obj, void *arg)
{
	struct kvm_cpuid2 __user *user = (struct kvm_cpuid2 __user *)arg;
	struct x86_cpuid *c = &to_x86(obj)->cpuid;
	u32 nent;

	if (get_user(nent, &user->nent))
		return -EFAULT;
	if (put_user(c->nent, &user->nent))
		return -EFAULT;
	if (nent < c->nent)
		return -E2BIG;
	if (c->nent && copy_to_user(user->entries, c->entries, c->nent * sizeof(*c->entries)))
		return -EFAULT;
	return 0;
}

/* --- the guest's CPUID --------------------------------------------------- */

/*
 * No entry for @leaf. Within its range it reads as zero; beyond, Intel's CPUs
 * answer with the highest basic leaf (SDM 2A CPUID) and AMD's with zeros.
 */
static struct kvm_cpuid_entry2 *beyond_range(struct x86_cpuid *c, u32 leaf, u32 sub)
{
	struct kvm_cpuid_entry2 *first, *basic = find(c, 0, 0);

	if (!basic || c->amd_compatible)
		return NULL;
	if (leaf >= HYPER_BASE && leaf < EXT_BASE)
		first = find(c, leaf & 0xffffff00, 0);
	else
		first = find(c, leaf & 0x80000000, 0);
	if (first && leaf <= first->eax)
		return NULL;
	return find(c, basic->eax, sub);
}

/*
 * Topology leaves below the last level: type 0, but the sub-leaf and the
 * x2APIC id are still told (SDM 2A CPUID, 0BH and 1FH).
 */
static void topology_end(struct x86_cpuid *c, u32 leaf, u32 sub, u32 *ecx, u32 *edx)
{
	const struct kvm_cpuid_entry2 *e = find(c, leaf, 1);

	if (!e)
		return;
	*ecx = sub & 0xff;
	*edx = e->edx;
}

bool cpuid_faulting(struct x86_vcpu *v)
{
	return v->msr.misc_features & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT;
}

void cpuid_emulate(struct x86_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct x86_cpuid *c = &v->cpuid;
	u32 leaf = *eax, sub = *ecx;
	const struct kvm_cpuid_entry2 *e = find(c, leaf, sub);


	if (unlikely(!e))
		e = beyond_range(c, leaf, sub);
	if (likely(e)) {
		*eax = e->eax;
		*ebx = e->ebx;
		*ecx = e->ecx;
		*edx = e->edx;
		return;
	}
	*eax = *ebx = *ecx = *edx = 0;
	if (leaf == 0xb || leaf == 0x1f)
		topology_end(c, leaf, sub, ecx, edx);
}

/* By itself, so that nothing is kept for it where nobody listens. */
void cpuid_trace(struct x86_vcpu *v, u32 leaf, u32 sub)
{
	u32 eax = leaf, ecx = sub, ebx, edx;
	bool found = find(&v->cpuid, leaf, sub);

	cpuid_emulate(v, &eax, &ebx, &ecx, &edx);
	trace_kvm_cpuid(leaf, sub, eax, ebx, ecx, edx, found,
			!found && beyond_range(&v->cpuid, leaf, sub));
}
