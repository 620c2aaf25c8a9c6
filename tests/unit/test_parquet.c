/*
 * Parquet by ourselves: packed numbers, thrift, compression, files written
 * and read back, damaged files. Other readers are asked in tests/oracle.
 */
#include <config.h>

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/rand.h"
#include "export/bitpack.h"
#include "export/codec.h"
#include "export/export.h"
#include "export/pqdescribe.h"
#include "export/pqfile.h"
#include "export/pqrows.h"
#include "export/thrift.h"

/* ---- packed numbers ---- */

static void
widths_are_counted_in_bits(void **state)
{
	(void)state;
	assert_int_equal(pp_bits_for(0), 0);
	assert_int_equal(pp_bits_for(1), 1);
	assert_int_equal(pp_bits_for(255), 8);
	assert_int_equal(pp_bits_for(256), 9);
	assert_int_equal(pp_bits_for(UINT64_MAX), 64);
}

static void
check_hybrid(const uint32_t *v, size_t count, int bits)
{
	struct pp_buf out = PP_BUF_INIT;
	uint32_t *got = pp_calloc(count, sizeof *got);
	size_t used;

	pp_hybrid_put(&out, v, count, bits);
	assert_true(pp_hybrid_get((unsigned char *)out.data, out.len, bits, got,
	    count, &used));
	assert_memory_equal(v, got, count * sizeof *v);
	assert_true(count == 0 || used == out.len);
	if (out.len > 0 && count > 0)
		assert_false(pp_hybrid_get((unsigned char *)out.data,
		    out.len - 1, bits, got, count, NULL));
	pp_buf_release(&out);
	free(got);
}

static void
runs_and_groups_come_back(void **state)
{
	struct pp_rand r;
	uint32_t v[1000];

	(void)state;
	pp_rand_seed(&r, 1);
	for (int trial = 0; trial < 400; trial++) {
		size_t count = pp_rand_below(&r, 1000) + 1, i = 0;
		int bits = (int)pp_rand_below(&r, 32) + 1;

		while (i < count) {
			size_t run = pp_rand_below(&r, 3) == 0 ?
			    pp_rand_below(&r, 40) + 1 :
			    1;
			uint32_t x = (uint32_t)pp_rand_next(&r) >> (32 - bits);

			for (; run > 0 && i < count; run--)
				v[i++] = x;
		}
		check_hybrid(v, count, bits);
	}
}

/* The example of the specification: 0 to 7 in three bits each. */
static void
groups_are_packed_from_the_lowest_bit(void **state)
{
	static const uint32_t v[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct pp_buf out = PP_BUF_INIT;

	(void)state;
	pp_hybrid_put(&out, v, 8, 3);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "\x03\x88\xc6\xfa", 4);
	pp_buf_release(&out);
}

static void
deltas_come_back(void **state)
{
	static const int64_t ends[] = { INT64_MIN, INT64_MAX, 0, INT64_MAX,
		INT64_MIN, -1, 1 };
	struct pp_buf out = PP_BUF_INIT;
	int64_t v[700], got[700];
	struct pp_rand r;
	size_t used;

	(void)state;
	pp_rand_seed(&r, 2);
	for (size_t count = 0; count <= 700; count += count < 140 ? 1 : 31) {
		int bits = (int)pp_rand_below(&r, 64);

		for (size_t i = 0; i < count; i++)
			v[i] = bits == 0 ? ends[i % 7] :
					   (int64_t)(pp_rand_next(&r) >> bits);
		pp_buf_clear(&out);
		pp_delta_put(&out, v, count);
		assert_true(pp_delta_get((unsigned char *)out.data, out.len,
		    got, count, &used));
		assert_int_equal(used, out.len);
		assert_memory_equal(v, got, count * sizeof *v);
		assert_false(pp_delta_get((unsigned char *)out.data, out.len,
		    got, count + 1, NULL));
	}
	pp_buf_release(&out);
}

/* ---- thrift ---- */

