#!/usr/bin/env bash
# usage: run.sh [-r ROUNDS] [-n CALLS] [-m MEGABYTES]
#
# Throughput against the mock server, beside what the machine can do at best:
# wrk, which does nothing with a reply; bench_curl, which is libcurl and
# nothing else; bench_call, the library's calls; pp-worker, all of it. The
# tools take turns, server and client each on a processor of its own where
# there are two, and ratios are medians over the rounds: a machine that is
# busy with other things slows all of them down.
#
# `make bench` gives PP_BUILDDIR and PP_SRCDIR.
. "$(dirname "$0")/bench.sh"
worker=$bin/pp-worker
rounds=5
calls=40000
megabytes=300
connections=64

while getopts r:n:m: opt; do
	case $opt in
	r) rounds=$OPTARG ;;
	n) calls=$OPTARG ;;
	m) megabytes=$OPTARG ;;
	*) usage ;;
	esac
done

# ---- one run of a tool: "calls-a-second cpu-us-a-call rss-KiB" ----

one_wrk()
{
	{ $client_cpu "$bench/bench_run" wrk -t1 -c"$connections" -d2 \
		-s "$PP_SRCDIR/tests/bench/post.lua" "$url/v1/chat/completions" \
		>"$scratch/wrk"; } 3>"$scratch/run"
	done_calls=$(sed -n 's/ *\([0-9]*\) requests in .*/\1/p' "$scratch/wrk")
	echo "$(sed -n 's/^Requests.sec: *//p' "$scratch/wrk")" \
		"$(awk -v s="$(member "$scratch/run" cpu_s)" -v n="$done_calls" \
		'BEGIN { print s * 1e6 / n }')" \
		"$(member "$scratch/run" rss_kib)"
}

one_client()
{
	$client_cpu "$bench/$1" -c "$connections" -n "$calls" "$url$2" \
		>"$scratch/run"
	echo "$(member "$scratch/run" calls_per_s)" \
		"$(member "$scratch/run" cpu_us_per_call)" \
		"$(member "$scratch/run" rss_kib)"
}

one_curl()
{
	one_client bench_curl /v1/chat/completions
}

one_call()
{
	one_client bench_call /v1
}

# Seeds on its standard input, rows thrown away; its model is free.
run_worker()
{
	{ PP_MODEL_1_NAME=bench PP_MODEL_1_URL=$url/v1 \
		PP_MODEL_1_PROVIDER=${3:-openai} \
		PP_MODEL_1_INPUT_USD=0 PP_MODEL_1_OUTPUT_USD=0 \
		AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AKIDBENCH \
		AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG \
		AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$url \
		$client_cpu "$bench/bench_run" "$worker" -q --filter \
		-t "$scratch/template.yaml" -c "$1" \
		<"$scratch/seeds.$2" >/dev/null; } 3>"$scratch/run"
	[ "$(member "$scratch/run" status)" = 0 ] || {
		echo "run.sh: pp-worker ended with status" \
			"$(member "$scratch/run" status)" >&2
		exit 1
	}
}

make_worker_input()
{
	cat >"$scratch/template.yaml" <<-'END'
		template:
		  id: bench
		  name: Bench
		  steps:
		    - id: only
		      model: bench
		      max_tokens: 1024
		      prompt: "{{ n }} {{ text }}"
	END
	make_seeds "$1" >"$scratch/seeds.$1"
}

one_bedrock()
{
	one_worker bedrock
}

one_worker()
{
	run_worker "$connections" "$calls" "${1:-openai}"
	echo "$(divide "$calls" "$(member "$scratch/run" wall_s)" %.0f)" \
		"$(awk -v s="$(member "$scratch/run" cpu_s)" -v n="$calls" \
		'BEGIN { print s * 1e6 / n }')" \
		"$(member "$scratch/run" rss_kib)"
}

# ---- the table ----

# Column c of all rounds of a tool.
column()
{
	awk -v c="$2" '{ print $c }' "$scratch/$1.rows" | median
}

# The median over the rounds of this tool's calls a second by libcurl's.
ratio()
{
	paste -d ' ' "$scratch/$1.rows" "$scratch/curl.rows" |
		awk '{ print $1 / $4 }' | median
}

