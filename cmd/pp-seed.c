/*
 * pp-seed: puts seed data in, checks it, samples it, and streams it out.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/str.h"
#include "cli/cli.h"
#include "job/sample.h"
#include "job/schema.h"
#include "job/seed.h"
#include "job/seed_input.h"
#include "job/seed_need.h"
#include "job/seed_source.h"
#include "job/seed_upload.h"
#include "job/seed_writer.h"
#include "job/template_ref.h"
#include "job/user.h"

#define LIST_PAGE 64
#define DEFAULT_ERRORS 20

enum {
	KEY_REPLACE = PP_OPT_LONG,
	KEY_SEED,
	KEY_BY,
	KEY_WEIGHTS,
	KEY_AS,
	KEY_UPLOADED,
	KEY_PUT
};

/* ---- what commands share ---- */

struct home {
	struct pp_store *store;
	char *user;
};

static int
open_home_by(struct home *h,
    struct pp_store *(*open)(const char *spec, struct pp_error *err),
    struct pp_error *err)
{
	if (h->store != NULL)
		return 0;
	h->user = pp_user_id(err);
	if (h->user == NULL)
		return -1;
	h->store = open(NULL, err);
	return h->store != NULL ? 0 : -1;
}

static int
open_home(struct home *h, struct pp_error *err)
{
	return open_home_by(h, pp_store_open_to_read, err);
}

/* For what puts something there. */
static int
make_home(struct home *h, struct pp_error *err)
{
	return open_home_by(h, pp_store_open, err);
}

static void
close_home(struct home *h)
{
	pp_store_close(h->store);
	free(h->user);
}

static int
want_operands(int argc, int min, int max, const char *what,
    struct pp_error *err)
{
	if (argc < min)
		return pp_error_set(err, PP_EUSAGE, "%s is missing", what);
	if (argc > max)
		return pp_error_set(err, PP_EUSAGE, "only %s is wanted", what);
	return 0;
}

/* Out on stdout; whether that worked is seen when it is flushed. */
static void
print_buf(const struct pp_buf *b)
{
	fwrite(b->data, 1, b->len, stdout);
}

static void
print_line(struct pp_buf *b)
{
	pp_buf_addc(b, '\n');
	print_buf(b);
	pp_buf_clear(b);
}

/* Nobody reads on, or the disk is full: no use in going on. */
static int
check_stdout(struct pp_error *err)
{
	if (!ferror(stdout))
		return 0;
	return pp_error_errno(err, PP_EIO, errno, "cannot write to stdout");
}

/*
 * Records of a set or of a file. Names with a '/' or a file's ending are
 * files; other ones are sets, or files when there is no such set.
 */
struct source {
	struct pp_seed_set *set;
	struct pp_seed_input *input;
	const char *name;
	int64_t next; /* of the set */
	struct pp_buf text;
	struct pp_json_doc doc;
};

static int
open_source(struct source *s, struct home *h, const char *name,
    enum pp_seed_format format, bool entries, struct pp_error *err)
{
	struct stat st;

	*s = (struct source){ .name = name, .text = PP_BUF_INIT };
	if (strcmp(name, "-") != 0 && !pp_seed_source_is_file(name)) {
		if (open_home(h, err) < 0)
			return -1;
		s->set = pp_seed_open(h->store, h->user, name, err);
		if (s->set != NULL)
			return 0;
		if (stat(name, &st) < 0)
			return -1;
	}
	s->input = pp_seed_input_open(name, format, entries, err);
	if (s->input == NULL)
		return -1;
	s->name = pp_seed_input_name(s->input);
	return 0;
}

static void
close_source(struct source *s)
{
	pp_seed_close(s->set);
	pp_seed_input_close(s->input);
	pp_buf_release(&s->text);
	pp_json_doc_release(&s->doc);
}

/* 1, 0 at the end, -1. The line of a set's record is its number. */
static int
next_record(struct source *s, struct pp_seed_record *r, struct pp_error *err)
{
	if (s->input != NULL)
		return pp_seed_input_next(s->input, r, err);
	if (s->next == pp_seed_count(s->set))
		return 0;
	pp_buf_clear(&s->text);
	if (pp_seed_get(s->set, s->next++, &s->text, err) < 0)
		return -1;
	r->text = s->text.data;
	r->len = s->text.len;
	r->line = s->next;
	r->json = pp_json_parse(&s->doc, r->text, r->len, 0, err);
	if (r->json == NULL)
		return pp_error_wrap(err, "%s:%" PRId64, s->name, r->line);
	return 1;
}

/*
 * The template that records are checked with, and the name that it must have
 * for them; without one `out` stays as it is.
 */
