#include <config.h>

#include "job/job_spec.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "export/export.h"
#include "store/store.h"

/* A job's name and its idempotency key. */
#define MAX_TEXT_BYTES 200

void
pp_job_spec_init(struct pp_job_spec *s)
{
	*s = (struct pp_job_spec){ .max_failures = -1,
		.shards = 1,
		.checkpoint_rows = PP_DEFAULT_CHECKPOINT_ROWS };
}

static void
clear_seeds(struct pp_job_spec *s)
{
	for (size_t i = 0; i < s->seeds_count; i++) {
		free(s->seeds[i].name);
		free(s->seeds[i].set);
	}
	s->seeds_count = 0;
}

static void
clear_export(struct pp_job_spec *s)
{
	free(s->export_formats);
	s->export_formats = NULL;
}

void
pp_job_spec_release(struct pp_job_spec *s)
{
	clear_seeds(s);
	clear_export(s);
	pp_routes_release(&s->routes);
	free(s->template);
	free(s->export_partition);
	free(s->name);
	free(s->idempotency_key);
	memset(s, 0, sizeof *s);
}

static void
replace(char **text, const char *value)
{
	free(*text);
	*text = pp_strdup(value);
}

/* ---- one setting each ---- */

static int
set_template(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	if (*v == '\0')
		return pp_error_set(err, PP_EUSAGE, "%s is empty", what);
	replace(&s->template, v);
	return 0;
}

/* A name that a template can say: a letter, then letters, digits and '_'. */
static bool
is_variable(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!isalpha(c) && c != '_' && (i == 0 || !isdigit(c)))
			return false;
	}
	return len > 0 && !(len == 5 && memcmp(name, "steps", 5) == 0);
}

static bool
is_bound(const struct pp_job_spec *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->seeds_count; i++) {
		if (s->seeds[i].name != NULL &&
		    strlen(s->seeds[i].name) == len &&
		    memcmp(s->seeds[i].name, name, len) == 0)
			return true;
	}
	return false;
}

static int
set_seeds(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	const char *equals = strchr(v, '=');
	const char *set = equals != NULL ? equals + 1 : v;
	size_t len = equals != NULL ? (size_t)(equals - v) : 0;
	struct pp_spec_seeds *new;

	if (*set == '\0')
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be SEEDS or NAME=SEEDS, not '%s'", what, v);
	if (equals != NULL && !is_variable(v, len))
		return pp_error_set(err, PP_EUSAGE,
		    "%s: '%.*s' is not a name "
		    "that a template can use",
		    what, (int)len, v);
	if (equals != NULL && is_bound(s, v, len))
		return pp_error_set(err, PP_EUSAGE,
		    "%s: two seed sets have the name '%.*s'", what, (int)len,
		    v);
	if (s->seeds_count == PP_MAX_SEED_SETS)
		return pp_error_set(err, PP_EUSAGE,
		    "%s: more than %d seed sets", what, PP_MAX_SEED_SETS);
	new = &s->seeds[s->seeds_count++];
	new->name = equals != NULL ? pp_strndup(v, len) : NULL;
	new->set = pp_strdup(set);
	return 0;
}

static int
set_rows(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	return pp_parse_int(v, what, 1, PP_MAX_ROWS, &s->rows, err);
}

static int
set_budget(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	s->has_budget = true;
	return pp_money_parse(v, what, &s->budget_nusd, err);
}

static int
set_model(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	(void)what;
	return pp_routes_add(&s->routes, v, err);
}

static int
set_seed(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	char *end;

	errno = 0;
	s->seed = strtoull(v, &end, 10);
	if (!isdigit((unsigned char)*v) || *end != '\0' || errno != 0)
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be a number from 0 to %llu, not '%s'", what,
		    ULLONG_MAX, v);
	s->has_seed = true;
	return 0;
}

static int
set_order(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	if (pp_order_parse(v, &s->order) < 0)
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be sequential, "
		    "shuffled or random, not '%s'",
		    what, v);
	return 0;
}

