#!/usr/bin/env bash
# usage: flight.sh [-r ROUNDS] [-m ROWS] [NAME...]
#
# Jobs with many calls in flight, all of pp-worker: seeds, templates, budget,
# journal, checkpoints. A call takes a second at the server, so a job of as
# many rounds takes so many seconds at best; the ratio is that of the best time
# to the real one. NAME is one of the rows below, which are all run without it,
# but for `long`: a job of ten million rows (or of ROWS) at no latency.
#
# `make bench` gives PP_BUILDDIR and PP_SRCDIR.
. "$(dirname "$0")/bench.sh"
rounds=30
rows=10000000

while getopts r:m: opt; do
	case $opt in
	r) rounds=$OPTARG ;;
	m) rows=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))

export PP_STORE=file:$scratch/home
export PP_MODEL_1_NAME=bench PP_MODEL_1_INPUT_USD=0.1 PP_MODEL_1_OUTPUT_USD=0.2

# start OPTION...: the mock server, which has the model.
start()
{
	server "$@"
	export PP_MODEL_1_URL=$url/v1
}

# A certificate for this machine, and who vouches for it.
certificate()
{
	[ ! -s "$scratch/cert" ] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$scratch/key" -out "$scratch/cert" 2>/dev/null
	export PP_CA_FILE=$scratch/cert
}

# HTTP/2 for the mock server, which speaks HTTP/1.1 alone.
front()
{
	local at=$((port + 1))

	[ "$at" -lt 65536 ] || at=$((port - 1))
	certificate
	cat >"$scratch/nginx.conf" <<-END
		daemon off; master_process off; pid $scratch/nginx.pid;
		error_log $scratch/nginx.log;
		worker_rlimit_nofile 20000;
		events { worker_connections 10000; }
		http {
			access_log off;
			client_body_temp_path $scratch/n1; proxy_temp_path $scratch/n2;
			fastcgi_temp_path $scratch/n3; uwsgi_temp_path $scratch/n4;
			scgi_temp_path $scratch/n5;
			upstream mock { server 127.0.0.1:$port; keepalive 4096; }
			server {
				listen 127.0.0.1:$at ssl http2;
				ssl_certificate $scratch/cert;
				ssl_certificate_key $scratch/key;
				keepalive_requests 1000000;
				location / {
					proxy_http_version 1.1;
					proxy_set_header Connection "";
					proxy_pass http://mock;
				}
			}
		}
	END
	$server_cpu nginx -e "$scratch/nginx.log" -c "$scratch/nginx.conf" &
	pids+=($!)
	while [ ! -s "$scratch/nginx.pid" ]; do
		kill -0 "${pids[-1]}"
		sleep 0.05
	done
	export PP_MODEL_1_URL=https://127.0.0.1:$at/v1
}

counter()
{
	curl -s "$url/__stats" | jq "$1"
}

# A template of so many steps, in which every prompt differs.
template()
{
	local i

	echo 'template:'
	echo '  id: bench'
	echo '  steps:'
	for ((i = 1; i <= $1; i++)); do
		echo "    - {id: s$i, model: bench, max_tokens: ${2:-1024}," \
			"prompt: \"{{ row.index }} $i {{ text${3:-} }}\"}"
	done
}

# job CONCURRENCY ROWS [OPTION...]: sets wall and cpu (seconds), rss (MiB).
job()
{
	local id

	id=$("$bin/pp-job" create -t "$scratch/template.yaml" -s bench \
		-n "$2" --budget 1000000 | jq -r .job_id)
	{ $client_cpu "$bench/bench_run" "$bin/pp-worker" \
		-q --job "$id" -c "$1" "${@:3}" >/dev/null; } 3>"$scratch/run"
	[ "$(member "$scratch/run" status)" = 0 ] || {
		echo "flight.sh: pp-worker ended with status $(member "$scratch/run" status)" >&2
		exit 1
	}
	wall=$(member "$scratch/run" wall_s)
	cpu=$(member "$scratch/run" cpu_s)
	rss=$(awk -v k="$(member "$scratch/run" rss_kib)" 'BEGIN { print k / 1024 }')
}

# say NAME BEST-SECONDS LEAST-RATIO MOST-MIB MOST-PERCENT-OF-A-CORE
say()
{
	awk -v name="$1" -v best="$2" -v wall="$wall" -v cpu="$cpu" -v rss="$rss" \
		-v least="$3" -v mib="$4" -v percent="$5" 'BEGIN {
		ratio = best / wall; load = 100 * cpu / wall
		printf "%-34s %7.3f %6s %7.1f %5s %6.1f%% %5s  %s\n", name, ratio,
		    least, rss, mib, load, percent,
		    (ratio >= least && (mib == "-" || rss <= mib) &&
		    (percent == "-" || load <= percent) ? "yes" : "NO") }'
}

