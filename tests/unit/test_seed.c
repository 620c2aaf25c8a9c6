/* Seed sets in a store: parts, index, manifest, generations. */
#include <config.h>

#include "test.h"
#include "home.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "job/seed.h"
#include "job/seed_writer.h"

#define DAYS(n) ((n)*INT64_C(86400000))

struct home {
	char dir[TEST_FOLDER_BYTES];
	struct pp_store *store;
};

static int
open_home(void **state)
{
	struct home *h = pp_calloc(1, sizeof *h);

	*state = h;
	return test_folder_make(h->dir) < 0 ? -1 :
					      test_home_open(h->dir, &h->store);
}

static int
close_home(void **state)
{
	struct home *h = *state;
	int rc;

	pp_store_close(h->store);
	rc = test_folder_remove(h->dir);
	free(h);
	return rc;
}

/* Record i of a set: some are long, so that blocks are of different sizes. */
static void
make_record(int64_t i, size_t padding, struct pp_buf *out)
{
	pp_buf_clear(out);
	pp_buf_addf(out, "{\"i\":%lld,\"text\":\"", (long long)i);
	for (size_t n = 0; n < padding + (size_t)(i % 7) * 10; n++)
		pp_buf_addc(out, (char)('a' + (i + (int64_t)n) % 26));
	pp_buf_adds(out, "\"}");
}

static int
add_text(struct pp_seed_writer *w, const char *text, size_t len,
    struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *v = pp_json_parse(&doc, text, len, 0, err);
	int rc = v != NULL ? pp_seed_writer_add(w, text, len, v, err) : -1;

	pp_json_doc_release(&doc);
	return rc;
}

/* Put `count` records; what commit() says. */
static int
put_set(struct pp_store *s, const char *name, int64_t count, size_t padding,
    bool replace, struct pp_error *err)
{
	struct pp_seed_writer *w = pp_seed_writer_new(s, "ada", name, replace,
	    err);
	struct pp_buf text = PP_BUF_INIT;
	int rc = w != NULL ? 0 : -1;

	for (int64_t i = 0; i < count && rc == 0; i++) {
		make_record(i, padding, &text);
		rc = add_text(w, text.data, text.len, err);
	}
	if (rc == 0)
		rc = pp_seed_writer_commit(w, err);
	pp_seed_writer_free(w);
	pp_buf_release(&text);
	return rc;
}

static void
check_record(struct pp_seed_set *set, int64_t i, size_t padding)
{
	struct pp_buf got = PP_BUF_INIT, expect = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;

	make_record(i, padding, &expect);
	assert_ok(pp_seed_get(set, i, &got, &err), err);
	if (got.len != expect.len || strcmp(got.data, expect.data) != 0)
		fail_msg("record %lld: got %s", (long long)i, got.data);
	pp_buf_release(&got);
	pp_buf_release(&expect);
}

static size_t
count_objects(struct pp_store *s, const char *prefix)
{
	struct pp_blob_info infos[64];
	struct pp_error err = PP_ERROR_INIT;
	int n = pp_blob_list(pp_store_blobs(s), prefix, NULL, infos, 64, &err);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++)
		pp_blob_info_release(&infos[i]);
	return (size_t)n;
}

static void
every_record_is_found_in_any_order(void **state)
{
	static const struct {
		const char *name;
		int64_t count;
		size_t padding;
	} rows[] = {
		{ "one", 1, 0 },
		{ "few", 10, 0 },
		{ "small", 60000, 0 },
		{ "middle", 3000, 3000 },
		{ "large", 40, 500000 },
	};
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_rand r;

	pp_rand_seed(&r, 3);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pp_seed_set *set;
		int64_t count = rows[i].count;

		assert_ok(put_set(h->store, rows[i].name, count,
			      rows[i].padding, false, &err),
		    err);
		set = pp_seed_open(h->store, "ada", rows[i].name, &err);
		if (set == NULL)
			fail_msg("%s", err.text);
		assert_int_equal(pp_seed_count(set), count);
		for (int64_t j = 0; j < count; j++)
			check_record(set, j, rows[i].padding);
		for (int64_t j = 0; j < 3000 && j < count * 3; j++)
			check_record(set,
			    (int64_t)pp_rand_below(&r, (uint64_t)count),
			    rows[i].padding);
		for (int64_t j = count - 1; j >= 0 && j > count - 200; j--)
			check_record(set, j, rows[i].padding);
		pp_seed_close(set);
	}
}

