/* The estimate of a job, from real renderings of a sample of its rows. */
#include <config.h>

#include "job/estimate_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/yaml.h"
#include "job/config.h"
#include "model/invoke.h"

/* Keeps the choice of rows apart from all else that the job's seed decides. */
#define FOR_SAMPLE UINT64_C(0x73616d706c65)

struct step {
	const char *id;
	int64_t max_tokens, tokens_out;
	size_t filler, full_filler; /* bytes of a usual and a full answer */
	/* `when` reads answers, which filler cannot stand for */
	bool unknowable;
};

struct sampler {
	const struct pp_estimate_job *job;
	struct pp_estimator estimator;
	struct pp_render *render;
	struct step steps[PP_MAX_STEPS];
	size_t step_count;
	struct pp_buf filler;
	struct pp_buf seeds[PP_MAX_SEED_SETS];
	struct pp_buf system, prompt;
	int64_t failed;
	char *reason;
};

/* ---- steps ---- */

static size_t
filler_bytes(int64_t tokens, int64_t bytes_per_token)
{
	if (tokens > (int64_t)PP_ESTIMATE_MAX_FILLER / bytes_per_token)
		return PP_ESTIMATE_MAX_FILLER;
	return (size_t)(tokens * bytes_per_token);
}

/*
 * Whether the `when` of step `i`, as it is written, reads an answer. The
 * recipe was read from the same text, so its shape is known.
 */
static bool
reads_answers(const struct pp_yaml *steps, size_t i)
{
	const struct pp_yaml *when;

	if (steps == NULL || steps->type != PP_YAML_SEQUENCE ||
	    i >= steps->count)
		return true;
	when = pp_yaml_get(steps->values[i], "when");
	return when == NULL || when->type != PP_YAML_SCALAR ||
	    strstr(when->text, "steps") != NULL;
}

static const struct pp_yaml *
find_steps(const struct pp_yaml *root)
{
	const struct pp_yaml *template = root != NULL ?
	    pp_yaml_get(root, "template") :
	    NULL;

	if (root == NULL)
		return NULL;
	return pp_yaml_get(template != NULL ? template : root, "steps");
}

static void
make_steps(struct sampler *s)
{
	const struct pp_template_ref *t = s->job->template;
	const struct pp_recipe_info *info = pp_recipe_info(t->recipe);
	struct pp_arena arena = PP_ARENA_INIT;
	const struct pp_yaml *yaml = find_steps(pp_yaml_parse(&arena, t->source,
	    t->source_len, t->shown, NULL));

	s->step_count = info->step_count;
	for (size_t i = 0; i < info->step_count; i++) {
		const struct pp_recipe_step *from = &info->steps[i];
		struct step *to = &s->steps[i];

		to->id = from->id;
		to->max_tokens = from->max_tokens > 0 ? from->max_tokens :
							PP_DEFAULT_MAX_TOKENS;
		to->tokens_out = pp_estimator_tokens_out(&s->estimator,
		    from->id, to->max_tokens);
		to->filler = filler_bytes(to->tokens_out,
		    PP_ESTIMATE_BYTES_PER_TOKEN);
		to->full_filler = filler_bytes(to->max_tokens,
		    PP_ESTIMATE_BOUND_BYTES_PER_TOKEN);
		to->unknowable = from->has_when && reads_answers(yaml, i);
		pp_estimator_line(&s->estimator, from->id, s->job->models[i]);
	}
	pp_arena_release(&arena);
}

/* Words and sentences, as long as the longest answer. */
static void
make_filler(struct sampler *s)
{
	static const char sentence[] = "Here stand the words of an answer. ";
	size_t longest = 0;

	for (size_t i = 0; i < s->step_count; i++) {
		if (s->steps[i].full_filler > longest)
			longest = s->steps[i].full_filler;
		if (s->steps[i].filler > longest)
			longest = s->steps[i].filler;
	}
	while (s->filler.len < longest)
		pp_buf_adds(&s->filler, sentence);
}

