#include <config.h>

#include "base/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_ANCHORS 1000

/* What a value is with all of its aliases written out. */
struct extent {
	size_t nodes, bytes;
	int height;
};

struct anchor {
	char *name;
	struct pp_yaml *node; /* NULL while it is still being read */
	struct extent extent;
};

/* A container that is still being read. */
struct frame {
	struct pp_yaml *node;
	size_t first; /* its children begin here in `children` */
	struct extent extent;
	struct anchor *anchor; /* that names it, or NULL */
};

struct loader {
	yaml_parser_t parser;
	struct pp_arena *arena;
	const char *name;
	struct pp_error *err;
	const char *text;
	size_t len;
	struct pp_yaml *root;
	struct extent total;
	struct frame frames[PP_YAML_MAX_DEPTH];
	int depth;
	/* Children of all open containers; of a mapping key, value ... */
	struct pp_yaml **children;
	size_t child_count, child_cap;
	struct anchor anchors[MAX_ANCHORS];
	size_t anchor_count;
	/* Where each line of the text begins. */
	size_t *lines;
	size_t line_count, line_cap;
};

static int
fail_at(struct loader *l, size_t line, size_t column, const char *what)
{
	return pp_error_set(l->err, PP_EDATA, "%s:%zu:%zu: %s", l->name,
	    line + 1, column + 1, what);
}

static int
fail(struct loader *l, const yaml_mark_t *mark, const char *what)
{
	return fail_at(l, mark->line, mark->column, what);
}

/* ---- lines of the text ---- */

/* The length of a line break at p as libyaml counts them, or 0. */
static size_t
break_len(const char *p, size_t left)
{
	if (*p == '\r')
		return left > 1 && p[1] == '\n' ? 2 : 1;
	if (*p == '\n')
		return 1;
	if (left >= 2 && memcmp(p, "\xc2\x85", 2) == 0)
		return 2;
	if (left >= 3 &&
	    (memcmp(p, "\xe2\x80\xa8", 3) == 0 ||
		memcmp(p, "\xe2\x80\xa9", 3) == 0))
		return 3;
	return 0;
}

static void
add_line(struct loader *l, size_t offset)
{
	l->lines = pp_grow(l->lines, l->line_count, &l->line_cap,
	    sizeof *l->lines);
	l->lines[l->line_count++] = offset;
}

static void
find_lines(struct loader *l)
{
	size_t n;

	add_line(l, 0);
	for (size_t i = 0; i<l->len; i += n> 0 ? n : 1) {
		n = break_len(l->text + i, l->len - i);
		if (n > 0)
			add_line(l, i + n);
	}
}

static int
fail_at_offset(struct loader *l, size_t offset, const char *what)
{
	size_t line = l->line_count - 1;

	while (line > 0 && l->lines[line] > offset)
		line--;
	return fail_at(l, line,
	    pp_utf8_count(l->text + l->lines[line], offset - l->lines[line]),
	    what);
}

/* What libyaml would refuse without naming a place. */
static int
check_text(struct loader *l)
{
	size_t bad;

	if (!pp_utf8_valid(l->text, l->len, &bad))
		return fail_at_offset(l, bad, "invalid UTF-8");
	for (size_t i = 0; i < l->len; i++) {
		unsigned char c = (unsigned char)l->text[i];

		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
		    c == 0x7f)
			return fail_at_offset(l, i, "control character");
	}
	return 0;
}

/* ---- nodes ---- */

static struct pp_yaml *
new_node(struct loader *l, enum pp_yaml_type type, const yaml_mark_t *mark)
{
	struct pp_yaml *v = pp_arena_calloc(l->arena, 1, sizeof *v);

	v->type = type;
	v->line = (int)mark->line + 1;
	v->column = (int)mark->column + 1;
	v->text_line = v->line;
	v->text_column = v->column;
	v->text = "";
	return v;
}

static size_t
count_spaces(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] == ' ')
		n++;
	return n;
}

/* Past an anchor and a tag, which may stand on lines of their own. */
static void
skip_properties(struct loader *l, struct pp_yaml *v, const yaml_mark_t *mark)
{
	const char *s = l->text, *end = s + l->len;
	const char *p = s + l->lines[mark->line];
	size_t line = mark->line, n;
	uint32_t cp;

	for (size_t k = 0; k < mark->column && p < end; k++) {
		n = pp_utf8_decode(p, (size_t)(end - p), &cp);
		p += n > 0 ? n : 1;
	}
	while (p < end && (*p == '&' || *p == '!')) {
		while (p < end && strchr(" \t\r\n", *p) == NULL)
			p++;
		while (p < end && strchr(" \t\r\n#", *p) != NULL) {
			if (*p == '#')
				while (p < end && *p != '\n')
					p++;
			else
				p++;
		}
	}
	while (line + 1 < l->line_count &&
	    l->lines[line + 1] <= (size_t)(p - s))
		line++;
	v->text_line = (int)line + 1;
	v->text_column = (int)pp_utf8_count(s + l->lines[line],
			     (size_t)(p - s) - l->lines[line]) +
	    1;
}

