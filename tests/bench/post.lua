-- What wrk sends: the prompt of bench_curl.c.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"model":"bench","messages":[{"role":"user","content":"' ..
	string.rep("0", 1000) .. '"}],"max_tokens":1024}'
