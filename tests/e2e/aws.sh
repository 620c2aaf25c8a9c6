#!/usr/bin/env bash
# Models on Bedrock with checked signatures, and what ECS, STS and SNS are
# asked, by servers on loopback.
. "${0%/*}/lib.sh"

keys()
{
	export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AKIDEXAMPLE
	export AWS_SECRET_ACCESS_KEY=secret+/=
}

# aws_start [CAPACITY]: the stub, told to clients as ECS, STS and SNS.
aws_start()
{
	command -v python3 >/dev/null || skip 'no python3 for the stub of AWS'
	rm -f port log
	background python3 "$PP_SRCDIR/tests/support/aws_stub.py" port log "$@"
	for _ in $(seq 600); do
		[ -s port ] && break
		sleep 0.1
	done
	keys
	AWS_URL=http://127.0.0.1:$(cat port)
	export AWS_ENDPOINT_URL_ECS=$AWS_URL AWS_ENDPOINT_URL_STS=$AWS_URL
	export AWS_ENDPOINT_URL_SNS=$AWS_URL
	export PP_ECS_CLUSTER=plot-palette PP_ECS_SUBNETS=s-1,s-2,s-3
	export PP_ECS_TASK_DEFINITION=plot-palette-worker
	export PP_ECS_SECURITY_GROUPS=sg-1
}

asked()
{
	grep -c "\"action\": \"$1\"" log
}

bedrock_start()
{
	mock_start --aws-account AKIDEXAMPLE:secret+/=
	keys
	export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$MOCK_URL
}

# put_template PROMPT: t.yaml, one step.
put_template()
{
	printf 'template:\n  id: t\n  steps:\n    - {id: a, max_tokens: 500, prompt: "%s"}\n' \
	    "$1" >t.yaml
}

# new_job ROWS [OPTION...]: prints its id.
new_job()
{
	pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl" >/dev/null 2>&1
	put_template 'Go on: {{ poem.text }}'
	pp-job create -t t.yaml -s poem=poems -n "$@" | jq -r .job_id
}

test_a_job_runs_on_bedrock_and_every_signature_is_right()
{
	bedrock_start
	job=$(new_job 40 --budget 5 --model llama-3.1-8b)
	run pp-worker -v --job "$job" --once
	check_status 0
	check_err_has '"event":"credentials"'
	check_err_has '"source":"the environment"'
	check_fails 'no secret is logged' grep -q 'secret+' "$T/.err"
	run pp-job show --json "$job"
	check_out_jq .status COMPLETED
	check 'all signed' [ "$(mock_stats | jq .unauthorized)" = 0 ]
	check 'forty calls' [ "$(mock_stats | jq .converse)" = 40 ]
}

# Credentials of four seconds, over calls that take longer than that.
test_credentials_are_renewed_while_thousands_of_calls_go_on()
{
	keys
	export STUB_LIFE_S=4
	aws_start
	mock_start --latency 200 --aws-account AKIDEXAMPLE:secret+/=
	export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$MOCK_URL
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AWS_URL/credentials
	put_template '{{ n }}'
	run_sh 'seq 2000 | sed "s/.*/{\"n\": &}/" |
	    pp-worker --filter -t t.yaml -m llama-3.1-8b -b 5 -c 64 | wc -l'
	check_status 0
	check_out 2000
	check 'all signed' [ "$(mock_stats | jq .unauthorized)" = 0 ]
	check 'none twice' [ "$(mock_stats | jq .converse)" = 2000 ]
	check 'renewed' [ "$(asked Credentials)" -ge 2 ]
	check "by one ($(asked Credentials))" [ "$(asked Credentials)" -le 100 ]
}

test_cached_tokens_cost_what_the_server_bills()
{
	id=us.anthropic.claude-sonnet-5
	echo "{\"$id\": {\"input\": \"2\", \"output\": \"10\", \"cached\": \"0.2\"}}" \
	    >prices.json
	mock_start --prices prices.json --cached 0.7
	keys
	export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$MOCK_URL
	cat >models.yaml <<-END
	models:
	  mine: {provider: bedrock, id: $id, input: 2, output: 10, cache_read: 0.2, cache_point: true}
	END
	cat >t.yaml <<-'END'
	template:
	  id: t
	  steps:
	    - id: a
	      model: mine
	      cache: true
	      system: You go on with what you are told, in the same words and no others.
	      prompt: "{{ n }} {{ n }} {{ n }} {{ n }} {{ n }} {{ n }} {{ n }} {{ n }}"
	END
	PP_MODELS=$PWD/models.yaml run_sh 'seq 1000 1049 | sed "s/.*/{\"n\": &}/" |
	    pp-worker --filter -t t.yaml -b 5 -q'
	check_out_lines 50
	spent=$(out | jq -s '[.[].steps.a.cost | tonumber] | add * 1e9 | round')
	check "what was spent ($spent) is the bill" test "$spent" = \
	    "$(mock_stats | jq .bill_nusd)"
	check_out_jq -s 'all(.[]; .steps.a.tokens_cached > 0)' true
}