/*
 * A literal scalar begins on the line after its '|', indented by as many
 * blanks as its first line that is not empty has there and not in the value.
 */
static void
locate_block(struct loader *l, struct pp_yaml *v)
{
	size_t line = (size_t)v->text_line, at = 0, inside, outside;

	v->text_line = (int)line + 1;
	v->text_column = 1;
	while (at < v->len && v->text[at] == '\n') {
		at++;
		line++;
	}
	if (at == v->len || line >= l->line_count)
		return;
	inside = count_spaces(v->text + at, v->len - at);
	outside = count_spaces(l->text + l->lines[line],
	    l->len - l->lines[line]);
	if (outside >= inside)
		v->text_column = (int)(outside - inside) + 1;
}

/* Explicit tags: those of the core schema; "!!str" makes text of anything. */
static int
check_tag(struct loader *l, const yaml_event_t *e, const yaml_char_t *tag,
    bool *is_text)
{
	static const char *const known[] = { "int", "float", "bool", "null",
		"map", "seq" };
	static const char core[] = "tag:yaml.org,2002:";
	const char *name = (const char *)tag;

	*is_text = false;
	if (name == NULL)
		return 0;
	if (strcmp(name, "!") == 0 ||
	    strcmp(name, "tag:yaml.org,2002:str") == 0) {
		*is_text = true;
		return 0;
	}
	if (pp_starts_with(name, core)) {
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
			if (strcmp(name + sizeof core - 1, known[i]) == 0)
				return 0;
		}
	}
	return fail(l, &e->start_mark, "unknown tag");
}

static int
new_scalar(struct loader *l, const yaml_event_t *e, struct pp_yaml **out)
{
	static const enum pp_yaml_style styles[] = {
		[YAML_PLAIN_SCALAR_STYLE] = PP_YAML_PLAIN,
		[YAML_SINGLE_QUOTED_SCALAR_STYLE] = PP_YAML_QUOTED,
		[YAML_DOUBLE_QUOTED_SCALAR_STYLE] = PP_YAML_QUOTED,
		[YAML_LITERAL_SCALAR_STYLE] = PP_YAML_LITERAL,
		[YAML_FOLDED_SCALAR_STYLE] = PP_YAML_FOLDED,
	};
	struct pp_yaml *v = new_node(l, PP_YAML_SCALAR, &e->start_mark);
	bool is_text;

	if (check_tag(l, e, e->data.scalar.tag, &is_text) < 0)
		return -1;
	v->style = styles[e->data.scalar.style];
	v->len = e->data.scalar.length;
	v->text = pp_arena_strndup(l->arena, (const char *)e->data.scalar.value,
	    v->len);
	if (e->data.scalar.anchor != NULL || e->data.scalar.tag != NULL)
		skip_properties(l, v, &e->start_mark);
	if (v->style == PP_YAML_LITERAL || v->style == PP_YAML_FOLDED)
		locate_block(l, v);
	else if (v->style == PP_YAML_QUOTED)
		v->text_column++;
	if (is_text && v->style == PP_YAML_PLAIN)
		v->style = PP_YAML_QUOTED;
	*out = v;
	return 0;
}

/* ---- anchors ---- */

/* `*out` is NULL without an anchor. */
static int
new_anchor(struct loader *l, const yaml_event_t *e, const yaml_char_t *name,
    struct anchor **out)
{
	*out = NULL;
	if (name == NULL)
		return 0;
	if (l->anchor_count == MAX_ANCHORS)
		return fail(l, &e->start_mark, "too many anchors");
	*out = &l->anchors[l->anchor_count++];
	(*out)->name = pp_arena_strdup(l->arena, (const char *)name);
	return 0;
}

static void
bind_anchor(struct anchor *a, struct pp_yaml *v, const struct extent *extent)
{
	if (a == NULL)
		return;
	a->node = v;
	a->extent = *extent;
}

/* The last anchor of a name counts. */
static struct anchor *
find_anchor(struct loader *l, const yaml_char_t *name)
{
	for (size_t i = l->anchor_count; i-- > 0;) {
		if (strcmp(l->anchors[i].name, (const char *)name) == 0)
			return &l->anchors[i];
	}
	return NULL;
}

