#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares our public headers with the system's, name by name; TAP output.
# Environment: CC, OURS (compiler flags that find our headers), OUT.

set -eu

here=$(dirname "$0")
: "${CC:=gcc}" "${OUT:=$(mktemp -d)}"
: "${OURS:=-I$here/../../../include/uapi -I$here/../../../arch/x86/include/uapi}"

bail()
{
	echo "Bail out! $*"
	exit 1
}

# list NAME FLAGS: what the header found with FLAGS declares
list()
{
	out=$OUT/$1
	shift
	echo '#include <linux/kvm.h>' |
		"$CC" -E -dD "$@" -x c - >"$out.i" || bail "cannot preprocess"
	awk -f "$here/extract.awk" "$out.i" >"$out.list" || bail "cannot parse"
	[ "$(wc -l <"$out.list")" -gt 1000 ] || bail "too little found in $out.i"
}

# run NAME FLAGS: the values of our names under one of the headers
run()
{
	out=$OUT/$1
	shift
	"$CC" -w "$@" -o "$out.bin" "$OUT/abi.c" 2>"$out.err" ||
		bail "cannot compile, see $out.err"
	"$out.bin" >"$out.values" || bail "$out.bin failed"
}

# shellcheck disable=SC2086 # OURS is a list of flags
list ours $OURS
list system
# Names of ours that the system lacks are judged below, not by the compiler.
awk 'BEGIN { FS = "\t" } NR == FNR { seen[$1 FS $2 FS $3]; next }
     ($1 FS $2 FS $3) in seen' "$OUT/system.list" "$OUT/ours.list" >"$OUT/both.list"
awk -f "$here/generate.awk" "$OUT/both.list" >"$OUT/abi.c"
# shellcheck disable=SC2086
run ours $OURS
run system

awk -v differences="$here/differences" '
function glob(p)
{
	gsub(/\*/, ".*", p)
	return "^" p "$"
}
function ok(good, what)
{
	if (!good)
		failed++
	printf "%sok %d - %s\n", good ? "" : "not ", ++n, what
}
function allowed(sign, name,	i)
{
	for (i = 0; i < rules; i++) {
		if (sign == rule_sign[i] && name ~ glob(rule[i])) {
			used[i]++
			return 1
		}
	}
	return 0
}
function key(	k)
{
	k = $2
	if (NF > 2)
		k = k " " $3 " " $4
	return k
}
BEGIN {
	rules = failed = 0
	while ((getline line < differences) > 0) {
		if (line ~ /^[-+] /) {
			rule_sign[rules] = substr(line, 1, 1)
			rule[rules++] = substr(line, 3)
		}
	}
	print "TAP version 13"
}
FNR == 1 { file++; FS = file < 3 ? "\t" : "\n"; $0 = $0 }
file == 1 { ours[key()] = $2; next }
file == 2 { sys[key()] = $2; order[nsys++] = key(); next }
file == 3 { value[FNR] = $0; next }
file == 4 {
	ok($0 == value[FNR], $0)
	if ($0 != value[FNR])
		print "# ours: " value[FNR]
}
END {
	for (i = 0; i < nsys; i++) {
		k = order[i]
		if (!(k in ours) && !allowed("-", sys[k]))
			ok(0, k " is missing from ours")
	}
	for (k in ours)
		if (!(k in sys) && !allowed("+", ours[k]))
			ok(0, k " is not in the system header")
	for (i = 0; i < rules; i++)
		ok(i in used, "difference " rule_sign[i] " " rule[i] " is real")
	print "1.." n
	print "# " n - failed " passed, " failed " failed"
	exit failed > 0
}' "$OUT/ours.list" "$OUT/system.list" "$OUT/ours.values" "$OUT/system.values"