static int
load_template(struct home *h, const char *ref, const char *as,
    struct pp_template_ref *out, struct pp_error *err)
{
	if (ref == NULL && as != NULL)
		return pp_error_set(err, PP_EUSAGE, "--as needs --template");
	if (ref == NULL)
		return 0;
	if (!pp_template_ref_is_file(ref) && open_home(h, err) < 0)
		return -1;
	if (pp_template_ref_load(h->store, h->user, ref, NULL, out, err) < 0)
		return -1;
	if (as != NULL && !pp_seed_need_has_name(out->recipe, as))
		return pp_error_set(err, PP_EUSAGE,
		    "template '%s' reads nothing of the name '%s' (--as)", ref,
		    as);
	return 0;
}

/* ---- put ---- */

struct put {
	enum pp_seed_format format;
	bool entries, replace, uploaded;
	const char *template, *as;
	struct pp_seed_upload *upload; /* in place of files; or NULL */
};

static const struct pp_opt put_options[] = {
	{ 'f', "format", "FORMAT", "json, jsonl or csv [by name or text]",
	    PP_COMPLETE_WORDS, "json jsonl csv" },
	{ 'e', "entries", NULL, "a JSON object is a dictionary of records",
	    PP_COMPLETE_NONE, NULL },
	{ 't', "template", "TEMPLATE",
	    "refuse records that lack what it "
	    "needs",
	    PP_COMPLETE_TEMPLATE, NULL },
	{ KEY_AS, "as", "NAME", "the template's name for these records",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_REPLACE, "replace", NULL, "replace a set of that name",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_UPLOADED, "uploaded", NULL, "take what came by 'url --put'",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

static int
put_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct put *p = state;

	switch (key) {
	case 'f': return pp_seed_format_parse(arg, &p->format, err);
	case 'e': p->entries = true; return 0;
	case 't': p->template = arg; return 0;
	case KEY_AS: p->as = arg; return 0;
	case KEY_UPLOADED: p->uploaded = true; return 0;
	default: p->replace = true; return 0;
	}
}

/* Set by SIGINT and SIGTERM; a second one ends the program at once. */
static volatile sig_atomic_t stopped;

static void
stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop,
		.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int
put_record(struct pp_seed_writer *w, const struct pp_seed_record *r,
    const char *name, struct pp_seed_need *need, struct pp_error *err)
{
	size_t next = 0;

	if (stopped)
		return pp_error_set(err, PP_ETEMP,
		    "stopped; the set is as it was before");
	if (pp_seed_need_check(need, r, &next, err) < 0)
		return pp_error_wrap(err, "%s:%" PRId64, name, r->line);
	return pp_seed_writer_add(w, r->text, r->len, r->json, err);
}

static struct pp_seed_input *
open_input(const struct put *p, const char *path, struct pp_error *err)
{
	int fd;

	if (p->upload == NULL)
		return pp_seed_input_open(path, p->format, p->entries, err);
	fd = pp_seed_upload_fd(p->upload, err);
	return fd < 0 ?
	    NULL :
	    pp_seed_input_open_fd(fd, "upload", p->format, p->entries, err);
}

/* The records of a file; NULL: of none. */
static int
put_file(struct pp_seed_writer *w, struct pp_seed_input *in,
    struct pp_seed_need *need, struct pp_error *err)
{
	struct pp_seed_record r;
	int n;

	if (in == NULL)
		return -1;
	while ((n = pp_seed_input_next(in, &r, err)) > 0) {
		if (put_record(w, &r, pp_seed_input_name(in), need, err) < 0) {
			n = -1;
			break;
		}
	}
	pp_seed_input_close(in);
	return n;
}

static int
print_put(struct home *h, const char *name, bool unchanged,
    struct pp_error *err)
{
	struct pp_seed_set *set = pp_seed_open(h->store, h->user, name, err);
	struct pp_buf out = PP_BUF_INIT;

	if (set == NULL)
		return -1;
	pp_buf_addc(&out, '{');
	pp_json_put_key(&out, "name");
	pp_json_put_cstr(&out, name);
	pp_json_put_key(&out, "records");
	pp_json_put_int(&out, pp_seed_count(set));
	pp_json_put_key(&out, "bytes");
	pp_json_put_int(&out, pp_seed_bytes(set));
	pp_json_put_key(&out, "unchanged");
	pp_buf_adds(&out, unchanged ? "true}" : "false}");
	print_line(&out);
	pp_buf_release(&out);
	pp_seed_close(set);
	return 0;
}

/*
 * Put the files, or the one that was uploaded, as one set. 0, 1 when it has
 * these records already, -1.
 */
static int
put_files(struct home *h, const char *name, char **files, int count,
    const struct put *p, const struct pp_recipe *recipe, struct pp_error *err)
{
	struct pp_seed_need need = {
		.recipe = recipe, .as = p->as, .text = PP_BUF_INIT
	};
	struct pp_seed_writer *w = pp_seed_writer_new(h->store, h->user, name,
	    p->replace, err);
	int rc = w != NULL ? 0 : -1;

	for (int i = 0; i < count && rc == 0; i++)
		rc = put_file(w, open_input(p, files[i], err), &need, err);
	if (rc == 0)
		rc = pp_seed_writer_commit(w, err);
	pp_seed_writer_free(w);
	pp_seed_need_release(&need);
	return rc;
}

static int
put_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static char from_stdin[] = "-";
	char *stdin_alone[] = { from_stdin };
	struct pp_template_ref template = { .recipe = NULL };
	struct home h = { .store = NULL };
	struct put *p = state;
	char **files = argc > 1 ? argv + 1 : stdin_alone;
	int rc = -1;

	(void)cli;
	if (want_operands(argc, 1, argc, "the name of the set", err) < 0)
		return -1;
	if (pp_starts_with(argv[0], "sample:"))
		return pp_error_set(err, PP_EUSAGE,
		    "samples are put by install-samples");
	if (p->uploaded && argc > 1)
		return pp_error_set(err, PP_EUSAGE,
		    "--uploaded stands in place of files");
	if (make_home(&h, err) < 0 ||
	    load_template(&h, p->template, p->as, &template, err) < 0 ||
	    (p->uploaded &&
		(p->upload = pp_seed_upload_open(h.store, h.user, argv[0],
		     err)) == NULL))
		goto out;
	catch_signals();
	rc = put_files(&h, argv[0], files, argc > 1 ? argc - 1 : 1, p,
	    template.recipe, err);
	if (rc >= 0)
		rc = print_put(&h, argv[0], rc == 1, err);
	if (rc >= 0 && p->upload != NULL)
		rc = pp_seed_upload_remove(p->upload, err);
out:
	pp_seed_upload_close(p->upload);
	pp_template_ref_release(&template);
	close_home(&h);
	return rc;
}