static void
thrift_comes_back(void **state)
{
	struct pp_buf out = PP_BUF_INIT;
	struct pp_thrift_reader r;
	struct pp_thrift t;
	const char *text;
	size_t len;

	(void)state;
	pp_thrift_init(&t, &out);
	pp_thrift_i32(&t, 1, -5);
	pp_thrift_i64(&t, 20, INT64_MIN);
	pp_thrift_bool(&t, 21, true);
	pp_thrift_begin(&t, 22);
	pp_thrift_string(&t, 1, "abc");
	pp_thrift_list(&t, 2, PP_THRIFT_I32, 20);
	for (int i = 0; i < 20; i++)
		pp_thrift_item_int(&t, i);
	pp_thrift_end(&t);
	pp_thrift_bool(&t, 23, false);
	pp_thrift_end(&t);

	pp_thrift_read(&r, out.data, out.len);
	assert_int_equal(pp_thrift_next(&r), 1);
	assert_int_equal(pp_thrift_get_int(&r), -5);
	assert_int_equal(pp_thrift_next(&r), 20);
	assert_int_equal(pp_thrift_get_int(&r), INT64_MIN);
	assert_int_equal(pp_thrift_next(&r), 21);
	assert_true(pp_thrift_get_bool(&r));
	assert_int_equal(pp_thrift_next(&r), 22);
	pp_thrift_enter(&r);
	assert_int_equal(pp_thrift_next(&r), 1);
	text = pp_thrift_get_binary(&r, &len);
	assert_memory_equal(text, "abc", 3);
	assert_int_equal(pp_thrift_next(&r), 2);
	pp_thrift_skip(&r);
	assert_int_equal(pp_thrift_next(&r), 0);
	pp_thrift_leave(&r);
	assert_int_equal(pp_thrift_next(&r), 23);
	assert_false(pp_thrift_get_bool(&r));
	assert_int_equal(pp_thrift_next(&r), 0);
	assert_false(r.failed);

	/* cut anywhere, it fails and ends */
	for (size_t cut = 0; cut < out.len; cut++) {
		pp_thrift_read(&r, out.data, cut);
		while (pp_thrift_next(&r) != 0)
			pp_thrift_skip(&r);
		assert_true(r.failed);
	}
	pp_buf_release(&out);
}

/* ---- compression ---- */

static void
blocks_come_back_from_each_codec(void **state)
{
	static const char *const names[] = { "none", "zstd", "zstd:19",
		"snappy", "gzip", "gzip:1" };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf packed = PP_BUF_INIT;
	char data[10000], back[10000];
	enum pp_codec_kind kind;
	int level;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)("abcdefgh"[i % 8] + (i % 97 == 0));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct pp_codec *c;

		if (pp_codec_parse(names[i], &kind, &level, &err) < 0) {
			assert_non_null(strstr(err.text, "built without"));
			continue;
		}
		c = pp_codec_new(kind, level);
		for (size_t len = 0; len <= sizeof data; len += 5000) {
			assert_ok(pp_codec_compress(c, data, len, &packed,
				      &err),
			    err);
			assert_ok(pp_codec_decompress(kind, packed.data,
				      packed.len, back, len, &err),
			    err);
			assert_memory_equal(data, back, len);
			assert_fails(pp_codec_decompress(kind, packed.data,
					 packed.len, back, len + 1, &err),
			    err, PP_EDATA);
		}
		pp_codec_free(c);
	}
	assert_fails(pp_codec_parse("lz4", &kind, &level, &err), err,
	    PP_EUSAGE);
	assert_fails(pp_codec_parse("snappy:3", &kind, &level, &err), err,
	    PP_EUSAGE);
	pp_buf_release(&packed);
}

/* ---- whole files ---- */

static char path[] = "/tmp/pp-test-parquet.XXXXXX";

