#include <config.h>

#include "template/expression.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/object.h"
#include "template/recipe_int.h"
#include "template/template.h"

#define LEAD "{{ "
#define TAIL " }}"

struct pp_expressions {
	struct pp_rt rt;
	struct pp_arena context; /* of the row */
	struct pp_dict *vars;
	struct pp_template **list;
	size_t count, cap;
	uint64_t chance;
};

struct pp_expressions *
pp_expressions_new(void)
{
	struct pp_expressions *e = pp_calloc(1, sizeof *e);
	struct pp_bounds defaults;

	memset(&defaults, 0, sizeof defaults);
	pp_rt_init(&e->rt, &defaults);
	e->rt.undefined = PP_U_STRICT;
	return e;
}

void
pp_expressions_free(struct pp_expressions *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->count; i++)
		pp_template_free(e->list[i]);
	free(e->list);
	pp_rt_release(&e->rt);
	pp_arena_release(&e->context);
	free(e);
}

/* The fault, and where it is in the expression. */
static int
fail(const struct pp_fault *f, const struct pp_source *source,
    enum pp_code code, struct pp_error *err)
{
	int line, column;

	if (f->kind == PP_K_LIMIT)
		code = PP_ELIMIT;
	if (f->source == NULL || f->source != source || f->pos < strlen(LEAD))
		return pp_error_set(err, code, "%s", f->text);
	pp_source_place(source, f->pos, &line, &column);
	if (line == 1)
		column -= (int)strlen(LEAD);
	return pp_error_set(err, code, "%d:%d: %s", line, column, f->text);
}

int
pp_expressions_add(struct pp_expressions *e, const char *text, size_t len,
    struct pp_error *err)
{
	static const struct pp_options options;
	struct pp_template *t, *failed = NULL;
	struct pp_buf whole = PP_BUF_INIT;
	struct pp_fault fault = { .kind = PP_K_NONE };

	pp_buf_adds(&whole, LEAD);
	pp_buf_add(&whole, text, len);
	pp_buf_adds(&whole, TAIL);
	t = pp_template_compile(whole.data, whole.len, "expression", &options,
	    &fault, &failed);
	pp_buf_release(&whole);
	if (t == NULL) {
		fail(&fault, failed != NULL ? &failed->source : NULL, PP_EUSAGE,
		    err);
		pp_template_free(failed);
		return -1;
	}
	if (!pp_template_is_expression(t)) {
		pp_error_set(err, PP_EUSAGE,
		    pp_template_is_one(t) ? "'%.*s' reads nothing of a row" :
					    "'%.*s' is not an expression",
		    (int)len, text);
		pp_template_free(t);
		return -1;
	}
	e->list = pp_grow(e->list, e->count, &e->cap, sizeof *e->list);
	e->list[e->count] = t;
	return (int)e->count++;
}

void
pp_expressions_begin(struct pp_expressions *e, uint64_t chance)
{
	pp_arena_reset(&e->context);
	e->vars = pp_dict_new_in(&e->context, 16);
	e->chance = chance;
}

void
pp_expressions_bind(struct pp_expressions *e, const struct pp_json *object)
{
	struct pp_value v = pp_from_json(&e->context, object);

	for (uint32_t i = 0; v.type == PP_T_DICT && i < v.dict->count; i++)
		pp_dict_put_in(&e->context, e->vars, v.dict->entry[i].key,
		    v.dict->entry[i].hash, v.dict->entry[i].value);
}

static int
evaluate(struct pp_expressions *e, int number, struct pp_value *out)
{
	pp_rand_seed(&e->rt.rand, pp_rand_mix(e->chance, (uint64_t)number, 0));
	return pp_rt_evaluate(&e->rt, e->list[number], e->vars, out);
}

static int
fail_in(const struct pp_expressions *e, int number, struct pp_error *err)
{
	return fail(&e->rt.fault, &e->list[number]->source, PP_EDATA, err);
}

int
pp_expressions_test(struct pp_expressions *e, int number, struct pp_error *err)
{
	struct pp_value v;
	int yes = -1;

	if (evaluate(e, number, &v) == 0)
		yes = pp_truth(&e->rt, v);
	return yes < 0 ? fail_in(e, number, err) : yes;
}

int
pp_expressions_put(struct pp_expressions *e, int number, struct pp_buf *out,
    struct pp_error *err)
{
	struct pp_value v;

	if (evaluate(e, number, &v) < 0 || pp_put_record_value(&e->rt, v) < 0)
		return fail_in(e, number, err);
	if (pp_buf_add(out, e->rt.out.data, e->rt.out.len) < 0)
		return pp_error_set(err, PP_ELIMIT, "the value is too long");
	return 0;
}
