#!/usr/bin/env bash
# The model server of the tests: what it answers, bills, counts and refuses.
# Raw sockets of bash and Python, since it is about bytes.
. "${0%/*}/lib.sh"

make_prices()
{
	cat >prices.json <<-'EOF'
	{"cheap": {"input": "0.22", "output": "0.22", "cached": "0.02"},
	 "dear": {"input": "3", "output": "15"},
	 "odd": {"input": "0.000000007", "output": "0.333333333"}}
	EOF
}

# send TEXT: all of it (with printf's escapes) to the server; what comes back
# until it closes the connection.
send()
{
	exec 8<>"/dev/tcp/127.0.0.1/$MOCK_PORT" || return
	printf '%b' "$1" >&8
	cat <&8
	exec 8>&- 8<&-
}

# ask MODEL PROMPT [MEMBERS [ID]]: a chat completion; head and body.
ask()
{
	local LC_ALL=C body id=${4:-}	# to count bytes

	body="{\"model\":\"$1\"${3:-},\"messages\":[{\"role\":\"user\","
	body+="\"content\":\"$2\"}]}"
	exec 8<>"/dev/tcp/127.0.0.1/$MOCK_PORT" || return
	printf 'POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\n%s' \
	    "${id:+X-Client-Request-Id: $id$'\r\n'}" >&8
	printf 'Authorization: Bearer tok\r\nConnection: close\r\n' >&8
	printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body" >&8
	timeout "${PATIENCE:-5}" cat <&8
	exec 8>&- 8<&-
}

# keep CMD...: a function of ours as the last run.
keep()
{
	"$@" >"$T/.out"
	: >"$T/.err"
	printf '%s' "$*" >"$T/.command"
	echo $? >"$T/.status"
}

inflight_is()
{
	[ "$(count .inflight)" = "$1" ]
}

# The body alone.
body()
{
	sed '1,/^\r$/d'
}

count()
{
	mock_stats | jq -r "$1"
}

check_count()
{
	local got

	got=$(count "$1")
	[ "$got" = "$2" ] && return
	complain "the counter $1 is $got instead of $2"
}

# check_reply PATTERN TEXT: the status line or a header.
check_reply()
{
	grep -qiE "$1" <<<"$2" && return
	complain "no $1 in the reply:"
	head -c 600 <<<"$2" | note
}

test_chat_completions_tell_their_usage()
{
	mock_start
	keep ask some 'twelve bytes' ',"max_tokens":10'
	check_out_has 'HTTP/1.1 200 OK'
	ask some 'twelve bytes' ',"max_tokens":10' | body >"$T/.out"
	check_out_jq .model some
	check_out_jq .choices[0].finish_reason length
	check_out_jq '.choices[0].message.content | length' 40
	check_out_jq '.usage | [.prompt_tokens, .completion_tokens,
	    .total_tokens] | @csv' 3,10,13
	ask some 'twelve bytes' | body >"$T/.out"
	check_out_jq .choices[0].finish_reason stop
	check_out_jq .usage.completion_tokens 300
}

test_converse_tells_its_usage()
{
	mock_start
	body='{"messages":[{"role":"user","content":[{"text":"four"}]}],'
	body+='"system":[{"text":"four"}],"inferenceConfig":{"maxTokens":5}}'
	keep send "POST /model/us.some-v1%3A0/converse HTTP/1.0\r\nContent-Length: ${#body}\r\n\r\n$body"
	check_out_has 'HTTP/1.1 200 OK'
	out | body >converse
	mv converse "$T/.out"
	check_out_jq .stopReason max_tokens
	check_out_jq '.output.message.content[0].text | length' 20
	check_out_jq '.usage | [.inputTokens, .outputTokens] | @csv' 2,5
	check_count '.models["us.some-v1:0"].ok' 1
}