test_a_bundle_of_authorities_is_trusted_and_nothing_else()
{
	command -v openssl >/dev/null || skip 'no openssl'
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2 \
	    -keyout key.pem -out cert.pem 2>/dev/null
	run timeout 5 "$PP_BUILDDIR/tests/support/mockllm" --tls-cert none \
	    --port 0
	[ "$(cat "$T/.status")" != 69 ] || skip 'built without libssl'
	mock_start --tls-cert cert.pem --tls-key key.pem
	keys
	export AWS_ENDPOINT_URL_BEDROCK_RUNTIME=https://127.0.0.1:$MOCK_PORT
	put_template '{{ n }}'
	echo '{"n": 1}' >seeds
	AWS_CA_BUNDLE=$PWD/cert.pem run pp-worker --filter -t t.yaml \
	    -m llama-3.1-8b -b 5 --retries 0 <seeds
	check_status 0
	check_out_jq .steps.a.finish stop
	run pp-worker --filter -t t.yaml -m llama-3.1-8b -b 5 --retries 0 \
	    --deadline 1s <seeds
	check_fails 'not without it' grep -q '"finish"' "$T/.out"
}

# The link's own addresses, in a network that has nothing but them.
link_script()
{
	cat <<-'END'
	ip link set lo up
	ip addr add 169.254.170.2/32 dev lo
	ip addr add 169.254.169.254/32 dev lo
	python3 - <<-'EOF' &
	import http.server, json, threading, time
	KEYS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret+/=",
	        "Token": "t", "Expiration": "2099-01-02T03:04:05Z",
	        "Code": "Success"}
	ROLES = "/latest/meta-data/iam/security-credentials/"
	PATHS = {"/v2/credentials/x": json.dumps(KEYS), ROLES: "role",
	         ROLES + "role": json.dumps(KEYS), "/latest/api/token": "tok"}
	class Handler(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        text = PATHS[self.path]
	        if self.path.startswith(ROLES):
	            assert self.headers["x-aws-ec2-metadata-token"] == "tok"
	        self.send_response(200)
	        self.send_header("Content-Length", str(len(text)))
	        self.end_headers()
	        self.wfile.write(text.encode())
	    do_PUT = do_GET
	    def log_message(self, *_):
	        pass
	for address in "169.254.170.2", "169.254.169.254":
	    server = http.server.ThreadingHTTPServer((address, 80), Handler)
	    threading.Thread(target=server.serve_forever).start()
	open("up", "w").close()
	EOF
	"$PP_BUILDDIR/tests/support/mockllm" --port 0 --port-file port --quiet \
	    --aws-account AKIDEXAMPLE:secret+/= &
	until [ -e up ] && [ -s port ]; do sleep 0.1; done
	AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:$(cat port)
	export AWS_ENDPOINT_URL_BEDROCK_RUNTIME http_proxy=http://127.0.0.1:1
	once()
	{
		echo '{"n": 1}' | pp-worker -v --filter -t t.yaml \
		    -m llama-3.1-8b -b 5 --retries 0 2>err |
		    jq -r .steps.a.finish
		sed -n 's/.*"source":"\([^"]*\)".*/\1/p' err
	}
	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x once
	# this machine does not look like an instance, so it is told
	unset AWS_EC2_METADATA_DISABLED
	AWS_EC2_METADATA_SERVICE_ENDPOINT=http://169.254.169.254 once
	kill $(jobs -p)
	END
}

test_the_addresses_of_the_link_are_asked_and_no_proxy()
{
	command -v ip >/dev/null || skip 'no ip'
	unshare -rn true 2>/dev/null || skip 'no network of our own here'
	keys
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	put_template '{{ n }}'
	link_script >link.sh
	run unshare -rn bash link.sh
	check_out "stop
the container's endpoint
stop
the instance's role 'role'"
}