/* Any list is at hand piece by piece, whatever blocks are in each other's way. */
static void
records_are_fetched_together(void **state)
{
	static const size_t paddings[] = { 0, 3000, 60000 };
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	int64_t at[PP_SEED_FETCH];
	struct pp_rand r;

	pp_rand_seed(&r, 5);
	for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++) {
		struct pp_seed_set *set;
		size_t done = 0;

		assert_ok(put_set(h->store, "s", 2000, paddings[i], i > 0,
			      &err),
		    err);
		set = pp_seed_open(h->store, "ada", "s", &err);
		assert_non_null(set);
		for (size_t k = 0; k < PP_SEED_FETCH; k++)
			at[k] = (int64_t)pp_rand_below(&r, 2000);
		while (done < PP_SEED_FETCH) {
			int n = pp_seed_fetch(set, at + done,
			    PP_SEED_FETCH - done, &err);

			assert_in_range(n, 1, PP_SEED_FETCH - done);
			for (; n > 0; n--)
				check_record(set, at[done++], paddings[i]);
		}
		pp_seed_close(set);
	}
}

static void
a_name_is_taken_once_unless_replaced(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_set *set;

	assert_int_equal(put_set(h->store, "s", 3, 0, false, &err), 0);
	assert_fails(put_set(h->store, "s", 4, 0, false, &err), err, PP_EEXIST);
	assert_int_equal(put_set(h->store, "s", 3, 0, true, &err), 1);
	assert_int_equal(count_objects(h->store, "seed-data/ada/s/"), 3);
	assert_int_equal(put_set(h->store, "s", 4, 0, true, &err), 0);
	set = pp_seed_open(h->store, "ada", "s", &err);
	assert_int_equal(pp_seed_count(set), 4);
	pp_seed_close(set);
	assert_fails(put_set(h->store, "no/name", 1, 0, false, &err), err,
	    PP_EUSAGE);
	assert_fails(put_set(h->store, "sample:../x", 1, 0, false, &err), err,
	    PP_EUSAGE);
	assert_null(pp_seed_open(h->store, "ada", "none", &err));
	assert_int_equal(err.code, PP_ENOENT);
	assert_string_equal(err.text, "there is no seed set 'none'");
	assert_null(pp_seed_open(h->store, "bob", "s", &err));
	assert_int_equal(err.code, PP_ENOENT);
}

static void
the_first_of_two_writers_wins(void **state)
{
	static const char text[] = "{\"a\":1}";
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_writer *a, *b;

	a = pp_seed_writer_new(h->store, "ada", "s", false, &err);
	b = pp_seed_writer_new(h->store, "ada", "s", true, &err);
	assert_ok(add_text(a, text, sizeof text - 1, &err), err);
	assert_ok(add_text(b, text, sizeof text - 1, &err), err);
	assert_ok(pp_seed_writer_commit(b, &err), err);
	assert_fails(pp_seed_writer_commit(a, &err), err, PP_EEXIST);
	pp_seed_writer_free(a);
	pp_seed_writer_free(b);
	assert_int_equal(count_objects(h->store, "seed-data/"), 3);
	a = pp_seed_writer_new(h->store, "ada", "s", true, &err);
	b = pp_seed_writer_new(h->store, "ada", "s", true, &err);
	assert_ok(add_text(a, "{}", 2, &err), err);
	assert_ok(add_text(b, "{\"b\":1}", 7, &err), err);
	assert_ok(pp_seed_writer_commit(a, &err), err);
	assert_fails(pp_seed_writer_commit(b, &err), err, PP_ECONFLICT);
	pp_seed_writer_free(a);
	pp_seed_writer_free(b);
}

static void
what_is_not_committed_leaves_nothing(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_writer *w;
	struct pp_buf text = PP_BUF_INIT;

	w = pp_seed_writer_new(h->store, "ada", "s", false, &err);
	for (int64_t i = 0; i < 20; i++) {
		make_record(i, 1000000, &text);
		assert_ok(add_text(w, text.data, text.len, &err), err);
	}
	assert_int_equal(count_objects(h->store, "seed-data/"), 2);
	pp_seed_writer_free(w);
	assert_int_equal(count_objects(h->store, "seed-data/"), 0);
	assert_fails(put_set(h->store, "s", 0, 0, false, &err), err, PP_EDATA);
	pp_buf_release(&text);
}

