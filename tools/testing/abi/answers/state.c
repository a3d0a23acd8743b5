// SPDX-License-Identifier: GPL-2.0-only
/* What a vCPU is like when it is new, after INIT and SIPI, and at exits. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "answers.h"

#define GET(n, s)	{ KVM_GET_##n, KVM_SET_##n, #n, s, false }
const struct getter getters[] = {
	GET(REGS, sizeof(struct kvm_regs)), GET(SREGS, sizeof(struct kvm_sregs)),
	GET(SREGS2, sizeof(struct kvm_sregs2)), GET(FPU, sizeof(struct kvm_fpu)),
	GET(XCRS, sizeof(struct kvm_xcrs)), GET(DEBUGREGS, sizeof(struct kvm_debugregs)),
	GET(VCPU_EVENTS, sizeof(struct kvm_vcpu_events)),
	GET(MP_STATE, sizeof(struct kvm_mp_state)),
	GET(LAPIC, sizeof(struct kvm_lapic_state)), GET(XSAVE, 4096),
	{ KVM_GET_XSAVE2, 0, "XSAVE2", 16384, false },
	{ KVM_GET_PIT2, KVM_SET_PIT2, "PIT2", sizeof(struct kvm_pit_state2), true },
	{ KVM_GET_PIT, KVM_SET_PIT, "PIT", sizeof(struct kvm_pit_state), true },
};
const size_t nr_getters = ARRAY_SIZE(getters);

void hide_times(const struct getter *g)
{
	struct kvm_pit_state2 *pit = (void *)arg;

	if (!g->vm)
		return;
	for (int i = 0; i < 3; i++)
		pit->channels[i].count_load_time = 0;
}

/* Rows of 16 bytes that are not all zeros */
static void dump(const char *what, const char *name, const void *data, size_t size)
{
	static const u8 zeros[16];
	const u8 *bytes = data;

	for (size_t i = 0; i < size; i += 16) {
		size_t n = size - i < 16 ? size - i : 16;

		if (!memcmp(bytes + i, zeros, n))
			continue;
		printf("%s.%s+%03zx ", what, name, i);
		for (size_t k = 0; k < n; k++)
			printf("%02x%s", bytes[i + k], (k & 3) == 3 && k + 1 < n ? "." : "");
		printf("\n");
	}
}

static void all_msrs(const char *what, int vcpu)
{
	static const struct {
		u32 first, last;
	} ranges[] = {
		{ 0, 0x2000 }, { 0x40000000, 0x40000200 }, { 0x4b564d00, 0x4b564d0f },
		{ 0xc0000080, 0xc0000110 }, { 0xc0010000, 0xc0010300 },
		{ 0xc0011000, 0xc0011040 },
	};

	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++)
		for (u32 i = ranges[r].first; i <= ranges[r].last; i++) {
			u64 value = 0;

			if (msr_access(vcpu, KVM_GET_MSRS, i, &value) != 1)
				continue;
			printf("%s.msr.%x %#llx\n", what, i,
			       msr_ticks(i) ? 0 : (unsigned long long)value);
		}
}

static void state(const char *what, struct machine *m)
{
	struct kvm_clock_data clock = { 0 };
	char name[40];

	for (size_t i = 0; i < nr_getters; i++) {
		const struct getter *g = &getters[i];
		int ret;

		memset(arg, 0, ARG_SIZE);
		ret = ioctl(g->vm ? m->vm : m->vcpu, g->get, arg);
		printf("%s.%s %s\n", what, g->name, error_name(ret));
		if (ret)
			continue;
		hide_times(g);
		dump(what, g->name, arg, g->size);
	}
	for (u32 chip = 0; chip < 3; chip++) {
		struct kvm_irqchip c = { .chip_id = chip };

		snprintf(name, sizeof(name), "IRQCHIP%u", chip);
		if (!ioctl(m->vm, KVM_GET_IRQCHIP, &c))
			dump(what, name, &c, sizeof(c));
	}
	printf("%s.CLOCK %s\n", what, error_name(ioctl(m->vm, KVM_GET_CLOCK, &clock)));
	printf("%s.CLOCK.flags %x\n", what, clock.flags);
	printf("%s.TSC_KHZ.same %d\n", what,
	       ioctl(m->vcpu, KVM_GET_TSC_KHZ, 0) == ioctl(m->vm, KVM_GET_TSC_KHZ, 0));
	all_msrs(what, m->vcpu);
	m->run->immediate_exit = 0;
	dump(what, "run", m->run, 4096);
}

void ask_fresh(void)
{
	char what[40];

	for (int i = 0; i < CHIPS * 2; i++) {
		struct machine m;

		machine_new(&m, i / 2, i & 1);
		snprintf(what, sizeof(what), "fresh.%s.%s", chip_name[i / 2],
			 i & 1 ? "cpuid" : "bare");
		state(what, &m);
		m.run->immediate_exit = 1;
		printf("%s.KVM_RUN %s\n", what, error_name(ioctl(m.vcpu, KVM_RUN, 0)));
		strcat(what, ".run");
		state(what, &m);
		machine_free(&m);
	}
}