test_a_wrong_secret_stops_the_worker_and_costs_nothing()
{
	bedrock_start
	job=$(new_job 10 --budget 5 --model llama-3.1-8b)
	AWS_SECRET_ACCESS_KEY=another run pp-worker --job "$job" --once
	check_status 77
	run pp-job show --json "$job"
	check_out_jq .status QUEUED
	check_out_jq .cost_estimate 0
}

test_without_an_account_no_model_of_bedrock_is_taken()
{
	run pp-job create -t x.yaml -s y -n 1 --model llama-3.1-8b
	check_status 66
	run pp-cost prices -v llama-3.1-8b
	check_out_has 'no AWS region'
}

test_dispatch_starts_what_waits_and_no_more()
{
	aws_start
	new_job 3 --model local >/dev/null
	new_job 4 --model local >/dev/null
	run pp-job dispatch --json --max 5
	check_status 0
	check_out_lines 2
	run pp-job dispatch --json --max 5
	check_status 0
	check_out ''
	check 'one RunTask' [ "$(asked RunTask)" = 1 ]
	run_sh 'grep RunTask log | jq -c "[.request.capacityProviderStrategy[0].capacityProvider, .request.launchType, .request.count, .request.networkConfiguration.awsvpcConfiguration.subnets]"'
	check_out '["FARGATE_SPOT",null,2,["s-1","s-2","s-3"]]'
	new_job 5 --model local >/dev/null
	PP_MAX_CONCURRENT_JOBS=2 run pp-job dispatch --json
	check_out ''
	run pp-job dispatch --json --max 3 --on-demand
	check_out_lines 1
}

# Their tokens are of the state that they see and of five minutes.
test_two_dispatchers_at_once_are_as_one()
{
	local pids=() window=$(($(date +%s) / 300))

	aws_start
	new_job 3 --model local >/dev/null
	for _ in 1 2 3 4; do
		pp-job dispatch --max 5 2>/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ $(($(date +%s) / 300)) = $window ] || skip 'five minutes were over'
	run_sh 'grep RunTask log | jq -r .request.clientToken | sort -u | wc -l'
	check_out 1
}

# An alarm reads it. The job that was created first is next.
test_dispatch_logs_how_long_the_next_job_has_waited()
{
	aws_start
	new_job 1 --model local >/dev/null
	sleep 2
	new_job 1 --model local >/dev/null
	run pp-job dispatch -v
	check_status 0
	check 'the state of the queue' test "$(grep '"event":"queue"' \
	    "$T/.err" | jq -c '[.waiting, .claimed, .oldest_s >= 2]')" = \
	    '[2,0,true]'
}

test_missing_capacity_is_told_and_nothing_falls_back()
{
	aws_start 1
	for n in 1 2 3; do
		new_job $n --model local >/dev/null
	done
	run pp-job dispatch --json
	check_status 75
	check_out_lines 1
	check_err_has '2 of 3 tasks could not be started: Capacity is'
	check_err_has '--on-demand'
	check 'one RunTask' [ "$(asked RunTask)" = 1 ]
}

test_dispatch_says_which_variable_is_missing()
{
	aws_start
	PP_ECS_SUBNETS='' run pp-job dispatch
	check_status 78
	check_err_has PP_ECS_SUBNETS
}

test_cancel_now_stops_tasks()
{
	aws_start
	job=$(new_job 3 --model local)
	run pp-job cancel --now "$job"
	check_status 0
	run_sh 'jq -c "[.action, .request.startedBy]" log'
	check_out "[\"ListTasks\",\"$job\"]"
	run pp-job show --json "$job"
	check_out_jq .status CANCELLED
}

test_a_topic_is_told_when_a_job_has_ended()
{
	aws_start
	job=$(new_job 3 --model local)
	run pp-worker --job "$job" --once --notify sns:arn:aws:sns:us-east-1:1:t
	check_status 0
	run_sh 'jq -r "[.action, .request.TopicArn, (.request.Message | fromjson | .status)] | join(\" \")" log'
	check_out 'Publish arn:aws:sns:us-east-1:1:t COMPLETED'
	run pp-job wait --notify sns:arn:aws:sns:us-east-1:1:t "$job"
	check_status 0
	check 'told twice' [ "$(asked Publish)" = 2 ]
	run pp-job wait --notify mail:me "$job"
	check_status 64
}