test_the_same_prompt_gives_the_same_answer()
{
	mock_start
	first=$(ask some 'caf\u00e9 {\"a\"}' | body)
	check 'however it is written' \
	    test "$(ask some 'café {\"\u0061\"}' | body)" = "$first"
	check 'not to another prompt' \
	    test "$(ask some 'cafe {\"a\"}' | body)" != "$first"
	check 'not to another seed' \
	    test "$(ask some 'caf\u00e9' ',"seed":7' | body)" != \
	    "$(ask some 'caf\u00e9' ',"seed":8' | body)"
	mock_stop
	mock_start --seed 2
	check 'not of another server' \
	    test "$(ask some 'caf\u00e9 {\"a\"}' | body)" != "$first"
}

test_answers_come_in_other_forms()
{
	mock_start --bytes 30
	json=$(ask some '[[mock reply=json]] a' | body |
	    jq -r .choices[0].message.content)
	check 'json' jq -e .text <<<"$json"
	check 'fenced' grep -q '^```json$' <(ask some \
	    '[[mock reply=fenced]] a' | body | jq -r .choices[0].message.content)
	check 'echo' test "$(ask some '[[mock reply=echo]] é\n\"q\"' | body |
	    jq -r .choices[0].message.content)" = \
	    $'[[mock reply=echo]] é\n"q"'
	check 'cut between characters' test "$(ask some \
	    '[[mock reply=echo]]éé' ',"max_tokens":5' | body |
	    jq -r .choices[0].message.content)" = '[[mock reply=echo]]'
}

# ceil(sum of tokens * price / 10^6) for each call, by other means.
judge_bill()
{
	python3 - "$@" <<-'EOF'
	import json, sys
	from decimal import Decimal
	from fractions import Fraction
	prices = json.load(open("prices.json"))
	stats = json.load(open("stats.json"))
	bills = {}
	for line in open("mock.log"):
	    x = json.loads(line)
	    if x["billed"] == "no":
	        assert x["nusd"] == 0, x
	        continue
	    p = prices[x["model"]]
	    usd = {k: Fraction(Decimal(v)) for k, v in p.items()}
	    cached = x["cached_tokens"]
	    cost = ((x["prompt_tokens"] - cached) * usd["input"]
	        + cached * usd.get("cached", usd["input"])
	        + x["completion_tokens"] * usd["output"]) * 1000
	    nusd = -(-cost.numerator // cost.denominator)
	    assert x["nusd"] == nusd, (x, nusd)
	    sums = bills.setdefault(x["model"], {"whole": 0, "maybe": 0})
	    sums[x["billed"]] += nusd
	for model, sums in bills.items():
	    m = stats["models"][model]
	    assert m["billed"]["nusd"] == sums["whole"], (m, sums)
	    assert m["billed_ambiguous"]["nusd"] == sums["maybe"], (m, sums)
	    assert m["bill_nusd"] == sum(sums.values()), (m, sums)
	total = sum(sum(s.values()) for s in bills.values())
	assert stats["bill_nusd"] == total > 0, (stats["bill_nusd"], total)
	EOF
}

test_the_bill_is_exact()
{
	need python3
	make_prices
	mock_start --prices prices.json --log mock.log --cached 0.3 \
	    --fault truncate=0.2 --fault 429=0.1 --fault filter=0.1
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ask cheap "prompt $i of the cheap one" >/dev/null
		ask dear "prompt $i" ",\"max_tokens\":$i" >/dev/null
		ask odd "a prompt with the number $i" >/dev/null
	done
	mock_stats >stats.json
	mock_stop
	check 'each call and each sum' judge_bill
	check 'some were cut' test "$(jq .billed_ambiguous.calls \
	    stats.json)" -gt 0
}

# What a fault costs: its name, the status in the log, what is billed.
fault_rows='
400 400 no
404 404 no
429 429 no
500 500 no
503 503 no
529 529 no
reset 0 no
close 0 no
reset_mid 200 maybe
truncate 200 maybe
hang 0 maybe
garbage 200 maybe
empty 200 maybe
filter 200 whole
drip 200 whole
none 200 whole'

test_each_fault_costs_what_is_written()
{
	make_prices
	mock_start --prices prices.json --log mock.log --bytes 100 \
	    --drip 400:1
	while read -r fault status billed; do
		[ -n "$fault" ] || continue
		PATIENCE=1 ask dear "[[mock fault=$fault]]" >/dev/null 2>&1
		wait_for 5 sh -c "[ \"\$(tail -n 1 mock.log |
		    jq -r .fault)\" = $fault ]"
		got=$(tail -n 1 mock.log | jq -r \
		    '[.status, .billed, (.nusd > 0)] | @csv')
		paid=true
		[ "$billed" != no ] || paid=false
		check "$fault: $got" test "$got" = \
		    "$status,\"$billed\",$paid"
	done <<<"$fault_rows"
	check_count .under_way.calls 0
	check_count .billed.calls 3
	check_count .billed_ambiguous.calls 5
	check_count .faults.drip 1
}

