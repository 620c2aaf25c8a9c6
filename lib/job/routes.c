#include <config.h>

#include "job/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int
pp_routes_add(struct pp_routes *r, const char *text, struct pp_error *err)
{
	const char *equals = strchr(text, '=');
	struct pp_route_choice *c;

	if (*text == '\0' || equals == text ||
	    (equals != NULL && equals[1] == '\0'))
		return pp_error_set(err, PP_EUSAGE,
		    "--model must be MODEL or STEP=MODEL, not '%s'", text);
	r->list = pp_grow(r->list, r->count, &r->cap, sizeof *r->list);
	c = &r->list[r->count++];
	c->step = equals != NULL ? pp_strndup(text, (size_t)(equals - text)) :
				   NULL;
	c->model = pp_strdup(equals != NULL ? equals + 1 : text);
	return 0;
}

void
pp_routes_release(struct pp_routes *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->list[i].step);
		free(r->list[i].model);
	}
	free(r->list);
	memset(r, 0, sizeof *r);
}

/* The last one given counts. */
const char *
pp_routes_choice(const struct pp_routes *r, const char *step)
{
	const char *general = NULL, *own = NULL;

	for (size_t i = 0; i < r->count; i++) {
		if (r->list[i].step == NULL)
			general = r->list[i].model;
		else if (strcmp(r->list[i].step, step) == 0)
			own = r->list[i].model;
	}
	return own != NULL ? own : general;
}

static int
check_priced(const struct pp_model *m, struct pp_error *err)
{
	if (pp_model_is_priced(m))
		return 0;
	return pp_error_set(err, PP_ECONFIG,
	    "model '%s' has no price; "
	    "give it one in models.yaml (0 if it is free)",
	    m->name);
}

static int
check_usable(const struct pp_model *m, bool *costs_money, struct pp_error *err)
{
	struct pp_error why = PP_ERROR_INIT;

	if (check_priced(m, err) < 0)
		return -1;
	if (!pp_model_is_configured(m, &why))
		return pp_error_set(err, PP_ECONFIG,
		    "model '%s' cannot be called: %s", m->name, why.text);
	*costs_money |= !pp_model_is_free(m);
	return 0;
}

static int
check_steps(const struct pp_routes *r, const struct pp_recipe *recipe,
    struct pp_error *err)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->list[i].step != NULL &&
		    pp_recipe_step_index(recipe, r->list[i].step) < 0)
			return pp_error_set(err, PP_EUSAGE,
			    "--model '%s=%s': "
			    "the template has no step '%s'",
			    r->list[i].step, r->list[i].model, r->list[i].step);
	}
	return 0;
}

int
pp_routes_resolve(const struct pp_routes *r, const struct pp_catalog *catalog,
    const struct pp_recipe *recipe, const struct pp_model **out,
    bool *costs_money, struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(recipe);

	*costs_money = false;
	if (check_steps(r, recipe, err) < 0)
		return -1;
	for (size_t i = 0; i < info->step_count; i++) {
		const struct pp_recipe_step *s = &info->steps[i];

		out[i] = pp_route(catalog, pp_routes_choice(r, s->id), s->model,
		    s->tier, s->kind, err);
		if (out[i] == NULL ||
		    check_usable(out[i], costs_money, err) < 0)
			return pp_error_wrap(err, "step '%s'", s->id);
	}
	return 0;
}

int
pp_routes_resolve_prices(const struct pp_routes *r,
    const struct pp_catalog *catalog, const struct pp_recipe *recipe,
    const struct pp_model **out, struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(recipe);

	if (check_steps(r, recipe, err) < 0)
		return -1;
	for (size_t i = 0; i < info->step_count; i++) {
		const struct pp_recipe_step *s = &info->steps[i];

		out[i] = pp_route_price(catalog, pp_routes_choice(r, s->id),
		    s->model, s->tier, s->kind, err);
		if (out[i] == NULL || check_priced(out[i], err) < 0)
			return pp_error_wrap(err, "step '%s'", s->id);
	}
	return 0;
}

int
pp_routes_resolve_prompts(const struct pp_routes *r,
    const struct pp_catalog *catalog, const struct pp_model **out,
    bool *costs_money, struct pp_error *err)
{
	const char *choice = pp_routes_choice(r, "");

	*costs_money = false;
	*out = NULL;
	if (choice == NULL)
		return 0;
	*out = pp_route(catalog, choice, NULL, NULL, NULL, err);
	return *out != NULL ? check_usable(*out, costs_money, err) : -1;
}
