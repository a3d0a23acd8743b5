/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 4 triple fault */
#include "bzimage.h"
	ud2			/* no IDT: three faults */
	END_IMAGE
