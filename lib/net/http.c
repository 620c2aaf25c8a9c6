/*
 * How an exchange runs. Each has a slot: an easy handle with its buffers, used
 * again and again, that belongs to one of several multi handles (libcurl walks
 * a multi's connections for every request, so many small ones are cheaper
 * than one large one). Slots are taken last-in-first-out, which keeps the
 * connections in use few and warm. Plain HTTP and TLS have a pool of multis
 * each, since only TLS finds HTTP/2 and only HTTP/2 needs its connections
 * counted: libcurl opens one for every request that finds all streams taken.
 *
 * libcurl repeats a request by itself when a connection that it used before
 * dies under it. Its pre-request callback comes before every time a request
 * is put on the wire, so the second time is refused there: see on_request().
 * The same callback tells whether the request was ever sent.
 */
#include <config.h>

#include "net/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/http_talk.h"

#define MAX_MULTIS 16
#define SLOTS_A_MULTI 8	  /* before another multi is worth it */
#define MIN_STREAMS 100	  /* of a server; RFC 9113, 6.5.2 */
#define MAX_STREAMS 1000L /* of ours; the server's count first */
#define DEFAULT_CONNECT_MS 10000
#define DEFAULT_TOTAL_MS 600000
#define DEFAULT_MAX_REPLY ((size_t)16 << 20)
#define MAX_HEADER_BYTES ((size_t)64 << 10)
#define KEEP_BUFFER_BYTES ((size_t)64 << 10)
#define KEEP_BUFFERS 64
/* Of libcurl, while a request is under way: what is posted has short replies
 * and is under way thousandfold, what is fetched is read in large parts. */
#define READ_BYTES_POSTED 2048L
#define READ_BYTES_FETCHED 16384L
#define MAX_RETRY_AFTER_S 86400

struct multi {
	struct pp_http *http;
	CURLM *handle;
	struct pp_timer timer; /* libcurl's own deadline */
	bool counted;	       /* connections to a host are capped */
};

struct pool {
	struct multi multis[MAX_MULTIS];
	int multi_count;
	size_t slot_count;
	struct pp_http_exchange *free_slots;
};

enum { PLAIN, SECURE, NPOOLS };

enum slot_state { SLOT_FREE, SLOT_ACTIVE };

struct pp_http_exchange {
	struct pp_http *http;
	struct pool *pool;
	struct multi *multi;
	CURL *easy;
	struct pp_http_exchange *next_free;
	enum slot_state state;

	/* What the easy handle is set to, to set only what differs. */
	char *url;
	CURLU *target;	 /* url, read once */
	bool plain_http; /* url was allowed with this */
	char method[16];
	int64_t connect_timeout_ms;

	struct curl_slist *nodes; /* an array, linked in order */
	size_t node_cap;
	struct pp_buf header_text; /* of the request */

	pp_http_fn *fn;
	void *arg;
	int64_t start_us, sent_us, last_byte_us;
	int64_t total_us, first_byte_us, idle_us;
	struct pp_timer deadline;
	int sends; /* times it came to be sent */
	/* HTTP/2: its connection and stream, and the last that counts there */
	int local_port;
	int64_t stream, last_stream;
	bool cancelled, timed_out, too_large, too_late, stopped, no_socket;
	size_t max_reply;
	ssize_t (*read)(void *arg, char *out, size_t size);
	int (*write)(void *arg, const char *data, size_t len);
	void *stream_arg;
	struct pp_buf reply_headers;
	struct pp_buf body; /* lent by the pool while it fills */
	char curl_error[CURL_ERROR_SIZE];
};

struct pp_http {
	struct pp_loop *loop;
	int max_in_flight;
	struct pool pools[NPOOLS];
	struct pp_http_exchange **slots; /* of both pools */
	size_t slot_count, slot_cap;
	char *ca_file, *user_agent;
	int64_t end_us;			     /* nothing is sent from then on */
	struct pp_buf buffers[KEEP_BUFFERS]; /* empty, with memory */
	size_t buffer_count;
};

