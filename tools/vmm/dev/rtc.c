// SPDX-License-Identifier: GPL-2.0-only
/*
 * MC146818 real-time clock with 128 bytes of CMOS memory. The time is the
 * host's plus what the guest set. Not done: the periodic interrupt (PIE),
 * which Linux makes from its own timers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "irq.h"
#include "isa.h"
#include "loop.h"
#include "vmm.h"

enum { SEC, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, WDAY, MDAY, MONTH, YEAR,
       REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32, CMOS_SIZE = 128 };

#define A_DIVIDER	0x26	/* 32,768 Hz, running */
#define B_24H		0x02
#define B_BINARY	0x04
#define B_UPDATE	0x10
#define B_ALARM		0x20
#define B_SET		0x80
#define C_UPDATE	0x10
#define C_ALARM		0x20
#define C_IRQ		0x80
#define D_VALID		0x80
#define ANY		0xc0	/* an alarm byte with both bits set matches all */
#define NS		1000000000u

/* All under the device's lock. */
struct rtc {
	struct vmm_dev *dev;
	struct irq *irq;
	struct loop_timer *tick;	/* runs while an interrupt is enabled */
	uint8_t index;
	uint8_t cmos[CMOS_SIZE];
	int64_t offset;			/* seconds, guest less host */
};

static uint8_t encode(const struct rtc *r, int v)
{
	return (uint8_t)(r->cmos[REG_B] & B_BINARY ? v : (v / 10 << 4) | v % 10);
}

static int decode(const struct rtc *r, uint8_t v)
{
	return r->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const struct rtc *r, int h)
{
	if (r->cmos[REG_B] & B_24H)
		return encode(r, h);
	return (uint8_t)(encode(r, h % 12 ? h % 12 : 12) | (h >= 12 ? 0x80 : 0));
}

