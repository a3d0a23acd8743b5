/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The x86 VM and vCPU, made of sub-structs that each belong to one file, and
 * what common x86 code offers its own rooms and the backends.
 */
#ifndef KVM_X86_H
#define KVM_X86_H

#include <linux/sched.h>
#include <asm/fpu/types.h>
#include <linux/kvm/arch.h>
#include <linux/kvm/guest_mem.h>
#include <linux/kvm/iobus.h>
#include <linux/kvm/vcpu.h>

#include "cpuid.h"
#include "event.h"
#include "exit.h"
#include "hyperv/hyperv.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "pmu/glue.h"
#include "regs.h"
#include "sgx.h"
#include "smm.h"
#include "tsc.h"
#include "vendor_ops.h"

/* Requests of x86; see kvm_request() */
enum {
	X86_REQ_EVENT = KVM_REQ_ARCH_BASE,	/* inject, or reconsider a window */
	X86_REQ_NMI,
	X86_REQ_TRIPLE_FAULT,
	X86_REQ_CLOCK,			/* publish the pvclock page */
	X86_REQ_MASTERCLOCK,
	X86_REQ_SCAN_IOAPIC,
	X86_REQ_LOAD_ROOT,		/* our TDP root was replaced */
	X86_REQ_TSC,			/* tsc offset/ratio to hardware */
	X86_REQ_MSR_FILTER,
	X86_REQ_IOAPIC_EOI,		/* split irqchip: exit to user space */
	X86_REQ_TPR_REPORT,
	X86_REQ_APIC_MODE,		/* what hardware does of the APIC */
	X86_REQ_STEAL,			/* the steal-time structure */
	X86_REQ_SMI,
	X86_REQ_ASYNCPF,		/* pages came or are waited for */
	X86_REQ_BUS_LOCK,		/* to be told with the next exit */
	X86_REQ_HYPERV,			/* hyperv.events for user space */
	X86_REQ_GUEST_FLUSH,		/* TLB; the guest's own wish */
	X86_REQ_PMU,			/* counters changed or overflowed */
	X86_REQ_STIMER,			/* Hyper-V's timers */
	X86_REQ_END,
};
static_assert(X86_REQ_END <= BITS_PER_LONG);

/* Fixed-one and active-low bits: DR6 at reset (SDM 3B 17.2.3) */
#define X86_DR6_INIT		0xffff0ff0ul
#define X86_DR7_INIT		0x400ul
#define X86_DR6_BD		BIT(13)
#define X86_DR7_GD		BIT(13)

/* debug.c: guest-visible debug registers and the VMM's own. v: vcpu->mutex */
struct x86_debug {
	unsigned long db[4];		/* v, guest's DR0-3 */
	unsigned long dr6, dr7;		/* v, guest's */
	unsigned long eff_db[4];	/* v, what hardware gets */
	u32 guest_debug;		/* v, KVM_GUESTDBG_* */
	bool drs_in_hw;			/* p, guest may have changed DR0-3/6 in hardware */
	bool active;			/* v, DR7 enables something or guest_debug uses DRs */
	unsigned long vmm_dr7;		/* v, KVM_GUESTDBG_USE_HW_BP */
};

/* irqchip/vapic.c: the TPR in guest memory. v: vcpu->mutex */
struct x86_vapic {
	bool on;			/* v; @word is kept */
	bool report;			/* v; KVM_TPR_ACCESS_REPORTING */
	bool write;			/* v; with X86_REQ_TPR_REPORT */
	unsigned long rip;		/* v; likewise */
	struct kvm_gmap word;		/* v */
	u32 stored;			/* v; what we last wrote there */
};

/* steal.c: time that others had. v: vcpu->mutex */
struct x86_steal {
	u64 msr;			/* v; MSR_KVM_STEAL_TIME */
	bool on;			/* v */
	bool marked;			/* p; the guest was told that we don't run */
	u64 counted;			/* v; of the thread's waiting time, in ns */
	struct kvm_gmap map;		/* v; of struct kvm_steal_time */
};