test_a_reply_may_be_cut_or_useless()
{
	mock_start --bytes 400
	whole=$(ask some x | body | wc -c)
	check 'cut' test "$(ask some '[[mock fault=truncate]]' | body |
	    wc -c)" -lt "$whole"
	check_fails 'garbage is no JSON' jq -e . \
	    <(ask some '[[mock fault=garbage]]' | body)
	check 'empty' test "$(ask some '[[mock fault=empty]]' | body |
	    wc -c)" = 0
	check 'filter' test "$(ask some '[[mock fault=filter]]' | body |
	    jq -r .choices[0].finish_reason)" = content_filter
}

test_a_client_that_leaves_has_to_pay()
{
	make_prices
	mock_start --prices prices.json --log mock.log --latency 3000
	PATIENCE=0.3 ask dear 'I cannot wait' &
	wait_for 5 sh -c "[ \"\$(wc -l <mock.log)\" = 1 ]"
	check_count .billed_ambiguous.calls 1
	check_count .client_aborts 1
	check_count .ok 0
	check 'no byte came' test "$(jq -r '[.status, .billed] | @csv' \
	    mock.log)" = '0,"maybe"'
}

test_its_end_writes_everything_down()
{
	make_prices
	mock_start --prices prices.json --log mock.log --latency 20000
	ask dear one >/dev/null &
	ask dear two >/dev/null &
	wait_for 5 inflight_is 2
	check_count .under_way.calls 2
	check_count '.bill_nusd > 0' true
	kill "$MOCK_PID"
	wait "$MOCK_PID"
	check 'status 0' test $? = 0
	check 'both are in the log' test "$(jq -s -c \
	    'map(.billed)' mock.log)" = '["maybe","maybe"]'
}

test_prompts_are_counted()
{
	mock_start
	ask some '[[mock fault=500 times=2]] a' >/dev/null
	ask some '[[mock fault=500 times=2]] a' >/dev/null
	ask some '[[mock fault=500 times=2]] a' >/dev/null
	check_count .unique_prompts 1
	check_count .retries 2
	check_count .repeats_after_ok 0
	ask some '[[mock fault=500 times=2]] a' >/dev/null
	check_count .repeats_after_ok 1
	ask other '[[mock fault=500 times=2]] a' >/dev/null
	ask some b >/dev/null
	check_count .unique_prompts 3
	check_count .retries 2
	check_count .repeats_after_ok 1
	check_count .requests 6
	check_count .models.some.requests 5
}

test_ids_of_clients_are_counted_and_logged()
{
	mock_start --log mock.log
	ask some a '' id-1 >/dev/null
	ask some b '' id-2 >/dev/null
	check_count .repeated_ids 0
	ask some c '' id-1 >/dev/null
	ask some d >/dev/null
	ask some e >/dev/null
	check_count .repeated_ids 1
	check 'they are in the log' test "$(jq -s -c 'map(.client_id)' \
	    mock.log)" = '["id-1","id-2","id-1","",""]'
	check 'each has its connection' test "$(jq -s -c \
	    'map(.conn) | length - (unique | length)' mock.log)" = 0
}

