/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks for hostcount.c: seven-byte NOPs that say who they are. */
#define MARK_START	0x6b766d31
#define MARK_STOP	0x6b766d32
#define MARK(what)	asm volatile(".byte 0x0f, 0x1f, 0x80\n\t.long %c0" : : "i"(what))
