// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU and extended state. The host kernel's fpu_guest holds it; what user
 * space sees goes through the kernel's own conversion, which knows about
 * compacted formats and components in their initial state.
 */
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/pkru.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"
#include "ioctls.h"

#define XSAVE_LEGACY	512	/* FXSAVE image at the head of every XSAVE area */

int x86_fpu_create(struct x86_vcpu *v)
{
	return fpu_alloc_guest_fpstate(&v->fpu) ? 0 : -ENOMEM;
}

void x86_fpu_destroy(struct x86_vcpu *v)
{
	if (v->fpu.fpstate)
		fpu_free_guest_fpstate(&v->fpu);
}

void x86_fpu_reset(struct x86_vcpu *v, bool init)
{
	if (init)
		return;		/* all of it stays, XCR0 too (SDM 3A table 9-1) */
	v->regs.xcr0 = XFEATURE_MASK_FP;
	v->pkru = 0;
}

/* Bytes KVM_GET_XSAVE2 fills; KVM_CAP_XSAVE2. */
unsigned int x86_xsave_size(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu = kvm ? kvm_vcpu_by_index(kvm, 0) : NULL;
	unsigned int size = vcpu ? to_x86(vcpu)->fpu.uabi_size : 0;

	return max_t(unsigned int, size, sizeof(struct kvm_xsave));
}

static void x86_fpu_copy_out(struct x86_vcpu *v, void *buf, unsigned int size)
{
	fpu_copy_guest_fpstate_to_uabi(&v->fpu, buf, size,
				       v->cpuid.xcr0_supported | XFEATURE_MASK_FPSSE, v->pkru);
}

static int x86_fpu_copy_in(struct x86_vcpu *v, const void *buf)
{
	/* -EINVAL for reserved MXCSR bits or header fields: never reaches XRSTOR. */
	return fpu_copy_uabi_to_guest_fpstate(&v->fpu, buf, x86_caps.supported_xcr0 |
					      XFEATURE_MASK_FPSSE, &v->pkru);
}

static void *x86_xsave_buf(struct x86_vcpu *v, unsigned int *size)
{
	*size = max_t(unsigned int, v->fpu.uabi_size, sizeof(struct kvm_xsave));
	return kzalloc(*size, GFP_KERNEL_ACCOUNT);
}

long x86_get_xsave(void *obj, void *arg)
{
	/* The fixed-size call can't carry dynamic components; none are offered. */
	memset(arg, 0, sizeof(struct kvm_xsave));
	x86_fpu_copy_out(to_x86(obj), arg, sizeof(struct kvm_xsave));
	return 0;
}

long x86_get_xsave2(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	unsigned int size;
	long ret = 0;
	void *buf = x86_xsave_buf(v, &size);

	if (!buf)
		return -ENOMEM;
	x86_fpu_copy_out(v, buf, size);
	if (copy_to_user((void __user *)arg, buf, size))
		ret = -EFAULT;
	kfree(buf);
	return ret;
}

long x86_set_xsave(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	unsigned int size;
	long ret = -EFAULT;
	void *buf = x86_xsave_buf(v, &size);

	if (!buf)
		return -ENOMEM;
	if (!copy_from_user(buf, (void __user *)arg, size))
		ret = x86_fpu_copy_in(v, buf);
	kfree(buf);
	return ret;
}

/* The legacy image is the head of the uabi XSAVE area. */
long x86_get_fpu(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct fxregs_state *fx;
	struct kvm_fpu *f = arg;
	unsigned int size;
	void *buf = x86_xsave_buf(v, &size);

	if (!buf)
		return -ENOMEM;
	x86_fpu_copy_out(v, buf, size);
	fx = buf;
	memset(f, 0, sizeof(*f));
	memcpy(f->fpr, fx->st_space, sizeof(f->fpr));
	f->fcw = fx->cwd;
	f->fsw = fx->swd;
	f->ftwx = fx->twd;
	f->last_opcode = fx->fop;
	f->last_ip = fx->rip;
	f->last_dp = fx->rdp;
	memcpy(f->xmm, fx->xmm_space, sizeof(f->xmm));
	f->mxcsr = fx->mxcsr;
	kfree(buf);
	return 0;
}

long x86_set_fpu(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_fpu *f = arg;
	struct fxregs_state *fx;
	unsigned int size;
	int ret;
	void *buf = x86_xsave_buf(v, &size);

	if (!buf)
		return -ENOMEM;
	x86_fpu_copy_out(v, buf, size);
	fx = buf;
	memcpy(fx->st_space, f->fpr, sizeof(f->fpr));
	fx->cwd = f->fcw;
	fx->swd = f->fsw;
	fx->twd = f->ftwx;
	fx->fop = f->last_opcode;
	fx->rip = f->last_ip;
	fx->rdp = f->last_dp;
	memcpy(fx->xmm_space, f->xmm, sizeof(f->xmm));
	fx->mxcsr = f->mxcsr;
	/* Both components are present now, whatever was in their initial state. */
	*(u64 *)(buf + XSAVE_LEGACY) |= XFEATURE_MASK_FPSSE;
	ret = x86_fpu_copy_in(v, buf);
	kfree(buf);
	return ret;
}

long x86_get_xcrs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_xcrs *x = arg;

	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return -EINVAL;
	memset(x, 0, sizeof(*x));
	x->nr_xcrs = 1;
	x->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	x->xcrs[0].value = v->regs.xcr0;
	return 0;
}

long x86_set_xcrs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_xcrs *x = arg;
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_XSAVE) || x->nr_xcrs > KVM_MAX_XCRS || x->flags)
		return -EINVAL;
	for (i = 0; i < x->nr_xcrs; i++) {
		if (x->xcrs[i].xcr != XCR_XFEATURE_ENABLED_MASK)
			continue;
		return x86_set_xcr0(v, XCR_XFEATURE_ENABLED_MASK, x->xcrs[i].value) ? -EINVAL : 0;
	}
	return 0;
}

static bool x86_guest_uses_pkru(struct x86_vcpu *v)
{
	return cpu_feature_enabled(X86_FEATURE_PKU) &&
	       ((v->regs.xcr0 & XFEATURE_MASK_PKRU) || (x86_cr4(v) & X86_CR4_PKE));
}

/* IRQs off, around entry: nothing to write when guest and host agree. */
void x86_load_guest_xsave(struct x86_vcpu *v)
{
	if (x86_cr4(v) & X86_CR4_OSXSAVE) {
		if (v->regs.xcr0 != x86_host.xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, v->regs.xcr0);
		if (unlikely(v->regs.xss != x86_host.xss))
			wrmsrl(MSR_IA32_XSS, v->regs.xss);
	}
	if (x86_guest_uses_pkru(v)) {
		v->host_pkru = read_pkru();
		if (v->pkru != v->host_pkru)
			wrpkru(v->pkru);
	}
}

void x86_load_host_xsave(struct x86_vcpu *v)
{
	if (x86_guest_uses_pkru(v)) {
		v->pkru = rdpkru();
		if (v->pkru != v->host_pkru)
			wrpkru(v->host_pkru);
	}
	if (x86_cr4(v) & X86_CR4_OSXSAVE) {
		if (v->regs.xcr0 != x86_host.xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, x86_host.xcr0);
		if (unlikely(v->regs.xss != x86_host.xss))
			wrmsrl(MSR_IA32_XSS, x86_host.xss);
	}
}
