#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The VFIO device with a device of the host's: its AHCI controller, which nothing
# drives there, behind an IOMMU.

set -u
. "$(dirname "$0")/tap.sh"
. "$HOSTDIR/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

KVER=$(host_kver) || exit 1
stage_modules "$work/vfio" "$KVER" vfio_iommu_type1 vfio-pci || exit 1
"$HOSTDIR/host-run" --cpus 1 --iommu --timeout 200 --add "$work/vfio:/vfio" \
	--add "$here/l1-vfio:/l1-vfio" --add "$BUILD/selftests/kvm/vfio_device:/vfio_device" \
	--env VFIO_BDF=0000:00:1f.2 -- /l1-vfio > "$work/log" 2>&1
status=$?
for test in group_comes_and_goes ends_in_all_orders eventfd_is_shared; do
	grep -q "^ok .*- ${test//_/ }$" "$work/log"
	tap "vfio: ${test//_/ }" $?
done
tap "no test fails, no VM is left, the host's log is clean" "$status" "$work/log"
tap_plan
