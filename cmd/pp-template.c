/*
 * pp-template: keeps versioned prompt recipes, checks and renders them.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/diff.h"
#include "job/plan.h"
#include "job/seed.h"
#include "job/seed_input.h"
#include "job/seed_source.h"
#include "job/template_ref.h"
#include "job/user.h"
#include "model/catalog.h"
#include "store/store.h"
#include "template/render_batch.h"
#include "template/recipe.h"
#include "template/render_limits.h"
#include "template/template.h"

enum { KEY_BATCH = PP_OPT_LONG, KEY_DIR, KEY_LIMIT };

/* What validate and render have in common. */
#define LIMIT_OPTION \
	{ \
		KEY_LIMIT, "limit", "NAME=N", "change a bound of templates" \
	}

/* ---- render --batch ---- */

#define MAX_REQUEST_BYTES ((size_t)64 << 20)

static int
render_batch(const struct pp_limits *limits, struct pp_error *err)
{
	struct pp_batch *b;
	struct pp_buf out = PP_BUF_INIT;
	struct pp_lines lines;
	char *line;
	size_t len;
	int more;

	b = pp_batch_new(limits);
	pp_lines_init(&lines, STDIN_FILENO, "(stdin)", MAX_REQUEST_BYTES);
	while ((more = pp_lines_next(&lines, &line, &len, err)) > 0) {
		if (len == 0)
			continue;
		pp_buf_clear(&out);
		if (pp_batch_render(b, line, len, &out, err) < 0) {
			pp_error_wrap(err, "(stdin):%" PRIu64, lines.number);
			more = -1;
			break;
		}
		fwrite(out.data, 1, out.len, stdout);
	}
	pp_lines_release(&lines);
	pp_buf_release(&out);
	pp_batch_free(b);
	return more < 0 ? -1 : 0;
}

/* ---- what the commands share ---- */

/* A home and its user; the home is NULL when files are all that is named. */
struct home {
	struct pp_store *store;
	char *user;
};

static int
open_home(struct home *h, bool needed, struct pp_error *err)
{
	h->store = NULL;
	h->user = pp_user_id(err);
	if (h->user == NULL)
		return -1;
	if (needed && (h->store = pp_store_open_to_read(NULL, err)) == NULL)
		return -1;
	return 0;
}

/* For what puts something there. */
static int
make_home(struct home *h, struct pp_error *err)
{
	h->user = NULL;
	h->store = pp_store_open(NULL, err);
	if (h->store != NULL)
		h->user = pp_user_id(err);
	return h->user != NULL ? 0 : -1;
}

static void
close_home(struct home *h)
{
	pp_store_close(h->store);
	free(h->user);
}

static int
one_operand(int argc, const char *what, struct pp_error *err)
{
	if (argc == 1)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    argc == 0 ? "give %s" : "give one %s, not several", what);
}

static int
parse_version(const char *text, int64_t *version, struct pp_error *err)
{
	return pp_parse_int(text, "a version", 1, INT64_MAX, version, err);
}

static void
put_line(struct pp_buf *line)
{
	pp_buf_addc(line, '\n');
	fwrite(line->data, 1, line->len, stdout);
	pp_buf_clear(line);
}

/* ---- put ---- */

struct put {
	bool is_public;
};

static int
put_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct put *p = state;

	(void)key;
	(void)arg;
	(void)err;
	p->is_public = true;
	return 0;
}

/* The required paths as a JSON array. */
static void
put_requirements(const struct pp_recipe *r, struct pp_buf *out)
{
	size_t count;
	const struct pp_field *f = pp_recipe_fields(r, &count);
	bool first = true;

	pp_buf_addc(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (!f[i].required)
			continue;
		if (!first)
			pp_buf_addc(out, ',');
		pp_json_put_cstr(out, f[i].path);
		first = false;
	}
	pp_buf_addc(out, ']');
}

static void
show_warnings(const struct pp_cli *cli, const struct pp_findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->list[i].is_warning)
			pp_cli_note(cli, "%s\n", f->list[i].shown);
	}
}

