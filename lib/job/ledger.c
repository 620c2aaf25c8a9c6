#include <config.h>

#include "job/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"

/* Steps times models of one job; a hostile file must not make more. */
#define MAX_ENTRIES 4096

void
pp_ledger_release(struct pp_ledger *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->entries[i].step);
		free(l->entries[i].model);
	}
	free(l->entries);
	*l = (struct pp_ledger)PP_LEDGER_INIT;
}

static struct pp_ledger_entry *
find(const struct pp_ledger *l, const char *step, const char *model)
{
	for (size_t i = 0; i < l->count; i++) {
		struct pp_ledger_entry *e = &l->entries[i];

		if (strcmp(e->step, step) == 0 && strcmp(e->model, model) == 0)
			return e;
	}
	return NULL;
}

const struct pp_ledger_entry *
pp_ledger_find(const struct pp_ledger *l, const char *step, const char *model)
{
	return find(l, step, model);
}

static struct pp_ledger_entry *
entry_of(struct pp_ledger *l, const char *step, const char *model)
{
	struct pp_ledger_entry *e = find(l, step, model);

	if (e != NULL)
		return e;
	l->entries = pp_grow(l->entries, l->count, &l->cap, sizeof *l->entries);
	e = &l->entries[l->count++];
	*e = (struct pp_ledger_entry){ .step = pp_strdup(step),
		.model = pp_strdup(model) };
	return e;
}

static void
add_usage(struct pp_usage *to, const struct pp_usage *u)
{
	to->tokens_in = pp_money_add(to->tokens_in, u->tokens_in);
	to->tokens_out = pp_money_add(to->tokens_out, u->tokens_out);
	to->cache_read = pp_money_add(to->cache_read, u->cache_read);
	to->cache_write = pp_money_add(to->cache_write, u->cache_write);
}

void
pp_ledger_add_step(struct pp_ledger *l, const char *step, const char *model,
    const struct pp_row_step *s)
{
	struct pp_ledger_entry *e;

	if (s->attempts == 0 && s->cost_nusd == 0 && s->unproven_nusd == 0)
		return;
	e = entry_of(l, step, model);
	e->calls = pp_money_add(e->calls, s->attempts);
	add_usage(&e->usage, &s->usage);
	e->cost_nusd = pp_money_add(e->cost_nusd, s->cost_nusd);
	e->unproven_nusd = pp_money_add(e->unproven_nusd, s->unproven_nusd);
}

void
pp_ledger_add_row(struct pp_ledger *l, const struct pp_row *r,
    const struct pp_step_plan *plan)
{
	for (size_t i = 0; i < r->step_count; i++)
		pp_ledger_add_step(l, plan[i].id, plan[i].model->name,
		    &r->steps[i]);
}

static void
add_entry(struct pp_ledger_entry *to, const struct pp_ledger_entry *e)
{
	to->calls = pp_money_add(to->calls, e->calls);
	add_usage(&to->usage, &e->usage);
	to->cost_nusd = pp_money_add(to->cost_nusd, e->cost_nusd);
	to->unproven_nusd = pp_money_add(to->unproven_nusd, e->unproven_nusd);
}

void
pp_ledger_add(struct pp_ledger *l, const struct pp_ledger *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct pp_ledger_entry *f = &from->entries[i];

		add_entry(entry_of(l, f->step, f->model), f);
	}
	l->rows_done = pp_money_add(l->rows_done, from->rows_done);
	l->rows_failed = pp_money_add(l->rows_failed, from->rows_failed);
	l->lost_nusd = pp_money_add(l->lost_nusd, from->lost_nusd);
}

void
pp_ledger_totals(const struct pp_ledger *l, struct pp_totals *out)
{
	*out = (struct pp_totals){ .rows_done = l->rows_done,
		.rows_failed = l->rows_failed,
		.unproven_nusd = l->lost_nusd };
	for (size_t i = 0; i < l->count; i++) {
		const struct pp_ledger_entry *e = &l->entries[i];

		out->calls = pp_money_add(out->calls, e->calls);
		out->tokens_in = pp_money_add(out->tokens_in,
		    pp_money_add(e->usage.tokens_in,
			pp_money_add(e->usage.cache_read,
			    e->usage.cache_write)));
		out->tokens_out = pp_money_add(out->tokens_out,
		    e->usage.tokens_out);
		out->settled_nusd = pp_money_add(out->settled_nusd,
		    e->cost_nusd);
		out->unproven_nusd = pp_money_add(out->unproven_nusd,
		    e->unproven_nusd);
	}
}

void
pp_ledger_sum(const struct pp_ledger *l, struct pp_ledger_entry *out)
{
	*out = (struct pp_ledger_entry){ .step = NULL };
	for (size_t i = 0; i < l->count; i++)
		add_entry(out, &l->entries[i]);
}

int
pp_ledger_check_sums(const struct pp_ledger *l, struct pp_error *err)
{
	struct pp_totals t;

	pp_ledger_totals(l, &t);
	if (t.calls == INT64_MAX || t.tokens_in == INT64_MAX ||
	    t.tokens_out == INT64_MAX || t.settled_nusd == INT64_MAX ||
	    t.unproven_nusd == INT64_MAX)
		return pp_error_set(err, PP_EDATA,
		    "the sums are larger than can be counted");
	return 0;
}

