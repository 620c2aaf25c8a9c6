/* Objects: whole or not there, conditions, listings. */
#include <config.h>

#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

static struct pp_blob *
blobs(struct fixture *f)
{
	return pp_store_blobs(f->store);
}

static void
put(struct fixture *f, const char *key, const char *text)
{
	assert_ok(pp_blob_put(blobs(f), key, text, strlen(text), PP_BLOB_ALWAYS,
		      NULL, NULL, &f->err),
	    f->err);
}

static void
check_object(struct fixture *f, const char *key, const char *text)
{
	struct pp_buf b = PP_BUF_INIT;

	assert_ok(pp_blob_get(blobs(f), key, &b, NULL, &f->err), f->err);
	assert_string_equal(b.data, text);
	assert_int_equal(b.len, strlen(text));
	pp_buf_release(&b);
}

static void
check_no_object(struct fixture *f, const char *key)
{
	struct pp_buf b = PP_BUF_INIT;
	struct pp_blob_info info;

	assert_fails(pp_blob_get(blobs(f), key, &b, NULL, &f->err), f->err,
	    PP_ENOENT);
	assert_fails(pp_blob_get_range(blobs(f), key, 0, 1, &b, &f->err),
	    f->err, PP_ENOENT);
	assert_fails(pp_blob_head(blobs(f), key, &info, &f->err), f->err,
	    PP_ENOENT);
	pp_buf_release(&b);
}

static void
an_object_comes_back_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	char etag[PP_ETAG_BYTES], again[PP_ETAG_BYTES], other[PP_ETAG_BYTES];
	struct pp_buf b = PP_BUF_INIT;
	struct pp_blob_info info;
	static const char bytes[] = "a\0b\n";

	check_no_object(f, "jobs/x/config.json");
	assert_ok(pp_blob_put(blobs(f), "jobs/x/config.json", bytes,
		      sizeof bytes, PP_BLOB_ALWAYS, NULL, etag, &f->err),
	    f->err);
	pp_buf_adds(&b, "before ");
	assert_ok(pp_blob_get(blobs(f), "jobs/x/config.json", &b, again,
		      &f->err),
	    f->err);
	assert_int_equal(b.len, 7 + sizeof bytes);
	assert_memory_equal(b.data, "before ", 7);
	assert_memory_equal(b.data + 7, bytes, sizeof bytes);
	assert_string_equal(again, etag);
	assert_ok(pp_blob_head(blobs(f), "jobs/x/config.json", &info, &f->err),
	    f->err);
	assert_string_equal(info.key, "jobs/x/config.json");
	assert_string_equal(info.etag, etag);
	assert_int_equal(info.size_bytes, sizeof bytes);
	assert_true(info.modified_ms > 0);
	pp_blob_info_release(&info);

	assert_ok(pp_blob_put(blobs(f), "jobs/x/config.json", "new", 3,
		      PP_BLOB_ALWAYS, NULL, other, &f->err),
	    f->err);
	assert_string_not_equal(other, etag);
	check_object(f, "jobs/x/config.json", "new");
	check_no_object(f, "jobs/x");
	check_no_object(f, "jobs/x/config.json/more");

	assert_ok(pp_blob_put(blobs(f), "empty", "", 0, PP_BLOB_ALWAYS, NULL,
		      etag, &f->err),
	    f->err);
	check_object(f, "empty", "");
	assert_ok(pp_blob_delete(blobs(f), "empty", &f->err), f->err);
	check_no_object(f, "empty");
	assert_ok(pp_blob_delete(blobs(f), "empty", &f->err), f->err);
	pp_buf_release(&b);
}

/*
 * A condition that does not hold. Where replies get lost (PP_FAULTS), it may
 * be that nobody can say whether it did.
 */
static void
check_refused(struct fixture *f, const char *text, enum pp_blob_when when,
    const char *etag)
{
	int rc = pp_blob_put(blobs(f), "k", text, strlen(text), when, etag,
	    NULL, &f->err);

	assert_true(rc < 0);
	if (getenv("PP_FAULTS") == NULL || f->err.code != PP_ETEMP)
		assert_int_equal(f->err.code, PP_ECONFLICT);
}

