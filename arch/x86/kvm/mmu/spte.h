/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of the second-level tables. Every bit position comes from one small
 * table of masks, so that formats differ by data alone. 0 is the only entry
 * that is not present.
 *
 * A writable leaf always has SPTE_MAY_WRITE too: the host's page is writable,
 * was marked dirty when it was mapped, and the slot is not read-only. So the
 * writable bit may come and go (dirty logging) without asking the host again.
 */
#ifndef KVM_X86_MMU_SPTE_H
#define KVM_X86_MMU_SPTE_H

#include <linux/bits.h>
#include <linux/types.h>

#define TDP_LEVEL_BITS		9
#define TDP_ENTRIES		(1 << TDP_LEVEL_BITS)

/* Ignored by hardware in NPT and EPT entries alike */
#define SPTE_MAY_WRITE		BIT_ULL(53)

/* What a leaf allows at once, if it may become writable at all */
enum spte_write {
	SPTE_READ_ONLY,
	SPTE_OPEN,		/* and no fault or log tells of the first write */
	SPTE_OPEN_CLEAN,	/* which hardware logs */
};

struct spte_format {
	u64 leaf;	/* present, readable: all that every leaf has */
	u64 exec;	/* executable, where a bit says so */
	u64 huge_exec;	/* the same for leaves above level 1 */
	u64 table;	/* all of an entry that points to a table, but the address */
	u64 writable;
	u64 accessed;
	u64 aged;	/* what a page loses when it ages: accessed is one of them */
	u64 dirty;
	u64 logged;	/* what a small page loses when its next write is to be logged */
	u64 huge;	/* a leaf above level 1 */
	u64 memory;	/* memory type and encryption of the host's RAM */
	u64 device;	/* memory type of other frames */
	u64 forced;	/* the part of both that overrides the guest's PAT */
	u64 frame;	/* the address */
};
extern struct spte_format spte_format;

/* A backend registers, no VM is there: the format for it. */
struct x86_caps;
void spte_choose_format(const struct x86_caps *caps);

/* Number of 4 KiB pages that an entry at @level covers. */
static inline u64 level_pages(int level)
{
	return 1ull << (TDP_LEVEL_BITS * (level - 1));
}

static inline unsigned int level_index(u64 gfn, int level)
{
	return gfn >> (TDP_LEVEL_BITS * (level - 1)) & (TDP_ENTRIES - 1);
}

/* Of a present entry: does it map memory? */
static inline bool spte_is_leaf(u64 spte, int level)
{
	return level == 1 || (spte & spte_format.huge);
}

static inline bool spte_is_table(u64 spte, int level)
{
	return spte && !spte_is_leaf(spte, level);
}

static inline u64 spte_hpa(u64 spte)
{
	return spte & spte_format.frame;
}

static inline bool spte_same_frame(u64 a, u64 b)
{
	return !((a ^ b) & spte_format.frame);
}

/* All leaves may be read, but those that have lost it by age. */
static inline bool spte_usable(u64 spte)
{
	return (spte & spte_format.leaf) == spte_format.leaf;
}

/* Does the leaf allow the access? */
static inline bool spte_allows(u64 spte, bool write, bool fetch)
{
	u64 need = spte_format.leaf | (write ? spte_format.writable : 0) |
		   (fetch ? spte_format.exec : 0);

	return !(need & ~spte);
}

/* Code runs from small pages alone: see nx_huge_pages. */
static inline bool spte_exec_small(void)
{
	return spte_format.exec != spte_format.huge_exec;
}

/* Hardware logs what it makes dirty: small pages being logged may stay writable. */
static inline bool spte_logs_dirty(void)
{
	return spte_format.logged != spte_format.writable;
}

/* May the leaf become writable in place? The log wants to know of each page by itself. */
static inline bool spte_may_open(u64 spte, int level, bool logging)
{
	u64 need = spte_format.leaf | SPTE_MAY_WRITE;

	return !(need & ~spte) && (level == 1 || !logging);
}

static inline u64 spte_open(u64 spte)
{
	return spte | spte_format.writable | spte_format.dirty;
}

/* Writable, and the first write is logged. Where hardware logs. */
static inline u64 spte_open_clean(u64 spte)
{
	return (spte | spte_format.writable) & ~spte_format.dirty;
}

static inline u64 spte_make_table(u64 hpa)
{
	return hpa | spte_format.table;
}

/* @may_write: see above. Accessed at once: it is about to be. */
static inline u64 spte_make_leaf(u64 hpa, int level, bool memory, bool may_write,
				 enum spte_write write)
{
	u64 spte = hpa | spte_format.leaf | spte_format.accessed;

	spte |= memory ? spte_format.memory : spte_format.device;
	spte |= level > 1 ? spte_format.huge | spte_format.huge_exec : spte_format.exec;
	if (may_write) {
		spte |= SPTE_MAY_WRITE;
		if (write == SPTE_OPEN)
			spte = spte_open(spte);
		else if (write == SPTE_OPEN_CLEAN)
			spte = spte_open_clean(spte);
	}
	return spte;
}

/* The part @index of the huge leaf @spte as a leaf of @level, one below. */
static inline u64 spte_part(u64 spte, int level, unsigned int index)
{
	spte += index * (level_pages(level) << 12);
	if (level > 1)
		return spte;
	return (spte & ~spte_format.huge) | (spte_usable(spte) ? spte_format.exec : 0);
}

#endif