/* The members that rows, open rows and ledgers have in common. */
static int
read_step_costs(const struct pp_json *v, struct pp_row_step *s)
{
	const struct pp_json *attempts = pp_json_get(v, "attempts");
	int64_t n = 0;

	memset(s, 0, sizeof *s);
	if (v->type != PP_JSON_OBJECT || pp_row_read_usage(v, &s->usage) < 0 ||
	    pp_row_read_money(v, "cost", &s->cost_nusd) < 0 ||
	    pp_row_read_money(v, "unproven", &s->unproven_nusd) < 0 ||
	    (attempts != NULL &&
		(!pp_json_int64(attempts, &n) || n < 0 || n > INT32_MAX)))
		return -1;
	s->attempts = (int)n;
	return 0;
}

static int
add_named_step(struct pp_ledger *l, const struct pp_json *key,
    const struct pp_json *v)
{
	char *step = pp_json_strdup(key);
	char *model = pp_json_strdup(pp_json_get(v, "model"));
	struct pp_row_step s;
	int rc = -1;

	if (step != NULL && model != NULL && l->count < MAX_ENTRIES &&
	    read_step_costs(v, &s) == 0) {
		pp_ledger_add_step(l, step, model, &s);
		rc = 0;
	}
	free(step);
	free(model);
	return rc;
}

int
pp_ledger_add_line(struct pp_ledger *l, const struct pp_json *line,
    struct pp_error *err)
{
	const struct pp_json *steps = pp_json_get(line, "steps"), *key, *value;

	if (steps == NULL || steps->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA,
		    "row has no 'steps' with its costs");
	key = pp_json_first(steps);
	for (uint32_t i = 0; i < steps->count; i++) {
		value = pp_json_next(key);
		if (add_named_step(l, key, value) < 0)
			return pp_error_set(err, PP_EDATA,
			    "costs of step '%.*s' are not readable",
			    (int)key->len, key->text);
		key = pp_json_next(value);
	}
	if (pp_json_get(line, "failed") != NULL)
		l->rows_failed++;
	else
		l->rows_done++;
	return 0;
}

void
pp_ledger_put_json(const struct pp_ledger *l, struct pp_buf *out)
{
	pp_buf_addc(out, '{');
	pp_json_member_int(out, "rows_done", l->rows_done);
	pp_json_member_int(out, "rows_failed", l->rows_failed);
	pp_json_member_money(out, "lost", l->lost_nusd);
	pp_json_put_key(out, "steps");
	pp_buf_addc(out, '[');
	for (size_t i = 0; i < l->count; i++) {
		const struct pp_ledger_entry *e = &l->entries[i];

		pp_buf_adds(out, i > 0 ? ",{" : "{");
		pp_json_put_key(out, "step");
		pp_json_put_cstr(out, e->step);
		pp_json_put_key(out, "model");
		pp_json_put_cstr(out, e->model);
		pp_json_member_int(out, "calls", e->calls);
		pp_json_member_int(out, "tokens_in", e->usage.tokens_in);
		pp_json_member_int(out, "tokens_out", e->usage.tokens_out);
		pp_json_member_int(out, "tokens_cached", e->usage.cache_read);
		pp_json_member_int(out, "tokens_cache_write",
		    e->usage.cache_write);
		pp_json_member_money(out, "cost", e->cost_nusd);
		pp_json_member_money(out, "unproven", e->unproven_nusd);
		pp_buf_addc(out, '}');
	}
	pp_buf_adds(out, "]}");
}

static int
read_entry(const struct pp_json *v, struct pp_ledger *l)
{
	char *step = pp_json_strdup(pp_json_get(v, "step"));
	char *model = pp_json_strdup(pp_json_get(v, "model"));
	struct pp_ledger_entry *e;
	struct pp_row_step s;
	int64_t calls;
	int rc = -1;

	if (step != NULL && model != NULL && l->count < MAX_ENTRIES &&
	    pp_json_int64(pp_json_get(v, "calls"), &calls) && calls >= 0 &&
	    read_step_costs(v, &s) == 0) {
		e = entry_of(l, step, model);
		e->calls = pp_money_add(e->calls, calls);
		add_usage(&e->usage, &s.usage);
		e->cost_nusd = pp_money_add(e->cost_nusd, s.cost_nusd);
		e->unproven_nusd = pp_money_add(e->unproven_nusd,
		    s.unproven_nusd);
		rc = 0;
	}
	free(step);
	free(model);
	return rc;
}

int
pp_ledger_from_json(const struct pp_json *v, struct pp_ledger *l,
    struct pp_error *err)
{
	const struct pp_json *steps = NULL, *item;

	if (v != NULL)
		steps = pp_json_get(v, "steps");
	if (steps == NULL || steps->type != PP_JSON_ARRAY ||
	    !pp_json_int64(pp_json_get(v, "rows_done"), &l->rows_done) ||
	    !pp_json_int64(pp_json_get(v, "rows_failed"), &l->rows_failed) ||
	    l->rows_done < 0 || l->rows_failed < 0 ||
	    pp_row_read_money(v, "lost", &l->lost_nusd) < 0)
		goto bad;
	item = pp_json_first(steps);
	for (uint32_t i = 0; i < steps->count; i++, item = pp_json_next(item)) {
		if (read_entry(item, l) < 0)
			goto bad;
	}
	return 0;
bad:
	return pp_error_set(err, PP_EDATA, "the ledger is not readable");
}
