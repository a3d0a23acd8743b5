/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address types, named after the space an address lives in.
 *
 * gva/gpa/gfn: guest virtual, guest physical, guest frame
 * hva/hpa/hfn: host virtual (of the VMM's mm), host physical, host frame
 */
#ifndef LINUX_KVM_TYPES_H
#define LINUX_KVM_TYPES_H

#include <linux/types.h>
#include <linux/kvm.h>
#include <asm/page.h>

typedef unsigned long gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;
typedef u64 hpa_t;
typedef u64 hfn_t;

#define GPA_INVALID	(~(gpa_t)0)
#define HPA_INVALID	(~(hpa_t)0)

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return gpa >> PAGE_SHIFT;
}

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return gfn << PAGE_SHIFT;
}

#endif