/* ---- get ---- */

struct get {
	int64_t from, to;
	bool has_to; /* else to the end */
};

static const struct pp_opt get_options[] = {
	{ 'r', "range", "A:B",
	    "records A to B - 1, from 0; either may be "
	    "left out",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

static int
parse_range(const char *arg, struct get *g, struct pp_error *err)
{
	const char *colon = strchr(arg, ':');
	char *first;
	int rc = 0;

	g->from = 0;
	if (colon == NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "--range must be like 0:100, not '%s'", arg);
	first = pp_strndup(arg, (size_t)(colon - arg));
	if (first[0] != '\0')
		rc = pp_parse_int(first, "--range", 0, INT64_MAX, &g->from,
		    err);
	free(first);
	g->has_to = colon[1] != '\0';
	if (rc == 0 && g->has_to)
		rc = pp_parse_int(colon + 1, "--range", 0, INT64_MAX, &g->to,
		    err);
	if (rc == 0 && g->has_to && g->to < g->from)
		rc = pp_error_set(err, PP_EUSAGE,
		    "--range ends before it begins: '%s'", arg);
	return rc;
}

static int
get_set(void *state, int key, const char *arg, struct pp_error *err)
{
	(void)key;
	return parse_range(arg, state, err);
}

static int
get_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct home h = { .store = NULL };
	struct pp_seed_set *set = NULL;
	struct pp_buf text = PP_BUF_INIT;
	const struct get *g = state;
	int64_t end;
	int rc = -1;

	(void)cli;
	if (want_operands(argc, 1, 1, "the name of the set", err) < 0 ||
	    open_home(&h, err) < 0)
		goto out;
	set = pp_seed_open(h.store, h.user, argv[0], err);
	if (set == NULL)
		goto out;
	end = pp_seed_count(set);
	if (g->has_to && g->to < end)
		end = g->to;
	rc = 0;
	for (int64_t i = g->from; i < end && rc == 0; i++) {
		rc = pp_seed_get(set, i, &text, err);
		if (rc == 0) {
			print_line(&text);
			rc = check_stdout(err);
		}
	}
out:
	pp_seed_close(set);
	pp_buf_release(&text);
	close_home(&h);
	return rc;
}

/* ---- list ---- */

static void
list_json(const struct pp_seed_info *info, struct pp_buf *out)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_buf_addc(out, '{');
	pp_json_put_key(out, "name");
	pp_json_put_cstr(out, info->name);
	pp_json_put_key(out, "damaged");
	pp_buf_adds(out, info->count < 0 ? "true" : "false");
	if (info->count >= 0) {
		pp_json_put_key(out, "records");
		pp_json_put_int(out, info->count);
		pp_json_put_key(out, "bytes");
		pp_json_put_int(out, info->bytes);
		pp_json_put_key(out, "created_at");
		pp_json_put_cstr(out,
		    pp_time_format(info->created_at_ms, time));
	}
	pp_buf_addc(out, '}');
	print_line(out);
}

