/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's performance counters, each backed by an event of perf.
 *
 * regs.c has the registers, event.c what a selector means, counter.c a counter's
 * value and its event; they know no vCPU and are tested in user space. filter.c is
 * what user space lets the guest count, pmu.c what ties all that to a vCPU. What
 * the two vendors' counters look like is a table each: svm/pmu.c, vmx/pmu.c.
 */
#ifndef KVM_X86_PMU_H
#define KVM_X86_PMU_H

#include <linux/types.h>

struct kvm;
struct kvm_cpuid_entry2;
struct perf_event;
struct pmu_filter;
struct x86_vcpu;

#define PMU_MAX_GP	8
#define PMU_MAX_FIXED	3
/* Counters by number, which are bits of GLOBAL_CTRL and _STATUS (SDM 3B 20.2.2) */
#define PMU_FIXED	32

/* Event selectors: SDM 3B 20.2.1.1, APM 2 13.2.2 */
#define PMU_SEL_EVENT	0xffull
#define PMU_SEL_UMASK	0xff00ull
#define PMU_SEL_USR	BIT_ULL(16)
#define PMU_SEL_OS	BIT_ULL(17)
#define PMU_SEL_EDGE	BIT_ULL(18)
#define PMU_SEL_PIN	BIT_ULL(19)	/* toggles a pin of the processor */
#define PMU_SEL_INT	BIT_ULL(20)
#define PMU_SEL_ANY	BIT_ULL(21)	/* of the core, whichever thread */
#define PMU_SEL_EN	BIT_ULL(22)
#define PMU_SEL_INV	BIT_ULL(23)
#define PMU_SEL_CMASK	0xff000000ull
#define PMU_SEL_TX	BIT_ULL(32)	/* Intel: in transactions alone */
#define PMU_SEL_TX_CP	BIT_ULL(33)	/* and not what is rolled back */
#define PMU_SEL_EVENT_HI	0xf00000000ull	/* AMD: bits 11:8 of the event */

/* FIXED_CTR_CTRL has four bits a counter */
#define PMU_FIX_OS	BIT(0)
#define PMU_FIX_USR	BIT(1)
#define PMU_FIX_INT	BIT(3)

/* IA32_PERF_CAPABILITIES: counters can be written in full width */
#define PMU_CAP_WIDE	BIT_ULL(13)

enum pmu_reg {
	PMU_REG_SELECT, PMU_REG_COUNT, PMU_REG_COUNT_WIDE, PMU_REG_FIXED, PMU_REG_FIXED_CTRL,
	PMU_REG_GLOBAL_STATUS, PMU_REG_GLOBAL_CTRL, PMU_REG_GLOBAL_RESET,
};

/* MSRs of one kind, one a counter */
struct pmu_range {
	u32 first;
	u8 nr, step;
	u8 reg;			/* enum pmu_reg */
	bool extended;		/* there with the CPUID bit for more counters alone */
};

/* What a vendor's counters are like. Constant */
struct pmu_model {
	const struct pmu_range *ranges;
	u8 nr_ranges;
	bool leaf;		/* CPUID leaf 0xa tells of them; else there are at least min_gp */
	u8 min_gp, max_gp;
	bool narrow_writes;	/* WRMSR to a counter extends the sign of 32 bits */
	bool select_drops;	/* reserved bits of a selector are dropped, not a #GP */
	bool masks_lvt;		/* the local APIC masks LVTPC as it delivers (SDM 3A 10.5.1) */
	u64 select;		/* bits that a selector has */
	u64 select_tx;		/* and these in guests with transactions */
	u64 raw;		/* those that perf is to get */
	u64 event;		/* those that a filter looks at */
	const u16 *arch_events;	/* in the order of leaf 0xa's EBX */
	u8 nr_arch_events;
	u16 insns, branches;	/* retired ones: event and unit mask */
};

/* Each is in the file of its name, of the vendor's module. */
extern const struct pmu_model svm_pmu, vmx_pmu;

/* What one guest's are like */
struct pmu_shape {
	u8 version;		/* with 2: fixed counters and GLOBAL_* */
	u8 nr_gp, nr_fixed;
	u8 gp_width, fixed_width;
	bool wide;		/* full-width writes */
	bool extended;		/* AMD's second set of MSRs */
	bool tx;
	u32 missing;		/* architectural events it does not have, as in EBX */
};

