#include <config.h>

#include "export/pqschema.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* How a kind of scalar is kept, and what `datasets` calls it. */
static const struct {
	enum pp_pq_type physical;
	int converted; /* -1: none */
	enum pp_pq_logical logical;
	const char *feature;
} scalars[PP_KIND_COUNT] = {
	[PP_KIND_BOOL] = { PP_PQ_BOOLEAN, -1, PP_PQ_LOGICAL_NONE, "bool" },
	[PP_KIND_INT] = { PP_PQ_INT64, -1, PP_PQ_LOGICAL_NONE, "int64" },
	[PP_KIND_DOUBLE] = { PP_PQ_DOUBLE, -1, PP_PQ_LOGICAL_NONE, "float64" },
	[PP_KIND_STRING] = { PP_PQ_BYTES, PP_PQ_CONVERTED_UTF8,
	    PP_PQ_LOGICAL_STRING, "string" },
	[PP_KIND_JSON] = { PP_PQ_BYTES, PP_PQ_CONVERTED_JSON,
	    PP_PQ_LOGICAL_JSON, "string" },
	[PP_KIND_TIMESTAMP] = { PP_PQ_INT64, PP_PQ_CONVERTED_TIMESTAMP_MICROS,
	    PP_PQ_LOGICAL_TIMESTAMP, "timestamp[us, tz=UTC]" },
	[PP_KIND_DECIMAL] = { PP_PQ_INT64, PP_PQ_CONVERTED_DECIMAL,
	    PP_PQ_LOGICAL_DECIMAL, NULL },
	[PP_KIND_UUID] = { PP_PQ_FIXED, -1, PP_PQ_LOGICAL_UUID,
	    "fixed_size_binary[16]" },
};

/* Where a walk down the tree is. */
struct walk {
	struct pp_pqschema *s;
	const char *path[2 * PP_TYPE_MAX_DEPTH + 4];
	size_t depth;
};

static void
add_leaf(struct walk *w, const struct pp_type *type, int def, int rep)
{
	struct pp_pqschema *s = w->s;
	struct pp_pqleaf *leaf;

	s->leaves = pp_grow(s->leaves, s->leaf_count, &s->leaf_cap,
	    sizeof *s->leaves);
	leaf = &s->leaves[s->leaf_count++];
	*leaf = (struct pp_pqleaf){ .type = type,
		.kind = pp_type_stored(type),
		.max_def = def,
		.max_rep = rep,
		.path_len = w->depth };
	leaf->physical = scalars[leaf->kind].physical;
	leaf->path = pp_calloc(w->depth, sizeof *leaf->path);
	for (size_t i = 0; i < w->depth; i++)
		leaf->path[i] = pp_strdup(w->path[i]);
}

/*
 * A field or element. `def` and `rep` are the levels above it; it is optional
 * itself, and a list adds a repeated level.
 */
static void
add_node(struct walk *w, struct pp_pqnode *n, const struct pp_type *type,
    const char *name, int def, int rep)
{
	bool is_list = pp_type_stored(type) == PP_KIND_LIST;
	bool is_struct = pp_type_stored(type) == PP_KIND_STRUCT;

	*n = (struct pp_pqnode){ .type = type,
		.kind = pp_type_stored(type),
		.first_leaf = w->s->leaf_count };
	w->path[w->depth++] = name;
	w->s->element_count += is_list ? 2 : 1;
	def++;
	if (is_list) {
		n->rep = rep + 1;
		w->path[w->depth++] = "list";
	}
	if (is_list || is_struct) {
		n->child_count = type->count;
		n->children = pp_calloc(type->count, sizeof *n->children);
		for (size_t i = 0; i < type->count; i++)
			add_node(w, &n->children[i], type->fields[i],
			    is_list ? "element" : type->fields[i]->name,
			    def + is_list, rep + is_list);
	} else {
		add_leaf(w, type, def, rep);
	}
	if (is_struct)
		n->values = pp_calloc(type->count, sizeof *n->values);
	n->leaf_count = w->s->leaf_count - n->first_leaf;
	w->depth -= is_list ? 2 : 1;
}

