#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Breaks copies of the headers one way at a time; check.sh must object to each.

set -eu

n=0
mutant=$OUT/mutant
failed=0

# check: run check.sh on the mutant; the verdict is in its log
check()
{
	CC="$CC" OUT="$mutant" \
		OURS="-I$mutant/generic -I$mutant/x86" \
		./check.sh >"$mutant/log" 2>&1 || true
	grep -q '^# [0-9]* passed' "$mutant/log"
}

result()
{
	n=$((n + 1))
	[ "$1" = ok ] || failed=$((failed + 1))
	echo "$1 $n - $2"
}

# mutate FILE SED-EXPRESSION WHAT
mutate()
{
	rm -rf "$mutant"
	mkdir -p "$mutant"
	cp -r "$TOP/include/uapi" "$mutant/generic"
	cp -r "$TOP/arch/x86/include/uapi" "$mutant/x86"
	cp "$mutant/$1" "$mutant/before"
	sed -i "$2" "$mutant/$1"
	verdict="not ok"
	if cmp -s "$mutant/$1" "$mutant/before"; then
		echo "# nothing was changed"
	elif check && grep -q '^not ok' "$mutant/log"; then
		verdict=ok
	fi
	result "$verdict" "noticed: $3"
}

generic=generic/linux/kvm.h
caps=generic/linux/kvm_caps.h
x86=x86/asm/kvm.h

echo "TAP version 13"
echo "1..9"
mutate $generic 's/__u8 if_flag;/__u16 if_flag;/' "a wider member"
mutate $generic 's/__s32 status;/__u32 status;/' "another sign"
mutate $generic 's/KVMIO, 0x46/KVMIO, 0x47/' "another ioctl number"
mutate $generic '/define KVM_EXIT_NOTIFY/d' "a missing constant"
mutate $caps 's/\(KVM_CAP_XSAVE2\t*\)208/\1209/' "another capability"
mutate $x86 's/trig_mode:1/trig_mode:2/' "a wider bit-field"
mutate $x86 's/\(KVM_SEV_ES_INIT\),/KVM_SEV_EXTRA, \1,/' "a shifted enumerator"
mutate $x86 's/__u64 rax, rbx/__u64 rbx, rax/' "swapped members"
mutate $x86 's/__u8  mnonce\[16\]/__u8  mnonce[24]/' "a longer array"
exit $((failed > 0))