/* ---- building the tree ---- */

/* Whether what comes next is a mapping's key. */
static bool
wants_key(const struct loader *l)
{
	const struct frame *f;

	if (l->depth == 0)
		return false;
	f = &l->frames[l->depth - 1];
	return f->node->type == PP_YAML_MAPPING &&
	    (l->child_count - f->first) % 2 == 0;
}

/* Put a finished value where it belongs. */
static int
add_value(struct loader *l, struct pp_yaml *v, const struct extent *extent,
    const yaml_mark_t *mark)
{
	struct frame *f;

	if (wants_key(l) && v->type != PP_YAML_SCALAR)
		return fail(l, mark, "a key must be a scalar");
	if (l->depth == 0) {
		l->root = v;
		return 0;
	}
	f = &l->frames[l->depth - 1];
	f->extent.nodes += extent->nodes;
	f->extent.bytes += extent->bytes;
	if (f->extent.height < extent->height + 1)
		f->extent.height = extent->height + 1;
	l->children = pp_grow(l->children, l->child_count, &l->child_cap,
	    sizeof(struct pp_yaml *));
	l->children[l->child_count++] = v;
	return 0;
}

/* Count what is written out, once for each time that it is. */
static int
count_extent(struct loader *l, const struct extent *x, const yaml_mark_t *mark)
{
	l->total.nodes += x->nodes;
	l->total.bytes += x->bytes;
	if (l->total.nodes > PP_YAML_MAX_NODES)
		return fail(l, mark, "too many values");
	if (l->total.bytes > PP_YAML_MAX_BYTES)
		return fail(l, mark, "too much text");
	return 0;
}

static int
on_scalar(struct loader *l, const yaml_event_t *e)
{
	struct extent x = { 1, e->data.scalar.length, 0 };
	struct anchor *anchor;
	struct pp_yaml *v;

	if (count_extent(l, &x, &e->start_mark) < 0 ||
	    new_scalar(l, e, &v) < 0 ||
	    new_anchor(l, e, e->data.scalar.anchor, &anchor) < 0)
		return -1;
	bind_anchor(anchor, v, &x);
	return add_value(l, v, &x, &e->start_mark);
}

static int
on_alias(struct loader *l, const yaml_event_t *e)
{
	struct anchor *a = find_anchor(l, e->data.alias.anchor);

	if (a == NULL)
		return fail(l, &e->start_mark, "unknown alias");
	if (a->node == NULL)
		return fail(l, &e->start_mark, "alias of what it stands in");
	if (l->depth + a->extent.height > PP_YAML_MAX_DEPTH)
		return fail(l, &e->start_mark, "nested too deeply");
	if (count_extent(l, &a->extent, &e->start_mark) < 0)
		return -1;
	return add_value(l, a->node, &a->extent, &e->start_mark);
}

static int
on_start(struct loader *l, const yaml_event_t *e, enum pp_yaml_type type,
    const yaml_char_t *tag, const yaml_char_t *anchor)
{
	struct extent x = { 1, 0, 1 };
	struct frame *f;
	bool is_text;

	if (wants_key(l))
		return fail(l, &e->start_mark, "a key must be a scalar");
	if (l->depth == PP_YAML_MAX_DEPTH)
		return fail(l, &e->start_mark, "nested too deeply");
	if (count_extent(l, &x, &e->start_mark) < 0 ||
	    check_tag(l, e, tag, &is_text) < 0)
		return -1;
	if (is_text)
		return fail(l, &e->start_mark,
		    "a tag for text on a collection");
	f = &l->frames[l->depth];
	*f = (struct frame){ .node = new_node(l, type, &e->start_mark),
		.first = l->child_count,
		.extent = x };
	if (new_anchor(l, e, anchor, &f->anchor) < 0)
		return -1;
	l->depth++;
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct pp_yaml *x = *(struct pp_yaml *const *)a;
	const struct pp_yaml *y = *(struct pp_yaml *const *)b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, len);

	if (order == 0)
		order = (x->len > y->len) - (x->len < y->len);
	if (order == 0)
		order = x->line != y->line ? x->line - y->line :
					     x->column - y->column;
	return order;
}

