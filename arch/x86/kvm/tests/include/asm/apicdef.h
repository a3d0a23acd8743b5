/* SPDX-License-Identifier: GPL-2.0-only */
/* SDM 3A 10.6.1: delivery modes */
#define APIC_MODE_MASK	0x700
#define APIC_DM_FIXED	0x000
#define APIC_DM_LOWEST	0x100
