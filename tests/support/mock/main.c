/* Options of the mock server, and its socket. */
#include "mock.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_SSL
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

struct options opt = {
	.host = "127.0.0.1", .port = 8089, .bytes = 1200, .seed = 1,
	.reply = REPLY_TEXT, .retry_after_s = 1, .drip_bytes = 64,
	.drip_ms = 50,
};

static const char usage_text[] =
"usage: mockllm [options]\n"
"  --host A (127.0.0.1)  --port N (8089; 0: any)  --port-file F\n"
"  --tls-cert F --tls-key F        when built with libssl\n"
"  --latency MS  --jitter MS (uniform, +-)  --tail P:MS (P of them so late)\n"
"  --bytes N (1200)  --reply text|json|fenced|echo  --seed N\n"
"  --prices F      lines of MODEL INPUT OUTPUT [CACHED], USD per 10^6 tokens\n"
"  --cached P      this share of a prompt was read from a cache\n"
"  --no-usage      say nothing of tokens\n"
"  --status N      every chat request gets this status\n"
"  --error-code C  code and type in the body of an error\n"
"  --fault KIND=P ...\n"
"  --fail-first N[:KIND]           each prompt's first N attempts (429)\n"
"  --retry-after S (1; -1: none)  --retry-after-date (as a date)\n"
"  --drip BYTES:MS (64:50)\n"
"  --limit-rps R  --limit-inflight N               429 above it\n"
"  --conn-requests N               close a connection after N requests\n"
"  --auth TOKEN (Bearer TOKEN, or any AWS4-HMAC-SHA256)\n"
"  --log F.jsonl   one line a chat request  --no-track  --quiet\n"
"in a prompt: [[mock latency=MS bytes=N reply=KIND fault=KIND times=N\n"
"    retry_after=S]]\n"
"kinds of fault:";

enum {
	O_HOST = 256, O_PORT, O_PORT_FILE, O_CERT, O_KEY, O_LATENCY, O_JITTER,
	O_TAIL, O_BYTES, O_REPLY, O_SEED, O_PRICES, O_CACHED, O_NO_USAGE,
	O_STATUS, O_ERROR_CODE, O_FAULT, O_FAIL_FIRST, O_RETRY_AFTER,
	O_RETRY_DATE, O_DRIP, O_LIMIT_RPS, O_LIMIT_INFLIGHT, O_CONN_REQUESTS,
	O_AUTH, O_LOG, O_NO_TRACK, O_QUIET
};

