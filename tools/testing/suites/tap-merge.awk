# SPDX-License-Identifier: GPL-2.0-only
#
# Takes one program's TAP into a longer stream: results are numbered from n + 1
# and named after the program (dir), diagnostics pass. A program that ended
# badly (status) with no failure told, or broke its plan, fails once more. Several
# programs' streams may come in a row: their plans add up.

function result(ok, text)
{
	print ok " " (n + ++count) " - " dir ": " text
}

BEGIN {
	n += 0
}

{
	sub(/\r$/, "")
}

/^(not )?ok([ \t]|$)/ {
	ok = $1 == "ok" ? "ok" : "not ok"
	text = $0
	sub(/^(not )?ok[ \t]*[0-9]*[ \t]*(- )?/, "", text)
	seen++
	if (ok != "ok")
		failed++
	result(ok, text)
	next
}

/^1\.\.[0-9]+/ {
	planned = 1
	plan += substr($1, 4)
	if ($1 == "1..0" && tolower($0) ~ /skip/) {
		reason = $0
		sub(/^[^#]*#/, "#", reason)
	}
	next
}

/^(TAP version|[[:space:]]*$)/ {
	next
}

/^Bail out!/ {
	failed++
	result("not ok", $0)
	next
}

{
	print ($0 ~ /^#/ ? $0 : "# " $0)
}

END {
	if (reason != "" && (status == 0 || status == 4)) {
		result("ok", "all " reason)
	} else if (status == 4 && !seen) {
		result("ok", "all # SKIP the program said so")
	} else if (status == "lost") {
		result("not ok", "did not end")
	} else if (status == 124 || status == 137 || status == 143) {
		result("not ok", "killed, status " status)
	} else if (planned && plan != seen) {
		result("not ok", "planned " plan " results, saw " seen + 0)
	} else if (!planned) {
		result("not ok", "no plan, status " status)
	} else if (status != 0 && !failed) {
		result("not ok", "status " status)
	}
}
