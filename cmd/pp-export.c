/*
 * pp-export: rows of jobs, or of stdin, as a data set in the formats that
 * people train with.
 */
#include <config.h>

#include "pp-export.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/csv_record.h"
#include "base/str.h"
#include "export/tree.h"
#include "job/row_rules.h"
#include "store/blob.h"

enum {
	KEY_MAX_ROWS = PP_OPT_LONG,
	KEY_MAX_BYTES,
	KEY_DELIMITER,
	KEY_BOM,
	KEY_LF,
	KEY_SAFE_CELLS,
	KEY_CARD,
	KEY_COMPRESS,
	KEY_CODEC,
	KEY_PAGE_V2,
	KEY_PARTIAL,
	KEY_AS,
	KEY_MAP,
	KEY_WITH_META,
	KEY_INCLUDE_FAILED,
	KEY_DEDUP,
	KEY_SPLIT,
	KEY_SHUFFLE,
	KEY_SEED,
	KEY_FROM,
	KEY_FROM_DELIMITER,
	KEY_WHERE,
	KEY_SELECT,
	KEY_THREADS,
	KEY_BLOOM,
	KEY_URL,
	KEY_EXPIRES
};

static const struct pp_opt options[] = {
	{ 'f', "format", "LIST",
	    "jsonl, csv, parquet; several with "
	    "commas [jsonl]",
	    PP_COMPLETE_WORDS, "jsonl csv parquet" },
	{ 'p', "partition", "HOW",
	    "none, timestamp, category, or both "
	    "with a comma [none]",
	    PP_COMPLETE_WORDS, "none timestamp category timestamp,category" },
	{ 'o', "output", "DIR",
	    "where files go, s3://BUCKET/PREFIX for objects, - for standard "
	    "output; by default a job's own exports/, or - for rows from "
	    "standard input",
	    PP_COMPLETE_FOLDER, NULL },
	{ KEY_PARTIAL, "partial", NULL,
	    "take the rows of a job that has not ended", PP_COMPLETE_NONE,
	    NULL },
	{ KEY_FROM, "from", "FORMAT",
	    "what standard input is, jsonl or csv [jsonl]", PP_COMPLETE_WORDS,
	    "jsonl csv" },
	{ KEY_FROM_DELIMITER, "from-delimiter", "C",
	    "between cells of --from csv [,]; \\t is a tab", PP_COMPLETE_NONE,
	    NULL },
	{ KEY_WHERE, "where", "EXPR",
	    "take the rows for which EXPR is true, in the language of "
	    "templates",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_SELECT, "select", "FIELDS",
	    "what records have: fields, or NAME=EXPR, with commas",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_AS, "as", "SHAPE",
	    "messages, sharegpt, alpaca, dpo, text or "
	    "record [record]",
	    PP_COMPLETE_WORDS, "messages sharegpt alpaca dpo text record" },
	{ KEY_MAP, "map", "FIELD=PATH",
	    "where a field of the shape or record "
	    "comes from; repeatable",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_WITH_META, "with-meta", NULL,
	    "add job, row, id, category, time, tokens, cost and steps",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_INCLUDE_FAILED, "include-failed", NULL,
	    "write rows that failed too, with _failed", PP_COMPLETE_NONE,
	    NULL },
	{ KEY_DEDUP, "dedup", "FIELD[:near=N]",
	    "leave out rows whose FIELD "
	    "was there before, or one like it",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_SPLIT, "split", "NAME=PART,...",
	    "into folders, as train=0.9,"
	    "test=0.1; by a hash of the row's id",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_SHUFFLE, "shuffle", NULL, "in an order of chance",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_SEED, "seed", "N", "decides --shuffle and --split [0]",
	    PP_COMPLETE_NONE, NULL },
	{ 'n', "limit", "N", "write at most N rows", PP_COMPLETE_NONE, NULL },
	{ 't', "type", "FIELD=TYPE", "declare a field's type; repeatable",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_CARD, "card", NULL, "write README.md, a data set card, too",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_MAX_ROWS, "max-rows-per-file", "N",
	    "begin another file after N rows", PP_COMPLETE_NONE, NULL },
	{ KEY_MAX_BYTES, "max-bytes-per-file", "SIZE",
	    "begin another file before SIZE is passed", PP_COMPLETE_NONE,
	    NULL },
	{ KEY_DELIMITER, "delimiter", "C",
	    "between cells of CSV [,]; \\t "
	    "is a tab",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_BOM, "bom", NULL, "begin CSV with a byte order mark",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_LF, "lf", NULL, "end lines of CSV with LF, not CRLF",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_SAFE_CELLS, "safe-cells", NULL,
	    "put ' before text that a spreadsheet would compute",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_COMPRESS, "compress", "CODEC",
	    "compress JSONL and CSV: zstd, "
	    "gzip or none, with a level as in zstd:3 [none]",
	    PP_COMPLETE_WORDS, "zstd gzip none" },
	{ KEY_CODEC, "parquet-compress", "CODEC",
	    "zstd, snappy, gzip or "
	    "none, with a level as in zstd:3 [zstd]",
	    PP_COMPLETE_WORDS, "zstd snappy gzip none" },
	{ KEY_THREADS, "threads", "N",
	    "threads at most, which compress [one a processor, up to 8]",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_BLOOM, "bloom", "FIELD",
	    "put a Bloom filter of FIELD into Parquet; repeatable",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_PAGE_V2, "parquet-pages-v2", NULL,
	    "write data pages of version 2", PP_COMPLETE_NONE, NULL },
	{ KEY_URL, "url", NULL,
	    "print URLs of a job's own exports, for anybody, for a while",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_EXPIRES, "expires", "TIME",
	    "how long those are good, at most 7d [15m]", PP_COMPLETE_NONE,
	    NULL },
	{ 0 }
};

