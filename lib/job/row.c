#include <config.h>

#include "job/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/money.h"

struct pp_row *
pp_row_new(int64_t index, size_t step_count)
{
	struct pp_row *r = pp_calloc(1, sizeof *r);

	r->index = index;
	r->step_count = step_count;
	r->steps = pp_calloc(step_count, sizeof *r->steps);
	return r;
}

void
pp_row_free(struct pp_row *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->step_count; i++)
		free(r->steps[i].output);
	free(r->steps);
	free(r->failure.reason);
	free(r->failure.raw);
	free(r);
}

void
pp_row_set_output(struct pp_row *r, size_t step, const char *text, size_t len,
    enum pp_finish finish, const char *key)
{
	struct pp_row_step *s = &r->steps[step];

	free(s->output);
	s->output = pp_strndup(text, len);
	s->output_len = len;
	s->finish = finish;
	s->state = PP_STEP_DONE;
	memset(s->key, 0, sizeof s->key);
	strncpy(s->key, key, sizeof s->key - 1);
}

void
pp_row_fail(struct pp_row *r, const char *class, int http_status,
    const char *reason, const char *raw, size_t raw_len)
{
	r->failed = true;
	r->failure.class = class;
	r->failure.http_status = http_status;
	free(r->failure.reason);
	free(r->failure.raw);
	r->failure.reason = pp_strdup(reason);
	if (raw_len > PP_RAW_REPLY_BYTES)
		raw_len = PP_RAW_REPLY_BYTES;
	r->failure.raw = raw != NULL ? pp_strndup(raw, raw_len) : NULL;
	r->failure.raw_len = raw != NULL ? raw_len : 0;
}

int64_t
pp_row_cost(const struct pp_row *r)
{
	int64_t sum = 0;

	for (size_t i = 0; i < r->step_count; i++)
		sum = pp_money_add(sum, r->steps[i].cost_nusd);
	return sum;
}

int64_t
pp_row_unproven(const struct pp_row *r)
{
	int64_t sum = 0;

	for (size_t i = 0; i < r->step_count; i++)
		sum = pp_money_add(sum, r->steps[i].unproven_nusd);
	return sum;
}

size_t
pp_row_output_bytes(const struct pp_row *r)
{
	size_t sum = 0;

	for (size_t i = 0; i < r->step_count; i++)
		sum += r->steps[i].output_len;
	return sum;
}

static void
put_usage(struct pp_buf *out, const struct pp_row_step *s)
{
	pp_json_member_int(out, "tokens_in", s->usage.tokens_in);
	pp_json_member_int(out, "tokens_out", s->usage.tokens_out);
	if (s->usage.cache_read != 0)
		pp_json_member_int(out, "tokens_cached", s->usage.cache_read);
	if (s->usage.cache_write != 0)
		pp_json_member_int(out, "tokens_cache_write",
		    s->usage.cache_write);
	pp_json_member_money(out, "cost", s->cost_nusd);
	if (s->unproven_nusd != 0)
		pp_json_member_money(out, "unproven", s->unproven_nusd);
	pp_json_member_int(out, "attempts", s->attempts);
}

static void
put_output(struct pp_buf *out, const struct pp_row_step *s)
{
	pp_json_put_key(out, "output");
	pp_json_put_str(out, s->output, s->output_len);
	pp_json_put_key(out, "finish");
	pp_json_put_cstr(out, pp_finish_name(s->finish));
	pp_json_put_key(out, "key");
	pp_json_put_cstr(out, s->key);
}

/* `plan` NULL: the step is told elsewhere. */
static void
put_failure(const struct pp_row *r, const struct pp_step_plan *plan,
    struct pp_buf *out)
{
	pp_json_put_key(out, "failed");
	pp_buf_addc(out, '{');
	if (plan != NULL && r->at < r->step_count) {
		pp_json_put_key(out, "step");
		pp_json_put_cstr(out, plan[r->at].id);
	}
	pp_json_put_key(out, "class");
	pp_json_put_cstr(out, r->failure.class);
	if (r->failure.http_status != 0)
		pp_json_member_int(out, "status", r->failure.http_status);
	pp_json_put_key(out, "reason");
	pp_json_put_lossy(out, r->failure.reason, strlen(r->failure.reason));
	if (r->failure.raw != NULL) {
		pp_json_put_key(out, "reply");
		pp_json_put_lossy(out, r->failure.raw, r->failure.raw_len);
	}
	pp_buf_addc(out, '}');
}

