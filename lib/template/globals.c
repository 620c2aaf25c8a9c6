/* Global functions. */
#include <config.h>

#include <time.h>

#include "template/call.h"
#include "template/object.h"

/* ---- range ---- */

static int64_t
range_count(int64_t start, int64_t stop, int64_t step)
{
	uint64_t span;

	if (step > 0 ? start >= stop : start <= stop)
		return 0;
	span = step > 0 ? (uint64_t)stop - (uint64_t)start :
			  (uint64_t)start - (uint64_t)stop;
	span = (span - 1) / (step > 0 ? (uint64_t)step : -(uint64_t)step);
	return span >= INT64_MAX ? INT64_MAX : (int64_t)span + 1;
}

static struct pp_value
global_range(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	int64_t v[3] = { 0, 0, 1 };
	struct pp_range *r;

	(void)in;
	if (a->named > 0)
		return pp_type_error(rt, "range() takes no keyword arguments");
	if (a->count < 1 || a->count > 3)
		return pp_type_error(rt,
		    "range expected 1 to 3 arguments, got %u", a->count);
	for (uint32_t i = 0; i < a->count; i++) {
		if (pp_need_int(rt, a->v[i], &v[a->count == 1 ? 1 : i]) < 0)
			return pp_error_value();
	}
	if (v[2] == 0)
		return pp_runtime_error(rt, "range() arg 3 must not be zero");
	r = pp_rt_alloc(rt, sizeof *r);
	if (r == NULL)
		return pp_error_value();
	*r = (struct pp_range){ v[0], v[1], v[2],
		range_count(v[0], v[1], v[2]) };
	if (r->count > rt->bounds.range)
		return pp_runtime_error(rt,
		    "range too big: the sandbox blocks ranges larger than "
		    "%lld",
		    (long long)rt->bounds.range);
	return pp_ref(PP_T_RANGE, r);
}

/* ---- dict, namespace ---- */

/* A mapping or pairs into `d`. */
static int
add_source(struct pp_rt *rt, struct pp_dict *d, struct pp_value from)
{
	struct pp_iter it;
	struct pp_value item;
	struct pp_list *pair;
	int more;

	if (from.type == PP_T_DICT || from.type == PP_T_NAMESPACE) {
		for (uint32_t i = 0; i < from.dict->count; i++) {
			if (pp_dict_put(rt, d, from.dict->entry[i].key,
				from.dict->entry[i].value) < 0)
				return -1;
		}
		return 0;
	}
	if (from.type == PP_T_UNDEFINED) { /* it asks for `keys` */
		pp_undefined_error(rt, from);
		return -1;
	}
	if (pp_iter_init(rt, &it, from) < 0)
		return -1;
	while ((more = pp_iter_next(rt, &it, &item)) > 0) {
		pair = pp_to_list(rt, item);
		if (pair == NULL)
			return -1;
		if (pair->count != 2)
			return pp_fail_int(rt, PP_K_RUNTIME,
			    "dictionary "
			    "update sequence element has length %u; 2 is "
			    "required",
			    pair->count);
		if (pp_dict_put(rt, d, pair->item[0], pair->item[1]) < 0)
			return -1;
	}
	return more;
}

int
pp_dict_update(struct pp_rt *rt, struct pp_dict *d, const char *name,
    const struct pp_args *a)
{
	if (a->count > 1)
		return pp_fail_int(rt, PP_K_TYPE,
		    "%s expected at most 1 argument, got %u", name, a->count);
	if (a->count == 1 && add_source(rt, d, a->v[0]) < 0)
		return -1;
	for (uint32_t i = 0; i < a->named; i++) {
		if (pp_dict_put(rt, d, a->names[i], a->values[i]) < 0)
			return -1;
	}
	return 0;
}

static struct pp_value
new_dict(struct pp_rt *rt, const struct pp_args *a, const char *name,
    enum pp_type type)
{
	struct pp_dict *d = pp_dict_new(rt, 4);

	if (d == NULL || pp_dict_update(rt, d, name, a) < 0)
		return pp_error_value();
	return pp_ref(type, d);
}

static struct pp_value
global_dict(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	(void)in;
	return new_dict(rt, a, "dict", PP_T_DICT);
}

static struct pp_value
global_namespace(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	(void)in;
	return new_dict(rt, a, "dict", PP_T_NAMESPACE);
}

/* ---- cycler, joiner ---- */

static struct pp_value
global_cycler(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	struct pp_cycler *c;

	(void)in;
	if (a->named > 0)
		return pp_type_error(rt, "cycler() takes no keyword arguments");
	if (a->count == 0)
		return pp_runtime_error(rt,
		    "at least one item has to be provided");
	c = pp_rt_alloc(rt, sizeof *c);
	if (c == NULL)
		return pp_error_value();
	memset(c, 0, sizeof *c);
	for (uint32_t i = 0; i < a->count; i++) {
		if (pp_list_add(rt, &c->items, a->v[i]) < 0)
			return pp_error_value();
	}
	return pp_ref(PP_T_CYCLER, c);
}

static struct pp_value
global_joiner(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	struct pp_joiner *j;
	struct pp_value sep;

	(void)in;
	if (pp_bind(rt, "joiner", "sep?", a, &sep) < 0)
		return pp_error_value();
	j = pp_rt_alloc(rt, sizeof *j);
	if (j == NULL)
		return pp_error_value();
	j->sep = pp_is_missing(sep) ? pp_cstr(", ") : sep;
	j->used = false;
	return pp_ref(PP_T_JOINER, j);
}