static int
set_count(const char *arg, const char *what, uint64_t *out,
    struct pp_error *err)
{
	int64_t n;

	if (pp_parse_int(arg, what, 1, INT64_MAX, &n, err) < 0)
		return -1;
	*out = (uint64_t)n;
	return 0;
}

static int
set_size(const char *arg, const char *what, uint64_t *out, struct pp_error *err)
{
	int64_t n;

	if (pp_parse_size(arg, what, &n, err) < 0)
		return -1;
	if (n <= 0)
		return pp_error_set(err, PP_EUSAGE, "%s must be above 0", what);
	*out = (uint64_t)n;
	return 0;
}

static int
set_delimiter(const char *arg, const char *what, char *out,
    struct pp_error *err)
{
	if (strcmp(arg, "\\t") == 0 || strcmp(arg, "tab") == 0)
		arg = "\t";
	if (strlen(arg) != 1 || !pp_csv_is_delimiter(*arg))
		return pp_error_set(err, PP_EUSAGE,
		    "%s is a tab or one of , ; | : ^ ~ ! # $ %% & *, not '%s'",
		    what, arg);
	*out = *arg;
	return 0;
}

static int
set_split(struct pp_export_state *s, const char *arg, struct pp_error *err)
{
	int count = pp_export_parse_splits(arg, s->splits, err);

	if (count < 0)
		return -1;
	s->o.splits = s->splits;
	s->o.split_count = (size_t)count;
	return 0;
}

static int
set_seed(struct pp_export_state *s, const char *arg, struct pp_error *err)
{
	int64_t seed;

	if (pp_parse_int(arg, "--seed", INT64_MIN, INT64_MAX, &seed, err) < 0)
		return -1;
	s->o.seed = (uint64_t)seed;
	s->has_seed = true;
	return 0;
}

static int
set_threads(struct pp_export_state *s, const char *arg, struct pp_error *err)
{
	int64_t n;

	if (pp_parse_int(arg, "--threads", 1, 16, &n, err) < 0)
		return -1;
	s->o.threads = (int)n;
	return 0;
}

