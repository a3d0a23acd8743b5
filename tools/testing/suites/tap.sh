# SPDX-License-Identifier: GPL-2.0-only
#
# For suites that are shell scripts: numbered TAP lines.

HOSTDIR=$ROOT/tools/testing/host
TAP_N=0

# tap NAME STATUS [FILE]: one result; FILE's last lines explain a failure.
tap()
{
	TAP_N=$((TAP_N + 1))
	if [ "$2" = 0 ]; then
		printf 'ok %d - %s\n' "$TAP_N" "$1"
		return
	fi
	printf 'not ok %d - %s\n' "$TAP_N" "$1"
	[ -z "${3:-}" ] || tail -n 40 "$3" | tr -d '\r' | sed 's/^/# | /'
}

tap_skip()
{
	TAP_N=$((TAP_N + 1))
	printf 'ok %d - %s # SKIP %s\n' "$TAP_N" "$1" "$2"
}

tap_plan()
{
	printf '1..%d\n' "$TAP_N"
}
