// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enclaves of guests (SDM 3D 33-38). The CPU runs what a guest does with them, but for
 * ECREATE, where the guest may have less than its host, and for EINIT, where the key
 * it asks for is in MSRs. Their pages are user space's mappings of /dev/sgx_vepc.
 */
#include <linux/gfp.h>
#include <linux/kvm/compat.h>
#include <linux/nospec.h>
#include <asm/processor.h>
#include <asm/trap_pf.h>

#include "core.h"

#define VEC_PF	14

#define EPC_FAULT	(X86_PF_SGX | X86_PF_PROT | X86_PF_WRITE)
#define SEG_CODE	8	/* of a descriptor's type, and of data: */
#define SEG_DOWN	4

static void leaf_of(struct sgx_leaf *leaf, const u32 *zero, const u32 *one)
{
	*leaf = (struct sgx_leaf) {
		.functions = zero[CPUID_EAX],
		.misc = zero[CPUID_EBX],
		.sizes = zero[CPUID_EDX],
		.attributes = one[CPUID_EAX] | (u64)one[CPUID_EBX] << 32,
		.xfrm = one[CPUID_ECX] | (u64)one[CPUID_EDX] << 32,
	};
}

static void leaf_of_host(struct sgx_leaf *leaf)
{
	u32 zero[4], one[4];

	cpuid_count(SGX_CPUID, 0, &zero[CPUID_EAX], &zero[CPUID_EBX], &zero[CPUID_ECX],
		    &zero[CPUID_EDX]);
	cpuid_count(SGX_CPUID, 1, &one[CPUID_EAX], &one[CPUID_EBX], &one[CPUID_ECX],
		    &one[CPUID_EDX]);
	leaf_of(leaf, zero, one);
}

void sgx_leaf_offered(struct sgx_leaf *leaf)
{
	leaf_of_host(leaf);
	leaf->functions &= (boot_cpu_has(X86_FEATURE_SGX1) ? SGX_LEAF_SGX1 : 0) |
			   (boot_cpu_has(X86_FEATURE_SGX2) ? SGX_LEAF_SGX2 : 0);
	leaf->misc &= SGX_MISC_EXINFO;
	leaf->sizes &= 0xffff;
	leaf->attributes &= SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_PROVISIONKEY |
			    SGX_ATTR_EINITTOKENKEY | SGX_ATTR_KSS;
	leaf->xfrm &= x86_caps.supported_xcr0;
}

/* A guest without SGX gets an empty leaf. */
static void read_guest(struct x86_vcpu *v, struct sgx_guest *g)
{
	const u64 on = FEAT_CTL_LOCKED | FEAT_CTL_SGX_ENABLED;
	const struct kvm_cpuid_entry2 *zero = cpuid_find(v, SGX_CPUID, 0);
	const struct kvm_cpuid_entry2 *one = cpuid_find(v, SGX_CPUID, 1);

	*g = (struct sgx_guest) {};
	if (!x86_caps.sgx || !x86_has(v, X86_FEATURE_SGX) || !zero || !one)
		return;
	leaf_of(&g->leaf, (u32 []) { zero->eax, zero->ebx, zero->ecx, zero->edx },
		(u32 []) { one->eax, one->ebx, one->ecx, one->edx });
	g->on = (v->msr.feat_ctl & on) == on;
	g->provision = READ_ONCE(to_x86_vm(v->vcpu.kvm)->sgx_provision);
}

u64 sgx_encls_exits(struct x86_vcpu *v)
{
	struct sgx_leaf host;
	struct sgx_guest g;

	read_guest(v, &g);
	if (!g.on)
		return ~0ull;
	leaf_of_host(&host);
	return sgx_exit_bitmap(&g, &host, boot_cpu_has(X86_FEATURE_SGX_LC));
}
KVM_EXPORT(sgx_encls_exits);

/* --- operands ------------------------------------------------------------ */

/* An operand in DS, @size bytes and as much aligned: a page holds it. False: #GP */
static bool operand(struct x86_vcpu *v, u64 offset, u32 size, gva_t *la)
{
	struct kvm_segment ds;

	if (x86_is_64bit(v)) {
		*la = offset;
		return IS_ALIGNED(offset, size) && x86_canonical(v, offset);
	}
	x86_op(get_segment)(v, X86_DS, &ds);
	offset = (u32)offset;
	if (ds.unusable || (ds.type & (SEG_CODE | SEG_DOWN)) == SEG_DOWN ||
	    offset + size - 1 > ds.limit)
		return false;
	*la = (u32)(ds.base + offset);
	return IS_ALIGNED(*la, size);
}

