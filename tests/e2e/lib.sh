# What every end-to-end test sources. A test is a bash script of functions:
#
#	#!/usr/bin/env bash
#	# What this script is about.
#	. "${0%/*}/lib.sh"
#
#	test_seeds_come_back_as_they_went_in()
#	{
#		run pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl"
#		check_status 0
#		check_err ''
#		run pp-seed get poems
#		check_status 0
#		check_out_file "$PP_SHARE/seeds/poetry.jsonl"
#	}
#
#	run_tests "$@"
#
# and one line in tests/e2e/local.mk. `run_tests` runs each function whose name
# begins with test_, in the order of the file, and reports it as one line of
# TAP. Each runs in a subshell of its own, in an empty folder of its own ($T),
# with an empty home (PP_STORE) and stdin from /dev/null; what it starts with
# `background` or `mock_start` is ended with it. A failed check is shown and
# the test goes on; `skip` ends it.
#
#	run CMD...		run it for at most $LIMIT seconds (60), keep
#				status, stdout, stderr; stdin may be given:
#				`run pp-worker --filter -t t.yaml <rows`
#	run_sh 'A | B'		the same for a line of bash, with pipefail
#	check_status N		of the last run
#	check_out TEXT		stdout is TEXT (and a newline, if not empty)
#	check_out_file FILE	stdout is the contents of FILE
#	check_out_has TEXT	TEXT is somewhere in stdout
#	check_out_lines N	stdout has N lines
#	check_out_jq F TEXT	`jq -r F` of stdout is TEXT; -s: `-s F`
#	check_err, check_err_has, check_err_file	the same for stderr
#	check_same A B		two files are equal
#	check WHAT CMD...	CMD succeeds; WHAT is said when it does not
#	check_fails WHAT CMD...	CMD fails
#	out, err		print what the last run wrote
#	skip WHY		leave this test out, and say so
#	need TOOL...		skip unless each is installed
#	background CMD...	start it; its pid is in $PID; stdout and stderr
#				go to $T/bg.PID.out and .err
#	wait_for SECONDS CMD...	until CMD succeeds; false after SECONDS
#	mock_start [OPTION...]	start tests/support/mockllm on a free port; its
#				address is in $MOCK_URL and $MOCK_PORT
#	mock_stop		end it
#	mock_stats		print its counters
#	home_objects		print the folder in which the home's objects are
#				files
#	on_aws			the home is on AWS: PP_E2E_HOME=aws, which
#				aws_home.sh says, with servers on loopback
#
# `make check` gives PATH the programs of a staged installation, PP_SHARE its
# data, PP_BUILDDIR and PP_SRCDIR. Called by hand from a build folder, as
# `bash ../tests/e2e/seed.sh [FUNCTION...]`, a script takes the programs and
# the data of the tree. KEEP=1 leaves the folders there and says where.
# shellcheck shell=bash

set -u
set -o pipefail

