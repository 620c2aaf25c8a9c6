/*
 * Signatures a second: requests as the worker makes them for Bedrock, with a
 * body of 1 KB and a session token.
 *
 *	bench_sign [SIGNATURES]
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/sigv4.h"

#define BODY_BYTES 1024
#define WANTED_US 10.0

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
sign_once(struct pp_sigv4 *s, const char *body, const struct pp_aws_keys *keys,
    struct pp_buf *out)
{
	static const char *const headers[] = {
		"Host: bedrock-runtime.us-east-1.amazonaws.com",
		"X-Client-Request-Id: 01a1fa70-dd9e-728c-bb17-12b090b2e159",
		"Content-Type: application/json",
		"X-Amz-Date: 20260102T030405Z",
		"X-Amz-Security-Token: IQoJb3JpZ2luX2VjE//////////wEaCXVz", NULL
	};
	struct pp_sigv4_scope scope = { 1767323045000, "us-east-1", "bedrock",
		false };
	char hash[PP_SHA256_HEX_BYTES];
	struct pp_sigv4_request r = { "POST",
		"/model/us.meta.llama3-1-8b-instruct-v1%3A0/converse", NULL,
		headers, pp_sha256_hex(body, BODY_BYTES, hash) };

	pp_buf_clear(out);
	return pp_sigv4_authorize(s, &r, &scope, keys, out, NULL, NULL);
}

int
main(int argc, char **argv)
{
	static char id[] = "AKIDEXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG";
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 200000;
	struct pp_aws_keys keys = { .access_key = id, .secret_key = secret };
	struct pp_sigv4 *s = pp_sigv4_new();
	struct pp_buf out = PP_BUF_INIT;
	char body[BODY_BYTES];
	double start, us;

	memset(body, 'x', sizeof body);
	start = cpu_seconds();
	for (long i = 0; i < n; i++)
		if (sign_once(s, body, &keys, &out) < 0)
			return 1;
	us = (cpu_seconds() - start) * 1e6 / (double)n;
	printf("\nsignatures, body of 1 KB: %.0f a second, %.2f us each; at "
	       "most %.0f us are wanted: %s\n",
	    1e6 / us, us, WANTED_US, us <= WANTED_US ? "yes" : "NO");
	pp_buf_release(&out);
	pp_sigv4_free(s);
	return 0;
}