static int
add_version(struct home *h, const struct pp_template_ref *t, bool is_public,
    struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(t->recipe);
	struct pp_buf definition = PP_BUF_INIT, needs = PP_BUF_INIT;
	struct pp_buf line = PP_BUF_INIT;
	struct pp_template_version v = { .template_id = pp_strdup(info->id),
		.name = pp_strdup(info->name),
		.user_id = pp_strdup(h->user),
		.created_at_ms = pp_clock_wall_ms(),
		.is_public = is_public };
	int64_t version;
	int rc;

	pp_recipe_put_json(t->recipe, &definition);
	put_requirements(t->recipe, &needs);
	v.source = pp_strndup(t->source, t->source_len);
	v.definition = pp_buf_detach(&definition, NULL);
	v.requirements = pp_buf_detach(&needs, NULL);
	rc = pp_store_template_add(h->store, &v, &version, err);
	if (rc >= 0) {
		pp_buf_addc(&line, '{');
		pp_json_put_key(&line, "template_id");
		pp_json_put_cstr(&line, v.template_id);
		pp_json_put_key(&line, "version");
		pp_json_put_int(&line, version);
		pp_json_put_key(&line, "unchanged");
		pp_buf_adds(&line, rc == 1 ? "true}" : "false}");
		put_line(&line);
	}
	pp_buf_release(&line);
	pp_template_version_release(&v);
	return rc < 0 ? -1 : 0;
}

static int
put_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct put *p = state;
	struct pp_findings findings = { NULL, 0, 0 };
	struct pp_template_ref t;
	struct home h;
	int rc = -1;

	if (one_operand(argc, "a template file", err) < 0)
		return -1;
	if (make_home(&h, err) < 0)
		goto out;
	if (!pp_template_ref_is_file(argv[0])) {
		pp_error_set(err, PP_ENOENT, "there is no file '%s'", argv[0]);
		goto out;
	}
	if (pp_template_ref_load(h.store, h.user, argv[0], &findings, &t, err) <
	    0)
		goto out;
	show_warnings(cli, &findings);
	rc = add_version(&h, &t, p->is_public, err);
	pp_template_ref_release(&t);
out:
	pp_findings_release(&findings);
	close_home(&h);
	return rc;
}

static const struct pp_opt put_options[] = {
	{ 'p', "public", NULL, "let every user of the home see it" }, { 0 }
};

/* ---- get ---- */

struct get {
	int64_t version;
};

enum { KEY_VERSION = PP_OPT_LONG + 16 };

static int
get_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct get *g = state;

	(void)key;
	return parse_version(arg, &g->version, err);
}

static int
get_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct get *g = state;
	struct pp_template_version v;
	char *id = NULL, *at;
	int64_t version = g->version;
	struct home h;
	int rc = -1;

	(void)cli;
	if (one_operand(argc, "a template's id", err) < 0)
		return -1;
	id = pp_strdup(argv[0]);
	at = strchr(id, '@');
	if (at != NULL)
		*at++ = '\0';
	if (open_home(&h, true, err) < 0 ||
	    (at != NULL && parse_version(at, &version, err) < 0))
		goto out;
	if (pp_store_template_get(h.store, id, version, h.user, &v, err) == 0) {
		fputs(v.source, stdout);
		pp_template_version_release(&v);
		rc = 0;
	}
out:
	free(id);
	close_home(&h);
	return rc;
}

static const struct pp_opt get_options[] = {
	{ KEY_VERSION, "version", "N", "this version, not the newest" }, { 0 }
};

/* ---- list, versions ---- */

#define PAGE 64

static const char *const version_headings[] = { "TEMPLATE", "VERSION", "NAME",
	"OWNER", "PUBLIC", "CREATED" };

static void
put_version_json(const struct pp_template_version *v)
{
	struct pp_buf line = PP_BUF_INIT;
	char time[PP_TIME_TEXT_BYTES];

	pp_buf_addc(&line, '{');
	pp_json_put_key(&line, "template_id");
	pp_json_put_cstr(&line, v->template_id);
	pp_json_put_key(&line, "version");
	pp_json_put_int(&line, v->version);
	pp_json_put_key(&line, "name");
	pp_json_put_cstr(&line, v->name);
	pp_json_put_key(&line, "user_id");
	pp_json_put_cstr(&line, v->user_id);
	pp_json_put_key(&line, "is_public");
	pp_buf_adds(&line, v->is_public ? "true" : "false");
	pp_json_put_key(&line, "schema_requirements");
	pp_buf_adds(&line, v->requirements);
	pp_json_put_key(&line, "created_at");
	pp_json_put_cstr(&line, pp_time_format(v->created_at_ms, time));
	pp_buf_addc(&line, '}');
	put_line(&line);
	pp_buf_release(&line);
}