test_counts_are_exact_for_many_prompts()
{
	need python3
	mock_start --bytes 4
	check 'ten thousand, some of them twice' \
	    python3 - "$MOCK_PORT" <<-'EOF'
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	f = s.makefile("rb")
	def ask(n):
	    body = ('{"model":"m","messages":[{"content":"%d"}]}' % n).encode()
	    return (b"POST /v1/chat/completions HTTP/1.1\r\n"
	        b"Content-Length: %d\r\n\r\n" % len(body)) + body
	def read():
	    size = 0
	    while (line := f.readline()) != b"\r\n":
	        if line.lower().startswith(b"content-length:"):
	            size = int(line.split(b":")[1])
	    f.read(size)
	for at in range(0, 10000, 100):
	    s.sendall(b"".join(ask(n) for n in range(at, at + 100)))
	    for _ in range(100):
	        read()
	for n in range(0, 10000, 20):
	    s.sendall(ask(n))
	    read()
	EOF
	check_count .unique_prompts 10000
	check_count .repeats_after_ok 500
	check_count .ok 10500
	mock_stop
	mock_start --max-prompts 2
	for prompt in a b c a; do
		ask some "$prompt" >/dev/null
	done
	check_count .unique_prompts 2
	check_count .untracked 1
	check_count .repeats_after_ok 1
}

test_totals_do_not_depend_on_the_order()
{
	faults=(--fault "500=0.2" --fault "truncate=0.2" --fault "429=0.2")
	make_prices
	for order in 'seq 30' 'seq 30 -1 1'; do
		mock_start --prices prices.json "${faults[@]}"
		for i in $($order) $($order); do
			ask cheap "prompt $i" >/dev/null
		done
		mock_stats | jq -c '[.models, .faults, .retries, .ok]' \
		    >>totals
		mock_stop
	done
	check 'both runs' test "$(sort -u totals | wc -l)" = 1
}

test_every_call_may_get_one_status()
{
	mock_start --status 400 --error-type insufficient_quota
	reply=$(ask some x)
	check_reply '^HTTP/1.1 400 ' "$reply"
	check_reply '"type":"insufficient_quota"' "$reply"
	check_reply '"code":"insufficient_quota"' "$reply"
	check_count .models.some.requests 1
	mock_stop
	mock_start --status 429 --retry-after 7 --header 'X-Mine: 1' \
	    --header 'x-ratelimit-remaining: 0'
	reply=$(ask some x)
	check_reply '^HTTP/1.1 429 ' "$reply"
	check_reply '^Retry-After: 7.$' "$reply"
	check_reply '^X-Mine: 1.$' "$reply"
	check_reply '^x-ratelimit-remaining: 0.$' "$reply"
	mock_stop
	mock_start --status 503 --retry-after 60 --retry-after-date
	when=$(ask some x | sed -n 's/^Retry-After: \(.*\)\r/\1/p')
	left=$(($(date -d "$when" +%s) - $(date +%s)))
	check "$when is in a minute" test $((left > 55 && left <= 60)) = 1
}

test_usage_may_be_missing_or_a_lie()
{
	make_prices
	mock_start --prices prices.json --no-usage
	check 'none' test "$(ask cheap x | body | jq -c .usage)" = null
	check_count '.bill_nusd > 0' true
	mock_stop
	mock_start --prices prices.json --usage-factor 10 --bytes 40
	check 'ten times' test "$(ask cheap 12345678 | body |
	    jq -c '[.usage.prompt_tokens, .usage.completion_tokens]')" = \
	    '[20,100]'
	check_count .bill_nusd 26400
	mock_stop
	mock_start --prices prices.json --cached 0.5 --bytes 40
	check 'half of it cached' test "$(ask cheap 12345678 | body |
	    jq -c .usage.prompt_tokens_details.cached_tokens)" = 1
	check_count .bill_nusd 2440
}