/* ---- libcurl and the loop ---- */

static void drain(struct multi *m);

static void
on_socket(void *arg, int fd, unsigned events)
{
	struct multi *m = arg;
	int mask = 0, running;

	if (events & PP_LOOP_READ)
		mask |= CURL_CSELECT_IN;
	if (events & PP_LOOP_WRITE)
		mask |= CURL_CSELECT_OUT;
	if (events & PP_LOOP_ERROR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(m->handle, fd, mask, &running);
	drain(m);
}

static void
on_multi_timer(void *arg)
{
	struct multi *m = arg;
	int running;

	curl_multi_socket_action(m->handle, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(m);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *per_fd)
{
	struct multi *m = arg;
	unsigned events = 0;

	(void)easy;
	(void)per_fd;
	if (what != CURL_POLL_REMOVE) {
		if (what & CURL_POLL_IN)
			events |= PP_LOOP_READ;
		if (what & CURL_POLL_OUT)
			events |= PP_LOOP_WRITE;
	}
	return pp_loop_watch(m->http->loop, fd, events, on_socket, m, NULL);
}

static int
set_multi_timer(CURLM *handle, long timeout_ms, void *arg)
{
	struct multi *m = arg;

	(void)handle;
	if (timeout_ms < 0)
		pp_timer_cancel(m->http->loop, &m->timer);
	else
		pp_timer_set(m->http->loop, &m->timer,
		    (int64_t)timeout_ms * 1000, on_multi_timer, m);
	return 0;
}

/*
 * When more may be in flight than one HTTP/2 connection has streams for, TLS
 * begins with just so many connections to a host as that needs; uncount()
 * lifts it when a reply turns out to be HTTP/1.
 */
static int
init_multi(struct pp_http *h, struct multi *m, long slots, bool secure,
    struct pp_error *err)
{
	m->http = h;
	m->handle = curl_multi_init();
	if (m->handle == NULL)
		return pp_error_set(err, PP_ENOMEM, "cannot set up libcurl");
	curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, set_multi_timer);
	curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS, slots + 1);
	curl_multi_setopt(m->handle, CURLMOPT_MAX_CONCURRENT_STREAMS,
	    MAX_STREAMS);
	m->counted = secure && slots > MIN_STREAMS;
	if (m->counted)
		curl_multi_setopt(m->handle, CURLMOPT_MAX_HOST_CONNECTIONS,
		    (slots + MIN_STREAMS - 1) / MIN_STREAMS);
	return 0;
}

static void
uncount(struct pp_http_exchange *x)
{
	long version = 0;

	if (curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version) !=
		CURLE_OK ||
	    version >= CURL_HTTP_VERSION_2_0)
		return;
	for (int i = 0; i < x->pool->multi_count; i++) {
		x->pool->multis[i].counted = false;
		curl_multi_setopt(x->pool->multis[i].handle,
		    CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
	}
}

/* The multis of a pool are made when the first request needs one. */
static int
init_pool(struct pp_http *h, struct pool *p, struct pp_error *err)
{
	int n = h->max_in_flight, multis;

	multis = (n + SLOTS_A_MULTI - 1) / SLOTS_A_MULTI;
	if (multis > MAX_MULTIS)
		multis = MAX_MULTIS;
	while (p->multi_count < multis) {
		if (init_multi(h, &p->multis[p->multi_count],
			(n + multis - 1) / multis, p == &h->pools[SECURE],
			err) < 0)
			return -1;
		p->multi_count++;
	}
	return 0;
}

static void
release_pool(struct pp_http *h, struct pool *p)
{
	for (int i = 0; i < p->multi_count; i++) {
		curl_multi_cleanup(p->multis[i].handle);
		pp_timer_cancel(h->loop, &p->multis[i].timer);
	}
}

/* ---- the reply comes in ---- */

/*
 * A request is about to be sent over a connection that stands. Once is our
 * exchange; libcurl's own second try is not: the server may have acted on the
 * first one.
 */
