// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb-check SOCKET [software] [hardware]: what gdb does to a guest, through QEMU's
 * stub: interruptions, memory, single steps over instructions that exit and that do
 * not; and software breakpoints; and hardware breakpoints and a watchpoint.
 * The guest is debugged.S.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define AROUND	0x101000ull
#define FUNC	0x101040ull
#define COUNTER 0x101080ull

static int stub, results, failures;
static char reply[8192];

static void result(int ok, const char *what)
{
	printf("gdb: %s: %s%.400s\n", what, ok ? "OK" : "FAIL, the stub said ",
	       ok ? "" : reply);
	results++;
	failures += !ok;
}

static int next(void)
{
	unsigned char c;

	if (read(stub, &c, 1) != 1) {
		printf("gdb: FAIL, no answer\n");
		exit(1);
	}
	return c;
}

/* A packet: $...#xx, acknowledged. */
static const char *receive(void)
{
	size_t len = 0;
	int c;

	while (next() != '$')
		;
	while ((c = next()) != '#' && len < sizeof(reply) - 1)
		reply[len++] = c;
	reply[len] = 0;
	next();
	next();
	if (write(stub, "+", 1) != 1)
		exit(1);
	return reply;
}

static void send_packet(const char *text)
{
	unsigned char sum = 0;
	char stale[256];

	/* A stop that crossed an interruption was told twice. */
	while (recv(stub, stale, sizeof(stale), MSG_DONTWAIT) > 0)
		;

	for (const char *p = text; *p; p++)
		sum += *p;
	dprintf(stub, "$%s#%02x", text, sum);
}

static int stopped(void)
{
	return reply[0] == 'T' || reply[0] == 'S';
}

/* QEMU tells of stops that nobody asked for, first of all when it is connected to. */
static const char *ask(const char *text)
{
	int want_stop = strchr("?cs", text[0]) && !text[1];

	send_packet(text);
	do
		receive();
	while (reply[0] != 'W' && stopped() != want_stop);
	return reply;
}

static int ask_ok(const char *text)
{
	return !strcmp(ask(text), "OK");
}

/* @digits of hexadecimal, the lowest byte first. */
static uint64_t little(const char *hex, int digits)
{
	uint64_t value = 0;

	for (int i = digits - 2; i >= 0; i -= 2) {
		char byte[3] = { hex[i], hex[i + 1], 0 };

		value = value << 8 | strtoul(byte, NULL, 16);
	}
	return value;
}

/* QEMU has the 64-bit layout, 16 registers before RIP, for 32-bit code too. */
static uint64_t rip(void)
{
	const char *regs = ask("g");

	return strlen(regs) > 17 * 16 ? little(regs + 16 * 16, 16) : 0;
}

static uint64_t counter(void)
{
	char packet[32];

	snprintf(packet, sizeof(packet), "m%llx,4", COUNTER);
	return little(ask(packet), 8);
}

static int runs_to(uint64_t where)
{
	ask("c");
	return stopped() && rip() == where;
}

static int steps_to(uint64_t where)
{
	ask("s");
	return stopped() && rip() == where;
}

static void breakpoints(char kind, const char *name)
{
	char packet[64], what[64];
	uint64_t before;

	snprintf(packet, sizeof(packet), "Z%c,%llx,1", kind, FUNC);
	snprintf(what, sizeof(what), "a %s breakpoint is set", name);
	result(ask_ok(packet), what);
	snprintf(what, sizeof(what), "a %s breakpoint stops the guest", name);
	result(runs_to(FUNC), what);
	/* Over it as gdb goes: without it, by a step. */
	packet[0] = 'z';
	result(ask_ok(packet), "it is removed");
	result(steps_to(FUNC + 6), "a step from where it was");
	packet[0] = 'Z';
	result(ask_ok(packet), "it is set again");
	before = counter();
	snprintf(what, sizeof(what), "a %s breakpoint stops it again", name);
	result(runs_to(FUNC) && counter() == before, what);
	packet[0] = 'z';
	result(ask_ok(packet), "it is removed");
}

static void steps(void)
{
	static const struct {
		uint64_t rip;
		const char *what;
	} way[] = {
		{ AROUND + 1, "a step over INC" },
		{ AROUND + 2, "a step over NOP" },
		{ AROUND + 4, "a step over XOR" },
		{ AROUND + 6, "a step over CPUID" },
		{ AROUND + 8, "a step over OUT" },
		{ FUNC, "a step into CALL" },
		{ FUNC + 6, "a step over a write to memory" },
		{ FUNC + 7, "a step over NOP" },
		{ AROUND + 13, "a step over RET" },
		{ AROUND, "a step over JMP" },
	};
	uint64_t before = counter();

	for (int tries = 0; tries < 12 && !steps_to(AROUND); tries++)
		;
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++)
		result(steps_to(way[i].rip), way[i].what);
	result(counter() - before <= 2, "the steps were single ones");
}

static void watchpoint(void)
{
	char packet[64];
	uint64_t before;

	snprintf(packet, sizeof(packet), "Z2,%llx,4", COUNTER);
	result(ask_ok(packet), "a watchpoint is set");
	before = counter();
	ask("c");
	result(stopped() && strstr(reply, "watch"), "a watchpoint stops the guest");
	result(rip() == FUNC + 6 && counter() == before + 1, "behind the write");
	packet[0] = 'z';
	result(ask_ok(packet), "it is removed");
}

static void run_and_interrupt(void)
{
	send_packet("c");
	usleep(300000);
	if (write(stub, "\x03", 1) != 1)
		exit(1);
	do
		receive();
	while (!stopped());
}

/* Firmware is the first to run. */
static void interruption(void)
{
	uint64_t before, where = 0;

	for (int tries = 0; tries < 100 && (where < AROUND || where > COUNTER); tries++) {
		run_and_interrupt();
		where = rip();
	}
	result(where >= AROUND && where < COUNTER, "a running guest is interrupted");
	before = counter();
	run_and_interrupt();
	result(counter() > before + 10, "it runs between interruptions");
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 2;
	strcpy(addr.sun_path, argv[1]);
	stub = socket(AF_UNIX, SOCK_STREAM, 0);
	for (int tries = 0; connect(stub, (struct sockaddr *)&addr, sizeof(addr)); tries++) {
		if (tries == 100) {
			perror(argv[1]);
			return 1;
		}
		usleep(100000);
	}
	setsockopt(stub, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ask("qSupported");
	ask("?");
	result(stopped(), "the guest waits");
	interruption();
	steps();
	for (int i = 2; i < argc; i++) {
		breakpoints(argv[i][0] == 's' ? '0' : '1', argv[i]);
		if (argv[i][0] == 'h')
			watchpoint();
	}
	printf("gdb: %d of %d good\n", results - failures, results);
	return failures ? 1 : 0;
}