PP_SRCDIR=${PP_SRCDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
PP_BUILDDIR=${PP_BUILDDIR:-$PWD}
PATH=${PP_BINDIR:-$PP_BUILDDIR/cmd}:$PATH
PP_SHARE=${PP_SHARE:-$PP_SRCDIR/share}
LIMIT=${LIMIT:-60}
export PATH PP_SHARE PP_SRCDIR PP_BUILDDIR
export LC_ALL=C.UTF-8 TZ=UTC

# Nothing of the caller's may decide a test.
# with-aws-servers has set what the tests of the AWS home need.
on_aws()
{
	[ "${PP_E2E_HOME:-file}" = aws ]
}

on_aws || unset "${!AWS_@}"
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_EC2_METADATA_DISABLED=true
unset "${!PP_MODEL_@}" PP_USER PP_DEFAULT_BUDGET PP_MAX_CONCURRENT_JOBS \
	PP_MODELS PP_PRICES PP_TABLE_PREFIX NO_COLOR CDPATH

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/pp-e2e.XXXXXX") || exit 99

note()
{
	sed 's/^/#   /'
}

# What failed, as TAP comments, and the mark that run_tests looks for.
complain()
{
	local name

	for name in "${FUNCNAME[@]}"; do
		[[ $name != test_* ]] || break
	done
	printf '# %s: %s\n' "$name" "$1"
	: >"$T/.failed"
}

show_runs()
{
	printf '#   $ %s\n' "$(head -c 300 "$T/.command" 2>/dev/null)"
	printf '#   status %s\n' "$(cat "$T/.status")"
	[ -s "$T/.out" ] && { echo '#   stdout:'; head -c 2000 "$T/.out" | note; }
	[ -s "$T/.err" ] && { echo '#   stderr:'; head -c 2000 "$T/.err" | note; }
	return 0
}

run()
{
	local status=0

	printf '%s' "$*" >"$T/.command"
	timeout -k 5 "$LIMIT" "$@" >"$T/.out" 2>"$T/.err" || status=$?
	echo "$status" >"$T/.status"
	[ "$status" -ne 124 ] || complain "no end after $LIMIT s: $*"
}

run_sh()
{
	run bash -o pipefail -c "$1"
}

out()
{
	cat "$T/.out"
}

err()
{
	cat "$T/.err"
}

check_status()
{
	[ "$(cat "$T/.status")" = "$1" ] && return
	complain "expected status $1"
	show_runs
}

# check_text STREAM TEXT: all of it.
check_text()
{
	local expected=$2

	[ -z "$expected" ] || expected+=$'\n'
	printf '%s' "$expected" | cmp -s - "$T/.$1" && return
	complain "std$1 is not what was expected:"
	printf '%s' "$expected" | diff -u --label expected --label got - \
	    "$T/.$1" | head -40 | note
	show_runs
}

# check_has STREAM TEXT: somewhere in it.
check_has()
{
	grep -qF -e "$2" "$T/.$1" && return
	complain "std$1 does not have: $2"
	show_runs
}

# check_stream_file STREAM FILE
check_stream_file()
{
	cmp -s "$2" "$T/.$1" && return
	complain "std$1 is not the contents of $2:"
	diff -u "$2" "$T/.$1" | head -20 | cut -c1-300 | note
	show_runs
}

check_out() { check_text out "$1"; }
check_err() { check_text err "$1"; }
check_out_has() { check_has out "$1"; }
check_err_has() { check_has err "$1"; }
check_out_file() { check_stream_file out "$1"; }
check_err_file() { check_stream_file err "$1"; }

check_out_lines()
{
	local n

	n=$(wc -l <"$T/.out")
	[ "$n" -eq "$1" ] && return
	complain "stdout has $n lines instead of $1"
	show_runs
}

check_out_jq()
{
	local slurp=() got

	[ "$1" != -s ] || { slurp=(-s); shift; }
	got=$(jq -r "${slurp[@]}" "$1" "$T/.out" 2>&1)
	[ "$got" = "$2" ] && return
	complain "jq '$1' gives '$got' instead of '$2'"
	show_runs
}

check_same()
{
	cmp -s "$1" "$2" && return
	complain "$1 and $2 differ:"
	diff -u "$1" "$2" 2>&1 | head -20 | cut -c1-300 | note
}

check()
{
	local what=$1

	shift
	"$@" >"$T/.check" 2>&1 && return
	complain "$what"
	echo "#   $ $*"
	head -c 2000 "$T/.check" | note
}

check_fails()
{
	local what=$1

	shift
	if "$@" >"$T/.check" 2>&1; then
		complain "$what"
		echo "#   $ $*"
	fi
}

skip()
{
	printf '%s' "$*" >"$T/.skipped"
	exit 0
}

need()
{
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "no $tool here"
	done
}

background()
{
	(exec "$@" >"$T/bg.$BASHPID.out" 2>"$T/bg.$BASHPID.err") &
	PID=$!
	BACKGROUND+=("$PID")
}

wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

mock_start()
{
	local port_file=$T/.mock.port

	[ -x "$PP_BUILDDIR/tests/support/mockllm" ] ||
		skip "no tests/support/mockllm in this build"
	rm -f "$port_file"
	background "$PP_BUILDDIR/tests/support/mockllm" --port 0 \
	    --port-file "$port_file" "$@"
	MOCK_PID=$PID
	if ! wait_for 10 test -s "$port_file"; then
		complain "mockllm does not start"
		note <"$T/bg.$MOCK_PID.err"
		exit 1
	fi
	MOCK_PORT=$(cat "$port_file")
	MOCK_URL=http://127.0.0.1:$MOCK_PORT
	export MOCK_PORT MOCK_URL
}

mock_stop()
{
	kill "$MOCK_PID" 2>/dev/null
	wait "$MOCK_PID" 2>/dev/null
}

# Without curl, which a bare machine lacks.
mock_stats()
{
	exec 9<>"/dev/tcp/127.0.0.1/$MOCK_PORT" || return
	printf 'GET /__stats HTTP/1.0\r\n\r\n' >&9
	sed '1,/^\r*$/d' <&9
	exec 9>&-
}

end_background()
{
	local pid

	for pid in "${BACKGROUND[@]}"; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}

# An empty home in DynamoDB and S3, as the environment says where they are.
aws_home()
{
	local name=pp-$$-$RANDOM$RANDOM

	"$PP_BUILDDIR/tests/support/awshome" make "$name" "$name" || exit 1
	export PP_STORE=aws:$name PP_TABLE_PREFIX=$name PP_USER=ann
}

# The folder whose files are the home's objects, on either home.
home_objects()
{
	if on_aws; then
		echo "$PP_S3_FOLDER/${PP_STORE#aws:}"
	else
		echo "$T/home/objects"
	fi
}

# Begin again with an empty home.
fresh_home()
{
	if on_aws; then
		aws_home
	else
		rm -rf "${T:?}/home"
	fi
}

run_one()
{
	local name=$1

	T=$SCRATCH/$name
	BACKGROUND=()
	mkdir -p "$T"
	(
		trap end_background EXIT
		cd "$T" || exit 1
		export PP_STORE=file:$T/home
		mkdir -m 700 "$T/home"
		! on_aws || aws_home
		"$name"
		exit 0
	) </dev/null || : >"$T/.failed"
}

report()
{
	local number=$1 name=${2#test_} folder=$SCRATCH/$2

	name=${name//_/ }
	if [ -e "$folder/.failed" ]; then
		FAILED=1
		echo "not ok $number - $name"
	elif [ -e "$folder/.skipped" ]; then
		echo "ok $number - $name # SKIP $(cat "$folder/.skipped")"
	else
		echo "ok $number - $name"
	fi
}

run_tests()
{
	local names name number=0

	FAILED=0
	if [ $# -gt 0 ]; then
		names=("$@")
	else
		mapfile -t names < <(sed -n \
		    's/^\(test_[A-Za-z0-9_]*\)().*/\1/p' "$0")
	fi
	echo "1..${#names[@]}"
	for name in "${names[@]}"; do
		run_one "$name"
		report $((++number)) "$name"
		[ -n "${KEEP:-}" ] || rm -rf "${SCRATCH:?}/$name"
	done
	if [ -n "${KEEP:-}" ]; then
		echo "# kept in $SCRATCH"
	else
		rm -rf "$SCRATCH"
	fi
	# Under make the lines say it all, and a status would count twice.
	[ -n "${PP_STAGE:-}" ] || exit "$FAILED"
}