static int
check_sizes(const struct sampler *s, const struct pp_output_sizes *sizes,
    struct pp_error *err)
{
	for (size_t i = 0; sizes != NULL && i < sizes->count; i++) {
		const char *step = sizes->list[i].step;

		if (step != NULL &&
		    pp_recipe_step_index(s->job->template->recipe, step) < 0)
			return pp_error_set(err, PP_EUSAGE,
			    "--output-tokens: "
			    "the template has no step '%s'",
			    step);
	}
	return 0;
}

/* ---- rows ---- */

/*
 * Row `k` of the sample: one of each of as many slices, by chance, so that no
 * rhythm of the seeds meets a rhythm of the sample.
 */
static int64_t
sampled_row(const struct pp_estimate_job *job, int64_t sample, int64_t k)
{
	int64_t first = (int64_t)((__int128)job->rows * k / sample);
	int64_t end = (int64_t)((__int128)job->rows * (k + 1) / sample);
	struct pp_rand rand;

	pp_rand_seed(&rand, pp_rand_mix(job->seed, FOR_SAMPLE, (uint64_t)k));
	return first + (int64_t)pp_rand_below(&rand, (uint64_t)(end - first));
}

static int64_t
seed_index(const struct pp_estimate_job *job, size_t set, int64_t row)
{
	return pp_plan_seed_index(job->seed, job->order, (int)set,
	    pp_seed_source_count(job->seeds[set]), row);
}

static void
want_seeds(const struct pp_estimate_job *job, int64_t sample)
{
	for (int64_t k = 0; k < sample; k++) {
		int64_t row = sampled_row(job, sample, k);

		for (size_t i = 0; i < job->seeds_count; i++)
			pp_seed_source_want(job->seeds[i],
			    seed_index(job, i, row));
	}
}

static int
get_seeds(struct sampler *s, int64_t row, struct pp_error *err)
{
	for (size_t i = 0; i < s->job->seeds_count; i++) {
		pp_buf_clear(&s->seeds[i]);
		if (pp_seed_source_get(s->job->seeds[i],
			seed_index(s->job, i, row), &s->seeds[i], err) < 0)
			return -1;
	}
	return 0;
}

static int
begin(struct sampler *s, int64_t row, struct pp_error *err)
{
	const struct pp_estimate_job *job = s->job;
	struct pp_render_seed bound[PP_MAX_SEED_SETS];
	char id[PP_ROW_ID_BYTES];
	struct pp_render_row r = { .index = row,
		.id = pp_plan_row_id(job->seed, row, id),
		.chance = pp_plan_chance(job->seed, row) };

	for (size_t i = 0; i < job->seeds_count; i++)
		bound[i] = (struct pp_render_seed){ .name = job->names[i],
			.json = s->seeds[i].data,
			.len = s->seeds[i].len };
	return pp_render_begin(s->render, bound, job->seeds_count, &r, err);
}

/* `skip` NULL: render it whatever its `when` says. */
static int
render(struct sampler *s, size_t step, bool *skip, size_t *bytes,
    struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(s->job->template
							       ->recipe);

	pp_buf_clear(&s->system);
	pp_buf_clear(&s->prompt);
	if (pp_render_step(s->render, step, skip, &s->system, &s->prompt, err) <
	    0)
		return -1;
	*bytes = pp_call_bytes(&(struct pp_call){
	    .system = s->system.len > 0 ? s->system.data : NULL,
	    .system_len = s->system.len,
	    .prompt = s->prompt.data,
	    .prompt_len = s->prompt.len,
	    .schema = info->steps[step].schema });
	return 0;
}

static void
answer(struct sampler *s, size_t step, size_t len)
{
	pp_render_set_output(s->render, step, s->filler.data, len,
	    s->job->models[step]->name);
}

/*
 * The calls that are expected, and the bytes of each. The first step that
 * cannot be rendered fails the row, as it does in a job.
 */
static int
expect_row(struct sampler *s, int64_t row, size_t *bytes, struct pp_error *err)
{
	if (begin(s, row, err) < 0)
		return -1;
	for (size_t i = 0; i < s->step_count; i++) {
		const struct step *step = &s->steps[i];
		bool skip = false;

		if (render(s, i, step->unknowable ? NULL : &skip, &bytes[i],
			err) < 0)
			return -1;
		if (skip) {
			bytes[i] = 0;
			pp_render_set_skipped(s->render, i);
			continue;
		}
		pp_estimator_expect(&s->estimator, &s->estimator.lines[i],
		    bytes[i], step->tokens_out);
		answer(s, i, step->filler);
	}
	return 0;
}

