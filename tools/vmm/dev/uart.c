// SPDX-License-Identifier: GPL-2.0-only
/*
 * 16550A serial port (PC16550D data sheet). The line has no speed: what is
 * written is sent at once, so the transmitter is always empty.
 */
#include <stdlib.h>
#include <string.h>

#include "irq.h"
#include "isa.h"
#include "log.h"
#include "term.h"
#include "vmm.h"

#define RX_ROOM		64	/* the guest asks for at most 16 at a time */

enum reg { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RX		0x01
#define IER_TX		0x02
#define IER_LINE	0x04
#define IER_MODEM	0x08
#define IIR_NONE	0x01
#define IIR_MODEM	0x00
#define IIR_TX		0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define LCR_DLAB	0x80
#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define LSR_READY	0x01
#define LSR_OVERRUN	0x02
#define LSR_EMPTY	0x60	/* holding and shift register */
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80

/* All under the device's lock. */
struct uart {
	struct vmm_dev *dev;
	struct irq *irq;
	bool stdio;
	uint8_t ier, fcr, lcr, mcr, lsr_errors, scr, dll, dlm;
	uint8_t msr_delta;
	bool tx_pending;		/* the transmitter emptied and nobody looked */
	uint8_t rx[RX_ROOM];
	unsigned int rx_head, rx_len;
};

/* The highest of what is enabled and pending, table II of the data sheet. */
static uint8_t cause(const struct uart *u)
{
	if ((u->ier & IER_LINE) && u->lsr_errors)
		return IIR_LINE;
	if ((u->ier & IER_RX) && u->rx_len)
		return IIR_RX;
	if ((u->ier & IER_TX) && u->tx_pending)
		return IIR_TX;
	if ((u->ier & IER_MODEM) && u->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

/* On a PC the interrupt passes a gate that OUT2 opens (closed in loop mode). */
static void update(struct uart *u)
{
	bool open = (u->mcr & MCR_OUT2) && !(u->mcr & MCR_LOOP);

	irq_set(u->irq, open && cause(u) != IIR_NONE);
}

static void rx_push(struct uart *u, uint8_t byte)
{
	if (u->rx_len == RX_ROOM) {
		u->lsr_errors |= LSR_OVERRUN;
		return;
	}
	u->rx[(u->rx_head + u->rx_len++) % RX_ROOM] = byte;
}

static uint8_t rx_pop(struct uart *u)
{
	uint8_t byte;

	if (!u->rx_len)
		return 0;
	byte = u->rx[u->rx_head];
	u->rx_head = (u->rx_head + 1) % RX_ROOM;
	if (!--u->rx_len && u->stdio)
		term_room(u->dev->vmm);
	return byte;
}

static uint8_t modem_status(const struct uart *u)
{
	uint8_t s = MSR_CTS | MSR_DSR | MSR_DCD;

	if (u->mcr & MCR_LOOP)
		s = (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
		    (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
	return s;
}

static void write_mcr(struct uart *u, uint8_t v)
{
	uint8_t before = modem_status(u), now;

	u->mcr = v & 0x1f;
	now = modem_status(u);
	/* Delta bits are the changes, but ring counts its trailing edge only. */
	u->msr_delta |= ((before ^ now) & ~MSR_RI) >> 4;
	if (before & ~now & MSR_RI)
		u->msr_delta |= MSR_RI >> 4;
}

static void write_fcr(struct uart *u, uint8_t v)
{
	/* Switching the FIFOs on or off empties them. */
	if (((v ^ u->fcr) & FCR_ENABLE) || (v & FCR_CLEAR_RX)) {
		u->rx_len = 0;
		if (u->stdio)
			term_room(u->dev->vmm);
	}
	u->fcr = v & 0xc9;
}

static void transmit(struct uart *u, uint8_t v)
{
	if (u->mcr & MCR_LOOP)
		rx_push(u, v);
	else if (u->stdio)
		term_write(u->dev->vmm, &v, 1);
	u->tx_pending = true;
}

static void uart_write(struct uart *u, enum reg reg, uint8_t v)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR:
		if (dlab)
			u->dll = v;
		else
			transmit(u, v);
		break;
	case IER:
		if (dlab) {
			u->dlm = v;
			break;
		}
		if (v & ~u->ier & IER_TX)
			u->tx_pending = true;
		u->ier = v & 0xf;
		break;
	case IIR_FCR:
		write_fcr(u, v);
		break;
	case LCR:
		u->lcr = v;
		break;
	case MCR:
		write_mcr(u, v);
		break;
	case SCR:
		u->scr = v;
		break;
	case LSR:
	case MSR:
		break;		/* factory test only */
	}
}

static uint8_t uart_read(struct uart *u, enum reg reg)
{
	bool dlab = u->lcr & LCR_DLAB;
	uint8_t v = 0;

	switch (reg) {
	case RBR_THR:
		return dlab ? u->dll : rx_pop(u);
	case IER:
		return dlab ? u->dlm : u->ier;
	case IIR_FCR:
		v = cause(u);
		if (v == IIR_TX)
			u->tx_pending = false;
		return v | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0);
	case LCR:
		return u->lcr;
	case MCR:
		return u->mcr;
	case LSR:
		v = u->lsr_errors | LSR_EMPTY | (u->rx_len ? LSR_READY : 0);
		u->lsr_errors = 0;
		return v;
	case MSR:
		v = modem_status(u) | u->msr_delta;
		u->msr_delta = 0;
		return v;
	case SCR:
		return u->scr;
	}
	return v;
}

static int uart_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct uart *u = opaque;
	uint8_t *p = data;

	if (len != 1)
		return -EINVAL;
	if (write)
		uart_write(u, (enum reg)offset, *p);
	else
		*p = uart_read(u, (enum reg)offset);
	update(u);
	return 0;
}

static size_t uart_input(void *opaque, const uint8_t *buf, size_t len)
{
	struct uart *u = opaque;
	size_t n = 0;

	pthread_mutex_lock(&u->dev->lock);
	while (n < len && u->rx_len < RX_ROOM)
		rx_push(u, buf[n++]);
	update(u);
	pthread_mutex_unlock(&u->dev->lock);
	return n;
}

static void uart_reset(struct vmm_dev *dev)
{
	struct uart *u = dev->priv;

	pthread_mutex_lock(&dev->lock);
	u->ier = u->fcr = u->lcr = u->mcr = u->lsr_errors = u->scr = u->msr_delta = 0;
	u->tx_pending = false;
	u->rx_len = 0;
	update(u);
	pthread_mutex_unlock(&dev->lock);
}

static int uart_create(struct vmm_dev *dev)
{
	struct uart *u = calloc(1, sizeof(*u));
	uint32_t gsi;
	int ret;

	if (!u)
		return -ENOMEM;
	dev->priv = u;
	u->dev = dev;
	u->dll = 12;		/* 9600 baud, as after a firmware */
	ret = dev_prop_irq(dev, 0, &gsi);
	if (ret)
		return ret;
	u->irq = irq_line(dev->vmm, gsi);
	if (!u->irq)
		return -EINVAL;
	if (dev_prop_bool(dev, "vmm,stdio")) {
		ret = term_attach(dev->vmm, uart_input, u);
		if (ret)
			return ret;
		u->stdio = true;
	}
	return isa_claim(dev, "serial", uart_access, u);
}

static void uart_destroy(struct vmm_dev *dev)
{
	struct uart *u = dev->priv;

	if (!u)
		return;
	isa_release(dev);
	if (u->stdio)
		term_detach(dev->vmm, u);
	irq_free(u->irq);
	free(u);
}

VMM_DEVICE(uart,
	.compatible = "ns16550a",
	.phase = DEV_PLATFORM,
	.create = uart_create,
	.reset = uart_reset,
	.destroy = uart_destroy);
