// SPDX-License-Identifier: GPL-2.0-only
/* Fixed devices, by their registers: serial port, clock, power, panic, keyboard controller. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "box.h"
#include "bus.h"
#include "device.h"
#include "irq.h"
#include "loop.h"
#include "term.h"

#define COM1	0x3f8

static int out_pipe[2], in_pipe[2];

/* The machine's terminal: this test at the other end of two pipes. */
static int plug_terminal(void)
{
	int tap = dup(STDOUT_FILENO);

	fflush(stdout);
	if (tap < 0 || pipe(out_pipe) || pipe(in_pipe) || dup2(in_pipe[0], 0) < 0 ||
	    dup2(out_pipe[1], 1) < 0)
		return -1;
	stdout = fdopen(tap, "w");
	return stdout ? 0 : -1;
}

/* Waits for one input byte to reach the receiver; false after a second. */
static bool wait_rx(struct vmm *vmm)
{
	for (int i = 0; i < 1000; i++) {
		if (box_in(vmm, COM1 + 5, 1) & 1)
			return true;
		usleep(1000);
	}
	return false;
}

static void test_uart_output(struct vmm *vmm)
{
	struct pollfd p = { .fd = out_pipe[0], .events = POLLIN };
	char buf[16] = "";

	ok((box_in(vmm, COM1 + 5, 1) & 0x60) == 0x60, "serial: the transmitter is empty");
	box_out(vmm, COM1, 'h', 1);
	box_out(vmm, COM1, 'i', 1);
	ok(poll(&p, 1, 1000) == 1 && read(out_pipe[0], buf, sizeof(buf)) == 2 &&
	   !strcmp(buf, "hi"), "serial: bytes come out soon, without a newline");
}

static void test_uart_irq(struct vmm *vmm)
{
	box_out(vmm, COM1 + 1, 0x02, 1);
	ok(!irq_line_up(vmm, 4), "serial: OUT2 off keeps the interrupt in");
	box_out(vmm, COM1 + 4, 0x0b, 1);
	ok(irq_line_up(vmm, 4), "serial: an empty transmitter interrupts when asked to");
	ok((box_in(vmm, COM1 + 2, 1) & 0xf) == 0x2 && !irq_line_up(vmm, 4),
	   "serial: reading its identification clears it");
	ok((box_in(vmm, COM1 + 2, 1) & 0xf) == 0x1, "serial: then there is none");
	box_out(vmm, COM1, '\n', 1);
	ok(irq_line_up(vmm, 4), "serial: sent, and empty again");
	box_out(vmm, COM1 + 1, 0x01, 1);
	ok(!irq_line_up(vmm, 4), "serial: not asked for any more");
}

static void test_uart_input(struct vmm *vmm)
{
	char text[200];
	unsigned int got = 0;

	box_out(vmm, COM1 + 2, 0x01, 1);
	memset(text, 'x', sizeof(text));
	text[0] = 'a';
	text[sizeof(text) - 1] = 'z';
	ok(write(in_pipe[1], text, 1) == 1 && wait_rx(vmm) && irq_line_up(vmm, 4),
	   "serial: input interrupts");
	ok((box_in(vmm, COM1 + 2, 1) & 0xcf) == 0xc4 && box_in(vmm, COM1, 1) == 'a' &&
	   !irq_line_up(vmm, 4), "serial: read, and quiet");
	ok(write(in_pipe[1], text, sizeof(text)) == sizeof(text), "serial: more than fits");
	while (got < sizeof(text) && wait_rx(vmm) &&
	       box_in(vmm, COM1, 1) == (uint8_t)text[got])
		got++;
	ok(got == sizeof(text) && !(box_in(vmm, COM1 + 5, 1) & 2),
	   "serial: nothing lost, nothing overrun");
}

static void test_uart_loop(struct vmm *vmm)
{
	box_out(vmm, COM1 + 4, 0x10 | 0x0a, 1);
	ok((box_in(vmm, COM1 + 6, 1) & 0xf0) == 0x90, "serial: loop-back of the modem lines");
	for (int i = 0; i < 100; i++)
		box_out(vmm, COM1, (uint32_t)i, 1);
	ok((box_in(vmm, COM1 + 5, 1) & 3) == 3, "serial: loop-back of data, and overrun");
	ok(!(box_in(vmm, COM1 + 5, 1) & 2), "serial: reading clears the overrun");
	box_out(vmm, COM1 + 2, 0x03, 1);
	ok(!(box_in(vmm, COM1 + 5, 1) & 1), "serial: the FIFO can be cleared");
	box_out(vmm, COM1 + 4, 0x0b, 1);
	box_out(vmm, COM1 + 3, 0x83, 1);
	box_out(vmm, COM1, 0x34, 1);
	box_out(vmm, COM1 + 1, 0x12, 1);
	ok(box_in(vmm, COM1, 1) == 0x34 && box_in(vmm, COM1 + 1, 1) == 0x12, "serial: divisor");
	box_out(vmm, COM1 + 3, 0x03, 1);
	ok(box_in(vmm, COM1 + 1, 1) == 1, "serial: the divisor is apart from the registers");
	box_out(vmm, COM1 + 7, 0xa5, 1);
	ok(box_in(vmm, COM1 + 7, 1) == 0xa5, "serial: scratch");
	ok(box_in(vmm, COM1, 2) == 0xffff, "serial: wide accesses are nobody's");
}

