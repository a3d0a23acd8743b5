# SPDX-License-Identifier: GPL-2.0-only
#
# "make help" lists what can be made. Everything built goes below build/.

SHELL	 := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

HOSTTOOLS := tools/testing/host
export HOST ?= amd
export KVM  ?= ours
export VMM  ?= ours
export BUILD ?= $(CURDIR)/build

# The kernel that the modules are built for and that the emulated host runs.
ifndef KVER
KVER := $(shell . $(HOSTTOOLS)/lib.sh; pick_kver 6.1 amd64)
endif
export KVER
JOBS ?= $(shell nproc)
OUT ?= $(BUILD)/modules-$(KVER)
KDIR ?= /lib/modules/$(KVER)/build

help:
	@sed -nE 's/^#h ?//p' $(firstword $(MAKEFILE_LIST))

# Kbuild works in a mirror, so that the sources stay clean. Sources that are
# gone here go there too; what Kbuild made there stays.
mirror:
	@test -d $(KDIR) || { echo "make: no kernel headers in $(KDIR): install linux-headers-amd64"; exit 1; }
	@mkdir -p $(OUT)
	@rsync -rlpt --delete --delete-excluded --prune-empty-dirs \
		--filter='P *.o' --filter='P .*' --filter='P *.mod*' --filter='P *.ko' \
		--filter='P Module.symvers' --filter='P modules.order' \
		--include='*/' --include='*.[chS]' --include=Kbuild --exclude='*' \
		$(wildcard Kbuild arch virt include) $(OUT)/

modules: mirror
	@echo "  MODULES $(OUT) for $(KVER)"
	@$(MAKE) -C $(KDIR) M=$(OUT) CONFIG_DEBUG_INFO_BTF_MODULES= -j$(JOBS) $(KBUILD_FLAGS) modules

.PHONY: help mirror modules