/* asyncpf.c: pages that are waited for. v: vcpu->mutex, a: asyncpf_lock */
struct x86_asyncpf {
	u64 msr;			/* v; MSR_KVM_ASYNC_PF_EN */
	u8 vector;			/* v; MSR_KVM_ASYNC_PF_INT */
	bool on;			/* v */
	bool wake_all;			/* v; to be told before all else */
	bool halted;			/* v, read racily by wake-ups; the next pass sleeps */
	unsigned int nr;		/* v; in both lists */
	hva_t failed;			/* v; waiting for it was of no use */
	struct list_head waiting;	/* a */
	struct list_head done;		/* a */
	struct kvm_gmap map;		/* v; of struct kvm_vcpu_pv_apf_data */
};

/* io.c: an access that user space or a second pass has to finish. v: vcpu->mutex */
struct x86_io;

/* fastmmio.c: a plain MOV between a register and memory */
struct x86_mov {
	u64 val;		/* to be stored */
	u8 size;		/* of the memory operand */
	u8 insn_len;
	u8 reg;			/* to be loaded */
	u8 reg_size;		/* what the load writes of it; 4 clears the upper half */
	bool store;
	bool high;		/* AH..BH */
};

struct x86_vm {
	struct kvm kvm;				/* first */
	struct irqchip_vm irqchip;
	struct mmu_vm mmu;
	struct x86_clock_vm clock;
	struct hyperv_vm hyperv;
	struct pmu_vm pmu;
	struct msr_filter __rcu *msr_filter;	/* S */

	u64 tss_addr;				/* L; read racily; 0: none */
	u64 identity_map_addr;			/* L */
	u32 user_msr_mask;			/* L; KVM_CAP_X86_USER_SPACE_MSR */
	u64 disabled_quirks;			/* L */
	u32 disabled_exits;			/* L; KVM_X86_DISABLE_EXITS_* */
	bool bus_lock_exit;			/* L; KVM_CAP_X86_BUS_LOCK_EXIT, if hardware can */
	u32 notify_flags;			/* L; KVM_X86_NOTIFY_VMEXIT_*, if hardware can */
	u32 notify_window;			/* L */
	bool exception_payload;			/* L */
	bool triple_fault_event;		/* L */
	bool exit_on_emul_fail;			/* L; read racily; also when CPL is not 0 */
	bool sgx_provision;			/* L, read racily; KVM_CAP_SGX_ATTRIBUTE */
	bool platform_info_hidden;		/* L; KVM_CAP_MSR_PLATFORM_INFO 0 */
	bool enforce_pv_features;		/* per vCPU cap in the ABI; default for new vCPUs */
	u32 bsp_vcpu_id;			/* L */
	u32 user_hypercalls;			/* L, read racily; KVM_CAP_EXIT_HYPERCALL */
	atomic_t asyncpf_token;			/* a; the last one given */
};

struct x86_vcpu {
	struct kvm_vcpu vcpu;			/* first */
	struct x86_regs regs;			/* v */
	struct x86_exit exit;			/* v; valid from enter() to the next one */
	struct x86_events ev;			/* v */
	struct mmu_vcpu mmu;			/* v */
	struct lapic *apic;			/* c */
	struct pmu_room *pmu;			/* v; NULL: no counters */
	u32 mp_state;				/* v; KVM_MP_STATE_*, read racily by wake-ups */
	bool pv_unhalted;			/* a; kicked by a hypercall */
	u8 eoi_vector;				/* v; with X86_REQ_IOAPIC_EOI */
	struct x86_vapic vapic;
	struct x86_smm smm;
	u8 last_cpl;				/* p; at the last sched-out, read racily */
	bool event_handed;			/* v; inject_* was called for the coming entry */
	s16 ext_vector;				/* v; KVM_INTERRUPT's, -1 none */
	bool enforce_pv;			/* v */
	bool has_run;				/* v */
	bool between_insns;			/* v; in KVM_RUN, nothing is half done */
	bool guest_xsave_loaded;		/* p */
	int run_error;				/* v; with X86_ERROR */
	enum x86_next (*complete)(struct x86_vcpu *v);	/* v; finish what user space was asked */
	unsigned long io_rip;			/* v; of the access user space handles */
	struct x86_mov mov;			/* v; the MOV it is done by, with MMIO */
	struct x86_io *io;			/* v; allocated on first use */
	struct emul_ctx *emul;			/* v; allocated on first use */
	struct fpu_guest fpu;			/* v */
	u32 pkru, host_pkru;			/* p */
	struct x86_debug dbg;
	struct x86_cpuid cpuid;
	struct x86_msrs msr;
	struct x86_tsc tsc;
	struct x86_pvclock pvclock;
	struct x86_steal steal;
	struct x86_asyncpf asyncpf;
	struct hyperv_vcpu hyperv;
	struct page *pio_page;			/* c; mmap page 1: data of KVM_EXIT_IO */
};

