/* Errors, buffers, arenas, text, time, hashes, ids, money, files. */
#include <config.h>

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/io.h"
#include "base/money.h"
#include "base/rand.h"
#include "base/str.h"

static void
errors_are_one_line_and_wrap(void **state)
{
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_int_equal(pp_error_set(&err, PP_EDATA, "bad '%s'", "a\nb"), -1);
	assert_string_equal(err.text, "bad 'a b'");
	pp_error_wrap(&err, "cannot read '%s'", "x.yaml");
	assert_string_equal(err.text, "cannot read 'x.yaml': bad 'a b'");
	assert_int_equal(err.code, PP_EDATA);
	assert_int_equal(pp_code_exit_status(PP_EDATA), 65);
}

static void
a_long_error_is_cut_between_characters(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf b = PP_BUF_INIT;

	(void)state;
	for (int i = 0; i < 600; i++)
		pp_buf_adds(&b, "é");
	pp_error_set(&err, PP_EDATA, "x%s", b.data);
	assert_true(pp_utf8_valid(err.text, strlen(err.text), NULL));
	pp_error_wrap(&err, "a%s", "b");
	assert_true(pp_utf8_valid(err.text, strlen(err.text), NULL));
	pp_buf_release(&b);
}

static void
a_buffer_stops_at_its_ceiling(void **state)
{
	struct pp_buf b = PP_BUF_INIT_MAX(5);

	(void)state;
	assert_int_equal(pp_buf_adds(&b, "abc"), 0);
	assert_int_equal(pp_buf_adds(&b, "def"), -1);
	assert_true(b.overflow);
	assert_string_equal(b.data, "abc");
	assert_int_equal(pp_buf_addf(&b, "%d", 1234), -1);
	assert_string_equal(b.data, "abc");
	assert_int_equal(pp_buf_addf(&b, "%d", 12), 0);
	assert_string_equal(b.data, "abc12");
	pp_buf_release(&b);
	assert_string_equal(b.data, "");
}

static void
buffers_format_and_detach(void **state)
{
	struct pp_buf b = PP_BUF_INIT;
	size_t len;
	char *s;

	(void)state;
	for (int i = 0; i < 200; i++)
		pp_buf_addf(&b, "%d,", i);
	pp_buf_consume(&b, 2);
	assert_memory_equal(b.data, "1,2,3", 5);
	s = pp_buf_detach(&b, &len);
	assert_int_equal(strlen(s), len);
	free(s);
	s = pp_buf_detach(&b, &len);
	assert_string_equal(s, "");
	free(s);
}

static void
an_arena_aligns_bounds_and_resets(void **state)
{
	struct pp_arena a = PP_ARENA_INIT;

	(void)state;
	for (int i = 1; i < 3000; i++)
		assert_int_equal((uintptr_t)pp_arena_alloc(&a, (size_t)i) % 16,
		    0);
	pp_arena_reset(&a);
	assert_int_equal(a.used_bytes, 0);
	a.max_bytes = 100;
	assert_non_null(pp_arena_try(&a, 90));
	assert_null(pp_arena_try(&a, 90));
	pp_arena_release(&a);
}

static void
a_shrunk_arena_keeps_its_first_block(void **state)
{
	struct pp_arena a = PP_ARENA_INIT;
	char *first, *at;

	(void)state;
	pp_arena_shrink(&a);
	first = pp_arena_alloc(&a, 16);
	for (int i = 0; i < 100; i++)
		pp_arena_alloc(&a, 1000);
	pp_arena_shrink(&a);
	assert_int_equal(a.used_bytes, 0);
	at = pp_arena_alloc(&a, 16);
	assert_ptr_equal(at, first);
	pp_arena_release(&a);
}