static void
put_version_row(struct pp_table *t, const struct pp_template_version *v)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_table_cell(t, v->template_id);
	pp_table_number(t, v->version);
	pp_table_cell(t, v->name);
	pp_table_cell(t, v->user_id);
	pp_table_cell(t, v->is_public ? "yes" : "no");
	pp_table_cell(t, pp_time_format(v->created_at_ms, time));
}

/*
 * The newest versions of all templates, or all versions of `id`: into `table`,
 * or as lines of JSON when that is NULL.
 */
static int
list_pages(struct home *h, const char *id, struct pp_table *table,
    struct pp_error *err)
{
	struct pp_template_version page[PAGE];
	char *after = NULL;
	int64_t after_version = 0;
	int n;

	do {
		n = id == NULL ? pp_store_template_list(h->store, h->user,
				     after, page, PAGE, err) :
				 pp_store_template_versions(h->store, id,
				     h->user, after_version, page, PAGE, err);
		for (int i = 0; i < n; i++) {
			if (table == NULL)
				put_version_json(&page[i]);
			else
				put_version_row(table, &page[i]);
			free(after);
			after = pp_strdup(page[i].template_id);
			after_version = page[i].version;
			pp_template_version_release(&page[i]);
		}
	} while (n == PAGE);
	if (n == 0 && id != NULL && after == NULL)
		n = pp_error_set(err, PP_ENOENT, "no template '%s'", id);
	free(after);
	return n < 0 ? -1 : 0;
}

static int
list_versions(const struct pp_cli *cli, const char *id, struct pp_error *err)
{
	struct pp_table *table = NULL;
	struct home h;
	int rc = -1;

	if (open_home(&h, true, err) == 0) {
		if (!cli->json)
			table = pp_table_new(version_headings, 6);
		rc = list_pages(&h, id, table, err);
	}
	if (table != NULL)
		pp_table_print(table);
	close_home(&h);
	return rc;
}

static int
list_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	(void)state;
	(void)argv;
	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE, "list takes no operands");
	return list_versions(cli, NULL, err);
}

static int
versions_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	(void)state;
	if (one_operand(argc, "a template's id", err) < 0)
		return -1;
	return list_versions(cli, argv[0], err);
}

/* ---- diff ---- */

static int
diff_versions(struct home *h, const char *id, int64_t a, int64_t b,
    struct pp_error *err)
{
	struct pp_template_version before, after;
	struct pp_buf out = PP_BUF_INIT;
	char *a_name, *b_name;
	bool any;

	if (pp_store_template_get(h->store, id, a, h->user, &before, err) < 0)
		return -1;
	if (pp_store_template_get(h->store, id, b, h->user, &after, err) < 0) {
		pp_template_version_release(&before);
		return -1;
	}
	a_name = pp_asprintf("%s@%lld", id, (long long)a);
	b_name = pp_asprintf("%s@%lld", id, (long long)b);
	any = pp_diff_unified(before.source, strlen(before.source), a_name,
	    after.source, strlen(after.source), b_name, &out);
	fwrite(out.data, 1, out.len, stdout);
	free(a_name);
	free(b_name);
	pp_buf_release(&out);
	pp_template_version_release(&before);
	pp_template_version_release(&after);
	return any ? pp_code_exit_status(PP_ENO) : 0;
}

static int
diff_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	int64_t a, b;
	struct home h;
	int rc = -1;

	(void)cli;
	(void)state;
	if (argc != 3)
		return pp_error_set(err, PP_EUSAGE,
		    "give a template's id and two versions");
	if (parse_version(argv[1], &a, err) < 0 ||
	    parse_version(argv[2], &b, err) < 0)
		return -1;
	if (open_home(&h, true, err) == 0)
		rc = diff_versions(&h, argv[0], a, b, err);
	close_home(&h);
	return rc;
}

/* ---- validate ---- */

struct validate {
	struct pp_limits limits;
};

static int
validate_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct validate *v = state;

	(void)key;
	return pp_limits_set(&v->limits, arg, err);
}

static const struct pp_opt validate_options[] = { LIMIT_OPTION, { 0 } };

struct verdict {
	const struct pp_limits *limits;
	int errors, warnings;
};