# plain NAME IN-FLIGHT LEAST MIB PERCENT
plain()
{
	start --no-track --latency 1000
	job "$2" $(($2 * rounds))
	stop_servers
	say "$1" "$rounds" "$3" "$4" "$5"
}

# ---- the rows ----

row_few() { plain '64, plain' 64 0.97 20 -; }
row_many() { plain '2,000, plain' 2000 0.99 72 10; }
row_most() { plain '4,096, plain' 4096 0.98 128 -; }

row_http2()
{
	start --no-track --latency 1000
	front
	job 2000 $((2000 * rounds))
	stop_servers
	say '2,000, HTTP/2 over TLS' "$rounds" 0.98 88 -
}

# What the second half of the rounds adds, when connections stand.
row_tls()
{
	local short

	certificate
	start --no-track --latency 1000 --tls-cert "$scratch/cert" \
		--tls-key "$scratch/key"
	PP_MODEL_1_URL=https://127.0.0.1:$port/v1
	job 1000 $((1000 * (rounds / 2)))
	short=$wall
	job 1000 $((1000 * rounds))
	stop_servers
	wall=$(awk -v a="$wall" -v b="$short" 'BEGIN { print a - b }')
	cpu=0
	say '1,000, HTTP/1.1 over TLS, ramp off' $((rounds - rounds / 2)) \
		0.97 110 -
}

row_steps()
{
	template 4 >"$scratch/template.yaml"
	start --no-track --latency 1000
	job 1000 $((1000 * (rounds / 4 + 1)))
	stop_servers
	say '1,000, rows of four steps' $((4 * (rounds / 4 + 1))) 0.97 - -
	template 1 >"$scratch/template.yaml"
}

# limited RATE LATENCY-MS IN-FLIGHT: so many a second are admitted, and a
# second's worth at once; nobody says so.
limited()
{
	local seconds=$((rounds * 2)) n throttled

	n=$(($1 * seconds))
	start --latency "$2" --limit-rps "$1"
	job "$3" $n
	throttled=$(counter .rate_limited)
	stop_servers
	say "$1 a second let through, $2 ms" "$seconds" 0.97 - -
	awk -v l="$throttled" -v n="$n" 'BEGIN {
		printf "%-34s %6.2f%% of replies; at most 2%% are wanted: %s\n",
		    "    of them throttled", 100 * l / (l + n),
		    (l <= 0.02 * (l + n) ? "yes" : "NO") }'
}

row_limited()
{
	limited 200 50 64
	limited 50 1000 64
	limited 50 1000 200
}

# The transport repeats nothing, though connections break under it.
row_once()
{
	local requests repeats calls

	start --conn-requests 20 --fault reset=0.02 --fault close=0.02
	job 64 20000 --backoff 10ms
	requests=$(counter .requests)
	repeats=$(counter .repeats_after_ok)
	stop_servers
	calls=$("$bin/pp-job" list --json | jq -s 'max_by(.created_at) | .calls')
	echo "64, connections that break: $requests requests at the server," \
		"$calls attempts counted, $repeats repeated after an answer"
}

# httpx IN-FLIGHT CALLS: sets wall, cpu, rss as job does.
httpx()
{
	{ $client_cpu "$bench/bench_run" "$python" \
		"$PP_SRCDIR/tests/bench/httpx_loop.py" "$PP_MODEL_1_URL" \
		"$scratch/seeds" "$@" >/dev/null; } 3>"$scratch/run"
	wall=$(member "$scratch/run" wall_s)
	cpu=$(member "$scratch/run" cpu_s)
	rss=$(divide "$(member "$scratch/run" rss_kib)" 1024)
}

# beside NAME CALLS START: rate and memory of the last run, and the time of a
# run of one call.
beside()
{
	awk -v name="$1" -v n="$2" -v c="$cpu" -v r="$rss" -v s="$3" 'BEGIN {
		printf "%-10s %8.0f calls a second of a core, %4.0f MiB, " \
		    "%5.0f ms for one call\n", name, n / c, r, s * 1000 }'
}

# The obvious script: asyncio and httpx, the same prompts, answers kept.
row_httpx()
{
	local python ours theirs each

	if ! python=$("$support/python-venv" \
		"$PP_SRCDIR/tests/bench/httpx.txt" 2>&1); then
		echo "httpx is left out: $(tail -n 1 <<<"$python")"
		return
	fi
	start --no-track
	ours=$(for _ in {1..5}; do job 1 1 && echo "$wall"; done | median)
	theirs=$(for _ in {1..5}; do httpx 1 1 && echo "$wall"; done | median)
	job 64 20000
	beside pp-worker 20000 "$ours"
	each=$cpu
	httpx 64 4000
	beside httpx 4000 "$theirs"
	stop_servers
	awk -v a="$each" -v b="$cpu" -v o="$ours" -v t="$theirs" 'BEGIN {
		printf "httpx takes %.0f times the processor a call, and %.0f " \
		    "times as long to its first\n", b / 4000 / (a / 20000), t / o }'
}

