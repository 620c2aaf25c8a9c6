#include <config.h>

#include "export/pqfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/thrift.h"

#define MAGIC "PAR1"
#define TAIL_BYTES 8 /* length of the footer, magic */

/* What the footer lists, before it is put into the tree. */
struct footer {
	struct pp_pqfile *f;
	struct pp_thrift_reader r;
	struct pp_pqelement *elements;
	size_t next; /* of them, while the tree is made */
};

int
pp_pqfile_read(const struct pp_pqfile *f, int64_t offset, void *out, size_t len,
    struct pp_error *err)
{
	char *to = out;

	while (len > 0) {
		ssize_t n = pread(f->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pp_error_errno(err, PP_EIO, errno,
			    "cannot read '%s'", f->name);
		if (n == 0)
			return pp_error_set(err, PP_EDATA,
			    "'%s' ends too early", f->name);
		to += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

static const char *
get_string(struct footer *p)
{
	size_t len;
	const char *s = pp_thrift_get_binary(&p->r, &len);

	return pp_arena_strndup(&p->f->arena, s, len);
}

/*
 * The size of a list of structs, each of which takes `least` bytes if it is
 * any good: what is made for them stays in proportion to the file.
 */
static size_t
get_count(struct footer *p, size_t least)
{
	size_t count = pp_thrift_get_list(&p->r, PP_THRIFT_STRUCT);

	if (count > (size_t)(p->r.end - p->r.at) / least) {
		p->r.failed = true;
		p->r.at = p->r.end;
		return 0;
	}
	return count;
}

/* ---- the schema ---- */

/* union TimeUnit */
static void
read_unit(struct footer *p, struct pp_pqelement *e)
{
	int id;

	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		if (id <= PP_PQ_NANOS)
			e->unit = (enum pp_pq_unit)id;
		pp_thrift_skip(&p->r);
	}
	pp_thrift_leave(&p->r);
}

/* The fields of DecimalType, TimestampType, TimeType, IntType. */
static void
read_logical_fields(struct footer *p, struct pp_pqelement *e)
{
	enum pp_pq_logical logical = e->logical;
	int id;

	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		if (logical == PP_PQ_LOGICAL_DECIMAL && id == 1)
			e->scale = (int32_t)pp_thrift_get_int(&p->r);
		else if (logical == PP_PQ_LOGICAL_DECIMAL && id == 2)
			e->precision = (int32_t)pp_thrift_get_int(&p->r);
		else if (logical == PP_PQ_LOGICAL_INTEGER && id == 2)
			e->is_unsigned = !pp_thrift_get_bool(&p->r);
		else if ((logical == PP_PQ_LOGICAL_TIMESTAMP ||
			     logical == PP_PQ_LOGICAL_TIME) &&
		    id == 1)
			e->is_utc = pp_thrift_get_bool(&p->r);
		else if ((logical == PP_PQ_LOGICAL_TIMESTAMP ||
			     logical == PP_PQ_LOGICAL_TIME) &&
		    id == 2)
			read_unit(p, e);
		else
			pp_thrift_skip(&p->r);
	}
	pp_thrift_leave(&p->r);
}

static void
read_logical(struct footer *p, struct pp_pqelement *e)
{
	int id;

	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		e->logical = (enum pp_pq_logical)id;
		if (p->r.type == PP_THRIFT_STRUCT)
			read_logical_fields(p, e);
		else
			pp_thrift_skip(&p->r);
	}
	pp_thrift_leave(&p->r);
}

static void
read_element(struct footer *p, struct pp_pqelement *e)
{
	int id;

	*e = (struct pp_pqelement){
		.name = "", .is_group = true, .converted = -1
	};
	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		switch (id) {
		case 1:
			e->physical = (enum pp_pq_type)pp_thrift_get_int(&p->r);
			e->is_group = false;
			break;
		case 2: e->width = (int32_t)pp_thrift_get_int(&p->r); break;
		case 3:
			e->repetition = (enum pp_pq_repetition)
			    pp_thrift_get_int(&p->r);
			break;
		case 4: e->name = get_string(p); break;
		case 5:
			e->child_count = (int32_t)pp_thrift_get_int(&p->r);
			break;
		case 6: e->converted = (int32_t)pp_thrift_get_int(&p->r); break;
		case 7: e->scale = (int32_t)pp_thrift_get_int(&p->r); break;
		case 8: e->precision = (int32_t)pp_thrift_get_int(&p->r); break;
		case 10: read_logical(p, e); break;
		default: pp_thrift_skip(&p->r);
		}
	}
	pp_thrift_leave(&p->r);
}

