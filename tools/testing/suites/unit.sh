#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# unit.sh FOLDER...: the user-space tests found below, as one TAP stream: "make
# run OUT=builddir" in every tests/ folder, and "make tests O=builddir" in a FOLDER
# whose own Makefile has that target.

set -u
here=$(dirname "$0")
n=0 dirs=0 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# tests_of DIR WORDS...: what make prints there, renumbered.
tests_of()
{
	local dir=$1
	shift

	dirs=$((dirs + 1))
	printf '# %s\n' "$dir"
	make -s -C "$dir" "$@" > "$work/one" 2>&1
	awk -v n="$n" -v dir="$dir" -v status=$? -f "$here/tap-merge.awk" "$work/one" |
		tee "$work/merged"
	n=$((n + $(grep -cE '^(not )?ok ' "$work/merged")))
}

for folder; do
	out=$BUILD/unit/${folder//\//-}
	mkdir -p "$out"
	grep -qs '^tests:' "$folder/Makefile" && tests_of "$folder" tests O="$out"
done
while read -r makefile; do
	dir=${makefile%/Makefile}
	out=$BUILD/unit/${dir//\//-}
	mkdir -p "$out"
	tests_of "$dir" run OUT="$out"
done < <(find "$@" -path '*/tests/Makefile' | sort)
if [ "$dirs" = 0 ]; then
	n=1
	echo "not ok 1 - no unit tests below $*"
fi
echo "1..$n"
