/*
 * What the library itself takes for a model call, beside bench_curl: the same
 * prompt over and over, each reply read and its usage counted.
 *
 *	bench_call [-c CONNECTIONS] [-n CALLS] URL
 *
 * URL is that of the server, up to and with /v1. Prints one JSON object as
 * bench_curl does.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "model/invoke.h"
#include "model/model_int.h"

#define PROMPT_BYTES 1000

struct client {
	struct pp_loop *loop;
	struct pp_invoker *invoker;
	struct pp_call call;
	long to_send, under_way, done, failed;
};

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
die(const struct pp_error *err)
{
	fprintf(stderr, "bench_call: %s\n", err->text);
	exit(pp_code_exit_status(err->code));
}

static void on_answer(void *arg, const struct pp_answer *a);

static void
start(struct client *c)
{
	struct pp_error err = PP_ERROR_INIT;

	if (c->to_send == 0)
		return;
	c->to_send--;
	c->under_way++;
	if (pp_invoke_send(c->invoker, &c->call, on_answer, c, &err) == NULL)
		die(&err);
}

static void
on_answer(void *arg, const struct pp_answer *a)
{
	struct client *c = arg;

	c->under_way--;
	c->done++;
	if (a->class != PP_CALL_OK || !a->has_usage)
		c->failed++;
	start(c);
}

static void
print(const struct client *c, double wall_s)
{
	struct rusage ru;
	double cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);

	getrusage(RUSAGE_SELF, &ru);
	printf("{\"tool\":\"library\",\"calls\":%ld,\"failed\":%ld,"
	       "\"calls_per_s\":%.0f,\"cpu_us_per_call\":%.1f,"
	       "\"rss_kib\":%ld}\n",
	    c->done, c->failed, (double)c->done / wall_s,
	    cpu_s * 1e6 / (double)c->done, ru.ru_maxrss);
}

int
main(int argc, char **argv)
{
	struct client c = { .to_send = 100000 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_model model;
	char prompt[PROMPT_BYTES];
	int opt, connections = 64;
	double began;

	while ((opt = getopt(argc, argv, "c:n:")) != -1) {
		if (opt == 'c')
			connections = atoi(optarg);
		else if (opt == 'n')
			c.to_send = atol(optarg);
		else
			return 64;
	}
	if (optind + 1 != argc || connections < 1 || c.to_send < 1) {
		fprintf(stderr,
		    "usage: bench_call [-c CONNECTIONS] [-n CALLS] URL\n");
		return 64;
	}
	memset(prompt, '0', sizeof prompt);
	pp_model_init(&model, "bench");
	if (pp_model_set(&model, "id", "bench", &err) < 0 ||
	    pp_model_set(&model, "url", argv[optind], &err) < 0 ||
	    (c.loop = pp_loop_new(&err)) == NULL ||
	    (c.invoker = pp_invoker_new(c.loop, connections, &err)) == NULL)
		die(&err);
	c.call = (struct pp_call){ .model = &model,
		.prompt = prompt,
		.prompt_len = sizeof prompt,
		.max_tokens = 1024,
		.temperature = "0.8",
		.attempt_id = "00000000-0000-7000-8000-000000000000" };
	began = seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < connections; i++)
		start(&c);
	while (c.under_way > 0) {
		if (pp_loop_turn(c.loop, -1, &err) < 0)
			die(&err);
	}
	print(&c, seconds(CLOCK_MONOTONIC) - began);
	pp_invoker_free(c.invoker);
	pp_loop_free(c.loop);
	pp_model_release(&model);
	return c.failed > 0;
}