static int decode_hour(const struct rtc *r, uint8_t v)
{
	if (r->cmos[REG_B] & B_24H)
		return decode(r, v);
	return decode(r, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

/* The time registers as of now; they stand still while SET is on. */
static void refresh(struct rtc *r)
{
	time_t now = time(NULL) + (time_t)r->offset;
	struct tm tm;

	if ((r->cmos[REG_B] & B_SET) || !gmtime_r(&now, &tm))
		return;
	r->cmos[SEC] = encode(r, tm.tm_sec % 60);
	r->cmos[MIN] = encode(r, tm.tm_min);
	r->cmos[HOUR] = encode_hour(r, tm.tm_hour);
	r->cmos[WDAY] = (uint8_t)(tm.tm_wday + 1);
	r->cmos[MDAY] = encode(r, tm.tm_mday);
	r->cmos[MONTH] = encode(r, tm.tm_mon + 1);
	r->cmos[YEAR] = encode(r, tm.tm_year % 100);
	r->cmos[CENTURY] = encode(r, (tm.tm_year + 1900) / 100);
}

/* The guest wrote the time: keep the difference. Nonsense dates are normalised. */
static void take(struct rtc *r)
{
	struct tm tm = {
		.tm_sec = decode(r, r->cmos[SEC]), .tm_min = decode(r, r->cmos[MIN]),
		.tm_hour = decode_hour(r, r->cmos[HOUR]), .tm_mday = decode(r, r->cmos[MDAY]),
		.tm_mon = decode(r, r->cmos[MONTH]) - 1,
		.tm_year = decode(r, r->cmos[CENTURY]) * 100 + decode(r, r->cmos[YEAR]) - 1900,
	};

	r->offset = (int64_t)timegm(&tm) - (int64_t)time(NULL);
}

static bool alarm_now(const struct rtc *r)
{
	for (unsigned int i = SEC; i <= HOUR; i += 2) {
		uint8_t want = r->cmos[i + 1];

		if ((want & ANY) != ANY && want != r->cmos[i])
			return false;
	}
	return true;
}

static void update_irq(struct rtc *r)
{
	uint8_t on = r->cmos[REG_C] & r->cmos[REG_B] & (B_UPDATE | B_ALARM);

	r->cmos[REG_C] &= (uint8_t)~C_IRQ;
	if (on)
		r->cmos[REG_C] |= C_IRQ;
	irq_set(r->irq, on != 0);
}

/* At the next full second of the host's clock, if anything waits for it. */
static void arm(struct rtc *r)
{
	bool wanted = (r->cmos[REG_B] & (B_UPDATE | B_ALARM)) && !(r->cmos[REG_B] & B_SET);
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	loop_timer_set(r->tick, wanted ? loop_now_ns() + NS - (uint64_t)ts.tv_nsec : 0);
}

static void on_tick(void *opaque)
{
	struct rtc *r = opaque;

	pthread_mutex_lock(&r->dev->lock);
	refresh(r);
	r->cmos[REG_C] |= C_UPDATE;
	if (alarm_now(r))
		r->cmos[REG_C] |= C_ALARM;
	update_irq(r);
	arm(r);
	pthread_mutex_unlock(&r->dev->lock);
}

static uint8_t rtc_read(struct rtc *r)
{
	uint8_t v;

	if (r->index < REG_A || r->index == CENTURY)
		refresh(r);
	v = r->cmos[r->index];
	if (r->index == REG_C) {
		r->cmos[REG_C] = 0;
		update_irq(r);
	}
	return v;
}

static void rtc_write(struct rtc *r, uint8_t v)
{
	bool time_reg = r->index == CENTURY ||
			(r->index <= YEAR && (r->index > HOUR_ALARM || !(r->index & 1)));
	uint8_t was = r->cmos[REG_B];

	switch (r->index) {
	case REG_A:
		r->cmos[REG_A] = v & 0x7f;
		return;
	case REG_B:
		if (v & ~was & B_SET)
			refresh(r);
		r->cmos[REG_B] = v;
		if (was & ~v & B_SET)
			take(r);
		update_irq(r);
		arm(r);
		return;
	case REG_C:
	case REG_D:
		return;
	}
	if (time_reg)
		refresh(r);
	r->cmos[r->index] = v;
	if (time_reg && !(was & B_SET))
		take(r);
}

/* Bit 7 of the index port is the PC's NMI gate, which is always open here. */
static int rtc_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct rtc *r = opaque;
	uint8_t *p = data;

	if (len != 1)
		return -EINVAL;
	if (offset == 0) {
		if (write)
			r->index = *p & (CMOS_SIZE - 1);
		return 0;
	}
	if (write)
		rtc_write(r, *p);
	else
		*p = rtc_read(r);
	return 0;
}

static void rtc_reset(struct vmm_dev *dev)
{
	struct rtc *r = dev->priv;

	/* The clock is battery-backed: only interrupts go off. */
	pthread_mutex_lock(&dev->lock);
	r->cmos[REG_B] &= (uint8_t)~(B_UPDATE | B_ALARM);
	r->cmos[REG_C] = 0;
	r->index = 0;
	update_irq(r);
	arm(r);
	pthread_mutex_unlock(&dev->lock);
}

static int rtc_create(struct vmm_dev *dev)
{
	struct rtc *r = calloc(1, sizeof(*r));
	uint32_t gsi;
	int ret;

	if (!r)
		return -ENOMEM;
	dev->priv = r;
	r->dev = dev;
	r->cmos[REG_A] = A_DIVIDER;
	r->cmos[REG_B] = B_24H;
	r->cmos[REG_D] = D_VALID;
	ret = dev_prop_irq(dev, 0, &gsi);
	if (ret)
		return ret;
	r->irq = irq_line(dev->vmm, gsi);
	r->tick = loop_timer(dev->vmm, on_tick, r);
	if (!r->irq || !r->tick)
		return -ENOMEM;
	return isa_claim(dev, "rtc", rtc_access, r);
}

static void rtc_destroy(struct vmm_dev *dev)
{
	struct rtc *r = dev->priv;

	if (!r)
		return;
	isa_release(dev);
	loop_timer_free(r->tick);
	irq_free(r->irq);
	free(r);
}

VMM_DEVICE(rtc,
	.compatible = "motorola,mc146818",
	.phase = DEV_PLATFORM,
	.create = rtc_create,
	.reset = rtc_reset,
	.destroy = rtc_destroy);