static void
conditions_hold_or_nothing_is_written(void **state)
{
	struct fixture *f = *state;
	char first[PP_ETAG_BYTES], second[PP_ETAG_BYTES];
	struct pp_blob *b = blobs(f);

	check_refused(f, "x", PP_BLOB_IF_MATCH, "\"0\"");
	check_no_object(f, "k");
	assert_ok(pp_blob_put(b, "k", "1", 1, PP_BLOB_IF_NONE, NULL, first,
		      &f->err),
	    f->err);
	check_refused(f, "2", PP_BLOB_IF_NONE, NULL);
	check_object(f, "k", "1");
	assert_ok(pp_blob_put(b, "k", "2", 1, PP_BLOB_IF_MATCH, first, second,
		      &f->err),
	    f->err);
	check_refused(f, "3", PP_BLOB_IF_MATCH, first);
	check_object(f, "k", "2");
	assert_ok(pp_blob_put(b, "k", "3", 1, PP_BLOB_IF_MATCH, second, NULL,
		      &f->err),
	    f->err);
	assert_ok(pp_blob_delete(b, "k", &f->err), f->err);
	check_refused(f, "4", PP_BLOB_IF_MATCH, second);
	assert_ok(pp_blob_put(b, "k", "5", 1, PP_BLOB_IF_NONE, NULL, NULL,
		      &f->err),
	    f->err);
	check_object(f, "k", "5");
}

/* More parts than one writev(2) takes, some of them empty. */
static void
an_object_may_come_in_parts(void **state)
{
	enum { COUNT = 3000 };
	struct fixture *f = *state;
	struct pp_buf all = PP_BUF_INIT, there = PP_BUF_INIT;
	struct iovec parts[COUNT];
	char *at;
	int rc;

	for (int i = 0; i < COUNT * 3; i++)
		pp_buf_addf(&all, "%d,", i);
	at = all.data;
	for (int i = 0; i < COUNT; i++, at += i % 5)
		parts[i] = (struct iovec){ at, (size_t)(i + 1) % 5 };
	parts[COUNT - 1].iov_len = all.len -
	    (size_t)((char *)parts[COUNT - 1].iov_base - all.data);
	assert_ok(pp_blob_put_parts(blobs(f), "k", parts, COUNT, &f->err),
	    f->err);
	rc = pp_blob_put_parts(blobs(f), "k", parts, 1, &f->err);
	assert_true(rc < 0);
	if (getenv("PP_FAULTS") == NULL || f->err.code != PP_ETEMP)
		assert_int_equal(f->err.code, PP_ECONFLICT);
	assert_ok(pp_blob_get(blobs(f), "k", &there, NULL, &f->err), f->err);
	assert_int_equal(there.len, all.len);
	assert_memory_equal(there.data, all.data, all.len);
	pp_buf_release(&there);
	pp_buf_release(&all);
}

static void
keys_that_could_lead_astray_are_refused(void **state)
{
	static const char *const bad[] = { "", "/etc/passwd", "a//b", "a/",
		"..", "../x", "a/../b", "a/./b", "a/..", ".tmp/x", ".locks",
		"a\nb", "a\x7f", "b\xc3\xa9" };
	static const char *const good[] = { "a", "a/b.c", "a/..b/...", "a b",
		"x=1/%2F~!@#$^&*()", "a/.hidden" };
	struct fixture *f = *state;
	struct pp_buf b = PP_BUF_INIT;
	char key[1100];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_fails(pp_blob_put(blobs(f), bad[i], "x", 1,
				 PP_BLOB_ALWAYS, NULL, NULL, &f->err),
		    f->err, PP_EDATA);
		assert_fails(pp_blob_get(blobs(f), bad[i], &b, NULL, &f->err),
		    f->err, PP_EDATA);
		assert_fails(pp_blob_delete(blobs(f), bad[i], &f->err), f->err,
		    PP_EDATA);
		assert_null(pp_blob_local_path(blobs(f), bad[i]));
	}
	assert_fails(pp_blob_delete_prefix(blobs(f), "../", &f->err), f->err,
	    PP_EDATA);
	memset(key, 'k', sizeof key);
	key[256] = '\0';
	assert_fails(pp_blob_put(blobs(f), key, "x", 1, PP_BLOB_ALWAYS, NULL,
			 NULL, &f->err),
	    f->err, PP_EDATA);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		put(f, i == 0 ? "only" : good[i], "x");
	pp_buf_release(&b);
}