static void
show_finding(const struct pp_cli *cli, const char *ref, bool is_warning,
    int line, int column, const char *text, const char *shown)
{
	struct pp_buf out = PP_BUF_INIT;

	if (!cli->json) {
		fprintf(stderr, "%s\n", shown);
		return;
	}
	pp_buf_addc(&out, '{');
	pp_json_put_key(&out, "template");
	pp_json_put_cstr(&out, ref);
	pp_json_put_key(&out, "level");
	pp_json_put_cstr(&out, is_warning ? "warning" : "error");
	pp_json_put_key(&out, "line");
	pp_json_put_int(&out, line);
	pp_json_put_key(&out, "column");
	pp_json_put_int(&out, column);
	pp_json_put_key(&out, "text");
	pp_json_put_lossy(&out, text, strlen(text));
	pp_buf_addc(&out, '}');
	put_line(&out);
	pp_buf_release(&out);
}

/* Models that the table does not know: a job would be refused. */
static void
check_models(const struct pp_cli *cli, const struct pp_catalog *catalog,
    const struct pp_template_ref *t, struct verdict *v)
{
	const struct pp_recipe_info *info = pp_recipe_info(t->recipe);

	for (size_t i = 0; i < info->step_count; i++) {
		const struct pp_recipe_step *s = &info->steps[i];
		struct pp_error why = PP_ERROR_INIT;
		char *shown;

		if (s->model == NULL ||
		    pp_route(catalog, NULL, s->model, NULL, NULL, &why) !=
			NULL ||
		    why.code != PP_ENOENT)
			continue;
		shown = pp_asprintf("%s:%d: warning: step '%s': %s", t->shown,
		    s->line, s->id, why.text);
		show_finding(cli, t->shown, true, s->line, 0, why.text, shown);
		v->warnings++;
		free(shown);
	}
}

static int
validate_one(const struct pp_cli *cli, struct home *h,
    const struct pp_catalog *catalog, const char *ref, struct verdict *v,
    struct pp_error *err)
{
	struct pp_findings findings = { NULL, 0, 0 };
	struct pp_template_ref t;
	struct pp_error why = PP_ERROR_INIT;
	int errors = v->errors, rc;

	rc = pp_template_ref_load_within(v->limits, h->store, h->user, ref,
	    &findings, &t, &why);
	for (size_t i = 0; i < findings.count; i++) {
		const struct pp_finding *f = &findings.list[i];

		show_finding(cli, ref, f->is_warning, f->line, f->column,
		    f->text, f->shown);
		v->errors += !f->is_warning;
		v->warnings += f->is_warning;
	}
	pp_findings_release(&findings);
	if (rc == 0) {
		check_models(cli, catalog, &t, v);
		pp_template_ref_release(&t);
	} else if (v->errors == errors) {
		/* it could not even be read, or has no findings of its own */
		if (why.code != PP_EDATA && why.code != PP_ELIMIT)
			return pp_error_set(err, why.code, "%s", why.text);
		show_finding(cli, ref, false, 0, 0, why.text, why.text);
		v->errors++;
	}
	return 0;
}

static bool
needs_store(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!pp_template_ref_is_file(argv[i]))
			return true;
	}
	return false;
}

static int
validate_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct validate *o = state;
	struct verdict v = { .limits = &o->limits };
	struct pp_catalog *catalog;
	struct home h = { NULL, NULL };
	int rc = -1;

	if (argc == 0)
		return pp_error_set(err, PP_EUSAGE, "give a template");
	catalog = pp_catalog_load(err);
	if (catalog != NULL &&
	    open_home(&h, needs_store(argc, argv), err) == 0) {
		rc = 0;
		for (int i = 0; rc == 0 && i < argc; i++)
			rc = validate_one(cli, &h, catalog, argv[i], &v, err);
	}
	close_home(&h);
	pp_catalog_free(catalog);
	if (rc < 0)
		return -1;
	if (v.errors > 0 || v.warnings > 0)
		pp_cli_note(cli, "%d error%s, %d warning%s\n", v.errors,
		    v.errors == 1 ? "" : "s", v.warnings,
		    v.warnings == 1 ? "" : "s");
	return v.errors > 0 ? pp_code_exit_status(PP_ENO) : 0;
}

/* ---- fields ---- */

