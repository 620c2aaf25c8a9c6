/* Which model a step gets. */
#include <config.h>

#include "model/model_int.h"

#include <stdio.h>
#include <string.h>

static const char *const tier_names[PP_NTIERS + 1] = { "none", "cheap",
	"balanced", "premium" };

static const struct {
	const char *name;
	int tier;
} kinds[] = {
	{ "question", 1 },
	{ "answer", 3 },
	{ "summary", 1 },
	{ "cleanup", 1 },
};

const char *
pp_tier_name(int tier)
{
	return tier >= 0 && tier <= PP_NTIERS ? tier_names[tier] : "none";
}

int
pp_tier_parse(const char *name, int *tier)
{
	const char *digit = strncmp(name, "tier-", 5) == 0 ? name + 5 : name;

	if (digit[0] >= '0' && digit[0] <= '0' + PP_NTIERS &&
	    digit[1] == '\0') {
		*tier = digit[0] - '0';
		return 0;
	}
	for (int i = 0; i <= PP_NTIERS; i++) {
		if (strcmp(tier_names[i], name) == 0) {
			*tier = i;
			return 0;
		}
	}
	return -1;
}

/* Why the members of a tier will not do, one after the other. */
struct reasons {
	struct pp_buf text;
	struct pp_error last;
	const struct pp_model *last_of; /* NULL: there was none */
};

/* What is said of a model, without its name at the beginning. */
static const char *
without_name(const char *why, const struct pp_model *m)
{
	size_t len = strlen("model ''") + strlen(m->name);

	return strlen(why) >= len ? why + len : why;
}

/* Without a region, say, none of Bedrock's will do: that is said once. */
static void
add_reason(struct reasons *r, const struct pp_model *m)
{
	struct pp_error why = PP_ERROR_INIT;

	if (pp_model_is_configured(m, &why))
		pp_error_set(&why, PP_ECONFIG, "model '%s' has no price",
		    m->name);
	if (r->last_of != NULL &&
	    strcmp(without_name(why.text, m),
		without_name(r->last.text, r->last_of)) == 0)
		pp_buf_addf(&r->text, "; '%s' likewise", m->name);
	else
		pp_buf_addf(&r->text, "%s%s", r->text.len > 0 ? "; " : "",
		    why.text);
	r->last = why;
	r->last_of = m;
}

/* What a model is wanted for. */
enum use { TO_CALL, TO_PRICE };

/* The first member that has a price and is still offered, or NULL. */
static const struct pp_model *
first_priced(const struct pp_catalog *c, const struct pp_tier *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct pp_model *m = pp_catalog_at(c, t->members[i]);

		if (pp_model_is_priced(m) &&
		    strcmp(m->status, "end-of-life") != 0)
			return m;
	}
	return NULL;
}

static const struct pp_model *
route_tier(const struct pp_catalog *c, int tier, enum use use,
    struct pp_error *err)
{
	const struct pp_tier *t = pp_catalog_tier(c, tier);
	struct reasons reasons = { .text = PP_BUF_INIT };
	const struct pp_model *found = NULL;

	for (size_t i = 0; i < t->count && found == NULL; i++) {
		const struct pp_model *m = pp_catalog_at(c, t->members[i]);

		if (pp_model_is_priced(m) && pp_model_is_configured(m, NULL))
			found = m;
		else
			add_reason(&reasons, m);
	}
	if (found == NULL && use == TO_PRICE)
		found = first_priced(c, t);
	if (found == NULL)
		pp_error_set(err, PP_ECONFIG,
		    "no model of tier '%s' can be used: %s", pp_tier_name(tier),
		    t->count > 0 ? reasons.text.data : "it has none");
	pp_buf_release(&reasons.text);
	return found;
}

static const struct pp_model *
route_name(const struct pp_catalog *c, const char *name, enum use use,
    struct pp_error *err)
{
	const struct pp_model *m = pp_catalog_find(c, name);
	const char *like;
	int tier;

	if (m != NULL)
		return m;
	if (pp_tier_parse(name, &tier) == 0 && tier > 0)
		return route_tier(c, tier, use, err);
	like = pp_catalog_suggest(c, name);
	if (like != NULL)
		pp_error_set(err, PP_ENOENT,
		    "there is no model '%s'; did you mean '%s'?", name, like);
	else
		pp_error_set(err, PP_ENOENT, "there is no model '%s'", name);
	return NULL;
}

static const struct pp_model *
route(const struct pp_catalog *c, const char *override, const char *model,
    const char *tier, const char *kind, enum use use, struct pp_error *err)
{
	int t;

	if (override != NULL)
		return route_name(c, override, use, err);
	if (model != NULL)
		return route_name(c, model, use, err);
	if (tier != NULL) {
		if (pp_tier_parse(tier, &t) == 0 && t > 0)
			return route_tier(c, t, use, err);
		pp_error_set(err, PP_ECONFIG,
		    "there is no tier '%s'; they are "
		    "cheap, balanced and premium",
		    tier);
		return NULL;
	}
	if (kind == NULL)
		return route_tier(c, 1, use, err);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].name, kind) == 0)
			return route_tier(c, kinds[i].tier, use, err);
	}
	pp_error_set(err, PP_ECONFIG,
	    "there is no kind of step '%s'; they are "
	    "question, answer, summary and cleanup",
	    kind);
	return NULL;
}

const struct pp_model *
pp_route(const struct pp_catalog *c, const char *override, const char *model,
    const char *tier, const char *kind, struct pp_error *err)
{
	return route(c, override, model, tier, kind, TO_CALL, err);
}

const struct pp_model *
pp_route_price(const struct pp_catalog *c, const char *override,
    const char *model, const char *tier, const char *kind, struct pp_error *err)
{
	return route(c, override, model, tier, kind, TO_PRICE, err);
}
