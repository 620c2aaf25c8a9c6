/*
 * What the files of pp-export share: what its options say, and what its
 * commands do.
 */
#ifndef PP_CMD_PP_EXPORT_H
#define PP_CMD_PP_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "export/export.h"

#define PP_EXPORT_MAX_REPEATED 256 /* --type, --map and --bloom, each */

struct pp_export_state {
	struct pp_export_options o;
	bool has_codec, has_seed;
	bool partial, from_csv, has_from, url;
	char from_delimiter;	/* of CSV; 0: not said */
	int64_t expires_ms;	/* 0: not said */
	const char *output, *where, *select;
	const char *types[PP_EXPORT_MAX_REPEATED];
	const char *maps[PP_EXPORT_MAX_REPEATED];
	const char *blooms[PP_EXPORT_MAX_REPEATED];
	struct pp_split splits[PP_MAX_SPLITS];
};

/* Of the jobs named, or of rows on standard input (export_write.c). */
int	pp_export_jobs(const struct pp_cli *cli, struct pp_export_state *s,
	    int argc, char **argv, struct pp_error *err);
int	pp_export_stdin(const struct pp_cli *cli, struct pp_export_state *s,
	    struct pp_error *err);

/* `pp-export cat` and `pp-export schema` (export_read.c). */
int	pp_export_cat(const struct pp_cli *cli, void *state, int argc,
	    char **argv, struct pp_error *err);
int	pp_export_schema(const struct pp_cli *cli, void *state, int argc,
	    char **argv, struct pp_error *err);

#endif
