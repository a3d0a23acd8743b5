#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# unit.sh FOLDER...: "make run" in every tests/ folder (and in every folder of
# tools/testing/unit) found below, in user space; one TAP stream of it all.
# Such a Makefile takes OUT=, the folder to build in, and prints TAP.

set -u
n=0 dirs=0 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r makefile; do
	dir=${makefile%/Makefile}
	dirs=$((dirs + 1))
	printf '# %s\n' "$dir"
	make -s -C "$dir" run OUT="$BUILD/unit/${dir//\//-}" > "$work/one" 2>&1
	awk -v n="$n" -v dir="$dir" -v status=$? -f "$(dirname "$0")/tap-merge.awk" "$work/one" |
		tee "$work/merged"
	n=$((n + $(grep -cE '^(not )?ok ' "$work/merged")))
done < <(find "$@" \( -path '*/tests/Makefile' -o -path 'tools/testing/unit/*/Makefile' \) \
	2> /dev/null | sort)
if [ "$dirs" = 0 ]; then
	n=1
	echo "not ok 1 - no unit tests below $*"
fi
echo "1..$n"