/* ---- lipsum ---- */

static const char *const lorem[] = { "lorem", "ipsum", "dolor", "sit", "amet",
	"consectetur", "adipiscing", "elit", "sed", "do", "eiusmod", "tempor",
	"incididunt", "ut", "labore", "et", "dolore", "magna", "aliqua", "enim",
	"minim", "veniam", "quis", "nostrud", "exercitation", "ullamco",
	"laboris", "nisi", "aliquip", "ex", "ea", "commodo", "consequat" };

#define LOREM (sizeof lorem / sizeof lorem[0])

static void
put_paragraph(struct pp_rt *rt, int64_t words)
{
	bool capital = true;
	const char *word, *last = NULL;

	for (int64_t i = 0; i < words; i++) {
		do
			word = lorem[pp_rand_below(&rt->rand, LOREM)];
		while (word == last);
		last = word;
		if (i > 0)
			pp_buf_addc(&rt->out, ' ');
		pp_buf_addc(&rt->out, capital ? (char)(word[0] - 32) : word[0]);
		pp_buf_adds(&rt->out, word + 1);
		capital = false;
		if (i + 1 < words && pp_rand_below(&rt->rand, 12) == 0) {
			pp_buf_addc(&rt->out, '.');
			capital = true;
		} else if (i + 1 < words && pp_rand_below(&rt->rand, 6) == 0) {
			pp_buf_addc(&rt->out, ',');
		}
	}
	pp_buf_addc(&rt->out, '.');
}

static struct pp_value
global_lipsum(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	struct pp_value v[4], text;
	int64_t n = 5, low = 20, high = 100;
	size_t start;
	int html;

	(void)in;
	if (pp_bind(rt, "lipsum", "n? html? min? max?", a, v) < 0 ||
	    (!pp_is_missing(v[0]) && pp_need_int(rt, v[0], &n) < 0) ||
	    (!pp_is_missing(v[2]) && pp_need_int(rt, v[2], &low) < 0) ||
	    (!pp_is_missing(v[3]) && pp_need_int(rt, v[3], &high) < 0))
		return pp_error_value();
	html = pp_is_missing(v[1]) ? 1 : pp_truth(rt, v[1]);
	if (html < 0)
		return pp_error_value();
	if (n > 0 && low >= high)
		return pp_runtime_error(rt, "empty range for lipsum()");
	if (n > 1000 || high > 10000 || low < 0)
		return pp_fail(rt, PP_K_LIMIT, "too much lipsum");
	start = pp_text_begin(rt);
	for (int64_t i = 0; i < n; i++) {
		if (pp_rt_charge(rt, high) < 0)
			break;
		pp_buf_adds(&rt->out, i == 0 ? "" : html ? "\n" : "\n\n");
		pp_buf_adds(&rt->out, html ? "<p>" : "");
		put_paragraph(rt,
		    low +
			(int64_t)pp_rand_below(&rt->rand,
			    (uint64_t)(high - low)));
		pp_buf_adds(&rt->out, html ? "</p>" : "");
	}
	text = pp_text_end(rt, start);
	if (html && !pp_is_error(text))
		text.flags |= PP_F_MARKUP;
	return text;
}

/* ---- chat templates ---- */

static struct pp_value
global_raise(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	struct pp_value message;

	(void)in;
	if (pp_bind(rt, "raise_exception", "message", a, &message) < 0)
		return pp_error_value();
	message = pp_to_str(rt, message);
	if (pp_is_error(message))
		return message;
	return pp_runtime_error(rt, "%.*s", (int)message.len, message.s);
}

static struct pp_value
global_strftime(struct pp_rt *rt, struct pp_value in, const struct pp_args *a)
{
	struct pp_value format, copy;
	time_t t = (time_t)rt->now;
	char text[512];
	struct tm tm;

	(void)in;
	if (pp_bind(rt, "strftime_now", "format", a, &format) < 0)
		return pp_error_value();
	if (!pp_is_str(format))
		return pp_type_error(rt,
		    "strftime() argument 1 must be str, not %s",
		    pp_type_name(format));
	copy = pp_rt_str(rt, format.s, format.len);
	if (pp_is_error(copy) || gmtime_r(&t, &tm) == NULL)
		return pp_error_value();
	if (format.len > 200)
		return pp_fail(rt, PP_K_LIMIT, "the format is too long");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	text[0] = '\0';
	if (strftime(text, sizeof text, copy.s, &tm) == 0)
		text[0] = '\0';
#pragma GCC diagnostic pop
	return pp_rt_str(rt, text, strlen(text));
}

const struct pp_global pp_global_table[] = {
	{ "range", global_range, "<function safe_range>", false },
	{ "dict", global_dict, "<class 'dict'>", false },
	{ "namespace", global_namespace, "<class 'jinja2.utils.Namespace'>",
	    false },
	{ "cycler", global_cycler, "<class 'jinja2.utils.Cycler'>", false },
	{ "joiner", global_joiner, "<class 'jinja2.utils.Joiner'>", false },
	{ "lipsum", global_lipsum, "<function generate_lorem_ipsum>", false },
	{ "raise_exception", global_raise, "<function raise_exception>", true },
	{ "strftime_now", global_strftime, "<function strftime_now>", true },
	{ NULL, NULL, NULL, false }
};
