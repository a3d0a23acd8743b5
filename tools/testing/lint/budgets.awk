# SPDX-License-Identifier: GPL-2.0-only
#
# Kernel style makes the outline easy to see: a function's braces stand in
# column 0, and a tab is a level.

function complain(line, what)
{
	print FILENAME ":" line ": " what
	bad = 1
}

function end_file()
{
	if (lines > 1000)
		print last ": " lines " lines, 1000 allowed" > "/dev/stdout"
	if (lines > 1000)
		bad = 1
}

FNR == 1 {
	if (last != "")
		end_file()
	last = FILENAME
	body = 0
}

{
	lines = FNR
	text = $0
	while ((at = index(text, "\t")))
		text = substr(text, 1, at - 1) substr("        ", (at - 1) % 8 + 1) \
			substr(text, at + 1)
	if (length(text) > 100)
		complain(FNR, length(text) " columns, 100 allowed")
}

/^\{$/ && FILENAME ~ /\.[ch]$/ {
	body = FNR
	next
}

/^\}/ {
	if (body && FNR - body - 1 > 80)
		complain(body, "function of " (FNR - body - 1) " lines, 80 allowed")
	body = 0
}

body && /^\t\t\t\t\t+(if|for|while|do|switch)[ (]/ {
	complain(FNR, "nested deeper than 4 levels")
}

FILENAME ~ /\.c$/ && FILENAME !~ /\/tests?\// && /^[ \t]*#[ \t]*if/ {
	complain(FNR, "#if in a .c file: differences belong into a header")
}

END {
	end_file()
	exit bad
}