static int
check_duplicates(struct loader *l, const struct pp_yaml *map)
{
	struct pp_yaml **keys;
	int rc = 0;

	if (map->count < 2)
		return 0;
	keys = pp_memdup(map->keys, map->count * sizeof(struct pp_yaml *));
	qsort(keys, map->count, sizeof(struct pp_yaml *), compare_keys);
	for (size_t i = 1; i < map->count && rc == 0; i++) {
		const struct pp_yaml *k = keys[i];

		if (k->len == keys[i - 1]->len &&
		    memcmp(k->text, keys[i - 1]->text, k->len) == 0)
			rc = pp_error_set(l->err, PP_EDATA,
			    "%s:%d:%d: key '%s' is there twice", l->name,
			    k->line, k->column, k->text);
	}
	free(keys);
	return rc;
}

/* The container is whole: its children move into the arena. */
static int
on_end(struct loader *l, const yaml_event_t *e)
{
	struct frame *f = &l->frames[--l->depth];
	struct pp_yaml *v = f->node, **from;
	size_t count = l->child_count - f->first;
	bool map = v->type == PP_YAML_MAPPING;

	from = count > 0 ? l->children + f->first : NULL;
	v->count = map ? count / 2 : count;
	v->values = pp_arena_calloc(l->arena, v->count, sizeof *v->values);
	if (map)
		v->keys = pp_arena_calloc(l->arena, v->count, sizeof *v->keys);
	for (size_t i = 0; i < v->count; i++) {
		v->values[i] = map ? from[2 * i + 1] : from[i];
		if (map)
			v->keys[i] = from[2 * i];
	}
	l->child_count = f->first;
	if (map && check_duplicates(l, v) < 0)
		return -1;
	bind_anchor(f->anchor, v, &f->extent);
	return add_value(l, v, &f->extent, &e->start_mark);
}

static int
on_event(struct loader *l, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return l->root == NULL ?
		    0 :
		    fail(l, &e->start_mark, "more than one document");
	case YAML_ALIAS_EVENT: return on_alias(l, e);
	case YAML_SCALAR_EVENT: return on_scalar(l, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(l, e, PP_YAML_SEQUENCE,
		    e->data.sequence_start.tag, e->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_start(l, e, PP_YAML_MAPPING,
		    e->data.mapping_start.tag, e->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return on_end(l, e);
	case YAML_STREAM_END_EVENT:
		return l->root != NULL ?
		    0 :
		    fail(l, &e->start_mark, "there is no document in it");
	default: return 0;
	}
}

static int
fail_as_libyaml(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem != NULL ? p->problem : "not YAML";
	struct pp_buf text = PP_BUF_INIT;

	if (p->error == YAML_READER_ERROR) {
		fail_at_offset(l,
		    p->problem_offset < l->len ? p->problem_offset : l->len,
		    problem);
		return -1;
	}
	pp_buf_adds(&text, problem);
	if (p->context != NULL)
		pp_buf_addf(&text, " %s", p->context);
	if (p->context != NULL && p->context_mark.line != p->problem_mark.line)
		pp_buf_addf(&text, " that begins in line %zu",
		    p->context_mark.line + 1);
	fail(l, &p->problem_mark, text.data);
	pp_buf_release(&text);
	return -1;
}

static int
read_events(struct loader *l)
{
	yaml_event_t event;
	bool ended;
	int rc;

	do {
		if (!yaml_parser_parse(&l->parser, &event))
			return fail_as_libyaml(l);
		rc = on_event(l, &event);
		ended = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	} while (rc == 0 && !ended);
	return rc;
}

struct pp_yaml *
pp_yaml_parse(struct pp_arena *a, const char *text, size_t len,
    const char *name, struct pp_error *err)
{
	struct loader *l = pp_calloc(1, sizeof *l);
	struct pp_yaml *root = NULL;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	l->arena = a;
	l->name = name;
	l->err = err;
	l->text = text;
	l->len = len;
	find_lines(l);
	if (check_text(l) < 0)
		goto out;
	if (!yaml_parser_initialize(&l->parser)) {
		pp_error_set(err, PP_ENOMEM, "out of memory");
		goto out;
	}
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text,
	    len);
	if (read_events(l) == 0)
		root = l->root;
	yaml_parser_delete(&l->parser);
out:
	free(l->children);
	free(l->lines);
	free(l);
	return root;
}

/* ---- looking at what was read ---- */

struct pp_yaml *
pp_yaml_get(const struct pp_yaml *map, const char *key)
{
	if (map == NULL || map->type != PP_YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->values[i];
	}
	return NULL;
}

static bool
is_plain(const struct pp_yaml *v)
{
	return v->type == PP_YAML_SCALAR && v->style == PP_YAML_PLAIN;
}

bool
pp_yaml_is_null(const struct pp_yaml *v)
{
	if (v == NULL)
		return true;
	return is_plain(v) &&
	    (v->len == 0 || strcmp(v->text, "~") == 0 ||
		strcmp(v->text, "null") == 0 || strcmp(v->text, "Null") == 0 ||
		strcmp(v->text, "NULL") == 0);
}

bool
pp_yaml_bool(const struct pp_yaml *v, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "true", true }, { "yes", true }, { "on", true },
		{ "false", false }, { "no", false }, { "off", false } };

	if (v == NULL || !is_plain(v))
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcasecmp(v->text, words[i].word) == 0) {
			*out = words[i].value;
			return true;
		}
	}
	return false;
}