/* Older files say by the converted type what newer ones say by the logical. */
static void
settle_logical(struct pp_pqelement *e)
{
	static const struct {
		int32_t converted;
		enum pp_pq_logical logical;
		enum pp_pq_unit unit;
	} rows[] = {
		{ 0, PP_PQ_LOGICAL_STRING, 0 },
		{ 1, PP_PQ_LOGICAL_MAP, 0 },
		{ 2, PP_PQ_LOGICAL_MAP, 0 },
		{ 3, PP_PQ_LOGICAL_LIST, 0 },
		{ 4, PP_PQ_LOGICAL_ENUM, 0 },
		{ 5, PP_PQ_LOGICAL_DECIMAL, 0 },
		{ 6, PP_PQ_LOGICAL_DATE, 0 },
		{ 7, PP_PQ_LOGICAL_TIME, PP_PQ_MILLIS },
		{ 8, PP_PQ_LOGICAL_TIME, PP_PQ_MICROS },
		{ 9, PP_PQ_LOGICAL_TIMESTAMP, PP_PQ_MILLIS },
		{ 10, PP_PQ_LOGICAL_TIMESTAMP, PP_PQ_MICROS },
		{ 19, PP_PQ_LOGICAL_JSON, 0 },
	};

	if (e->logical != PP_PQ_LOGICAL_NONE)
		return;
	e->is_unsigned = e->converted >= 11 && e->converted <= 14;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].converted != e->converted)
			continue;
		e->logical = rows[i].logical;
		e->unit = rows[i].unit;
		e->is_utc = true;
	}
}

static int
check_leaf(const struct pp_pqfile *f, const struct pp_pqelement *e,
    struct pp_error *err)
{
	if (e->physical > PP_PQ_FIXED ||
	    (e->physical == PP_PQ_FIXED &&
		(e->width <= 0 || e->width > 1 << 20)))
		return pp_error_set(err, PP_EDATA,
		    "'%s': column '%s' has no "
		    "known type",
		    f->name, e->name);
	if (e->logical == PP_PQ_LOGICAL_DECIMAL &&
	    (e->scale < 0 || e->scale > 38 || e->physical == PP_PQ_DOUBLE ||
		e->physical == PP_PQ_FLOAT || e->physical == PP_PQ_BOOLEAN))
		return pp_error_set(err, PP_EDATA,
		    "'%s': column '%s' has a "
		    "damaged decimal type",
		    f->name, e->name);
	return 0;
}

/* Elements come depth first; each group takes as many as it has children. */
static struct pp_pqelement *
make_tree(struct footer *p, const struct pp_pqelement *parent, int depth,
    struct pp_error *err)
{
	struct pp_pqfile *f = p->f;
	struct pp_pqelement *e, **link;

	if (p->next == f->element_count || depth > PP_PQ_MAX_DEPTH ||
	    (parent == NULL && !p->elements[p->next].is_group)) {
		pp_error_set(err, PP_EDATA, "'%s' has a damaged schema",
		    f->name);
		return NULL;
	}
	e = &p->elements[p->next++];
	settle_logical(e);
	if (parent != NULL) {
		e->max_def = parent->max_def +
		    (e->repetition != PP_PQ_REQUIRED);
		e->max_rep = parent->max_rep +
		    (e->repetition == PP_PQ_REPEATED);
	}
	e->first_leaf = f->leaf_count;
	if (!e->is_group) {
		if (check_leaf(f, e, err) < 0)
			return NULL;
		f->leaves[f->leaf_count++] = e;
	}
	link = &e->first_child;
	for (int32_t i = 0; e->is_group && i < e->child_count; i++) {
		*link = make_tree(p, e, depth + 1, err);
		if (*link == NULL)
			return NULL;
		link = &(*link)->next;
	}
	e->leaf_count = f->leaf_count - e->first_leaf;
	return e;
}

static void
read_schema(struct footer *p)
{
	size_t count = get_count(p, 4);

	p->elements = pp_arena_calloc(&p->f->arena, count + 1,
	    sizeof *p->elements);
	p->f->leaves = pp_arena_calloc(&p->f->arena, count + 1,
	    sizeof *p->f->leaves);
	for (size_t i = 0; i < count && !p->r.failed; i++)
		read_element(p, &p->elements[i]);
	p->f->element_count = count;
}

/* ---- row groups ---- */

