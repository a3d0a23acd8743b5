# SPDX-License-Identifier: GPL-2.0-only
#
# What a folder of unit tests includes: make run. OUT is where they are built, TESTS
# are their names, ARGS_name what one is given, LIMIT the seconds each may take.

OUT	?= $(or $(TMPDIR),/tmp)/kvm-$(notdir $(patsubst %/tests,%,$(CURDIR)))-tests
CC	?= gcc
CFLAGS	?= -O1 -g
LIMIT	?= 120
SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=undefined

all: $(addprefix $(OUT)/,$(TESTS))

$(OUT):
	mkdir -p $@

run: all
	@fail=0; $(foreach t,$(TESTS),echo "# $t"; timeout $(LIMIT) $(OUT)/$t $(ARGS_$t) || fail=1;) \
	exit $$fail

clean:
	rm -rf $(OUT)

.PHONY: all run clean
