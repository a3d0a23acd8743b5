/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 5 cannot emulate */
#include "bzimage.h"
	/* a save of the FPU's state to where nobody is */
	mov	$0xd0000000, %eax
	fxsave	(%rax)
	hlt
	END_IMAGE