test_a_topic_that_cannot_be_told_spoils_nothing()
{
	keys
	export AWS_ENDPOINT_URL_SNS=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1
	job=$(new_job 3 --model local)
	PP_NOTIFY=sns:arn:aws:sns:us-east-1:1:t run pp-worker --job "$job" --once
	check_status 0
	check_err_has not_notified
}

test_a_worker_in_a_task_knows_which()
{
	aws_start
	job=$(new_job 3 --model local)
	ECS_CONTAINER_METADATA_URI_V4=$AWS_URL/v4/x run pp-worker -v --job "$job" --once
	check_status 0
	check_err_has 'task/plot-palette/000000000000000000000000000000fa'
	check_err_has '"vcpus":0.25'
	check_err_has '"usd_per_hour":0.00369'
	job=$(new_job 3 --model local)
	ECS_CONTAINER_METADATA_URI_V4=$AWS_URL/v4/x PP_ON_DEMAND=1 \
	    run pp-worker -v --job "$job" --once
	check_err_has '"usd_per_hour":0.0123425'
	ECS_CONTAINER_METADATA_URI_V4=http://127.0.0.1:1 run pp-worker -v --once
	check_status 0
	check_err_has no_task
}

# A quarter of a vCPU and half a GB, by the millisecond; the pause between two
# workers is nobody's time, and the budget is for models alone.
test_a_task_knows_what_its_time_costs()
{
	local hour=$((12100000 / 4 + 1330000 / 2)) total
	local nusd='(. * 1e9 | round)'

	aws_start
	bedrock_start
	job=$(new_job 40 --model llama-3.1-8b --shards 2 --budget 1)
	export ECS_CONTAINER_METADATA_URI_V4=$AWS_URL/v4/x
	run pp-worker --job "$job" --once
	check_status 0
	sleep 1
	run pp-worker --job "$job" --once
	check_status 0
	unset ECS_CONTAINER_METADATA_URI_V4
	run pp-cost show --json "$job"
	total=$(out | jq -c 'select(.total)')
	check "the price of the time: $total" jq -e --argjson hour "$hour" \
	    "(.compute_ms * \$hour / 3600000) as \$all |
	    (.compute_cost | tonumber | $nusd) as \$told |
	    \$told > 0 and \$told <= \$all and \$told >= \$all - 2" <<<"$total"
	check 'the budget is for models' jq -e \
	    "(.budget | tonumber | $nusd) - (.left | tonumber | $nusd) ==
	    (.cost | tonumber | $nusd)" <<<"$total"
	run pp-cost show "$job"
	check_out_has 'on Fargate, beside the budget'
	run pp-cost report --by model --json
	check 'it has a line of its own' test "$(out |
	    jq -r 'select(.model == "(compute)") | .cost')" = \
	    "$(jq -r .compute_cost <<<"$total")"
}

# run_with_servers SCRIPT: beside DynamoDB Local and an S3 server.
run_with_servers()
{
	LIMIT=600 run "$PP_SRCDIR/tests/support/with-aws-servers" bash "$1"
	case $(out) in
	'1..0 # SKIP '*) skip "$(out | sed 's/^1..0 # SKIP //')" ;;
	esac
	check_status 0
}