static int
on_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct pp_http_exchange *x = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	if (x->sends > 0) {
		x->sends++;
		return CURL_PREREQFUNC_ABORT;
	}
	if (pp_clock_boot_us() >= x->http->end_us) {
		x->too_late = true;
		return CURL_PREREQFUNC_ABORT;
	}
	x->sends = 1;
	x->local_port = local_port;
	x->stream = 0;
	x->last_stream = INT64_MAX;
	x->sent_us = x->last_byte_us = pp_loop_now_us(x->http->loop);
	return CURL_PREREQFUNC_OK;
}

/* To all that are under way on the connection of `x`. */
static void
note_last_stream(struct pp_http_exchange *x, int64_t stream)
{
	struct pp_http *h = x->http;

	for (size_t i = 0; i < h->slot_count; i++) {
		struct pp_http_exchange *y = h->slots[i];

		if (y->state == SLOT_ACTIVE && y->multi == x->multi &&
		    y->local_port == x->local_port)
			y->last_stream = stream;
	}
}

/*
 * libcurl tries again what a server has refused as it does what was lost. What
 * was surely refused was not sent, so its second try is the first of ours.
 */
static int
on_talk(CURL *easy, curl_infotype type, char *text, size_t len, void *arg)
{
	struct pp_http_exchange *x = arg;
	int64_t n;

	(void)easy;
	if (type != CURLINFO_TEXT)
		return 0;
	switch (pp_http_talk(text, len, &n)) {
	case PP_HTTP_TALK_STREAM: x->stream = n; break;
	case PP_HTTP_TALK_GOAWAY: note_last_stream(x, n); break;
	case PP_HTTP_TALK_REFUSED: x->sends = 0; break;
	case PP_HTTP_TALK_AGAIN:
		if (x->stream > x->last_stream)
			x->sends = 0;
		break;
	case PP_HTTP_TALK_OTHER: break;
	}
	return 0;
}

/* Only the last reply's headers count: a 100 may come before it. */
static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct pp_http_exchange *x = arg;
	size_t len = size * count;

	if (len > 5 && memcmp(data, "HTTP/", 5) == 0)
		pp_buf_clear(&x->reply_headers);
	x->last_byte_us = pp_loop_now_us(x->http->loop);
	if (pp_buf_add(&x->reply_headers, data, len) < 0) {
		x->too_large = true;
		return 0;
	}
	return len;
}

static void
borrow_buffer(struct pp_http_exchange *x)
{
	struct pp_http *h = x->http;

	if (h->buffer_count > 0)
		x->body = h->buffers[--h->buffer_count];
	x->body.max = x->max_reply;
}

static void
return_buffer(struct pp_http_exchange *x)
{
	struct pp_http *h = x->http;

	if (x->body.cap == 0)
		return;
	pp_buf_trim(&x->body, KEEP_BUFFER_BYTES);
	if (x->body.cap > 0 && h->buffer_count < KEEP_BUFFERS)
		h->buffers[h->buffer_count++] = x->body;
	else
		pp_buf_release(&x->body);
	x->body = (struct pp_buf)PP_BUF_INIT;
}

/* Whether the reply that comes in is what the writer waits for. */
static bool
is_success(struct pp_http_exchange *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct pp_http_exchange *x = arg;
	size_t len = size * count;

	x->last_byte_us = pp_loop_now_us(x->http->loop);
	if (x->write != NULL && is_success(x)) {
		if (x->write(x->stream_arg, data, len) == 0)
			return len;
		x->stopped = true;
		return len > 0 ? 0 : 1;
	}
	if (x->body.cap == 0)
		borrow_buffer(x);
	if (pp_buf_add(&x->body, data, len) < 0) {
		x->too_large = true;
		return 0;
	}
	return len;
}

static size_t
on_read(char *out, size_t size, size_t count, void *arg)
{
	struct pp_http_exchange *x = arg;
	ssize_t n = x->read(x->stream_arg, out, size * count);

	x->last_byte_us = pp_loop_now_us(x->http->loop);
	if (n >= 0)
		return (size_t)n;
	x->stopped = true;
	return CURL_READFUNC_ABORT;
}

