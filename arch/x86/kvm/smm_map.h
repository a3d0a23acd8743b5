/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where SMM's state-save area has what. Tables and two loops alone, so that this
 * builds in user space too.
 */
#ifndef KVM_X86_SMM_MAP_H
#define KVM_X86_SMM_MAP_H

#include <linux/types.h>

/* The area is the last 512 bytes of 64 KiB at SMBASE. */
#define SMM_AREA_OFFSET	0xfe00
#define SMM_AREA_SIZE	0x200

/* A segment register's four */
enum smm_seg_part { SMM_SEL, SMM_ATTR, SMM_LIMIT, SMM_SEG_BASE, SMM_SEG_PARTS };

/* All that can be saved, each as 64 bits */
enum smm_reg {
	SMM_GPR,			/* 16, in the order of enum x86_gpr */
	SMM_RIP = SMM_GPR + 16,
	SMM_RFLAGS,
	SMM_CR0,
	SMM_CR3,
	SMM_CR4,
	SMM_EFER,
	SMM_DR6,
	SMM_DR7,
	SMM_SEG,			/* 8 of SMM_SEG_PARTS, in the order of enum x86_seg */
	SMM_GDT_BASE = SMM_SEG + 8 * SMM_SEG_PARTS,
	SMM_GDT_LIMIT,
	SMM_IDT_BASE,
	SMM_IDT_LIMIT,
	SMM_SMBASE,
	SMM_REVISION,
	SMM_HALT,			/* auto-HALT restart */
	SMM_SHADOW,			/* KVM_X86_SHADOW_INT_*; reserved by the manuals */
	SMM_NR_REGS
};

struct smm_row {
	u16 at;				/* from SMBASE + 8000h on, as the manuals count */
	u8 size;			/* bytes */
	u8 shift;			/* bits that it lies above bit 0 */
	u8 reg;				/* enum smm_reg */
};

struct smm_map {
	u32 revision;
	unsigned int nr_rows;
	const struct smm_row *rows;
};

/* For processors without long mode, and for those with it, whatever mode they are in */
extern const struct smm_map smm_map_32, smm_map_64;

/* All of @area is written. */
void smm_map_save(const struct smm_map *map, const u64 *reg, u8 *area);
/* Registers that the map does not have stay as they are. */
void smm_map_load(const struct smm_map *map, u64 *reg, const u8 *area);

#endif
