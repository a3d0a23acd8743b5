// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers, the guest's and those of a debugger in the VMM
 * (KVM_SET_GUEST_DEBUG). Hardware gets eff_db[] and the effective DR7.
 */

#include <linux/hw_breakpoint.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>

#include "core.h"
#include "ioctls.h"

#define DR7_ENABLED	(DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK)
#define DR7_VOLATILE	0xffff2bfful
#define DR6_VOLATILE	(DR_TRAP_BITS | DR_STEP | DR_SWITCH | BIT(13))
#define GUESTDBG_ALL	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |		\
			 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |		\
			 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |		\
			 KVM_GUESTDBG_BLOCKIRQ)

/* Hardware gets the VMM's while it has breakpoints, else the guest's. */
void x86_update_dr7(struct x86_vcpu *v)
{
	bool vmm = v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP;
	unsigned long dr7 = vmm ? v->dbg.vmm_dr7 : v->dbg.dr7;

	v->dbg.active = dr7 & DR7_ENABLED;
	x86_op(set_dr7)(v, dr7);
}

void x86_debug_reset(struct x86_vcpu *v)
{
	memset(v->dbg.db, 0, sizeof(v->dbg.db));
	/* The VMM's breakpoints are not the guest's to lose. */
	if (!(v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP))
		memset(v->dbg.eff_db, 0, sizeof(v->dbg.eff_db));
	v->dbg.dr6 = X86_DR6_INIT;
	v->dbg.dr7 = X86_DR7_INIT;
	x86_update_dr7(v);
}

int x86_get_dr(struct x86_vcpu *v, unsigned int nr, unsigned long *val)
{
	if (nr < 4)
		*val = v->dbg.db[nr];
	else if (nr == 4 || nr == 6)
		*val = v->dbg.dr6;
	else
		*val = v->dbg.dr7;
	return 0;
}

/* 0, or 1 for #GP */
int x86_set_dr(struct x86_vcpu *v, unsigned int nr, unsigned long val)
{
	if (nr < 4) {
		v->dbg.db[nr] = val;
		if (!(v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP))
			v->dbg.eff_db[nr] = val;
		return 0;
	}
	if (val >> 32)
		return 1;
	if (nr == 4 || nr == 6) {
		v->dbg.dr6 = (val & DR6_VOLATILE) | X86_DR6_INIT;
	} else {
		v->dbg.dr7 = (val & DR7_VOLATILE) | X86_DR7_INIT;
		x86_update_dr7(v);
	}
	return 0;
}

/* The VMM's own TF is nobody else's business. */
unsigned long x86_guest_rflags(struct x86_vcpu *v)
{
	unsigned long rflags = x86_rflags(v);

	if (v->dbg.guest_debug & KVM_GUESTDBG_SINGLESTEP)
		rflags &= ~X86_EFLAGS_TF;
	return rflags;
}

