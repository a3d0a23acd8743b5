# SPDX-License-Identifier: GPL-2.0-only
#
# An Intel host: Bochs emulates a processor with VT-x and extended page tables.
# See amd.sh for what a host kind supplies, bochs.sh for how.

VENDOR_MODULE=kvm-intel
BOCHS_MODEL=broadwell_ult

. "$HOSTDIR/hosts/bochs.sh"
