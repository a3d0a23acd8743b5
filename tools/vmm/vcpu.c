// SPDX-License-Identifier: GPL-2.0-only
/* vCPU threads: set-up, the run loop and one row per exit reason. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "cpuid.h"
#include "dump.h"
#include "kvm_abi.h"
#include "log.h"
#include "term.h"
#include "vcpu.h"
#include "vm.h"
#include "vmm.h"

#define STACK_SIZE	(64 << 10)
#define KICK_SIGNAL	SIGUSR1
#define JOIN_SECONDS	5
#define EXIT_REASONS	40

#define MSR_MTRR_DEF_TYPE	0x2ff
#define MTRR_ENABLE_WB		(1u << 11 | 6)

struct vcpu {
	struct vmm *vmm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	uint64_t exits[EXIT_REASONS];
};

/* What the run loop does after an exit. */
enum next { ENTER, LEAVE };

static int vcpu_fail(const struct vcpu *v, const char *what)
{
	int err = errno;

	vmm_err("CPU %u: cannot %s: %s", v->id, what, strerror(err));
	return -err;
}

/* ---- exits ---- */

static enum next exit_io(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		bus_access(v->vmm, BUS_PIO, run->io.port, data, run->io.size,
			   run->io.direction == KVM_EXIT_IO_OUT);
	return ENTER;
}

static enum next exit_mmio(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	bus_access(v->vmm, BUS_MMIO, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
		   run->mmio.is_write);
	return ENTER;
}

static enum next end_with(struct vcpu *v, enum vmm_exit code)
{
	vmm_stop(v->vmm, code);
	return LEAVE;
}

static enum next exit_shutdown(struct vcpu *v)
{
	vmm_err("CPU %u: triple fault: the guest crashed beyond recovery", v->id);
	dump_vcpu(v->vmm, v->id, v->fd);
	return end_with(v, VMM_EXIT_SHUTDOWN);
}

static enum next exit_fail_entry(struct vcpu *v)
{
	vmm_err("CPU %u: the processor refused to enter the guest, hardware reason %#llx on CPU %u",
		v->id, (unsigned long long)v->run->fail_entry.hardware_entry_failure_reason,
		v->run->fail_entry.cpu);
	dump_vcpu(v->vmm, v->id, v->fd);
	return end_with(v, VMM_EXIT_INTERNAL);
}

static enum next exit_internal(struct vcpu *v)
{
	dump_internal_error(v->id, v->run);
	dump_vcpu(v->vmm, v->id, v->fd);
	return end_with(v, VMM_EXIT_INTERNAL);
}

static enum next exit_system_event(struct vcpu *v)
{
	switch (v->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		return end_with(v, VMM_EXIT_POWEROFF);
	case KVM_SYSTEM_EVENT_RESET:
		return end_with(v, VMM_EXIT_RESET);
	case KVM_SYSTEM_EVENT_CRASH:
		vmm_err("CPU %u: the guest reports a crash", v->id);
		return end_with(v, VMM_EXIT_PANIC);
	}
	vmm_err("CPU %u: unknown system event %u", v->id, v->run->system_event.type);
	return end_with(v, VMM_EXIT_INTERNAL);
}

static enum next exit_again(struct vcpu *v)
{
	(void)v;
	return ENTER;
}

/* HLT is absent on purpose: the kernel's local APIC waits itself. */
static const struct exit_row {
	const char *name;
	enum next (*fn)(struct vcpu *v);
} exit_rows[EXIT_REASONS] = {
	[KVM_EXIT_IO] = { "port", exit_io },
	[KVM_EXIT_MMIO] = { "memory", exit_mmio },
	[KVM_EXIT_SHUTDOWN] = { "shutdown", exit_shutdown },
	[KVM_EXIT_FAIL_ENTRY] = { "failed entry", exit_fail_entry },
	[KVM_EXIT_INTR] = { "signal", exit_again },
	[KVM_EXIT_INTERNAL_ERROR] = { "internal error", exit_internal },
	[KVM_EXIT_SYSTEM_EVENT] = { "system event", exit_system_event },
};

