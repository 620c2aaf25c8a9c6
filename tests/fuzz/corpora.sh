#!/bin/sh
# Every fuzz target on its seed corpus, as it is and damaged.
corpus=${PP_SRCDIR:-$(dirname "$0")/../..}/tests/fuzz/corpus

set --
for target in "${PP_BUILDDIR:-.}"/tests/fuzz/fuzz_*; do
	name=${target##*/}
	[ "$name" != "${name%.*}" ] || set -- "$@" "$target"
done
echo "1..$#"
n=0
for target; do
	n=$((n + 1))
	name=${target##*/}
	if said=$("$target" --damage "${DAMAGE:-300}" \
	    "$corpus/${name#fuzz_}" 2>&1); then
		echo "ok $n - $name, $said"
	else
		echo "$said" | head -40 | sed 's/^/# /'
		echo "not ok $n - $name"
	fi
done
