/*
 * The embedded home's records: one SQLite file, plotpalette.db. Its parts are
 * store_sqlite.c (schema, opening) and store_sqlite_{jobs,queue,costs,
 * templates}.c, one for each section of store.h.
 */
#ifndef PP_STORE_STORE_SQLITE_H
#define PP_STORE_STORE_SQLITE_H

#include "store/sqlite.h"
#include "store/store_int.h"

struct pp_store_sqlite {
	struct pp_store store;
	struct pp_sqlite sql;
};

static inline struct pp_sqlite *
pp_sqlite_of(struct pp_store *s)
{
	return &((struct pp_store_sqlite *)s)->sql;
}

/*
 * Columns of totals, in the order of struct pp_totals, as jobs and queue have
 * them; pp_sqlite_totals() reads them from column `first` on.
 */
#define PP_SQLITE_TOTALS "records_generated, records_failed, calls, " \
	"tokens_in, tokens_out, cost_estimate, cost_unproven"
#define PP_SQLITE_NTOTALS 7

void	pp_sqlite_totals(sqlite3_stmt *st, int first, struct pp_totals *out);

/* A status by its name in a column; PP_EDATA when it is none. */
int	pp_sqlite_status(sqlite3_stmt *st, int column,
	    enum pp_job_status *out, struct pp_error *err);

/*
 * Inside a transaction: bring the job's status in line with its shards', as
 * store.h has it; `reason` counts when it goes back to QUEUED. `*out` (may be
 * NULL) is its status now.
 */
int	pp_sqlite_derive_status(struct pp_sqlite *s, const char *job_id,
	    const char *reason, int64_t now_ms, enum pp_job_status *out,
	    struct pp_error *err);

/* The operations. */
int	pp_sqlite_job_add(struct pp_store *s, const struct pp_job *job,
	    const char *idempotency_key, char *existing, struct pp_error *err);
int	pp_sqlite_job_get(struct pp_store *s, const char *job_id,
	    struct pp_job *out, struct pp_error *err);
int	pp_sqlite_job_list(struct pp_store *s, const struct pp_job_filter *f,
	    struct pp_job *out, int max, struct pp_error *err);
int	pp_sqlite_job_cancel(struct pp_store *s, const char *job_id,
	    int64_t now_ms, struct pp_error *err);
int	pp_sqlite_job_resume(struct pp_store *s, const char *job_id,
	    int64_t budget_limit_nusd, bool all, int64_t now_ms,
	    struct pp_error *err);
int	pp_sqlite_job_delete(struct pp_store *s, const char *job_id,
	    struct pp_error *err);

int	pp_sqlite_claim(struct pp_store *s, const struct pp_claim_request *req,
	    struct pp_claim *out, struct pp_error *err);
int	pp_sqlite_claim_epoch(struct pp_store *s, struct pp_claim *c,
	    int64_t at_least, struct pp_error *err);
int	pp_sqlite_renew(struct pp_store *s, struct pp_claim *c,
	    int64_t now_ms, int64_t lease_ms, bool *cancel,
	    struct pp_error *err);
int	pp_sqlite_release(struct pp_store *s, struct pp_claim *c,
	    bool progress, const char *reason, int64_t now_ms,
	    struct pp_error *err);
int	pp_sqlite_finish(struct pp_store *s, struct pp_claim *c,
	    enum pp_job_status status, bool unless_last, const char *reason,
	    int64_t now_ms, enum pp_job_status *job_status,
	    struct pp_error *err);
int	pp_sqlite_grant(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t want_nusd, int64_t now_ms,
	    int64_t *free_nusd, int64_t *others_nusd, struct pp_error *err);
int	pp_sqlite_progress(struct pp_store *s, struct pp_claim *c,
	    const struct pp_totals *totals, int64_t now_ms,
	    struct pp_error *err);
int	pp_sqlite_shards(struct pp_store *s, const char *job_id, int first,
	    struct pp_shard *out, int max, struct pp_error *err);
int	pp_sqlite_queue_length(struct pp_store *s, int64_t *queued,
	    int64_t *running, struct pp_error *err);
int	pp_sqlite_queue_head(struct pp_store *s, char *job_id,
	    struct pp_error *err);

int	pp_sqlite_costs_add(struct pp_store *s, const struct pp_cost *c,
	    size_t count, struct pp_error *err);
int	pp_sqlite_cost_list(struct pp_store *s, const char *job_id,
	    const char *after, struct pp_cost *out, int max,
	    struct pp_error *err);

int	pp_sqlite_template_add(struct pp_store *s,
	    const struct pp_template_version *t, int64_t *version,
	    struct pp_error *err);
int	pp_sqlite_template_get(struct pp_store *s, const char *id,
	    int64_t version, const char *user_id,
	    struct pp_template_version *out, struct pp_error *err);
int	pp_sqlite_template_list(struct pp_store *s, const char *user_id,
	    const char *after, struct pp_template_version *out, int max,
	    struct pp_error *err);
int	pp_sqlite_template_versions(struct pp_store *s, const char *id,
	    const char *user_id, int64_t after,
	    struct pp_template_version *out, int max, struct pp_error *err);
int	pp_sqlite_template_delete(struct pp_store *s, const char *id,
	    const char *user_id, struct pp_error *err);

#endif