static const struct option long_options[] = {
	{ "host", required_argument, NULL, O_HOST },
	{ "port", required_argument, NULL, O_PORT },
	{ "port-file", required_argument, NULL, O_PORT_FILE },
	{ "tls-cert", required_argument, NULL, O_CERT },
	{ "tls-key", required_argument, NULL, O_KEY },
	{ "latency", required_argument, NULL, O_LATENCY },
	{ "jitter", required_argument, NULL, O_JITTER },
	{ "tail", required_argument, NULL, O_TAIL },
	{ "bytes", required_argument, NULL, O_BYTES },
	{ "reply", required_argument, NULL, O_REPLY },
	{ "seed", required_argument, NULL, O_SEED },
	{ "prices", required_argument, NULL, O_PRICES },
	{ "cached", required_argument, NULL, O_CACHED },
	{ "no-usage", no_argument, NULL, O_NO_USAGE },
	{ "status", required_argument, NULL, O_STATUS },
	{ "error-code", required_argument, NULL, O_ERROR_CODE },
	{ "fault", required_argument, NULL, O_FAULT },
	{ "fail-first", required_argument, NULL, O_FAIL_FIRST },
	{ "retry-after", required_argument, NULL, O_RETRY_AFTER },
	{ "retry-after-date", no_argument, NULL, O_RETRY_DATE },
	{ "drip", required_argument, NULL, O_DRIP },
	{ "limit-rps", required_argument, NULL, O_LIMIT_RPS },
	{ "limit-inflight", required_argument, NULL, O_LIMIT_INFLIGHT },
	{ "conn-requests", required_argument, NULL, O_CONN_REQUESTS },
	{ "auth", required_argument, NULL, O_AUTH },
	{ "log", required_argument, NULL, O_LOG },
	{ "no-track", no_argument, NULL, O_NO_TRACK },
	{ "quiet", no_argument, NULL, O_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

enum reply_kind
reply_kind_find(const char *name, size_t len)
{
	static const char *const names[] = {
		"default", "text", "json", "fenced", "echo"
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strlen(names[i]) == len &&
		    memcmp(names[i], name, len) == 0)
			return (enum reply_kind)i;
	}
	return REPLY_TEXT;
}

static void
print_usage(FILE *f)
{
	fputs(usage_text, f);
	for (size_t i = 1; i < fault_count; i++)
		fprintf(f, " %s", faults[i].name);
	fputc('\n', f);
}

static int
fail(const char *what, const char *value)
{
	fprintf(stderr, "mockllm: bad %s '%s'\n", what, value);
	return -1;
}

/* "KIND=SHARE" */
static int
set_fault(const char *arg)
{
	size_t n = strcspn(arg, "=");
	int f = fault_find(arg, n);

	if (f < 1 || arg[n] != '=')
		return fail("--fault", arg);
	opt.fault_share[f] = atof(arg + n + 1);
	return 0;
}

/* "N" or "N:KIND" */
static int
set_fail_first(const char *arg)
{
	char *rest;

	opt.fail_first = (int)strtol(arg, &rest, 10);
	opt.fail_first_fault = *rest == ':' ?
	    fault_find(rest + 1, strlen(rest + 1)) : fault_find("429", 3);
	return opt.fail_first_fault < 1 ? fail("--fail-first", arg) : 0;
}

/* "A:B" */
static double
split(const char *arg, double *second)
{
	char *rest;
	double first = strtod(arg, &rest);

	if (*rest == ':')
		*second = atof(rest + 1);
	return first;
}

static int
set_option(int key, const char *arg)
{
	switch (key) {
	case O_HOST: opt.host = arg; return 0;
	case O_PORT: opt.port = atoi(arg); return 0;
	case O_PORT_FILE: opt.port_file = arg; return 0;
	case O_CERT: opt.cert = arg; return 0;
	case O_KEY: opt.key = arg; return 0;
	case O_LATENCY: opt.latency_ms = atof(arg); return 0;
	case O_JITTER: opt.jitter_ms = atof(arg); return 0;
	case O_TAIL: opt.tail_share = split(arg, &opt.tail_ms); return 0;
	case O_BYTES: opt.bytes = atol(arg); return 0;
	case O_REPLY: opt.reply = reply_kind_find(arg, strlen(arg)); return 0;
	case O_SEED: opt.seed = strtoull(arg, NULL, 10); return 0;
	case O_PRICES: opt.prices = arg; return bill_read_prices(arg);
	case O_CACHED: opt.cached_share = atof(arg); return 0;
	case O_NO_USAGE: opt.no_usage = true; return 0;
	case O_STATUS:
		opt.always = fault_find(arg, strlen(arg));
		return opt.always < 1 ? fail("--status", arg) : 0;
	case O_ERROR_CODE: opt.error_code = arg; return 0;
	case O_FAULT: return set_fault(arg);
	case O_FAIL_FIRST: return set_fail_first(arg);
	case O_RETRY_AFTER: opt.retry_after_s = atoi(arg); return 0;
	case O_RETRY_DATE: opt.retry_after_date = true; return 0;
	case O_DRIP:
		opt.drip_bytes = (long)split(arg, &opt.drip_ms);
		return opt.drip_bytes < 1 ? fail("--drip", arg) : 0;
	case O_LIMIT_RPS: opt.limit_rps = atof(arg); return 0;
	case O_LIMIT_INFLIGHT: opt.limit_inflight = atol(arg); return 0;
	case O_CONN_REQUESTS:
		opt.requests_per_connection = atol(arg);
		return 0;
	case O_AUTH: opt.auth = arg; return 0;
	case O_LOG: opt.log = arg; return 0;
	case O_NO_TRACK: opt.no_track = true; return 0;
	case O_QUIET: opt.quiet = true; return 0;
	default: return -1;
	}
}

static int
listen_somewhere(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)opt.port) };
	socklen_t len = sizeof a;
	int fd, one = 1;

	if (inet_pton(AF_INET, opt.host, &a.sin_addr) != 1)
		return fail("--host", opt.host);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof one) < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
		perror("mockllm: cannot listen");
		return -1;
	}
	opt.port = ntohs(a.sin_port);
	return fd;
}

/* Whole when it appears, so that a test may wait for it. */
static int
write_port(void)
{
	char tmp[4096];
	FILE *f;

	if (opt.port_file == NULL)
		return 0;
	snprintf(tmp, sizeof tmp, "%s.tmp", opt.port_file);
	f = fopen(tmp, "w");
	if (f == NULL || fprintf(f, "%d\n", opt.port) < 0 || fclose(f) != 0 ||
	    rename(tmp, opt.port_file) != 0) {
		perror(opt.port_file);
		return -1;
	}
	return 0;
}

#ifdef HAVE_SSL
static void *
open_tls(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"mock", 4);
	if (SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, opt.key != NULL ? opt.key :
	    opt.cert, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}
#else
static void *
open_tls(void)
{
	fprintf(stderr, "mockllm: built without libssl\n");
	return NULL;
}
#endif

static void
stop(int signo)
{
	(void)signo;
	_exit(0);	/* the log is written line by line */
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	FILE *log = NULL;
	void *tls = NULL;
	int key, fd;

	while ((key = getopt_long(argc, argv, "h", long_options, NULL)) !=
	    -1) {
		if (key == 'h') {
			print_usage(stdout);
			return 0;
		}
		if (set_option(key, optarg) < 0) {
			print_usage(stderr);
			return 64;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (opt.log != NULL) {
		log = fopen(opt.log, "w");
		if (log == NULL || setvbuf(log, NULL, _IOLBF, 0) != 0) {
			perror(opt.log);
			return 73;
		}
	}
	if (opt.cert != NULL && (tls = open_tls()) == NULL)
		return 78;
	fd = listen_somewhere();
	if (fd < 0 || write_port() < 0)
		return 71;
	if (!opt.quiet)
		fprintf(stderr, "mockllm on %s:%d\n", opt.host, opt.port);
	return serve(fd, tls, log);
}
