#!/usr/bin/env bash
# usage: start.sh [RUNS]
#
# From exec to the first model call, as in a task of Fargate: credentials from
# the container's endpoint, the task's metadata, DynamoDB Local, an S3 server
# that checks signatures and Bedrock's mock, all on loopback. What the worker
# takes of a processor until then is its own time; what the clock says holds the
# servers' too. The model does not answer while that is read.
#
# `make bench` gives PP_BUILDDIR and PP_SRCDIR.
. "$(dirname "$0")/bench.sh"
with_aws_servers "$@"
runs=${1:-7}
wanted_ms=60
export PP_USER=bench
PATH=$bin:$PATH
cd "$scratch"

wait_for()
{
	until "$@"; do
		sleep 0.01
	done
}

python3 "$support/aws_stub.py" stub.port stub.log &
pids+=($!)
server --latency 3600000 --log mock.log \
	--aws-account "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"
wait_for test -s stub.port
stub=http://127.0.0.1:$(cat stub.port)
export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$url
"$PP_BUILDDIR/tests/support/awshome" make pp-bench- pp-bench-bucket
export PP_STORE=aws:pp-bench-bucket PP_TABLE_PREFIX=pp-bench-
printf 'template:\n  id: t\n  steps:\n    - {id: a, prompt: "{{ poem.text }}"}\n' \
	>t.yaml
pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl" >/dev/null
PP_MAX_CONCURRENT_JOBS=$((runs + 1))
export PP_MAX_CONCURRENT_JOBS

# in_flight N: so many calls wait for an answer.
in_flight()
{
	[ "$(curl -s "$url/__stats" | jq .inflight)" = "$1" ]
}

# All threads' time on a processor, in us.
own_us()
{
	cat "/proc/$1/task"/*/schedstat |
		awk '{ ns += $1 } END { printf "%d\n", ns / 1000 }'
}

# Prints milliseconds of the worker's own, and of the clock.
one_run()
{
	local job begun pid own

	job=$(pp-job create -t t.yaml -s poem=poems -n 1 --budget 1 \
		--model llama-3.1-8b | jq -r .job_id)
	begun=$(date +%s%3N)
	env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
		AWS_CONTAINER_CREDENTIALS_FULL_URI="$stub/credentials" \
		ECS_CONTAINER_METADATA_URI_V4="$stub/v4/x" \
		pp-worker -q --job "$job" --once >&2 &
	pid=$!
	wait_for in_flight 1
	own=$(own_us "$pid")
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	wait_for in_flight 0
	echo "$own $(tail -n 1 mock.log | jq ".ms - $begun")"
}

for _ in $(seq "$runs"); do
	one_run
done >rows
column()
{
	awk -v c="$1" '{ print $c }' rows | median
}
own=$(column 1)
own=${own%.*}
printf '\nfrom exec to the first model call in a task, all on loopback:\n'
printf '%d.%d ms of its own; %d ms by the clock, the servers included; ' \
	$((own / 1000)) $((own % 1000 / 100)) "$(column 2)"
printf 'at most %d ms of its own are wanted: ' "$wanted_ms"
[ "$own" -le $((wanted_ms * 1000)) ] && echo yes || echo NO
