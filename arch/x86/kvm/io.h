/* SPDX-License-Identifier: GPL-2.0-only */
/* Port and memory-mapped accesses: kernel devices first, then user space. */
#ifndef KVM_X86_IO_H
#define KVM_X86_IO_H

#include "x86.h"

/* More MMIO pieces than any emulated instruction makes. */
#define X86_IO_LOG	16

struct x86_io_piece {
	gpa_t gpa;
	u8 len;			/* 1..8 */
	bool write;
	u8 data[8];
};

/*
 * What one emulated instruction did so far. Emulation starts over after user
 * space answered; pieces already done are taken from the log, in order, and
 * never done twice. v: vcpu->mutex
 */
struct x86_io {
	u32 epoch;		/* v; emul_ctx.epoch the log belongs to */
	unsigned int nr;	/* v; pieces in the log */
	unsigned int pos;	/* v; next one to replay */
	bool asked;		/* v; @want is with user space */
	struct x86_io_piece want;
	struct x86_io_piece log[X86_IO_LOG];

	/* One string PIO at a time; its data is in v->pio_page */
	enum { X86_PIO_NONE, X86_PIO_ASKED, X86_PIO_DONE } pio;	/* v */
	u16 pio_port;
	u8 pio_size;
	bool pio_in;
	unsigned int pio_count;

	/* Translation of the access the guest faulted on */
	bool gpa_known;
	gva_t gva;
	gpa_t gpa;

	bool halt;		/* v; HLT was emulated */
	unsigned long rip;	/* v; of the instruction user space is asked about */
};

struct x86_io *x86_io(struct x86_vcpu *v);	/* NULL: out of memory */
void x86_io_start(struct x86_io *io);
void x86_io_epoch(struct x86_io *io, u32 epoch);

enum x86_io_result { X86_IO_DONE, X86_IO_USER, X86_IO_TOO_MANY };
/* @len 1..8, within a page. srcu held. */
enum x86_io_result x86_mmio(struct x86_vcpu *v, gpa_t gpa, void *data, unsigned int len,
			    bool write);
enum x86_io_result x86_pio(struct x86_vcpu *v, u16 port, unsigned int size, void *data,
			   unsigned int *count, bool in);
/* User space answered: move the answer into the log. */
void x86_io_answered(struct x86_vcpu *v);

#endif