static void
list_cells(const struct pp_seed_info *info, struct pp_table *table)
{
	char time[PP_TIME_TEXT_BYTES];

	pp_table_cell(table, info->name);
	if (info->count < 0) {
		pp_table_cell(table, "damaged");
		pp_table_cell(table, "");
		pp_table_cell(table, "");
		return;
	}
	pp_table_number(table, info->count);
	pp_table_number(table, info->bytes);
	pp_table_cell(table, pp_time_format(info->created_at_ms, time));
}

/* All sets of the user, or the samples for NULL. */
static int
list_sets(struct pp_store *store, const char *user, struct pp_table *table,
    struct pp_error *err)
{
	struct pp_seed_info infos[LIST_PAGE];
	struct pp_buf out = PP_BUF_INIT;
	char *after = NULL;
	int n;

	do {
		n = pp_seed_list(store, user, after, infos, LIST_PAGE, err);
		for (int i = 0; i < n; i++) {
			if (table != NULL)
				list_cells(&infos[i], table);
			else
				list_json(&infos[i], &out);
			free(after);
			after = infos[i].name;
		}
	} while (n == LIST_PAGE);
	free(after);
	pp_buf_release(&out);
	return n < 0 ? -1 : 0;
}

static int
list_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const char *const headings[] = { "NAME", "RECORDS", "BYTES",
		"CREATED" };
	struct home h = { .store = NULL };
	struct pp_table *table = NULL;
	int rc = -1;

	(void)state;
	(void)argv;
	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE, "list takes no operands");
	if (open_home(&h, err) == 0) {
		table = cli->json ? NULL : pp_table_new(headings, 4);
		rc = list_sets(h.store, h.user, table, err);
	}
	if (rc == 0)
		rc = list_sets(h.store, NULL, table, err);
	if (table != NULL)
		pp_table_print(table);
	close_home(&h);
	return rc;
}

/* ---- show ---- */

/* The members of the manifest but for the schema, in its order. */
static void
show_text(const struct pp_json *manifest)
{
	const struct pp_json *k = pp_json_first(manifest), *v;

	for (uint32_t i = 0; i < manifest->count; i++) {
		v = pp_json_next(k);
		if (v->type == PP_JSON_NUMBER || v->type == PP_JSON_STRING)
			printf("%-12.*s  %.*s\n", (int)k->len, k->text,
			    (int)v->len, v->text);
		k = pp_json_next(v);
	}
}

static int
show_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct home h = { .store = NULL };
	struct pp_seed_set *set = NULL;
	const struct pp_json *v;
	const char *text;
	size_t len;
	int rc = -1;

	(void)state;
	if (want_operands(argc, 1, 1, "the name of the set", err) < 0 ||
	    open_home(&h, err) < 0)
		goto out;
	set = pp_seed_open(h.store, h.user, argv[0], err);
	if (set == NULL)
		goto out;
	text = pp_seed_manifest(set, &len);
	v = pp_json_parse(&doc, text, len, 0, err);
	if (v == NULL)
		goto out;
	rc = 0;
	if (cli->json)
		printf("%.*s\n", (int)v->len, v->text);
	else
		show_text(v);
out:
	pp_seed_close(set);
	pp_json_doc_release(&doc);
	close_home(&h);
	return rc;
}

/* ---- schema ---- */

struct reading {
	enum pp_seed_format format;
	bool entries;
	const char *template, *as; /* of validate */
	int64_t limit;
};

