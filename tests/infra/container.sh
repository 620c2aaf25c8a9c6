#!/usr/bin/env bash
# The image's file system, gathered by the steps of the Containerfile, and the
# worker in it as process 1: changed root, PID namespace, no rights, no writing
# but in /tmp. There is no engine in the tests.
. "${0%/*}/../e2e/lib.sh"

# The image, once for all tests: it is only read.
make_image()
{
	local why

	why=$(prefix=${PP_BINDIR:+${PP_BINDIR%/bin}}
	[ -n "$prefix" ] || exit 1
	"$PP_SRCDIR/infra/container/collect-root" "$prefix" \
	    "$SCRATCH/image" 2>&1) || {
		echo "1..0 # SKIP no installation to make an image of: $why"
		exit 0
	}
}

need_namespaces()
{
	[ "$(id -u)" -eq 0 ] || skip 'not root: no change of root'
	unshare --pid --mount --fork true 2>/dev/null ||
		skip 'no namespaces here'
	command -v setpriv >/dev/null || skip 'no setpriv here'
	IMAGE=$T/image
	mkdir "$IMAGE" work
	chmod 1777 work
	write_runner
	"$IN" /usr/bin/pp-worker --version >"$T/version" 2>&1
	case $? in
	99 | 125) skip "nothing can be mounted here: $(tail -n 1 "$T/version")" ;;
	esac
}

# "$IN" COMMAND...: as a container would run it, its root read-only and /tmp our
# folder work.
write_runner()
{
	IN=$T/in-image
	cat >"$IN" <<-RUNNER
	#!/bin/bash
	mapfile -t models 2>/dev/null <'$T/models.env'
	exec env -i HOME=/tmp TMPDIR=/tmp PP_STORE=file:/tmp/home \\
	    PP_SHARE=/usr/share/plotpalette PP_USER=tester \\
	    PP_HEALTH_FILE=/tmp/health "\${models[@]}" \\
	    unshare --pid --mount --fork --kill-child sh -c '
		mount --bind "\$1" "\$2" &&
		mount -o remount,bind,ro "\$2" &&
		mount --bind "\$3" "\$2/tmp" &&
		mount -t proc proc "\$2/proc" || exit 99
		image=\$2
		shift 3
		exec setpriv --no-new-privs /usr/sbin/chroot \\
		    --userspec=65532:65532 --groups= "\$image" "\$@"' \\
	    - '$SCRATCH/image' '$IMAGE' '$T/work' "\$@"
	RUNNER
	chmod +x "$IN"
	: >"$T/models.env"
}

test_the_image_is_small_and_has_what_it_needs_and_nothing_else()
{
	local size

	# The image is configured without snappy, which alone wants C++.
	size=$(du -sk --apparent-size --exclude='libsnappy*' \
	    --exclude='libstdc++*' --exclude='libgcc_s*' "$SCRATCH/image" |
		cut -f 1)
	echo "# $size KiB"
	check "under 25 MB, not $size KiB" test "$size" -lt 24414
	check 'worker' test -x "$SCRATCH/image/usr/bin/pp-worker"
	check 'certificates' test -s \
	    "$SCRATCH/image/etc/ssl/certs/ca-certificates.crt"
	check 'models' test -s \
	    "$SCRATCH/image/usr/share/plotpalette/models.yaml"
	run find "$SCRATCH/image" -name '*sh' -o -name 'busybox*' \
	    -o -name 'apt*' -o -name 'dpkg*'
	check_out ''
	run find "$SCRATCH/image" -perm /6000 -o -type f -perm /022
	check_out ''
}

test_the_same_installation_gives_the_same_image()
{
	[ -n "${PP_BINDIR:-}" ] || skip 'no installation'
	run "$PP_SRCDIR/infra/scripts/build-image.sh" --rootfs again \
	    --prefix "${PP_BINDIR%/bin}"
	check_status 0
	check 'equal' diff -r "$SCRATCH/image" again
	check 'equal names, modes and times' diff \
	    <(cd "$SCRATCH/image" && find . -printf '%p %m %t\n' | sort) \
	    <(cd again && find . -printf '%p %m %t\n' | sort)
}

