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

#include "spte.h"

#define NPT_P		BIT_ULL(0)
#define NPT_W		BIT_ULL(1)
#define NPT_U		BIT_ULL(2)
#define NPT_A		BIT_ULL(5)
#define NPT_D		BIT_ULL(6)
#define NPT_PS		BIT_ULL(7)

struct spte_format spte_format = {
	.leaf		= NPT_P | NPT_U,
	.table		= NPT_P | NPT_W | NPT_U | NPT_A,
	.writable	= NPT_W,
	.accessed	= NPT_A,
	.dirty		= NPT_D,
	.huge		= NPT_PS,
	.frame		= GENMASK_ULL(51, 12),
};

/* With memory encryption one address bit says "encrypted" (APM 2 7.10). */
void spte_module_init(void)
{
	spte_format.memory |= sme_me_mask;
	spte_format.table |= sme_me_mask;
	spte_format.frame &= ~sme_me_mask;
}
