/*
 * What a job is pinned to: the template's text, the seed sets, the models and
 * their prices, all as they were when the job was created. Nothing of it
 * changes afterwards; the budget, which may be raised, is in the job's record.
 * Its JSON form is the object jobs/{job_id}/config.json. The record has a
 * summary of it, without the template's texts: a record's size is bounded.
 */
#ifndef PP_JOB_CONFIG_H
#define PP_JOB_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "job/plan.h"
#include "model/catalog.h"

#define PP_MAX_SEED_SETS 16
#define PP_MAX_ROWS INT64_C(1000000000)
#define PP_DEFAULT_CHECKPOINT_ROWS 50

struct pp_config_seeds {
	char *name;		/* bound to this name; NULL: members on top */
	char *set;		/* as the user named it: "poems" */
	char *manifest;		/* the pinned manifest, JSON text */
	int64_t count;		/* records in it */
};

/* A text that the template includes, by the name it includes it under. */
struct pp_config_fragment {
	char *name, *text;
};

struct pp_config_step {
	char *id;
	struct pp_model model;	/* with its prices */
	int64_t max_tokens;	/* the template's, or the default */
};

struct pp_job_config {
	char job_id[PP_ID_BYTES];
	char *user_id;
	char *template_id;
	int64_t template_version;	/* 0: a file that is not in the store */
	char *template_name;		/* stands in errors: "story.yaml" */
	char *template_source;		/* its text */
	struct pp_config_fragment *fragments;
	size_t fragment_count;
	struct pp_config_seeds *seeds;
	size_t seeds_count;
	struct pp_config_step *steps;	/* as in the template */
	size_t step_count;
	int64_t rows;
	int shards;
	uint64_t seed;
	enum pp_order order;
	int64_t max_failures;		/* -1: no limit */
	bool max_failures_percent;	/* of the rows */
	int checkpoint_rows;
	char *export_formats;		/* "jsonl,csv", or "" */
	char *export_partition;		/* "none" when none was given */
	int64_t created_at_ms;
};

void	pp_job_config_release(struct pp_job_config *c);

/* Append the JSON form; equal configs give equal bytes. */
void	pp_job_config_put_json(const struct pp_job_config *c,
	    struct pp_buf *out);

/* The same without the texts of template and fragments, which are empty. */
void	pp_job_config_put_summary(const struct pp_job_config *c,
	    struct pp_buf *out);

/*
 * Read the JSON form, checking types and ranges. `out` is to be released, also
 * on failure. 0, or -1 with PP_EDATA.
 */
int	pp_job_config_parse(const char *text, size_t len,
	    struct pp_job_config *out, struct pp_error *err);

/* A fragment's text, as a pp_fragment_fn with the config as its argument. */
int	pp_job_config_fragment(void *config, const char *name,
	    struct pp_buf *out, struct pp_error *err);

/*
 * Whether `failed` rows are more than the job puts up with.
 */
bool	pp_job_config_too_many_failed(const struct pp_job_config *c,
	    int64_t failed);

#endif