static bool
is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS ||
	    errnum == ENOMEM;
}

/* What is short here is not to be blamed on the server. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct pp_http_exchange *x = arg;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);

	(void)purpose;
	if (fd >= 0)
		return fd;
	x->no_socket |= is_shortage(errno);
	return CURL_SOCKET_BAD;
}

/* ---- slots ---- */

/* What is the same for every request. */
static void
set_up_easy(struct pp_http_exchange *x)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, x);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->curl_error);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(e, CURLOPT_READDATA, x);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* wait for no resolver */
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, x->http->user_agent);
}

/*
 * A request waits for a connection that is being made, to share it if it turns
 * out to speak HTTP/2.
 */
static void
set_up_tls(struct pp_http_exchange *x)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_talk);
	curl_easy_setopt(e, CURLOPT_DEBUGDATA, x);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	if (x->http->ca_file != NULL)
		curl_easy_setopt(e, CURLOPT_CAINFO, x->http->ca_file);
}

static struct pp_http_exchange *
add_slot(struct pp_http *h, struct pool *p, struct pp_error *err)
{
	struct pp_http_exchange *x;

	if (p->multi_count == 0 && init_pool(h, p, err) < 0)
		return NULL;
	assert(p->multi_count > 0);
	x = pp_calloc(1, sizeof *x);
	x->easy = curl_easy_init();
	if (x->easy == NULL) {
		free(x);
		pp_error_set(err, PP_ENOMEM, "cannot set up libcurl");
		return NULL;
	}
	x->http = h;
	x->pool = p;
	x->multi = &p->multis[p->slot_count++ % (size_t)p->multi_count];
	x->connect_timeout_ms = -1;
	pp_buf_init(&x->header_text, 0);
	pp_buf_init(&x->reply_headers, MAX_HEADER_BYTES);
	pp_buf_init(&x->body, 0);
	set_up_easy(x);
	if (p == &h->pools[SECURE])
		set_up_tls(x);
	h->slots = pp_grow(h->slots, h->slot_count, &h->slot_cap,
	    sizeof *h->slots);
	h->slots[h->slot_count++] = x;
	return x;
}

static struct pp_http_exchange *
take_slot(struct pp_http *h, struct pool *p, struct pp_error *err)
{
	struct pp_http_exchange *x = p->free_slots;

	if (x == NULL)
		return add_slot(h, p, err);
	p->free_slots = x->next_free;
	return x;
}

static void
give_slot(struct pp_http_exchange *x)
{
	x->state = SLOT_FREE;
	x->next_free = x->pool->free_slots;
	x->pool->free_slots = x;
}

static void
free_slot(struct pp_http_exchange *x)
{
	pp_timer_cancel(x->http->loop, &x->deadline);
	if (x->state == SLOT_ACTIVE)
		curl_multi_remove_handle(x->multi->handle, x->easy);
	curl_easy_cleanup(x->easy);
	curl_url_cleanup(x->target);
	if (x->url != NULL)
		pp_free_secret(x->url);
	free(x->nodes);
	pp_buf_release(&x->header_text);
	pp_buf_release(&x->reply_headers);
	pp_buf_release(&x->body);
	free(x);
}

struct pp_http *
pp_http_new(struct pp_loop *loop, const struct pp_http_options *options,
    struct pp_error *err)
{
	struct pp_http *h;

	assert(options->max_in_flight > 0);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		pp_error_set(err, PP_EBUG, "cannot set up libcurl");
		return NULL;
	}
	h = pp_calloc(1, sizeof *h);
	h->loop = loop;
	h->max_in_flight = options->max_in_flight;
	h->end_us = INT64_MAX;
	h->ca_file = pp_strdup(options->ca_file);
	h->user_agent = pp_strdup(options->user_agent != NULL ?
		options->user_agent :
		"plot-palette/" PACKAGE_VERSION);
	return h;
}

void
pp_http_set_end(struct pp_http *h, int64_t boot_us)
{
	h->end_us = boot_us;
}

