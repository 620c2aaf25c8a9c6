#!/bin/sh
# Every fuzz target on its seed corpus, as it is and damaged.
targets=$(cd "${PP_BUILDDIR:-.}/tests/fuzz" && ls fuzz_* | grep -v '\.')
corpus=${PP_SRCDIR:-$(dirname "$0")/../..}/tests/fuzz/corpus

# shellcheck disable=SC2086
set -- $targets
echo "1..$#"
n=0
for target; do
	n=$((n + 1))
	folder=$corpus/${target#fuzz_}
	if said=$("${PP_BUILDDIR:-.}/tests/fuzz/$target" \
	    --damage "${DAMAGE:-300}" "$folder" 2>&1); then
		echo "ok $n - $target, $said"
	else
		echo "$said" | head -40 | sed 's/^/# /'
		echo "not ok $n - $target"
	fi
done
