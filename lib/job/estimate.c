#include <config.h>

#include "job/estimate_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"

/* ---- what is known of answers ---- */

int
pp_output_sizes_add(struct pp_output_sizes *o, const char *text,
    struct pp_error *err)
{
	const char *equals = strchr(text, '=');
	const char *number = equals != NULL ? equals + 1 : text;
	struct pp_output_size *size;
	int64_t tokens;

	if (equals == text)
		return pp_error_set(err, PP_EUSAGE,
		    "--output-tokens must be "
		    "N or STEP=N, not '%s'",
		    text);
	if (pp_parse_int(number, "--output-tokens", 0, INT32_MAX, &tokens,
		err) < 0)
		return -1;
	o->list = pp_grow(o->list, o->count, &o->cap, sizeof *o->list);
	size = &o->list[o->count++];
	size->tokens = tokens;
	size->step = equals != NULL ?
	    pp_strndup(text, (size_t)(equals - text)) :
	    NULL;
	return 0;
}

void
pp_output_sizes_release(struct pp_output_sizes *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->list[i].step);
	free(o->list);
	memset(o, 0, sizeof *o);
}

/* ---- adding up ---- */

void
pp_estimator_release(struct pp_estimator *e)
{
	for (size_t i = 0; i < e->count; i++) {
		free(e->lines[i].step);
		free(e->lines[i].others);
	}
	free(e->lines);
	e->lines = NULL;
	e->count = e->cap = 0;
}

struct pp_estimator_line *
pp_estimator_line(struct pp_estimator *e, const char *step,
    const struct pp_model *model)
{
	struct pp_estimator_line *line;

	for (size_t i = 0; i < e->count; i++) {
		line = &e->lines[i];
		if (line->model == model && strcmp(line->step, step) == 0)
			return line;
	}
	e->lines = pp_grow(e->lines, e->count, &e->cap, sizeof *e->lines);
	line = &e->lines[e->count++];
	*line = (struct pp_estimator_line){ .step = pp_strdup(step),
		.model = model,
		.others = pp_calloc(e->options->compare_count,
		    sizeof *line->others) };
	return line;
}

static void
add_cost(struct pp_estimator_money *m, const struct pp_model *model,
    const struct pp_usage *usage)
{
	m->cost_nusd = pp_money_add(m->cost_nusd,
	    pp_price_call(&model->price, usage));
}

void
pp_estimator_expect(const struct pp_estimator *e,
    struct pp_estimator_line *line, size_t bytes, int64_t tokens_out)
{
	const struct pp_estimate_options *o = e->options;
	struct pp_usage usage = { .tokens_out = tokens_out,
		.tokens_in = (int64_t)((bytes + PP_ESTIMATE_BYTES_PER_TOKEN -
					   1) /
		    PP_ESTIMATE_BYTES_PER_TOKEN) };

	line->calls++;
	line->tokens_in = pp_money_add(line->tokens_in, usage.tokens_in);
	line->tokens_out = pp_money_add(line->tokens_out, usage.tokens_out);
	add_cost(&line->own, line->model, &usage);
	for (size_t i = 0; i < o->compare_count; i++)
		add_cost(&line->others[i], o->compare[i], &usage);
}

static void
add_bound(struct pp_estimator_money *m, const struct pp_model *model,
    size_t bytes, int64_t max_tokens)
{
	int64_t nusd = pp_price_bound(model, bytes, max_tokens);

	m->bound_nusd = pp_money_add(m->bound_nusd, nusd);
	if (nusd > m->dearest_nusd)
		m->dearest_nusd = nusd;
}

void
pp_estimator_bound(const struct pp_estimator *e, struct pp_estimator_line *line,
    size_t bytes, int64_t max_tokens)
{
	const struct pp_estimate_options *o = e->options;

	add_bound(&line->own, line->model, bytes, max_tokens);
	for (size_t i = 0; i < o->compare_count; i++)
		add_bound(&line->others[i], o->compare[i], bytes, max_tokens);
}