static void
ranges_end_where_the_object_ends(void **state)
{
	static const struct {
		int64_t offset;
		size_t len;
		const char *text;
	} rows[] = {
		{ 0, 10, "0123456789" },
		{ 3, 4, "3456" },
		{ 8, 10, "89" },
		{ 10, 5, "" },
		{ 99, 5, "" },
		{ 0, 0, "" },
		{ 9, SIZE_MAX, "9" },
	};
	struct fixture *f = *state;

	put(f, "digits", "0123456789");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_buf b = PP_BUF_INIT;

		assert_ok(pp_blob_get_range(blobs(f), "digits", rows[i].offset,
			      rows[i].len, &b, &f->err),
		    f->err);
		assert_string_equal(b.data, rows[i].text);
		pp_buf_release(&b);
	}
}

static void
a_ceiling_bounds_what_is_read(void **state)
{
	struct fixture *f = *state;
	struct pp_buf b = PP_BUF_INIT_MAX(5);

	put(f, "digits", "0123456789");
	assert_fails(pp_blob_get(blobs(f), "digits", &b, NULL, &f->err), f->err,
	    PP_EDATA);
	pp_buf_release(&b);
	pp_buf_init(&b, 10);
	assert_ok(pp_blob_get(blobs(f), "digits", &b, NULL, &f->err), f->err);
	assert_string_equal(b.data, "0123456789");
	pp_buf_release(&b);
}

static void
a_file_is_moved_in(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/pp-suite-XXXXXX";
	int fd = mkstemp(path);
	struct pp_blob_info info;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "from a file", 11), 11);
	close(fd);
	put(f, "a/b", "old");
	assert_ok(pp_blob_put_file(blobs(f), "a/b", path, &f->err), f->err);
	check_object(f, "a/b", "from a file");
	assert_int_equal(access(path, F_OK), -1);
	assert_fails(pp_blob_put_file(blobs(f), "a/b", path, &f->err), f->err,
	    PP_ENOENT);
	check_object(f, "a/b", "from a file");
	assert_ok(pp_blob_head(blobs(f), "a/b", &info, &f->err), f->err);
	assert_int_equal(info.size_bytes, 11);
	pp_blob_info_release(&info);
}

enum { MANY = 70, LARGE_BYTES = 9 << 20 };

static int
count_done(void *arg, size_t index, struct pp_error *err)
{
	int *done = arg;

	(void)err;
	assert_true(index < MANY);
	done[index]++;
	return 0;
}

static void
write_file(const char *path, size_t bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < bytes; i++)
		putc("0123456789"[i % 10], file);
	assert_int_equal(fclose(file), 0);
}