void
pp_row_put_line(const struct pp_row *r, const struct pp_step_plan *plan,
    const struct pp_row_extra *extra, struct pp_buf *out)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_buf_addc(out, '{');
	pp_json_member_int(out, "row", r->index);
	pp_json_put_key(out, "id");
	pp_json_put_cstr(out, extra->id);
	if (extra->category->len > 0) {
		pp_json_put_key(out, "category");
		pp_json_put_str(out, extra->category->data,
		    extra->category->len);
	}
	if (r->failed) {
		put_failure(r, plan, out);
		if (extra->seed != NULL) {
			pp_json_put_key(out, "seed");
			pp_buf_add(out, extra->seed->data, extra->seed->len);
		}
	} else {
		pp_json_put_key(out, "record");
		pp_buf_add(out, extra->record->data, extra->record->len);
	}
	pp_json_put_key(out, "time");
	pp_json_put_cstr(out, pp_time_format(extra->done_at_ms, time));
	pp_json_put_key(out, "steps");
	pp_buf_addc(out, '{');
	for (size_t i = 0; i < r->step_count; i++) {
		const struct pp_row_step *s = &r->steps[i];

		if (s->state == PP_STEP_SKIPPED ||
		    (s->state == PP_STEP_TODO && s->attempts == 0))
			continue;
		if (out->data[out->len - 1] != '{')
			pp_buf_addc(out, ',');
		pp_json_put_cstr(out, plan[i].id);
		pp_buf_adds(out, ":{");
		pp_json_put_key(out, "model");
		pp_json_put_cstr(out, plan[i].model->name);
		if (s->state == PP_STEP_DONE)
			put_output(out, s);
		put_usage(out, s);
		pp_buf_addc(out, '}');
	}
	pp_buf_adds(out, "}}\n");
}

void
pp_row_put_open(const struct pp_row *r, struct pp_buf *out)
{
	pp_buf_addc(out, '{');
	pp_json_member_int(out, "row", r->index);
	pp_json_member_int(out, "at", (int64_t)r->at);
	pp_json_put_key(out, "steps");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < r->step_count; i++) {
		const struct pp_row_step *s = &r->steps[i];

		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_member_int(out, "state", s->state);
		pp_json_member_int(out, "tries", s->tries);
		if (s->state == PP_STEP_DONE)
			put_output(out, s);
		put_usage(out, s);
		pp_buf_addc(out, '}');
	}
	pp_buf_addc(out, ']');
	if (r->failed)
		put_failure(r, NULL, out);
	pp_buf_addc(out, '}');
}

/* A missing number is 0, a wrong one an error. */
static int
read_count(const struct pp_json *v, const char *key, int64_t *out)
{
	const struct pp_json *member = pp_json_get(v, key);

	*out = 0;
	if (member == NULL)
		return 0;
	return pp_json_int64(member, out) && *out >= 0 ? 0 : -1;
}

int
pp_row_read_money(const struct pp_json *v, const char *key, int64_t *out)
{
	const struct pp_json *member = pp_json_get(v, key);
	char *text;
	int rc;

	*out = 0;
	if (member == NULL)
		return 0;
	text = pp_json_strdup(member);
	if (text == NULL)
		return -1;
	rc = pp_money_parse(text, key, out, NULL);
	free(text);
	return rc;
}