static int
set_max_failures(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	size_t len = strlen(v);
	char *number;
	int rc;

	s->max_failures_percent = len > 0 && v[len - 1] == '%';
	if (!s->max_failures_percent)
		return pp_parse_int(v, what, 0, PP_MAX_ROWS, &s->max_failures,
		    err);
	number = pp_strndup(v, len - 1);
	rc = pp_parse_int(number, what, 0, 100, &s->max_failures, NULL);
	free(number);
	if (rc < 0)
		return pp_error_set(err, PP_EUSAGE,
		    "%s must be from 0%% to 100%%, not '%s'", what, v);
	return 0;
}

static int
set_small(int *out, const char *v, const char *what, int min, int max,
    struct pp_error *err)
{
	int64_t n;

	if (pp_parse_int(v, what, min, max, &n, err) < 0)
		return -1;
	*out = (int)n;
	return 0;
}

static int
set_priority(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	return set_small(&s->priority, v, what, 0, 9, err);
}

static int
set_checkpoint_rows(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	return set_small(&s->checkpoint_rows, v, what, 1, 1000000, err);
}

static int
set_shards(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	return set_small(&s->shards, v, what, 1, PP_MAX_SHARDS, err);
}

/* Formats given one by one become one list. */
static int
set_export(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	unsigned formats;
	char *list;

	if (pp_export_parse_formats(v, &formats, err) < 0)
		return pp_error_wrap(err, "%s", what);
	list = s->export_formats == NULL ?
	    pp_strdup(v) :
	    pp_asprintf("%s,%s", s->export_formats, v);
	free(s->export_formats);
	s->export_formats = list;
	return 0;
}

static int
set_partition(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	unsigned partition;

	if (pp_export_parse_partition(v, &partition, err) < 0)
		return pp_error_wrap(err, "%s", what);
	replace(&s->export_partition, v);
	return 0;
}

/* Text that is shown again in tables and logs: one line, not too long. */
static int
set_line(char **out, const char *v, const char *what, struct pp_error *err)
{
	size_t len = strlen(v);

	if (len > MAX_TEXT_BYTES)
		return pp_error_set(err, PP_EUSAGE,
		    "%s is longer than %d bytes", what, MAX_TEXT_BYTES);
	if (!pp_utf8_valid(v, len, NULL))
		return pp_error_set(err, PP_EUSAGE, "%s is not UTF-8", what);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)v[i] < 0x20 || v[i] == 0x7f)
			return pp_error_set(err, PP_EUSAGE,
			    "%s has a control character", what);
	}
	replace(out, v);
	return 0;
}

static int
set_name(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	return set_line(&s->name, v, what, err);
}

static int
set_key(struct pp_job_spec *s, const char *v, const char *what,
    struct pp_error *err)
{
	if (*v == '\0')
		return pp_error_set(err, PP_EUSAGE, "%s is empty", what);
	return set_line(&s->idempotency_key, v, what, err);
}

static const struct setting {
	const char *key;
	int (*set)(struct pp_job_spec *s, const char *v, const char *what,
	    struct pp_error *err);
	bool many;  /* may be a list */
	bool pairs; /* may be an object: "key=value" of each */
	/* JSON takes the place of what was set before; NULL: it does anyway */
	void (*clear)(struct pp_job_spec *s);
} settings[] = {
	{ "template", set_template, false, false, NULL },
	{ "seeds", set_seeds, true, true, clear_seeds },
	{ "rows", set_rows, false, false, NULL },
	{ "budget", set_budget, false, false, NULL },
	{ "model", set_model, true, true, NULL },
	{ "seed", set_seed, false, false, NULL },
	{ "order", set_order, false, false, NULL },
	{ "max_failures", set_max_failures, false, false, NULL },
	{ "priority", set_priority, false, false, NULL },
	{ "checkpoint_rows", set_checkpoint_rows, false, false, NULL },
	{ "export", set_export, true, false, clear_export },
	{ "partition", set_partition, false, false, NULL },
	{ "name", set_name, false, false, NULL },
	{ "idempotency_key", set_key, false, false, NULL },
	{ "shards", set_shards, false, false, NULL },
};

