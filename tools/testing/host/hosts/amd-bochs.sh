# SPDX-License-Identifier: GPL-2.0-only
#
# An AMD host, for a second opinion: Bochs emulates what TCG does not, such as
# saving the next RIP. See amd.sh for what a host kind supplies, bochs.sh for how.

VENDOR_MODULE=kvm-amd
BOCHS_MODEL=zambezi

. "$HOSTDIR/hosts/bochs.sh"
