/*
 * The yardstick: a client of libcurl's multi interface and nothing else. It
 * posts one prompt over and over on a number of connections and throws the
 * replies away: one multi handle, its socket calls, one epoll set.
 *
 *	bench_curl [-c CONNECTIONS] [-n CALLS] URL
 *
 * Prints one JSON object: calls, calls a second, CPU microseconds a call,
 * resident memory, calls that failed.
 */
#include <config.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PROMPT_BYTES 1000

struct client {
	CURLM *multi;
	int epoll_fd;
	long timeout_ms; /* libcurl's; -1: none */
	long to_send, under_way, done, failed;
	char body[PROMPT_BYTES + 200];
};

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* `watched` is not NULL once epoll knows the socket. */
static int
watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct client *c = arg;
	struct epoll_event e = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, &e);
		curl_multi_assign(c->multi, fd, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
	    (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	epoll_ctl(c->epoll_fd, watched != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
	    fd, &e);
	curl_multi_assign(c->multi, fd, c);
	return 0;
}

static int
set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	(void)multi;
	((struct client *)arg)->timeout_ms = timeout_ms;
	return 0;
}

static size_t
discard(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static void
start(struct client *c, CURL *easy)
{
	if (c->to_send == 0)
		return;
	c->to_send--;
	c->under_way++;
	curl_multi_add_handle(c->multi, easy);
}

static void
collect(struct client *c)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
		CURL *easy = msg->easy_handle;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (msg->data.result != CURLE_OK || status != 200)
			c->failed++;
		c->done++;
		c->under_way--;
		curl_multi_remove_handle(c->multi, easy);
		start(c, easy);
	}
}

static void
turn(struct client *c)
{
	struct epoll_event events[256];
	int n, running;

	n = epoll_wait(c->epoll_fd, events, 256, (int)c->timeout_ms);
	if (n <= 0)
		curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0,
		    &running);
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(c->multi, events[i].data.fd,
		    (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			(events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			(events[i].events & (EPOLLERR | EPOLLHUP) ?
				CURL_CSELECT_ERR :
				0),
		    &running);
	collect(c);
}

static CURL *
new_easy(struct client *c, const char *url, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	return easy;
}

static void
print(const struct client *c, double wall_s)
{
	struct rusage ru;
	double cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);

	getrusage(RUSAGE_SELF, &ru);
	printf(
	    "{\"tool\":\"libcurl\",\"calls\":%ld,\"failed\":%ld,"
	    "\"calls_per_s\":%.0f,\"cpu_us_per_call\":%.1f,\"rss_kib\":%ld}\n",
	    c->done, c->failed, (double)c->done / wall_s,
	    cpu_s * 1e6 / (double)c->done, ru.ru_maxrss);
}

int
main(int argc, char **argv)
{
	struct client c = { .timeout_ms = -1, .to_send = 100000 };
	struct curl_slist *headers = NULL;
	int opt, connections = 64;
	double began;
	CURL **easies;

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
		    "usage: bench_curl [-c CONNECTIONS] [-n CALLS] URL\n");
		return 64;
	}
	snprintf(c.body, sizeof c.body,
	    "{\"model\":\"bench\",\"messages\":"
	    "[{\"role\":\"user\",\"content\":\"%0*d\"}],\"max_tokens\":1024}",
	    PROMPT_BYTES, 0);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Expect:");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	c.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c.multi = curl_multi_init();
	curl_multi_setopt(c.multi, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(c.multi, CURLMOPT_SOCKETDATA, &c);
	curl_multi_setopt(c.multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(c.multi, CURLMOPT_TIMERDATA, &c);
	easies = calloc((size_t)connections, sizeof *easies);
	if (easies == NULL)
		return 71;
	began = seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < connections; i++) {
		easies[i] = new_easy(&c, argv[optind], headers);
		start(&c, easies[i]);
	}
	while (c.under_way > 0)
		turn(&c);
	print(&c, seconds(CLOCK_MONOTONIC) - began);
	for (int i = 0; i < connections; i++)
		curl_easy_cleanup(easies[i]);
	curl_multi_cleanup(c.multi);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	close(c.epoll_fd);
	free(easies);
	return c.failed > 0;
}
