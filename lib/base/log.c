#include <config.h>

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"

static struct {
	enum pp_log_level level;
	char *job_id, *user_id;
	void (*before)(void);
} state = { .level = PP_LOG_WARN };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
pp_log_set_level(enum pp_log_level level)
{
	state.level = level;
}

enum pp_log_level
pp_log_get_level(void)
{
	return state.level;
}

void
pp_log_set_context(const char *job_id, const char *user_id)
{
	char *job = pp_strdup(job_id), *user = pp_strdup(user_id);

	free(state.job_id);
	free(state.user_id);
	state.job_id = job;
	state.user_id = user;
}

void
pp_log_set_before(void (*before)(void))
{
	state.before = before;
}

static void
put_field(struct pp_buf *out, bool json, const char *name, const char *value,
    bool quoted)
{
	if (!json) {
		pp_buf_addf(out, " %s=%s", name, value);
		return;
	}
	pp_json_put_key(out, name);
	if (quoted)
		pp_json_put_lossy(out, value, strlen(value));
	else
		pp_buf_adds(out, value);
}

static void
put_fields(struct pp_buf *out, bool json, va_list ap)
{
	char text[64];
	const char *name, *s;

	while ((name = va_arg(ap, const char *)) != NULL) {
		switch (va_arg(ap, int)) {
		case 's':
			s = va_arg(ap, const char *);
			if (s != NULL)
				put_field(out, json, name, s, true);
			break;
		case 'd':
			snprintf(text, sizeof text, "%lld",
			    (long long)va_arg(ap, int64_t));
			put_field(out, json, name, text, false);
			break;
		case 'm':
			pp_money_format(va_arg(ap, int64_t), text);
			put_field(out, json, name, text, false);
			break;
		case 'f':
			snprintf(text, sizeof text, "%.6g", va_arg(ap, double));
			put_field(out, json, name, text, false);
			break;
		default: abort();
		}
	}
}

void
pp_log(enum pp_log_level level, const char *event, ...)
{
	struct pp_buf line = PP_BUF_INIT;
	char now[PP_TIME_TEXT_BYTES];
	bool json = !isatty(STDERR_FILENO);
	va_list ap;

	if (level > state.level)
		return;
	pp_time_format(pp_clock_wall_ms(), now);
	if (json) {
		pp_buf_addc(&line, '{');
		put_field(&line, true, "timestamp", now, true);
		put_field(&line, true, "level", level_names[level], true);
		put_field(&line, true, "event", event, true);
		if (state.job_id != NULL)
			put_field(&line, true, "job_id", state.job_id, true);
		if (state.user_id != NULL)
			put_field(&line, true, "user_id", state.user_id, true);
	} else {
		pp_buf_addf(&line, "%.8s %s", now + 11, event);
	}
	va_start(ap, event);
	put_fields(&line, json, ap);
	va_end(ap);
	pp_buf_adds(&line, json ? "}\n" : "\n");
	if (state.before != NULL)
		state.before();
	/* One write: lines of several workers do not mix. A full disk behind
	 * stderr must not stop a job. */
	if (pp_io_write_all(STDERR_FILENO, line.data, line.len) < 0)
		errno = 0;
	pp_buf_release(&line);
}