# Memory, and what checkpoints take and weigh, from beginning to end; the job
# is killed in its middle and goes on.
row_long()
{
	local id turn

	start --no-track --bytes 40
	template 1 16 '[:20]' >"$scratch/template.yaml"
	id=$("$bin/pp-job" create -t "$scratch/template.yaml" -s bench \
		-n "$rows" --budget 1000000 | jq -r .job_id)
	checkpoint=$scratch/home/objects/jobs/$id/checkpoint.json
	for turn in first second; do
		$client_cpu "$bin/pp-worker" --job "$id" -c 64 \
			>/dev/null 2>"$scratch/log.$turn" &
		watch_job $! $turn 2>/dev/null # nor the shell's word of a kill
	done
	stop_servers
	jq -r 'select(.event == "checkpoint") | "\(.rows_done) \(.elapsed_us)"' \
		"$scratch"/log.* >"$scratch/times"
	judge_long
	"$bin/pp-job" show "$id"
}

# Rows done, as the checkpoint says.
done_rows()
{
	jq .resume_state.seed_data_index "$checkpoint" 2>/dev/null || echo 0
}

# A line for each tenth of the rows; also kept, without the resumed worker's
# first. The first worker is killed when half of the rows are done.
watch_job()
{
	local pid=$1 turn=$2 next=0 began before n kib

	began=$(date +%s%N)
	before=$(stat -c %Y%y "$checkpoint" 2>/dev/null || true)
	while kill -0 "$pid" 2>/dev/null; do
		if [ -n "$began" ] &&
			[ "$(stat -c %Y%y "$checkpoint" 2>/dev/null)" != "$before" ]
		then
			divide $(($(date +%s%N) - began)) 1000000000 \
				'its first checkpoint after %.2f s\n' |
				tee "$scratch/began"
			began=
			next=$(($(done_rows) + rows / 10))
		fi
		n=$(done_rows)
		if [ -z "$began" ] && [ "$n" -ge "$next" ]; then
			kib=$(awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status" \
				2>/dev/null || true)
			printf '%10d rows, %6d KiB of memory, checkpoint of %d bytes\n' \
				"$n" "${kib:-0}" "$(stat -c %s "$checkpoint")" |
				tee -a "$scratch/tenths"
			next=$((n + rows / 10))
		fi
		if [ "$turn" = first ] && [ "$n" -ge $((rows / 2)) ]; then
			kill -KILL "$pid"
		fi
		sleep 0.1
	done
	wait "$pid" 2>/dev/null || true
}

# The first and the last tenth of the rows, side by side.
judge_long()
{
	local first last

	first=$(awk -v n="$rows" '$1 <= n / 10 { print $2 }' "$scratch/times" |
		median)
	last=$(awk -v n="$rows" '$1 >= n * 9 / 10 { print $2 }' \
		"$scratch/times" | median)
	awk -v a="$first" -v b="$last" \
		-v resumed="$(awk '{ print $5 }' "$scratch/began")" '
		NR == 1 { kib = $3; bytes = $9 }
		$3 > most { most = $3 }
		$9 > largest { largest = $9 }
		END {
			printf "a checkpoint took %.1f ms, at the end %.1f: %s\n",
			    a / 1000, b / 1000, b <= 1.5 * a ? "yes" : "NO"
			printf "it had %d bytes, %d at most: %s\n", bytes,
			    largest, largest <= 1.5 * bytes ? "yes" : "NO"
			printf "memory was %.1f MiB, %.1f at most: %s\n",
			    kib / 1024, most / 1024,
			    most <= 1.15 * kib ? "yes" : "NO"
			printf "the killed job went on after %.2f s: %s\n",
			    resumed, resumed < 1 ? "yes" : "NO"
		}' "$scratch/tenths"
}

make_seeds 1000 >"$scratch/seeds"
"$bin/pp-seed" put -q bench "$scratch/seeds"
template 1 >"$scratch/template.yaml"
printf '%-34s %7s %6s %7s %5s %7s %5s\n' "in flight, $rounds rounds of 1 s" \
	'of best' wanted MiB most 'a core' most
[ $# -gt 0 ] || set -- few many most http2 tls steps limited once httpx
for name; do
	declare -F "row_$name" >/dev/null || usage
	"row_$name"
done
