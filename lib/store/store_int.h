/*
 * What a home for records has to do. store.c hands on to these; nothing
 * outside this folder includes this file but the tests.
 */
#ifndef PP_STORE_STORE_INT_H
#define PP_STORE_STORE_INT_H

#include "store/store.h"

/* As the functions of the same names in store.h. */
struct pp_store_ops {
	void (*close)(struct pp_store *s);

	int (*job_add)(struct pp_store *s, const struct pp_job *job,
	    const char *idempotency_key, char *existing, struct pp_error *err);
	int (*job_get)(struct pp_store *s, const char *job_id,
	    struct pp_job *out, struct pp_error *err);
	int (*job_list)(struct pp_store *s, const struct pp_job_filter *f,
	    struct pp_job *out, int max, struct pp_error *err);
	int (*job_cancel)(struct pp_store *s, const char *job_id,
	    int64_t now_ms, struct pp_error *err);
	int (*job_resume)(struct pp_store *s, const char *job_id,
	    int64_t budget_limit_nusd, bool all, int64_t now_ms,
	    struct pp_error *err);
	int (*job_delete)(struct pp_store *s, const char *job_id,
	    struct pp_error *err);

	int (*claim)(struct pp_store *s, const struct pp_claim_request *req,
	    struct pp_claim *out, struct pp_error *err);
	int (*claim_epoch)(struct pp_store *s, struct pp_claim *c,
	    int64_t at_least, struct pp_error *err);
	int (*renew)(struct pp_store *s, struct pp_claim *c, int64_t now_ms,
	    int64_t lease_ms, bool *cancel, struct pp_error *err);
	int (*release)(struct pp_store *s, struct pp_claim *c, bool progress,
	    const char *reason, int64_t now_ms, struct pp_error *err);
	int (*finish)(struct pp_store *s, struct pp_claim *c,
	    enum pp_job_status status, bool unless_last, const char *reason,
	    int64_t now_ms, enum pp_job_status *job_status,
	    struct pp_error *err);
	int (*grant)(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
	    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err);
	int (*progress)(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t now_ms,
	    struct pp_error *err);
	int (*shards)(struct pp_store *s, const char *job_id, int first,
	    struct pp_shard *out, int max, struct pp_error *err);
	int (*queue_length)(struct pp_store *s, int64_t *queued,
	    int64_t *running, struct pp_error *err);
	int (*queue_head)(struct pp_store *s, char *job_id,
	    struct pp_error *err);

	int (*costs_add)(struct pp_store *s, const struct pp_cost *c,
	    size_t count, struct pp_error *err);
	int (*cost_list)(struct pp_store *s, const char *job_id,
	    const char *after, struct pp_cost *out, int max,
	    struct pp_error *err);

	int (*template_add)(struct pp_store *s,
	    const struct pp_template_version *t, int64_t *version,
	    struct pp_error *err);
	int (*template_get)(struct pp_store *s, const char *id,
	    int64_t version, const char *user_id,
	    struct pp_template_version *out, struct pp_error *err);
	int (*template_list)(struct pp_store *s, const char *user_id,
	    const char *after, struct pp_template_version *out, int max,
	    struct pp_error *err);
	int (*template_versions)(struct pp_store *s, const char *id,
	    const char *user_id, int64_t after,
	    struct pp_template_version *out, int max, struct pp_error *err);
	int (*template_delete)(struct pp_store *s, const char *id,
	    const char *user_id, struct pp_error *err);
};

/* A home's own struct begins with this one. */
struct pp_store {
	const struct pp_store_ops *ops;
	struct pp_blob *blobs;	/* owned */
	char *dir;		/* owned; NULL without one */
	char *spec;		/* owned; what it was opened by */
};

/* What is to be done where the folder of a home is not there. */
enum pp_home_absent {
	PP_HOME_MAKE,
	PP_HOME_EMPTY,	/* as if it were there and empty */
	PP_HOME_REFUSE	/* PP_ENOENT */
};

/*
 * The embedded home. Unless it is to be made, a folder without a database
 * reads as an empty home, and nothing is written to it. Returns owned, or NULL.
 */
struct pp_store *pp_store_open_sqlite(const char *dir,
	    enum pp_home_absent absent, struct pp_error *err);

/*
 * The AWS home: DynamoDB and the S3 bucket. Returns owned, or NULL with
 * PP_ECONFIG.
 */
struct pp_store *pp_store_open_aws(const char *bucket, struct pp_error *err);

struct pp_aws;

/* The objects of a bucket; `a` is borrowed. Returns owned, or NULL. */
struct pp_blob *pp_blob_open_s3(struct pp_aws *a, const char *bucket,
	    struct pp_error *err);

/* Errors that every home reports in the same words. All return -1. */
int	pp_store_no_job(const char *job_id, struct pp_error *err);
int	pp_store_fenced(const struct pp_claim *c, struct pp_error *err);
int	pp_store_not_final(const char *job_id, struct pp_error *err);
int	pp_store_has_ended(const char *job_id, enum pp_job_status status,
	    struct pp_error *err);
int	pp_store_no_template(const char *id, int64_t version,
	    struct pp_error *err);

/*
 * What a shard of a job without a limit counts as granted for when nobody can
 * tell what it has spent: should a limit come later, it is held back until a
 * worker finds out. So large ($92,000) that no shard can have spent it, and
 * so small that the sum over all shards fits.
 */
#define PP_STORE_ANYTHING_NUSD (INT64_MAX / PP_MAX_SHARDS)

/* Money of a shard, or of all shards of a job together. */
struct pp_store_money {
	int64_t granted_nusd, spent_nusd;
};

/* What comes of a wish for money. */
struct pp_store_share {
	int64_t granted_nusd;	/* what the shard may spend in all */
	int64_t recorded_nusd;	/* what its entry says of that */
	int64_t free_nusd;	/* what is left of the limit then */
	int64_t others_nusd;	/* what others hold and have not spent */
};

/*
 * The budget rule, one for every home. Of a job with `limit_nusd` (or
 * PP_NO_LIMIT) and the sums `job`, the shard that is recorded as `shard` has
 * spent `spent_nusd` and asks for `want_nusd` more.
 */
void	pp_store_share(int64_t limit_nusd, const struct pp_store_money *job,
	    const struct pp_store_money *shard, int64_t spent_nusd,
	    int64_t want_nusd, struct pp_store_share *out);

/*
 * Whether the claim may still ask, of an entry that is its own and stands at
 * `seq`: one further is what it asked last and never heard the answer of.
 */
bool	pp_store_may_grant(const struct pp_claim *c, int64_t seq);

/* The claim, and who asked, hear of it. The numbers may be NULL. */
void	pp_store_take_share(struct pp_claim *c, const struct pp_totals *totals,
	    const struct pp_store_share *share, int64_t *free_nusd,
	    int64_t *others_nusd);

/* Whether a new limit (or PP_NO_LIMIT) covers what is spent. 0 or -1. */
int	pp_store_check_limit(int64_t limit_nusd, int64_t spent_nusd,
	    struct pp_error *err);

#endif
