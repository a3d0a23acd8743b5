// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of second-level entries.
 *
 * Nested page tables (APM 2 15.25) look like the host's own: present,
 * writable, user (walks count as user accesses), accessed, dirty, page size,
 * NX at bit 63 which no leaf of ours has. The memory type is left to the
 * guest's PAT and the host's MTRRs: write-back, all type bits zero.
 */
#include <linux/mem_encrypt.h>

#include "../x86.h"
#include "spte.h"

#define NPT_P		BIT_ULL(0)
#define NPT_W		BIT_ULL(1)
#define NPT_U		BIT_ULL(2)
#define NPT_A		BIT_ULL(5)
#define NPT_D		BIT_ULL(6)
#define NPT_PS		BIT_ULL(7)

static const struct spte_format npt_format = {
	.leaf		= NPT_P | NPT_U,
	.table		= NPT_P | NPT_W | NPT_U | NPT_A,
	.writable	= NPT_W,
	.accessed	= NPT_A,
	.aged		= NPT_A,
	.dirty		= NPT_D,
	.logged		= NPT_W,
	.huge		= NPT_PS,
	.frame		= GENMASK_ULL(51, 12),
};

/*
 * Extended page tables (SDM 3C 29.3.2): read, write, execute, memory type, accessed
 * and dirty bits. RAM is write-back whatever the guest's PAT says, as long as all
 * devices look into the caches.
 */
#define EPT_R		BIT_ULL(0)
#define EPT_W		BIT_ULL(1)
#define EPT_X		BIT_ULL(2)
#define EPT_MT_WB	(6ull << 3)
#define EPT_MT_UC	(0ull << 3)
#define EPT_IPAT	BIT_ULL(6)
#define EPT_PS		BIT_ULL(7)
#define EPT_A		BIT_ULL(8)
#define EPT_D		BIT_ULL(9)

static const struct spte_format ept_format = {
	.leaf		= EPT_R,
	.exec		= EPT_X,
	.huge_exec	= EPT_X,
	.table		= EPT_R | EPT_W | EPT_X,
	.writable	= EPT_W,
	.accessed	= EPT_A,
	.aged		= EPT_A,
	.dirty		= EPT_D,
	.logged		= EPT_W,
	.huge		= EPT_PS,
	.memory		= EPT_MT_WB | EPT_IPAT,
	.device		= EPT_MT_UC,
	.forced		= EPT_IPAT,
	.frame		= GENMASK_ULL(51, 12),
};

struct spte_format spte_format;

/*
 * Without accessed bits a page that ages loses all permissions, and the fault of
 * the next access gives them back. The ignored bit 8 keeps such an entry from
 * being 0.
 */
static void spte_age_by_faults(struct spte_format *f)
{
	f->accessed = EPT_R;
	f->aged = EPT_R | EPT_W | EPT_X;
	f->dirty = 0;
	f->memory |= EPT_A;
	f->device |= EPT_A;
}

void spte_choose_format(const struct x86_caps *caps)
{
	if (caps->tdp_ept) {
		spte_format = ept_format;
		if (!caps->tdp_ad)
			spte_age_by_faults(&spte_format);
		if (caps->pml)
			spte_format.logged = spte_format.dirty;
		if (caps->nx_huge)
			spte_format.huge_exec = 0;
		return;
	}
	spte_format = npt_format;
	/* With memory encryption one address bit says "encrypted" (APM 2 7.10). */
	spte_format.memory |= sme_me_mask;
	spte_format.table |= sme_me_mask;
	spte_format.frame &= ~sme_me_mask;
}