static const struct pp_opt schema_options[] = {
	{ 'f', "format", "FORMAT", "of a file: json, jsonl or csv",
	    PP_COMPLETE_WORDS, "json jsonl csv" },
	{ 'e', "entries", NULL, "a JSON object is a dictionary of records",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

static int
reading_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct reading *r = state;

	switch (key) {
	case 'f': return pp_seed_format_parse(arg, &r->format, err);
	case 'e': r->entries = true; return 0;
	case 't': r->template = arg; return 0;
	case KEY_AS: r->as = arg; return 0;
	default:
		return pp_parse_int(arg, "--limit", 1, INT64_MAX, &r->limit,
		    err);
	}
}

/* The types of a field, with a bar between them. */
static void
put_types(const struct pp_json *types, struct pp_buf *out)
{
	const struct pp_json *t = pp_json_first(types);

	for (uint32_t i = 0; i < types->count; i++) {
		pp_buf_adds(out, i > 0 ? "|" : "");
		pp_json_unescape(t, out);
		t = pp_json_next(t);
	}
}

static void
schema_table(const struct pp_json *fields)
{
	static const char *const headings[] = { "PATH", "TYPES", "REQUIRED",
		"COUNT" };
	struct pp_table *table = pp_table_new(headings, 4);
	const struct pp_json *f = pp_json_first(fields);
	struct pp_buf types = PP_BUF_INIT;
	int64_t count = 0;

	for (uint32_t i = 0; i < fields->count; i++) {
		char *path = pp_json_strdup(pp_json_get(f, "path"));

		pp_buf_clear(&types);
		put_types(pp_json_get(f, "types"), &types);
		pp_json_int64(pp_json_get(f, "count"), &count);
		pp_table_cell(table, path);
		pp_table_cell(table, types.data);
		pp_table_cell(table,
		    pp_json_get(f, "required")->type == PP_JSON_TRUE ? "yes" :
								       "no");
		pp_table_number(table, count);
		free(path);
		f = pp_json_next(f);
	}
	pp_buf_release(&types);
	pp_table_print(table);
}

/* `text` is what pp_schema_put_json() wrote, perhaps long ago. */
static int
print_schema(const struct pp_cli *cli, const struct pp_json *schema,
    struct pp_error *err)
{
	const struct pp_json *fields = pp_json_get(schema, "fields"), *f;
	const struct pp_json *truncated = pp_json_get(schema, "truncated");
	size_t len;

	if (fields == NULL || fields->type != PP_JSON_ARRAY)
		return pp_error_set(err, PP_EDATA, "the set has no schema");
	if (!cli->json) {
		schema_table(fields);
	} else {
		f = pp_json_first(fields);
		for (uint32_t i = 0; i < fields->count; i++) {
			const char *raw = pp_json_raw(f, &len);

			printf("%.*s\n", (int)len, raw);
			f = pp_json_next(f);
		}
	}
	if (truncated != NULL && truncated->type == PP_JSON_TRUE)
		pp_cli_warn(cli, "there are more fields than are shown");
	return 0;
}

/* The schema of a file's records, read to its end. */
static int
infer_schema(struct source *s, struct pp_buf *out, struct pp_error *err)
{
	struct pp_schema *schema = pp_schema_new();
	struct pp_seed_record r;
	int n;

	while ((n = next_record(s, &r, err)) > 0)
		pp_schema_add(schema, r.json);
	if (n == 0)
		pp_schema_put_json(schema, out);
	pp_schema_free(schema);
	return n;
}

static int
schema_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_buf text = PP_BUF_INIT;
	struct home h = { .store = NULL };
	struct source s = { .set = NULL, .text = PP_BUF_INIT };
	const struct reading *r = state;
	const struct pp_json *v;
	const char *manifest;
	size_t len;
	int rc = -1;

	if (want_operands(argc, 1, 1, "the name of a set or file", err) < 0 ||
	    open_source(&s, &h, argv[0], r->format, r->entries, err) < 0)
		goto out;
	if (s.set != NULL) {
		manifest = pp_seed_manifest(s.set, &len);
		pp_buf_add(&text, manifest, len);
	} else if (infer_schema(&s, &text, err) < 0) {
		goto out;
	}
	v = pp_json_parse(&doc, text.data, text.len, 0, err);
	if (v != NULL)
		rc = print_schema(cli,
		    s.set != NULL ? pp_json_get(v, "schema") : v, err);
out:
	close_source(&s);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	close_home(&h);
	return rc;
}

/* ---- validate ---- */

