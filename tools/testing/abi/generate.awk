# SPDX-License-Identifier: GPL-2.0-only
#
# Turns the list of extract.awk into a C program that prints, for each name in
# the list's order, one line with all that an ABI fixes about it.

BEGIN {
	FS = "\t"
	print "#include <stddef.h>"
	print "#include <stdio.h>"
	print "#include <string.h>"
	print "#include <linux/kvm.h>"
	print "#define PAGE_SIZE 4096"
	print "static void bits(const void *p, size_t n)"
	print "{"
	print "\tconst unsigned char *b = p;"
	print "\tfor (size_t i = 0; i < n; i++)"
	print "\t\tif (b[i])"
	print "\t\t\tprintf(\" %zu:%02x\", i, b[i]);"
	print "\tputchar('\\n');"
	print "}"
	print "int main(void)"
	print "{"
}

function value(name)
{
	printf "\tprintf(\"%s = %%#llx\\n\", (unsigned long long)(%s));\n", name, name
}

$1 == "D" {
	print "#ifdef " $2
	print "\tputs(\"" $2 " defined\");"
	print "#else"
	print "\tputs(\"" $2 " missing\");"
	print "#endif"
}

$1 == "V" {
	print "#ifdef " $2
	value($2)
	print "#else"
	print "\tputs(\"" $2 " missing\");"
	print "#endif"
}

$1 == "E" { value($2) }

$1 == "S" {
	printf "\tprintf(\"%s size %%zu align %%zu\\n\", sizeof(%s), _Alignof(%s));\n", $2, $2, $2
}

$1 == "m" {
	printf "\tprintf(\"%s %s %s offset %%zu size %%zu\\n\", ", $2, $3, $4
	printf "offsetof(%s, %s), sizeof(((%s *)0)->%s));\n", $2, $3, $2, $3
}

$1 == "f" {
	printf "\tprintf(\"%s %s %s offset %%zu of %%zu\\n\", ", $2, $3, $4
	printf "offsetof(%s, %s), sizeof(*((%s *)0)->%s));\n", $2, $3, $2, $3
}

$1 == "b" {
	printf "\t{ %s x; memset(&x, 0, sizeof(x)); x.%s = -1; ", $2, $3
	printf "printf(\"%s %s %s bits\"); bits(&x, sizeof(x)); }\n", $2, $3, $4
}

END {
	print "\treturn 0;"
	print "}"
}