static inline struct x86_vm *to_x86_vm(struct kvm *kvm)
{
	return container_of(kvm, struct x86_vm, kvm);
}

static inline struct x86_vcpu *to_x86(struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct x86_vcpu, vcpu);
}

/* regs.c: lazily cached state */
void x86_cache_regs(struct x86_vcpu *v, u32 which);

static inline void x86_need(struct x86_vcpu *v, u32 which)
{
	if (unlikely((v->regs.avail & which) != which))
		x86_cache_regs(v, which);
}

static inline unsigned long x86_rip(struct x86_vcpu *v)
{
	x86_need(v, BIT(X86_LAZY_RIP));
	return v->regs.rip;
}

static inline void x86_set_rip(struct x86_vcpu *v, unsigned long rip)
{
	v->regs.rip = rip;
	v->regs.avail |= BIT(X86_LAZY_RIP);
	v->regs.dirty |= BIT(X86_LAZY_RIP);
}

static inline unsigned long x86_gpr(struct x86_vcpu *v, unsigned int nr)
{
	if (nr == X86_RSP)
		x86_need(v, BIT(X86_LAZY_RSP));
	return v->regs.gpr[nr & 15];
}

static inline void x86_set_gpr(struct x86_vcpu *v, unsigned int nr, unsigned long val)
{
	v->regs.gpr[nr & 15] = val;
	if (nr == X86_RSP) {
		v->regs.avail |= BIT(X86_LAZY_RSP);
		v->regs.dirty |= BIT(X86_LAZY_RSP);
	}
}

static inline unsigned long x86_rflags(struct x86_vcpu *v)
{
	x86_need(v, BIT(X86_LAZY_RFLAGS));
	return v->regs.rflags;
}

static inline void x86_set_rflags(struct x86_vcpu *v, unsigned long rflags)
{
	v->regs.rflags = rflags | X86_EFLAGS_FIXED;
	v->regs.avail |= BIT(X86_LAZY_RFLAGS);
	v->regs.dirty |= BIT(X86_LAZY_RFLAGS);
}

static inline unsigned long x86_cr0(struct x86_vcpu *v)
{
	x86_need(v, BIT(X86_LAZY_CR0));
	return v->regs.cr0;
}

static inline unsigned long x86_cr3(struct x86_vcpu *v)
{
	x86_need(v, BIT(X86_LAZY_CR3));
	return v->regs.cr3;
}

static inline unsigned long x86_cr4(struct x86_vcpu *v)
{
	x86_need(v, BIT(X86_LAZY_CR4));
	return v->regs.cr4;
}

static inline bool x86_paging(struct x86_vcpu *v)
{
	return x86_cr0(v) & X86_CR0_PG;
}

static inline bool x86_long_mode(struct x86_vcpu *v)
{
	return v->regs.efer & EFER_LMA;
}

static inline bool x86_has(struct x86_vcpu *v, unsigned int feature)
{
	return v->cpuid.words[feature / 32] & BIT(feature % 32);
}

/* A guest may not use what it was not told of, when the VMM says so. KVM_FEATURE_* */
static inline bool x86_pv_withheld(struct x86_vcpu *v, unsigned int feature)
{
	return v->enforce_pv && !(v->cpuid.pv_features & BIT(feature));
}