void
pp_pqschema_init(struct pp_pqschema *s, const struct pp_type *row)
{
	struct walk w = { .s = s };
	struct pp_pqnode *root = &s->root;

	*s = (struct pp_pqschema){ .element_count = 1 };
	*root = (struct pp_pqnode){
		.type = row, .kind = PP_KIND_STRUCT, .child_count = row->count
	};
	root->children = pp_calloc(row->count, sizeof *root->children);
	root->values = pp_calloc(row->count, sizeof *root->values);
	for (size_t i = 0; i < row->count; i++)
		add_node(&w, &root->children[i], row->fields[i],
		    row->fields[i]->name, 0, 0);
	root->leaf_count = s->leaf_count;
}

static void
release_node(struct pp_pqnode *n)
{
	for (size_t i = 0; i < n->child_count; i++)
		release_node(&n->children[i]);
	free(n->children);
	free(n->values);
}

void
pp_pqschema_release(struct pp_pqschema *s)
{
	release_node(&s->root);
	for (size_t i = 0; i < s->leaf_count; i++) {
		for (size_t j = 0; j < s->leaves[i].path_len; j++)
			free(s->leaves[i].path[j]);
		free(s->leaves[i].path);
	}
	free(s->leaves);
	*s = (struct pp_pqschema){ .leaf_count = 0 };
}

/* ---- in the file ---- */

/* struct LogicalType, field 10 of an element. */
static void
put_logical(struct pp_thrift *t, const struct pp_type *type,
    enum pp_pq_logical logical)
{
	pp_thrift_begin(t, 10);
	pp_thrift_begin(t, (int)logical);
	if (logical == PP_PQ_LOGICAL_DECIMAL) {
		pp_thrift_i32(t, 1, type->scale);
		pp_thrift_i32(t, 2, type->precision);
	} else if (logical == PP_PQ_LOGICAL_TIMESTAMP) {
		pp_thrift_bool(t, 1, true); /* adjusted to UTC */
		pp_thrift_begin(t, 2);	    /* the unit: */
		pp_thrift_begin(t, 2);	    /* microseconds */
		pp_thrift_end(t);
		pp_thrift_end(t);
	}
	pp_thrift_end(t);
	pp_thrift_end(t);
}

static void
put_scalar(struct pp_thrift *t, const struct pp_pqnode *n, const char *name)
{
	int converted = scalars[n->kind].converted;

	pp_thrift_item_begin(t);
	pp_thrift_i32(t, 1, (int32_t)scalars[n->kind].physical);
	if (n->kind == PP_KIND_UUID)
		pp_thrift_i32(t, 2, 16);
	pp_thrift_i32(t, 3, PP_PQ_OPTIONAL);
	pp_thrift_string(t, 4, name);
	if (converted >= 0)
		pp_thrift_i32(t, 6, converted);
	if (n->kind == PP_KIND_DECIMAL) {
		pp_thrift_i32(t, 7, n->type->scale);
		pp_thrift_i32(t, 8, n->type->precision);
	}
	if (scalars[n->kind].logical != PP_PQ_LOGICAL_NONE)
		put_logical(t, n->type, scalars[n->kind].logical);
	pp_thrift_end(t);
}

static void
put_group(struct pp_thrift *t, const char *name,
    enum pp_pq_repetition repetition, size_t children, bool is_list)
{
	pp_thrift_item_begin(t);
	pp_thrift_i32(t, 3, (int32_t)repetition);
	pp_thrift_string(t, 4, name);
	pp_thrift_i32(t, 5, (int32_t)children);
	if (is_list) {
		pp_thrift_i32(t, 6, PP_PQ_CONVERTED_LIST);
		put_logical(t, NULL, PP_PQ_LOGICAL_LIST);
	}
	pp_thrift_end(t);
}

static void
put_node(struct pp_thrift *t, const struct pp_pqnode *n, const char *name)
{
	bool is_list = n->kind == PP_KIND_LIST;

	if (!is_list && n->kind != PP_KIND_STRUCT) {
		put_scalar(t, n, name);
		return;
	}
	put_group(t, name, PP_PQ_OPTIONAL, is_list ? 1 : n->child_count,
	    is_list);
	if (is_list)
		put_group(t, "list", PP_PQ_REPEATED, 1, false);
	for (size_t i = 0; i < n->child_count; i++)
		put_node(t, &n->children[i],
		    is_list ? "element" : n->children[i].type->name);
}

