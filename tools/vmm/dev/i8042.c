// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keyboard controller with no keyboard: enough for guests that reset the
 * machine through it or ask it who is there. ACPI says that it is absent.
 */
#include <stdlib.h>

#include "isa.h"
#include "vmm.h"

#define DATA		0	/* port 0x60 */
#define STATUS		4	/* port 0x64 */

#define ST_OUTPUT	0x01
#define ST_SYSTEM	0x04
#define ST_COMMAND	0x08
#define ST_UNLOCKED	0x10

#define CMD_READ_CONFIG	0x20
#define CMD_WRITE_CONFIG 0x60
#define CMD_TEST_AUX	0xa9
#define CMD_SELF_TEST	0xaa
#define CMD_TEST_KBD	0xab
#define CMD_RESET	0xfe

#define LINE_STUCK	0x01	/* an interface test's answer: nothing there */

/* All under the device's lock. */
struct i8042 {
	struct vmm_dev *dev;
	uint8_t config, out;
	bool full;		/* out holds an answer */
	bool want_config;	/* the next data byte is the configuration */
};

static void answer(struct i8042 *k, uint8_t v)
{
	k->out = v;
	k->full = true;
}

static void command(struct i8042 *k, uint8_t v)
{
	k->want_config = false;
	switch (v) {
	case CMD_READ_CONFIG:
		answer(k, k->config);
		break;
	case CMD_WRITE_CONFIG:
		k->want_config = true;
		break;
	case CMD_SELF_TEST:
		answer(k, 0x55);
		break;
	case CMD_TEST_KBD:
	case CMD_TEST_AUX:
		answer(k, LINE_STUCK);
		break;
	case CMD_RESET:
		vmm_stop(k->dev->vmm, VMM_EXIT_RESET);
		break;
	}
}

static int i8042_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct i8042 *k = opaque;
	uint8_t *p = data;

	if (len != 1)
		return -EINVAL;
	if (offset == STATUS && write) {
		command(k, *p);
	} else if (offset == STATUS) {
		*p = ST_SYSTEM | ST_UNLOCKED | (k->full ? ST_OUTPUT : 0);
	} else if (offset == DATA && write) {
		if (k->want_config)
			k->config = *p;
		k->want_config = false;
	} else if (offset == DATA) {
		*p = k->out;
		k->full = false;
	} else {
		return -ENXIO;
	}
	return 0;
}

static int i8042_create(struct vmm_dev *dev)
{
	struct i8042 *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	dev->priv = k;
	k->dev = dev;
	k->config = 0x34;	/* both interfaces off, self test passed */
	return isa_claim(dev, "i8042", i8042_access, k);
}

static void i8042_destroy(struct vmm_dev *dev)
{
	isa_release(dev);
	free(dev->priv);
}

VMM_DEVICE(i8042,
	.compatible = "vmm,i8042",
	.phase = DEV_PLATFORM,
	.create = i8042_create,
	.destroy = i8042_destroy);