print_tool()
{
	printf '%-34s %10.0f %12.1f %8.1f %8.2f\n' "$2" "$(column "$1" 1)" \
		"$(column "$1" 2)" "$(divide "$(column "$1" 3)" 1024 %.1f)" \
		"$(ratio "$1")"
}

throughput()
{
	local tools=(curl call)

	if command -v wrk >/dev/null; then
		tools=(wrk "${tools[@]}")
	fi
	if [ -x "$worker" ]; then
		tools+=(worker bedrock)
		make_worker_input "$calls"
	fi
	server
	for ((round = 1; round <= rounds; round++)); do
		for tool in "${tools[@]}"; do
			"one_$tool" >>"$scratch/$tool.rows"
		done
	done
	stop_servers
	printf '%d connections, no latency, %d rounds of %d calls\n' \
		"$connections" "$rounds" "$calls"
	printf '%-34s %10s %12s %8s %8s\n' '' calls/s 'CPU us/call' 'RSS MiB' \
		'to curl'
	for tool in "${tools[@]}"; do
		case $tool in
		wrk) print_tool wrk 'wrk (replies unread)' ;;
		curl) print_tool curl 'bare libcurl (replies unread)' ;;
		call) print_tool call 'library (replies read)' ;;
		worker) print_tool worker 'pp-worker --filter (all of it)' ;;
		bedrock) print_tool bedrock 'the same, signed for Bedrock' ;;
		esac
	done
	if [ -x "$worker" ]; then
		awk -v r="$(ratio worker)" 'BEGIN {
			printf "pp-worker has %.2f of bare libcurl; at least 0.40 is " \
			    "wanted: %s\n", r, (r >= 0.4 ? "yes" : "NO") }'
		paste -d ' ' "$scratch/bedrock.rows" "$scratch/worker.rows" |
			awk '{ print $1 / $4 }' | median |
			awk '{ printf "with Converse and signatures it has " \
			    "%.2f of its own rate; at least 0.80 is wanted: " \
			    "%s\n", $1, ($1 >= 0.8 ? "yes" : "NO") }'
	fi
}

# 1,000 in flight at a second each: 950 calls a second, 64 MiB.
many_in_flight()
{
	local n=20000 rate rss

	make_worker_input "$n"
	server --latency 1000
	run_worker 1000 "$n"
	stop_servers
	rate=$(divide "$n" "$(member "$scratch/run" wall_s)" %.0f)
	rss=$(divide "$(member "$scratch/run" rss_kib)" 1024 %.1f)
	printf '\n1,000 in flight, 1 s latency, %d calls: %s calls/s, %s MiB, ' \
		"$n" "$rate" "$rss"
	printf '%s s of CPU\n' "$(member "$scratch/run" cpu_s)"
	awk -v r="$rate" -v m="$rss" 'BEGIN {
		printf "at least 950 calls/s in at most 64 MiB are wanted: %s\n",
		    (r >= 950 && m <= 64 ? "yes" : "NO") }'
}

# From exec to the first request on the wire, the best of ten.
first_request()
{
	make_worker_input 1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		server --log "$scratch/log"
		run_worker 1 1
		stop_servers
		awk -v s="$(member "$scratch/run" started_ms)" \
			-v r="$(member "$scratch/log" ms)" \
			'BEGIN { printf "%.1f\n", r - s }' >>"$scratch/first"
	done
	printf '\nfrom exec to the first request: %s ms at the median, ' \
		"$(median <"$scratch/first")"
	awk -v m="$(median <"$scratch/first")" 'BEGIN {
		printf "less than 30 are wanted: %s\n", (m < 30 ? "yes" : "NO") }'
}

# Beside what others write of the same rows.
export_files()
{
	local python

	echo
	if ! python=$("$support/python-venv" \
		"$PP_SRCDIR/tests/oracle/requirements.txt" 2>&1); then
		echo "exports are left out: $(tail -n 1 <<<"$python")"
		return
	fi
	"$python" "$PP_SRCDIR/tests/bench/export.py" "$PP_BUILDDIR" \
		"$bin/pp-export" "$megabytes" "$rounds"
}

throughput
if [ -x "$worker" ]; then
	many_in_flight
	first_request
else
	echo 'pp-worker is not built: its rows are left out'
fi
export_files