static void
read_statistics(struct footer *p, struct pp_pqstatistics *s)
{
	int id;

	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		switch (id) {
		case 3: s->nulls = pp_thrift_get_int(&p->r); break;
		case 5:
			s->max = pp_thrift_get_binary(&p->r, &s->max_len);
			break;
		case 6:
			s->min = pp_thrift_get_binary(&p->r, &s->min_len);
			break;
		default: pp_thrift_skip(&p->r);
		}
	}
	pp_thrift_leave(&p->r);
}

static void
read_encodings(struct footer *p, struct pp_pqchunk_info *c)
{
	size_t count = pp_thrift_get_list(&p->r, PP_THRIFT_I32);

	for (; count > 0 && !p->r.failed; count--) {
		int64_t n = pp_thrift_item_get_int(&p->r);

		if (n >= 0 && n < 32)
			c->encodings |= 1u << n;
	}
}

static void
read_meta(struct footer *p, struct pp_pqchunk_info *c)
{
	struct pp_thrift_reader *r = &p->r;
	int id;

	pp_thrift_enter(r);
	while ((id = pp_thrift_next(r)) != 0) {
		switch (id) {
		case 1:
			c->physical = (enum pp_pq_type)pp_thrift_get_int(r);
			break;
		case 2: read_encodings(p, c); break;
		case 4: c->codec = (int32_t)pp_thrift_get_int(r); break;
		case 5: c->entries = pp_thrift_get_int(r); break;
		case 6: c->raw_bytes = pp_thrift_get_int(r); break;
		case 7: c->bytes = pp_thrift_get_int(r); break;
		case 9: c->data_offset = pp_thrift_get_int(r); break;
		case 11: c->dict_offset = pp_thrift_get_int(r); break;
		case 12: read_statistics(p, &c->statistics); break;
		default: pp_thrift_skip(r);
		}
	}
	pp_thrift_leave(r);
}

static void
read_chunk(struct footer *p, struct pp_pqchunk_info *c)
{
	int id;

	*c = (struct pp_pqchunk_info){ .statistics = { .nulls = -1 } };
	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		if (id == 3)
			read_meta(p, c);
		else
			pp_thrift_skip(&p->r);
	}
	pp_thrift_leave(&p->r);
}

static void
read_group(struct footer *p, struct pp_pqgroup_info *g, size_t *chunk_count)
{
	int id;

	*chunk_count = 0;
	pp_thrift_enter(&p->r);
	while ((id = pp_thrift_next(&p->r)) != 0) {
		switch (id) {
		case 1:
			*chunk_count = get_count(p, 16);
			g->chunks = pp_arena_calloc(&p->f->arena,
			    *chunk_count + 1, sizeof *g->chunks);
			for (size_t i = 0; i < *chunk_count && !p->r.failed;
			     i++)
				read_chunk(p, &g->chunks[i]);
			break;
		case 2: g->raw_bytes = pp_thrift_get_int(&p->r); break;
		case 3: g->rows = pp_thrift_get_int(&p->r); break;
		case 6: g->bytes = pp_thrift_get_int(&p->r); break;
		default: pp_thrift_skip(&p->r);
		}
	}
	pp_thrift_leave(&p->r);
}

static int
check_chunk(const struct pp_pqfile *f, size_t leaf,
    const struct pp_pqchunk_info *c, struct pp_error *err)
{
	const struct pp_pqelement *e = f->leaves[leaf];
	int64_t start = c->dict_offset > 0 && c->dict_offset < c->data_offset ?
	    c->dict_offset :
	    c->data_offset;

	if (c->entries == 0) /* nothing of it is ever read */
		return 0;
	if (c->physical != e->physical || c->entries < 0 || c->bytes < 0 ||
	    start < 4 || start > f->size_bytes ||
	    c->bytes > f->size_bytes - start)
		return pp_error_set(err, PP_EDATA,
		    "'%s': column '%s' lies "
		    "outside of the file",
		    f->name, e->name);
	return 0;
}

static void
read_groups(struct footer *p, bool *damaged)
{
	struct pp_pqfile *f = p->f;
	size_t count = get_count(p, 4), chunks;

	f->groups = pp_arena_calloc(&f->arena, count + 1, sizeof *f->groups);
	f->group_count = count;
	for (size_t i = 0; i < count && !p->r.failed; i++) {
		read_group(p, &f->groups[i], &chunks);
		if (chunks != f->leaf_count || f->groups[i].rows < 0)
			*damaged = true;
	}
}