void
pp_http_free(struct pp_http *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->slot_count; i++)
		free_slot(h->slots[i]);
	for (int i = 0; i < NPOOLS; i++)
		release_pool(h, &h->pools[i]);
	for (size_t i = 0; i < h->buffer_count; i++)
		pp_buf_release(&h->buffers[i]);
	free(h->slots);
	free(h->ca_file);
	free(h->user_agent);
	free(h);
	curl_global_cleanup();
}

/* ---- the request goes out ---- */

static bool
is_loopback(const char *host)
{
	struct in_addr v4;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 &&
	    (ntohl(v4.s_addr) >> 24) == 127;
}

/* RFC 3927; and the addresses that Amazon serves metadata at over IPv6. */
static bool
is_link_local(const char *host)
{
	struct in_addr v4;

	if (strncasecmp(host, "[fd00:ec2::", 11) == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 &&
	    (ntohl(v4.s_addr) >> 16) == 0xa9fe;
}

/*
 * What kind of URL it is, and how libcurl reads it: returns owned (with
 * curl_url_cleanup()), or NULL.
 */
static CURLU *
read_url(const char *url, bool plain_http, bool *secure, bool *direct,
    struct pp_error *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	bool loopback;
	int rc = -1;

	if (u == NULL ||
	    curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) != 0 ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != 0) {
		pp_error_set(err, PP_ECONFIG, "'%s' is not a URL", url);
		goto out;
	}
	*secure = strcasecmp(scheme, "https") == 0;
	if (!*secure && strcasecmp(scheme, "http") != 0) {
		pp_error_set(err, PP_ECONFIG,
		    "a URL must be http or https, not %s", scheme);
		goto out;
	}
	if (curl_url_get(u, CURLUPART_HOST, &host, 0) != 0) {
		pp_error_set(err, PP_ECONFIG, "no host in '%s'", url);
		goto out;
	}
	loopback = is_loopback(host);
	*direct = loopback || is_link_local(host);
	if (!*secure && !loopback && !plain_http)
		pp_error_set(err, PP_ECONFIG,
		    "plain http is allowed only to "
		    "this machine, and '%s' is another",
		    host);
	else
		rc = 0;
out:
	curl_free(scheme);
	curl_free(host);
	if (rc == 0)
		return u;
	curl_url_cleanup(u);
	return NULL;
}

int
pp_http_check_url(const char *url, bool plain_http, struct pp_error *err)
{
	bool secure, direct;
	CURLU *u = read_url(url, plain_http, &secure, &direct, err);

	curl_url_cleanup(u);
	return u != NULL ? 0 : -1;
}

/*
 * Take a slot for this URL. The slot that comes is most often set to it
 * already. What is for this machine or its link goes through no proxy.
 */
static struct pp_http_exchange *
take_slot_for(struct pp_http *h, const char *url, bool plain_http,
    struct pp_error *err)
{
	bool secure = strncasecmp(url, "https:", 6) == 0, direct;
	struct pool *p = &h->pools[secure ? SECURE : PLAIN];
	struct pp_http_exchange *x = p->free_slots;
	CURLU *target;

	if (x != NULL && x->url != NULL && strcmp(x->url, url) == 0 &&
	    x->plain_http == plain_http)
		return take_slot(h, p, err);
	target = read_url(url, plain_http, &secure, &direct, err);
	if (target == NULL)
		return NULL;
	x = take_slot(h, &h->pools[secure ? SECURE : PLAIN], err);
	if (x == NULL) {
		curl_url_cleanup(target);
		return NULL;
	}
	if (x->url != NULL)
		pp_free_secret(x->url);
	x->url = pp_strdup(url);
	x->plain_http = plain_http;
	/* the second spares libcurl reading the first at each request */
	curl_easy_setopt(x->easy, CURLOPT_URL, url);
	curl_easy_setopt(x->easy, CURLOPT_CURLU, target);
	curl_url_cleanup(x->target);
	x->target = target;
	curl_easy_setopt(x->easy, CURLOPT_PROXY, direct ? "" : NULL);
	return x;
}

