#include <config.h>

#include "job/template_ref.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "export/rowtype.h"

static const char *const endings[] = { ".yaml", ".yml", ".json" };

/* Where a template's includes come from. */
struct pp_template_source {
	struct pp_store *store; /* borrowed, or NULL */
	char *user_id;		/* or NULL */
	char *folder;		/* of the file, or NULL */
	bool loaded;		/* what is found now is not kept */
	struct pp_fragment *fragments;
	size_t count, cap;
};

static bool
is_regular_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool
pp_template_ref_is_file(const char *ref)
{
	if (strcmp(ref, "-") == 0 || strchr(ref, '/') != NULL)
		return true;
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		if (pp_ends_with(ref, endings[i]))
			return true;
	}
	return is_regular_file(ref);
}

static int
read_text(const char *path, struct pp_buf *out, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT_MAX(PP_TEMPLATE_MAX_BYTES);
	int rc = pp_io_read_file(path, &text, err);

	if (rc == 0)
		rc = pp_buf_add(out, text.data, text.len);
	pp_buf_release(&text);
	return rc;
}

/* The newest version, or the one given, as the user wrote it. */
static int
read_stored(const struct pp_template_source *src, const char *id,
    int64_t version, struct pp_buf *out, int64_t *found, struct pp_error *err)
{
	struct pp_template_version t;
	const char *text;
	int rc;

	if (pp_store_template_get(src->store, id, version, src->user_id, &t,
		err) < 0)
		return -1;
	text = t.source != NULL && t.source[0] != '\0' ? t.source :
							 t.definition;
	*found = t.version;
	rc = pp_buf_adds(out, text);
	pp_template_version_release(&t);
	return rc;
}

/* Returns owned the path of the file beside the template, or NULL. */
static char *
find_beside(const char *folder, const char *name)
{
	char *path = pp_asprintf("%s/%s", folder, name);

	if (is_regular_file(path))
		return path;
	free(path);
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		path = pp_asprintf("%s/%s%s", folder, name, endings[i]);
		if (is_regular_file(path))
			return path;
		free(path);
	}
	return NULL;
}

static int
find_fragment(const struct pp_template_source *src, const char *name,
    struct pp_buf *out, struct pp_error *err)
{
	char *path = NULL;
	int64_t version;
	int rc;

	if (!pp_name_valid(name))
		return pp_error_set(err, PP_EDATA,
		    "'%s' cannot be the name of a template", name);
	if (src->folder != NULL)
		path = find_beside(src->folder, name);
	if (path == NULL && src->store == NULL)
		return pp_error_set(err, PP_ENOENT,
		    "there is no template '%s' beside the file", name);
	rc = path != NULL ? read_text(path, out, err) :
			    read_stored(src, name, 0, out, &version, err);
	free(path);
	return rc;
}

static int
add_fragment(const struct pp_fragment *f, struct pp_buf *out,
    struct pp_error *err)
{
	if (pp_buf_add(out, f->text, f->len) == 0)
		return 0;
	return pp_error_set(err, PP_ELIMIT, "template '%s' is too large",
	    f->name);
}

/* Each name is looked up once, so that all its uses see one text. */
static int
get_fragment(void *arg, const char *name, struct pp_buf *out,
    struct pp_error *err)
{
	struct pp_template_source *src = arg;
	struct pp_buf text = PP_BUF_INIT;
	struct pp_fragment *f;

	for (size_t i = 0; i < src->count; i++) {
		f = &src->fragments[i];
		if (strcmp(f->name, name) == 0)
			return add_fragment(f, out, err);
	}
	if (src->loaded)
		return find_fragment(src, name, out, err);
	if (find_fragment(src, name, &text, err) < 0) {
		pp_buf_release(&text);
		return -1;
	}
	src->fragments = pp_grow(src->fragments, src->count, &src->cap,
	    sizeof *src->fragments);
	f = &src->fragments[src->count++];
	f->name = pp_strdup(name);
	f->text = pp_buf_detach(&text, &f->len);
	return add_fragment(f, out, err);
}