static int
check_groups(const struct pp_pqfile *f, struct pp_error *err)
{
	int64_t rows = 0;

	for (size_t i = 0; i < f->group_count; i++) {
		if (__builtin_add_overflow(rows, f->groups[i].rows, &rows))
			rows = -1;
		for (size_t j = 0; j < f->leaf_count; j++)
			if (check_chunk(f, j, &f->groups[i].chunks[j], err) < 0)
				return -1;
	}
	return rows == f->rows ?
	    0 :
	    pp_error_set(err, PP_EDATA,
		"'%s' has row groups of %lld rows and says %lld", f->name,
		(long long)rows, (long long)f->rows);
}

/* ---- the footer ---- */

static void
read_keys(struct footer *p)
{
	struct pp_pqfile *f = p->f;
	size_t count = get_count(p, 2);

	f->keys = pp_arena_calloc(&f->arena, count + 1, sizeof *f->keys);
	f->key_count = count;
	for (size_t i = 0; i < count; i++) {
		int id;

		f->keys[i].key = f->keys[i].value = "";
		pp_thrift_enter(&p->r);
		while ((id = pp_thrift_next(&p->r)) != 0) {
			if (id == 1)
				f->keys[i].key = get_string(p);
			else if (id == 2)
				f->keys[i].value = get_string(p);
			else
				pp_thrift_skip(&p->r);
		}
		pp_thrift_leave(&p->r);
	}
}

/* struct FileMetaData. The schema stands before the row groups. */
static int
read_footer(struct pp_pqfile *f, struct pp_error *err)
{
	struct footer p = { .f = f };
	bool damaged = false;
	int id;

	pp_thrift_read(&p.r, f->footer.data, f->footer.len);
	while ((id = pp_thrift_next(&p.r)) != 0) {
		switch (id) {
		case 2:
			if (f->root != NULL) /* chunks go by the first */
				damaged = true;
			if (damaged)
				goto out;
			read_schema(&p);
			if (p.r.failed)
				goto out;
			f->root = make_tree(&p, NULL, 0, err);
			if (f->root == NULL)
				return -1;
			break;
		case 3: f->rows = pp_thrift_get_int(&p.r); break;
		case 4: read_groups(&p, &damaged); break;
		case 5: read_keys(&p); break;
		case 6: f->created_by = get_string(&p); break;
		default: pp_thrift_skip(&p.r);
		}
	}
out:
	if (p.r.failed || damaged || f->root == NULL ||
	    p.next != f->element_count)
		return pp_error_set(err, PP_EDATA, "'%s' has a damaged footer",
		    f->name);
	return check_groups(f, err);
}

int
pp_pqfile_open(struct pp_pqfile *f, int fd, const char *name,
    struct pp_error *err)
{
	unsigned char tail[TAIL_BYTES];
	struct stat st;
	size_t len;

	*f = (struct pp_pqfile){
		.fd = fd, .name = name, .footer = PP_BUF_INIT, .created_by = ""
	};
	pp_arena_init(&f->arena, 0);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return pp_error_set(err, PP_EDATA,
		    "'%s' is not a file that can be read from its end", name);
	f->size_bytes = st.st_size;
	if (f->size_bytes < 4 + TAIL_BYTES)
		return pp_error_set(err, PP_EDATA, "'%s' is not Parquet", name);
	if (pp_pqfile_read(f, f->size_bytes - TAIL_BYTES, tail, TAIL_BYTES,
		err) < 0)
		return -1;
	if (memcmp(tail + 4, MAGIC, 4) != 0)
		return pp_error_set(err, PP_EDATA,
		    memcmp(tail + 4, "PARE", 4) == 0 ? "'%s' is encrypted" :
						       "'%s' is not Parquet",
		    name);
	len = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 |
	    (size_t)tail[3] << 24;
	if (len > PP_PQ_MAX_FOOTER_BYTES ||
	    (int64_t)len > f->size_bytes - 4 - TAIL_BYTES)
		return pp_error_set(err, PP_EDATA, "'%s' has a damaged footer",
		    name);
	pp_buf_reserve(&f->footer, len);
	if (pp_pqfile_read(f, f->size_bytes - TAIL_BYTES - (int64_t)len,
		f->footer.data, len, err) < 0)
		return -1;
	f->footer.len = len;
	return read_footer(f, err);
}

void
pp_pqfile_release(struct pp_pqfile *f)
{
	pp_arena_release(&f->arena);
	pp_buf_release(&f->footer);
}
