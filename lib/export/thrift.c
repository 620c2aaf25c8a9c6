#include <config.h>

#include "export/thrift.h"

#include <assert.h>
#include <string.h>

/* ---- writing ---- */

static void
put_varint(struct pp_buf *out, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (char)v;
	pp_buf_add(out, bytes, n);
}

static void
put_zigzag(struct pp_buf *out, int64_t v)
{
	put_varint(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static void
put_field(struct pp_thrift *t, int id, enum pp_thrift_type type)
{
	int step = id - t->last[t->depth];

	if (step > 0 && step <= 15) {
		pp_buf_addc(t->out, (char)(step << 4 | (int)type));
	} else {
		pp_buf_addc(t->out, (char)type);
		put_zigzag(t->out, id);
	}
	t->last[t->depth] = id;
}

void
pp_thrift_init(struct pp_thrift *t, struct pp_buf *out)
{
	*t = (struct pp_thrift){ .out = out };
}

void
pp_thrift_i16(struct pp_thrift *t, int id, int16_t v)
{
	put_field(t, id, PP_THRIFT_I16);
	put_zigzag(t->out, v);
}

void
pp_thrift_i32(struct pp_thrift *t, int id, int32_t v)
{
	put_field(t, id, PP_THRIFT_I32);
	put_zigzag(t->out, v);
}

void
pp_thrift_i64(struct pp_thrift *t, int id, int64_t v)
{
	put_field(t, id, PP_THRIFT_I64);
	put_zigzag(t->out, v);
}

void
pp_thrift_bool(struct pp_thrift *t, int id, bool v)
{
	put_field(t, id, v ? PP_THRIFT_TRUE : PP_THRIFT_FALSE);
}

void
pp_thrift_binary(struct pp_thrift *t, int id, const void *data, size_t len)
{
	put_field(t, id, PP_THRIFT_BINARY);
	pp_thrift_item_binary(t, data, len);
}

void
pp_thrift_string(struct pp_thrift *t, int id, const char *s)
{
	pp_thrift_binary(t, id, s, strlen(s));
}

void
pp_thrift_begin(struct pp_thrift *t, int id)
{
	put_field(t, id, PP_THRIFT_STRUCT);
	pp_thrift_item_begin(t);
}

void
pp_thrift_list(struct pp_thrift *t, int id, enum pp_thrift_type type,
    size_t count)
{
	put_field(t, id, PP_THRIFT_LIST);
	if (count < 15) {
		pp_buf_addc(t->out, (char)(count << 4 | (size_t)type));
	} else {
		pp_buf_addc(t->out, (char)(0xf0 | (int)type));
		put_varint(t->out, count);
	}
}

void
pp_thrift_item_int(struct pp_thrift *t, int64_t v)
{
	put_zigzag(t->out, v);
}

void
pp_thrift_item_bool(struct pp_thrift *t, bool v)
{
	pp_buf_addc(t->out, v ? PP_THRIFT_TRUE : PP_THRIFT_FALSE);
}

void
pp_thrift_item_binary(struct pp_thrift *t, const void *data, size_t len)
{
	put_varint(t->out, len);
	pp_buf_add(t->out, data, len);
}

void
pp_thrift_item_begin(struct pp_thrift *t)
{
	assert(t->depth + 1 < PP_THRIFT_DEPTH);
	t->last[++t->depth] = 0;
}

void
pp_thrift_end(struct pp_thrift *t)
{
	pp_buf_addc(t->out, PP_THRIFT_STOP);
	if (t->depth > 0)
		t->depth--;
}

/* ---- reading ---- */

void
pp_thrift_read(struct pp_thrift_reader *r, const void *data, size_t len)
{
	*r = (struct pp_thrift_reader){ .at = data,
		.end = (const unsigned char *)data + len };
}

static int
fail(struct pp_thrift_reader *r)
{
	r->failed = true;
	r->at = r->end;
	return 0;
}

static unsigned
get_byte(struct pp_thrift_reader *r)
{
	return r->at < r->end ? *r->at++ : (unsigned)fail(r);
}

static uint64_t
get_varint(struct pp_thrift_reader *r)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		unsigned byte = get_byte(r);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	return (uint64_t)fail(r);
}

static int64_t
get_zigzag(struct pp_thrift_reader *r)
{
	uint64_t v = get_varint(r);

	return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

int
pp_thrift_next(struct pp_thrift_reader *r)
{
	unsigned byte = get_byte(r);
	int64_t id;
	int *last;

	r->type = (enum pp_thrift_type)(byte & 15);
	if (r->failed || r->type == PP_THRIFT_STOP)
		return 0;
	last = &r->last[r->depth];
	if (r->type > PP_THRIFT_STRUCT)
		return fail(r);
	id = byte >> 4 != 0 ? *last + (int)(byte >> 4) : get_zigzag(r);
	if (id <= 0 || id > INT16_MAX)
		return fail(r);
	*last = (int)id;
	return *last;
}

int64_t
pp_thrift_get_int(struct pp_thrift_reader *r)
{
	switch (r->type) {
	case PP_THRIFT_BYTE: return (int8_t)get_byte(r);
	case PP_THRIFT_I16:
	case PP_THRIFT_I32:
	case PP_THRIFT_I64: return get_zigzag(r);
	default: return fail(r);
	}
}

bool
pp_thrift_get_bool(struct pp_thrift_reader *r)
{
	if (r->type != PP_THRIFT_TRUE && r->type != PP_THRIFT_FALSE)
		fail(r);
	return r->type == PP_THRIFT_TRUE;
}

const char *
pp_thrift_get_binary(struct pp_thrift_reader *r, size_t *len)
{
	if (r->type != PP_THRIFT_BINARY)
		fail(r);
	return pp_thrift_item_get_binary(r, len);
}

void
pp_thrift_enter(struct pp_thrift_reader *r)
{
	r->depth++;
	if (r->depth >= PP_THRIFT_DEPTH)
		fail(r); /* and nothing is read any more */
	else
		r->last[r->depth] = 0;
}

void
pp_thrift_leave(struct pp_thrift_reader *r)
{
	r->depth--;
}

static size_t
get_list_head(struct pp_thrift_reader *r, enum pp_thrift_type *type)
{
	unsigned byte = get_byte(r);
	uint64_t count = byte >> 4;

	*type = (enum pp_thrift_type)(byte & 15);
	if (count == 15)
		count = get_varint(r);
	if (count > (uint64_t)(r->end - r->at))
		return (size_t)fail(r);
	return (size_t)count;
}

size_t
pp_thrift_get_list(struct pp_thrift_reader *r, enum pp_thrift_type type)
{
	enum pp_thrift_type have;
	size_t count;

	if (r->type != PP_THRIFT_LIST)
		return (size_t)fail(r);
	count = get_list_head(r, &have);
	if (count > 0 && have != type &&
	    !(type == PP_THRIFT_TRUE && have == PP_THRIFT_FALSE))
		return (size_t)fail(r);
	return count;
}

int64_t
pp_thrift_item_get_int(struct pp_thrift_reader *r)
{
	return get_zigzag(r);
}

bool
pp_thrift_item_get_bool(struct pp_thrift_reader *r)
{
	return get_byte(r) == PP_THRIFT_TRUE;
}

const char *
pp_thrift_item_get_binary(struct pp_thrift_reader *r, size_t *len)
{
	uint64_t n = get_varint(r);
	const char *data = (const char *)r->at;

	if (r->failed || n > (uint64_t)(r->end - r->at)) {
		fail(r);
		*len = 0;
		return "";
	}
	r->at += n;
	*len = (size_t)n;
	return data;
}

static void
skip_value(struct pp_thrift_reader *r, enum pp_thrift_type type, bool in_list);

static void
skip_items(struct pp_thrift_reader *r)
{
	enum pp_thrift_type type;
	size_t count = get_list_head(r, &type);

	for (; count > 0 && !r->failed; count--)
		skip_value(r, type, true);
}

static void
skip_map(struct pp_thrift_reader *r)
{
	uint64_t count = get_varint(r);
	unsigned types = count > 0 ? get_byte(r) : 0;

	for (; count > 0 && !r->failed; count--) {
		skip_value(r, (enum pp_thrift_type)(types >> 4), true);
		skip_value(r, (enum pp_thrift_type)(types & 15), true);
	}
}

static void
skip_struct(struct pp_thrift_reader *r)
{
	pp_thrift_enter(r);
	while (pp_thrift_next(r) != 0)
		skip_value(r, r->type, false);
	pp_thrift_leave(r);
}

/* Nesting is bounded by enter() for structs, and here for lists by `depth`. */
static void
skip_value(struct pp_thrift_reader *r, enum pp_thrift_type type, bool in_list)
{
	size_t len;

	r->depth++;
	if (r->depth >= PP_THRIFT_DEPTH)
		fail(r);
	switch (type) {
	case PP_THRIFT_TRUE:
	case PP_THRIFT_FALSE:
		if (in_list)
			get_byte(r);
		break;
	case PP_THRIFT_BYTE: get_byte(r); break;
	case PP_THRIFT_I16:
	case PP_THRIFT_I32:
	case PP_THRIFT_I64: get_varint(r); break;
	case PP_THRIFT_DOUBLE:
		for (int i = 0; i < 8; i++)
			get_byte(r);
		break;
	case PP_THRIFT_BINARY: pp_thrift_item_get_binary(r, &len); break;
	case PP_THRIFT_LIST:
	case PP_THRIFT_SET: skip_items(r); break;
	case PP_THRIFT_MAP: skip_map(r); break;
	case PP_THRIFT_STRUCT: skip_struct(r); break;
	default: fail(r);
	}
	r->depth--;
}

void
pp_thrift_skip(struct pp_thrift_reader *r)
{
	skip_value(r, r->type, false);
}
