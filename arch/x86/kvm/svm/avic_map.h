/* SPDX-License-Identifier: GPL-2.0-only */
/* AVIC's tables and exits (APM 2 15.29) as numbers: knows no vCPU, for avic.c and its tests. */
#ifndef KVM_SVM_AVIC_MAP_H
#define KVM_SVM_AVIC_MAP_H

#include <linux/bits.h>
#include <linux/types.h>

#define AVIC_MAX_XAPIC	254		/* the highest id: 255 is a broadcast */
#define AVIC_MAX_X2APIC	511
#define AVIC_NR_LOGICAL	64		/* entries: a bit each, or 4 bits of 16 clusters */

/* An entry of the logical table */
#define AVIC_LOGICAL_VALID	BIT(31)

/* Of the physical one */
#define AVIC_ENTRY_VALID	BIT_ULL(63)
#define AVIC_ENTRY_RUNS		BIT_ULL(62)
#define AVIC_ENTRY_PAGE		GENMASK_ULL(51, 12)
#define AVIC_ENTRY_HOST		GENMASK_ULL(11, 0)

/* Why an IPI was not wholly sent (APM 2 table 15-30) */
enum avic_ipi_cause { AVIC_IPI_TYPE, AVIC_IPI_NOT_RUNNING, AVIC_IPI_TARGET, AVIC_IPI_PAGE,
		      AVIC_IPI_VECTOR };

struct avic_map {
	u32 logical[AVIC_NR_LOGICAL];
	u64 twice;			/* logical entries that two wanted: nobody's */
	u64 ids[(AVIC_MAX_X2APIC + 1) / 64];
	u32 max_id;
	bool flat, cluster, x2apic;	/* somebody has that format of logical ids */
};

/* False: the tables can't tell this APIC from others. */
bool avic_map_add(struct avic_map *m, u32 id, u32 ldr, u32 dfr, bool x2apic);
/* All were added: formats that meet leave the logical table to software. */
void avic_map_finish(struct avic_map *m);

/* May hardware send for those in xAPIC mode? Its broadcasts would miss ids above. */
static inline bool avic_map_has_xapic(const struct avic_map *m)
{
	return m->max_id <= AVIC_MAX_XAPIC;
}

/* @host_id: -1, or of the CPU where the guest may be running */
u64 avic_entry(u64 page, long host_id);

/* Is the exit for this write behind it, with the value in the page? Else before it */
bool avic_write_traps(unsigned int reg);

/* EXITINFO2: has every target the message in its IRR? Else nobody was looked for */
static inline bool avic_ipi_sent(u64 info2)
{
	return info2 >> 32 == AVIC_IPI_NOT_RUNNING;
}

#endif
