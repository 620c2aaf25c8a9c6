/*
 * Seed sets: records of people's own, kept as JSONL parts with a manifest, so
 * that record i of a set of any size is one ranged read away.
 *
 *	seed-data/{user}/{name}/manifest.json
 *	seed-data/{user}/{name}/{generation}/index.jsonl
 *	seed-data/{user}/{name}/{generation}/part-00001.jsonl
 *	sample-datasets/{name}/...		the same, for everybody
 *
 * A part has about 8 MiB of records, one a line. The index has one line a
 * part: its count, bytes and SHA-256, and for each block of it (about 16 KiB;
 * 64 KiB from 4 GiB on) the offset and the CRC-32C. The manifest has the totals, the schema and the
 * SHA-256 of the index, which thereby stands for every byte of the set.
 *
 * Parts never change. Replacing a set writes a new generation and then, by a
 * conditional write, the manifest. A generation that a job has pinned in its
 * config stays until that job is removed; others go when the set is replaced
 * the next time or removed (pp_seed_prune()).
 */
#ifndef PP_JOB_SEED_H
#define PP_JOB_SEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

struct pp_seed_set;	/* open for reading */

/* A record may have at most this many bytes. */
#define PP_SEED_MAX_BYTES ((size_t)16 << 20)

/*
 * Open NAME of the user, or "sample:NAME". PP_ENOENT names it. Returns owned.
 * It keeps 1 to 4 KiB of index for each part, and up to 6 MiB of records read
 * last.
 */
struct pp_seed_set *pp_seed_open(struct pp_store *s, const char *user_id,
	    const char *name, struct pp_error *err);

/*
 * Open exactly what a job has pinned: the text of the manifest as it was.
 * PP_ECONFLICT when that generation is gone or was changed.
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

/* How many records can be fetched at once. */
#define PP_SEED_FETCH 64

/*
 * Have the first of the `count` records `at[]`, 1 to PP_SEED_FETCH, at hand for
 * pp_seed_get(), read several at a time where that is faster. Returns of how
 * many, at least one, that holds until the next fetch; or -1, as
 * pp_seed_get().
 */
int	pp_seed_fetch(struct pp_seed_set *set, const int64_t *at, size_t count,
	    struct pp_error *err);

/*
 * Read by the connection `s`, which is borrowed, from now on: for a thread
 * that is given the set for a while.
 */
void	pp_seed_use(struct pp_seed_set *set, struct pp_store *s);

/*
 * Call `fn` for the key of each of its parts, in order, each of which is a
 * file of JSONL. `fn` returns 0 to go on. PP_ENOENT names the set.
 */
int	pp_seed_each_part(struct pp_store *s, const char *user_id,
	    const char *name,
	    int (*fn)(void *arg, const char *key, struct pp_error *err),
	    void *arg, struct pp_error *err);

/* What a list shows of a set. */
struct pp_seed_info {
	char *name;
	int64_t count, bytes;	/* -1: the manifest is damaged */
	int64_t created_at_ms;
};

/*
 * The user's sets, or the samples for NULL, as their keys sort, after `after`
 * (NULL: from the start). Returns how many, or -1; fewer than `max` means the
 * end. Each is to be released.
 */
int	pp_seed_list(struct pp_store *s, const char *user_id,
	    const char *after, struct pp_seed_info *infos, int max,
	    struct pp_error *err);
void	pp_seed_info_release(struct pp_seed_info *info);

/*
 * Remove the set and all of it that no job has pinned. PP_ENOENT when there is
 * none.
 */
int	pp_seed_remove(struct pp_store *s, const char *user_id,
	    const char *name, struct pp_error *err);

/*
 * Delete the generations of a set that the manifest does not name and no job
 * has pinned. A job that is being created has read the manifest and not yet
 * pinned it, so nothing is done within an hour of the last replacement; what
 * a put that died has left goes after a day. To be called after removing a
 * job, for each of its sets; a put that replaces a set does it first.
 */
int	pp_seed_prune(struct pp_store *s, const char *user_id,
	    const char *name, int64_t now_ms, struct pp_error *err);

#endif
