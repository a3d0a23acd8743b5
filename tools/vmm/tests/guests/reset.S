/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 2 */
#include "bzimage.h"
	mov	$RESET_PORT, %edx
	mov	$6, %al
	out	%al, %dx
	hlt
	END_IMAGE