static bool give_gp(struct x86_vcpu *v)
{
	x86_inject_gp(v);
	return false;
}

/* False: the guest has got its fault. */
static bool translate(struct x86_vcpu *v, gva_t la, u32 access, gpa_t *gpa)
{
	struct mmu_gfault fault;

	if (!mmu_gva_to_gpa(v, la, access, gpa, &fault, false))
		return true;
	x86_queue_page_fault(v, fault.addr, fault.error);
	return false;
}

/* What is checked, or handed on, is read once. */
static bool read_operand(struct x86_vcpu *v, u64 offset, void *buf, u32 size)
{
	gva_t la;
	gpa_t gpa;

	if (!operand(v, offset, size, &la))
		return give_gp(v);
	if (!translate(v, la, 0, &gpa))
		return false;
	if (kvm_read_guest(v->vcpu.kvm, v->vcpu.as_id, gpa, buf, size))
		return give_gp(v);
	return true;
}

/* Where user space has the operand, for the kernel to make the CPU use it there */
static bool map_operand(struct x86_vcpu *v, u64 offset, u32 size, bool epc, gva_t *la,
			void __user **user)
{
	bool writable;
	gpa_t gpa;
	hva_t hva;

	if (!operand(v, offset, size, la))
		return give_gp(v);
	if (!translate(v, *la, epc ? X86_FAULT_WRITE : 0, &gpa))
		return false;
	hva = kvm_gfn_to_hva(v->vcpu.kvm, v->vcpu.as_id, gpa_to_gfn(gpa), &writable);
	if (hva && (writable || !epc)) {
		*user = (void __user *)(hva + offset_in_page(gpa));
		return true;
	}
	if (!epc)
		return give_gp(v);
	x86_queue_page_fault(v, *la, EPC_FAULT);	/* not in the EPC */
	return false;
}

/* CPUs without SGX2 report the EPC's own page faults as #GP; @la is the EPC page's. */
static enum x86_next faulted(struct x86_vcpu *v, int vector, gva_t la, const struct sgx_guest *g)
{
	if (vector == VEC_PF && (g->leaf.functions & SGX_LEAF_SGX2))
		x86_queue_page_fault(v, la, EPC_FAULT);
	else
		x86_inject_gp(v);
	return X86_RESUME;
}

/* --- functions of ENCLS -------------------------------------------------- */

/* SDM 3D 36.3, ECREATE: RBX is a PAGEINFO, RCX the EPC page that gets the SECS. */
static enum x86_next create(struct x86_vcpu *v, const struct sgx_guest *g, struct sgx_secs *secs)
{
	struct sgx_secinfo info;
	struct sgx_pageinfo page;
	void __user *epc;
	int vector = 0;
	gva_t la;

	if (!read_operand(v, x86_gpr(v, X86_RBX), &page, sizeof(page)) ||
	    !map_operand(v, x86_gpr(v, X86_RCX), PAGE_SIZE, true, &la, &epc))
		return X86_RESUME;
	if (page.addr || page.secs) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	if (!read_operand(v, page.contents, secs, sizeof(*secs)) ||
	    !read_operand(v, page.metadata, &info, sizeof(info)))
		return X86_RESUME;
	if (!sgx_secs_legal(g, secs->size, secs->miscselect, secs->attributes, secs->xfrm)) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	page.contents = (unsigned long)secs;
	page.metadata = (unsigned long)&info;
	if (kvm_sgx_ecreate(&page, epc, &vector))
		return faulted(v, vector, la, g);
	return x86_skip(v);
}

static enum x86_next ecreate(struct x86_vcpu *v, const struct sgx_guest *g)
{
	struct sgx_secs *secs = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	enum x86_next next;

	if (!secs) {
		v->run_error = -ENOMEM;
		return X86_ERROR;
	}
	next = create(v, g, secs);
	free_page((unsigned long)secs);
	return next;
}

