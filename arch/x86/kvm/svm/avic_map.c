// SPDX-License-Identifier: GPL-2.0-only
/* See avic_map.h. */
#include "avic_map.h"

#define DFR_FLAT	0xffffffffu

/* Entries of the logical table for an xAPIC's LDR, as a mask (APM 2 15.29.4.3) */
static u64 logical_entries(u32 ldr, u32 dfr)
{
	u32 id = ldr >> 24;

	if (dfr == DFR_FLAT)
		return id;
	/* The last cluster is a broadcast. */
	return id >> 4 == 15 ? 0 : (u64)(id & 15) << (id >> 4) * 4;
}

/* An x2APIC's logical id follows from the other: hardware needs no table for it. */
bool avic_map_add(struct avic_map *m, u32 id, u32 ldr, u32 dfr, bool x2apic)
{
	u64 entries = x2apic ? 0 : logical_entries(ldr, dfr);
	unsigned int i;

	if (id > AVIC_MAX_X2APIC || (m->ids[id / 64] & BIT_ULL(id % 64)))
		return false;
	m->ids[id / 64] |= BIT_ULL(id % 64);
	/* Of all of them, since hardware reads the table in the sender's format. */
	m->x2apic |= x2apic;
	m->flat |= !x2apic && dfr == DFR_FLAT;
	m->cluster |= !x2apic && dfr != DFR_FLAT;
	if (id > m->max_id)
		m->max_id = id;
	/* An entry has 8 bits for the id. */
	if (id > AVIC_MAX_XAPIC)
		return true;
	for (i = 0; i < AVIC_NR_LOGICAL; i++) {
		if (!(entries & BIT_ULL(i)))
			continue;
		if (m->logical[i])
			m->twice |= BIT_ULL(i);
		m->logical[i] = AVIC_LOGICAL_VALID | id;
	}
	return true;
}

void avic_map_finish(struct avic_map *m)
{
	unsigned int i;

	for (i = 0; i < AVIC_NR_LOGICAL; i++)
		if (m->flat + m->cluster + m->x2apic > 1 || (m->twice & BIT_ULL(i)))
			m->logical[i] = 0;
}

u64 avic_entry(u64 page, long host_id)
{
	u64 entry = AVIC_ENTRY_VALID | (page & AVIC_ENTRY_PAGE);

	if (host_id >= 0 && host_id <= (long)AVIC_ENTRY_HOST)
		entry |= AVIC_ENTRY_RUNS | host_id;
	return entry;
}

/* APM 2 table 15-22: ID, EOI, LDR, DFR, SVR, ESR, ICR, the LVTs, the timer's count and divisor */
bool avic_write_traps(unsigned int reg)
{
	const u64 traps = BIT_ULL(0x02) | BIT_ULL(0x0b) | BIT_ULL(0x0d) | BIT_ULL(0x0e) |
			  BIT_ULL(0x0f) | BIT_ULL(0x28) | BIT_ULL(0x30) |
			  GENMASK_ULL(0x38, 0x32) | BIT_ULL(0x3e);

	return reg < 0x400 && (traps >> (reg >> 4) & 1);
}
