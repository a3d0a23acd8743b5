// SPDX-License-Identifier: GPL-2.0-only
/* Running vCPUs: exits, ucalls, threads. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "vm.h"

static const char *const names[] = {
	[KVM_EXIT_UNKNOWN]	= "UNKNOWN",
	[KVM_EXIT_EXCEPTION]	= "EXCEPTION",
	[KVM_EXIT_IO]		= "IO",
	[KVM_EXIT_HYPERCALL]	= "HYPERCALL",
	[KVM_EXIT_DEBUG]	= "DEBUG",
	[KVM_EXIT_HLT]		= "HLT",
	[KVM_EXIT_MMIO]		= "MMIO",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
	[KVM_EXIT_SHUTDOWN]	= "SHUTDOWN",
	[KVM_EXIT_FAIL_ENTRY]	= "FAIL_ENTRY",
	[KVM_EXIT_INTR]		= "INTR",
	[KVM_EXIT_SET_TPR]	= "SET_TPR",
	[KVM_EXIT_TPR_ACCESS]	= "TPR_ACCESS",
	[KVM_EXIT_NMI]		= "NMI",
	[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
	[KVM_EXIT_SYSTEM_EVENT]	= "SYSTEM_EVENT",
	[KVM_EXIT_IOAPIC_EOI]	= "IOAPIC_EOI",
	[KVM_EXIT_HYPERV]	= "HYPERV",
	[KVM_EXIT_X86_RDMSR]	= "X86_RDMSR",
	[KVM_EXIT_X86_WRMSR]	= "X86_WRMSR",
	[KVM_EXIT_X86_BUS_LOCK]	= "X86_BUS_LOCK",
	[KVM_EXIT_NOTIFY]	= "NOTIFY",
};

const char *exit_name(u32 reason)
{
	return reason < ARRAY_SIZE(names) && names[reason] ? names[reason] : "?";
}

void describe_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs;
	struct ucall uc;

	memset(&regs, 0, sizeof(regs));
	ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	note("exit %u (%s) at rip %#llx rsp %#llx rax %#llx", run->exit_reason,
	     exit_name(run->exit_reason), (unsigned long long)regs.rip,
	     (unsigned long long)regs.rsp, (unsigned long long)regs.rax);
	if (run->exit_reason == KVM_EXIT_IO)
		note("  port %#x size %u count %u %s", run->io.port, run->io.size, run->io.count,
		     run->io.direction ? "out" : "in");
	if (run->exit_reason == KVM_EXIT_MMIO)
		note("  gpa %#llx len %u %s", (unsigned long long)run->mmio.phys_addr,
		     run->mmio.len, run->mmio.is_write ? "write" : "read");
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		note("  suberror %u ndata %u data %#llx %#llx %#llx %#llx", run->internal.suberror,
		     run->internal.ndata, (unsigned long long)run->internal.data[0],
		     (unsigned long long)run->internal.data[1],
		     (unsigned long long)run->internal.data[2],
		     (unsigned long long)run->internal.data[3]);
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		note("  hardware reason %#llx",
		     (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	if (is_ucall(vcpu, &uc))
		note("  ucall %llu: %#llx %#llx %#llx %#llx", (unsigned long long)uc.cmd,
		     (unsigned long long)uc.arg[0], (unsigned long long)uc.arg[1],
		     (unsigned long long)uc.arg[2], (unsigned long long)uc.arg[3]);
}

/* 0 or -errno. */
int run_once(struct vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, 0) ? -errno : 0;
}

static void on_kick(int sig)
{
	(void)sig;
}

/* A guest that may never come back: -EINTR then. For tests of one thread. */
int run_bounded(struct vcpu *vcpu, unsigned int ms)
{
	struct sigaction action = { .sa_handler = on_kick };
	struct itimerval timer = { { 0, 5000 }, { ms / 1000, ms % 1000 * 1000 } };
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ret = run_once(vcpu);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	return ret;
}

/* The exit's reason; a KVM_RUN that fails ends the test. */
u32 run_exit(struct vcpu *vcpu)
{
	int ret;

	do {
		ret = run_once(vcpu);
	} while ((ret == -EINTR && !vcpu->stop) || ret == -EAGAIN);
	if (ret) {
		errno = -ret;
		MUST(!"KVM_RUN");
	}
	return vcpu->run->exit_reason;
}

bool expect_exit(struct vcpu *vcpu, u32 reason, const char *file, int line)
{
	u32 seen = run_exit(vcpu);

	if (seen == reason)
		return true;
	test_fail(file, line, "exit %s, not %s", exit_name(seen), exit_name(reason));
	describe_exit(vcpu);
	return false;
}

void *io_data(struct vcpu *vcpu)
{
	MUST(vcpu->run->io.data_offset < vcpu->vm->run_size);
	return (u8 *)vcpu->run + vcpu->run->io.data_offset;
}

