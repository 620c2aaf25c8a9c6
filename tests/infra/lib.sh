# What tests of the scripts share, over tests/e2e/lib.sh: the AWS CLI, moto and
# our stub. A script calls `cloud_start` before run_tests, and a test
# `scenario JSON` before it runs a script of infra/scripts.
#
#	scenario JSON	what the stub plays (stub_aws.py), from the beginning
#	moto_reset	forget all buckets and tables
#	script NAME ARG...	run infra/scripts/NAME.sh
#	asked [ACTION]	what the stub was asked, a line of JSON each
#	check_asked FILTER TEXT		`jq -r FILTER` of that is TEXT
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/../e2e/lib.sh"

INFRA=$PP_SRCDIR/infra
HERE=$PP_SRCDIR/tests/infra
LIMIT=300

# Skips the whole script, with the reason, when the tools cannot be had.
cloud_start()
{
	local why=$SCRATCH/why

	command -v jq >/dev/null || skip_all 'no jq here'
	PYTHON=$("$PP_SRCDIR/tests/support/python-venv" \
	    "$HERE/requirements.txt" 2>"$why") || skip_all "$(cat "$why")"
	"$PYTHON" -m moto.server -H 127.0.0.1 -p 0 >"$SCRATCH/moto" 2>&1 &
	MOTO=$!
	export PP_CLI_SOCKET=$SCRATCH/cli
	"$PYTHON" "$HERE/cli_server.py" "$PP_CLI_SOCKET" \
	    >"$SCRATCH/cli.log" 2>&1 &
	CLI=$!
	trap 'kill "$MOTO" "$CLI" 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$SCRATCH"' EXIT
	wait_for 120 grep -sq 'Running on' "$SCRATCH/moto" ||
		skip_all 'moto does not start'
	wait_for 120 test -S "$PP_CLI_SOCKET" ||
		skip_all 'the AWS CLI does not start'
	MOTO_PORT=$(sed -n 's,.*Running on http://127.0.0.1:\([0-9]*\).*,\1,p' \
	    "$SCRATCH/moto")
	mkdir "$SCRATCH/bin"
	ln -s "$HERE/cli.py" "$SCRATCH/bin/aws"
	PATH=$SCRATCH/bin:$PATH
	export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
	export AWS_ENDPOINT_URL=http://127.0.0.1:$MOTO_PORT
	export AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1
	export AWS_CONFIG_FILE=$SCRATCH/config
	export AWS_SHARED_CREDENTIALS_FILE=$SCRATCH/credentials
	export PP_POLL_SECONDS=0 PP_WAIT_SECONDS=60
	export PYTHONDONTWRITEBYTECODE=1
	unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_REGION AWS_SESSION_TOKEN
	export AWS_DEFAULT_REGION=us-east-1
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

moto_reset()
{
	exec 8<>"/dev/tcp/127.0.0.1/$MOTO_PORT" || return
	printf 'POST /moto-api/reset HTTP/1.0\r\nContent-Length: 0\r\n\r\n' >&8
	cat <&8 >/dev/null
	exec 8>&-
}

scenario()
{
	printf '%s' "$1" >"$T/scenario"
	: >"$T/asked"
	rm -f "$T/stub.port"
	background python3 "$HERE/stub_aws.py" "$T/stub.port" "$T/scenario" \
	    "$T/asked"
	wait_for 60 test -s "$T/stub.port" || complain 'the stub does not start'
	STUB=http://127.0.0.1:$(cat "$T/stub.port")
	export AWS_ENDPOINT_URL_CLOUDFORMATION=$STUB
	export AWS_ENDPOINT_URL_BEDROCK=$STUB
	export AWS_ENDPOINT_URL_SERVICE_QUOTAS=$STUB
}

script()
{
	local name=$1

	shift
	run "$INFRA/scripts/$name.sh" "$@"
}

asked()
{
	if [ $# -eq 0 ]; then
		cat "$T/asked"
	else
		jq -c --arg a "$1" 'select(.action == $a)' "$T/asked"
	fi
}

check_asked()
{
	local got

	got=$(jq -rs "$1" "$T/asked")
	[ "$got" = "$2" ] && return
	complain "asked: jq '$1' gives '$got' instead of '$2'"
	show_runs
}