static void
samples_are_everybodys(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_set *set;

	assert_ok(put_set(h->store, "sample:poetry", 5, 0, false, &err), err);
	set = pp_seed_open(h->store, "bob", "sample:poetry", &err);
	assert_non_null(set);
	check_record(set, 4, 0);
	pp_seed_close(set);
	assert_int_equal(count_objects(h->store, "sample-datasets/poetry/"), 3);
}

static void
sets_are_listed_in_order_of_name(void **state)
{
	static const char *const names[] = { "b", "a.b", "a", "a-1", "z" };
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_info infos[8];
	struct pp_buf all = PP_BUF_INIT;
	int n;

	for (size_t i = 0; i < 5; i++)
		assert_ok(put_set(h->store, names[i], (int64_t)i + 1, 0, false,
			      &err),
		    err);
	assert_ok(put_set(h->store, "sample:x", 9, 0, false, &err), err);
	n = pp_seed_list(h->store, "ada", NULL, infos, 2, &err);
	assert_int_equal(n, 2);
	for (int i = 0; i < n; i++)
		pp_buf_addf(&all, "%s:%lld ", infos[i].name,
		    (long long)infos[i].count);
	n += pp_seed_list(h->store, "ada", infos[1].name, infos + 2, 6, &err);
	assert_int_equal(n, 5);
	for (int i = 2; i < n; i++)
		pp_buf_addf(&all, "%s:%lld ", infos[i].name,
		    (long long)infos[i].count);
	/* As the keys sort, in which a '/' follows. */
	assert_string_equal(all.data, "a-1:4 a.b:2 a:3 b:1 z:5 ");
	for (int i = 0; i < n; i++)
		pp_seed_info_release(&infos[i]);
	n = pp_seed_list(h->store, NULL, NULL, infos, 8, &err);
	assert_int_equal(n, 1);
	assert_string_equal(infos[0].name, "sample:x");
	pp_seed_info_release(&infos[0]);
	assert_int_equal(pp_seed_list(h->store, "bob", NULL, infos, 8, &err),
	    0);
	pp_buf_release(&all);
}

/* Change one byte in the middle of an object's file. */
static void
damage(struct pp_store *s, const char *key)
{
	char *path = pp_blob_local_path(pp_store_blobs(s), key);
	int fd = open(path, O_RDWR);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "#", 1, st.st_size / 2), 1);
	close(fd);
	free(path);
}

/* The key of the set's object of that name, whatever the generation. */
static char *
find_key(struct pp_store *s, const char *prefix, const char *end)
{
	struct pp_blob_info infos[8];
	struct pp_error err = PP_ERROR_INIT;
	int n = pp_blob_list(pp_store_blobs(s), prefix, NULL, infos, 8, &err);
	char *found = NULL;

	for (int i = 0; i < n; i++) {
		if (strstr(infos[i].key, end) != NULL)
			found = pp_strdup(infos[i].key);
		pp_blob_info_release(&infos[i]);
	}
	assert_non_null(found);
	return found;
}

static void
damage_is_noticed(void **state)
{
	static const char *const objects[] = { "part-00001.jsonl",
		"index.jsonl", "manifest.json" };
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf out = PP_BUF_INIT;

	for (size_t i = 0; i < 6; i++) {
		struct pp_seed_set *set;
		char *key;

		assert_ok(put_set(h->store, "s", 100, 0, true, &err), err);
		key = find_key(h->store, "seed-data/ada/s/", objects[i % 3]);
		if (i < 3)
			damage(h->store, key);
		else
			assert_ok(pp_blob_delete(pp_store_blobs(h->store), key,
				      &err),
			    err);
		set = pp_seed_open(h->store, "ada", "s", &err);
		if (set != NULL) {
			assert_int_equal(i % 3, 0);
			assert_fails(pp_seed_get(set, 50, &out, &err), err,
			    PP_EDATA);
			assert_int_equal(out.len, 0);
		} else if (err.code != (i == 5 ? PP_ENOENT : PP_EDATA)) {
			fail_msg("%s: %s", key, err.text);
		}
		pp_seed_close(set);
		if (i != 5)
			assert_ok(pp_seed_remove(h->store, "ada", "s", &err),
			    err);
		free(key);
	}
	pp_buf_release(&out);
}

static void
add_job(struct pp_store *s, const char *config, char id[PP_ID_BYTES])
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_job job = { .user_id = pp_strdup("ada"),
		.name = pp_strdup(""),
		.rows = 1,
		.shards = 1,
		.budget_limit_nusd = PP_NO_LIMIT,
		.created_at_ms = 1,
		.updated_at_ms = 1,
		.config = pp_strdup(config),
		.reason = pp_strdup("") };

	pp_id_new(job.job_id);
	memcpy(id, job.job_id, PP_ID_BYTES);
	assert_ok(pp_store_job_add(s, &job, NULL, (char[PP_ID_BYTES]){ 0 },
		      &err),
	    err);
	pp_job_release(&job);
}

