# shellcheck shell=bash disable=SC2034
# What the benchmarks share; they source it. A scratch directory that goes away
# at the end, with what runs in the background; the mock server; medians.
set -eu

PP_SRCDIR=${PP_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
PP_BUILDDIR=${PP_BUILDDIR:-$PP_SRCDIR/_build}
export PP_SRCDIR PP_BUILDDIR
export PP_SHARE=${PP_SHARE:-$PP_SRCDIR/share}
bench=$PP_BUILDDIR/tests/bench
support=$PP_SRCDIR/tests/support
bin=${PP_BINDIR:-$PP_BUILDDIR/cmd}

# Server and client have a processor each, where there are two.
server_cpu=
client_cpu=
if [ "$(nproc)" -ge 2 ] && command -v taskset >/dev/null; then
	server_cpu='taskset -c 0'
	client_cpu='taskset -c 1'
fi

scratch=$(mktemp -d)
pids=()
cleanup()
{
	stop_servers
	rm -rf "$scratch"
}
trap cleanup EXIT

usage()
{
	sed -n '2s/^# //p' "$0" >&2
	exit 64
}

# server OPTION...: the mock server, at `port` of this machine; `url` is there.
# Its counters are its own business: log and port are all that is asked of it.
server()
{
	rm -f "$scratch/port"
	$server_cpu "$PP_BUILDDIR/tests/support/mockllm" --port 0 --quiet \
		--port-file "$scratch/port" "$@" &
	pids+=($!)
	until [ -s "$scratch/port" ]; do
		kill -0 "${pids[-1]}"
		sleep 0.05
	done
	port=$(cat "$scratch/port")
	url=http://127.0.0.1:$port
}

stop_servers()
{
	[ ${#pids[@]} -gt 0 ] || return 0
	kill "${pids[@]}" 2>/dev/null || true
	wait "${pids[@]}" 2>/dev/null || true
	pids=()
}

# with_aws_servers ARG...: the script anew, with DynamoDB and S3 at hand.
with_aws_servers()
{
	[ -z "${PP_BENCH_AWS:-}" ] || return 0
	rm -rf "$scratch"
	PP_BENCH_AWS=1 exec "$support/with-aws-servers" bash "$0" "$@"
}

# make_seeds N: so many, of a kilobyte each: n and text.
make_seeds()
{
	awk -v n="$1" 'BEGIN {
		t = sprintf("%0990d", 0)
		for (i = 0; i < n; i++)
			printf "{\"n\":%d,\"text\":\"%s\"}\n", i, t
	}'
}

# member FILE NAME: of the one JSON object in it, a number.
member()
{
	sed -n "s/.*\"$2\":\([-0-9.]*\).*/\1/p" "$1"
}

divide()
{
	awk -v a="$1" -v b="$2" -v f="${3:-%.2f}" \
		'BEGIN { printf f, (b > 0 ? a / b : 0) }'
}

median()
{
	sort -g | awk '{ v[NR] = $1 } END {
		print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