/* Pieces of an object of decimal digits in order. */
static void
check_ranges(struct fixture *f, const char *key, size_t bytes)
{
	const struct pp_blob_range ranges[] = {
		{ key, 0, 10 },
		{ key, 7, bytes }, /* ends where the object ends */
		{ key, 13, 1 },
		{ key, (int64_t)bytes, 5 },
		{ key, 5, 0 },
		{ key, (int64_t)bytes - 3, 3 },
	};
	const size_t lens[] = { 10, bytes - 7, 1, 0, 0, 3 };
	const struct pp_blob_range none = { "many/none", 0, 1 };
	struct pp_buf out[6];

	for (int i = 0; i < 6; i++)
		pp_buf_init(&out[i], 0);
	assert_ok(pp_blob_get_ranges(blobs(f), ranges, 6, out, &f->err),
	    f->err);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(out[i].len, lens[i]);
		for (size_t k = 0; k < lens[i]; k += 997)
			assert_int_equal(out[i].data[k],
			    '0' + (ranges[i].offset + (int64_t)k) % 10);
	}
	assert_fails(pp_blob_get_ranges(blobs(f), &none, 1, out, &f->err),
	    f->err, PP_ENOENT);
	for (int i = 0; i < 6; i++)
		pp_buf_release(&out[i]);
}

/* One of them is larger than what goes up or comes down in one piece. */
static void
many_files_go_up_and_come_down_at_once(void **state)
{
	struct fixture *f = *state;
	struct pp_blob_file files[MANY];
	const char *keys[MANY + 1];
	struct pp_buf out[MANY + 1];
	int done[MANY] = { 0 };

	for (int i = 0; i < MANY; i++) {
		files[i].key = keys[i] = pp_asprintf("many/%d", i);
		files[i].path = pp_asprintf("many-%d", i);
		write_file(files[i].path, i == 40 ? LARGE_BYTES : (size_t)i);
		pp_buf_init(&out[i], 0);
	}
	pp_buf_init(&out[MANY], 0);
	assert_ok(pp_blob_put_files(blobs(f), files, MANY, count_done, done,
		      &f->err),
	    f->err);
	assert_ok(pp_blob_get_all(blobs(f), keys, MANY, out, &f->err), f->err);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(done[i], 1);
		assert_int_equal(access(files[i].path, F_OK), -1);
		assert_int_equal(out[i].len, i == 40 ? LARGE_BYTES : (size_t)i);
		if (i == 11)
			assert_memory_equal(out[i].data, "01234567890", 11);
		pp_buf_clear(&out[i]);
	}
	check_ranges(f, keys[40], LARGE_BYTES);
	assert_fails(pp_blob_put_files(blobs(f), files, 1, NULL, NULL, &f->err),
	    f->err, PP_ENOENT);
	keys[MANY] = "many/none";
	assert_fails(pp_blob_get_all(blobs(f), keys, MANY + 1, out, &f->err),
	    f->err, PP_ENOENT);
	assert_ok(pp_blob_get_all(blobs(f), keys, 0, out, &f->err), f->err);
	pp_buf_release(&out[MANY]);
	for (int i = 0; i < MANY; i++) {
		pp_buf_release(&out[i]);
		free((char *)(uintptr_t)files[i].key);
		free((char *)(uintptr_t)files[i].path);
	}
}

/* ---- listings ---- */

/* The keys of a listing with a page of `max`, each followed by a blank. */
static void
list(struct fixture *f, const char *prefix, const char *after, int max,
    struct pp_buf *out)
{
	struct pp_blob_info infos[16];
	char last[64] = "";
	int n;

	pp_buf_clear(out);
	if (after != NULL)
		snprintf(last, sizeof last, "%s", after);
	do {
		n = pp_blob_list(blobs(f), prefix, *last != '\0' ? last : NULL,
		    infos, max, &f->err);
		assert_ok(n, f->err);
		for (int i = 0; i < n; i++) {
			pp_buf_addf(out, "%s ", infos[i].key);
			snprintf(last, sizeof last, "%s", infos[i].key);
			pp_blob_info_release(&infos[i]);
		}
	} while (n == max);
}

