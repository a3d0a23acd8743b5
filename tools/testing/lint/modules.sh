# SPDX-License-Identifier: GPL-2.0-only
#
# lint_modules NAME WORDS...: a fresh module build with more words for make;
# every warning of it is printed and fails.

lint_modules()
{
	local out=$BUILD/lint/modules-$1 log=$BUILD/lint/modules-$1.log
	shift

	rm -rf "$out"
	make modules OUT="$out" "$@" > "$log" 2>&1 || { grep -E 'error|Error' "$log"; return 1; }
	grep -E -A 4 '(warning|error):' "$log" && return 1
	return 0
}