void x86_debug_set_rflags(struct x86_vcpu *v, unsigned long rflags)
{
	if (v->dbg.guest_debug & KVM_GUESTDBG_SINGLESTEP)
		rflags |= X86_EFLAGS_TF;
	x86_set_rflags(v, rflags);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

/* IRQs off: the host's own breakpoints come back in x86_debug_unload(). */
void x86_debug_load(struct x86_vcpu *v)
{
	set_debugreg(0, 7);
	set_debugreg(v->dbg.eff_db[0], 0);
	set_debugreg(v->dbg.eff_db[1], 1);
	set_debugreg(v->dbg.eff_db[2], 2);
	set_debugreg(v->dbg.eff_db[3], 3);
}

void x86_debug_unload(struct x86_vcpu *v)
{
	hw_breakpoint_restore();
}

enum x86_next x86_debug_exit(struct x86_vcpu *v, u8 vector, unsigned long dr6)
{
	struct kvm_run *run = v->vcpu.run;
	struct kvm_segment cs;

	x86_op(get_segment)(v, X86_CS, &cs);
	run->exit_reason = KVM_EXIT_DEBUG;
	memset(&run->debug, 0, sizeof(run->debug));
	run->debug.arch.exception = vector;
	run->debug.arch.pc = cs.base + x86_rip(v);
	run->debug.arch.dr6 = vector == 1 ? dr6 | X86_DR6_INIT : 0;
	run->debug.arch.dr7 = v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP ?
			      v->dbg.vmm_dr7 : v->dbg.dr7;
	return X86_TO_USER;
}

/* An instruction was stepped over by software: RF was for it, TF asks for #DB behind it. */
void x86_debug_step(struct x86_vcpu *v, enum x86_next *next)
{
	unsigned long rflags = x86_rflags(v);

	if (rflags & X86_EFLAGS_RF)
		x86_set_rflags(v, rflags & ~X86_EFLAGS_RF);
	if (!(rflags & X86_EFLAGS_TF))
		return;
	if (v->dbg.guest_debug & KVM_GUESTDBG_SINGLESTEP)
		*next = x86_debug_exit(v, 1, DR_STEP);
	else
		x86_queue_exception_payload(v, 1, DR_STEP);
}

/* DR7's length field: 1, 2, 8 or 4 bytes (SDM 3B 17.2.4) */
static bool dr_covers(unsigned long dr7, unsigned int n, unsigned long addr, unsigned long la,
		      unsigned int len)
{
	static const u8 bytes[4] = { 1, 2, 8, 4 };
	unsigned int size = bytes[dr7 >> (DR_CONTROL_SHIFT + DR_CONTROL_SIZE * n + 2) & 3];

	addr &= ~(unsigned long)(size - 1);
	return la - addr < size || addr - la < len;
}

/* DR6's bits of the enabled breakpoints on @la whose kind is among @kinds */
unsigned long x86_debug_hits(struct x86_vcpu *v, unsigned long la, unsigned int len, u8 kinds)
{
	unsigned long dr7 = v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP ? v->dbg.vmm_dr7 :
									  v->dbg.dr7;
	unsigned long hits = 0;
	unsigned int n;

	for (n = 0; n < 4; n++) {
		unsigned int kind = dr7 >> (DR_CONTROL_SHIFT + DR_CONTROL_SIZE * n) & 3;

		if ((dr7 >> (DR_ENABLE_SIZE * n) & 3) && (kinds & BIT(kind)) &&
		    dr_covers(dr7, n, v->dbg.eff_db[n], la, len))
			hits |= DR_TRAP0 << n;
	}
	return hits;
}

/* A breakpoint was hit: whose is it? */
enum x86_next x86_debug_hit(struct x86_vcpu *v, unsigned long dr6)
{
	if (v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP)
		return x86_debug_exit(v, 1, dr6);
	x86_queue_exception_payload(v, 1, dr6);
	return X86_RESUME;
}

long x86_get_debugregs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_debugregs *d = arg;

	memset(d, 0, sizeof(*d));
	memcpy(d->db, v->dbg.db, sizeof(d->db));
	d->dr6 = v->dbg.dr6;
	d->dr7 = v->dbg.dr7;
	return 0;
}

long x86_set_debugregs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_debugregs *d = arg;
	unsigned int i;

	if (d->flags || (d->dr6 >> 32) || (d->dr7 >> 32))
		return -EINVAL;
	for (i = 0; i < 4; i++)
		x86_set_dr(v, i, d->db[i]);
	x86_set_dr(v, 6, d->dr6);
	x86_set_dr(v, 7, d->dr7);
	return 0;
}

long x86_set_guest_debug(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_guest_debug *d = arg;
	unsigned long rflags = x86_guest_rflags(v);
	unsigned int i;

	if (d->control & ~GUESTDBG_ALL)
		return -EINVAL;
	if (d->control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		if (v->ev.exc.pending)
			return -EBUSY;
		x86_queue_exception(v, d->control & KVM_GUESTDBG_INJECT_DB ? 1 : 3);
	}
	v->dbg.guest_debug = d->control & KVM_GUESTDBG_ENABLE ? d->control : 0;
	if (v->dbg.guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		for (i = 0; i < 4; i++)
			v->dbg.eff_db[i] = d->arch.debugreg[i];
		v->dbg.vmm_dr7 = (d->arch.debugreg[7] & DR7_VOLATILE) | X86_DR7_INIT;
	} else {
		memcpy(v->dbg.eff_db, v->dbg.db, sizeof(v->dbg.db));
		v->dbg.vmm_dr7 = 0;
	}
	x86_update_dr7(v);
	x86_debug_set_rflags(v, rflags);
	x86_op(update_intercepts)(v);
	/* KVM_GUESTDBG_BLOCKIRQ */
	kvm_request(&v->vcpu, X86_REQ_APIC_MODE);
	return 0;
}
