/*
 * The AWS home's records: four tables, PREFIX + Jobs, Queue, Templates and
 * CostTracking. Its parts are store_dynamodb.c (opening, keys, items) and
 * store_dynamodb_{jobs,queue,costs,templates}.c.
 *
 * Jobs		job_id; besides the job, `shards_queued` and `shards_running`
 *		count its entries, so that whoever takes the last one knows it;
 *		`granted` is kept for jobs with a limit
 * Queue	status, job_id#timestamp. An entry is one shard of a job, in
 *		the partition QUEUED, RUNNING or COMPLETED (`state` is then the
 *		shard's final status); it stays as long as the job, since its
 *		epoch and its spending go on counting when that is resumed. A
 *		key cannot be updated, so a move is a Delete and a Put in one
 *		transaction, with the job's counts. `rev` rises with each
 *		change of an entry but the renewal of its lease, and each is
 *		under the condition of it. Partitions that begin with '@' hold
 *		other things, which no query for entries returns:
 *		@counter running	how many jobs run
 *		@jobs JOB		the ids of all jobs, in order
 *		@jobs#USER JOB		those of a user
 *		@key#USER KEY		a job's idempotency key
 *		@templates ID		what the templates are, for listings
 * Templates	template_id, version
 * CostTracking	job_id, timestamp
 *
 * A change reads what it changes (strongly consistent) and writes it under the
 * condition that it is still so; when it is not, it begins again. Times are
 * texts (RFC 3339), but leases, which are compared, milliseconds, and of the
 * service's clock where ours is far off; money is US dollars as a number.
 */
#ifndef PP_STORE_STORE_DYNAMODB_H
#define PP_STORE_STORE_DYNAMODB_H

#include "aws/dynamodb.h"
#include "base/rand.h"
#include "store/store_int.h"

#define PP_DDB_SORT "job_id#timestamp"
/* How often a change that lost a race is begun again. */
#define PP_DDB_ROUNDS 200

/* What an entry's sort key is made of, besides the shard. */
struct pp_ddb_place {
	char job_id[PP_ID_BYTES];
	int priority, shards;
	int64_t created_at_ms;
};

struct pp_store_dynamodb {
	struct pp_store store;
	struct pp_aws *aws;		/* owned; the objects' too */
	char *jobs, *queue, *templates, *costs;	/* names of tables */
	struct pp_ddb_place place;	/* of the last job, which stays so */
	struct pp_rand rand;
	int64_t wall_ms, boot_ms;	/* when the call began, by our clocks */
};

static inline struct pp_store_dynamodb *
pp_dynamodb_of(struct pp_store *s)
{
	return (struct pp_store_dynamodb *)s;
}

/* A job's record. */
struct pp_ddb_job {
	struct pp_job job;
	int64_t queued, running;	/* entries */
	int64_t granted_nusd;
};

void	pp_ddb_job_release(struct pp_ddb_job *j);
int	pp_ddb_job_parse(const struct pp_json *item, struct pp_ddb_job *out,
	    struct pp_error *err);

/* 1, 0 when there is none, -1. */
int	pp_ddb_job_read(struct pp_store_dynamodb *s, const char *job_id,
	    struct pp_ddb_job *out, struct pp_error *err);

/* An entry of the queue. */
struct pp_ddb_entry {
	struct pp_ddb_place place;
	int shard;
	const char *partition;		/* "QUEUED", "RUNNING", "COMPLETED" */
	enum pp_job_status state;	/* of the shard */
	bool paused;
	char owner[PP_ID_BYTES];
	char task_arn[PP_TASK_ARN_BYTES];	/* of the owner; "" */
	int64_t lease_expires_ms, epoch, seq, granted_nusd, give_backs, rev;
	char *reason;			/* owned */
	struct pp_totals totals;
};

void	pp_ddb_entry_release(struct pp_ddb_entry *e);
int	pp_ddb_entry_parse(const struct pp_json *item,
	    struct pp_ddb_entry *out, struct pp_error *err);

/* All of its attributes, as the item of a Put. */
void	pp_ddb_put_entry(struct pp_buf *out, const struct pp_ddb_entry *e);

/* Totals under their names. */
void	pp_ddb_put_totals(struct pp_buf *out, const struct pp_totals *t);
void	pp_ddb_get_totals(const struct pp_json *item, struct pp_totals *out);

/* Keys, as members of an object. */
void	pp_ddb_put_queue_key(struct pp_buf *out, const char *partition,
	    const char *sort);
void	pp_ddb_put_entry_key(struct pp_buf *out, const char *partition,
	    const struct pp_ddb_place *p, int shard);

/* "9#0192...#", which the sort keys of a job's entries begin with. */
char	*pp_ddb_job_prefix(const struct pp_ddb_place *p);
/* The sort key of an entry; owned. */
char	*pp_ddb_sort(const struct pp_ddb_place *p, int shard);

/* A query of a partition for what begins with `prefix` (NULL: for all). */
struct pp_ddb_query pp_ddb_entries_query(const struct pp_store_dynamodb *s,
	    const char *partition, const char *prefix);

