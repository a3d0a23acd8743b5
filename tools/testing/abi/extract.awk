# SPDX-License-Identifier: GPL-2.0-only
#
# Lists what a preprocessed KVM header declares. Input: gcc -E -dD. Output, one
# name a line, fields separated by tabs:
#   D name            macro without a value     F name    macro with arguments
#   V name            macro with a value        E name    enumerator
#   S struct x        structure or union
#   m struct x  path  type        member        f ...     flexible array
#   b struct x  path  type:width  bit-field

function fail(why)
{
	print "extract.awk: " why " near token " pos ": " tok[pos] > "/dev/stderr"
	bad = 1
	exit 1
}

# Tokens are single characters, or words; a bracket's content is one token.
function tokenize(s,	m)
{
	while (length(s)) {
		sub(/^[ \t\n]+/, "", s)
		if (match(s, /^[A-Za-z0-9_]+/) || match(s, /^\[[^]]*\]/) ||
		    match(s, /^./)) {
			m = substr(s, 1, RLENGTH)
			if (RLENGTH)
				tok[ntok++] = m
			s = substr(s, RLENGTH + 1)
		}
	}
}

function closing(p,	depth)
{
	for (depth = 0; p < ntok; p++) {
		if (tok[p] == "{")
			depth++
		else if (tok[p] == "}" && --depth == 0)
			return p
	}
	fail("unbalanced brace")
}

function enumerators(	end)
{
	end = closing(pos)
	for (; pos < end; pos++) {
		if ((tok[pos] == "{" || tok[pos] == ",") && pos + 1 < end)
			print "E\t" tok[pos + 1]
	}
}

function is_body(p)
{
	return (tok[p] == "struct" || tok[p] == "union") &&
	       (tok[p + 1] == "{" || tok[p + 2] == "{")
}

function member(owner, path, type, dim, width)
{
	if (width != "")
		print "b\t" owner "\t" path "\t" type ":" width
	else
		print (dim == "[]" ? "f" : "m") "\t" owner "\t" path "\t" type dim
}

# "type a, *b[4], c:3;" with pos on its first token; leaves pos after the ";".
function declaration(owner, prefix,	type, name, dim, width, stars, n)
{
	type = ""
	while (tok[pos + 1] ~ /^[A-Za-z_]/ || tok[pos + 1] == "*") {
		type = type (type == "" ? "" : " ") tok[pos++]
		if (tok[pos] == "*")
			break
	}
	for (;;) {
		stars = dim = width = ""
		for (; tok[pos] == "*"; pos++)
			stars = stars "*"
		name = tok[pos++]
		if (name !~ /^[A-Za-z_]/)
			fail("no member name")
		for (; substr(tok[pos], 1, 1) == "["; pos++) {
			dim = dim tok[pos]
			gsub(/[ \t]/, "", dim)
		}
		if (tok[pos] == ":") {
			width = tok[pos + 1]
			pos += 2
		}
		member(owner, prefix name, type stars, dim, width)
		if (tok[pos] == ";")
			break
		if (tok[pos++] != ",")
			fail("odd declaration")
	}
	pos++
}

# pos on "{"; leaves it on the matching "}".
function members(owner, prefix,	end, open, after, kind, dim)
{
	end = closing(pos++)
	while (pos < end) {
		if (!is_body(pos)) {
			declaration(owner, prefix)
			continue
		}
		kind = tok[pos]
		open = tok[pos + 1] == "{" ? pos + 1 : pos + 2
		after = closing(open) + 1
		pos = open
		if (tok[after] == ";") {
			members(owner, prefix)
			pos = after + 1
			continue
		}
		dim = substr(tok[after + 1], 1, 1) == "[" ? tok[after + 1] : ""
		member(owner, prefix tok[after], kind "{}", dim, "")
		members(owner, prefix tok[after] (dim == "" ? "." : "[0]."))
		pos = after + (dim == "" ? 2 : 3)
	}
	pos = end
}

/^# [0-9]+ "/ {
	ours = $3 ~ /\/(linux|asm)\/kvm(_caps)?\.h"$/
	next
}

ours && /^#define / {
	if ($2 ~ /\(/)
		print "F\t" substr($2, 1, index($2, "(") - 1)
	else
		print (NF == 2 ? "D" : "V") "\t" $2
	next
}

ours && !/^#/ { text = text $0 "\n" }

END {
	if (bad)
		exit 1
	tokenize(text)
	for (pos = 0; pos < ntok; pos++) {
		if (tok[pos] == "enum") {
			pos += tok[pos + 1] == "{" ? 1 : 2
			enumerators()
		} else if (is_body(pos)) {
			owner = tok[pos] " " tok[pos + 1]
			print "S\t" owner
			pos += 2
			members(owner, "")
		} else if (tok[pos] != ";") {
			fail("unknown construct")
		}
	}
}