test_a_token_may_be_asked_for()
{
	mock_start --auth tok
	check_reply '^HTTP/1.1 200 ' "$(ask some x)"
	mock_stop
	mock_start --auth token
	check_reply '^HTTP/1.1 401 ' "$(ask some x)"
	check_count .unauthorized 1
	check_count .unique_prompts 0
}

test_limits_throttle()
{
	mock_start --limit-rps 0.01 --retry-after 2
	ask some 1 >/dev/null
	reply=$(ask some 2)
	check_reply '^HTTP/1.1 429 ' "$reply"
	check_reply '^Retry-After: 2.$' "$reply"
	check_count .rate_limited 1
	mock_stop
	mock_start --limit-inflight 1 --latency 500
	ask some 1 >first &
	first=$!
	wait_for 5 inflight_is 1
	check_reply '^HTTP/1.1 429 ' "$(ask some 2)"
	wait "$first"
	check_reply '^HTTP/1.1 200 ' "$(cat first)"
}

test_models_are_listed()
{
	make_prices
	mock_start --prices prices.json
	send 'GET /v1/models HTTP/1.0\r\n\r\n' | body >"$T/.out"
	check_out_jq '[.data[].id] | @csv' '"cheap","dear","odd"'
}

# What is no request: its name, the status of the reply, its text.
bad_rows='
no_path|400|GET\r\n\r\n
no_version|400|GET /\r\n\r\n
two_versions|505|GET / HTTP/2.0\r\n\r\n
no_slash|400|GET x HTTP/1.1\r\n\r\n
no_colon|400|GET / HTTP/1.1\r\nHost\r\n\r\n
folded|400|GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n
space_before_colon|400|GET / HTTP/1.1\r\nA : b\r\n\r\n
negative_length|400|POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n
two_lengths|400|POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx
length_and_chunks|400|POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx
other_coding|501|POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n
bad_chunk|400|POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n
chunk_too_long|400|POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n
expects_magic|417|POST / HTTP/1.1\r\nExpect: magic\r\n\r\n
too_large|413|POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n
too_large_chunk|413|POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n
no_such_path|404|GET /nothing HTTP/1.0\r\n\r\n
get_of_a_call|405|GET /v1/chat/completions HTTP/1.0\r\n\r\n
no_json|400|POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 2\r\n\r\n{]
not_utf8|400|POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 47\r\n\r\n{"model":"m","messages":[{"content":"\0377aaaaa"}]}
no_prompt|400|POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 13\r\n\r\n{"model":"m"}'

test_what_is_no_request_is_refused()
{
	mock_start --max-body 1000
	while IFS='|' read -r name status text; do
		[ -n "$name" ] || continue
		reply=$(send "$text" | head -n 1)
		check "$name: $reply" grep -q "^HTTP/1.1 $status " \
		    <<<"$reply"
	done <<<"$bad_rows"
	long=$(printf '%070000d' 0)
	check_reply '^HTTP/1.1 431 ' "$(send "GET / HTTP/1.1\r\nA: $long\r\n\r\n")"
	check_reply '^HTTP/1.1 414 ' "$(send "GET /${long:0:600} HTTP/1.1\r\n\r\n")"
	check_count .unique_prompts 0
}