static int
make_file(void **state)
{
	int fd;

	(void)state;
	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	return fd >= 0 ? close(fd) : -1;
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* A source of rows in memory. */
struct text_rows {
	struct pp_rows base;
	const char *text, *at;
};

static int
text_next(struct pp_rows *r, const char **text, size_t *len,
    struct pp_error *err)
{
	struct text_rows *t = (struct text_rows *)r;
	const char *end = strchr(t->at, '\n');

	(void)err;
	if (end == NULL)
		return 0;
	*text = t->at;
	*len = (size_t)(end - t->at);
	t->at = end + 1;
	r->number++;
	return 1;
}

static int
text_rewind(struct pp_rows *r, struct pp_error *err)
{
	struct text_rows *t = (struct text_rows *)r;

	(void)err;
	t->at = t->text;
	r->number = 0;
	return 0;
}

static void
write_parquet(const char *text, struct pp_export_options *o)
{
	struct pp_error err = PP_ERROR_INIT;
	struct text_rows rows = { .base = { .next = text_next,
				      .rewind = text_rewind,
				      .name = "rows" },
		.text = text,
		.at = text };

	o->formats = PP_EXPORT_PARQUET;
	o->fd = open(path, O_WRONLY | O_TRUNC);
	o->fd_name = path;
	assert_true(o->fd >= 0);
	assert_ok(pp_export_run(o, &rows.base, NULL, &err), err);
	close(o->fd);
}

/* All rows of the file; -1 with `err`. */
static int
read_parquet(struct pp_buf *out, struct pp_error *err)
{
	struct pp_pqrows *rows;
	struct pp_pqfile f;
	int fd = open(path, O_RDONLY), rc;

	assert_true(fd >= 0);
	rc = pp_pqfile_open(&f, fd, path, err);
	if (rc == 0) {
		rows = pp_pqrows_new(&f);
		while ((rc = pp_pqrows_next(rows, out, err)) > 0)
			pp_buf_addc(out, '\n');
		pp_pqrows_free(rows);
	}
	pp_pqfile_release(&f);
	close(fd);
	return rc;
}

static void
check_parquet(const char *name, const char *in, const char *expected,
    struct pp_export_options *o)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf out = PP_BUF_INIT;

	write_parquet(in, o);
	assert_ok(read_parquet(&out, &err), err);
	if (strcmp(out.data, expected) != 0)
		fail_msg("%s: %.500s", name, out.data);
	pp_buf_release(&out);
}

static void
rows_come_back_from_parquet(void **state)
{
	static const struct {
		const char *name, *in, *out; /* out NULL: as in */
	} rows[] = {
		{ "none", "", NULL },
		{ "scalars",
		    "{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":1.5}\n"
		    "{\"a\":null,\"b\":null,\"c\":null,\"d\":null}\n"
		    "{\"a\":-9223372036854775808,\"b\":\"\","
		    "\"c\":false,\"d\":1e+300}\n",
		    NULL },
		{ "missing is null", "{\"a\":1}\n{\"b\":2}\n",
		    "{\"a\":1,\"b\":null}\n{\"a\":null,\"b\":2}\n" },
		{ "lists",
		    "{\"l\":[1,null,2]}\n{\"l\":[]}\n{\"l\":null}\n"
		    "{\"l\":[3]}\n",
		    NULL },
		{ "lists of lists",
		    "{\"l\":[[1],[],null,[2,3]]}\n"
		    "{\"l\":[[null]]}\n{\"l\":[]}\n",
		    NULL },
		{ "structs",
		    "{\"s\":{\"a\":1,\"b\":[\"x\"]}}\n"
		    "{\"s\":null}\n{\"s\":{\"a\":null,\"b\":null}}\n",
		    NULL },
		{ "structs in lists",
		    "{\"l\":[{\"a\":1},null,{\"a\":null}]}\n"
		    "{\"l\":[]}\n",
		    NULL },
		{ "JSON",
		    "{\"j\":[1,\"a\"]}\n{\"j\":\"text\"}\n{\"j\":{}}\n"
		    "{\"j\":1}\n{\"j\":null}\n",
		    NULL },
		{ "empty objects", "{\"e\":{}}\n{\"e\":null}\n", NULL },
		{ "names", "{\"\":1,\"a.b\":{\"c\\\"d\":2},\"é\":3}\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;
		const char *out = rows[i].out != NULL ? rows[i].out :
							rows[i].in;

		check_parquet(rows[i].name, rows[i].in, out, &o);
		o.parquet_page_v2 = true;
		check_parquet(rows[i].name, rows[i].in, out, &o);
	}
}

