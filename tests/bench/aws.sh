#!/usr/bin/env bash
# usage: aws.sh [-r ROUNDS] [-n OBJECTS] [-m MEGABYTES] [objects|queries|converse]...
#
# The AWS layer beside what others use: objects of 1 KB up and down and a large
# one in parts beside s5cmd, queries of DynamoDB and calls of Bedrock beside
# boto3, each at the same server on loopback and by turns. Ratios are medians
# over the rounds.
#
# `make bench` gives PP_BUILDDIR and PP_SRCDIR.
. "$(dirname "$0")/bench.sh"
with_aws_servers "$@"
rounds=3
objects=10000
megabytes=1024

while getopts r:n:m: opt; do
	case $opt in
	r) rounds=$OPTARG ;;
	n) objects=$OPTARG ;;
	m) megabytes=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- objects queries converse
cd "$scratch"
"$PP_BUILDDIR/tests/support/awshome" make pp-bench- pp-bench

# timed NAME COMMAND...: a row "seconds CPU-seconds MiB" to NAME.rows.
timed()
{
	local name=$1

	shift
	{ "$bench/bench_run" "$@" >"$name.out"; } 3>run
	[ "$(member run status)" = 0 ] || {
		echo "aws.sh: '$*' ended with status $(member run status)" >&2
		exit 1
	}
	echo "$(member run wall_s) $(member run cpu_s)" \
		"$(($(member run rss_kib) / 1024))" >>"$name.rows"
}

column()
{
	awk -v c="$2" '{ print $c }' "$1.rows" | median
}

# told WHAT OURS THEIRS: their time by ours, and what ours took of memory.
told()
{
	local ratio

	ratio=$(paste -d ' ' "$2.rows" "$3.rows" |
		awk '{ print $4 / $1 }' | median)
	printf '%-28s %7.2f s %7.2f s %8.2f %5.0f MiB %8.2f s %8.2f s\n' "$1" \
		"$(column "$2" 1)" "$(column "$3" 1)" "$ratio" "$(column "$2" 3)" \
		"$(column "$2" 2)" "$(column "$3" 2)"
	awk -v r="$ratio" -v m="$(column "$2" 3)" \
		'BEGIN { exit !(r >= 0.8 && m < 64) }' || missed="$missed, $1"
}

run_objects()
{
	local s5 round missed=

	if ! s5=$("$support/fetch-server" s5cmd 2>&1); then
		echo "objects are left out: $s5"
		return
	fi
	s5=$s5/s5cmd
	export S3_ENDPOINT_URL=$AWS_ENDPOINT_URL_S3
	mkdir in
	awk -v n="$objects" 'BEGIN {
		for (i = 0; i < n; i++) {
			f = sprintf("in/%06d", i)
			printf "%06d%01018d\n", i, 0 >f
			close(f)
		}
	}'
	head -c "${megabytes}M" /dev/zero >large
	for ((round = 1; round <= rounds; round++)); do
		rm -rf ours theirs
		mkdir ours theirs
		timed up "$bench/bench_s3" up pp-bench ours/ in
		timed s5up "$s5" --log error cp 'in/*' s3://pp-bench/theirs/
		timed down "$bench/bench_s3" down pp-bench ours/ ours
		timed s5down "$s5" --log error cp 's3://pp-bench/theirs/*' theirs/
		timed put "$bench/bench_s3" put pp-bench large-1 large
		timed s5put "$s5" --log error cp large s3://pp-bench/large-2
		diff -rq in ours
	done
	printf '\n%-28s %9s %9s %8s %9s %10s %10s\n' '' ours s5cmd ratio memory \
		'our CPU' 'its CPU'
	told "$objects objects of 1 KB up" up s5up
	told "$objects of 1 KB down" down s5down
	told "$megabytes MiB in parts" put s5put
	printf "at least 0.80 of its rate, below 64 MiB are wanted: "
	[ -z "$missed" ] && echo yes || echo "NO (${missed#, })"
}

peer()
{
	"$python" "$PP_SRCDIR/tests/bench/aws_peer.py" "$@"
}

run_queries()
{
	local round table=pp-bench-Templates

	peer make "$table"
	for ((round = 1; round <= rounds; round++)); do
		"$bench/bench_ddb" "$table" 1000 >>query.rows
		peer queries "$table" 1000 >>boto.rows
	done
	printf '\n%-28s %10s %12s %14s\n' 'queries, one at a time' 'a second' \
		'median us' 'CPU us each'
	for name in query boto; do
		printf '%-28s %10.0f %12.0f %14.0f\n' \
			"$([ $name = query ] && echo ours || echo boto3)" \
			"$(column $name 1)" "$(column $name 2)" "$(column $name 3)"
	done
}

# What a call of Converse takes of a processor, 64 in flight; the worker's with
# all of its work.
run_converse()
{
	local calls=40000 round

	server --no-track
	export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$url
	printf 'template:\n  id: t\n  steps: [{id: a, prompt: "{{ text }}"}]\n' \
		>t.yaml
	make_seeds $calls >seeds
	for ((round = 1; round <= rounds; round++)); do
		timed worker "$bin/pp-worker" -q --filter -t t.yaml \
			-m llama-3.1-8b -b 100 -c 64 <seeds
		peer converse 1000 64 >>converse.rows
	done
	stop_servers
	paste -d ' ' worker.rows converse.rows |
		awk -v n=$calls '{ print $6 / ($2 * 1e6 / n) }' | median >ratio
	awk -v o="$(column worker 2)" -v n=$calls -v t="$(column converse 3)" \
		-v r="$(cat ratio)" 'BEGIN {
		printf "\na call of Converse: %.1f us of a processor, %.0f with " \
		    "boto3: 1/%.0f; at most 1/30 is wanted: %s\n", o * 1e6 / n, t,
		    r, (r >= 30 ? "yes" : "NO") }'
}

if ! python=$("$support/python-venv" "$PP_SRCDIR/tests/infra/requirements.txt" \
	2>&1); then
	echo "boto3 is left out: $(tail -n 1 <<<"$python")"
	python=
fi
for name; do
	declare -F "run_$name" >/dev/null || usage
	if [ "$name" = objects ] || [ -n "$python" ]; then
		"run_$name"
	fi
done