static uint8_t cmos(struct vmm *vmm, uint8_t reg)
{
	box_out(vmm, 0x70, reg, 1);
	return (uint8_t)box_in(vmm, 0x71, 1);
}

static void cmos_set(struct vmm *vmm, uint8_t reg, uint8_t v)
{
	box_out(vmm, 0x70, reg, 1);
	box_out(vmm, 0x71, v, 1);
}

static int bcd(uint8_t v)
{
	return (v >> 4) * 10 + (v & 15);
}

static void test_rtc(struct vmm *vmm)
{
	time_t now = time(NULL);
	struct tm tm = { 0 };

	tm.tm_sec = bcd(cmos(vmm, 0));
	tm.tm_min = bcd(cmos(vmm, 2));
	tm.tm_hour = bcd(cmos(vmm, 4));
	tm.tm_mday = bcd(cmos(vmm, 7));
	tm.tm_mon = bcd(cmos(vmm, 8)) - 1;
	tm.tm_year = bcd(cmos(vmm, 0x32)) * 100 + bcd(cmos(vmm, 9)) - 1900;
	ok(labs((long)(timegm(&tm) - now)) <= 2, "clock: the host's time");
	ok(cmos(vmm, 0xd) == 0x80 && !(cmos(vmm, 0xa) & 0x80), "clock: valid, not updating");
	cmos_set(vmm, 0xb, 0x82);
	cmos_set(vmm, 4, 0x23);
	cmos_set(vmm, 9, 0x31);
	cmos_set(vmm, 0xb, 0x02);
	ok(cmos(vmm, 4) == 0x23 && cmos(vmm, 9) == 0x31, "clock: can be set");
	cmos_set(vmm, 0xb, 0x00);
	ok(cmos(vmm, 4) == 0x91, "clock: 12-hour form, 11 p.m.");
	cmos_set(vmm, 0xb, 0x06);
	ok(cmos(vmm, 4) == 23, "clock: binary form");
	cmos_set(vmm, 0x40, 0x77);
	ok(cmos(vmm, 0x40) == 0x77 && cmos(vmm, 0xc0) == 0x77, "clock: memory, NMI bit ignored");
	for (unsigned int i = 0; i < 256; i++)
		cmos_set(vmm, (uint8_t)i, 0xff);
	cmos_set(vmm, 0xb, 0x02);
	ok(cmos(vmm, 0xd) == 0x80, "clock: survives nonsense in every register");
}

static void test_pm(struct vmm *vmm)
{
	uint32_t t = box_in(vmm, 0x608, 4), d;

	usleep(20000);
	d = box_in(vmm, 0x608, 4) - t;
	ok(d > 3579545 / 50 && d < 3579545, "power: the timer runs at 3.58 MHz (%u in 20 ms)", d);
	ok(box_in(vmm, 0x604, 2) & 1, "power: ACPI is on");
	vmm->power_button(vmm->power_button_dev);
	ok(box_in(vmm, 0x600, 2) == 0x100, "power: the button is seen");
	box_out(vmm, 0x602, 0x100, 2);
	ok(box_in(vmm, 0x602, 2) == 0x100, "power: enabled");
	box_out(vmm, 0x600, 0x100, 2);
	ok(!box_in(vmm, 0x600, 2), "power: writing one clears it");
	box_out(vmm, 0x604, 0x2000 | 3 << 10, 2);
	ok(box_stopped(vmm) == -1, "power: an unknown sleep type is ignored");
}

static void ends(const char *what, uint16_t port, uint32_t val, unsigned int len, int code)
{
	struct vmm vmm;

	if (box_open(&vmm, "--memory 16M --no-rng --console virtio"))
		bail_out("no machine");
	box_out(&vmm, port, val, len);
	ok(box_stopped(&vmm) == code, "%s: code %d", what, code);
	box_close(&vmm);
}

static void test_keyboard(struct vmm *vmm)
{
	ok(!(box_in(vmm, 0x64, 1) & 1), "keyboard: no data");
	box_out(vmm, 0x64, 0xaa, 1);
	ok((box_in(vmm, 0x64, 1) & 1) && box_in(vmm, 0x60, 1) == 0x55, "keyboard: self test");
	box_out(vmm, 0x64, 0xab, 1);
	ok(box_in(vmm, 0x60, 1) != 0, "keyboard: nothing is plugged in");
}

int main(void)
{
	struct vmm vmm;

	box_quiet();
	if (plug_terminal() || box_open(&vmm, "--memory 16M --no-rng"))
		bail_out("no machine");
	term_start(&vmm);
	loop_start(&vmm);
	test_uart_output(&vmm);
	test_uart_irq(&vmm);
	test_uart_input(&vmm);
	test_uart_loop(&vmm);
	test_rtc(&vmm);
	test_pm(&vmm);
	test_keyboard(&vmm);
	box_close(&vmm);

	ends("sleep type S5", 0x604, 0x2000 | 5 << 10, 2, VMM_EXIT_POWEROFF);
	ends("reset register", 0xcf9, 6, 1, VMM_EXIT_RESET);
	ends("keyboard controller's reset", 0x64, 0xfe, 1, VMM_EXIT_RESET);
	ends("panic port", 0x505, 1, 1, VMM_EXIT_PANIC);
	ends("crash kernel loaded", 0x505, 2, 1, -1);
	ends("post code", 0x80, 1, 1, -1);
	return tap_end();
}
