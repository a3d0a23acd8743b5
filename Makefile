# SPDX-License-Identifier: GPL-2.0-only
#
#h This is KVM for x86: kernel modules, a small VMM, tests and emulated hosts.
#h
#h Two commands do all their own set-up on a Debian 12 machine (root):
#h   make run        boot a Debian guest on our modules, to a login on this terminal
#h   make check      run all tests; the last line counts them
#h
#h Building (everything goes below build/)
#h   make modules    kvm.ko, kvm-amd.ko, kvm-intel.ko for KVER, in build/modules-KVER (or OUT=dir)
#h   make vmm        the VMM, build/vmm/vmm
#h   make selftests  tools/testing/selftests/kvm, in build/selftests/kvm
#h   make image      the Debian 12 disk image; make image-small: kernel and busybox
#h   make deps       the Debian packages that all this needs
#h   make clean      remove what was built; make distclean: the images and caches too
#h   make overlay LINUX=dir   put this tree into a kernel's sources (x86) as its KVM
#h   make install    install the modules for the running kernel and the VMM (native use)
#h
#h Running
#h   make run        root logs in with no password; power the guest off to end
#h     BATCH=1       log in, look around and power off by script; exit code 0 if all went well
#h     IMAGE=file    boot this raw disk image (changes are kept); ROOTDEV= its root device
#h     CPUS=1 MEM=1024   processors and MiB of memory of the guest; APPEND="..." its kernel's words
#h   make host-shell a shell on the emulated host, our modules loaded
#h   make check      SUITE="abi boot" runs a part, of:
#h SUITES
#h   make check-long    more guests under QEMU, and more on amd-bochs, than make check has
#h   make check-debug   run some of them on a kernel that checks locks and memory; it is
#h                   built first (make debug-kernel), in a quarter of an hour
#h   make bench      what exits cost, counted in instructions, ours against stock
#h   make fuzz       the instruction emulator under libFuzzer for FUZZ_TIME=60 seconds
#h   make lint       style, static analysis and budgets; STEP=name runs one step
#h
#h Everywhere
#h   HOST=amd        the host: amd (QEMU), intel (Bochs, slower), amd-bochs, native (this
#h                   machine); make check takes amd and intel unless one is named
#h   KVM=ours        the hypervisor: ours, or stock (the distribution's modules)
#h   VMM=ours        the guest's VMM: ours, or qemu
#h   KVER=6.1        the host's kernel: a release, or a series' newest Debian one installed

SHELL	 := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

HOSTTOOLS := tools/testing/host
# Tests run on both vendors' hosts unless one is named.
CHECK_HOST := $(or $(HOST),both)
export HOST ?= amd
export KVM  ?= ours
export VMM  ?= ours
export BUILD ?= $(CURDIR)/build

# The kernel that the modules are built for and that the host runs. Of a series
# that is not installed, the messages to come show the name.
KVER_GIVEN := $(KVER)
override KVER := $(shell if [ $(HOST) = native ]; then echo $(or $(KVER_GIVEN),$$(uname -r)); else \
		. $(HOSTTOOLS)/lib.sh; resolve_kver $(KVER_GIVEN); fi)
override KVER := $(or $(KVER),$(KVER_GIVEN))
export KVER
HOSTDEPS := run $(if $(filter intel amd-bochs,$(HOST)),bochs)
JOBS ?= $(shell nproc)
ifeq ($(OUT),)
override OUT := $(BUILD)/modules-$(KVER)
endif
KDIR ?= /lib/modules/$(KVER)/build
KSELFTEST := tools/testing/selftests/kvm

help:
	@sed -nE 's/^#h ?//p' $(firstword $(MAKEFILE_LIST)) | while IFS= read -r line; do \
		if [ "$$line" = SUITES ]; then \
			awk '/^[^#]/ { printf " %s", $$1 }' tools/testing/suites/table | \
				fold -s -w 60 | sed 's/^ */                     /'; echo; \
		else printf '%s\n' "$$line"; fi; done

deps:
	@$(HOSTTOOLS)/deps run check lint

# Kbuild works in a mirror, so that the sources stay clean. Sources that are
# gone here go there too; what Kbuild made there stays. Copies get the time of
# copying: an edit made during a build must look newer than what was built.
mirror:
	@test -d $(KDIR) || { echo "make: no kernel headers in $(KDIR):" \
		"install linux-headers-amd64"; exit 1; }
	@mkdir -p $(OUT)
	@rsync -rlpc --delete --delete-excluded --prune-empty-dirs \
		--filter='P *.o' --filter='P .*' --filter='P *.mod*' --filter='P *.ko' \
		--filter='P Module.symvers' --filter='P modules.order' \
		--include='*/' --include='*.[chS]' --include=Kbuild --exclude='*' \
		$(wildcard Kbuild arch virt include) $(OUT)/

