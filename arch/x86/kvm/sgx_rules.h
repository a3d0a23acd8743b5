/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest may do with enclaves, as numbers (SDM 3D 33-38); sgx.c, tests */
#ifndef KVM_X86_SGX_RULES_H
#define KVM_X86_SGX_RULES_H

#include <linux/bits.h>
#include <linux/types.h>

#define SGX_LEAF_SGX1	BIT(0)		/* of CPUID 12H.0 EAX */
#define SGX_LEAF_SGX2	BIT(1)
#define SGX_PROVISION	BIT_ULL(4)	/* of a SECS's attributes */
#define SGX_MODE64	BIT_ULL(2)

/* ENCLS's functions that sgx.c carries out */
#define SGX_FN_ECREATE	0x00
#define SGX_FN_EINIT	0x02
/* Of SGX1: EADD, EREMOVE, EDBGRD and EDBGWR, EEXTEND, ELDB, ELDU, EBLOCK, EPA, EWB, ETRACK */
#define SGX_FNS1	0x1fffull
/* Of SGX2: EAUG, EMODPR, EMODT */
#define SGX_FNS2	(BIT_ULL(0x0d) | BIT_ULL(0x0e) | BIT_ULL(0x0f))

/* CPUID leaf 12H, sub-leaves 0 and 1 */
struct sgx_leaf {
	u32 functions;		/* SGX_LEAF_* */
	u32 misc;		/* MISCSELECT */
	u32 sizes;		/* as exponents of 2: bits 7:0, and 15:8 in 64-bit mode */
	u64 attributes, xfrm;
};

/* The guest, beside its leaf */
struct sgx_guest {
	struct sgx_leaf leaf;
	bool on;		/* IA32_FEAT_CTL is locked and has SGX_ENABLED */
	bool provision;		/* the VM may have PROVISIONKEY */
};

enum sgx_verdict { SGX_RUN, SGX_UD, SGX_GP };

/* A SECS that hardware takes and the guest's CPUID does not allow is possible. */
static inline bool sgx_narrower(const struct sgx_leaf *guest, const struct sgx_leaf *host)
{
	return (host->misc & ~guest->misc) || (host->attributes & ~guest->attributes) ||
	       (host->xfrm & ~guest->xfrm) || ((host->sizes ^ guest->sizes) & 0xffff);
}

static inline u64 sgx_functions(u32 leaf)
{
	u64 fns = 0;

	if (leaf & SGX_LEAF_SGX1)
		fns = leaf & SGX_LEAF_SGX2 ? SGX_FNS1 | SGX_FNS2 : SGX_FNS1;
	return fns;
}

/* The ENCLS-exiting bitmap. @host_lc: the key that EINIT asks for is a matter of MSRs. */
static inline u64 sgx_exit_bitmap(const struct sgx_guest *g, const struct sgx_leaf *host,
				  bool host_lc)
{
	u64 exits;

	if (!g->on)
		return ~0ull;
	exits = ~sgx_functions(g->leaf.functions);
	if (!g->provision || sgx_narrower(&g->leaf, host))
		exits |= BIT_ULL(SGX_FN_ECREATE);
	if (host_lc)
		exits |= BIT_ULL(SGX_FN_EINIT);
	return exits;
}

/* ENCLS in protected mode at CPL 0, in SDM 3D 36.3's order */
static inline enum sgx_verdict sgx_encls_verdict(const struct sgx_guest *g, u32 fn, bool paging)
{
	if (!(g->leaf.functions & SGX_LEAF_SGX1))
		return SGX_UD;
	if (!g->on || fn > 63 || !(sgx_functions(g->leaf.functions) & BIT_ULL(fn)) || !paging)
		return SGX_GP;
	return SGX_RUN;
}

/* Is this an enclave for the guest? What no CPU takes is left to the CPU. */
static inline bool sgx_secs_legal(const struct sgx_guest *g, u64 size, u32 misc, u64 attributes,
				  u64 xfrm)
{
	u32 bits = (attributes & SGX_MODE64 ? g->leaf.sizes >> 8 : g->leaf.sizes) & 0xff;

	if ((misc & ~g->leaf.misc) || (attributes & ~g->leaf.attributes) ||
	    (xfrm & ~g->leaf.xfrm) || ((attributes & SGX_PROVISION) && !g->provision))
		return false;
	return bits > 63 || size < BIT_ULL(bits);
}

#endif
