#include <config.h>

#include "aws/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)

struct setting {
	enum pp_profile_kind kind;
	char *section, *name, *value; /* name "": the section itself */
};

struct pp_profiles {
	struct setting *settings; /* of two with one name the first counts */
	size_t count, cap;
};

/* Where the reader is. */
struct reader {
	struct pp_profiles *profiles;
	const char *path;
	int line;
	bool credentials;
	bool skip;	     /* in a section of a kind that is not ours */
	char *section, *key; /* NULL: none yet; key may have settings below */
	enum pp_profile_kind kind;
};

static void
add(struct reader *r, const char *name, const char *value)
{
	struct pp_profiles *p = r->profiles;

	p->settings = pp_grow(p->settings, p->count, &p->cap,
	    sizeof *p->settings);
	p->settings[p->count++] = (struct setting){ r->kind,
		pp_strdup(r->section), pp_strdup(name), pp_strdup(value) };
}

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--)
		s[n - 1] = '\0';
	return s;
}

/* "default", "profile x", "sso-session x"; only names in credentials. */
static int
open_section(struct reader *r, char *line, struct pp_error *err)
{
	static const struct {
		const char *word;
		enum pp_profile_kind kind;
	} kinds[] = {
		{ "profile", PP_SECTION_PROFILE },
		{ "sso-session", PP_SECTION_SSO },
		{ "services", PP_SECTION_SERVICES },
	};
	char *end = strchr(line, ']'), *name;

	if (end == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "%s:%d: a section that does not end", r->path, r->line);
	*end = '\0';
	name = trim(line + 1);
	free(r->section);
	free(r->key);
	r->section = r->key = NULL;
	r->kind = PP_SECTION_PROFILE;
	r->skip = !r->credentials && strcmp(name, "default") != 0;
	for (size_t i = 0; r->skip && i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t n = strlen(kinds[i].word);

		if (strncmp(name, kinds[i].word, n) == 0 &&
		    (name[n] == ' ' || name[n] == '\t')) {
			r->kind = kinds[i].kind;
			name = trim(name + n);
			r->skip = false;
		}
	}
	r->section = pp_strdup(name);
	if (!r->skip)
		add(r, "", "");
	return 0;
}

/* A comment may follow a value after a blank. */
static void
cut_comment(char *value)
{
	for (char *p = value; *p != '\0'; p++) {
		if ((*p == '#' || *p == ';') && p > value &&
		    (p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			return;
		}
	}
}

static int
read_setting(struct reader *r, char *line, struct pp_error *err)
{
	bool nested = (line[0] == ' ' || line[0] == '\t') && r->key != NULL;
	char *equals = strchr(line, '='), *name, *value, *joined;

	if (r->skip)
		return 0;
	if (r->section == NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "%s:%d: a setting before any section", r->path, r->line);
	if (equals == NULL) /* more of a value, which no setting of ours has */
		return nested ? 0 :
				pp_error_set(err, PP_ECONFIG,
				    "%s:%d: neither a section nor a setting",
				    r->path, r->line);
	*equals = '\0';
	name = trim(line);
	cut_comment(equals + 1);
	value = trim(equals + 1);
	if (nested) {
		joined = pp_asprintf("%s.%s", r->key, name);
		add(r, joined, value);
		free(joined);
		return 0;
	}
	add(r, name, value);
	free(r->key);
	r->key = pp_strdup(name);
	return 0;
}

static int
read_line(struct reader *r, char *line, struct pp_error *err)
{
	size_t blanks = strspn(line, " \t\r");

	if (line[blanks] == '\0' || line[blanks] == '#' || line[blanks] == ';')
		return 0;
	if (line[0] == '[')
		return open_section(r, line, err);
	return read_setting(r, line, err);
}

static int
read_file(struct pp_profiles *p, const char *path, bool credentials,
    struct pp_error *err)
{
	struct reader r = {
		.profiles = p, .path = path, .credentials = credentials
	};
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_FILE_BYTES);
	struct pp_error why = PP_ERROR_INIT;
	int rc = -1;

	if (pp_io_read_file(path, &text, &why) < 0) {
		if (why.code == PP_ENOENT)
			rc = 0;
		else
			pp_error_set(err, PP_ECONFIG, "%s", why.text);
		goto out;
	}
	for (char *line = text.data, *next; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		r.line++;
		if (read_line(&r, line, err) < 0)
			goto out;
	}
	rc = 0;
out:
	free(r.section);
	free(r.key);
	pp_buf_release(&text);
	return rc;
}

struct pp_profiles *
pp_profiles_load(const char *config, const char *credentials,
    struct pp_error *err)
{
	struct pp_profiles *p = pp_calloc(1, sizeof *p);

	if (read_file(p, credentials, true, err) < 0 ||
	    read_file(p, config, false, err) < 0) {
		pp_profiles_free(p);
		return NULL;
	}
	return p;
}

void
pp_profiles_free(struct pp_profiles *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++) {
		free(p->settings[i].section);
		free(p->settings[i].name);
		pp_free_secret(p->settings[i].value);
	}
	free(p->settings);
	free(p);
}

bool
pp_profiles_has(const struct pp_profiles *p, enum pp_profile_kind kind,
    const char *name)
{
	return pp_profiles_get(p, kind, name, "") != NULL;
}

const char *
pp_profiles_get(const struct pp_profiles *p, enum pp_profile_kind kind,
    const char *name, const char *setting)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct setting *s = &p->settings[i];

		if (s->kind == kind && strcmp(s->section, name) == 0 &&
		    strcmp(s->name, setting) == 0)
			return s->value;
	}
	return NULL;
}