static enum next handle_exit(struct vcpu *v)
{
	uint32_t reason = v->run->exit_reason;

	if (reason < EXIT_REASONS && exit_rows[reason].fn) {
		v->exits[reason]++;
		return exit_rows[reason].fn(v);
	}
	vmm_err("CPU %u: exit reason %u, which this program did not ask for", v->id, reason);
	dump_vcpu(v->vmm, v->id, v->fd);
	return end_with(v, VMM_EXIT_INTERNAL);
}

/* ---- threads ---- */

static enum next run_failed(struct vcpu *v)
{
	int err = errno;

	if (err == EINTR || err == EAGAIN)
		return ENTER;
	vmm_err("CPU %u: cannot run: %s", v->id, strerror(err));
	dump_vcpu(v->vmm, v->id, v->fd);
	return end_with(v, VMM_EXIT_INTERNAL);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	enum next next = ENTER;
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	while (next == ENTER && !atomic_load(&v->vmm->stopping)) {
		if (ioctl(v->fd, KVM_RUN, 0) < 0)
			next = run_failed(v);
		else
			next = handle_exit(v);
	}
	return NULL;
}

static void on_kick(int sig)
{
	(void)sig;
}

int vcpus_start(struct vmm *vmm)
{
	struct sigaction sa = { .sa_handler = on_kick };
	pthread_attr_t attr;
	int ret = 0;

	sigaction(KICK_SIGNAL, &sa, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned int i = 0; i < vmm->n_vcpus && !ret; i++) {
		struct vcpu *v = &vmm->vcpus[i];
		char name[20];

		ret = -pthread_create(&v->thread, &attr, vcpu_thread, v);
		if (ret) {
			vmm_err("cannot start the thread of CPU %u: %s", i, strerror(-ret));
			break;
		}
		v->started = true;
		snprintf(name, sizeof(name), "vmm-cpu%u", i);
		pthread_setname_np(v->thread, name);
	}
	pthread_attr_destroy(&attr);
	return ret;
}

