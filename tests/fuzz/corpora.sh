#!/bin/sh
# Every fuzz target on its seed corpus, as it is and damaged; those of the
# prompt language then go on for a time with a new seed for each state of them,
# where the Makefile says so: in a build with sanitizers.
here=${PP_SRCDIR:-$(dirname "$0")/../..}
corpus=$here/tests/fuzz/corpus
seed=$("$here/tests/support/tree-seed" lib/template tests/fuzz)

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
	case $name in
	fuzz_syntax|fuzz_template|fuzz_recipe) seconds=${FUZZ_SECONDS:-0} ;;
	*) seconds=0 ;;
	esac
	if said=$("$target" --damage "${DAMAGE:-300}" --seconds "$seconds" \
	    --seed "$seed" "$corpus/${name#fuzz_}" 2>&1); then
		echo "ok $n - $name, $said"
	else
		echo "$said" | head -40 | sed 's/^/# /'
		echo "not ok $n - $name"
	fi
done