/* ---- as JSON ---- */

/* "true" as the core schema spells it: lower, Title or UPPER case. */
static bool
is_core_word(const char *text, const char *lower)
{
	size_t len = strlen(lower);

	if (strcasecmp(text, lower) != 0)
		return false;
	if (strcmp(text + 1, lower + 1) == 0)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= 'a')
			return false;
	}
	return true;
}

/* 0x1f and 0o17 in decimal; false when it is neither or has no 64 bits. */
static bool
put_based(const char *s, struct pp_buf *out)
{
	int base = s[0] == '0' && s[1] == 'x' ? 16 :
	    s[0] == '0' && s[1] == 'o'	      ? 8 :
						0;
	const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "01234567";
	unsigned long long v;

	if (base == 0 || s[2] == '\0' || s[2 + strspn(s + 2, digits)] != '\0')
		return false;
	errno = 0;
	v = strtoull(s + 2, NULL, base);
	if (errno == ERANGE)
		return false;
	pp_buf_addf(out, "%llu", v);
	return true;
}

/*
 * [-+]? ( [0-9]+ ("." [0-9]*)? | "." [0-9]+ ) ( [eE] [-+]? [0-9]+ )?
 * in the form that JSON allows. False: it is no number.
 */
static bool
put_decimal(const char *s, struct pp_buf *out)
{
	static const char digits[] = "0123456789";
	bool negative = *s == '-', point;
	const char *whole, *fraction = "", *exponent;
	size_t whole_len, fraction_len = 0, exponent_len = 0;

	s += *s == '-' || *s == '+';
	whole = s;
	whole_len = strspn(s, digits);
	s += whole_len;
	exponent = s;
	point = *s == '.';
	if (point) {
		fraction = s + 1;
		fraction_len = strspn(fraction, digits);
		s = exponent = fraction + fraction_len;
	}
	if (whole_len + fraction_len == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		if (strspn(s, digits) == 0)
			return false;
		s += strspn(s, digits);
		exponent_len = (size_t)(s - exponent);
	}
	if (*s != '\0')
		return false;
	while (whole_len > 1 && *whole == '0') {
		whole++;
		whole_len--;
	}
	pp_buf_adds(out, negative ? "-" : "");
	pp_buf_add(out, whole_len > 0 ? whole : "0",
	    whole_len > 0 ? whole_len : 1);
	if (point) {
		pp_buf_addc(out, '.');
		pp_buf_add(out, fraction_len > 0 ? fraction : "0",
		    fraction_len > 0 ? fraction_len : 1);
	}
	pp_buf_add(out, exponent, exponent_len);
	return true;
}

static void
put_scalar(const struct pp_yaml *v, struct pp_buf *out)
{
	const char *s = v->text, *unsigned_part = s + (*s == '-' || *s == '+');

	if (!is_plain(v) || strlen(s) != v->len) {
		pp_json_put_str(out, s, v->len);
		return;
	}
	if (pp_yaml_is_null(v) || is_core_word(unsigned_part, ".inf") ||
	    strcmp(unsigned_part, ".Inf") == 0 || is_core_word(s, ".nan") ||
	    strcmp(s, ".NaN") == 0)
		pp_buf_adds(out, "null");
	else if (is_core_word(s, "true"))
		pp_buf_adds(out, "true");
	else if (is_core_word(s, "false"))
		pp_buf_adds(out, "false");
	else if (!put_based(s, out) && !put_decimal(s, out))
		pp_json_put_str(out, s, v->len);
}

void
pp_yaml_to_json(const struct pp_yaml *v, struct pp_buf *out)
{
	bool map = v->type == PP_YAML_MAPPING;

	if (v->type == PP_YAML_SCALAR) {
		put_scalar(v, out);
		return;
	}
	pp_buf_addc(out, map ? '{' : '[');
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			pp_buf_addc(out, ',');
		if (map) {
			pp_json_put_str(out, v->keys[i]->text, v->keys[i]->len);
			pp_buf_addc(out, ':');
		}
		pp_yaml_to_json(v->values[i], out);
	}
	pp_buf_addc(out, map ? '}' : ']');
}