/* "ID" or "ID@3"; version 0 is the newest. Returns owned the id, or NULL. */
static char *
split_version(const char *ref, int64_t *version, struct pp_error *err)
{
	const char *at = strrchr(ref, '@');
	char *id = at != NULL ? pp_strndup(ref, (size_t)(at - ref)) :
				pp_strdup(ref);

	*version = 0;
	if (at != NULL &&
	    pp_parse_int(at + 1, "the version of a template", 1, INT64_MAX,
		version, err) < 0)
		goto bad;
	if (pp_name_valid(id))
		return id;
	pp_error_set(err, PP_ENOENT, "'%s' cannot be the name of a template",
	    id);
bad:
	free(id);
	return NULL;
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return pp_strdup(".");
	return pp_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The text, and what it is called. */
static int
read_source(struct pp_template_ref *t, const char *ref, struct pp_buf *text,
    struct pp_error *err)
{
	struct pp_template_source *src = t->from;
	int64_t version;

	if (pp_template_ref_is_file(ref)) {
		t->shown = pp_strdup(strcmp(ref, "-") == 0 ? "standard input" :
							     ref);
		src->folder = folder_of(ref);
		return read_text(ref, text, err);
	}
	if (src->store == NULL)
		return pp_error_set(err, PP_ENOENT, "there is no file '%s'",
		    ref);
	t->id = split_version(ref, &version, err);
	if (t->id == NULL ||
	    read_stored(src, t->id, version, text, &t->version, err) < 0)
		return -1;
	t->shown = pp_asprintf("%s@%lld", t->id, (long long)t->version);
	return 0;
}

/* Types are those of exports, of which the template's layer knows nothing. */
static int
check_types(struct pp_template_ref *t, struct pp_error *err)
{
	const struct pp_recipe_info *info = pp_recipe_info(t->recipe);
	struct pp_type *row = pp_type_new();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < info->type_count; i++)
		rc = pp_type_declare(row, info->types[i], err);
	pp_type_free(row);
	if (rc == 0)
		return 0;
	err->code = PP_EDATA;
	pp_error_wrap(err, "%s", t->shown);
	pp_recipe_free(t->recipe);
	t->recipe = NULL;
	return -1;
}

int
pp_template_ref_load(struct pp_store *s, const char *user_id, const char *ref,
    struct pp_findings *findings, struct pp_template_ref *out,
    struct pp_error *err)
{
	return pp_template_ref_load_within(NULL, s, user_id, ref, findings, out,
	    err);
}

int
pp_template_ref_load_within(const struct pp_limits *limits, struct pp_store *s,
    const char *user_id, const char *ref, struct pp_findings *findings,
    struct pp_template_ref *out, struct pp_error *err)
{
	struct pp_template_source *src = pp_calloc(1, sizeof *src);
	struct pp_buf text = PP_BUF_INIT;

	src->store = s;
	src->user_id = pp_strdup(user_id);
	*out = (struct pp_template_ref){ .from = src };
	if (read_source(out, ref, &text, err) == 0) {
		out->source = pp_buf_detach(&text, &out->source_len);
		out->recipe = pp_recipe_load_within(limits, out->source,
		    out->source_len, out->shown, get_fragment, src, findings,
		    err);
		if (out->recipe != NULL)
			check_types(out, err);
	}
	src->loaded = true;
	out->fragments = src->fragments;
	out->fragment_count = src->count;
	pp_buf_release(&text);
	if (out->recipe != NULL)
		return 0;
	pp_template_ref_release(out);
	return -1;
}

static void
free_source(struct pp_template_source *src)
{
	if (src == NULL)
		return;
	for (size_t i = 0; i < src->count; i++) {
		free(src->fragments[i].name);
		free(src->fragments[i].text);
	}
	free(src->fragments);
	free(src->user_id);
	free(src->folder);
	free(src);
}

void
pp_template_ref_release(struct pp_template_ref *t)
{
	pp_recipe_free(t->recipe);
	free_source(t->from);
	free(t->shown);
	free(t->id);
	free(t->source);
	*t = (struct pp_template_ref){ .recipe = NULL };
}
