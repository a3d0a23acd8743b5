# SPDX-License-Identifier: GPL-2.0-only
#
# upstream.list and the verdicts of a run on ours, as a table of the documentation.

function line(a, b, c, d,	text)
{
	text = sprintf("  %-42s %-8s %-8s %s", a, b, c, d)
	sub(/ *$/, "", text)
	print text
}

function rule()
{
	line("=========================================", "=======", "=======",
	     "================================================")
}

/^#/ {
	next
}

NR == FNR {
	order[++n] = name = $1
	stock[name] = $2
	$1 = $2 = ""
	sub(/^ */, "")
	why[name] = $0
	next
}

$2 != "lost" {
	ours[$1] = $2
}

END {
	rule()
	line("Test", "Stock", "Ours", "Why")
	rule()
	for (i = 1; i <= n; i++) {
		name = order[i]
		line(name, stock[name], name in ours ? ours[name] : "-", why[name])
	}
	rule()
}
