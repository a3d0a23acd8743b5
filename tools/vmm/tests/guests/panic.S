/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 3 panicked */
#include "bzimage.h"
	mov	$PANIC_PORT, %edx
	mov	$1, %al
	out	%al, %dx
	hlt
	END_IMAGE