/* Where the entries of a job are. 1, 0 when there is no such job, -1. */
int	pp_ddb_find_place(struct pp_store_dynamodb *s, const char *job_id,
	    struct pp_ddb_place *out, struct pp_error *err);

/*
 * Add to a transaction: an entry leaves its partition, under the condition
 * that it has not changed, and is put into the one that it names now.
 */
void	pp_ddb_add_move(struct pp_store_dynamodb *s,
	    struct pp_ddb_transaction *t, const char *from, int64_t rev,
	    const struct pp_ddb_entry *e);

/* The number of running jobs changes by +1 (below `max`) or -1. */
void	pp_ddb_add_running(struct pp_store_dynamodb *s,
	    struct pp_ddb_transaction *t, int by, int max);

/*
 * Wait a moment, a random and longer one each `round`, before a change that
 * lost a race is begun again. PP_ETEMP after PP_DDB_ROUNDS.
 */
int	pp_ddb_yield(struct pp_store_dynamodb *s, int round,
	    struct pp_error *err);

/*
 * JSON text as `name` (a map or what it is) where DynamoDB can hold it, and
 * in any case as it is under NAME_text.
 */
void	pp_ddb_put_document(struct pp_buf *out, const char *name,
	    const char *text);

/* The gravest end of a job's shards that have ended, and its reason. */
struct pp_ddb_end {
	enum pp_job_status status;
	int shard;
	char *reason;		/* owned */
};
int	pp_ddb_find_end(struct pp_store_dynamodb *s,
	    const struct pp_ddb_place *p, struct pp_ddb_end *out,
	    struct pp_error *err);
/* One more; takes nothing. */
void	pp_ddb_end_add(struct pp_ddb_end *end, enum pp_job_status status,
	    int shard, const char *reason);

/* The operations. */
int	pp_ddb_job_add(struct pp_store *s, const struct pp_job *job,
	    const char *idempotency_key, char *existing, struct pp_error *err);
int	pp_ddb_job_get(struct pp_store *s, const char *job_id,
	    struct pp_job *out, struct pp_error *err);
int	pp_ddb_job_list(struct pp_store *s, const struct pp_job_filter *f,
	    struct pp_job *out, int max, struct pp_error *err);
int	pp_ddb_job_cancel(struct pp_store *s, const char *job_id,
	    int64_t now_ms, struct pp_error *err);
int	pp_ddb_job_resume(struct pp_store *s, const char *job_id,
	    int64_t budget_limit_nusd, bool all, int64_t now_ms,
	    struct pp_error *err);
int	pp_ddb_job_delete(struct pp_store *s, const char *job_id,
	    struct pp_error *err);

int	pp_ddb_claim(struct pp_store *s, const struct pp_claim_request *req,
	    struct pp_claim *out, struct pp_error *err);
int	pp_ddb_claim_epoch(struct pp_store *s, struct pp_claim *c,
	    int64_t at_least, struct pp_error *err);
int	pp_ddb_renew(struct pp_store *s, struct pp_claim *c, int64_t now_ms,
	    int64_t lease_ms, bool *cancel, struct pp_error *err);
int	pp_ddb_release(struct pp_store *s, struct pp_claim *c, bool progress,
	    const char *reason, int64_t now_ms, struct pp_error *err);
int	pp_ddb_finish(struct pp_store *s, struct pp_claim *c,
	    enum pp_job_status status, bool unless_last, const char *reason,
	    int64_t now_ms, enum pp_job_status *job_status,
	    struct pp_error *err);
int	pp_ddb_grant(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
	    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err);
int	pp_ddb_progress(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t now_ms,
	    struct pp_error *err);
int	pp_ddb_shards(struct pp_store *s, const char *job_id, int first,
	    struct pp_shard *out, int max, struct pp_error *err);
int	pp_ddb_queue_length(struct pp_store *s, int64_t *queued,
	    int64_t *running, struct pp_error *err);
int	pp_ddb_queue_head(struct pp_store *s, char *job_id,
	    struct pp_error *err);

int	pp_ddb_costs_add(struct pp_store *s, const struct pp_cost *c,
	    size_t count, struct pp_error *err);
int	pp_ddb_cost_list(struct pp_store *s, const char *job_id,
	    const char *after, struct pp_cost *out, int max,
	    struct pp_error *err);
/* All rows of a job go away. */
int	pp_ddb_costs_delete(struct pp_store_dynamodb *s, const char *job_id,
	    struct pp_error *err);

int	pp_ddb_template_add(struct pp_store *s,
	    const struct pp_template_version *t, int64_t *version,
	    struct pp_error *err);
int	pp_ddb_template_get(struct pp_store *s, const char *id,
	    int64_t version, const char *user_id,
	    struct pp_template_version *out, struct pp_error *err);
int	pp_ddb_template_list(struct pp_store *s, const char *user_id,
	    const char *after, struct pp_template_version *out, int max,
	    struct pp_error *err);
int	pp_ddb_template_versions(struct pp_store *s, const char *id,
	    const char *user_id, int64_t after,
	    struct pp_template_version *out, int max, struct pp_error *err);
int	pp_ddb_template_delete(struct pp_store *s, const char *id,
	    const char *user_id, struct pp_error *err);

#endif