int64_t
pp_estimator_tokens_out(const struct pp_estimator *e, const char *step,
    int64_t max_tokens)
{
	const struct pp_output_sizes *o = e->options->outputs;
	int64_t general = max_tokens - max_tokens / 2, own = -1;

	for (size_t i = 0; o != NULL && i < o->count; i++) {
		if (o->list[i].step == NULL)
			general = o->list[i].tokens;
		else if (strcmp(o->list[i].step, step) == 0)
			own = o->list[i].tokens;
	}
	if (own < 0)
		own = general;
	return own < max_tokens ? own : max_tokens;
}

/* ---- from the sample to the whole ---- */

static int64_t
scale(int64_t v, int64_t rows, int64_t sampled)
{
	__int128 all = v;

	if (sampled == 0 || v == INT64_MAX)
		return v;
	all = (all * rows + sampled - 1) / sampled;
	return all > INT64_MAX ? INT64_MAX : (int64_t)all;
}

static int64_t
whole_bound(const struct pp_estimator_money *m, int64_t rows, int64_t sampled)
{
	return pp_money_add(m->bound_nusd,
	    pp_money_mul(m->dearest_nusd, rows - sampled));
}

static void
add_other(struct pp_estimate_line *to, const struct pp_estimate_line *line,
    const struct pp_estimator_money *m, int64_t rows, int64_t sampled)
{
	to->calls = pp_money_add(to->calls, line->calls);
	to->tokens_in = pp_money_add(to->tokens_in, line->tokens_in);
	to->tokens_out = pp_money_add(to->tokens_out, line->tokens_out);
	to->cost_nusd = pp_money_add(to->cost_nusd,
	    scale(m->cost_nusd, rows, sampled));
	to->bound_nusd = pp_money_add(to->bound_nusd,
	    whole_bound(m, rows, sampled));
}

void
pp_estimator_finish(struct pp_estimator *e, int64_t rows, int64_t sampled,
    struct pp_estimate *out)
{
	const struct pp_estimate_options *o = e->options;

	out->lines = pp_calloc(e->count, sizeof *out->lines);
	out->count = e->count;
	out->others = pp_calloc(o->compare_count, sizeof *out->others);
	out->other_count = o->compare_count;
	out->rows = rows;
	out->sampled = sampled;
	for (size_t k = 0; k < o->compare_count; k++)
		out->others[k].model = o->compare[k];
	for (size_t i = 0; i < e->count; i++) {
		struct pp_estimator_line *from = &e->lines[i];
		struct pp_estimate_line *to = &out->lines[i];

		*to = (struct pp_estimate_line){ .step = from->step,
			.model = from->model,
			.calls = scale(from->calls, rows, sampled),
			.tokens_in = scale(from->tokens_in, rows, sampled),
			.tokens_out = scale(from->tokens_out, rows, sampled),
			.cost_nusd = scale(from->own.cost_nusd, rows, sampled),
			.bound_nusd = whole_bound(&from->own, rows, sampled) };
		from->step = NULL;
		for (size_t k = 0; k < o->compare_count; k++)
			add_other(&out->others[k], to, &from->others[k], rows,
			    sampled);
	}
}

void
pp_estimate_total(const struct pp_estimate *e, struct pp_estimate_line *out)
{
	*out = (struct pp_estimate_line){ .step = NULL };
	for (size_t i = 0; i < e->count; i++) {
		const struct pp_estimate_line *line = &e->lines[i];

		out->calls = pp_money_add(out->calls, line->calls);
		out->tokens_in = pp_money_add(out->tokens_in, line->tokens_in);
		out->tokens_out = pp_money_add(out->tokens_out,
		    line->tokens_out);
		out->cost_nusd = pp_money_add(out->cost_nusd, line->cost_nusd);
		out->bound_nusd = pp_money_add(out->bound_nusd,
		    line->bound_nusd);
	}
}

void
pp_estimate_release(struct pp_estimate *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->lines[i].step);
	free(e->lines);
	free(e->others);
	free(e->reason);
	memset(e, 0, sizeof *e);
}
