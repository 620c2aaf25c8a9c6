/*
 * credential_process: a program that prints keys. It is run without a shell,
 * and its output is read from the loop, so that calls with keys that are
 * still good go on meanwhile.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/cred_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define TIMEOUT_US 60000000
#define POLL_US 10000

/* ---- the command's words ---- */

void
pp_cred_words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

/*
 * One word, quotes and backslashes resolved as sh(1) does. Returns where it
 * ends; NULL when a quote does not.
 */
static const char *
read_word(const char *p, struct pp_buf *word)
{
	char quote = '\0';

	for (; *p != '\0'; p++) {
		if (quote == '\0' && (*p == ' ' || *p == '\t'))
			break;
		if (quote == '\0' && (*p == '"' || *p == '\'')) {
			quote = *p;
		} else if (*p == quote) {
			quote = '\0';
		} else if (*p == '\\' && quote != '\'' && p[1] != '\0' &&
		    (quote == '\0' || strchr("\"\\$`", p[1]) != NULL)) {
			pp_buf_addc(word, *++p);
		} else {
			pp_buf_addc(word, *p);
		}
	}
	return quote == '\0' ? p : NULL;
}

int
pp_cred_split(const char *line, char ***words, struct pp_error *err)
{
	struct pp_buf word = PP_BUF_INIT;
	char **list = NULL;
	size_t count = 0, cap = 0;
	const char *p = line + strspn(line, " \t");

	while (p != NULL && *p != '\0') {
		pp_buf_clear(&word);
		p = read_word(p, &word);
		list = pp_grow(list, count + 1, &cap, sizeof *list);
		list[count++] = pp_strdup(word.data);
		list[count] = NULL;
		if (p != NULL)
			p += strspn(p, " \t");
	}
	pp_buf_release(&word);
	if (p == NULL || count == 0) {
		pp_cred_words_free(list);
		return pp_error_set(err, PP_ECONFIG, "credential_process is %s",
		    count == 0 ? "empty" : "a command with an open quote");
	}
	*words = list;
	return 0;
}

/* ---- the child ---- */

static void
stop_reading(struct pp_aws_chain *c)
{
	if (c->child_fd < 0)
		return;
	pp_loop_watch(c->aws->loop, c->child_fd, 0, NULL, NULL, NULL);
	close(c->child_fd);
	c->child_fd = -1;
}

void
pp_cred_process_stop(struct pp_aws_chain *c)
{
	stop_reading(c);
	if (c->child <= 0)
		return;
	kill(c->child, SIGKILL);
	while (waitpid(c->child, NULL, 0) < 0 && errno == EINTR)
		;
	c->child = 0;
}

static void
take_output(struct pp_aws_chain *c)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws_keys keys = { 0 };
	const struct pp_json *root = pp_json_parse(&doc, c->child_text.data,
	    c->child_text.len, 0, &err);
	int64_t version;
	int rc = -1;

	if (root != NULL &&
	    (!pp_json_int64(pp_json_get(root, "Version"), &version) ||
		version != 1))
		pp_error_set(&err, PP_EAUTH, "its Version is not 1");
	else if (root != NULL)
		rc = pp_cred_read_json(root, "SessionToken", &keys, &err);
	pp_json_doc_release(&doc);
	explicit_bzero(c->child_text.data, c->child_text.len);
	pp_buf_clear(&c->child_text);
	snprintf(keys.source, sizeof keys.source,
	    "credential_process of profile '%.100s'", c->plan.profile);
	if (rc == 0)
		pp_cred_got(c, &keys);
	else
		pp_cred_failed(c, PP_EAUTH, "credential_process: %s", err.text);
}

/* Its output has ended; the program itself ends now, or soon. */
static void
reap(void *arg)
{
	struct pp_aws_chain *c = arg;
	int status;
	pid_t pid = waitpid(c->child, &status, WNOHANG);

	if (pid == 0 && pp_clock_boot_us() < c->child_deadline_us) {
		pp_timer_set(c->aws->loop, &c->pause, POLL_US, reap, c);
		return;
	}
	if (pid == 0) {
		pp_cred_process_stop(c);
		pp_cred_failed(c, PP_EAUTH,
		    "credential_process did not end within a minute");
		return;
	}
	c->child = 0;
	if (pid < 0)
		pp_cred_failed(c, PP_EAUTH, "credential_process is lost: %s",
		    strerror(errno));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		take_output(c);
	else
		pp_cred_failed(c, PP_EAUTH,
		    "credential_process ended with status %d",
		    WIFEXITED(status) ? WEXITSTATUS(status) :
					128 + WTERMSIG(status));
}

static void
on_deadline(void *arg)
{
	struct pp_aws_chain *c = arg;

	pp_cred_process_stop(c);
	pp_cred_failed(c, PP_EAUTH,
	    "credential_process did not end within a minute");
}

static void
on_output(void *arg, int fd, unsigned events)
{
	struct pp_aws_chain *c = arg;
	char text[4096];
	ssize_t n = read(fd, text, sizeof text);

	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0 && pp_buf_add(&c->child_text, text, (size_t)n) == 0)
		return;
	stop_reading(c);
	pp_timer_cancel(c->aws->loop, &c->pause);
	if (n > 0) {
		pp_cred_process_stop(c);
		pp_cred_failed(c, PP_EAUTH,
		    "credential_process prints too much");
		return;
	}
	reap(c);
}

/* No signals but the ordinary: the loop has blocked those that it reads. */
static void __attribute__((noreturn)) run_child(char **words, int out)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	assert(words != NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0)
		_exit(126);
	execvp(words[0], words);
	_exit(127);
}

static int
start_child(struct pp_aws_chain *c, char **words, struct pp_error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return pp_error_errno(err, PP_EIO, errno, "pipe");
	c->child = fork();
	if (c->child == 0)
		run_child(words, fds[1]);
	close(fds[1]);
	c->child_fd = fds[0];
	if (c->child < 0) {
		close(fds[0]);
		c->child_fd = -1;
		return pp_error_errno(err, PP_EIO, errno, "fork");
	}
	c->child_deadline_us = pp_clock_boot_us() + TIMEOUT_US;
	pp_timer_set(c->aws->loop, &c->pause, TIMEOUT_US, on_deadline, c);
	return pp_loop_watch(c->aws->loop, c->child_fd, PP_LOOP_READ, on_output,
	    c, err);
}

void
pp_cred_process(struct pp_aws_chain *c)
{
	const char *line = pp_profiles_get(c->aws->profiles, PP_SECTION_PROFILE,
	    c->plan.profile, "credential_process");
	struct pp_error err = PP_ERROR_INIT;
	char **words = NULL;
	int rc;

	pp_buf_clear(&c->child_text);
	rc = pp_cred_split(line, &words, &err);
	if (rc == 0)
		rc = start_child(c, words, &err);
	pp_cred_words_free(words);
	if (rc == 0)
		return;
	pp_timer_cancel(c->aws->loop, &c->pause);
	pp_cred_process_stop(c);
	pp_cred_failed(c, err.code, "profile '%s': %s", c->plan.profile,
	    err.text);
}