static void
listings_are_in_byte_order_of_the_whole_key(void **state)
{
	static const char *const keys[] = { "a/z", "a/b/c", "a-b", "a.c",
		"a/b-c", "a/b.d/e", "a0", "B/x", "a/b/.d" };
	static const struct {
		const char *prefix, *after, *keys;
	} rows[] = {
		{ "", NULL, "B/x a-b a.c a/b-c a/b.d/e a/b/.d a/b/c a/z a0 " },
		{ "a", NULL, "a-b a.c a/b-c a/b.d/e a/b/.d a/b/c a/z a0 " },
		{ "a/", NULL, "a/b-c a/b.d/e a/b/.d a/b/c a/z " },
		{ "a/b", NULL, "a/b-c a/b.d/e a/b/.d a/b/c " },
		{ "a/b/", NULL, "a/b/.d a/b/c " },
		{ "a/b/c", NULL, "a/b/c " },
		{ "a/b/c/", NULL, "" },
		{ "x", NULL, "" },
		{ "x/y", NULL, "" },
		{ "", "a/b", "a/b-c a/b.d/e a/b/.d a/b/c a/z a0 " },
		{ "", "a/b/c", "a/z a0 " },
		{ "", "a/b/zzz", "a/z a0 " },
		{ "a/", "a0", "" },
		{ "a/b", "a/b.d/e", "a/b/.d a/b/c " },
	};
	struct fixture *f = *state;
	struct pp_buf out = PP_BUF_INIT;

	list(f, "", NULL, 16, &out);
	assert_string_equal(out.data, "");
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		put(f, keys[i], "x");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int page = 1; page <= 16; page++) {
			list(f, rows[i].prefix, rows[i].after, page, &out);
			if (strcmp(out.data, rows[i].keys) != 0)
				fail_msg("row %zu, page %d: %s", i, page,
				    out.data);
		}
	}
	pp_buf_release(&out);
}

#define MANY 10000
#define PAGE 1000

static int
put_many(struct fixture *f, int i, void *shared)
{
	int many = MANY / 4;

	(void)shared;
	for (int k = 0; k < many; k++) {
		char key[64];

		snprintf(key, sizeof key, "jobs/j/outputs/batch-%09d.jsonl",
		    i * many + k);
		CHILD_CHECK(pp_blob_put(pp_store_blobs(f->store), key, "x", 1,
				PP_BLOB_IF_NONE, NULL, NULL, &f->err) == 0,
		    f->err);
	}
	return 0;
}

static void
ten_thousand_objects_are_listed_and_deleted(void **state)
{
	struct fixture *f = *state;
	struct pp_blob_info *page = pp_calloc(PAGE, sizeof *page);
	char after[64] = "", key[64];
	int next = 0, n;

	race(f, 4, put_many, NULL);
	put(f, "jobs/k", "stays");
	do {
		n = pp_blob_list(blobs(f), "jobs/j/", *after ? after : NULL,
		    page, PAGE, &f->err);
		assert_ok(n, f->err);
		for (int i = 0; i < n; i++) {
			snprintf(key, sizeof key,
			    "jobs/j/outputs/batch-%09d.jsonl", next++);
			assert_string_equal(page[i].key, key);
			assert_int_equal(page[i].size_bytes, 1);
			pp_blob_info_release(&page[i]);
		}
		snprintf(after, sizeof after, "%s", key);
	} while (n == PAGE);
	assert_int_equal(next, MANY);
	assert_ok(pp_blob_delete_prefix(blobs(f), "jobs/j/", &f->err), f->err);
	n = pp_blob_list(blobs(f), "", NULL, page, PAGE, &f->err);
	assert_int_equal(n, 1);
	assert_string_equal(page[0].key, "jobs/k");
	pp_blob_info_release(&page[0]);
	assert_ok(pp_blob_delete_prefix(blobs(f), "jobs/j/", &f->err), f->err);
	free(page);
}

/* ---- races ---- */

#define WRITERS 16

static int
put_if_none(struct fixture *f, int i, void *shared)
{
	int *won = shared;

	for (int k = 0; k < 20; k++) {
		char key[32], text[32];
		int rc;

		snprintf(key, sizeof key, "race/%d", k);
		snprintf(text, sizeof text, "writer %d", i);
		rc = pp_blob_put(pp_store_blobs(f->store), key, text,
		    strlen(text), PP_BLOB_IF_NONE, NULL, NULL, &f->err);
		CHILD_CHECK(rc == 0 || f->err.code == PP_ECONFLICT, f->err);
		if (rc == 0)
			won[k * WRITERS + i] = 1;
	}
	return 0;
}