static void
show_fields(const struct pp_cli *cli, const struct pp_recipe *r)
{
	static const char *const headings[] = { "PATH", "NEEDED", "LINE" };
	struct pp_table *table = cli->json ? NULL : pp_table_new(headings, 3);
	struct pp_buf line = PP_BUF_INIT;
	const struct pp_field *f;
	size_t count;

	f = pp_recipe_fields(r, &count);
	for (size_t i = 0; i < count; i++) {
		if (table != NULL) {
			pp_table_cell(table, f[i].path);
			pp_table_cell(table,
			    f[i].required ? "required" : "optional");
			pp_table_number(table, f[i].line);
			continue;
		}
		pp_buf_addc(&line, '{');
		pp_json_put_key(&line, "path");
		pp_json_put_cstr(&line, f[i].path);
		pp_json_put_key(&line, "required");
		pp_buf_adds(&line, f[i].required ? "true" : "false");
		pp_json_put_key(&line, "declared");
		pp_buf_adds(&line, f[i].declared ? "true" : "false");
		pp_json_put_key(&line, "line");
		pp_json_put_int(&line, f[i].line);
		pp_buf_addc(&line, '}');
		put_line(&line);
	}
	if (table != NULL)
		pp_table_print(table);
	pp_buf_release(&line);
}

static int
fields_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_template_ref t;
	struct home h = { NULL, NULL };
	int rc = -1;

	(void)state;
	if (one_operand(argc, "a template", err) < 0)
		return -1;
	if (open_home(&h, needs_store(argc, argv), err) == 0 &&
	    pp_template_ref_load(h.store, h.user, argv[0], NULL, &t, err) ==
		0) {
		show_fields(cli, t.recipe);
		pp_template_ref_release(&t);
		rc = 0;
	}
	close_home(&h);
	return rc;
}

/* ---- rm ---- */

static int
rm_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct home h = { NULL, NULL };
	int rc = -1;

	(void)cli;
	(void)state;
	if (argc == 0)
		return pp_error_set(err, PP_EUSAGE, "give a template's id");
	if (open_home(&h, true, err) == 0) {
		rc = 0;
		for (int i = 0; rc == 0 && i < argc; i++)
			rc = pp_store_template_delete(h.store, argv[i], h.user,
			    err);
	}
	close_home(&h);
	return rc;
}

/* ---- render ---- */

struct given_output {
	const char *text; /* "STEP=TEXT" */
};

struct render {
	bool batch;
	const char *data; /* a file of seeds, or a set */
	const char *step; /* this step alone */
	int64_t seed;
	struct given_output given[PP_MAX_STEPS];
	size_t given_count;
	struct pp_limits limits;
};

enum { KEY_DATA = PP_OPT_LONG + 32, KEY_STEP, KEY_OUTPUT, KEY_SEED };

static int
render_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct render *r = state;

	switch (key) {
	case KEY_BATCH: r->batch = true; return 0;
	case KEY_DATA: r->data = arg; return 0;
	case KEY_STEP: r->step = arg; return 0;
	case KEY_LIMIT: return pp_limits_set(&r->limits, arg, err);
	case KEY_SEED:
		return pp_parse_int(arg, "--seed", 0, INT64_MAX, &r->seed, err);
	default: break;
	}
	if (strchr(arg, '=') == NULL || arg[0] == '=')
		return pp_error_set(err, PP_EUSAGE,
		    "--output must be STEP=TEXT, not '%s'", arg);
	if (r->given_count == PP_MAX_STEPS)
		return pp_error_set(err, PP_EUSAGE, "too many --output");
	r->given[r->given_count++].text = arg;
	return 0;
}

/* One recipe being rendered. */
struct rendering {
	const struct render *options;
	const struct pp_recipe *recipe;
	struct pp_render *render;
	const char *outputs[PP_MAX_STEPS]; /* given, by step; or NULL */
	int only;			   /* step index, or -1 */
	struct pp_buf system, prompt, line;
};

static int
resolve_steps(struct rendering *x, struct pp_error *err)
{
	const struct render *o = x->options;

	x->only = -1;
	if (o->step != NULL &&
	    (x->only = pp_recipe_step_index(x->recipe, o->step)) < 0)
		return pp_error_set(err, PP_EUSAGE,
		    "the template has no step '%s'", o->step);
	for (size_t i = 0; i < o->given_count; i++) {
		const char *equals = strchr(o->given[i].text, '=');
		char *id = pp_strndup(o->given[i].text,
		    (size_t)(equals - o->given[i].text));
		int step = pp_recipe_step_index(x->recipe, id);

		if (step < 0)
			pp_error_set(err, PP_EUSAGE,
			    "--output: the template has no step '%s'", id);
		else
			x->outputs[step] = equals + 1;
		free(id);
		if (step < 0)
			return -1;
	}
	return 0;
}

static void
put_text(struct pp_buf *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	pp_json_put_key(out, key);
	pp_json_put_cstr(out, text);
}