/* The guest has said what it is, so that its hypercalls are Hyper-V's. */
static inline bool hyperv_takes_calls(struct x86_vcpu *v)
{
	return v->hyperv.on && READ_ONCE(to_x86_vm(v->vcpu.kvm)->hyperv.guest_os_id);
}

/* After an exit: it cut the delivery of an event short */
static inline bool x86_delivering(struct x86_vcpu *v)
{
	return v->ev.exc.injected || v->ev.nmi_injected || v->ev.irq_injected;
}

static inline bool x86_pae_paging(struct x86_vcpu *v)
{
	return x86_paging(v) && (x86_cr4(v) & X86_CR4_PAE) && !x86_long_mode(v);
}

/* 64-bit code segment right now */
bool x86_is_64bit(struct x86_vcpu *v);
/* The linear address of RIP */
unsigned long x86_code_address(struct x86_vcpu *v);

/* cr.c: legality and side effects; 0, or 1 for #GP */
int x86_set_cr0(struct x86_vcpu *v, unsigned long val);
int x86_set_cr3(struct x86_vcpu *v, unsigned long val);
int x86_set_cr4(struct x86_vcpu *v, unsigned long val);
int x86_set_cr8(struct x86_vcpu *v, unsigned long val);
unsigned long x86_get_cr8(struct x86_vcpu *v);
int x86_set_efer(struct x86_vcpu *v, u64 val, bool host);
int x86_set_xcr0(struct x86_vcpu *v, u32 index, u64 val);

/* run.c */
/* Step over the intercepted instruction (known length, hardware's next RIP, or decode). */
enum x86_next x86_skip(struct x86_vcpu *v);
/* Step over @len bytes known to be the length. IRQs on or off. */
void x86_skip_len(struct x86_vcpu *v, unsigned int len);

/* An instruction was done for the guest; @branch: one that can change RIP. IRQs on or off */
static inline void x86_insn_done(struct x86_vcpu *v, bool branch)
{
	if (static_branch_unlikely(&pmu_counts))
		pmu_insn_done(v, branch);
}

/* steal.c */
bool steal_known(void);
int steal_set_msr(struct x86_vcpu *v, u64 data);	/* 0 or 1 */
void steal_reset(struct x86_vcpu *v);
void steal_load(struct x86_vcpu *v);
void steal_put(struct x86_vcpu *v);
void steal_update(struct x86_vcpu *v);

/* asyncpf.c */
int asyncpf_module_init(void);
void asyncpf_module_exit(void);
void asyncpf_vcpu_create(struct x86_vcpu *v);
void asyncpf_forget(struct x86_vcpu *v);
void asyncpf_reset(struct x86_vcpu *v);
int asyncpf_set_msr(struct x86_vcpu *v, u32 index, u64 data);	/* 0 or 1 */
u64 asyncpf_get_msr(struct x86_vcpu *v, u32 index);
void asyncpf_update(struct x86_vcpu *v);

/* emul/glue.c: emulate the instruction at RIP; srcu held, IRQs on. */
enum x86_next x86_emulate(struct x86_vcpu *v);
/* The CPU does not know the instruction: if the guest has it by its CPUID, else #UD */
enum x86_next x86_emulate_undefined(struct x86_vcpu *v);

/* exit.c: INVD or WBINVD of the guest. IRQs on. */
void x86_flush_caches(struct x86_vcpu *v);

/* KVM_EXIT_INTERNAL_ERROR with @suberror */
enum x86_next x86_internal_error(struct x86_vcpu *v, u32 suberror);

static inline bool x86_canonical_in(unsigned long cr4, u64 va)
{
	unsigned int unused = 64 - (cr4 & X86_CR4_LA57 ? 57 : 48);

	return (u64)((s64)(va << unused) >> unused) == va;
}

static inline bool x86_canonical(struct x86_vcpu *v, u64 va)
{
	return x86_canonical_in(x86_cr4(v), va);
}

#endif