/* Some of everything that INIT does or does not change */
static void stir(struct machine *m)
{
	static const struct {
		u32 index;
		u64 value;
	} msrs[] = {
		{ 0x174, 0x1234 }, { 0x175, 0x1234 }, { 0x277, 0x0606060606060606 }, { 0x1a0, 0 },
		{ 0xc0000081, 0x1234 }, { 0xc0000102, 0x1234 }, { 0x200, 6 }, { 0x2ff, 0xc06 },
	};
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;

	memset(&regs, 0x11, sizeof(regs));
	regs.rip = 0x1234;
	regs.rflags = 2;
	ioctl(m->vcpu, KVM_SET_REGS, &regs);
	ioctl(m->vcpu, KVM_GET_SREGS, &sregs);
	sregs.cr0 |= 0x60000000;
	sregs.cr2 = 0x5000;
	sregs.cr3 = 0x4000;
	sregs.cr4 = 0x620;
	sregs.cr8 = 3;
	sregs.efer = 1;
	ioctl(m->vcpu, KVM_SET_SREGS, &sregs);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		u64 value = msrs[i].value;

		msr_access(m->vcpu, KVM_SET_MSRS, msrs[i].index, &value);
	}
	ioctl(m->vcpu, KVM_GET_LAPIC, &lapic);
	lapic.regs[0xf1] |= 1;
	ioctl(m->vcpu, KVM_SET_LAPIC, &lapic);
}

void ask_sipi(void)
{
	static const u8 out[] = { 0x90, 0x90, 0xe6, 0x80 };
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_INIT_RECEIVED };
	struct kvm_vcpu_events events = { 0 };
	struct machine m;
	int ret;

	machine_new(&m, FULL, true);
	stir(&m);
	ioctl(m.vcpu, KVM_SET_MP_STATE, &mp);
	mp.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
	printf("sipi.mp-state %s\n", error_name(ioctl(m.vcpu, KVM_SET_MP_STATE, &mp)));
	state("sipi.before", &m);
	ioctl(m.vcpu, KVM_GET_VCPU_EVENTS, &events);
	events.sipi_vector = 1;
	events.flags = KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	ioctl(m.vcpu, KVM_SET_VCPU_EVENTS, &events);
	memcpy(ram + 0x1000, out, sizeof(out));
	ret = ioctl(m.vcpu, KVM_RUN, 0);
	printf("sipi.run %s\n", error_name(ret));
	state("sipi.after", &m);
	machine_free(&m);
}

static void one_exit(const char *name, const u8 *code, size_t size, bool no_emulation)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2, .rsp = 0x8000 };
	struct kvm_sregs sregs;
	struct machine m;
	char what[64];
	int ret;

	machine_new(&m, FULL, true);
	if (no_emulation)
		enable(m.vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1);
	ioctl(m.vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.base = 0xf0000000;
	sregs.cr4 |= 0x600;
	ioctl(m.vcpu, KVM_SET_SREGS, &sregs);
	ioctl(m.vcpu, KVM_SET_REGS, &regs);
	memset(ram, 0, 0x3000);
	memcpy(ram + 0x1000, code, size);
	alarm(2);
	ret = ioctl(m.vcpu, KVM_RUN, 0);
	alarm(0);
	snprintf(what, sizeof(what), "exit.%s.%d", name, no_emulation);
	printf("%s %s %u\n", what, error_name(ret), m.run->exit_reason);
	dump(what, "run", m.run, 256);
	ioctl(m.vcpu, KVM_GET_REGS, &regs);
	dump(what, "regs", &regs, sizeof(regs));
	machine_free(&m);
}

static void interrupt_run(int sig)
{
	(void)sig;
}

/* Real mode; DS is where no memory is. */
void ask_exits(void)
{
#define EXIT(name, code)	{ name, (const u8 *)(code), sizeof(code) - 1 }
	static const struct {
		const char *name;
		const u8 *code;
		size_t size;
	} exits[] = {
		EXIT("mmio-read", "\xa0\x00\x10"), EXIT("mmio-write", "\xa2\x00\x10"),
		EXIT("mmio-add", "\x00\x06\x00\x10"), EXIT("mmio-x87", "\xd8\x06\x00\x10"),
		EXIT("mmio-aes", "\x66\x0f\x38\xdc\x06\x00\x10"),
		EXIT("mmio-cvt", "\xf2\x0f\x2a\x06\x00\x10"),
		EXIT("in", "\xe4\x80"), EXIT("out", "\xe6\x80"),
		EXIT("ins", "\xbf\x00\x20\x6c"), EXIT("outs", "\xbe\x00\x20\x2e\x6e"),
		EXIT("rep-outs", "\xbe\x00\x20\xb9\x05\x00\xf3\x2e\x6f"),
		EXIT("jump-nowhere", "\xea\x00\x00\x00\xf0"),
		EXIT("vmcall", "\x0f\x01\xc1\xe6\x80"), EXIT("vmmcall", "\x0f\x01\xd9\xe6\x80"),
		EXIT("wbinvd", "\x0f\x09\xe6\x80"),
		EXIT("triple-fault", "\x2e\x0f\x01\x1e\x00\x20\xcd\x03"),
	};
	struct sigaction act = { .sa_handler = interrupt_run };

	sigaction(SIGALRM, &act, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		one_exit(exits[i].name, exits[i].code, exits[i].size, false);
		one_exit(exits[i].name, exits[i].code, exits[i].size, true);
	}
}
