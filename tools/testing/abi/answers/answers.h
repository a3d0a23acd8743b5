/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /dev/kvm answers: one line for each question, "key answer", to be compared
 * between two sets of modules on one host.
 */
#ifndef ABI_ANSWERS_H
#define ABI_ANSWERS_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ARG_SIZE	(256 << 10)
#define RAM_SIZE	(2 << 20)

enum chip { NONE, FULL, SPLIT, CHIPS };

struct machine {
	int vm, vcpu;
	struct kvm_run *run;
};

/* main.c */
extern int kvm;			/* /dev/kvm */
extern u8 *arg, *ram;		/* an ioctl's argument; guest memory from 0 */
extern const char *const chip_name[];
void machine_new(struct machine *m, enum chip chip, bool cpuid);
void machine_free(struct machine *m);
int enable(int fd, u32 cap, u64 value);
const char *error_name(long ret);
int msr_access(int fd, unsigned long request, u32 index, u64 *value);
bool msr_ticks(u32 index);

/* static.c: what a system, a VM, a vCPU can do */
void ask_caps(void);
void ask_cpuid(void);
void ask_msrs(void);
void ask_msr_bits(void);
void ask_attributes(void);

/* state.c: what vCPUs are like */
struct getter {
	unsigned long get, set;
	const char *name;
	size_t size;
	bool vm;
};

extern const struct getter getters[];
extern const size_t nr_getters;
void hide_times(const struct getter *g);
void ask_fresh(void);
void ask_sipi(void);
void ask_exits(void);

/* errors.c: arguments that are not right */
void ask_errors(void);
void ask_bytes(void);
void ask_enable(void);

#endif