/* The step's model, or the tier that its kind stands for. */
static const char *
model_of(const struct pp_recipe_step *s)
{
	if (s->model != NULL)
		return s->model;
	if (s->tier != NULL)
		return s->tier;
	return s->kind != NULL && strcmp(s->kind, "answer") == 0 ? "premium" :
								   "cheap";
}

static void
put_prompt(struct rendering *x, int64_t row, const struct pp_recipe_step *s)
{
	struct pp_buf *b = &x->line;

	pp_buf_addc(b, '{');
	pp_json_put_key(b, "row");
	pp_json_put_int(b, row);
	put_text(b, "step", s->id);
	if (x->system.len > 0) {
		pp_json_put_key(b, "system");
		pp_json_put_str(b, x->system.data, x->system.len);
	}
	pp_json_put_key(b, "prompt");
	pp_json_put_str(b, x->prompt.data, x->prompt.len);
	put_text(b, "model", model_of(s));
	if (s->max_tokens > 0) {
		pp_json_put_key(b, "max_tokens");
		pp_json_put_int(b, s->max_tokens);
	}
	if (s->temperature != NULL) {
		pp_json_put_key(b, "temperature");
		pp_buf_adds(b, s->temperature);
	}
	pp_buf_addc(b, '}');
	put_line(b);
}

/* What an answer that was not given stands in for. */
static void
set_output(struct rendering *x, size_t step, const char *id)
{
	char *text = x->outputs[step] != NULL ?
	    pp_strdup(x->outputs[step]) :
	    pp_asprintf("[output of %s]", id);

	pp_render_set_output(x->render, step, text, strlen(text), "none");
	free(text);
}

static int
render_row(struct rendering *x, int64_t index, const char *json, size_t len,
    struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(x->recipe);
	struct pp_render_seed seed = { .json = json, .len = len };
	uint64_t chance = (uint64_t)x->options->seed;
	char id[PP_ROW_ID_BYTES];
	struct pp_render_row row = { .index = index,
		.id = pp_plan_row_id(chance, index, id),
		.chance = pp_plan_chance(chance, index) };
	bool skip;

	if (pp_render_begin(x->render, &seed, 1, &row, err) < 0)
		return -1;
	for (size_t i = 0; i < info->step_count; i++) {
		if (x->only < 0 || (size_t)x->only == i) {
			pp_buf_clear(&x->system);
			pp_buf_clear(&x->prompt);
			skip = false;
			if (pp_render_step(x->render, i, &skip, &x->system,
				&x->prompt, err) < 0)
				return pp_error_wrap(err, "row %lld",
				    (long long)index);
			if (skip) {
				pp_render_set_skipped(x->render, i);
				continue;
			}
			put_prompt(x, index, &info->steps[i]);
		}
		set_output(x, i, info->steps[i].id);
	}
	return 0;
}

static int
render_file(struct rendering *x, const char *path, struct pp_error *err)
{
	struct pp_seed_input *in = pp_seed_input_open(path, PP_SEED_ANY, false,
	    err);
	struct pp_seed_record rec;
	int64_t index = 0;
	int rc;

	if (in == NULL)
		return -1;
	while ((rc = pp_seed_input_next(in, &rec, err)) > 0) {
		rc = render_row(x, index++, rec.text, rec.len, err);
		if (rc < 0)
			break;
	}
	pp_seed_input_close(in);
	return rc;
}

static int
render_set_of_store(struct rendering *x, struct home *h, const char *name,
    struct pp_error *err)
{
	struct pp_seed_set *set = pp_seed_open(h->store, h->user, name, err);
	struct pp_buf text = PP_BUF_INIT;
	int rc = set != NULL ? 0 : -1;

	for (int64_t i = 0; rc == 0 && i < pp_seed_count(set); i++) {
		pp_buf_clear(&text);
		rc = pp_seed_get(set, i, &text, err);
		if (rc == 0)
			rc = render_row(x, i, text.data, text.len, err);
	}
	pp_buf_release(&text);
	pp_seed_close(set);
	return rc;
}

static bool
is_file(const char *ref)
{
	return pp_seed_source_is_file(ref) || access(ref, F_OK) == 0;
}

