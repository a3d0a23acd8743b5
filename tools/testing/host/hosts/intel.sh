# SPDX-License-Identifier: GPL-2.0-only
#
# An Intel host. See amd.sh for what a host kind supplies.

VENDOR_MODULE=kvm-intel

host_check()
{
	die "HOST=intel is not available yet: use HOST=amd, or HOST=native on such a machine"
}
