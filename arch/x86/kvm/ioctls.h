/* SPDX-License-Identifier: GPL-2.0-only */
/* Handlers named in the x86 ioctl tables and helpers shared by those files. */
#ifndef KVM_X86_IOCTLS_H
#define KVM_X86_IOCTLS_H

#include "x86.h"

/* regs.c */
long x86_get_regs(void *obj, void *arg);
long x86_set_regs(void *obj, void *arg);
long x86_get_sregs(void *obj, void *arg);
long x86_set_sregs(void *obj, void *arg);
long x86_get_sregs2(void *obj, void *arg);
long x86_set_sregs2(void *obj, void *arg);
long x86_translate(void *obj, void *arg);
void x86_fill_sregs(struct x86_vcpu *v, struct kvm_sregs2 *s);
bool x86_sregs_legal(struct x86_vcpu *v, const struct kvm_sregs2 *s);
/* Sets what was checked, but for CR2, CR8 and the APIC base. True: the caller has to flush. */
bool x86_load_sregs(struct x86_vcpu *v, const struct kvm_sregs2 *s);

/* cr.c */
/* SDM 3A 2.5: bits with a meaning; ET is hard-wired. */
#define X86_CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET |	\
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW |			\
			 X86_CR0_CD | X86_CR0_PG)
bool x86_cr4_legal(struct x86_vcpu *v, unsigned long cr4);
bool x86_efer_legal(struct x86_vcpu *v, u64 efer);

/* fpu.c */
int x86_fpu_create(struct x86_vcpu *v);
void x86_fpu_destroy(struct x86_vcpu *v);
void x86_fpu_reset(struct x86_vcpu *v, bool init);
long x86_get_fpu(void *obj, void *arg);
long x86_set_fpu(void *obj, void *arg);
long x86_get_xsave(void *obj, void *arg);
long x86_get_xsave2(void *obj, void *arg);
long x86_set_xsave(void *obj, void *arg);
long x86_get_xcrs(void *obj, void *arg);
long x86_set_xcrs(void *obj, void *arg);
unsigned int x86_xsave_size(struct kvm *kvm);

/* event.c */
long x86_get_events(void *obj, void *arg);
long x86_set_events(void *obj, void *arg);
long x86_ioctl_interrupt(void *obj, void *arg);
long x86_ioctl_nmi(void *obj, void *arg);
/* Before entry: hand the most urgent event to hardware, ask for windows. */
void x86_inject_events(struct x86_vcpu *v);
void x86_deliver_payload(struct x86_vcpu *v);
bool x86_has_events(struct x86_vcpu *v);
int x86_saved_irq(struct x86_vcpu *v);
void x86_restore_irq(struct x86_vcpu *v, int vector);
bool x86_ready_for_user_irq(struct x86_vcpu *v);
bool x86_wants_user_irq_exit(struct x86_vcpu *v);

/* debug.c */
long x86_get_debugregs(void *obj, void *arg);
long x86_set_debugregs(void *obj, void *arg);
long x86_set_guest_debug(void *obj, void *arg);
unsigned long x86_guest_rflags(struct x86_vcpu *v);
void x86_debug_set_rflags(struct x86_vcpu *v, unsigned long rflags);
int x86_get_dr(struct x86_vcpu *v, unsigned int nr, unsigned long *val);
int x86_set_dr(struct x86_vcpu *v, unsigned int nr, unsigned long val);
void x86_debug_reset(struct x86_vcpu *v);
void x86_update_dr7(struct x86_vcpu *v);
/* IRQs off, around entry */
void x86_debug_load(struct x86_vcpu *v);
void x86_debug_unload(struct x86_vcpu *v);
/* A step ended: #DB for the guest or an exit for the VMM */
void x86_debug_step(struct x86_vcpu *v, enum x86_next *next);
enum x86_next x86_debug_exit(struct x86_vcpu *v, u8 vector, unsigned long dr6);
/* What hardware did not see: kinds are BITs of DR7's R/W field */
unsigned long x86_debug_hits(struct x86_vcpu *v, unsigned long la, unsigned int len, u8 kinds);
enum x86_next x86_debug_hit(struct x86_vcpu *v, unsigned long dr6);

/* io.c */
void x86_io_destroy(struct x86_vcpu *v);
enum x86_next x86_io_exit(struct x86_vcpu *v);
enum x86_next x86_io_fast(struct x86_vcpu *v);
enum x86_next x86_mmio_fast(struct x86_vcpu *v, gpa_t gpa, u32 flags);

/* run.c */
long x86_get_mpstate(void *obj, void *arg);
long x86_set_mpstate(void *obj, void *arg);

/* sync.c: around KVM_RUN, vCPU loaded */
int sync_from_user(struct x86_vcpu *v);
void sync_to_user(struct x86_vcpu *v);

/* irqchip/vapic.c */
long vapic_ioctl_addr(void *obj, void *arg);
long vapic_ioctl_report(void *obj, void *arg);
/* Around entry, IRQs on, while v->vapic.on */
void vapic_to_guest(struct x86_vcpu *v);
void vapic_from_guest(struct x86_vcpu *v);

/* exit.c */
enum x86_next x86_halt(struct x86_vcpu *v);

/* arch.c */
void x86_vcpu_reset(struct x86_vcpu *v, bool init);
long x86_vcpu_enable_cap(void *obj, void *arg);

/* ioctl_vm.c, ioctl_vcpu.c: module load */
void x86_vm_ioctls_init(void);
void x86_vcpu_ioctls_init(void);

/* vendor.c */
void x86_user_return_cpu_up(void);
void x86_user_return_cpu_down(void);

#endif
