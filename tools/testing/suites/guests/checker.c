// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hook of the small guest that is saved, loaded and migrated: round by round
 * it verifies what must survive, and says "check N: OK" or "check N: FAIL what".
 * A line "bye" on its console ends it.
 *
 *   memory	a pattern in each page that tells the page and when it was written;
 *		a part is rewritten each round, so that there is always more to move
 *   clocks	no clock goes back, on no processor; they agree on a round's length
 *   registers	SSE registers and the floating-point unit, across the rounds' sleep
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define WORDS (PAGE / 8)
#define ROUND_MS 200

static const char *failure;

static void check(int ok, const char *what)
{
	if (!ok && !failure)
		failure = what;
}

static uint64_t now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* --- memory -------------------------------------------------------------------- */

static uint64_t *memory;
static uint32_t *written; /* the round that wrote the page */
static size_t pages;

static uint64_t word(size_t page, uint32_t round, int i)
{
	return (page * 0x9e3779b97f4a7c15ull) ^ ((uint64_t)round << 32) ^ (i * 0x100000001b3ull);
}

static void write_page(size_t page, uint32_t round)
{
	for (int i = 0; i < WORDS; i += 8)
		memory[page * WORDS + i] = word(page, round, i);
	written[page] = round;
}

static int page_is_right(size_t page)
{
	for (int i = 0; i < WORDS; i += 8)
		if (memory[page * WORDS + i] != word(page, written[page], i))
			return 0;
	return 1;
}

static void check_memory(uint32_t round)
{
	for (size_t page = 0; page < pages; page++)
		check(page_is_right(page), "memory");
	for (size_t page = round % 16; page < pages; page += 16)
		write_page(page, round);
}

/* --- clocks -------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_mono, last_tsc;

/* On whatever processor this runs: later than the last one's. */
static void check_order(void)
{
	uint64_t mono, tsc;

	pthread_mutex_lock(&lock);
	mono = now_ns(CLOCK_MONOTONIC);
	tsc = rdtsc();
	check(mono >= last_mono, "CLOCK_MONOTONIC went back");
	check(tsc >= last_tsc, "the TSC went back");
	check(!last_mono || mono - last_mono < 60 * 1000000000ull, "a clock jumped a minute");
	last_mono = mono;
	last_tsc = tsc;
	pthread_mutex_unlock(&lock);
}

static void check_clocks(void)
{
	struct timespec nap = { .tv_nsec = ROUND_MS * 1000000 };
	uint64_t mono = now_ns(CLOCK_MONOTONIC), real = now_ns(CLOCK_REALTIME);
	uint64_t raw = now_ns(CLOCK_MONOTONIC_RAW);
	int64_t apart;

	check_order();
	nanosleep(&nap, NULL);
	check_order();
	mono = now_ns(CLOCK_MONOTONIC) - mono;
	real = now_ns(CLOCK_REALTIME) - real;
	raw = now_ns(CLOCK_MONOTONIC_RAW) - raw;
	check(mono >= ROUND_MS * 1000000ull, "a sleep was short");
	apart = real - mono;
	check(llabs(apart) < 500000000, "CLOCK_REALTIME left CLOCK_MONOTONIC");
	apart = raw - mono;
	check(llabs(apart) < 500000000, "CLOCK_MONOTONIC_RAW left CLOCK_MONOTONIC");
}

/* --- registers ----------------------------------------------------------------- */

/* A system call keeps SSE registers, so that they are loaded while the guest sleeps. */
static void check_registers(uint32_t round)
{
	struct timespec nap = { .tv_nsec = 50 * 1000000 };
	uint64_t in[4] = { round, ~0ull - round, 0x5a5a5a5a5a5a5a5aull ^ round, 1ull << 63 };
	uint64_t out[4] = {};
	uint16_t x87 = 0x27f - 0x200, back = 0;
	long ret = 35; /* nanosleep */

	asm volatile("fldcw %[cw]\n\t"
		     "movdqu (%[in]), %%xmm6\n\t"
		     "movdqu 16(%[in]), %%xmm15\n\t"
		     "syscall\n\t"
		     "movdqu %%xmm6, (%[out])\n\t"
		     "movdqu %%xmm15, 16(%[out])\n\t"
		     "fnstcw %[back]\n\t"
		     "fninit"
		     : "+a"(ret), [back] "=m"(back)
		     : [in] "r"(in), [out] "r"(out), [cw] "m"(x87), "D"(&nap), "S"(NULL)
		     : "rcx", "r11", "xmm6", "xmm15", "memory");
	check(!memcmp(in, out, sizeof(in)), "SSE registers");
	check(back == x87, "the x87's control word");
}

/* --- all of it ----------------------------------------------------------------- */

static void *follow_clocks(void *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((long)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (;;) {
		check_order();
		usleep(20000);
	}
	return NULL;
}

static int told_to_end(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	char line[64];
	ssize_t len;

	if (poll(&in, 1, 0) <= 0)
		return 0;
	len = read(0, line, sizeof(line) - 1);
	if (len <= 0)
		return 0;
	line[len] = 0;
	return !!strstr(line, "bye");
}

int main(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;
	uint32_t round;

	pages = (size_t)sysconf(_SC_AVPHYS_PAGES) / 2;
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	written = calloc(pages, sizeof(*written));
	if (memory == MAP_FAILED || !written)
		return 1;
	if (cpus != sysconf(_SC_NPROCESSORS_CONF)) {
		printf("check: FAIL, only %ld processors came up\n", cpus);
		return 1;
	}
	for (size_t page = 0; page < pages; page++)
		write_page(page, 0);
	for (long cpu = 0; cpu < cpus && cpus > 1; cpu++)
		pthread_create(&thread, NULL, follow_clocks, (void *)cpu);
	printf("check: %zu pages, %ld processors\n", pages, cpus);
	for (round = 1; !failure && !told_to_end(); round++) {
		check_memory(round);
		check_clocks();
		check_registers(round);
		if (failure)
			printf("check %u: FAIL %s\n", round, failure);
		else
			printf("check %u: OK\n", round);
		fflush(stdout);
	}
	printf("check: %s after %u rounds\n", failure ? "FAIL" : "bye", round - 1);
	return failure ? 1 : 0;
}
