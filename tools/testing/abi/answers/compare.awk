# SPDX-License-Identifier: GPL-2.0-only
#
# compare.awk differences stock ours: lines whose answers differ and whose key fits
# no pattern. Exit code 1 if there are any, or if there was nothing to compare.

function glob(p)
{
	gsub(/[.+]/, "[&]", p)
	gsub(/[?]/, ".", p)
	gsub(/\*/, ".*", p)
	return "^(" p ")$"
}

function known(key,	i)
{
	for (i = 1; i <= patterns; i++)
		if (key ~ re[i]) {
			used[i]++
			return 1
		}
	return 0
}

function judge(key, stock, ours)
{
	differ++
	if (known(key))
		return
	unknown++
	print key ": stock " stock ", ours " ours
}

FILENAME == ARGV[1] {
	if (NF && !/^#/) {
		pattern[++patterns] = $1
		re[patterns] = glob($1)
	}
	next
}

{
	key = $1
	sub(/^[^ ]* /, "")
}
FILENAME == ARGV[2] { stock[key] = $0; next }
{
	n++
	if (!(key in stock))
		judge(key, "nothing", $0)
	else if (stock[key] != $0)
		judge(key, stock[key], $0)
	seen[key]
}

END {
	for (key in stock)
		if (!(key in seen))
			judge(key, stock[key], "nothing")
	print "note " n + 0 " answers, " differ + 0 " differences, " unknown + 0 " not known"
	for (i = 1; i <= patterns; i++)
		if (!used[i])
			print "note matches nothing here: " pattern[i]
	exit unknown || n < 1000
}