static bool
has_body(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	    strcmp(method, "DELETE") != 0;
}

static void
set_method(struct pp_http_exchange *x, const char *method)
{
	CURL *e = x->easy;

	if (strcmp(x->method, method) == 0)
		return;
	snprintf(x->method, sizeof x->method, "%s", method);
	curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (has_body(method))
		curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE,
	    strcmp(method, "POST") == 0 ? READ_BYTES_POSTED :
					  READ_BYTES_FETCHED);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST,
	    strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0 ||
		    strcmp(method, "PATCH") == 0 ?
		x->method :
		NULL);
}

static void
set_body(struct pp_http_exchange *x, const char *body, size_t len)
{
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	if (x->read != NULL)
		body = NULL;
	else if (len == 0)
		body = "";
	curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, body);
}

/*
 * The list of headers for libcurl, whose nodes are public: in memory of our
 * own, used again. "Expect:" keeps it from waiting for a 100 before a body.
 */
static void
set_headers(struct pp_http_exchange *x, const char *const *headers)
{
	static char no_expect[] = "Expect:";
	size_t count = 0, at = 0, len;

	pp_buf_clear(&x->header_text);
	for (; headers != NULL && headers[count] != NULL; count++)
		pp_buf_add(&x->header_text, headers[count],
		    strlen(headers[count]) + 1);
	if (count + 1 > x->node_cap) {
		x->node_cap = count + 8;
		x->nodes = pp_reallocarray(x->nodes, x->node_cap,
		    sizeof *x->nodes);
	}
	x->nodes[0].data = no_expect;
	for (size_t i = 1; i <= count; i++, at += len) {
		len = strlen(x->header_text.data + at) + 1;
		x->nodes[i].data = x->header_text.data + at;
		x->nodes[i - 1].next = &x->nodes[i];
	}
	x->nodes[count].next = NULL;
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->nodes);
}

static void on_deadline(void *arg);

/* How long the server may say nothing now; 0: no bound. */
static int64_t
silence_bound_us(const struct pp_http_exchange *x)
{
	return x->reply_headers.len > 0 ? x->idle_us : x->first_byte_us;
}

/*
 * The soonest of what may end the exchange, from `now` on. When a reply begins
 * the timer is not set anew, so it comes at least once in the time in which it
 * may fall silent.
 */
static void
set_deadline(struct pp_http_exchange *x, int64_t now_us)
{
	int64_t in_us = x->start_us + x->total_us - now_us;
	int64_t silence_us = silence_bound_us(x);

	if (silence_us > 0) {
		int64_t since = x->sends > 0 ? x->last_byte_us : now_us;

		if (since + silence_us - now_us < in_us)
			in_us = since + silence_us - now_us;
	}
	if (x->idle_us > 0 && x->idle_us < in_us)
		in_us = x->idle_us;
	pp_timer_set(x->http->loop, &x->deadline, in_us, on_deadline, x);
}

static int64_t
or_default(int64_t v, int64_t otherwise)
{
	return v > 0 ? v : otherwise;
}

/* Times are bounded, so that sums of them are. */
static int64_t
ms_to_us(int64_t ms)
{
	return ms < INT32_MAX ? ms * 1000 : (int64_t)INT32_MAX * 1000;
}

static void
start_clock(struct pp_http_exchange *x, const struct pp_http_request *req)
{
	int64_t connect_ms = or_default(req->connect_timeout_ms,
	    DEFAULT_CONNECT_MS);

	if (connect_ms > INT32_MAX)
		connect_ms = INT32_MAX;
	if (x->connect_timeout_ms != connect_ms) {
		x->connect_timeout_ms = connect_ms;
		curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS,
		    (long)connect_ms);
	}
	x->total_us = ms_to_us(or_default(req->total_timeout_ms,
	    DEFAULT_TOTAL_MS));
	x->first_byte_us = ms_to_us(or_default(req->first_byte_timeout_ms, 0));
	x->idle_us = ms_to_us(or_default(req->idle_timeout_ms, 0));
	x->start_us = pp_clock_boot_us();
	set_deadline(x, x->start_us);
}

