# SPDX-License-Identifier: GPL-2.0-only
#
# Shows a TAP stream and counts it: "passed failed skipped" go to the file
# COUNTS. A stream without results, or with another number of them than its
# plan says, counts as one more failure.

function show(line)
{
	print line
	fflush()
}

{
	sub(/\r$/, "")
	show($0)
}

/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	planned = 1
	if (plan == 0 && tolower($0) ~ /# *skip/)
		skipped++
}

/^(not )?ok([ \t]|$)/ {
	seen++
	directive = tolower($0)
	if (directive ~ /# *(skip|todo)/)
		skipped++
	else if ($1 == "ok")
		passed++
	else
		failed++
}

/^Bail out!/ {
	failed++
}

END {
	if (planned && plan != seen) {
		show("not ok - planned " plan " results, saw " seen + 0)
		failed++
	} else if (!planned && !seen) {
		show("not ok - no results at all")
		failed++
	}
	printf "%d %d %d\n", passed, failed, skipped > COUNTS
}
