#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Linux' own selftests of /dev/kvm, from Debian's package of its sources: built here,
# run in one boot of the host, one line each. What passes on the distribution's
# modules passes on ours, but for the exceptions that the list names.
#
#   upstream.sh            KVM=ours (the default): judged by the host's list
#   KVM=stock upstream.sh  writes the list's column of the stock modules anew
#   upstream.sh table      Documentation/virt/kvm/upstream-selftests.rst, from all lists
#			   and the last run of ours on each host
#
# A list is upstream/HOST-KERNEL.list. What it calls "never" is not run: it
# would stop that host, or keep it for hours. TESTS= names some tests, LIMIT= and TOTAL=
# are the seconds for one and for all.

set -u
. "$(dirname "$0")/tap.sh"
. "$HOSTDIR/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

bail()
{
	echo "Bail out! $*"
	exit 1
}

lists=$here/upstream
kind=${HOST:-amd}-$(host_kver | cut -d. -f1,2)
list=$lists/$kind.list
[ -e "$list" ] || bail "no $list: begin one with a line of comment"
verdicts=$BUILD/check/upstream-$kind.verdicts
doc=$ROOT/Documentation/virt/kvm/upstream-selftests.rst
package=linux-source-6.1
up=$BUILD/upstream
bin=$up/bin
export KVM=${KVM:-ours}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the tests need of the kernel's tree, and no more: none of it is ours.
unpack()
{
	local version tar=/usr/src/$package.tar.xz

	version=$(dpkg-query -W -f '${Version}' "$package" 2> /dev/null)
	[ -n "$version" ] && [ -r "$tar" ] || bail "no $tar: install $package"
	[ "$(cat "$up/version" 2> /dev/null)" = "$version" ] && return
	rm -rf "$up"
	mkdir -p "$bin"
	tar -C "$up" -xf "$tar" --strip-components=1 --wildcards \
		$package/tools/testing/selftests/{kvm,rseq} \
		"$package/tools/testing/selftests/*.mk" "$package/tools/testing/selftests/*.h" \
		$package/tools/{include,arch/x86/include,scripts,build} \
		$package/tools/lib/{rbtree,list_sort}.c $package/{scripts,Makefile} ||
		bail "cannot unpack $tar"
	printf '%s\n' "$version" > "$up/version"
}

# Warnings are its authors' business; the words behind -include and -D are in the
# kernel's own exported headers, or were forgotten in one release.
build()
{
	nice make -k -C "$up/tools/testing/selftests/kvm" OUTPUT="$bin" -j"$(nproc)" \
		CC="gcc -w -include /usr/include/linux/stddef.h -DTEST_ASSERT_EQ=ASSERT_EQ" \
		> "$up/make.log" 2>&1
}

names()
{
	printf 'include Makefile\nlist-programs:\n\t@echo $(TEST_GEN_PROGS)\n' |
		make -s -C "$up/tools/testing/selftests/kvm" -f - OUTPUT="$bin" list-programs
}

# "name verdict" for each: pass, skip, fail, hang, unbuilt, or lost: it did not run.
run()
{
	local test name

	mkdir -p "$work/t"
	for test in $(names); do
		name=$(basename "$test")
		[ -z "${TESTS:-}" ] || [[ " $TESTS " = *" $name "* ]] || continue
		echo "$name" >> "$work/names"
		[ -x "$test" ] && cp "$test" "$work/t/"
	done
	[ -s "$work/names" ] || bail "no tests"
	# shellcheck disable=SC2046
	"$HOSTDIR/host-run" --cpus 1 --mem 3G --timeout "${TOTAL:-1700}" --log "$work/klog" \
		--add "$work/t:/t" --add "$here/l1-tests:/l1-tests" ${HOST_OPTS:-} \
		-- /l1-tests /t "${LIMIT:-40}" $(order) > "$work/out" 2> "$work/err"
	status=$?
	while read -r name; do
		sed -nE "s/^@@ end $name ([0-9]+).*/\1/p" "$work/out" | {
			read -r rc || rc=lost
			case $rc in
			0) rc=pass ;;
			4) rc=skip ;;
			137) rc=hang ;;
			lost) ;;
			*) rc=fail ;;
			esac
			[ -x "$work/t/$name" ] || rc=unbuilt
			echo "$name $rc"
		}
	done < "$work/names" > "$work/verdicts"
}

# On ours only those that can tell something: a test that hangs on both costs time.
order()
{
	if [ -n "${TESTS:-}" ]; then
		cat "$work/names"
	elif [ "$KVM" = stock ]; then
		awk 'NR == FNR { if ($2 == "never") out[$1]; next } !($1 in out)' "$list" "$work/names"
	else
		awk 'NR == FNR { if ($2 == "pass") want[$1]; next } $1 in want' "$list" "$work/names"
	fi
}

told()
{
	sed -n "/^@@ begin $1\$/,/^@@ end $1 /{/^@@/!p}" "$work/out" > "$work/one"
}

# The stock column; the reasons stay.
write_list()
{
	[ -z "${TESTS:-}" ] || bail "a list of some tests is none: leave TESTS= alone"
	{
		sed '/^[^#]/,$d;/^# kernel:/d' "$list"
		echo "# kernel: $(host_kver), tests: $package $(cat "$up/version")"
		awk 'NR == FNR { if (!/^#/) { name = $1; if ($2 == "never") never[name]
			  $1 = $2 = ""; sub(/^ */, ""); why[name] = $0 }; next }
			$1 in never { $2 = "never" }
			{ printf "%-44s %-8s%s\n", $1, $2, (why[$1] == "" ? "" : why[$1]) }' \
			"$list" "$work/verdicts" | sed 's/ *$//'
	} > "$work/list" && cat "$work/list" > "$list"
}

# Each test that passes on stock is one result.
judge()
{
	local name verdict stock why

	while read -r name verdict; do
		read -r stock why < <(awk -v n="$name" '$1 == n { $1 = ""; print }' "$list")
		case $stock,$verdict in
		pass,pass)
			[ -z "$why" ] || printf '# %s passes: the list still excuses it\n' "$name"
			tap "$name" $((${#why} > 0)) ;;
		pass,*)
			if [ -n "$why" ]; then
				tap_skip "$name" "$why"
			else
				told "$name"
				tap "$name ($verdict, stock: pass)" 1 "$work/one"
			fi ;;
		"",*)	tap "$name: $kind.list does not know it" 1 ;;
		*)	tap_skip "$name" "on the stock modules: $stock" ;;
		esac
	done < "$work/verdicts"
	tap "the host's kernel log is clean and the modules unload" "$status" "$work/err"
	tap_plan
}

write_doc()
{
	sed '/^\.\. table/,$d' "$doc" > "$work/doc"
	for list in "$lists"/*.list; do
		kind=$(basename "$list" .list)
		verdicts=$BUILD/check/upstream-$kind.verdicts
		[ -r "$verdicts" ] || bail "run it on ours first: $kind"
		printf '.. table:: %s: %s\n\n' "${kind%-*}" "$(sed -n 's/^# kernel: //p' "$list")"
		awk -f "$here/upstream-table.awk" "$list" "$verdicts"
		echo
	done >> "$work/doc"
	sed '$d' "$work/doc" > "$doc"
}

case ${1:-} in
table)	write_doc; exit ;;
"")	;;
*)	bail "$1: table, or nothing" ;;
esac
unpack
build
run
if [ "$KVM" = stock ]; then
	write_list
else
	mkdir -p "$BUILD/check"
	[ -n "${TESTS:-}" ] || cp "$work/verdicts" "$verdicts"
	judge
fi
