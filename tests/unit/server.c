#include <config.h>

#include "test.h"

#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define MAX_ARGS 32
#define MAX_REQUEST ((size_t)1 << 20)

static const char mock_path[] = "tests/support/mockllm";

static void
pause_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static int
read_port(const char *path)
{
	FILE *f = fopen(path, "r");
	int port = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%d", &port) != 1)
		port = 0;
	fclose(f);
	return port;
}

int
server_start(pid_t *pid, const char *const *argv, const char *port_file)
{
	int port = 0, status;

	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	for (int i = 0; i < 6000 && (port = read_port(port_file)) == 0; i++) {
		if (waitpid(*pid, &status, WNOHANG) == *pid)
			return 0;
		pause_ms(10);
	}
	assert_true(port > 0);
	return port;
}

void
mock_start(struct mock *m, bool tls, const char *const *args)
{
	char dir[] = "/tmp/pp-mock-XXXXXX", port_file[64];
	const char *argv[MAX_ARGS] = { mock_path, "--port", "0", "--quiet",
		"--port-file", port_file };
	size_t n = 6;

	if (access(mock_path, X_OK) != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(port_file, sizeof port_file, "%s/port", dir);
	for (; *args != NULL; args++) {
		assert_true(n + 1 < MAX_ARGS);
		argv[n++] = *args;
	}
	argv[n] = NULL;
	m->port = server_start(&m->pid, argv, port_file);
	assert_true(m->port > 0);
	snprintf(m->url, sizeof m->url, "%s://127.0.0.1:%d",
	    tls ? "https" : "http", m->port);
	unlink(port_file);
	rmdir(dir);
}

void
mock_stop(struct mock *m)
{
	kill(m->pid, SIGTERM);
	waitpid(m->pid, NULL, 0);
}

static int
connect_to(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

long long
mock_counter(const struct mock *m, const char *name)
{
	static const char ask[] = "GET /__stats HTTP/1.0\r\n\r\n";
	char text[65536], key[64];
	size_t len = 0;
	ssize_t n;
	char *at;
	int fd = connect_to(m->port);

	assert_int_equal(write(fd, ask, sizeof ask - 1), sizeof ask - 1);
	while (len < sizeof text - 1 &&
	    (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	snprintf(key, sizeof key, "\"%s\":", name);
	at = strstr(text, key);
	if (at == NULL)
		fail_msg("no counter '%s'", name);
	return strtoll(at + strlen(key), NULL, 10);
}

/* ---- scripted ---- */

struct scripted {
	pthread_t thread;
	pthread_mutex_t lock;
	int listen_fd;
	char url[64];
	const struct script *scripts;
	size_t count;
	int requests;
	bool in_order; /* not by path */
	bool stopping;
	char *last, *before;
};

/* Until the head and as much body as it says are there. False: the end. */
static bool
read_request(int fd, char *text, size_t *len)
{
	const char *end, *header;
	size_t want;
	ssize_t n;

	*len = 0;
	for (;;) {
		text[*len] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end != NULL) {
			header = strcasestr(text, "\r\nContent-Length:");
			want = (size_t)(end - text) + 4;
			if (header != NULL && header < end)
				want += strtoul(strchr(header, ':') + 1, NULL,
				    10);
			if (*len >= want)
				return true;
		}
		n = read(fd, text + *len, MAX_REQUEST - 1 - *len);
		if (n <= 0)
			return false;
		*len += (size_t)n;
	}
}

/* "POST /3/v1/..." or "GET http://host/3" asks for script 3. */
static size_t
which_script(const char *text)
{
	const char *at = strchr(text, ' ') + 1;
	const char *scheme = strstr(at, "://");

	if (scheme != NULL && scheme < strchr(at, ' '))
		at = strchr(scheme + 3, '/');
	return strtoul(at + 1, NULL, 10);
}

static void
serve_one(struct scripted *s, int fd, char *text)
{
	const struct script *script;
	size_t len, at;
	ssize_t n;

	do {
		if (!read_request(fd, text, &len))
			return;
		pthread_mutex_lock(&s->lock);
		s->requests++;
		free(s->before);
		s->before = s->last;
		s->last = pp_strndup(text, len);
		pthread_mutex_unlock(&s->lock);
		at = s->in_order ? (size_t)s->requests - 1 : which_script(text);
		if (s->in_order && at >= s->count)
			at = s->count - 1;
		script = &s->scripts[at < s->count ? at : 0];
		if (script->reply == NULL)
			return;
		len = script->reply_len > 0 ? script->reply_len :
					      strlen(script->reply);
		for (at = 0; at < len; at += (size_t)n) {
			n = send(fd, script->reply + at, len - at,
			    MSG_NOSIGNAL);
			if (n <= 0)
				return;
		}
	} while (script->keep);
}

static void *
serve_all(void *arg)
{
	struct scripted *s = arg;
	char *text = pp_malloc(MAX_REQUEST);
	struct timeval limit = { 5, 0 };
	int fd;

	for (;;) {
		fd = accept(s->listen_fd, NULL, NULL);
		if (fd < 0 || s->stopping)
			break;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		serve_one(s, fd, text);
		close(fd);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	return NULL;
}

struct scripted *
scripted_start(const struct script *scripts, size_t count)
{
	struct scripted *s = pp_calloc(1, sizeof *s);
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	s->scripts = scripts;
	s->count = count;
	pthread_mutex_init(&s->lock, NULL);
	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listen_fd >= 0);
	assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, sizeof a),
	    0);
	assert_int_equal(listen(s->listen_fd, 16), 0);
	getsockname(s->listen_fd, (struct sockaddr *)&a, &len);
	snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d",
	    ntohs(a.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve_all, s), 0);
	return s;
}

struct scripted *
scripted_start_in_order(const struct script *scripts, size_t count)
{
	struct scripted *s = scripted_start(scripts, count);

	s->in_order = true;
	return s;
}

void
scripted_stop(struct scripted *s)
{
	s->stopping = true;
	shutdown(s->listen_fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listen_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->last);
	free(s->before);
	free(s);
}

const char *
scripted_url(const struct scripted *s)
{
	return s->url;
}

int
scripted_requests(struct scripted *s)
{
	int n;

	pthread_mutex_lock(&s->lock);
	n = s->requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const char *
scripted_last(struct scripted *s)
{
	const char *text;

	pthread_mutex_lock(&s->lock);
	text = s->last != NULL ? s->last : "";
	pthread_mutex_unlock(&s->lock);
	return text;
}

const char *
scripted_before(struct scripted *s)
{
	const char *text;

	pthread_mutex_lock(&s->lock);
	text = s->before != NULL ? s->before : "";
	pthread_mutex_unlock(&s->lock);
	return text;
}