static const struct pp_opt validate_options[] = {
	{ 't', "template", "TEMPLATE", "check for the fields that it needs",
	    PP_COMPLETE_TEMPLATE, NULL },
	{ KEY_AS, "as", "NAME", "the template's name for these records",
	    PP_COMPLETE_NONE, NULL },
	{ 'l', "limit", "N", "end after N errors [20]", PP_COMPLETE_NONE,
	    NULL },
	{ 'f', "format", "FORMAT", "of a file: json, jsonl or csv",
	    PP_COMPLETE_WORDS, "json jsonl csv" },
	{ 'e', "entries", NULL, "a JSON object is a dictionary of records",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

/* Print what is wrong with one record; how many errors, at most `max`. */
static int64_t
report_record(const struct source *s, const struct pp_seed_record *r,
    struct pp_seed_need *need, int64_t max)
{
	struct pp_error why = PP_ERROR_INIT;
	int64_t count = 0;
	size_t next = 0;

	while (count < max && pp_seed_need_check(need, r, &next, &why) < 0) {
		printf("%s:%" PRId64 ": %s\n", s->name, r->line, why.text);
		count++;
	}
	return count;
}

/*
 * Print the errors of all records, at most `limit`; `*count` is how many. 0,
 * or -1 when the source cannot be read.
 */
static int
report_records(struct source *s, struct pp_seed_need *need, int64_t limit,
    int64_t *count, struct pp_error *err)
{
	struct pp_seed_record r;
	int n = 1;

	while (n != 0 && *count < limit) {
		n = next_record(s, &r, err);
		if (n > 0) {
			*count += report_record(s, &r, need, limit - *count);
		} else if (n < 0) {
			if (err->code != PP_EDATA || s->input == NULL)
				return -1;
			printf("%s\n", err->text);
			++*count;
			if (!pp_seed_input_skip(s->input))
				break;
		}
	}
	return check_stdout(err);
}

static int
validate_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_template_ref template = { .recipe = NULL };
	struct home h = { .store = NULL };
	struct source s = { .set = NULL, .text = PP_BUF_INIT };
	struct pp_seed_need need = PP_SEED_NEED_INIT;
	const struct reading *r = state;
	int64_t limit = r->limit > 0 ? r->limit : DEFAULT_ERRORS, count = 0;
	int rc = -1;

	if (want_operands(argc, 1, 1, "the name of a set or file", err) < 0)
		return -1;
	if (load_template(&h, r->template, r->as, &template, err) < 0)
		goto out;
	need.recipe = template.recipe;
	need.as = r->as;
	if (open_source(&s, &h, argv[0], r->format, r->entries, err) < 0 ||
	    report_records(&s, &need, limit, &count, err) < 0)
		goto out;
	if (count == limit)
		pp_cli_note(cli,
		    "no more than %" PRId64 " errors are shown "
		    "(--limit)",
		    limit);
	rc = count > 0 ? 1 : 0;
out:
	close_source(&s);
	pp_seed_need_release(&need);
	pp_template_ref_release(&template);
	close_home(&h);
	return rc;
}

/* ---- sample ---- */

#define MAX_WEIGHTS 1000

struct sampling {
	struct pp_sample_options o;
	bool has_count, has_seed;
	const char *weights;
};

static const struct pp_opt sample_options[] = {
	{ 'n', "count", "N", "how many records", PP_COMPLETE_NONE, NULL },
	{ KEY_SEED, "seed", "S", "the same seed gives the same sample",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_BY, "by", "PATH", "in groups by the value at this path",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_WEIGHTS, "weights", "A=N,B=N",
	    "shares of the groups [as in "
	    "the set]",
	    PP_COMPLETE_NONE, NULL },
	{ 0 }
};

static int
sample_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct sampling *s = state;
	int64_t n;

	switch (key) {
	case 'n':
		s->has_count = true;
		return pp_parse_int(arg, "-n", 0, INT64_MAX, &s->o.count, err);
	case KEY_SEED:
		s->has_seed = true;
		if (pp_parse_int(arg, "--seed", 0, INT64_MAX, &n, err) < 0)
			return -1;
		s->o.seed = (uint64_t)n;
		return 0;
	case KEY_BY: s->o.by = arg; return 0;
	default: s->weights = arg; return 0;
	}
}

/* "a=3,b=0.5" into `list`, which has room; the names point into `text`. */
static int
parse_weights(char *text, struct pp_sample_weight *list, size_t *count,
    struct pp_error *err)
{
	char *part, *equals;

	*count = 0;
	while ((part = strsep(&text, ",")) != NULL) {
		equals = strrchr(part, '=');
		if (equals == NULL)
			return pp_error_set(err, PP_EUSAGE,
			    "--weights must be like a=3,b=1, not '%s'", part);
		if (*count == MAX_WEIGHTS)
			return pp_error_set(err, PP_EUSAGE,
			    "--weights has more than %d", MAX_WEIGHTS);
		*equals = '\0';
		list[*count].value = part;
		/* Exact decimals, as for money. */
		if (pp_money_parse(equals + 1, "a weight", &list[*count].weight,
			NULL) < 0)
			return pp_error_set(err, PP_EUSAGE,
			    "a weight must be 0 or more, like 2.5, not '%s'",
			    equals + 1);
		++*count;
	}
	return 0;
}