static void
utf8_is_checked_as_rfc_3629_has_it(void **state)
{
	static const struct {
		const char *name, *text;
		bool valid;
		size_t bad;
	} rows[] = {
		{ "ascii", "hello world, long enough", true, 0 },
		{ "two, three, four bytes", "é€😀", true, 0 },
		{ "overlong slash", "ab\xc0\xaf", false, 2 },
		{ "overlong three", "\xe0\x80\xaf", false, 0 },
		{ "surrogate", "\xed\xa0\x80", false, 0 },
		{ "above U+10FFFF", "\xf4\x90\x80\x80", false, 0 },
		{ "cut", "12345678\xe2\x82", false, 8 },
		{ "lone continuation", "\x80", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t bad = 0;
		bool valid = pp_utf8_valid(rows[i].text, strlen(rows[i].text),
		    &bad);

		if (valid != rows[i].valid || bad != rows[i].bad)
			fail_msg("%s", rows[i].name);
	}
}

static void
money_is_exact_decimal_text(void **state)
{
	static const struct {
		const char *text;
		int64_t nusd; /* -1: refused */
		const char *back;
	} rows[] = {
		{ "0.5", 500000000, "0.5" },
		{ "12", INT64_C(12000000000), "12" },
		{ ".000000001", 1, "0.000000001" },
		{ "0.10", 100000000, "0.1" },
		{ "0.1000000000", 100000000, "0.1" },
		{ "0.0000000001", -1, NULL },
		{ "-1", -1, NULL },
		{ "1e400", -1, NULL },
		{ "NaN", -1, NULL },
		{ "", -1, NULL },
		{ ".", -1, NULL },
		{ "1 ", -1, NULL },
		{ "99999999999999999999", -1, NULL },
		{ "9223372037", -1, NULL },
	};
	struct pp_error err = PP_ERROR_INIT;
	char text[PP_MONEY_TEXT_BYTES];
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].nusd < 0) {
			assert_fails(pp_money_parse(rows[i].text, "--budget",
					 &v, &err),
			    err, PP_EUSAGE);
			continue;
		}
		assert_ok(pp_money_parse(rows[i].text, "--budget", &v, &err),
		    err);
		assert_int_equal(v, rows[i].nusd);
		assert_string_equal(pp_money_format(v, text), rows[i].back);
	}
	assert_string_equal(pp_money_show(INT64_C(12000000000), text),
	    "$12.00");
	assert_string_equal(pp_money_show(1, text), "$0.0001");
	assert_int_equal(pp_money_add(INT64_MAX, 1), INT64_MAX);
}

static void
tokens_are_priced_once_and_rounded_up(void **state)
{
	struct pp_token_price parts[] = { { 1, 220000000 }, { 1, 220000000 },
		{ -5, 1 } };
	struct pp_token_price one = { 1, 1 };

	(void)state;
	assert_int_equal(pp_money_tokens(parts, 3), 440);
	assert_int_equal(pp_money_tokens(&one, 1), 1);
}

static void
times_read_back(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char text[PP_TIME_TEXT_BYTES];
	int64_t t;

	(void)state;
	assert_ok(pp_time_parse("2026-11-20T15:04:05.678Z", &t, &err), err);
	assert_string_equal(pp_time_format(t, text),
	    "2026-11-20T15:04:05.678Z");
	assert_ok(pp_time_parse("1969-12-31T23:59:59.5Z", &t, &err), err);
	assert_int_equal(t, -500);
	assert_string_equal(pp_time_format(t, text),
	    "1969-12-31T23:59:59.500Z");
	assert_ok(pp_time_parse("2026-11-20T15:04:05+02:00", &t, &err), err);
	assert_string_equal(pp_time_format(t, text),
	    "2026-11-20T13:04:05.000Z");
	assert_fails(pp_time_parse("2026-13-01", &t, &err), err, PP_EDATA);
	assert_fails(pp_time_parse("yesterday", &t, &err), err, PP_EDATA);
}

/* Bit by bit, as RFC 3720 and RFC 1952 define them. */
static uint32_t
crc_of(uint32_t polynomial, const unsigned char *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
	}
	return ~crc;
}

