/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The terminal on stdin and stdout, shared by the devices that can show a
 * console. Raw while the machine runs (when it is a terminal), restored on
 * every way out. Ctrl-A is the escape key; Ctrl-A h lists what it does.
 */
#ifndef VMM_TERM_H
#define VMM_TERM_H

#include <stddef.h>
#include <stdint.h>

struct term;
struct vmm;

/* Runs in the I/O thread; returns how many bytes it took. */
typedef size_t (*term_input_fn)(void *opaque, const uint8_t *buf, size_t len);

int term_init(struct vmm *vmm);
int term_start(struct vmm *vmm);
/* Shows what is left to show and gives the terminal back. */
void term_restore(struct vmm *vmm);
void term_free(struct vmm *vmm);

/* The one device that gets the input; -EBUSY when another has it. */
int term_attach(struct vmm *vmm, term_input_fn fn, void *opaque);
void term_detach(struct vmm *vmm, void *opaque);

/*
 * The device has room again after it took less than it was offered. From any
 * thread, also with the device's lock held.
 */
void term_room(struct vmm *vmm);

/* Output; from any thread. What stdout does not take is lost, never waited on for ever. */
void term_write(struct vmm *vmm, const void *buf, size_t len);

/* 0 and the size, or -ENOTTY. */
int term_size(struct vmm *vmm, uint16_t *cols, uint16_t *rows);

#endif