/* The kernel keeps a vCPU: hand the terminal back, and let signals kill us. */
static void give_up_waiting(struct vmm *vmm, unsigned int id)
{
	sigset_t all;

	if (vmm->term)
		term_restore(vmm);
	vmm_err("CPU %u does not come back from the kernel: waiting, Ctrl-C ends that", id);
	sigfillset(&all);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

/*
 * The flag makes the next entry return at once, the signal ends the present
 * one: no order of the two against the thread's ioctl loses the request.
 */
void vcpus_stop(struct vmm *vmm)
{
	struct timespec until;

	if (!vmm->vcpus)
		return;
	atomic_store(&vmm->stopping, true);
	for (unsigned int i = 0; i < vmm->n_vcpus; i++) {
		struct vcpu *v = &vmm->vcpus[i];

		if (!v->started)
			continue;
		__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(v->thread, KICK_SIGNAL);
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_SECONDS;
	for (unsigned int i = 0; i < vmm->n_vcpus; i++) {
		struct vcpu *v = &vmm->vcpus[i];

		if (!v->started)
			continue;
		if (pthread_timedjoin_np(v->thread, NULL, &until)) {
			give_up_waiting(vmm, i);
			pthread_join(v->thread, NULL);
		}
		v->started = false;
	}
}

static void show_exits(const struct vcpu *v)
{
	for (unsigned int i = 0; i < EXIT_REASONS; i++)
		if (v->exits[i])
			vmm_info(v->vmm, "CPU %u: %llu exits to this program: %s", v->id,
				 (unsigned long long)v->exits[i], exit_rows[i].name);
}

void vcpus_destroy(struct vmm *vmm)
{
	if (!vmm->vcpus)
		return;
	vcpus_stop(vmm);
	for (unsigned int i = 0; i < vmm->n_vcpus; i++) {
		struct vcpu *v = &vmm->vcpus[i];

		show_exits(v);
		if (v->run)
			munmap(v->run, (size_t)vmm->caps->run_size);
		if (v->fd >= 0)
			close(v->fd);
	}
	free(vmm->vcpus);
	vmm->vcpus = NULL;
}

/* ---- set-up ---- */

/* No firmware does it for the guest: memory is write-back, and MTRRs are on. */
static void set_mtrr(struct vcpu *v)
{
	union {
		struct kvm_msrs list;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} msrs = { .list.nmsrs = 1 };

	msrs.list.entries[0].index = MSR_MTRR_DEF_TYPE;
	msrs.list.entries[0].data = MTRR_ENABLE_WB;
	if (ioctl(v->fd, KVM_SET_MSRS, &msrs) != 1)
		vmm_info(v->vmm, "CPU %u: no MTRRs: the guest does without PAT", v->id);
}

static int set_start(struct vcpu *v, const struct vcpu_start *s)
{
	/* As the boot protocol asks: __BOOT_CS 0x10 and __BOOT_DS 0x18, flat. */
	const struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 0x10, .type = 0xb, .present = 1, .s = 1,
		.l = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x18, .type = 0x3, .present = 1, .s = 1,
		.db = 1, .g = 1,
	};
	struct kvm_regs regs = {
		.rip = s->rip, .rsi = s->rsi, .rsp = s->rsp, .rflags = 2,
	};
	struct kvm_sregs sregs;

	if (ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0)
		return vcpu_fail(v, "read its registers");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.gdt.base = s->gdt;
	sregs.gdt.limit = s->gdt_limit;
	sregs.idt.base = 0;
	sregs.idt.limit = 0;
	sregs.cr3 = s->cr3;
	sregs.cr4 = 0x20;		/* PAE */
	sregs.cr0 = 0x80000031;		/* PG, NE, ET, PE */
	sregs.efer = 0x500;		/* LMA, LME */
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(v->fd, KVM_SET_REGS, &regs) < 0)
		return vcpu_fail(v, "set its registers");
	return 0;
}

static int create_one(struct vcpu *v, struct kvm_cpuid2 *cpuid)
{
	struct vmm *vmm = v->vmm;

	v->fd = ioctl(vmm->vm_fd, KVM_CREATE_VCPU, v->id);
	if (v->fd < 0)
		return vcpu_fail(v, "create it");
	v->run = mmap(NULL, (size_t)vmm->caps->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return vcpu_fail(v, "share memory with it");
	}
	cpuid_for_cpu(cpuid, v->id, vmm->n_vcpus, vmm->caps->tsc_deadline);
	if (ioctl(v->fd, KVM_SET_CPUID2, cpuid) < 0)
		return vcpu_fail(v, "set its CPUID table");
	set_mtrr(v);
	return 0;
}

int vcpus_create(struct vmm *vmm, const struct vcpu_start *start)
{
	struct kvm_cpuid2 *cpuid;
	int ret;

	vmm->vcpus = calloc(vmm->n_vcpus, sizeof(*vmm->vcpus));
	if (!vmm->vcpus)
		return -ENOMEM;
	for (unsigned int i = 0; i < vmm->n_vcpus; i++)
		vmm->vcpus[i] = (struct vcpu){ .vmm = vmm, .id = i, .fd = -1 };
	ret = cpuid_supported(vmm, &cpuid);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < vmm->n_vcpus && !ret; i++)
		ret = create_one(&vmm->vcpus[i], cpuid);
	free(cpuid);
	return ret ? ret : set_start(&vmm->vcpus[0], start);
}

int vcpu_fd(const struct vmm *vmm, unsigned int i)
{
	return vmm->vcpus[i].fd;
}