static int
render_template(const struct render *o, struct home *h,
    const struct pp_recipe *recipe, struct pp_error *err)
{
	struct rendering x = { .options = o, .recipe = recipe };
	int rc = -1;

	pp_buf_init(&x.system, 0);
	pp_buf_init(&x.prompt, 0);
	pp_buf_init(&x.line, 0);
	x.render = pp_render_new(recipe, &o->limits);
	if (resolve_steps(&x, err) == 0) {
		if (o->data == NULL)
			rc = render_row(&x, 0, "{}", 2, err);
		else if (is_file(o->data))
			rc = render_file(&x, o->data, err);
		else
			rc = render_set_of_store(&x, h, o->data, err);
	}
	pp_render_free(x.render);
	pp_buf_release(&x.system);
	pp_buf_release(&x.prompt);
	pp_buf_release(&x.line);
	return rc;
}

static int
render_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const struct render *o = state;
	struct home h = { NULL, NULL };
	struct pp_template_ref t;
	int rc = -1;

	(void)cli;
	if (o->batch)
		return render_batch(&o->limits, err);
	if (one_operand(argc, "a template", err) < 0)
		return -1;
	if (open_home(&h,
		needs_store(argc, argv) ||
		    (o->data != NULL && !is_file(o->data)),
		err) == 0 &&
	    pp_template_ref_load_within(&o->limits, h.store, h.user, argv[0],
		NULL, &t, err) == 0) {
		rc = render_template(o, &h, t.recipe, err);
		pp_template_ref_release(&t);
	}
	close_home(&h);
	return rc;
}

static const struct pp_opt render_options[] = {
	{ KEY_DATA, "data", "ROWS", "seeds: a file, a set, or - for stdin",
	    PP_COMPLETE_SEEDS },
	{ KEY_STEP, "step", "STEP", "this step alone" },
	{ KEY_OUTPUT, "output", "STEP=TEXT", "what an earlier step answered" },
	{ KEY_SEED, "seed", "N", "seed of all chance (0)" }, LIMIT_OPTION,
	{ KEY_BATCH, "batch", NULL, "answer JSON requests from stdin" }, { 0 }
};

/* ---- bench ---- */

struct bench {
	const char *dir;
};

static int
bench_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct bench *b = state;

	(void)err;
	if (key == KEY_DIR)
		b->dir = arg;
	return 0;
}

static int
read_part(const char *dir, const char *name, const char *ending,
    struct pp_buf *out, struct pp_error *err)
{
	char *path = pp_asprintf("%s/%s%s", dir, name, ending);
	int rc = pp_io_read_file(path, out, err);

	free(path);
	return rc;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double
time_renders(struct pp_rt *rt, const struct pp_template *t,
    struct pp_dict *vars, int64_t times)
{
	int64_t start = now_ns();

	for (int64_t i = 0; i < times; i++) {
		pp_buf_release(&rt->out);
		pp_rt_render(rt, t, vars);
	}
	return (double)(now_ns() - start) / (double)times;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

#define REPEATS 7
#define REPEAT_NS 3e8

static int
bench_one(const char *dir, const char *name, struct pp_error *err)
{
	struct pp_options options = { .trim_blocks = true,
		.lstrip_blocks = true,
		.keep_trailing_newline = true };
	struct pp_buf text = PP_BUF_INIT, json = PP_BUF_INIT;
	struct pp_buf want = PP_BUF_INIT;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_arena arena = PP_ARENA_INIT;
	const struct pp_json *root = NULL;
	struct pp_template *t = NULL;
	struct pp_fault fault;
	struct pp_bounds none;
	struct pp_rt rt;
	double ns[REPEATS];
	int rc = -1;

	memset(&none, 0, sizeof none);
	memset(&fault, 0, sizeof fault);
	pp_rt_init(&rt, &none);
	if (read_part(dir, name, ".j2", &text, err) < 0 ||
	    read_part(dir, name, ".json", &json, err) < 0 ||
	    read_part(dir, name, ".out", &want, err) < 0)
		goto out;
	root = pp_json_parse(&doc, json.data, json.len, 0, err);
	if (root == NULL || root->type != PP_JSON_OBJECT)
		goto out;
	t = pp_template_compile(text.data, text.len, name, &options, &fault,
	    NULL);
	if (t != NULL) {
		struct pp_dict *vars = pp_from_json(&arena, root).dict;

		if (pp_rt_render(&rt, t, vars) == 0) {
			bool same = rt.out.len == want.len &&
			    memcmp(rt.out.data, want.data, want.len) == 0;
			double once = time_renders(&rt, t, vars, 50);
			int64_t times = (int64_t)(REPEAT_NS / once) + 1;

			for (int i = 0; i < REPEATS; i++)
				ns[i] = time_renders(&rt, t, vars, times);
			qsort(ns, REPEATS, sizeof ns[0], by_size);
			printf("%s\t%.0f\t%.0f\t%zu\t%s\n", name,
			    ns[REPEATS / 2], ns[0], rt.out.len,
			    same ? "same" : "differs");
			fflush(stdout);
			rc = 0;
		}
		fault = rt.fault;
	}
	if (rc < 0)
		pp_error_set(err, PP_EDATA, "%s.j2: %s", name, fault.text);
out:
	pp_template_free(t);
	pp_rt_release(&rt);
	pp_arena_release(&arena);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	pp_buf_release(&json);
	pp_buf_release(&want);
	return rc;
}

static int
bench_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const char *const all[] = { "short", "long_loop", "filters",
		"chat", "macros", "branches", "filters_wide" };
	const struct bench *b = state;
	const char *dir = b->dir != NULL ? b->dir : ".";

