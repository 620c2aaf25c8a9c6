/*
 * Seed sets: records of people's own, kept as JSONL parts with a manifest, so
 * that record i of a set of any size is one ranged read away.
 *
 *	seed-data/{user}/{name}/manifest.json
 *	seed-data/{user}/{name}/{generation}/part-00001.jsonl
 *	sample-datasets/{name}/...		the same, for everybody
 *
 * A manifest is replaced by a conditional write; parts are never changed.
 * Replacing a set writes a new generation and then the manifest; a generation
 * that a job has pinned stays until that job is removed.
 */
#ifndef PP_JOB_SEED_H
#define PP_JOB_SEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

struct pp_seed_set;	/* open for reading */
struct pp_seed_writer;	/* a generation being written */

/* A line in a seed file may have at most this many bytes. */
#define PP_SEED_MAX_BYTES ((size_t)16 << 20)

/*
 * Open NAME of the user, or "sample:NAME". PP_ENOENT names it. Returns owned.
 */
struct pp_seed_set *pp_seed_open(struct pp_store *s, const char *user_id,
	    const char *name, struct pp_error *err);

/*
 * Open exactly what a job has pinned: the manifest's key and its SHA-256.
 * PP_ECONFLICT when the set was changed underneath.
 */
struct pp_seed_set *pp_seed_open_pinned(struct pp_store *s,
	    const char *manifest_json, size_t len, struct pp_error *err);
void	pp_seed_close(struct pp_seed_set *set);

int64_t	pp_seed_count(const struct pp_seed_set *set);
int64_t	pp_seed_bytes(const struct pp_seed_set *set);

/* The manifest's JSON text, to be pinned; borrowed. */
const char *pp_seed_manifest(const struct pp_seed_set *set, size_t *len);

/*
 * Record i (0 to count - 1) appended to `out` as one JSON object without a
 * newline. Sequential reads are buffered. PP_EIO, PP_EDATA (damaged).
 */
int	pp_seed_get(struct pp_seed_set *set, int64_t i, struct pp_buf *out,
	    struct pp_error *err);

#endif
