# SPDX-License-Identifier: GPL-2.0-only
# Two files of "name value" (stock, ours) to a table with ratios, and JSON.
BEGIN {
	budget = 0.6
	split("cpuid rdmsr pio_kernel pio_eventfd pio_user mmio_eventfd mmio_eventfds mmio_user " \
	      "fault_4k fault_2m fault_dirty log_get_page log_get_clean log_enable_page " \
	      "life_cpu life_elapsed boot_kvm_insns boot_insns boot_exits " \
	      "field_boot_kvm_insns field_boot_insns field_boot_exits", \
	      order, " ")
	split("CPUID exit|RDMSR exit (PAT)|port read, 8259 in the kernel|port write, ioeventfd|" \
	      "port write to user space|MMIO write, ioeventfd|MMIO write, ioeventfds of 16 devices|" \
	      "MMIO write to user space|" \
	      "first touch of a 4 KiB page|first touch of a 2 MiB page|write to a page being logged|" \
	      "GET_DIRTY_LOG, per dirty page|GET_DIRTY_LOG, 24576 clean pages|" \
	      "enabling the log, per mapped page|create and destroy a VM, instructions|" \
	      "create and destroy a VM, elapsed|" \
	      "guest boot, our VMM on both: kvm|" \
	      "  and the host's kernel and the VMM|" \
	      "  exits|" \
	      "guest boot, stock with QEMU: kvm|" \
	      "  and the host's kernel and the VMM|" \
	      "  exits", title, "|")
	# With one VMM on both, most of these is not kvm's: shown, not judged.
	split("boot_insns boot_exits", shown, " ")
	for (i in shown)
		free[shown[i]] = 1
}
FNR == 1 { file++ }
NF == 2 { val[file, $1] = $2 }
END {
	printf "%-42s %12s %12s %7s\n", "instructions per operation", "stock", "ours", "ratio"
	printf "[\n" > json
	for (i = 1; i in order; i++) {
		n = order[i]
		s = val[1, n]; o = val[2, n]
		if (s == "" || o == "") {
			printf "%-42s %12s %12s %7s missing\n", title[i], s, o, "-"
			continue
		}
		r = o / s
		over = (r > budget && !(n in free)) ? " over" : ""
		printf "%-42s %12.0f %12.0f %6.2fx%s\n", title[i], s, o, r, over
		printf "%s  {\"name\": \"%s\", \"stock\": %s, \"ours\": %s, \"ratio\": %.3f}",
			sep, n, s, o, r > json
		sep = ",\n"
	}
	printf "\n]\n" > json
}