static int
read_finish(const struct pp_json *v, enum pp_finish *out)
{
	for (int i = PP_FINISH_STOP; i <= PP_FINISH_OTHER; i++) {
		if (v != NULL && pp_json_is(v, pp_finish_name(i))) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int
read_step_output(const struct pp_json *v, struct pp_row *r, size_t step)
{
	char *key = NULL;
	const struct pp_json *output = pp_json_get(v, "output");
	struct pp_buf plain = PP_BUF_INIT;
	enum pp_finish finish;
	int rc = -1;

	if (output == NULL || output->type != PP_JSON_STRING ||
	    read_finish(pp_json_get(v, "finish"), &finish) < 0)
		return -1;
	key = pp_json_strdup(pp_json_get(v, "key"));
	if (key == NULL || strlen(key) >= PP_ATTEMPT_ID_BYTES ||
	    pp_json_unescape(output, &plain) < 0)
		goto out;
	pp_row_set_output(r, step, plain.data, plain.len, finish, key);
	rc = 0;
out:
	free(key);
	pp_buf_release(&plain);
	return rc;
}

int
pp_row_read_usage(const struct pp_json *v, struct pp_usage *u)
{
	return read_count(v, "tokens_in", &u->tokens_in) < 0 ||
		read_count(v, "tokens_out", &u->tokens_out) < 0 ||
		read_count(v, "tokens_cached", &u->cache_read) < 0 ||
		read_count(v, "tokens_cache_write", &u->cache_write) < 0 ?
	    -1 :
	    0;
}

static int
read_step(const struct pp_json *v, struct pp_row *r, size_t step)
{
	struct pp_row_step *s = &r->steps[step];
	int64_t state, attempts, tries;

	if (read_count(v, "state", &state) < 0 || state > PP_STEP_SKIPPED ||
	    read_count(v, "attempts", &attempts) < 0 || attempts > INT32_MAX ||
	    read_count(v, "tries", &tries) < 0 || tries > INT32_MAX ||
	    pp_row_read_usage(v, &s->usage) < 0 ||
	    pp_row_read_money(v, "cost", &s->cost_nusd) < 0 ||
	    pp_row_read_money(v, "unproven", &s->unproven_nusd) < 0)
		return -1;
	s->attempts = (int)attempts;
	s->tries = (int)tries;
	if (state == PP_STEP_DONE)
		return read_step_output(v, r, step);
	s->state = (enum pp_step_state)state;
	return 0;
}

/* Why rows fail without a call's fault, besides "template". */
static const char *const own_classes[] = { "timeout", "too_long" };
#define NOWN_CLASSES (sizeof own_classes / sizeof own_classes[0])

/* The class's name out of the table, which outlives the row. */
static const char *
known_class(const struct pp_json *name)
{
	for (int i = 0; name != NULL && i < PP_NCALL_CLASSES; i++) {
		if (pp_json_is(name, pp_call_class_info(i)->name))
			return pp_call_class_info(i)->name;
	}
	for (size_t i = 0; name != NULL && i < NOWN_CLASSES; i++) {
		if (pp_json_is(name, own_classes[i]))
			return own_classes[i];
	}
	return "template";
}

static int
read_failure(const struct pp_json *v, struct pp_row *r)
{
	char *reason = pp_json_strdup(pp_json_get(v, "reason"));
	char *raw = pp_json_strdup(pp_json_get(v, "reply"));
	int64_t status;
	int rc = -1;

	if (reason != NULL && read_count(v, "status", &status) == 0) {
		pp_row_fail(r, known_class(pp_json_get(v, "class")),
		    (int)status, reason, raw, raw != NULL ? strlen(raw) : 0);
		rc = 0;
	}
	free(reason);
	free(raw);
	return rc;
}

struct pp_row *
pp_row_from_open(const struct pp_json *v, size_t step_count,
    struct pp_error *err)
{
	const struct pp_json *steps = pp_json_get(v, "steps"), *item;
	struct pp_row *r = NULL;
	int64_t index, at;

	if (!pp_json_int64(pp_json_get(v, "row"), &index) || index < 0 ||
	    !pp_json_int64(pp_json_get(v, "at"), &at) || at < 0 ||
	    (uint64_t)at > step_count || steps == NULL ||
	    steps->type != PP_JSON_ARRAY || steps->count != step_count)
		goto bad;
	r = pp_row_new(index, step_count);
	r->at = (size_t)at;
	item = pp_json_first(steps);
	for (size_t i = 0; i < step_count; i++, item = pp_json_next(item)) {
		if (read_step(item, r, i) < 0)
			goto bad;
	}
	item = pp_json_get(v, "failed");
	if (item != NULL && read_failure(item, r) < 0)
		goto bad;
	return r;
bad:
	pp_row_free(r);
	pp_error_set(err, PP_EDATA, "an open row in it is not readable");
	return NULL;
}
