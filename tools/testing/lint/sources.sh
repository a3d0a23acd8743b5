# SPDX-License-Identifier: GPL-2.0-only
#
# sources PATTERN...: the files of the tree that match, generated ones left out.

sources()
{
	local expr=(-false) pattern

	for pattern; do
		expr+=(-o -name "$pattern")
	done
	find . \( -path ./build -o -path ./.git -o -path ./LICENSES \) -prune -o \
		-type f \( "${expr[@]}" \) -print | sed 's,^\./,,' | sort
}

# The uapi headers and the unit tests' stand-ins are shaped by others' rules.
own_code()
{
	sources "$@" | grep -v '^\(include\|arch/x86/include\)/uapi/'
}
