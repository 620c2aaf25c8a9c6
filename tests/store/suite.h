/*
 * The conformance suite of a home: what store.h and blob.h promise, checked
 * against any home that can be made afresh. A home's test program is a
 * struct suite_home and a main() that hands it to suite_run().
 */
#ifndef PP_TESTS_STORE_SUITE_H
#define PP_TESTS_STORE_SUITE_H

#include "../unit/test.h"

#include "store/store.h"

struct suite_home {
	const char *name;
	/* An empty home. Returns what names it, owned. */
	char *(*make)(void);
	/*
	 * Open it; called in several processes at once, each of which closes
	 * what it got.
	 */
	struct pp_store *(*open)(const char *home, struct pp_error *err);
	/* Remove it with all that is in it. */
	void (*drop)(const char *home);
	/*
	 * It is at servers, whose stand-ins take their time: what nothing is
	 * shown by is done less often there.
	 */
	bool at_servers;
	/* Objects are files in folders that come and go with them. */
	bool has_folders;
};

extern const struct suite_home *suite_home;

/*
 * Run every test against fresh homes, and `count` tests that are the home's
 * own; the number of failures. Of all of them those alone whose names are as
 * PP_TEST says, where it is set ("ten_thousand_*").
 */
int	suite_run(const struct suite_home *home,
	    const struct CMUnitTest *own, size_t count);

/* ---- for the tests ---- */

/* The home of the test that runs, and the test's own connection to it. */
struct fixture {
	char *home;
	struct pp_store *store;
	struct pp_error err;
};

int	fixture_setup(void **state);
int	fixture_teardown(void **state);

#define SUITE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* Another connection to the same home; says why when it is NULL. */
struct pp_store *open_again(const struct fixture *f);

/*
 * Run `child` in `n` processes that start together; each has its own
 * connection, f->store, and returns 0 when all is well. A child must not use
 * cmocka's checks. Fails the test when a child fails.
 */
void	race(struct fixture *f, int n,
	    int (*child)(struct fixture *f, int i, void *shared),
	    void *shared);

/* Zeroed memory that processes share; freed by shared_free(). */
void	*shared_alloc(size_t size);
void	shared_free(void *p, size_t size);

/* A check in a child: says where it was and makes it fail. */
#define CHILD_CHECK(condition, err) do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, \
		    #condition, (err).text); \
		return 1; \
	} \
} while (0)

/* A job with an id of its own, of user "ann", created at 1000. */
struct pp_job job_of(int shards, int64_t limit_nusd);

/* Add a job of so many shards; its id goes to `id`. */
void	add_job(struct fixture *f, int shards, int64_t limit_nusd,
	    char id[PP_ID_BYTES]);

/* Claim anything as a new worker at time `now`, for a minute. As the store. */
int	claim_any(struct pp_store *s, int64_t now, struct pp_claim *out,
	    struct pp_error *err);

/* The same, where it must succeed. */
void	must_claim(struct fixture *f, int64_t now, struct pp_claim *out);

enum pp_job_status status_of(struct fixture *f, const char *job_id);

/* The suite's parts; each adds its tests, so that all are one group. */
#define SUITE_ADD(tests) suite_add(tests, sizeof(tests) / sizeof *(tests))

void	suite_add(const struct CMUnitTest *tests, size_t count);
void	add_jobs(void);
void	add_queue(void);
void	add_budget(void);
void	add_templates(void);
void	add_objects(void);

#endif