static const struct setting *
find_setting(const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		if (strlen(settings[i].key) == len &&
		    memcmp(settings[i].key, key, len) == 0)
			return &settings[i];
	}
	return NULL;
}

int
pp_job_spec_set(struct pp_job_spec *s, const char *key, const char *value,
    const char *what, struct pp_error *err)
{
	const struct setting *setting = find_setting(key, strlen(key));

	if (setting == NULL)
		return pp_error_set(err, PP_EUSAGE, "no setting '%s'", key);
	return setting->set(s, value, what, err);
}

/* ---- JSON ---- */

static int
wrong_type(const struct setting *setting, struct pp_error *err)
{
	return pp_error_set(err, PP_EUSAGE, "%s is of the wrong type",
	    setting->key);
}

/* Append a text or a number as text; NULs would hide what is behind them. */
static int
add_text(const struct setting *setting, const struct pp_json *v,
    struct pp_buf *out, struct pp_error *err)
{
	if (v->type == PP_JSON_STRING)
		pp_json_unescape(v, out);
	else if (v->type == PP_JSON_NUMBER)
		pp_buf_add(out, v->text, v->len);
	else
		return wrong_type(setting, err);
	if (strlen(out->data) != out->len)
		return wrong_type(setting, err);
	return 0;
}

/* One value; `name` is the key of a pair, or NULL. */
static int
set_value(struct pp_job_spec *s, const struct setting *setting,
    const struct pp_json *name, const struct pp_json *v, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT;
	int rc = 0;

	if (name != NULL) {
		rc = add_text(setting, name, &text, err);
		pp_buf_addc(&text, '=');
	}
	if (rc == 0)
		rc = add_text(setting, v, &text, err);
	if (rc == 0)
		rc = setting->set(s, text.data, setting->key, err);
	pp_buf_release(&text);
	return rc;
}

static int
set_member(struct pp_job_spec *s, const struct setting *setting,
    const struct pp_json *v, struct pp_error *err)
{
	bool pairs = v->type == PP_JSON_OBJECT;
	const struct pp_json *item;
	int rc = 0;

	if (v->type == PP_JSON_NULL)
		return 0;
	if (setting->clear != NULL)
		setting->clear(s);
	if (v->type != PP_JSON_ARRAY && !pairs)
		return set_value(s, setting, NULL, v, err);
	if (pairs ? !setting->pairs : !setting->many)
		return wrong_type(setting, err);
	item = pp_json_first(v);
	for (uint32_t i = 0; rc == 0 && i < v->count; i++) {
		const struct pp_json *name = pairs ? item : NULL;

		if (pairs)
			item = pp_json_next(item);
		rc = set_value(s, setting, name, item, err);
		item = pp_json_next(item);
	}
	return rc;
}

static int
set_members(struct pp_job_spec *s, const struct pp_json *root,
    struct pp_error *err)
{
	const struct pp_json *key = pp_json_first(root);
	int rc = 0;

	if (root->type != PP_JSON_OBJECT)
		return pp_error_set(err, PP_EDATA, "a job is a JSON object");
	for (uint32_t i = 0; rc == 0 && i < root->count; i++) {
		const struct setting *setting = find_setting(key->text,
		    key->len);
		const struct pp_json *v = pp_json_next(key);

		if (setting == NULL)
			return pp_error_set(err, PP_EDATA,
			    "a job has no setting '%.*s'",
			    (int)(key->len < 100 ? key->len : 100), key->text);
		rc = set_member(s, setting, v, err);
		key = pp_json_next(v);
	}
	return rc;
}

int
pp_job_spec_set_json(struct pp_job_spec *s, const char *text, size_t len,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = pp_json_parse(&doc, text, len, 0, err);
	int rc = root == NULL ? -1 : set_members(s, root, err);

	if (rc < 0 && err != NULL && err->code == PP_EUSAGE)
		err->code = PP_EDATA;
	pp_json_doc_release(&doc);
	return rc;
}