static void
crcs_are_right_for_any_length_and_place(void **state)
{
	static const struct {
		uint32_t (*of)(uint32_t crc, const void *data, size_t len);
		uint32_t polynomial;
	} crcs[] = { { pp_crc32c, 0x82f63b78 }, { pp_crc32, 0xedb88320 } };
	unsigned char bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 37 + i / 7 + 11);
	for (size_t n = 0; n < 2 * sizeof bytes * 9; n++) {
		const unsigned char *p = bytes + n / 2 % 9;
		size_t len = n / 18, third = len / 3;
		uint32_t want, part;

		if (p + len > bytes + sizeof bytes)
			continue;
		want = crc_of(crcs[n % 2].polynomial, p, len);
		part = crcs[n % 2].of(0, p, third);
		assert_int_equal(crcs[n % 2].of(0, p, len), want);
		assert_int_equal(crcs[n % 2].of(part, p + third, len - third),
		    want);
	}
}

static void
check_sums_match_published_values(void **state)
{
	char hex[PP_SHA256_HEX_BYTES];

	(void)state;
	assert_int_equal(pp_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(pp_crc32(0, "123456789", 9), 0xcbf43926);
	assert_true(pp_xxh64("", 0, 0) == UINT64_C(0xef46db3751d8e999));
	assert_true(pp_xxh64("abc", 3, 0) == UINT64_C(0x44bc2cf5ad770999));
	assert_true(pp_xxh64("Nobody inspects the spammish repetition", 39,
			0) == UINT64_C(0xfbcea83c8a378bf1));
	assert_int_equal(pp_crc32(pp_crc32(0, "1234", 4), "56789", 5),
	    0xcbf43926);
	assert_string_equal(pp_sha256_hex("abc", 3, hex),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
ids_are_valid_and_rise(void **state)
{
	char a[PP_ID_BYTES], b[PP_ID_BYTES];

	(void)state;
	pp_id_new(a);
	for (int i = 0; i < 10000; i++) {
		pp_id_new(b);
		assert_true(pp_id_valid(b));
		assert_true(strcmp(a, b) < 0);
		memcpy(a, b, sizeof a);
	}
	assert_false(pp_id_valid("0192f0c1"));
}

static void
chance_repeats_and_is_even(void **state)
{
	struct pp_rand a, b;
	int counts[3] = { 0 };

	(void)state;
	pp_rand_seed(&a, 7);
	pp_rand_seed(&b, 7);
	for (int i = 0; i < 30000; i++) {
		uint64_t v = pp_rand_below(&a, 3);

		assert_int_equal(v, pp_rand_below(&b, 3));
		counts[v]++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 9500, 10500);
}

static void
durations_and_sizes_take_units(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	int64_t v;

	(void)state;
	assert_ok(pp_parse_duration_ms("1.5s", "--x", &v, &err), err);
	assert_int_equal(v, 1500);
	assert_ok(pp_parse_duration_ms("10m", "--x", &v, &err), err);
	assert_int_equal(v, 600000);
	assert_ok(pp_parse_duration_ms("1w", "--x", &v, &err), err);
	assert_int_equal(v, 604800000);
	assert_fails(pp_parse_duration_ms("-1s", "--x", &v, &err), err,
	    PP_EUSAGE);
	assert_fails(pp_parse_duration_ms("0x10s", "--x", &v, &err), err,
	    PP_EUSAGE);
	assert_fails(pp_parse_duration_ms("infs", "--x", &v, &err), err,
	    PP_EUSAGE);
	assert_ok(pp_parse_size("8MiB", "--x", &v, &err), err);
	assert_int_equal(v, 8 << 20);
	assert_fails(pp_parse_int("12x", "--n", 0, 100, &v, &err), err,
	    PP_EUSAGE);
	assert_fails(pp_parse_int("101", "--n", 0, 100, &v, &err), err,
	    PP_EUSAGE);
	assert_fails(pp_parse_int("99999999999999999999", "--n", 0, 100, &v,
			 &err),
	    err, PP_EUSAGE);
}

/* Halves are rounded up, whatever the processor's long double is. */
static void
fractions_of_units_are_exact(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes, ms;
	} rows[] = {
		{ "0", 0, 0 },
		{ "0.5", 1, 500 },
		{ "1.4999", 1, 1500 },
		{ "1.49949", 1, 1499 },
		{ "0.0000635M", 64, -1 },
		{ "0.0019605M", 1961, -1 },
		{ "0.00013375h", -1, 482 },
		{ "0.00050125h", -1, 1805 },
		{ "1.5KiB", 1536, -1 },
		{ "0.99999999999999999999GB", 1000000000, -1 },
		{ "9000000000000000000", INT64_C(9000000000000000000), -1 },
		{ "9000000000000000000.5", -1, -1 },
		{ "99999999999999999999", -1, -1 },
		{ "9000000001GB", -1, -1 },
		{ "1e3", -1, -1 },
		{ "1.5.5", -1, -1 },
		{ ".5", -1, -1 },
		{ "5 k", -1, -1 },
		{ "", -1, -1 },
	};
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t bytes = -1, ms = -1;

		pp_parse_size(rows[i].text, "--x", &bytes, &err);
		pp_parse_duration_ms(rows[i].text, "--x", &ms, &err);
		if (bytes != rows[i].bytes || ms != rows[i].ms)
			fail_msg("%s: %lld bytes, %lld ms", rows[i].text,
			    (long long)bytes, (long long)ms);
	}
}

static void
lines_keep_number_and_offset(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_lines l;
	int fds[2];
	char *line;
	size_t len;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pp_io_write_all(fds[1], "a\r\n\nlast", 8), 0);
	close(fds[1]);
	pp_lines_init(&l, fds[0], "pipe", 100);
	assert_int_equal(pp_lines_next(&l, &line, &len, &err), 1);
	assert_string_equal(line, "a");
	assert_int_equal(pp_lines_next(&l, &line, &len, &err), 1);
	assert_int_equal(len, 0);
	assert_int_equal(pp_lines_next(&l, &line, &len, &err), 1);
	assert_string_equal(line, "last");
	assert_int_equal(l.number, 3);
	assert_int_equal(l.offset, 4);
	assert_int_equal(pp_lines_next(&l, &line, &len, &err), 0);
	pp_lines_release(&l);
	close(fds[0]);
}