static void
one_of_sixteen_makes_an_object(void **state)
{
	struct fixture *f = *state;
	size_t size = 20 * WRITERS * sizeof(int);
	int *won = shared_alloc(size);

	race(f, WRITERS, put_if_none, won);
	for (int k = 0; k < 20; k++) {
		int winners = 0, winner = -1;
		char key[32], text[32];

		for (int i = 0; i < WRITERS; i++) {
			if (won[k * WRITERS + i]) {
				winners++;
				winner = i;
			}
		}
		assert_int_equal(winners, 1);
		snprintf(key, sizeof key, "race/%d", k);
		snprintf(text, sizeof text, "writer %d", winner);
		check_object(f, key, text);
	}
	shared_free(won, size);
}

#define ROUNDS 20

/* What the object holds: how often each writer has counted. */
static void
read_counts(const char *text, int counts[WRITERS])
{
	for (int i = 0; i < WRITERS; i++) {
		char *end;

		counts[i] = (int)strtol(text, &end, 10);
		text = end;
	}
}

/*
 * Read, add one to one's own, write if unchanged: as often as it takes. When a
 * reply was lost and others have written since, the object tells.
 */
static int
count_up(struct fixture *f, int i, void *shared)
{
	struct pp_blob *b = pp_store_blobs(f->store);
	struct pp_buf text = PP_BUF_INIT;
	char etag[PP_ETAG_BYTES];
	int counts[WRITERS], done = 0, rc;

	(void)shared;
	for (;;) {
		pp_buf_clear(&text);
		rc = pp_blob_get(b, "counts", &text, etag, &f->err);
		CHILD_CHECK(rc == 0, f->err);
		read_counts(text.data, counts);
		CHILD_CHECK(counts[i] == done || counts[i] == done + 1, f->err);
		done = counts[i]++;
		if (done == ROUNDS)
			break;
		pp_buf_clear(&text);
		for (int k = 0; k < WRITERS; k++)
			pp_buf_addf(&text, "%d ", counts[k]);
		rc = pp_blob_put(b, "counts", text.data, text.len,
		    PP_BLOB_IF_MATCH, etag, NULL, &f->err);
		CHILD_CHECK(rc == 0 || f->err.code == PP_ECONFLICT ||
			f->err.code == PP_ETEMP,
		    f->err);
		done += rc == 0;
	}
	pp_buf_release(&text);
	return 0;
}

