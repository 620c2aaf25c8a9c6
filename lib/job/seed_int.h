/*
 * What the files of seed sets share: keys, the manifest, the index.
 */
#ifndef PP_JOB_SEED_INT_H
#define PP_JOB_SEED_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "store/store.h"

#define PP_SEED_SAMPLE "sample:"
#define PP_SEED_SAMPLES "sample-datasets/"

/* A manifest, as read. */
struct pp_seed_manifest {
	char *base;		/* the set's key: "seed-data/ada/poems" */
	char generation[PP_ID_BYTES];
	int64_t created_at_ms;
	int64_t count, bytes, parts;
	char index_sha256[PP_SHA256_HEX_BYTES];
};

/*
 * Returns owned (free(3)) the key below which the set is, or NULL with
 * PP_EUSAGE.
 */
char	*pp_seed_base(const char *user_id, const char *name,
	    struct pp_error *err);

/* The set's name as its user writes it; returns owned. */
char	*pp_seed_shown(const char *base);

/* Keys; return owned. */
char	*pp_seed_manifest_key(const char *base);
char	*pp_seed_index_key(const char *base, const char *generation);
char	*pp_seed_part_key(const char *base, const char *generation,
	    int64_t number);
char	*pp_seed_upload_key(const char *base);

/*
 * Read the set's manifest and its ETag (may be NULL); PP_ENOENT without one.
 * `text` gets its JSON, `m` is to be released.
 */
int	pp_seed_manifest_get(struct pp_store *s, const char *base,
	    struct pp_buf *text, char etag[PP_ETAG_BYTES],
	    struct pp_seed_manifest *m, struct pp_error *err);

/* PP_EDATA without saying where. */
int	pp_seed_manifest_parse(const char *text, size_t len,
	    struct pp_seed_manifest *m, struct pp_error *err);
void	pp_seed_manifest_release(struct pp_seed_manifest *m);

#endif