test_requests_come_in_all_forms()
{
	mock_start --bytes 4
	json='{"model":"m","messages":[{"content":"hi"}]}'
	path='POST /v1/chat/completions HTTP/1.1\r\n'
	expected=$(send "${path}Connection: close\r\nContent-Length: ${#json}\r\n\r\n$json" |
	    body | jq -c .choices)
	chunks="7;a=b\r\n${json:0:7}\r\n"
	chunks+=$(printf '%X' $((${#json} - 7)))"\r\n${json:7}\r\n"
	got=$(send "${path}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nA: b\r\n\r\n" |
	    body | jq -c .choices)
	check 'chunked' test "$got" = "$expected"
	one="${path}Content-Length: ${#json}\r\n\r\n$json"
	check 'three at once' test "$(send "$one$one${path}Connection: close\r\nContent-Length: ${#json}\r\n\r\n$json" |
	    grep -c 'HTTP/1.1 200')" = 3
	exec 8<>"/dev/tcp/127.0.0.1/$MOCK_PORT"
	printf "${path}Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" \
	    ${#json} >&8
	read -r line <&8
	check 'go on' test "$line" = $'HTTP/1.1 100 Continue\r'
	printf '%s' "$json" >&8
	check 'and then' grep -q 'HTTP/1.1 200' <&8
	exec 8>&-
	exec 8<>"/dev/tcp/127.0.0.1/$MOCK_PORT"
	for part in POS 'T /v1/chat/compl' $'etions HTTP/1.1\r' \
	    $'\nConnection: close\r\nContent-Len' \
	    "gth: ${#json}"$'\r\n\r' $'\n{' "${json:1:20}" "${json:21}"; do
		printf '%s' "$part" >&8
		sleep 0.02
	done
	check 'in parts' grep -q 'HTTP/1.1 200' <&8
}

test_slow_and_silent_clients_are_left()
{
	mock_start --read 200 --idle 300
	keep send 'POST /v1/chat/completions HTTP/1.1\r\nContent-Le'
	check_out_has 'HTTP/1.1 408 '
	check_count .timeouts 1
	keep send 'GET /__health HTTP/1.1\r\n\r\n'
	check_out_has 'HTTP/1.1 200 '
	check_count .conns_open 1
}

test_thousands_of_connections()
{
	need python3
	mock_start --latency 300 --max-conns 4000
	run python3 - "$MOCK_PORT" <<-'EOF'
	import resource, selectors, socket, sys
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
	n = min(4096, hard - 100)
	body = b'{"model":"m","messages":[{"content":"hi"}]}'
	ask = (b"POST /v1/chat/completions HTTP/1.1\r\n"
	    b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
	sel = selectors.DefaultSelector()
	for _ in range(n):
	    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	    s.sendall(ask)
	    sel.register(s, selectors.EVENT_READ)
	good = 0
	while sel.get_map():
	    for key, _ in sel.select():
	        text = key.fileobj.recv(65536)
	        good += text.startswith(b"HTTP/1.1 200")
	        if not text:
	            sel.unregister(key.fileobj)
	            key.fileobj.close()
	print(good == n)
	EOF
	check_out True
	check_count '.conns_peak <= 4000' true
	check_count .conns_open 1
}

test_garbage_does_not_end_it()
{
	need python3
	make_prices
	mock_start --prices prices.json --log mock.log --log-prompts \
	    --max-body 5000 --read 1000 --drip 100:1 --fault drip=0.1 \
	    --fault truncate=0.1
	check 'changed requests' python3 - "$MOCK_PORT" <<-'EOF'
	import random, socket, sys
	body = (b'{"model":"cheap","max_tokens":20,"messages":[{"role":"user",'
	    b'"content":"hi \\u00e9 \\ud83d\\ude00 [[mock fault=429 times=1]]"},'
	    b'{"content":[{"text":"\xc3\xa9"}]}],"seed":5,"stream":false}')
	plain = b"Content-Length: %d\r\n\r\n" % len(body) + body
	chunks = (b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + body[:16] +
	    b"\r\n%x\r\n" % (len(body) - 16) + body[16:] + b"\r\n0\r\n\r\n")
	def request(r):
	    path = r.choice([b"/v1/chat/completions", b"/model/a%3Ab/converse"])
	    return (b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n"
	        b"X-Client-Request-Id: 1\r\n" + r.choice([plain, chunks]))
	for seed in range(600):
	    r = random.Random(seed)
	    text = bytearray(request(r) + request(r))
	    for _ in range(r.randrange(6)):
	        at = r.randrange(len(text))
	        what = r.randrange(4)
	        if what == 0:
	            text[at] = r.randrange(256)
	        elif what == 1:
	            del text[at:at + r.randrange(20)]
	        elif what == 2:
	            text[at:at] = bytes(r.choice(b'{}[]",:\\\r\n 0-u')
	                for _ in range(r.randrange(5)))
	        else:
	            del text[at:]
	        if not text:
	            text = bytearray(b"G")
	    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	    s.settimeout(0.05)
	    try:
	        for at in range(0, len(text), r.choice([7, 100, 5000])):
	            s.sendall(text[at:at + 100])
	        while s.recv(65536):
	            pass
	    except OSError:
	        pass
	    s.close()
	EOF
	check_count '.requests > 300' true
	kill "$MOCK_PID"
	wait "$MOCK_PID"
	check 'it ends well' test $? = 0
	check 'its log is whole' jq -e -s 'length > 300' mock.log
}

test_tls()
{
	need openssl python3
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=localhost -days 2 -keyout key.pem -out cert.pem \
	    2>/dev/null
	run timeout 5 "$PP_BUILDDIR/tests/support/mockllm" --tls-cert none \
	    --port 0
	if [ "$(cat "$T/.status")" = 69 ]; then
		skip 'built without libssl'
	fi
	check_status 1
	mock_start --tls-cert cert.pem --tls-key key.pem --bytes 40000
	check 'two calls and a large one' python3 - "$MOCK_PORT" <<-'EOF'
	import socket, ssl, sys
	context = ssl._create_unverified_context()
	plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	s = context.wrap_socket(plain)
	for prompt in ["a", "b", "c" * 200000]:
	    body = ('{"model":"m","messages":[{"content":"%s"}]}' %
	        prompt).encode()
	    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\n"
	        b"Content-Length: %d\r\n\r\n" % len(body) + body)
	    got = b""
	    while not got.endswith(b'"fp_mock"}'):
	        more = s.recv(65536)
	        assert more, got
	        got += more
	    assert got.startswith(b"HTTP/1.1 200 OK"), got
	EOF
	answered=$(python3 - "$MOCK_PORT" <<-'EOF'
	import json, ssl, sys, urllib.request
	url = "https://127.0.0.1:%s/__stats" % sys.argv[1]
	context = ssl._create_unverified_context()
	print(json.load(urllib.request.urlopen(url, context=context))["ok"])
	EOF
	)
	check 'they are counted' test "$answered" = 3
}

# Options that are refused, and with which status.
option_rows='
64 --port 70000
64 --port x
64 --fault 429
64 --fault nothing=0.5
64 --fault 429=2
64 --status 200
64 --fail-first 2:what
64 --header none
64 --reply what
64 --tail 3
64 --latency -1
64 --what
64 operand
1 --host nowhere
1 --prices nowhere.json
1 --log /nowhere/log'

test_wrong_options_are_refused()
{
	# shellcheck disable=SC2086
	while read -r status options; do
		[ -n "$status" ] || continue
		run timeout 5 "$PP_BUILDDIR/tests/support/mockllm" --port 0 \
		    $options
		check_status "$status"
	done <<<"$option_rows"
	for prices in '{' '{"m":{"input":"1"}}' '{"m":{"input":"1e3","output":"1"}}' \
	    '{"m":{"input":"0.0000000001","output":"1"}}' '{"input":"1"}'; do
		echo "$prices" >prices.json
		run timeout 5 "$PP_BUILDDIR/tests/support/mockllm" --port 0 \
		    --prices prices.json
		check_status 1
		check_err_has 'prices.json: '
	done
}

run_tests "$@"