modules: mirror
	@echo "  MODULES $(OUT)"
	@$(MAKE) -C $(KDIR) M=$(OUT) CONFIG_DEBUG_INFO_BTF_MODULES= -j$(JOBS) \
		$(KBUILD_FLAGS) modules

# For another series than KVER's: "modules-6.12".
modules-%:
	@$(MAKE) KVER=$* OUT= modules

vmm:
	@echo "  VMM     $(BUILD)/vmm"
	@$(MAKE) -C tools/vmm O=$(BUILD)/vmm -j$(JOBS)

selftests:
	@echo "  TESTS   $(BUILD)/selftests/kvm"
	@mkdir -p $(BUILD)/selftests/kvm
	@$(MAKE) -C $(KSELFTEST) OUTPUT=$(BUILD)/selftests/kvm -j$(JOBS)

image:
	@$(HOSTTOOLS)/mkimage disk

image-small:
	@$(HOSTTOOLS)/mkimage small

# What a run needs is only known once the packages are there (KVER among it),
# so that a second make does the rest.
run:
	@$(HOSTTOOLS)/deps $(HOSTDEPS)
	@$(MAKE) $(if $(filter ours,$(KVM)),modules) $(if $(filter ours,$(VMM)),vmm) image
	@$(MAKE) run-guest

run-guest:
	@$(HOSTTOOLS)/run

host-shell:
	@$(HOSTTOOLS)/deps $(HOSTDEPS)
	@$(if $(filter ours,$(KVM)),$(MAKE) modules)
	@$(HOSTTOOLS)/host-run --interactive -- sh -l

check:
	@$(HOSTTOOLS)/deps check
	@HOST=$(CHECK_HOST) tools/testing/check $(SUITE)

FUZZ_TIME ?= 60
fuzz:
	@$(HOSTTOOLS)/deps fuzz
	@$(MAKE) -C arch/x86/kvm/emul/tests libfuzzer OUT=$(BUILD)/fuzz \
		LIBFUZZER_SECONDS=$(FUZZ_TIME)

check-long:
	@$(HOSTTOOLS)/deps check
	@HOST=$(CHECK_HOST) TABLE=tools/testing/suites/table-long tools/testing/check $(SUITE)

debug-kernel:
	@$(HOSTTOOLS)/deps debug
	@$(HOSTTOOLS)/debug-kernel

debug-modules: debug-kernel
	@$(MAKE) OUT= KVER=$$(cat $(BUILD)/debug-kernel/release) \
		KDIR=$(BUILD)/debug-kernel/obj modules

check-debug: debug-kernel
	@HOST=$(CHECK_HOST) TABLE=tools/testing/suites/table-debug tools/testing/check $(SUITE)

bench:
	@$(HOSTTOOLS)/deps bench
	@test -f tools/testing/bench/Makefile || { echo "make: there is no benchmark yet"; exit 1; }
	@$(MAKE) -C tools/testing/bench run OUT=$(BUILD)/bench

lint:
	@$(HOSTTOOLS)/deps lint
	@tools/testing/lint/lint $(STEP)

overlay:
	@tools/overlay "$(LINUX)"

install:
	@$(MAKE) KVER=$(shell uname -r) OUT=$(BUILD)/modules-$(shell uname -r) modules vmm
	$(MAKE) -C /lib/modules/$(shell uname -r)/build M=$(BUILD)/modules-$(shell uname -r) \
		INSTALL_MOD_DIR=updates modules_install
	depmod $(shell uname -r)
	install -D -m 755 $(BUILD)/vmm/vmm $(DESTDIR)/usr/local/bin/vmm
	@echo "installed; to use them: modprobe -r kvm-amd kvm-intel kvm; modprobe kvm-amd"

clean:
	rm -rf $(BUILD)/modules-* $(BUILD)/vmm $(BUILD)/selftests $(BUILD)/unit $(BUILD)/abi \
		$(BUILD)/check $(BUILD)/lint $(BUILD)/bench

distclean:
	rm -rf $(BUILD)

.PHONY: help deps mirror modules vmm selftests image image-small run run-guest host-shell \
	debug-kernel debug-modules check-debug check check-long bench fuzz lint overlay install clean distclean