static int
print_record(void *arg, const char *text, size_t len, struct pp_error *err)
{
	(void)arg;
	fwrite(text, 1, len, stdout);
	putchar('\n');
	return check_stdout(err);
}

static int
check_sampling(const struct sampling *s, struct pp_error *err)
{
	if (!s->has_count)
		return pp_error_set(err, PP_EUSAGE, "-n is missing");
	if (!s->has_seed)
		return pp_error_set(err, PP_EUSAGE, "--seed is missing");
	if (s->weights != NULL && s->o.by == NULL)
		return pp_error_set(err, PP_EUSAGE, "--weights needs --by");
	return 0;
}

static int
sample_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_sample_weight *weights = pp_calloc(MAX_WEIGHTS,
	    sizeof *weights);
	struct home h = { .store = NULL };
	struct pp_seed_set *set = NULL;
	struct sampling *s = state;
	char *text = pp_strdup(s->weights);
	int rc = -1;

	(void)cli;
	s->o.weights = weights;
	if (want_operands(argc, 1, 1, "the name of the set", err) < 0 ||
	    check_sampling(s, err) < 0 ||
	    (text != NULL &&
		parse_weights(text, weights, &s->o.weight_count, err) < 0) ||
	    open_home(&h, err) < 0)
		goto out;
	set = pp_seed_open(h.store, h.user, argv[0], err);
	if (set != NULL)
		rc = pp_sample(set, &s->o, print_record, NULL, err);
out:
	pp_seed_close(set);
	close_home(&h);
	free(weights);
	free(text);
	return rc;
}

/* ---- rm ---- */

static int
rm_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct home h = { .store = NULL };
	int rc = -1;

	(void)cli;
	(void)state;
	if (want_operands(argc, 1, argc, "the name of a set", err) == 0 &&
	    open_home(&h, err) == 0)
		rc = 0;
	for (int i = 0; i < argc && rc == 0; i++)
		rc = pp_seed_remove(h.store, h.user, argv[i], err);
	close_home(&h);
	return rc;
}

/* ---- install-samples ---- */

/* The set's name: that of the file without its ending. Returns owned. */
static char *
sample_name(const char *file)
{
	return pp_asprintf("sample:%.*s", (int)(strrchr(file, '.') - file),
	    file);
}

static int
install_sample(struct home *h, const char *folder, const char *file,
    struct pp_error *err)
{
	struct put p = { .replace = true };
	char *path = pp_asprintf("%s/%s", folder, file);
	char *name = sample_name(file);
	int rc = put_files(h, name, &path, 1, &p, NULL, err);

	if (rc >= 0)
		rc = print_put(h, name, rc == 1, err);
	free(name);
	free(path);
	return rc;
}

static int
is_sample(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && pp_seed_source_is_file(entry->d_name);
}

static int
install_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	const char *share = getenv("PP_SHARE");
	char *folder = pp_asprintf("%s/seeds",
	    share != NULL && *share != '\0' ? share : PP_DATADIR);
	struct home h = { .store = NULL };
	struct dirent **files = NULL;
	int count, rc = -1;

	(void)cli;
	(void)state;
	(void)argv;
	count = scandir(folder, &files, is_sample, alphasort);
	if (argc > 0)
		pp_error_set(err, PP_EUSAGE,
		    "install-samples takes no "
		    "operands");
	else if (count < 0)
		pp_error_errno(err, PP_ENOENT, errno, "cannot read folder '%s'",
		    folder);
	else
		rc = make_home(&h, err);
	catch_signals();
	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = install_sample(&h, folder, files[i]->d_name, err);
		free(files[i]);
	}
	free(files);
	free(folder);
	close_home(&h);
	return rc;
}

/* ---- url ---- */

#define DEFAULT_EXPIRES_MS (15 * 60 * 1000)

static const struct pp_opt url_options[] = {
	{ 'x', "expires", "TIME", "how long they are good, at most 7d [15m]" },
	{ KEY_PUT, "put", NULL, "one to upload a file by, for put --uploaded" },
	{ 0 }
};

struct urls {
	int64_t expires_ms; /* 0: not said */
	bool put;
	struct pp_blob *blobs;
};

static int
url_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct urls *u = state;

	if (key == KEY_PUT) {
		u->put = true;
		return 0;
	}
	if (pp_parse_duration_ms(arg, "--expires", &u->expires_ms, err) < 0)
		return -1;
	if (u->expires_ms >= 1000 && u->expires_ms <= PP_MAX_PRESIGN_S * 1000)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "--expires must be from 1s to 7d, not '%s'", arg);
}

