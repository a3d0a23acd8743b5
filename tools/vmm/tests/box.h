/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine without /dev/kvm: everything but vCPUs, for tests. */
#ifndef VMM_TESTS_BOX_H
#define VMM_TESTS_BOX_H

#include <stdint.h>

#include "virtio/tests/tap.h"
#include "vmm.h"

/* @options as on the command line, separated by one space; "" for none. */
int box_open(struct vmm *vmm, const char *options);
void box_close(struct vmm *vmm);

uint32_t box_in(struct vmm *vmm, uint16_t port, unsigned int len);
void box_out(struct vmm *vmm, uint16_t port, uint32_t val, unsigned int len);

/* Whether the machine was asked to stop, and with what code. */
int box_stopped(struct vmm *vmm);

/* Messages on stderr off (V=1 in the environment keeps them). */
void box_quiet(void);

#endif