void
pp_pqschema_put(const struct pp_pqschema *s, struct pp_thrift *t)
{
	const struct pp_pqnode *root = &s->root;

	pp_thrift_item_begin(t);
	pp_thrift_string(t, 4, "schema");
	pp_thrift_i32(t, 5, (int32_t)root->child_count);
	pp_thrift_end(t);
	for (size_t i = 0; i < root->child_count; i++)
		put_node(t, &root->children[i], root->children[i].type->name);
}

/* ---- for `datasets` ---- */

static void put_fields(struct pp_buf *out, const struct pp_pqnode *n);

static void
put_feature(struct pp_buf *out, const struct pp_pqnode *n)
{
	if (n->kind == PP_KIND_STRUCT) {
		put_fields(out, n);
	} else if (n->kind == PP_KIND_LIST) {
		pp_buf_adds(out, "{\"feature\":");
		put_feature(out, &n->children[0]);
		pp_buf_adds(out, ",\"_type\":\"List\"}");
	} else if (n->kind == PP_KIND_DECIMAL) {
		pp_buf_addf(out,
		    "{\"dtype\":\"decimal128(%d, %d)\","
		    "\"_type\":\"Value\"}",
		    n->type->precision, n->type->scale);
	} else {
		pp_buf_addf(out, "{\"dtype\":\"%s\",\"_type\":\"Value\"}",
		    scalars[n->kind].feature);
	}
}

static void
put_fields(struct pp_buf *out, const struct pp_pqnode *n)
{
	pp_buf_addc(out, '{');
	for (size_t i = 0; i < n->child_count; i++) {
		const struct pp_type *type = n->children[i].type;

		if (i > 0)
			pp_buf_addc(out, ',');
		pp_json_put_str(out, type->name, type->name_len);
		pp_buf_addc(out, ':');
		put_feature(out, &n->children[i]);
	}
	pp_buf_addc(out, '}');
}

void
pp_pqschema_put_features(const struct pp_pqschema *s, struct pp_buf *out)
{
	pp_buf_adds(out, "{\"info\":{\"features\":");
	put_fields(out, &s->root);
	pp_buf_adds(out, "}}");
}

/* ---- for data set cards ---- */

static void
put_card_fields(struct pp_buf *out, const struct pp_pqnode *n, int indent);

static void
put_scalar_name(struct pp_buf *out, const struct pp_pqnode *n)
{
	if (n->kind == PP_KIND_DECIMAL)
		pp_buf_addf(out, "decimal128(%d, %d)", n->type->precision,
		    n->type->scale);
	else
		pp_buf_adds(out, scalars[n->kind].feature);
}

/* What follows "- name: ..." of a feature. */
static void
put_card_feature(struct pp_buf *out, const struct pp_pqnode *n, int indent)
{
	const char *key = "dtype";

	if (n->kind == PP_KIND_LIST) {
		key = "list";
		n = &n->children[0];
	}
	if (n->kind == PP_KIND_STRUCT) {
		if (strcmp(key, "dtype") == 0)
			key = "struct";
		pp_buf_addf(out, "%*s%s:\n", indent, "", key);
		put_card_fields(out, n, indent);
	} else if (n->kind == PP_KIND_LIST) {
		pp_buf_addf(out, "%*slist:\n", indent, "");
		put_card_feature(out, n, indent + 2);
	} else {
		pp_buf_addf(out, "%*s%s: \"", indent, "", key);
		put_scalar_name(out, n);
		pp_buf_adds(out, "\"\n");
	}
}

static void
put_card_fields(struct pp_buf *out, const struct pp_pqnode *n, int indent)
{
	for (size_t i = 0; i < n->child_count; i++) {
		const struct pp_type *type = n->children[i].type;

		pp_buf_addf(out, "%*s- name: ", indent, "");
		pp_json_put_str(out, type->name, type->name_len);
		pp_buf_addc(out, '\n');
		put_card_feature(out, &n->children[i], indent + 2);
	}
}

void
pp_pqschema_put_card(const struct pp_pqschema *s, struct pp_buf *out)
{
	put_card_fields(out, &s->root, 2);
}
