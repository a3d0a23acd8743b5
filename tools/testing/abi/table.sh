#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks the tables of Documentation/virt/kvm/api.rst: they name each x86 request and
# each capability of the public header, and call those requests there that have a row
# in the sources. Prints TAP.
#   table.sh write   makes the selftests' list of capabilities anew from the table;
#                    the test system_ioctls asks the running modules for each.

set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
doc=$top/Documentation/virt/kvm/api.rst
header=$top/tools/testing/selftests/kvm/lib/caps.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

# result STATUS NAME FILE: FILE says what is wrong
result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$3"
	fi
}

# "NAME status" of each row; two words of a status become one
rows()
{
	sed -nE 's/^(KVM_[A-Z0-9_]+) +(yes|hardware|not yet|never) .*/\1 \2/p' "$doc" |
		sed 's/not yet/not-yet/'
}

caps_header()
{
	cat <<EOF
/* SPDX-License-Identifier: GPL-2.0-only */
/* Made by tools/testing/abi/table.sh from Documentation/virt/kvm/api.rst. */
#ifndef KVMTEST_CAPS_H
#define KVMTEST_CAPS_H

/* CAP_ROW(name, answer): 1 never 0, 0 always 0, -1 by the hardware */
#define CAP_ROWS(CAP_ROW)	\\
EOF
	rows | awk '/^KVM_CAP_/ {
		printf "\tCAP_ROW(%s, %d)\t\\\n", $1,
			$2 == "yes" ? 1 : $2 == "hardware" ? -1 : 0
	}'
	printf '\n#endif\n'
}

if [ "${1:-}" = write ]; then
	caps_header > "$header"
	exit
fi

rows | cut -d ' ' -f 1 | sort > "$work/listed"
uniq -d "$work/listed" > "$work/twice"
[ ! -s "$work/twice" ]
result $? "no name is listed twice" "$work/twice"

awk '$1 == "#define" && $2 ~ /^KVM_CAP_/ { print $2 }' /usr/include/linux/kvm.h \
	"$top/include/uapi/linux/kvm_caps.h" | sort -u > "$work/caps"
grep '^KVM_CAP_' "$work/listed" | sort -u | comm -3 - "$work/caps" > "$work/diff"
[ ! -s "$work/diff" ]
result $? "every capability has its row, and no other" "$work/diff"

# Of the requests, those of other architectures and those long gone are left out.
sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' /usr/include/linux/kvm.h |
	awk '$1 == "#define" && $2 ~ /^KVM_/ && $3 ~ /^_IO/ { print $2 }' | sort -u > "$work/all"
sed -n 's/^- //p' "$here/differences" | sed 's/\*/.*/g;s/.*/^&$/' > "$work/other"
grep -vf "$work/other" "$work/all" > "$work/requests"
grep -v '^KVM_CAP_' "$work/listed" | sort -u | comm -3 - "$work/requests" > "$work/diff"
[ ! -s "$work/diff" ]
result $? "every request has its row, and no other" "$work/diff"

cat "$top"/virt/kvm/*.c "$top"/arch/x86/kvm/*.c |
	grep -oE 'KVM_IOCTL\(KVM_[A-Z0-9_]+|cmd == KVM_RUN' | grep -oE 'KVM_[A-Z0-9_]+$' | sort -u > "$work/there"
rows | awk '!/^KVM_CAP_/ && $2 ~ /yes|hardware/ { print $1 }' | sort -u |
	comm -3 - "$work/there" > "$work/diff"
[ ! -s "$work/diff" ]
result $? "the requests called there are those of the ioctl tables" "$work/diff"

for test in $(sed -nE 's/^KVM_[A-Z0-9_]+ +(yes|hardware) +(\.\.|[QKFCx ]+)  +//p' "$doc" |
	tr ' ' '\n' | sort -u); do
	case $test in
	u:*)	grep -q "^${test#u:} " "$top/tools/testing/suites/upstream/amd-6.1.list" ;;
	..)	;;
	*)	[ -r "$top/tools/testing/selftests/kvm/$test.c" ] ;;
	esac || echo "$test"
done > "$work/diff"
[ ! -s "$work/diff" ]
result $? "the tests that are named exist" "$work/diff"

caps_header | diff - "$header" > "$work/diff"
result $? "the selftests' list is the table's (table.sh write)" "$work/diff"
echo "1..$n"
