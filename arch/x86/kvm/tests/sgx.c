// SPDX-License-Identifier: GPL-2.0-only
/* Enclaves of guests: what exits, and which are legal (SDM 3D 36.3). */
#include "../sgx_rules.h"
#include "tap.h"

#define SGX1		SGX_LEAF_SGX1
#define SGX12		(SGX_LEAF_SGX1 | SGX_LEAF_SGX2)
#define ATTRIBUTES	0xb6ull		/* DEBUG, MODE64BIT, PROVISIONKEY, EINITTOKENKEY, KSS */
#define XFRM		0xe7ull
#define FN(n)		(1ull << (n))

static const struct sgx_leaf host = {
	.functions = SGX12, .misc = 1, .sizes = 36 << 8 | 31, .attributes = ATTRIBUTES,
	.xfrm = XFRM,
};

static struct sgx_guest whole(void)
{
	return (struct sgx_guest) { .leaf = host, .on = true, .provision = true };
}

static void test_exits(void)
{
	struct sgx_guest g = whole();
	u64 all = sgx_exit_bitmap(&g, &host, false);

	ok(all == ~0xffffull, "a guest with all of its host's runs SGX1 and SGX2 (%llx)",
	   (unsigned long long)all);
	ok(sgx_exit_bitmap(&g, &host, true) == (all | FN(2)), "EINIT exits for its key's sake");
	g.leaf.functions = SGX1;
	ok(sgx_exit_bitmap(&g, &host, false) == (all | FN(13) | FN(14) | FN(15)),
	   "EAUG, EMODPR, EMODT are SGX2's");
	g.leaf.functions = SGX_LEAF_SGX2;
	ok(sgx_exit_bitmap(&g, &host, false) == ~0ull, "and SGX2 is nothing without SGX1");
	g = whole();
	g.on = false;
	ok(sgx_exit_bitmap(&g, &host, false) == ~0ull, "firmware has to switch it on");
}

static void test_ecreate_exits(void)
{
	struct sgx_guest g = whole();
	unsigned int i, exits = 0, want = 0;

	g.provision = false;
	ok(sgx_exit_bitmap(&g, &host, false) & FN(0), "ECREATE exits where a key is kept away");
	for (i = 0; i < 64; i++) {
		g = whole();
		g.leaf.attributes &= ~FN(i);
		want += host.attributes >> i & 1;
		exits += sgx_exit_bitmap(&g, &host, false) & 1;
		g = whole();
		g.leaf.xfrm &= ~FN(i);
		want += host.xfrm >> i & 1;
		exits += sgx_exit_bitmap(&g, &host, false) & 1;
	}
	ok(exits == want, "and for each attribute or component less (%u)", exits);
	g = whole();
	g.leaf.misc = 0;
	ok(sgx_exit_bitmap(&g, &host, false) & FN(0), "and without EXINFO");
	g = whole();
	g.leaf.sizes = 35 << 8 | 31;
	ok(sgx_exit_bitmap(&g, &host, false) & FN(0), "and for smaller enclaves");
	g = whole();
	g.leaf.attributes = ~0ull;
	ok(!(sgx_exit_bitmap(&g, &host, false) & FN(0)), "more than the host has, the CPU refuses");
}

static void test_verdicts(void)
{
	struct sgx_guest g = whole();

	ok(sgx_encls_verdict(&g, 0, true) == SGX_RUN, "ECREATE");
	ok(sgx_encls_verdict(&g, 0, false) == SGX_GP, "without paging: #GP");
	ok(sgx_encls_verdict(&g, 0x10, true) == SGX_GP, "no such function: #GP");
	ok(sgx_encls_verdict(&g, 64, true) == SGX_GP && sgx_encls_verdict(&g, ~0u, true) == SGX_GP,
	   "far beyond, too");
	g.leaf.functions = SGX1;
	ok(sgx_encls_verdict(&g, 0xd, true) == SGX_GP &&
	   sgx_encls_verdict(&g, 0xc, true) == SGX_RUN, "EAUG without SGX2: #GP");
	g.on = false;
	ok(sgx_encls_verdict(&g, 0, true) == SGX_GP, "switched off: #GP");
	g.leaf.functions = 0;
	ok(sgx_encls_verdict(&g, 0, true) == SGX_UD, "not in CPUID: #UD");
}

static bool legal(const struct sgx_guest *g, u64 size, u64 attributes)
{
	return sgx_secs_legal(g, size, 0, attributes, 3);
}

static void test_secs(void)
{
	struct sgx_guest g = whole();
	unsigned int i, bad = 0;

	for (i = 0; i < 64; i++) {
		bad += sgx_secs_legal(&g, 4096, 0, FN(i), 3) != (ATTRIBUTES >> i & 1);
		bad += sgx_secs_legal(&g, 4096, 0, 0, FN(i)) != (XFRM >> i & 1);
		bad += i < 32 && sgx_secs_legal(&g, 4096, 1u << i, 0, 3) != (i == 0);
	}
	ok(!bad, "each bit of attributes, XFRM and MISCSELECT (%u)", bad);
	ok(legal(&g, 1ull << 30, 0) && !legal(&g, 1ull << 31, 0), "sizes of 32 bits");
	ok(legal(&g, 1ull << 35, SGX_MODE64) && !legal(&g, 1ull << 36, SGX_MODE64) &&
	   !legal(&g, ~0ull, SGX_MODE64), "and of 64");
	g.leaf.sizes = 0xffff;
	ok(legal(&g, ~0ull, SGX_MODE64) && legal(&g, ~0ull, 0), "no limit is none");
	g = whole();
	g.provision = false;
	ok(!legal(&g, 4096, SGX_PROVISION) && legal(&g, 4096, 2),
	   "PROVISIONKEY is the VM's to have, whatever CPUID says");
}

int main(void)
{
	test_exits();
	test_ecreate_exits();
	test_verdicts();
	test_secs();
	return tap_done();
}