static void
sixteen_counters_lose_no_step(void **state)
{
	struct fixture *f = *state;
	struct pp_buf text = PP_BUF_INIT;
	int counts[WRITERS];

	put(f, "counts", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
	race(f, WRITERS, count_up, NULL);
	assert_ok(pp_blob_get(blobs(f), "counts", &text, NULL, &f->err),
	    f->err);
	read_counts(text.data, counts);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(counts[i], ROUNDS);
	pp_buf_release(&text);
}

/* Put and delete in folders that vanish when they are empty. */
static int
come_and_go(struct fixture *f, int i, void *shared)
{
	struct pp_blob *b = pp_store_blobs(f->store);
	char key[32];

	(void)shared;
	snprintf(key, sizeof key, "deep/er/k%d", i);
	for (int k = 0; k < 100; k++) {
		CHILD_CHECK(pp_blob_put(b, key, "x", 1,
				k % 2 ? PP_BLOB_ALWAYS : PP_BLOB_IF_NONE, NULL,
				NULL, &f->err) == 0,
		    f->err);
		CHILD_CHECK(pp_blob_delete(b, key, &f->err) == 0, f->err);
	}
	return 0;
}

static void
puts_and_deletes_do_not_trip_each_other(void **state)
{
	struct fixture *f = *state;
	struct pp_blob_info info;

	if (!suite_home->has_folders)
		skip();
	race(f, 4, come_and_go, NULL);
	assert_int_equal(pp_blob_list(blobs(f), "", NULL, &info, 1, &f->err),
	    0);
}

/* ---- kill -9 ---- */

#define OBJECT_BYTES 300000

/* A digest in hex, then the bytes that have it. */
static void
seal_object(char *object, unsigned n)
{
	char hex[PP_SHA256_HEX_BYTES];

	memset(object, 'a' + (int)(n % 26), OBJECT_BYTES);
	memcpy(object, pp_sha256_hex(object + 64, OBJECT_BYTES - 64, hex), 64);
}

static void
put_until_killed(const struct fixture *f)
{
	static const enum pp_blob_when whens[] = { PP_BLOB_ALWAYS,
		PP_BLOB_IF_NONE };
	struct pp_store *s = open_again(f);
	char *object = pp_malloc(OBJECT_BYTES);
	struct pp_error err = PP_ERROR_INIT;

	for (unsigned n = 0; s != NULL; n++) {
		char key[32];

		snprintf(key, sizeof key, "k/%u", n % 50);
		seal_object(object, n);
		if (pp_blob_put(pp_store_blobs(s), key, object, OBJECT_BYTES,
			whens[n % 2], NULL, NULL, &err) < 0 &&
		    err.code != PP_ECONFLICT)
			break;
	}
	fprintf(stderr, "%s\n", err.text);
	_exit(1);
}

static void
check_all_whole(struct fixture *f)
{
	struct pp_blob_info infos[64];
	char hex[PP_SHA256_HEX_BYTES];
	int n = pp_blob_list(blobs(f), "", NULL, infos, 64, &f->err);

	assert_ok(n, f->err);
	for (int i = 0; i < n; i++) {
		struct pp_buf b = PP_BUF_INIT;

		assert_true(strncmp(infos[i].key, "k/", 2) == 0);
		assert_ok(pp_blob_get(blobs(f), infos[i].key, &b, NULL,
			      &f->err),
		    f->err);
		assert_int_equal(b.len, OBJECT_BYTES);
		pp_sha256_hex(b.data + 64, b.len - 64, hex);
		assert_memory_equal(b.data, hex, 64);
		pp_buf_release(&b);
		pp_blob_info_release(&infos[i]);
	}
}

static void
a_killed_writer_leaves_whole_objects(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < (suite_home->at_servers ? 5 : 20); i++) {
		int status;
		pid_t pid;

		pp_store_close(f->store);
		pid = fork();
		if (pid == 0)
			put_until_killed(f);
		usleep(20000 + (useconds_t)i * 1777);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		f->store = open_again(f);
		assert_non_null(f->store);
		check_all_whole(f);
	}
	put(f, "k/0", "and can be written again");
	check_object(f, "k/0", "and can be written again");
}

void
add_objects(void)
{
	static const struct CMUnitTest tests[] = {
		SUITE_TEST(an_object_comes_back_as_it_went_in),
		SUITE_TEST(conditions_hold_or_nothing_is_written),
		SUITE_TEST(an_object_may_come_in_parts),
		SUITE_TEST(keys_that_could_lead_astray_are_refused),
		SUITE_TEST(ranges_end_where_the_object_ends),
		SUITE_TEST(a_ceiling_bounds_what_is_read),
		SUITE_TEST(a_file_is_moved_in),
		SUITE_TEST(many_files_go_up_and_come_down_at_once),
		SUITE_TEST(listings_are_in_byte_order_of_the_whole_key),
		SUITE_TEST(ten_thousand_objects_are_listed_and_deleted),
		SUITE_TEST(one_of_sixteen_makes_an_object),
		SUITE_TEST(sixteen_counters_lose_no_step),
		SUITE_TEST(puts_and_deletes_do_not_trip_each_other),
		SUITE_TEST(a_killed_writer_leaves_whole_objects),
	};

	SUITE_ADD(tests);
}