/* SDM 3D 36.3, EINIT: RBX is the SIGSTRUCT, RCX the SECS, RDX the token. */
static enum x86_next einit(struct x86_vcpu *v, const struct sgx_guest *g)
{
	const unsigned long flags = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF |
				    X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF;
	void __user *sig, *secs, *token;
	gva_t la, secs_la;
	int vector = 0, ret;

	if (!map_operand(v, x86_gpr(v, X86_RBX), PAGE_SIZE, false, &la, &sig) ||
	    !map_operand(v, x86_gpr(v, X86_RCX), PAGE_SIZE, true, &secs_la, &secs) ||
	    !map_operand(v, x86_gpr(v, X86_RDX), 512, false, &la, &token))
		return X86_RESUME;
	ret = kvm_sgx_einit(sig, token, secs, v->msr.sgx_hash, &vector);
	if (ret < 0)
		return faulted(v, vector, secs_la, g);
	x86_set_rflags(v, (x86_rflags(v) & ~flags) | (ret ? X86_EFLAGS_ZF : 0));
	x86_set_gpr(v, X86_RAX, ret);
	return x86_skip(v);
}

int sgx_exit(struct x86_vcpu *v)
{
	u32 fn = x86_gpr(v, X86_RAX);
	enum sgx_verdict verdict;
	struct sgx_guest g;

	read_guest(v, &g);
	verdict = v->smm.active ? SGX_UD : sgx_encls_verdict(&g, fn, x86_paging(v));
	if (verdict == SGX_UD) {
		x86_inject_ud(v);
		return X86_RESUME;
	}
	if (verdict == SGX_RUN && fn == SGX_FN_ECREATE)
		return ecreate(v, &g);
	if (verdict == SGX_RUN && fn == SGX_FN_EINIT)
		return einit(v, &g);
	x86_inject_gp(v);
	return X86_RESUME;
}

/* --- registers and the VM's rights --------------------------------------- */

u64 sgx_feat_ctl_bits(struct x86_vcpu *v)
{
	return (x86_has(v, X86_FEATURE_SGX) ? FEAT_CTL_SGX_ENABLED : 0) |
	       (x86_has(v, X86_FEATURE_SGX_LC) ? FEAT_CTL_SGX_LC_ENABLED : 0);
}

static u64 *hash_reg(struct x86_vcpu *v, u32 index)
{
	return &v->msr.sgx_hash[array_index_nospec(index - MSR_IA32_SGXLEPUBKEYHASH0, 4)];
}

enum msr_result sgx_get_hash(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	if (!x86_caps.feat_ctl)
		return MSR_UNKNOWN;
	if (!host && !x86_has(v, X86_FEATURE_SGX_LC))
		return MSR_BAD;
	*data = *hash_reg(v, index);
	return MSR_DONE;
}

/* Firmware's, until it locks IA32_FEAT_CTL: and then the system's, if that says so. */
enum msr_result sgx_set_hash(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 ctl = v->msr.feat_ctl;

	if (!x86_caps.feat_ctl)
		return MSR_UNKNOWN;
	if (!host && (!x86_has(v, X86_FEATURE_SGX_LC) ||
		      ((ctl & FEAT_CTL_LOCKED) && !(ctl & FEAT_CTL_SGX_LC_ENABLED))))
		return MSR_BAD;
	*hash_reg(v, index) = data;
	return MSR_DONE;
}

/* Intel's key (SDM 3D 38.1.4) */
void sgx_reset(struct x86_vcpu *v)
{
	static const u64 intel[] = {
		0xa6053e051270b7acull, 0x6cfbe8ba8b3b413dull,
		0xc4916d99f2b3735dull, 0xd4f8c05909f9bb3bull,
	};

	BUILD_BUG_ON(sizeof(intel) != sizeof(v->msr.sgx_hash));
	memcpy(v->msr.sgx_hash, intel, sizeof(intel));
}

int sgx_allow_attribute(struct x86_vm *vm, u64 fd)
{
	unsigned long allowed = 0;
	int ret = kvm_sgx_set_attribute(&allowed, fd);

	if (ret)
		return ret;
	if (allowed != SGX_ATTR_PROVISIONKEY)
		return -EINVAL;
	WRITE_ONCE(vm->sgx_provision, true);
	return 0;
}