struct pp_http_exchange *
pp_http_send(struct pp_http *h, const struct pp_http_request *req,
    pp_http_fn *fn, void *arg, struct pp_error *err)
{
	struct pp_http_exchange *x = take_slot_for(h, req->url, req->plain_http,
	    err);
	CURLMcode code;

	if (x == NULL)
		return NULL;
	set_method(x, req->method);
	set_headers(x, req->headers);
	x->read = req->read;
	x->write = req->write;
	x->stream_arg = req->stream_arg;
	if (has_body(req->method))
		set_body(x, req->body, req->body_len);
	x->fn = fn;
	x->arg = arg;
	x->sends = 0;
	x->cancelled = x->timed_out = x->too_large = x->stopped = false;
	x->too_late = x->no_socket = false;
	x->max_reply = req->max_reply_bytes > 0 ? req->max_reply_bytes :
						  DEFAULT_MAX_REPLY;
	x->curl_error[0] = '\0';
	pp_buf_clear(&x->reply_headers);
	code = curl_multi_add_handle(x->multi->handle, x->easy);
	if (code != CURLM_OK) {
		give_slot(x);
		pp_error_set(err, PP_EBUG, "cannot start a request: %s",
		    curl_multi_strerror(code));
		return NULL;
	}
	x->state = SLOT_ACTIVE;
	start_clock(x, req);
	return x;
}

/* ---- the end ---- */

/*
 * Nothing of the request left this machine: it never came to be sent, or not
 * even a byte of its headers was taken.
 */
static bool
was_sent(struct pp_http_exchange *x)
{
	long bytes = 0;

	if (x->sends == 0)
		return false;
	return curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &bytes) !=
	    CURLE_OK ||
	    bytes > 0;
}

/*
 * It came to no connection, because there was no socket for it; or when there
 * is none now either, perhaps for what comes before: names and certificates.
 */
static bool
lacks_room(const struct pp_http_exchange *x)
{
	int fd;

	if (x->sends > 0 || x->cancelled || x->timed_out || x->too_late)
		return false;
	if (x->no_socket)
		return true;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return is_shortage(errno);
	close(fd);
	return false;
}

static void
explain(const struct pp_http_exchange *x, CURLcode code,
    struct pp_http_reply *r)
{
	const char *why = x->curl_error[0] != '\0' ? x->curl_error :
						     curl_easy_strerror(code);

	if (x->cancelled)
		why = "cancelled";
	else if (x->timed_out)
		why = x->sends > 0 ? "no whole reply in time" :
				     "no connection in time";
	else if (x->too_large)
		why = "the reply is too large";
	else if (x->too_late)
		why = "it is too late to send anything";
	else if (x->stopped)
		why = "what reads or writes the body gave up";
	else if (x->sends > 1)
		why = "the connection was lost before a reply";
	else if (lacks_room(x))
		why = "this machine has no descriptor or memory left for a "
		      "connection";
	snprintf(r->error, sizeof r->error, "%s", why);
}

/* Seconds, or a date (RFC 9110, 10.2.3). */
static int64_t
parse_retry_after(const char *value)
{
	char *end;
	long long s = strtoll(value, &end, 10);
	time_t date;

	if (end == value) {
		date = curl_getdate(value, NULL);
		if (date < 0)
			return -1;
		s = (long long)date - pp_clock_wall_ms() / 1000;
		if (s < 0)
			s = 0;
	}
	if (s < 0)
		return -1;
	return (s < MAX_RETRY_AFTER_S ? s : MAX_RETRY_AFTER_S) * 1000;
}

/* Some servers say it in milliseconds too, which is nearer to the truth. */
static int64_t
find_retry_after(const struct pp_http_reply *r)
{
	char value[64], *end;
	long long ms;

	if (pp_http_header(r, "Retry-After-Ms", value, sizeof value)) {
		ms = strtoll(value, &end, 10);
		if (end != value && ms >= 0)
			return ms < MAX_RETRY_AFTER_S * 1000LL ?
			    ms :
			    MAX_RETRY_AFTER_S * 1000LL;
	}
	if (pp_http_header(r, "Retry-After", value, sizeof value))
		return parse_retry_after(value);
	return -1;
}