static int
print_url(void *arg, const char *key, struct pp_error *err)
{
	const struct urls *u = arg;
	struct pp_buf url = PP_BUF_INIT;
	int rc = pp_blob_presign(u->blobs, "GET", key, u->expires_ms / 1000,
	    &url, err);

	if (rc == 0)
		puts(url.data);
	pp_buf_release(&url);
	return rc;
}

static int
print_put_url(struct home *h, const struct urls *u, const char *name,
    struct pp_error *err)
{
	struct pp_buf url = PP_BUF_INIT;
	int rc = pp_seed_upload_url(h->store, h->user, name,
	    u->expires_ms / 1000, &url, err);

	if (rc == 0)
		puts(url.data);
	pp_buf_release(&url);
	return rc;
}

static int
url_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct urls *u = state;
	struct home h = { .store = NULL };
	int rc = -1;

	(void)cli;
	if (argc != 1)
		return pp_error_set(err, PP_EUSAGE, "url takes one name");
	if (u->expires_ms == 0)
		u->expires_ms = DEFAULT_EXPIRES_MS;
	if (open_home(&h, err) == 0) {
		u->blobs = pp_store_blobs(h.store);
		rc = u->put ? print_put_url(&h, u, argv[0], err) :
			      pp_seed_each_part(h.store, h.user, argv[0],
				  print_url, u, err);
	}
	close_home(&h);
	return rc;
}

static const struct pp_command commands[] = {
	{ .name = "put",
	    .synopsis = "NAME [FILE...]",
	    .summary = "put the records of files, or of stdin, in as a set",
	    .options = put_options,
	    .operands = PP_COMPLETE_FILE,
	    .has_user = true,
	    .state_bytes = sizeof(struct put),
	    .set = put_set,
	    .run = put_run },
	{ .name = "get",
	    .synopsis = "NAME",
	    .summary = "print the records of a set as JSONL",
	    .options = get_options,
	    .operands = PP_COMPLETE_SEEDS,
	    .has_user = true,
	    .state_bytes = sizeof(struct get),
	    .set = get_set,
	    .run = get_run },
	{ .name = "list",
	    .synopsis = "",
	    .has_json = true,
	    .has_user = true,
	    .has_names = true,
	    .summary = "list your sets and the samples",
	    .run = list_run },
	{ .name = "show",
	    .synopsis = "NAME",
	    .has_json = true,
	    .has_user = true,
	    .summary = "show what is known of a set",
	    .operands = PP_COMPLETE_SEEDS,
	    .run = show_run },
	{ .name = "schema",
	    .synopsis = "NAME|FILE",
	    .has_json = true,
	    .has_user = true,
	    .summary = "show the fields of a set's or file's records",
	    .options = schema_options,
	    .operands = PP_COMPLETE_SEEDS,
	    .state_bytes = sizeof(struct reading),
	    .set = reading_set,
	    .run = schema_run },
	{ .name = "validate",
	    .synopsis = "NAME|FILE",
	    .summary = "check records, also for what a template needs",
	    .options = validate_options,
	    .operands = PP_COMPLETE_SEEDS,
	    .has_user = true,
	    .state_bytes = sizeof(struct reading),
	    .set = reading_set,
	    .run = validate_run },
	{ .name = "sample",
	    .synopsis = "-n N --seed S NAME",
	    .summary = "print a random sample, the same for the same seed",
	    .options = sample_options,
	    .operands = PP_COMPLETE_SEEDS,
	    .has_user = true,
	    .state_bytes = sizeof(struct sampling),
	    .set = sample_set,
	    .run = sample_run },
	{ .name = "url",
	    .synopsis = "NAME",
	    .summary = "print URLs of a set's parts, for anybody, for a while",
	    .options = url_options,
	    .operands = PP_COMPLETE_SEEDS,
	    .has_user = true,
	    .state_bytes = sizeof(struct urls),
	    .set = url_set,
	    .run = url_run },
	{ .name = "rm",
	    .synopsis = "NAME...",
	    .summary = "remove sets; what a job has pinned stays with it",
	    .operands = PP_COMPLETE_SEEDS,
	    .has_user = true,
	    .run = rm_run },
	{ .name = "install-samples",
	    .synopsis = "",
	    .summary = "put the sample sets in, for everybody",
	    .run = install_run },
	{ .run = NULL }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = {
		.name = "pp-seed",
		.summary = "keep, check, sample and stream seed data",
		.commands = commands,
	};

	return pp_cli_main(&program, argc, argv);
}
