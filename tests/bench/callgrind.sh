#!/usr/bin/env bash
# usage: callgrind.sh [N]
#
# Instructions that pp-worker --filter takes for a call, by valgrind: those of
# 2 N calls less those of N, by N. Unlike times they hardly differ from run to
# run, so a change of more than a hundredth is a change of the program.
set -eu

PP_SRCDIR=${PP_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
PP_BUILDDIR=${PP_BUILDDIR:-$PP_SRCDIR/_build}
n=${1:-1000}
scratch=$(mktemp -d)
mock_pid=
cleanup()
{
	[ -z "$mock_pid" ] || kill "$mock_pid" 2>/dev/null || true
	rm -rf "$scratch"
}
trap cleanup EXIT

"$PP_BUILDDIR/tests/support/mockllm" --port 0 --port-file "$scratch/port" \
	--quiet --no-track &
mock_pid=$!
while [ ! -s "$scratch/port" ]; do
	kill -0 "$mock_pid"
	sleep 0.05
done
cat >"$scratch/template.yaml" <<-'END'
	template:
	  id: bench
	  steps:
	    - {id: only, model: bench, max_tokens: 1024, prompt: "{{ n }} {{ text }}"}
END

# instructions CALLS
instructions()
{
	awk -v n="$1" 'BEGIN {
		t = sprintf("%0990d", 0)
		for (i = 0; i < n; i++)
			printf "{\"n\":%d,\"text\":\"%s\"}\n", i, t
	}' >"$scratch/seeds"
	PP_MODEL_1_NAME=bench PP_MODEL_1_INPUT_USD=0 PP_MODEL_1_OUTPUT_USD=0 \
		PP_MODEL_1_URL=http://127.0.0.1:$(cat "$scratch/port")/v1 \
		PP_SHARE=${PP_SHARE:-$PP_SRCDIR/share} \
		valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
		"${PP_BINDIR:-$PP_BUILDDIR/cmd}/pp-worker" -q --filter \
		-t "$scratch/template.yaml" -c 64 \
		<"$scratch/seeds" >/dev/null 2>"$scratch/err"
	sed -n 's/^summary: //p' "$scratch/out"
}

few=$(instructions "$n")
many=$(instructions $((2 * n)))
echo "instructions a call: $(((many - few) / n))"
callgrind_annotate "$scratch/out" 2>/dev/null |
	grep -E '^ *[0-9,]+ \(' | head -n 15