bool is_ucall(struct vcpu *vcpu, struct ucall *uc)
{
	struct kvm_run *run = vcpu->run;
	u32 gpa;

	if (run->exit_reason != KVM_EXIT_IO || run->io.port != UCALL_PORT || run->io.size != 4 ||
	    run->io.direction != KVM_EXIT_IO_OUT)
		return false;
	gpa = *(u32 *)io_data(vcpu);
	if (gpa > RAM_SIZE - sizeof(*uc) || !vcpu->vm->ram)
		return false;
	memcpy(uc, vcpu->vm->ram + gpa, sizeof(*uc));
	return true;
}

static const char *guest_text(u64 p)
{
	extern u8 __executable_start[], _end[];

	return p >= (u64)__executable_start && p < (u64)_end ? (const char *)p : "?";
}

static void complaint(const struct ucall *uc)
{
	test_fail("guest", uc->arg[1], "%s: %#llx, %#llx", guest_text(uc->arg[0]),
		  (unsigned long long)uc->arg[2], (unsigned long long)uc->arg[3]);
}

/* The exit at hand is a ucall, and none of a guest that cannot go on. */
static bool take_ucall(struct vcpu *vcpu, struct ucall *uc)
{
	if (!is_ucall(vcpu, uc)) {
		test_fail("guest", vcpu->id, "exit without a ucall");
		describe_exit(vcpu);
		return false;
	}
	if (uc->cmd == UCALL_FAIL)
		complaint(uc);
	if (uc->cmd == UCALL_SYNC || uc->cmd == UCALL_DONE || uc->cmd == UCALL_FAIL)
		return true;
	test_fail("guest", vcpu->id, "vector %llu error %#llx at rip %#llx, cr2 %#llx",
		  (unsigned long long)uc->arg[0], (unsigned long long)uc->arg[1],
		  (unsigned long long)uc->arg[2], (unsigned long long)uc->arg[3]);
	return false;
}

/* True at SYNC or DONE. A guest's complaint is counted and the guest goes on. */
bool run_to_ucall(struct vcpu *vcpu, struct ucall *uc)
{
	do {
		run_exit(vcpu);
		if (!take_ucall(vcpu, uc))
			return false;
	} while (uc->cmd == UCALL_FAIL && test_failures() <= 30);
	return uc->cmd != UCALL_FAIL;
}

/* The exit at hand is the guest's end. */
void expect_done(struct vcpu *vcpu)
{
	struct ucall uc;

	if (take_ucall(vcpu, &uc))
		EQ(uc.cmd, UCALL_DONE);
}

/* What the guest passed; anything but a SYNC ends the test. */
u64 run_to_sync(struct vcpu *vcpu)
{
	struct ucall uc;

	if (!run_to_ucall(vcpu, &uc))
		test_stop();
	if (uc.cmd != UCALL_SYNC) {
		test_fail("guest", vcpu->id, "done too early");
		test_stop();
	}
	return uc.arg[0];
}

void run_to_done(struct vcpu *vcpu)
{
	struct ucall uc;

	if (run_to_ucall(vcpu, &uc))
		EQ(uc.cmd, UCALL_DONE);
}

/* SIGUSR1 interrupts KVM_RUN and does nothing else. */
void kick_setup(void)
{
	struct sigaction action = { .sa_handler = on_kick };

	sigaction(SIGUSR1, &action, NULL);
}

void vcpu_start(struct vcpu *vcpu, void *(*fn)(void *))
{
	kick_setup();
	vcpu->stop = false;
	MUST(!pthread_create(&vcpu->thread, NULL, fn, vcpu));
}

static void *to_done(void *arg)
{
	run_to_done(arg);
	return NULL;
}

void vcpu_start_to_done(struct vcpu *vcpu)
{
	vcpu_start(vcpu, to_done);
}

void vcpu_kick(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	pthread_kill(vcpu->thread, SIGUSR1);
}

void vcpu_join(struct vcpu *vcpu)
{
	MUST(!pthread_join(vcpu->thread, NULL));
}

/* A vCPU that runs in the background: its complaints count, SYNCs do not matter. */
static void *until_stopped(void *arg)
{
	struct vcpu *vcpu = arg;
	struct ucall uc;
	int ret;

	while (!vcpu->stop) {
		ret = run_once(vcpu);
		if (ret == -EINTR || ret == -EAGAIN)
			continue;
		if (ret) {
			test_fail("guest", vcpu->id, "KVM_RUN: %d", ret);
			break;
		}
		if (!is_ucall(vcpu, &uc) || uc.cmd == UCALL_TRAP) {
			test_fail("guest", vcpu->id, "exit without a ucall, or a trap");
			describe_exit(vcpu);
			break;
		}
		if (uc.cmd == UCALL_FAIL)
			complaint(&uc);
	}
	return NULL;
}

void vcpu_start_until_stopped(struct vcpu *vcpu)
{
	vcpu_start(vcpu, until_stopped);
}

void vcpu_stop(struct vcpu *vcpu)
{
	vcpu->stop = true;
	vcpu_kick(vcpu);
	vcpu_join(vcpu);
	vcpu->run->immediate_exit = 0;
}