prepare_job()
{
	local line

	mock_start --latency "${1:-0}"
	cat >"$T/models.env" <<-ENV
	PP_MODEL_1_NAME=mine
	PP_MODEL_1_PROVIDER=openai
	PP_MODEL_1_ID=m
	PP_MODEL_1_URL=$MOCK_URL
	PP_MODEL_1_INPUT_USD=1
	PP_MODEL_1_OUTPUT_USD=1
	ENV
	while read -r line; do
		export "${line?}"
	done <"$T/models.env"
	export PP_STORE=file:$T/work/home PP_USER=tester
	printf 'template:\n  id: t\n  steps:\n    - id: a\n      model: mine\n      max_tokens: 20\n      prompt: "{{ s.x }}"\n' >t.yaml
	seq 500 | sed 's/.*/{"x": "row &"}/' >seeds.jsonl
	run pp-seed put seeds seeds.jsonl
	check_status 0
	run pp-template put t.yaml
	check_status 0
	run pp-job create -t t -s s=seeds -n 500 --budget 5
	check_status 0
	JOB=$(jq -r .job_id "$T/.out")
	chown -R 65532:65532 work/home
}

# The process that is number 1 of its namespace.
first_process()
{
	local p

	for p in $(pgrep -f '^/usr/bin/pp-worker -c'); do
		if [ "$(awk '/^NSpid/ { print $NF }' "/proc/$p/status")" = 1 ]
		then
			echo "$p"
		fi
	done | head -n 1
}

test_the_worker_runs_as_process_1_without_rights()
{
	need_namespaces
	# some seconds of work, so that there is a sign of it
	prepare_job 50
	run "$IN" /usr/bin/pp-worker -c 8
	check_status 0
	run pp-job show "$JOB" --json
	check_out_jq .status COMPLETED
	check 'a sign of life' test -s work/health
}

# The server of models has seen a call.
was_asked()
{
	[ "$(mock_stats | jq .requests)" -gt 0 ]
}

test_sigterm_ends_it_with_a_checkpoint()
{
	local pid inner began

	need_namespaces
	prepare_job 500
	began=$(date +%s%3N)
	background "$IN" /usr/bin/pp-worker -c 4
	pid=$PID
	wait_for 60 was_asked || complain 'no request'
	echo "# exec to the first request: $(($(date +%s%3N) - began)) ms"
	wait_for 60 test -s work/health || complain 'no sign of life'
	run "$IN" /usr/bin/pp-worker --health
	check_status 0
	inner=$(first_process)
	[ -n "$inner" ] || complain 'no process 1'
	sleep 1
	kill -TERM "$inner"
	wait "$pid"
	run sh -c "exit $?"
	check_status 75
	check 'a checkpoint' test -s \
	    "$(find work/home -name 'checkpoint*.json' | head -n 1)"
	run pp-job show "$JOB" --json
	check_out_jq .status QUEUED
	check 'paid answers are in it' test \
	    "$(jq .records_generated "$T/.out")" -gt 0
}

# An orphan of the namespace becomes a child of process 1, which alone can take
# it from the table when it has ended.
test_process_1_reaps_orphans()
{
	local pid first

	need_namespaces
	command -v nsenter >/dev/null || skip 'no nsenter here'
	prepare_job 2000
	background "$IN" /usr/bin/pp-worker -c 1
	pid=$PID
	wait_for 60 test -s work/health || complain 'no sign of life'
	first=$(first_process)
	[ -n "$first" ] || complain 'no process 1'
	nsenter -t "$first" -p sh -c '(sleep 0.2; :) & exit 0'
	# of two children, the orphan and the worker, one is left
	wait_for 60 sh -c '[ "$(ps --ppid "$1" -o pid= | wc -l)" -eq 1 ]' \
	    - "$first" || complain "the orphan is left: $(ps --ppid "$first")"
	kill -TERM "$first"
	wait "$pid"
	run sh -c "exit $?"
	check_status 75
}

test_health_of_nobody()
{
	need_namespaces
	run "$IN" /usr/bin/pp-worker --health
	check_status 1
}

# Ages in seconds of the last sign of life and of the last progress, status and
# words of the health check: who lives and gets nowhere is not well.
test_health_tells_progress_from_life()
{
	local alive moved status words now

	need_namespaces
	now=$(awk '{ print int($1 * 1000) }' /proc/uptime)
	[ "$now" -gt 2000000 ] || skip 'this machine has run for too short'
	while read -r alive moved status words; do
		echo "{\"alive\":$((now - alive * 1000)),\"moved\":$((now -
		    moved * 1000)),\"count\":7}" >work/health
		run "$IN" /usr/bin/pp-worker --health
		check_status "$status"
		[ -z "$words" ] || check_err_has "$words"
	done <<-SIGNS
	0 0 0
	0 300 0
	0 1800 1 the worker lives, but nothing has moved
	600 600 1 no sign of life
	SIGNS
}

make_image
run_tests "$@"