/*
 * Every step, after full answers. A prompt that cannot be rendered is no call,
 * unless a shorter answer made one.
 */
static int
bound_row(struct sampler *s, int64_t row, const size_t *expected,
    struct pp_error *err)
{
	if (begin(s, row, err) < 0)
		return -1;
	for (size_t i = 0; i < s->step_count; i++) {
		const struct step *step = &s->steps[i];
		size_t bytes = 0;

		if (render(s, i, NULL, &bytes, NULL) < 0)
			bytes = 0;
		if (bytes < expected[i])
			bytes = expected[i];
		answer(s, i, step->full_filler);
		if (bytes > 0)
			pp_estimator_bound(&s->estimator,
			    &s->estimator.lines[i], bytes, step->max_tokens);
	}
	return 0;
}

static int
sample_row(struct sampler *s, int64_t row, struct pp_error *err)
{
	size_t bytes[PP_MAX_STEPS] = { 0 };
	struct pp_error why = PP_ERROR_INIT;

	if (get_seeds(s, row, err) < 0)
		return -1;
	if (expect_row(s, row, bytes, &why) < 0) {
		if (why.code != PP_EDATA && why.code != PP_ELIMIT)
			return pp_error_set(err, why.code, "%s", why.text);
		s->failed++;
		if (s->reason == NULL)
			s->reason = pp_strdup(why.text);
	}
	if (bound_row(s, row, bytes, &why) == 0 || why.code == PP_EDATA ||
	    why.code == PP_ELIMIT)
		return 0;
	return pp_error_set(err, why.code, "%s", why.text);
}

static bool
has_calls(const struct pp_estimator *e)
{
	for (size_t i = 0; i < e->count; i++) {
		if (e->lines[i].calls > 0)
			return true;
	}
	return false;
}

static int
sample_rows(struct sampler *s, int64_t sample, struct pp_error *err)
{
	for (int64_t k = 0; k < sample; k++) {
		if (sample_row(s, sampled_row(s->job, sample, k), err) < 0)
			return -1;
	}
	if (s->failed == sample && !has_calls(&s->estimator))
		return pp_error_set(err, PP_EDATA,
		    "no prompt could be rendered: %s", s->reason);
	return 0;
}

static void
release(struct sampler *s)
{
	pp_render_free(s->render);
	pp_estimator_release(&s->estimator);
	pp_buf_release(&s->filler);
	for (size_t i = 0; i < PP_MAX_SEED_SETS; i++)
		pp_buf_release(&s->seeds[i]);
	pp_buf_release(&s->system);
	pp_buf_release(&s->prompt);
	free(s->reason);
}

int
pp_estimate_job(const struct pp_estimate_job *job,
    const struct pp_estimate_options *options, struct pp_estimate *out,
    struct pp_error *err)
{
	struct sampler s = { .job = job,
		.estimator = { .options = options },
		.filler = PP_BUF_INIT,
		.system = PP_BUF_INIT,
		.prompt = PP_BUF_INIT };
	int64_t sample = job->sample > 0 && job->sample < job->rows ?
	    job->sample :
	    job->rows;
	int rc = -1;

	assert(job->rows > 0 && job->seeds_count <= PP_MAX_SEED_SETS);
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < PP_MAX_SEED_SETS; i++)
		pp_buf_init(&s.seeds[i], 0);
	if (check_sizes(&s, options->outputs, err) < 0)
		goto out;
	make_steps(&s);
	make_filler(&s);
	s.render = pp_render_new(job->template->recipe, NULL);
	want_seeds(job, sample);
	if (sample_rows(&s, sample, err) < 0)
		goto out;
	pp_estimator_finish(&s.estimator, job->rows, sample, out);
	for (size_t i = 0; i < s.step_count; i++)
		out->lines[i].assumed = s.steps[i].unknowable;
	out->failed = s.failed;
	out->reason = s.reason;
	s.reason = NULL;
	rc = 0;
out:
	release(&s);
	return rc;
}