# What runs with DynamoDB Local and an S3 server that checks signatures.
aws_home_script()
{
	cat <<-'END'
	set -eu
	"$PP_BUILDDIR/tests/support/awshome" make pp-e2e- pp-e2e-bucket
	export PP_STORE=aws:pp-e2e-bucket PP_TABLE_PREFIX=pp-e2e-
	pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl" >/dev/null
	pp-seed url poems >url
	curl -sf "$(cat url)" | cmp - "$PP_SHARE/seeds/poetry.jsonl"
	curl -s -o /dev/null -w '%{http_code}\n' "$(cat url)0"
	printf 'n,text\n1,one\n2,two\n' >up.csv
	printf '{"n":1}\n{"n":\n' >bad.jsonl
	code='%{http_code}\n'
	pp-seed url --put up >url
	curl -s -w "$code" -T bad.jsonl "$(cat url)"
	pp-seed put --uploaded up 2>&1 || echo "status $?"
	curl -s -w "$code" -T up.csv "$(cat url)"
	pp-seed put --uploaded up | jq -c '[.name, .records]'
	pp-seed put --uploaded up 2>&1 || echo "status $?"
	curl -s -o /dev/null -w "$code" -T up.csv "$(cat url)0"
	curl -s -o /dev/null -w "$code" "$(cat url)"
	pp-seed url --put up --expires 1s >url
	sleep 3
	curl -s -o /dev/null -w "$code" -T up.csv "$(cat url)"
	job=$(pp-job create -t t.yaml -s poem=poems -n 20 --model local \
	    --shards 2 | jq -r .job_id)
	pp-job show --json "$job" | jq -r .user_id
	pp-job start --json --workers 2 "$job" | wc -l
	jq -r 'select(.action == "RunTask") | .request |
	    [.capacityProviderStrategy[0].capacityProvider, .count,
	    .overrides.containerOverrides[0].command[0]] | join(" ")' log
	ECS_CONTAINER_METADATA_URI_V4=$AWS_URL/v4/x pp-worker -q --job "$job"
	pp-job show --json "$job" | jq -r .status
	pp-export "$job" --url --format csv >urls
	curl -sf "$(grep dataset.csv urls)" | wc -l
	job=$(pp-job create -t t.yaml -s poem=poems -n 20 --model local |
	    jq -r .job_id)
	pp-job start "$job" 2>/dev/null
	pp-job cancel --now "$job" 2>&1
	jq -r 'select(.action == "StopTask") | .action' log
	END
}

test_a_home_on_aws_has_urls_and_tasks()
{
	command -v curl >/dev/null || skip 'no curl'
	aws_start
	put_template 'Go on: {{ poem.text }}'
	aws_home_script >home.sh
	export AWS_URL
	run_with_servers home.sh
	check_out "403
200
pp-seed: upload:2: $(out | sed -n 's/^pp-seed: upload:2: //p')
status 65
200
[\"up\",2]
pp-seed: nothing was uploaded for seed set 'up'
status 66
403
403
403
ann
2
FARGATE_SPOT 2 --job
COMPLETED
21
$(out | grep '1 task stopped')
StopTask"
	check_out_has '1 task stopped'
}

# Exports as objects: of a worker's own accord, and where -o says.
exports_script()
{
	cat <<-'END'
	set -eu
	awshome=$PP_BUILDDIR/tests/support/awshome
	"$awshome" make pp-e2e- pp-e2e-bucket
	export PP_STORE=aws:pp-e2e-bucket PP_TABLE_PREFIX=pp-e2e-
	pp-seed put poems "$PP_SHARE/seeds/poetry.jsonl" >/dev/null
	job=$(pp-job create -t t.yaml -s poem=poems -n 20 --model local \
	    --export jsonl,csv | jq -r .job_id)
	pp-worker -q --job "$job"
	"$awshome" ls pp-e2e-bucket "jobs/$job/exports/" | sed 's,.*/,,'
	pp-export "$job" -o - >rows.jsonl
	"$awshome" cat pp-e2e-bucket "jobs/$job/exports/dataset.jsonl" |
	    cmp - rows.jsonl
	mkdir -p "${TMPDIR:-/tmp}/.pp-upload-killed/files/x"
	pp-export "$job" -o s3://pp-e2e-bucket/sets/one
	"$awshome" cat pp-e2e-bucket sets/one/dataset.jsonl | cmp - rows.jsonl
	pp-export -o s3://pp-e2e-bucket/sets/two/ <rows.jsonl
	"$awshome" cat pp-e2e-bucket sets/two/dataset.jsonl | cmp - rows.jsonl
	"$awshome" ls pp-e2e-bucket sets/two/ | wc -l
	pp-export -o s3:// <rows.jsonl || echo "status $?"
	pp-export -o s3://no-such-bucket-here/x <rows.jsonl || echo "status $?"
	ls -d "${TMPDIR:-/tmp}"/.pp-upload-* 2>/dev/null | wc -l
	END
}

test_exports_become_objects()
{
	aws_start
	put_template 'Go on: {{ poem.text }}'
	exports_script >home.sh
	mkdir tmp
	export AWS_URL TMPDIR=$PWD/tmp
	run_with_servers home.sh
	check_out ".huggingface.yaml
_SUCCESS
dataset.csv
dataset.jsonl
manifest.json
4
status 64
status 66
0"
}

run_tests "$@"