static void
a_pinned_generation_outlives_its_set(void **state)
{
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_set *set, *pinned;
	int64_t now = pp_clock_wall_ms();
	char id[PP_ID_BYTES];
	char *manifest;
	size_t len;

	assert_ok(put_set(h->store, "s", 10, 0, false, &err), err);
	set = pp_seed_open(h->store, "ada", "s", &err);
	manifest = pp_strdup(pp_seed_manifest(set, &len));
	assert_int_equal(strlen(manifest), len);
	add_job(h->store, manifest, id);
	pp_seed_close(set);

	assert_ok(put_set(h->store, "s", 20, 5, true, &err), err);
	assert_ok(put_set(h->store, "s", 30, 5, true, &err), err);
	assert_int_equal(count_objects(h->store, "seed-data/"), 7);
	assert_ok(pp_seed_prune(h->store, "ada", "s", now, &err), err);
	assert_int_equal(count_objects(h->store, "seed-data/"), 7);
	assert_ok(pp_seed_prune(h->store, "ada", "s", now + DAYS(2), &err),
	    err);
	assert_int_equal(count_objects(h->store, "seed-data/"), 5);
	assert_ok(pp_seed_remove(h->store, "ada", "s", &err), err);
	assert_int_equal(count_objects(h->store, "seed-data/"), 2);

	pinned = pp_seed_open_pinned(h->store, manifest, len, &err);
	assert_non_null(pinned);
	assert_int_equal(pp_seed_count(pinned), 10);
	check_record(pinned, 9, 0);
	pp_seed_close(pinned);

	assert_ok(pp_store_job_cancel(h->store, id, 2, &err), err);
	assert_ok(pp_store_job_delete(h->store, id, &err), err);
	assert_ok(pp_seed_prune(h->store, "ada", "s", now + DAYS(2), &err),
	    err);
	assert_int_equal(count_objects(h->store, "seed-data/"), 0);
	assert_null(pp_seed_open_pinned(h->store, manifest, len, &err));
	assert_int_equal(err.code, PP_ECONFLICT);
	assert_null(pp_seed_open_pinned(h->store, "{}", 2, &err));
	assert_int_equal(err.code, PP_EDATA);
	free(manifest);
}

/* A manifest is from outside: nothing in it may lead out of the sets. */
static void
a_forged_manifest_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "seed-data/ada/s", "seed-data/ada/../s" },
		{ "seed-data/ada/s", "jobs/ada/s" },
		{ "seed-data/ada/s", "sample-datasets/a/b" },
		{ "\"count\":10", "\"count\":-1" },
		{ "\"count\":10", "\"count\":11" },
		{ "\"parts\":1", "\"parts\":2" },
		{ "\"format\":1", "\"format\":2" },
		{ "\"index_sha256\":\"", "\"index_sha256\":\"0" },
	};
	struct home *h = *state;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_set *set;
	char *manifest;
	size_t len;

	assert_ok(put_set(h->store, "s", 10, 0, false, &err), err);
	set = pp_seed_open(h->store, "ada", "s", &err);
	manifest = pp_strdup(pp_seed_manifest(set, &len));
	pp_seed_close(set);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *at = strstr(manifest, rows[i].from), *forged;

		assert_non_null(at);
		forged = pp_asprintf("%.*s%s%s", (int)(at - manifest), manifest,
		    rows[i].to, at + strlen(rows[i].from));
		set = pp_seed_open_pinned(h->store, forged, strlen(forged),
		    &err);
		if (set != NULL)
			fail_msg("%s", rows[i].to);
		free(forged);
	}
	free(manifest);
}

#define home_test(f) cmocka_unit_test_setup_teardown(f, open_home, close_home)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(every_record_is_found_in_any_order),
		home_test(records_are_fetched_together),
		home_test(a_name_is_taken_once_unless_replaced),
		home_test(the_first_of_two_writers_wins),
		home_test(what_is_not_committed_leaves_nothing),
		home_test(samples_are_everybodys),
		home_test(sets_are_listed_in_order_of_name),
		home_test(damage_is_noticed),
		home_test(a_pinned_generation_outlives_its_set),
		home_test(a_forged_manifest_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
