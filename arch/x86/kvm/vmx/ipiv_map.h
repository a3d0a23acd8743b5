/* SPDX-License-Identifier: GPL-2.0-only */
/* The table by which senders find descriptors (SDM 3C 30.1.6), as numbers; ipiv.c, tests */
#ifndef KVM_VMX_IPIV_MAP_H
#define KVM_VMX_IPIV_MAP_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define IPIV_VALID	BIT_ULL(0)
#define IPIV_TAKEN	BIT_ULL(1)	/* ours; not valid, whoever comes next */
#define IPIV_BROADCAST	255		/* of xAPICs, so that hardware may not send to it */

/*
 * @desc: the descriptor's address, a multiple of 64; 0: software delivers there. For it,
 * for an id that two have and one that is not in the table, the sender's write exits.
 */
static inline void ipiv_map_add(u64 *table, u32 size, u32 id, u64 desc)
{
	if (id < size && id != IPIV_BROADCAST)
		WRITE_ONCE(table[id], table[id] || !desc ? IPIV_TAKEN : desc | IPIV_VALID);
}

#endif