static void
a_byte_order_mark_begins_the_first_line_alone(void **state)
{
	static const struct {
		const char *name, *text, *first, *second;
		int64_t offset; /* of the first */
	} rows[] = {
		{ "none", "a\nb", "a", "b", 0 },
		{ "one",
		    "\xef\xbb\xbf"
		    "a\nb",
		    "a", "b", 3 },
		{ "two",
		    "\xef\xbb\xbf\xef\xbb\xbf"
		    "a\n",
		    "\xef\xbb\xbf"
		    "a",
		    NULL, 3 },
		{ "alone", "\xef\xbb\xbf", "", NULL, 3 },
		{ "a part", "\xef\xbb", "\xef\xbb", NULL, 0 },
		{ "on the second line",
		    "a\n\xef\xbb\xbf"
		    "b",
		    "a",
		    "\xef\xbb\xbf"
		    "b",
		    0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_error err = PP_ERROR_INIT;
		struct pp_lines l;
		int fds[2], rc;
		char *line;
		size_t len;

		assert_int_equal(pipe(fds), 0);
		assert_int_equal(pp_io_write_all(fds[1], rows[i].text,
				     strlen(rows[i].text)),
		    0);
		close(fds[1]);
		pp_lines_init(&l, fds[0], rows[i].name, 100);
		assert_int_equal(pp_lines_next(&l, &line, &len, &err), 1);
		assert_string_equal(line, rows[i].first);
		assert_int_equal(len, strlen(rows[i].first));
		assert_int_equal(l.offset, rows[i].offset);
		rc = pp_lines_next(&l, &line, &len, &err);
		assert_int_equal(rc, rows[i].second != NULL);
		if (rc > 0)
			assert_string_equal(line, rows[i].second);
		pp_lines_release(&l);
		close(fds[0]);
	}
}

static void
a_line_too_long_is_an_error(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	static char big[200000];
	struct pp_lines l;
	FILE *f = tmpfile();
	char *line;
	size_t len;

	(void)state;
	memset(big, 'x', sizeof big);
	assert_non_null(f);
	assert_int_equal(pp_io_write_all(fileno(f), big, sizeof big), 0);
	assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
	pp_lines_init(&l, fileno(f), "big.jsonl", 1000);
	assert_fails(pp_lines_next(&l, &line, &len, &err), err, PP_EDATA);
	assert_non_null(strstr(err.text, "big.jsonl:1: "));
	pp_lines_release(&l);
	fclose(f);
}

static void
a_file_is_written_whole(void **state)
{
	struct pp_error err = PP_ERROR_INIT;
	char dir[] = "/tmp/pp-test-XXXXXX", path[64];
	struct pp_buf b = PP_BUF_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a/b", dir);
	assert_ok(pp_io_make_dirs(path, 0700, &err), err);
	snprintf(path, sizeof path, "%s/a/b/f", dir);
	assert_ok(pp_io_write_file(path, "one", 3, 0600, &err), err);
	assert_ok(pp_io_write_file(path, "two", 3, 0600, &err), err);
	assert_ok(pp_io_read_file(path, &b, &err), err);
	assert_string_equal(b.data, "two");
	pp_buf_release(&b);
	b.max = 2;
	assert_fails(pp_io_read_file(path, &b, &err), err, PP_EDATA);
	pp_buf_release(&b);
	assert_fails(pp_io_read_file("/nowhere/at/all", &b, &err), err,
	    PP_ENOENT);
	unlink(path);
	snprintf(path, sizeof path, "%s/a/b", dir);
	rmdir(path);
	snprintf(path, sizeof path, "%s/a", dir);
	rmdir(path);
	rmdir(dir);
}

static void
words_are_compared_and_named(void **state)
{
	(void)state;
	assert_int_equal(pp_edit_distance("autor", "author"), 1);
	assert_int_equal(pp_edit_distance("", "abc"), 3);
	assert_true(pp_name_valid("creative-writing_v1.2"));
	assert_false(pp_name_valid("../etc"));
	assert_false(pp_name_valid(".hidden"));
	assert_false(pp_name_valid(""));
	assert_false(pp_name_valid("a/b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_one_line_and_wrap),
		cmocka_unit_test(a_long_error_is_cut_between_characters),
		cmocka_unit_test(a_buffer_stops_at_its_ceiling),
		cmocka_unit_test(buffers_format_and_detach),
		cmocka_unit_test(an_arena_aligns_bounds_and_resets),
		cmocka_unit_test(a_shrunk_arena_keeps_its_first_block),
		cmocka_unit_test(utf8_is_checked_as_rfc_3629_has_it),
		cmocka_unit_test(money_is_exact_decimal_text),
		cmocka_unit_test(tokens_are_priced_once_and_rounded_up),
		cmocka_unit_test(times_read_back),
		cmocka_unit_test(check_sums_match_published_values),
		cmocka_unit_test(crcs_are_right_for_any_length_and_place),
		cmocka_unit_test(ids_are_valid_and_rise),
		cmocka_unit_test(chance_repeats_and_is_even),
		cmocka_unit_test(durations_and_sizes_take_units),
		cmocka_unit_test(fractions_of_units_are_exact),
		cmocka_unit_test(lines_keep_number_and_offset),
		cmocka_unit_test(a_byte_order_mark_begins_the_first_line_alone),
		cmocka_unit_test(a_line_too_long_is_an_error),
		cmocka_unit_test(a_file_is_written_whole),
		cmocka_unit_test(words_are_compared_and_named),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