static void
fill_reply(struct pp_http_exchange *x, CURLcode code, struct pp_http_reply *r)
{
	long status = 0;

	r->retry_after_ms = -1;
	r->elapsed_us = pp_clock_boot_us() - x->start_us;
	r->body = x->body.data;
	r->body_len = x->body.len;
	r->headers = x->reply_headers.data;
	r->headers_len = x->reply_headers.len;
	r->error[0] = '\0';
	r->status = 0;
	r->unsent = code != CURLE_OK && !was_sent(x);
	r->no_room = r->unsent && lacks_room(x);
	if (code == CURLE_OK) {
		curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
		r->outcome = PP_HTTP_ANSWERED;
		r->status = (int)status;
		if (x->multi->counted)
			uncount(x);
		if (status >= 300)
			r->retry_after_ms = find_retry_after(r);
		return;
	}
	if (x->cancelled)
		r->outcome = PP_HTTP_CANCELLED;
	else
		r->outcome = r->unsent ? PP_HTTP_NOT_SENT : PP_HTTP_AMBIGUOUS;
	explain(x, code, r);
}

/* The slot stays taken while its owner looks at the reply. */
static void
finish(struct pp_http_exchange *x, CURLcode code)
{
	struct pp_http_reply reply;

	pp_timer_cancel(x->http->loop, &x->deadline);
	curl_multi_remove_handle(x->multi->handle, x->easy);
	fill_reply(x, code, &reply);
	x->state = SLOT_FREE;
	x->fn(x->arg, &reply);
	return_buffer(x);
	give_slot(x);
}

static void
drain(struct multi *m)
{
	CURLMsg *msg;
	int left;
	char *x;

	while ((msg = curl_multi_info_read(m->handle, &left)) != NULL) {
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &x);
		finish((struct pp_http_exchange *)(void *)x, code);
	}
}

static void
on_deadline(void *arg)
{
	struct pp_http_exchange *x = arg;
	int64_t now_us = pp_clock_boot_us();

	if (!x->cancelled) {
		int64_t silence_us = silence_bound_us(x);

		if (now_us < x->start_us + x->total_us &&
		    (x->sends == 0 || silence_us == 0 ||
			now_us < x->last_byte_us + silence_us)) {
			set_deadline(x, now_us);
			return;
		}
		x->timed_out = true;
	}
	finish(x, CURLE_OPERATION_TIMEDOUT);
}

void
pp_http_cancel(struct pp_http_exchange *x)
{
	assert(x->state == SLOT_ACTIVE);
	x->cancelled = true;
	pp_timer_set(x->http->loop, &x->deadline, 0, on_deadline, x);
}

void
pp_http_drop(struct pp_http_exchange *x)
{
	assert(x->state == SLOT_ACTIVE);
	pp_timer_cancel(x->http->loop, &x->deadline);
	curl_multi_remove_handle(x->multi->handle, x->easy);
	return_buffer(x);
	give_slot(x);
}

/* ---- headers of a reply ---- */

bool
pp_http_header(const struct pp_http_reply *reply, const char *name, char *out,
    size_t size)
{
	const char *p = reply->headers, *end = p + reply->headers_len, *eol;
	size_t n = strlen(name), len;

	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL)
			eol = end;
		if ((size_t)(eol - p) <= n || p[n] != ':' ||
		    strncasecmp(p, name, n) != 0)
			continue;
		for (p += n + 1; p < eol && (*p == ' ' || *p == '\t'); p++)
			;
		len = (size_t)(eol - p);
		while (len > 0 && strchr(" \t\r", p[len - 1]) != NULL)
			len--;
		if (len >= size)
			len = size - 1;
		memcpy(out, p, len);
		out[len] = '\0';
		return true;
	}
	return false;
}
