#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# All programs of tools/testing/selftests/kvm in one boot of the host. TESTS=
# names some of them, HOST_OPTS= more options for host-run, LIMIT= and TOTAL=
# the seconds for one program and for all.

set -u
here=$(cd "$(dirname "$0")" && pwd)
src=$ROOT/tools/testing/selftests/kvm
bin=$BUILD/selftests/kvm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The list comes from the Makefile: a stale binary is no test.
tests=${TESTS:-$(printf 'include Makefile\nlist-programs:\n\t@echo $(notdir $(TEST_GEN_PROGS))\n' |
	make -s -C "$src" -f - OUTPUT="$bin" list-programs)}
[ -n "$tests" ] || { echo "not ok 1 - no selftests listed"; echo "1..1"; exit 1; }
mkdir -p "$work/t"
for test in $tests; do
	cp "$bin/$test" "$work/t/" || { echo "not ok 1 - $test is not built"; echo "1..1"; exit 1; }
done

# shellcheck disable=SC2086
"$ROOT/tools/testing/host/host-run" --cpus 2 --mem 2G --timeout "${TOTAL:-850}" --log "$work/klog" \
	--add "$work/t:/t" --add "$here/l1-tests:/l1-tests" ${HOST_OPTS:-} \
	-- /l1-tests /t ${LIMIT:-60} $tests > "$work/out" 2> "$work/err"
status=$?

n=0
for test in $tests; do
	sed -n "/^@@ begin $test\$/,/^@@ end $test /{/^@@/!p}" "$work/out" > "$work/one"
	end=$(sed -nE "s/^@@ end $test ([0-9]+)\$/\1/p" "$work/out")
	printf '# %s\n' "$test"
	awk -v n="$n" -v dir="$test" -v status="${end:-lost}" -f "$here/tap-merge.awk" "$work/one" |
		tee "$work/merged"
	n=$((n + $(grep -cE '^(not )?ok ' "$work/merged")))
done
n=$((n + 1))
if [ "$status" = 0 ]; then
	echo "ok $n - the host's kernel log is clean and the modules unload"
else
	echo "not ok $n - the host's kernel log is clean and the modules unload: status $status"
	tail -n 100 "$work/err" | tr -d '\r' | sed 's/^/# | /'
fi
echo "1..$n"