static void
declared_types_come_back(void **state)
{
	static const char *const types[] = { "t=timestamp", "m=decimal(18,9)",
		"u=uuid", "d=double", "n=decimal(5,0)" };
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;

	(void)state;
	o.types = types;
	o.type_count = 5;
	check_parquet("declared",
	    "{\"t\":\"1969-12-31T23:59:59.999999Z\",\"m\":\"-0.000000001\","
	    "\"u\":\"0190A000-0000-7000-8000-00000000000f\",\"d\":\"NaN\","
	    "\"n\":\"-12345\"}\n"
	    "{\"t\":\"2025-01-02T03:04:05+01:00\",\"m\":12.5,\"u\":null,"
	    "\"d\":\"-Infinity\",\"n\":0}\n",
	    "{\"t\":\"1969-12-31T23:59:59.999999Z\",\"m\":\"-0.000000001\","
	    "\"u\":\"0190a000-0000-7000-8000-00000000000f\",\"d\":\"NaN\","
	    "\"n\":\"-12345\"}\n"
	    "{\"t\":\"2025-01-02T02:04:05Z\",\"m\":\"12.500000000\","
	    "\"u\":null,\"d\":\"-Infinity\",\"n\":\"0\"}\n",
	    &o);
}

/* Columns for each encoding, over several pages. */
static void
put_many_rows(struct pp_buf *out, int count)
{
	struct pp_rand r;

	pp_rand_seed(&r, 3);
	for (int i = 0; i < count; i++) {
		pp_buf_addf(out, "{\"delta\":%d,\"few\":\"value %d\",", i * 3,
		    i % 50);
		pp_buf_addf(out, "\"random\":%lld,\"near\":\"row-%08d\",",
		    (long long)pp_rand_next(&r), i);
		pp_buf_addf(out, "\"far\":\"%016llx\",\"long\":\"%0300d\",",
		    (unsigned long long)pp_rand_next(&r), i * 7919);
		pp_buf_addf(out, "\"bit\":%s,\"list\":[%d,%d]}\n",
		    i % 3 == 0 ? "true" : "false", i, i % 7);
	}
}

static void
many_rows_come_back_from_each_codec(void **state)
{
	static const char *const names[] = { "none", "zstd", "zstd:3", "snappy",
		"gzip" };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf rows = PP_BUF_INIT;

	(void)state;
	put_many_rows(&rows, 12000);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;

		if (pp_codec_parse(names[i], &o.parquet_codec, &o.parquet_level,
			&err) < 0)
			continue;
		o.parquet_page_v2 = i % 2 == 1;
		check_parquet(names[i], rows.data, rows.data, &o);
	}
	pp_buf_release(&rows);
}

static void
columns_choose_their_encodings(void **state)
{
	static const struct {
		const char *column, *type, *encodings, *min, *max;
	} expected[] = {
		{ "delta", "int64", "delta", "0", "35997" },
		{ "few", "string", "plain dictionary", "\"value 0\"",
		    "\"value 9\"" },
		{ "random", "int64", "plain", NULL, NULL },
		{ "near", "string", "delta-text", "\"row-00000000\"",
		    "\"row-00011999\"" },
		{ "far", "string", "delta-length", NULL, NULL },
		{ "long", "string", "plain", NULL, NULL },
		{ "bit", "boolean", "plain", "false", "true" },
		{ "list.list.element", "int64", "plain dictionary", "0",
		    "11999" },
	};
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf rows = PP_BUF_INIT;
	struct pp_pqdescription d;
	struct pp_pqfile f;
	int fd;

	(void)state;
	put_many_rows(&rows, 12000);
	write_parquet(rows.data, &o);
	fd = open(path, O_RDONLY);
	assert_ok(pp_pqfile_open(&f, fd, path, &err), err);
	assert_int_equal(f.leaf_count, 8);
	for (size_t i = 0; i < f.leaf_count; i++) {
		pp_pqdescribe(&f, i, &d);
		assert_string_equal(d.name.data, expected[i].column);
		assert_string_equal(d.type.data, expected[i].type);
		assert_string_equal(d.encodings.data, expected[i].encodings);
		if (expected[i].min != NULL) {
			assert_string_equal(d.min.data, expected[i].min);
			assert_string_equal(d.max.data, expected[i].max);
		}
		assert_int_equal(d.nulls, 0);
		pp_pqdescription_release(&d);
	}
	pp_pqfile_release(&f);
	close(fd);
	pp_buf_release(&rows);
}

