/* SPDX-License-Identifier: GPL-2.0-only */
/* expect: 0 hello */
#include "bzimage.h"
	PUTS	text
	POWEROFF
text:	.asciz	"hello\n"
	END_IMAGE