/* What perf is to count */
struct pmu_program {
	bool fixed_kind;	/* @config is a PERF_COUNT_HW_*, not a raw selector */
	bool user, kernel;
	bool no_period;		/* perf has none for such events */
	u64 config;
};

/* v: vcpu->mutex */
struct pmu_counter {
	struct pmu_vcpu *pmu;		/* c */
	u8 nr;				/* c; bit in all words */
	bool running;			/* v; @event is enabled */
	bool told;			/* v; perf told of an overflow that @value has not yet */
	u64 emulated;			/* v; to be added: what instructions we stepped over did */
	u64 select;			/* v; of a general-purpose counter */
	u64 value;			/* v; when @event had counted @seen */
	u64 seen;			/* v */
	struct perf_event *event;	/* v; NULL: none is held */
	struct pmu_program program;	/* v; what @event counts */
};

/* v: vcpu->mutex   a: atomic */
struct pmu_vcpu {
	const struct pmu_model *model;	/* c */
	struct pmu_shape shape;		/* v */
	u64 global_ctrl, global_status, fixed_ctrl;	/* v */
	unsigned long overflowed;	/* a; counters of which perf told, see pmu_collect() */
	unsigned long stale;		/* v; registers changed, the event is not what they say */
	unsigned long held;		/* v; there is an event */
	unsigned long touched;		/* v; since pmu_age() */
	unsigned long insns, branches;	/* v; running counters of what is retired */
	bool interrupt;			/* v; is due */
	struct pmu_counter gp[PMU_MAX_GP], fixed[PMU_MAX_FIXED];
};

/* --- regs.c, event.c, counter.c ------------------------------------------- */

void pmu_init(struct pmu_vcpu *p, const struct pmu_model *model);
/* @host: what perf has; @leaf: EAX, EBX, ECX, EDX of the guest's leaf 0xa */
void pmu_shape_from(struct pmu_shape *s, const struct pmu_model *model,
		    const struct pmu_shape *host, const u32 *leaf);
/* RESET; the shape was set. Events are given back: may sleep */
void pmu_reset(struct pmu_vcpu *p);
/* 0: done, 1: #GP, -ENOENT: this guest has none. @host: from an ioctl. May sleep */
int pmu_reg_get(struct pmu_vcpu *p, u32 index, u64 *data);
int pmu_reg_set(struct pmu_vcpu *p, u32 index, u64 data, bool host);
/* RDPMC: 0, or 1: #GP */
int pmu_read_pmc(struct pmu_vcpu *p, u32 index, u64 *data);
struct pmu_counter *pmu_counter_of(struct pmu_vcpu *p, unsigned int nr);
u64 pmu_all(const struct pmu_vcpu *p);

/* False: it is to count nothing. */
bool pmu_program_of(struct pmu_counter *c, struct pmu_program *prog);
bool pmu_wants_interrupt(const struct pmu_counter *c);
bool pmu_counts_insns(const struct pmu_counter *c, bool branches);
/* @fixed: the counter's number among those, or negative */
bool pmu_filter_passes(const struct pmu_filter *f, u64 event, int fixed);

u64 pmu_counter_read(struct pmu_counter *c);
void pmu_counter_write(struct pmu_counter *c, u64 value);
void pmu_counter_release(struct pmu_counter *c);
void pmu_counter_init(struct pmu_counter *c, struct pmu_vcpu *p, unsigned int nr);
/* Overflows that perf told of become visible. */
void pmu_collect(struct pmu_vcpu *p);
/* Before entry, by the vCPU's thread: events follow the registers. An interrupt is due? */
bool pmu_update(struct pmu_vcpu *p);
/* The vCPU's thread was away: counters not used since the last time give their events back. */
void pmu_age(struct pmu_vcpu *p);
/* An instruction was done for the guest. IRQs on or off */
void pmu_insn(struct pmu_vcpu *p, bool branch, bool user);

/* --- what they need: pmu.c, filter.c -------------------------------------- */

/* pmu_update() is wanted before the next entry. */
void pmu_want_update(struct pmu_vcpu *p);
/* The same from perf's interrupt, which may be an NMI */
void pmu_overflow_seen(struct pmu_vcpu *p);
/* Does user space let the guest count this? */
bool pmu_allowed(struct pmu_vcpu *p, u64 event, int fixed);

/* Immutable once published */
struct pmu_filter {
	bool allow;		/* what is listed, and nothing else */
	u32 fixed;
	u32 nr;
	u64 *events;		/* in rising order */
};

#endif