static int
set_from(struct pp_export_state *s, const char *arg, struct pp_error *err)
{
	s->has_from = true;
	s->from_csv = strcmp(arg, "csv") == 0;
	if (!s->from_csv && strcmp(arg, "jsonl") != 0)
		return pp_error_set(err, PP_EUSAGE,
		    "rows come as jsonl or csv, not as '%s'", arg);
	return 0;
}

static int
add_to(const char **list, size_t *count, const char *arg, struct pp_error *err)
{
	if (*count == PP_EXPORT_MAX_REPEATED)
		return pp_error_set(err, PP_EUSAGE,
		    "'%s' is one option too many: there may be %d of a kind",
		    arg, PP_EXPORT_MAX_REPEATED);
	list[(*count)++] = arg;
	return 0;
}

static int
set_csv(struct pp_export_state *s, int key, const char *arg,
    struct pp_error *err)
{
	switch (key) {
	case KEY_DELIMITER:
		return set_delimiter(arg, "--delimiter", &s->o.csv_delimiter,
		    err);
	case KEY_FROM_DELIMITER:
		return set_delimiter(arg, "--from-delimiter",
		    &s->from_delimiter, err);
	case KEY_BOM: s->o.csv_bom = true; return 0;
	case KEY_LF: s->o.csv_lf = true; return 0;
	case KEY_SAFE_CELLS: s->o.csv_safe_cells = true; return 0;
	default: return -1;
	}
}

static int
set_expires(struct pp_export_state *s, const char *arg, struct pp_error *err)
{
	if (pp_parse_duration_ms(arg, "--expires", &s->expires_ms, err) < 0)
		return -1;
	if (s->expires_ms >= 1000 && s->expires_ms <= PP_MAX_PRESIGN_S * 1000)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "--expires must be from 1s to 7d, not '%s'", arg);
}

static int
set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct pp_export_state *s = state;
	struct pp_export_options *o = &s->o;

	switch (key) {
	case 'f': return pp_export_parse_formats(arg, &o->formats, err);
	case 'p': return pp_export_parse_partition(arg, &o->partition, err);
	case 'o': s->output = arg; return 0;
	case 'n': return set_count(arg, "--limit", &o->limit, err);
	case 't': return add_to(s->types, &o->type_count, arg, err);
	case KEY_MAP: return add_to(s->maps, &o->map_count, arg, err);
	case KEY_FROM: return set_from(s, arg, err);
	case KEY_WHERE: s->where = arg; return 0;
	case KEY_SELECT: s->select = arg; return 0;
	case KEY_AS: return pp_shape_parse(arg, &o->shape, err);
	case KEY_WITH_META: o->with_meta = true; return 0;
	case KEY_INCLUDE_FAILED: o->include_failed = true; return 0;
	case KEY_DEDUP: o->dedup = arg; return 0;
	case KEY_SPLIT: return set_split(s, arg, err);
	case KEY_SHUFFLE: o->shuffle = true; return 0;
	case KEY_SEED: return set_seed(s, arg, err);
	case KEY_MAX_ROWS:
		return set_count(arg, "--max-rows-per-file",
		    &o->max_rows_per_file, err);
	case KEY_MAX_BYTES:
		return set_size(arg, "--max-bytes-per-file",
		    &o->max_bytes_per_file, err);
	case KEY_PARTIAL: s->partial = true; return 0;
	case KEY_URL: s->url = true; return 0;
	case KEY_EXPIRES: return set_expires(s, arg, err);
	case KEY_CARD: o->card = true; return 0;
	case KEY_COMPRESS:
		return pp_codec_parse(arg, &o->compress, &o->compress_level,
		    err);
	case KEY_CODEC:
		s->has_codec = true;
		return pp_codec_parse(arg, &o->parquet_codec, &o->parquet_level,
		    err);
	case KEY_BLOOM: return add_to(s->blooms, &o->bloom_count, arg, err);
	case KEY_THREADS: return set_threads(s, arg, err);
	case KEY_PAGE_V2: o->parquet_page_v2 = true; return 0;
	default: return set_csv(s, key, arg, err);
	}
}

