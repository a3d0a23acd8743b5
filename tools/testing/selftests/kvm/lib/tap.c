// SPDX-License-Identifier: GPL-2.0-only
/* TAP: one process per test, a time limit, and the count of VMs at the end. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define KSFT_SKIP	4
#define USUAL_LIMIT	25
#define DEBUGFS		"/sys/kernel/debug/kvm"

/* Shared with the process that runs the test. */
static struct outcome {
	unsigned int failures;
	bool skipped;
	char reason[200];
} *outcome;

static pid_t test_pid;

void note(const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("# %s\n", line);
	fflush(stdout);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (__atomic_add_fetch(&outcome->failures, 1, __ATOMIC_SEQ_CST) <= 30)
		note("%s:%d: %s", base ? base + 1 : file, line, text);
}

unsigned int test_failures(void)
{
	return outcome->failures;
}

void test_stop(void)
{
	fflush(stdout);
	_exit(0);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(outcome->reason, sizeof(outcome->reason), fmt, ap);
	va_end(ap);
	outcome->skipped = true;
	test_stop();
}

u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

bool on_stock_kvm(void)
{
	return access(DEBUGFS, R_OK) == 0 && access(DEBUGFS "/vms", F_OK) != 0;
}

/* The host itself is emulated, by QEMU. */
bool on_tcg(void)
{
	u32 a = 0x40000000, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b == 0x54474354;
}

/* The host itself is emulated, by Bochs. */
bool on_bochs(void)
{
	char text[32] = "";
	int fd = open("/sys/class/dmi/id/bios_vendor", O_RDONLY);

	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return !strcmp(text, "The Bochs Project\n");
}

/* The host's CPU has SVM; VMX if not. */
bool on_amd(void)
{
	u32 a = 0x80000001, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 2 & 1;
}

/* A switch among the parameters of the module in use is there, and on. */
bool module_has(const char *parameter)
{
	char path[96];
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s",
		 on_amd() ? "kvm_amd" : "kvm_intel", parameter);
	f = fopen(path, "r");
	c = f ? fgetc(f) : 0;
	if (f)
		fclose(f);
	return c == 'Y' || c == '1';
}

/* The CPU walks two sets of tables; if not, KVM makes one of them. */
bool nested_paging(void)
{
	return module_has(on_amd() ? "npt" : "ept");
}

/* Ours on a CPU that delivers interrupts itself */
bool hardware_delivers(void)
{
	return !on_stock_kvm() && !on_amd() && module_has("enable_apicv");
}

/* For tests whose guests end, or may end, in a triple fault. */
void needs_shutdown_exits(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM has no shutdown exit: a triple fault ends the emulator");
}

/* For tests that count on an interrupt in the window right behind an exit. */
void needs_prompt_interrupts(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM is late with an interrupt that waits behind an exit");
}

/* For tests whose guests look at CR2. */
void needs_cr2(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM does not switch CR2");
}

/* A directory per VM is named after its creator and fd: 123-4. */
static int count_vm_directories(void)
{
	struct dirent *entry;
	DIR *dir = opendir(DEBUGFS);
	int count = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		count += isdigit(entry->d_name[0]) && strchr(entry->d_name, '-');
	closedir(dir);
	return count;
}

int vms_in_host(void)
{
	char text[32] = "";
	int fd = open(DEBUGFS "/vms", O_RDONLY);

	if (fd < 0)
		return count_vm_directories();
	if (read(fd, text, sizeof(text) - 1) <= 0)
		strcpy(text, "-1");
	close(fd);
	return atoi(text);
}

/* The last reference may be dropped a moment after the last close. */
bool vms_settle(int count)
{
	u64 end = now_ns() + 5000000000ull;

	while (vms_in_host() != count) {
		if (now_ns() > end)
			return false;
		sleep_ms(2);
	}
	return true;
}

static void child(const struct test *test, const sigset_t *mask)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	test->fn();
	test_stop();
}

/* The status of the test's process; -1 when it had to be killed. */
static int wait_for(pid_t pid, unsigned int limit)
{
	u64 end = now_ns() + limit * 1000000000ull, grace = end + 10000000000ull;
	struct timespec tick = { 0, 100000000 };
	bool killed = false;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ns() > grace)
			return -1;
		if (!killed && now_ns() > end) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			killed = true;
		}
		sigtimedwait(&set, NULL, &tick);
	}
	kill(-pid, SIGKILL);
	return killed ? -1 : status;
}

unsigned int test_patience(void)
{
	const char *patience = getenv("PATIENCE");

	return patience && atoi(patience) > 1 ? atoi(patience) : 1;
}

static bool run_one(const struct test *test, const sigset_t *mask)
{
	unsigned int limit = (test->limit ? test->limit : USUAL_LIMIT) * test_patience();
	int status;

	memset(outcome, 0, sizeof(*outcome));
	fflush(stdout);
	test_pid = fork();
	if (test_pid == 0)
		child(test, mask);
	if (test_pid < 0) {
		note("fork failed, errno %d", errno);
		return false;
	}
	setpgid(test_pid, test_pid);
	status = wait_for(test_pid, limit);
	if (status == -1)
		note("stopped after %u s", limit);
	else if (WIFSIGNALED(status))
		note("died of signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		note("ended with %d", WEXITSTATUS(status));
	return !outcome->failures && status == 0;
}

static bool chosen(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return true;
	}
	return false;
}

/* Names are C's: the line shows them as words. */
static void result(bool ok, unsigned int nr, const char *name)
{
	char text[100];
	size_t i;

	snprintf(text, sizeof(text), "%s", name);
	for (i = 0; text[i]; i++) {
		if (text[i] == '_')
			text[i] = ' ';
	}
	printf("%s %u - %s%s%s\n", ok ? "ok" : "not ok", nr, text,
	       ok && outcome->skipped ? " # SKIP " : "",
	       ok && outcome->skipped ? outcome->reason : "");
	fflush(stdout);
}

static bool no_vm_left(int before)
{
	memset(outcome, 0, sizeof(*outcome));
	if (before < 0) {
		outcome->skipped = true;
		strcpy(outcome->reason, "debugfs is not mounted or not readable");
		return true;
	}
	if (vms_settle(before))
		return true;
	note("%d VMs in the host, %d before", vms_in_host(), before);
	return false;
}

int test_main(const struct test *tests, size_t count, int argc, char **argv)
{
	unsigned int nr = 0, failed = 0;
	sigset_t block, mask;
	int before = vms_in_host();
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "-l")) {
		for (size_t i = 0; i < count; i++)
			puts(tests[i].name);
		return 0;
	}
	if (access("/dev/kvm", R_OK | W_OK)) {
		printf("TAP version 13\n1..0 # SKIP cannot use /dev/kvm, errno %d\n", errno);
		return KSFT_SKIP;
	}
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &mask);
	puts("TAP version 13");
	for (size_t i = 0; i < count; i++) {
		if (!chosen(tests[i].name, argc, argv))
			continue;
		ok = run_one(&tests[i], &mask);
		failed += !ok;
		result(ok, ++nr, tests[i].name);
	}
	ok = no_vm_left(before);
	failed += !ok;
	result(ok, ++nr, "no VM is left");
	printf("1..%u\n", nr);
	return failed != 0;
}
