/*
 * The journal of a shard (embedded home): what went out and what came home
 * since the last checkpoint, so that a killed process pays for nothing twice.
 *
 *	{home}/journal/{job_id}/{shard:05}-{generation:012}-{epoch:09}.log
 *
 * One record a line: eight hex digits of CRC-32C, a blank, a JSON object.
 *	{"t":"open", ...}	first line: job, shard, epoch, writer, boot id
 *	{"t":"try", ...}	an attempt, written before its first byte is sent
 *	{"t":"end", ...}	its end: an answer with its usage, or a failure
 * The records of one turn of the loop are one write(2), before any attempt among
 * them is sent; SIGKILL leaves at most one torn line, the last. fdatasync(2)
 * follows within a second. A checkpoint begins a new generation
 * and then unlinks those below. After a power loss (another boot id) the end
 * of the journal cannot be trusted, and the reader says so.
 */
#ifndef PP_JOB_JOURNAL_H
#define PP_JOB_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "job/row.h"

struct pp_journal;

struct pp_journal_where {
	const char *home;		/* the store's folder; borrowed */
	char job_id[PP_ID_BYTES];
	int shard;
	int64_t epoch;
	char writer[PP_ID_BYTES];
};

/* An attempt that begins. */
struct pp_journal_try {
	const char *id;
	int64_t row;
	size_t step;
	int64_t reserved_nusd;
};

/* An attempt that ended. */
struct pp_journal_end {
	const char *id;
	int64_t row;
	size_t step;
	enum pp_call_class class;
	struct pp_usage usage;
	int64_t cost_nusd, unproven_nusd;
	const char *text;		/* class OK only; else NULL */
	size_t text_len;
	enum pp_finish finish;
	/* a failure that failed its row */
	int http_status;
	const char *reason;		/* NULL: none */
	const char *raw;		/* NULL: none */
	size_t raw_len;
};

/*
 * Begin generation `generation` in a new file. Returns owned, or NULL with
 * PP_ECREATE or PP_EIO.
 */
struct pp_journal *pp_journal_open(const struct pp_journal_where *where,
	    int64_t generation, struct pp_error *err);

/* Sync and close; NULL is fine. */
void	pp_journal_close(struct pp_journal *j);

/*
 * Each is kept in memory until pp_journal_flush(), or until there is much of
 * it. PP_EIO: the disk is full, say; send nothing then.
 */
int	pp_journal_try(struct pp_journal *j, const struct pp_journal_try *t,
	    struct pp_error *err);
int	pp_journal_end(struct pp_journal *j, const struct pp_journal_end *e,
	    struct pp_error *err);

/*
 * Write what is kept in memory. An attempt may be sent once this has returned
 * 0; after PP_EIO none of those since the last flush may.
 */
int	pp_journal_flush(struct pp_journal *j, struct pp_error *err);

/* Flush, then fdatasync(2) if anything was written since the last. */
int	pp_journal_sync(struct pp_journal *j, struct pp_error *err);

/*
 * Unlink all generations of the shard below `generation`; INT64_MAX: all, and
 * the job's folder when it is empty then.
 */
int	pp_journal_cover(const struct pp_journal_where *where,
	    int64_t generation, struct pp_error *err);

/* Unlink everything of a job. */
int	pp_journal_remove(const char *home, const char *job_id,
	    struct pp_error *err);

/* What a replay calls, in the order of writing. */
struct pp_journal_reader {
	void (*on_try)(void *arg, const struct pp_journal_try *t);
	void (*on_end)(void *arg, const struct pp_journal_end *e);
	void *arg;
	/* set: a file is from before a power loss, or went with the power */
	bool other_boot;
	int64_t last_generation; /* set: the highest found, or 0 */
};

/*
 * Read all generations from `from` on. A torn last line is passed over; a bad
 * line before the last is PP_EDATA, unless the file is from another boot.
 */
int	pp_journal_replay(const struct pp_journal_where *where, int64_t from,
	    struct pp_journal_reader *r, struct pp_error *err);

#endif