/* A thread that waits for the signals, which are blocked in all others. */
static void *
wait_for_signal(void *arg)
{
	int signal;

	if (sigwait(arg, &signal) != 0)
		return NULL;
	pp_tree_abandon_all();
	fprintf(stderr, "pp-export: stopped by SIG%s: nothing was exported\n",
	    sigabbrev_np(signal));
	_exit(pp_code_exit_status(PP_ETEMP));
}

/* Clean up when told to stop, also while rows are waited for. */
static int
watch_signals(struct pp_error *err)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	static sigset_t set;
	struct sigaction now;
	pthread_t thread;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (sigaction(ends[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN) /* nohup */
			sigaddset(&set, ends[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, wait_for_signal, &set) != 0)
		return pp_error_set(err, PP_ETEMP, "cannot begin a thread");
	pthread_detach(thread);
	return 0;
}

/* A name that was mistyped would leave its column out without a word. */
static void
warn_of_select(const struct pp_cli *cli, const struct pp_row_rules *rules)
{
	const char *name;
	size_t at = 0;

	while ((name = pp_row_rules_not_found(rules, &at)) != NULL)
		pp_cli_warn(cli, "--select: no row has '%s'", name);
}

static int
run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_export_state *s = state;
	struct pp_row_rules *rules;
	int rc;

	if (s->o.formats == 0)
		s->o.formats = PP_EXPORT_JSONL;
	if (!s->has_codec)
		s->o.parquet_codec = PP_CODEC_DEFAULT;
	if (s->has_seed && !s->o.shuffle && s->o.split_count == 0)
		return pp_error_set(err, PP_EUSAGE,
		    "--seed decides --shuffle and --split, and there is none");
	s->o.types = s->types;
	s->o.maps = s->maps;
	s->o.blooms = s->blooms;
	s->o.fd = STDOUT_FILENO;
	s->o.fd_name = "standard output";
	if (s->has_from && argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "--from is for standard input, and a job is named");
	if (s->from_delimiter != '\0' && !s->from_csv)
		return pp_error_set(err, PP_EUSAGE,
		    "--from-delimiter is of --from csv");
	if (watch_signals(err) < 0)
		return -1;
	rules = pp_row_rules_new(s->where, s->select, err);
	if (rules == NULL)
		return -1;
	pp_row_rules_apply(rules, &s->o);
	rc = argc > 0 ? pp_export_jobs(cli, s, argc, argv, err) :
			pp_export_stdin(cli, s, err);
	if (rc >= 0)
		warn_of_select(cli, rules);
	pp_row_rules_free(rules);
	return rc;
}

static const struct pp_command commands[] = {
	{ .synopsis = "[-f LIST] [-p HOW] [-o DIR] [JOB|-]...",
	    .summary = "write a job's rows, or those on standard input, as "
		       "JSONL, CSV or Parquet",
	    .options = options,
	    .operands = PP_COMPLETE_JOB,
	    .has_user = true,
	    .state_bytes = sizeof(struct pp_export_state),
	    .set = set,
	    .run = run },
	{ .name = "cat",
	    .synopsis = "FILE...",
	    .summary = "print the rows of Parquet files as JSONL",
	    .operands = PP_COMPLETE_FILE,
	    .run = pp_export_cat },
	{ .name = "schema",
	    .synopsis = "FILE",
	    .summary = "print the columns of a Parquet file",
	    .operands = PP_COMPLETE_FILE,
	    .has_json = true,
	    .run = pp_export_schema },
	{ 0 }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = {
		.name = "pp-export",
		.summary = "write rows as a data set",
		.commands = commands,
	};

	return pp_cli_main(&program, argc, argv);
}
