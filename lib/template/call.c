/* Finding filters, tests and functions by name, and binding arguments. */
#include <config.h>

#include "template/call.h"

#include <stdio.h>
#include <stdio.h>

#include "base/str.h"
#include "template/eval.h"
#include "template/object.h"

static bool
name_is(const char *have, const char *name, size_t len)
{
	return strncmp(have, name, len) == 0 && have[len] == '\0';
}

const struct pp_filter *
pp_filter_find(const char *name, size_t len)
{
	for (const struct pp_filter *f = pp_filter_table; f->name != NULL;
	     f++) {
		if (name_is(f->name, name, len))
			return f;
	}
	return NULL;
}

const struct pp_test *
pp_test_find(const char *name, size_t len)
{
	for (const struct pp_test *t = pp_test_table; t->name != NULL; t++) {
		if (name_is(t->name, name, len))
			return t;
	}
	return NULL;
}

const struct pp_global *
pp_global_find(const char *name, size_t len, bool hf)
{
	for (const struct pp_global *g = pp_global_table; g->name != NULL;
	     g++) {
		if (name_is(g->name, name, len) && (hf || !g->hf_only))
			return g;
	}
	return NULL;
}

const char *
pp_global_repr(const struct pp_global *g)
{
	return g->shown;
}

/* ---- "did you mean" ---- */

/* Nearer than the best so far? Few edits against many letters. */
static void
consider(const char *given, const char *word, const char **best, int *least)
{
	int d = pp_edit_distance(given, word);

	if (d < *least && (size_t)d * 2 <= strlen(word)) {
		*least = d;
		*best = word;
	}
}

const char *
pp_suggest(struct pp_value name, const char *what, char *room, size_t size)
{
	const char *best = NULL;
	char given[64];
	int least = 3;

	room[0] = '\0';
	if (name.len >= sizeof given)
		return room;
	snprintf(given, sizeof given, "%.*s", (int)name.len, name.s);
	if (what[0] == 'f') {
		for (size_t i = 0; pp_filter_table[i].name != NULL; i++)
			consider(given, pp_filter_table[i].name, &best, &least);
	} else {
		for (size_t i = 0; pp_test_table[i].name != NULL; i++)
			consider(given, pp_test_table[i].name, &best, &least);
	}
	if (best != NULL)
		snprintf(room, size, " (did you mean '%s'?)", best);
	return room;
}

/* ---- binding ---- */

struct param {
	const char *name;
	size_t len;
	bool optional;
};

/* The parameters of a signature; how many. */
static int
read_params(const char *s, struct param *p, bool *positional)
{
	int n = 0;

	*positional = *s == '/';
	s += *positional;
	while (*s != '\0') {
		size_t len = strcspn(s, " ");

		p[n] = (struct param){ s, len, s[len - 1] == '?' };
		p[n].len -= p[n].optional;
		n++;
		s += len + (s[len] == ' ');
	}
	return n;
}

static int
bind_named(struct pp_rt *rt, const char *name, const struct param *p, int n,
    const struct pp_args *args, struct pp_value *out)
{
	for (uint32_t i = 0; i < args->named; i++) {
		struct pp_value key = args->names[i];
		int k = 0;

		while (k < n &&
		    !(p[k].len == key.len &&
			memcmp(p[k].name, key.s, key.len) == 0))
			k++;
		if (k == n)
			return pp_fail_int(rt, PP_K_TYPE,
			    "%s() got an "
			    "unexpected keyword argument '%.*s'",
			    name, (int)key.len, key.s);
		if (!pp_is_missing(out[k]))
			return pp_fail_int(rt, PP_K_TYPE,
			    "%s() got multiple "
			    "values for argument '%.*s'",
			    name, (int)key.len, key.s);
		out[k] = args->values[i];
	}
	return 0;
}

int
pp_bind(struct pp_rt *rt, const char *name, const char *params,
    const struct pp_args *args, struct pp_value *out)
{
	struct param p[PP_MAX_PARAMS];
	bool positional;
	int n;

	if (*params == '\0' && args->count == 0 && args->named == 0)
		return 0;
	n = read_params(params, p, &positional);
	if (args->count > (uint32_t)n)
		return pp_fail_int(rt, PP_K_TYPE,
		    "%s() takes %d argument%s, but %u were given", name, n,
		    n == 1 ? "" : "s", args->count);
	if (positional && args->named > 0)
		return pp_fail_int(rt, PP_K_TYPE,
		    "%s() takes no keyword arguments", name);
	for (int i = 0; i < n; i++)
		out[i] = (uint32_t)i < args->count ? args->v[i] : pp_missing();
	if (args->named > 0 && bind_named(rt, name, p, n, args, out) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		if (pp_is_missing(out[i]) && !p[i].optional)
			return pp_fail_int(rt, PP_K_TYPE,
			    "%s() misses the argument '%.*s'", name,
			    (int)p[i].len, p[i].name);
	}
	return 0;
}

struct pp_value
pp_apply_filter(struct pp_rt *rt, const struct pp_filter *f, struct pp_value in,
    const struct pp_args *args)
{
	struct pp_value v[PP_MAX_PARAMS];

	if (f->raw != NULL)
		return f->raw(rt, in, args);
	if (pp_bind(rt, f->name, f->params, args, v) < 0)
		return pp_error_value();
	return f->fn(rt, in, v);
}

int
pp_apply_test(struct pp_rt *rt, const struct pp_test *t, struct pp_value in,
    const struct pp_args *args)
{
	struct pp_value v[PP_MAX_PARAMS];

	if (pp_bind(rt, t->name, t->params, args, v) < 0)
		return -1;
	v[0] = t->fn(rt, in, v);
	return pp_is_error(v[0]) ? -1 : v[0].i != 0;
}

/* ---- paths ---- */

static bool
all_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	return len > 0;
}

static struct pp_value
path_part(struct pp_rt *rt, const char *s, size_t len)
{
	if (all_digits(s, len))
		return pp_int_from_digits(rt, s, len, 10, false);
	return pp_str(s, len);
}

struct pp_value
pp_get_path(struct pp_rt *rt, struct pp_value item, struct pp_value path,
    struct pp_value fallback)
{
	const char *s = path.s, *end;

	if (pp_is_absent(path))
		return item;
	if (!pp_is_str(path))
		return pp_getitem(rt, item, path);
	end = s + path.len;
	for (;;) {
		const char *dot = memchr(s, '.', (size_t)(end - s));
		struct pp_value part;

		part = path_part(rt, s,
		    (size_t)((dot != NULL ? dot : end) - s));
		item = pp_is_error(part) ? part : pp_getitem(rt, item, part);
		if (pp_is_error(item))
			return item;
		if (item.type == PP_T_UNDEFINED && !pp_is_absent(fallback))
			item = fallback;
		if (dot == NULL)
			return item;
		s = dot + 1;
	}
}