	(void)cli;
	for (int i = 0; i < argc; i++) {
		if (bench_one(dir, argv[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; argc == 0 && i < sizeof all / sizeof all[0]; i++) {
		if (bench_one(dir, all[i], err) < 0)
			return -1;
	}
	return 0;
}

static const struct pp_opt bench_options[] = {
	{ KEY_DIR, "dir", "DIR", "where NAME.j2, .json and .out are",
	    PP_COMPLETE_FOLDER, NULL },
	{ 0, NULL, NULL, NULL, PP_COMPLETE_NONE, NULL }
};

static const struct pp_command commands[] = {
	{ .name = "put",
	    .synopsis = "FILE",
	    .summary = "keep a new version of a template",
	    .options = put_options,
	    .operands = PP_COMPLETE_FILE,
	    .has_user = true,
	    .state_bytes = sizeof(struct put),
	    .set = put_set,
	    .run = put_run },
	{ .name = "get",
	    .synopsis = "ID[@VERSION]",
	    .summary = "print a template as it was put in",
	    .options = get_options,
	    .operands = PP_COMPLETE_TEMPLATE,
	    .has_user = true,
	    .state_bytes = sizeof(struct get),
	    .set = get_set,
	    .run = get_run },
	{ .name = "list",
	    .synopsis = "",
	    .summary = "list templates, the newest version of each",
	    .has_json = true,
	    .has_user = true,
	    .has_names = true,
	    .run = list_run },
	{ .name = "versions",
	    .synopsis = "ID",
	    .summary = "list the versions of a template",
	    .has_json = true,
	    .has_user = true,
	    .operands = PP_COMPLETE_TEMPLATE,
	    .run = versions_run },
	{ .name = "diff",
	    .synopsis = "ID A B",
	    .summary = "show what changed between two versions",
	    .operands = PP_COMPLETE_TEMPLATE,
	    .has_user = true,
	    .run = diff_run },
	{ .name = "validate",
	    .synopsis = "FILE|ID...",
	    .summary = "check templates and tell every error",
	    .has_json = true,
	    .has_user = true,
	    .options = validate_options,
	    .operands = PP_COMPLETE_FILE,
	    .state_bytes = sizeof(struct validate),
	    .set = validate_set,
	    .run = validate_run },
	{ .name = "fields",
	    .synopsis = "FILE|ID",
	    .summary = "list the seed fields that a template reads",
	    .has_json = true,
	    .has_user = true,
	    .operands = PP_COMPLETE_FILE,
	    .run = fields_run },
	{ .name = "render",
	    .synopsis = "FILE|ID",
	    .summary = "print the prompts of seeds, without calling a model",
	    .options = render_options,
	    .operands = PP_COMPLETE_FILE,
	    .has_user = true,
	    .state_bytes = sizeof(struct render),
	    .set = render_set,
	    .run = render_run },
	{ .name = "rm",
	    .synopsis = "ID...",
	    .summary = "remove templates with all their versions",
	    .operands = PP_COMPLETE_TEMPLATE,
	    .has_user = true,
	    .run = rm_run },
	{ .name = "bench",
	    .synopsis = "[NAME...]",
	    .summary = "measure how fast templates render",
	    .options = bench_options,
	    .state_bytes = sizeof(struct bench),
	    .set = bench_set,
	    .run = bench_run },
	{ .run = NULL }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = {
		.name = "pp-template",
		.summary = "Keep, check and render versioned prompt templates.",
		.commands = commands,
	};

	return pp_cli_main(&program, argc, argv);
}
