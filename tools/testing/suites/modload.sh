#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The modules unload after a guest ran and load again, ROUNDS times in a row,
# with a guest before, in the middle and at the end. LIMIT= seconds for all.

set -u
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
rounds=${ROUNDS:-20}

"$HOSTDIR/guest-run" --small --cpus 2 --timeout "${LIMIT:-350}" --append "loglevel=5" \
	--wrap "$here/l1-modload" --host "--env ROUNDS=$rounds" > "$log" 2>&1
status=$?
for round in $(seq 1 "$rounds"); do
	grep -q "^modload: round $round good" "$log"
	tap "modules unload and load again, round $round" $?
done
tap "guests ran between them and the host's log is clean" "$status" "$log"
tap_plan
