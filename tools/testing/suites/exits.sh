#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The VMM's bare guests in one boot of the host: each ends in its own way, and
# the VMM's exit code says which.

set -eu
make -s -C "$ROOT/tools/vmm" O="$BUILD/vmm" guests
"$ROOT/tools/testing/host/host-run" --cpus 1 --mem 1G --timeout 150 \
	--add "$BUILD/vmm/vmm:/usr/bin/vmm" --add "$BUILD/vmm/guests:/g" \
	-- sh /g/run /usr/bin/vmm /g