static void
long_bounds_are_cut_and_still_hold(void **state)
{
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf row = PP_BUF_INIT;
	struct pp_pqdescription d;
	struct pp_pqfile f;
	int fd;

	(void)state;
	pp_buf_adds(&row, "{\"s\":\"");
	for (int i = 0; i < 100; i++)
		pp_buf_adds(&row, "é");
	pp_buf_adds(&row, "\"}\n");
	write_parquet(row.data, &o);
	fd = open(path, O_RDONLY);
	assert_ok(pp_pqfile_open(&f, fd, path, &err), err);
	pp_pqdescribe(&f, 0, &d);
	assert_int_equal(d.min.len, 2 + 64);
	assert_int_equal(d.max.len, 2 + 64);
	assert_memory_equal(d.max.data + d.max.len - 5, "éê\"", 5);
	pp_pqdescription_release(&d);
	pp_pqfile_release(&f);
	close(fd);
	pp_buf_release(&row);
}

/* Without the durability of pp_io_write_file(), since it is done often. */
static void
put_file(const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(pp_io_write_all(fd, data, len), 0);
	close(fd);
}

/* Each byte changed in some ways, each length: an answer, and no crash. */
static void
damaged_files_are_refused(void **state)
{
	static const unsigned char changes[] = { 0x01, 0x80, 0xff };
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf good = PP_BUF_INIT, out = PP_BUF_INIT;
	size_t refused = 0;

	(void)state;
	write_parquet(
	    "{\"a\":1,\"l\":[{\"b\":\"x\"},null],\"d\":1.5}\n"
	    "{\"a\":2,\"l\":[],\"d\":null}\n{\"a\":1,\"l\":null,\"d\":-1}\n",
	    &o);
	assert_ok(pp_io_read_file(path, &good, &err), err);
	for (size_t i = 0; i < good.len; i++) {
		char kept = good.data[i];

		for (size_t k = 0; k < sizeof changes; k++) {
			good.data[i] = (char)(kept ^ (char)changes[k]);
			put_file(good.data, good.len);
			pp_buf_clear(&out);
			if (read_parquet(&out, &err) < 0) {
				assert_int_equal(err.code, PP_EDATA);
				refused++;
			}
		}
		good.data[i] = kept;
		put_file(good.data, i);
		assert_fails(read_parquet(&out, &err), err, PP_EDATA);
	}
	/* names, statistics and metadata may change unseen, values may not */
	assert_true(refused > good.len);
	pp_buf_release(&good);
	pp_buf_release(&out);
}

#define WITH_FILE(test) \
	cmocka_unit_test_setup_teardown(test, make_file, remove_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_are_counted_in_bits),
		cmocka_unit_test(runs_and_groups_come_back),
		cmocka_unit_test(groups_are_packed_from_the_lowest_bit),
		cmocka_unit_test(deltas_come_back),
		cmocka_unit_test(thrift_comes_back),
		cmocka_unit_test(blocks_come_back_from_each_codec),
		WITH_FILE(rows_come_back_from_parquet),
		WITH_FILE(declared_types_come_back),
		WITH_FILE(many_rows_come_back_from_each_codec),
		WITH_FILE(columns_choose_their_encodings),
		WITH_FILE(long_bounds_are_cut_and_still_hold),
		WITH_FILE(damaged_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
