/*
 * pp-export: rows of jobs, or of stdin, as a data set in the formats that
 * people train with.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "export/csv_rows.h"
#include "export/export.h"
#include "export/pqdescribe.h"
#include "export/pqfile.h"
#include "export/pqrows.h"
#include "export/rows.h"
#include "export/tree.h"
#include "job/export_job.h"
#include "job/export_upload.h"
#include "job/ids.h"
#include "job/row_rules.h"
#include "store/store.h"

#define MAX_REPEATED 256 /* --type, --map and --bloom, each */

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
	KEY_WHERE,
	KEY_SELECT,
	KEY_THREADS,
	KEY_BLOOM,
	KEY_URL,
	KEY_EXPIRES
};

#define DEFAULT_EXPIRES_MS (15 * 60 * 1000)

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

struct state {
	struct pp_export_options o;
	bool has_codec, has_seed;
	bool partial, from_csv, has_from, url;
	int64_t expires_ms; /* 0: not said */
	const char *output, *where, *select;
	const char *types[MAX_REPEATED], *maps[MAX_REPEATED];
	const char *blooms[MAX_REPEATED];
	struct pp_split splits[PP_MAX_SPLITS];
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
set_delimiter(struct state *s, const char *arg, struct pp_error *err)
{
	if (strcmp(arg, "\\t") == 0 || strcmp(arg, "tab") == 0)
		arg = "\t";
	if (strlen(arg) != 1)
		return pp_error_set(err, PP_EUSAGE,
		    "--delimiter is one character, not '%s'", arg);
	s->o.csv_delimiter = *arg;
	return 0;
}

static int
set_split(struct state *s, const char *arg, struct pp_error *err)
{
	int count = pp_export_parse_splits(arg, s->splits, err);

	if (count < 0)
		return -1;
	s->o.splits = s->splits;
	s->o.split_count = (size_t)count;
	return 0;
}

static int
set_seed(struct state *s, const char *arg, struct pp_error *err)
{
	int64_t seed;

	if (pp_parse_int(arg, "--seed", INT64_MIN, INT64_MAX, &seed, err) < 0)
		return -1;
	s->o.seed = (uint64_t)seed;
	s->has_seed = true;
	return 0;
}

static int
set_threads(struct state *s, const char *arg, struct pp_error *err)
{
	int64_t n;

	if (pp_parse_int(arg, "--threads", 1, 16, &n, err) < 0)
		return -1;
	s->o.threads = (int)n;
	return 0;
}

static int
set_from(struct state *s, const char *arg, struct pp_error *err)
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
	if (*count == MAX_REPEATED)
		return pp_error_set(err, PP_EUSAGE,
		    "'%s' is one option too many: there may be %d of a kind",
		    arg, MAX_REPEATED);
	list[(*count)++] = arg;
	return 0;
}

static int
set_csv(struct state *s, int key, const char *arg, struct pp_error *err)
{
	switch (key) {
	case KEY_DELIMITER: return set_delimiter(s, arg, err);
	case KEY_BOM: s->o.csv_bom = true; return 0;
	case KEY_LF: s->o.csv_lf = true; return 0;
	case KEY_SAFE_CELLS: s->o.csv_safe_cells = true; return 0;
	default: return -1;
	}
}

static int
set_expires(struct state *s, const char *arg, struct pp_error *err)
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
	struct state *s = state;
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

/* Exporting one job after the other. */
struct jobs {
	const struct pp_cli *cli;
	struct state *state;
	struct pp_store *store;
	bool several; /* each gets a folder of its own */
};

static void
warn_failed(const struct pp_cli *cli, const struct state *s,
    const struct pp_export_result *result)
{
	if (result->failed > 0 && !s->o.include_failed)
		pp_cli_warn(cli, "left out %llu failed row%s",
		    (unsigned long long)result->failed,
		    result->failed == 1 ? "" : "s");
}

/* An object of a job's own exports: its key, or a URL of it. */
static int
print_object(void *arg, const char *key, struct pp_error *err)
{
	const struct jobs *jobs = arg;
	int64_t ms = jobs->state->expires_ms;
	struct pp_buf url = PP_BUF_INIT;
	int rc = 0;

	if (!jobs->state->url) {
		puts(key);
		return 0;
	}
	rc = pp_blob_presign(pp_store_blobs(jobs->store), "GET", key,
	    (ms > 0 ? ms : DEFAULT_EXPIRES_MS) / 1000, &url, err);
	if (rc == 0)
		puts(url.data);
	pp_buf_release(&url);
	return rc;
}

static bool
is_url(const char *output)
{
	return output != NULL && strncmp(output, "s3://", 5) == 0;
}

/* Where the home keeps objects, a job's own exports are objects too. */
static int
export_to_home(struct jobs *jobs, const char *job_id,
    struct pp_export_result *result, struct pp_error *err)
{
	char *prefix = pp_asprintf("jobs/%s/exports/", job_id);
	struct pp_export_place to = { .blobs = pp_store_blobs(jobs->store),
		.prefix = prefix,
		.fn = print_object,
		.arg = jobs };
	int rc = pp_export_upload_job(jobs->store, job_id, &jobs->state->o,
	    jobs->state->partial, &to, result, err);

	free(prefix);
	return rc;
}

static int
export_to_url(struct jobs *jobs, const char *job_id,
    struct pp_export_result *result, struct pp_error *err)
{
	char *prefix, *own;
	struct pp_export_place to = {
		.blobs = pp_blob_open_url(jobs->state->output, &prefix, err)
	};
	int rc;

	if (to.blobs == NULL)
		return -1;
	own = jobs->several ? pp_asprintf("%s%s/", prefix, job_id) :
			      pp_strdup(prefix);
	to.prefix = own;
	rc = pp_export_upload_job(jobs->store, job_id, &jobs->state->o,
	    jobs->state->partial, &to, result, err);
	free(own);
	free(prefix);
	pp_blob_close(to.blobs);
	return rc;
}

static int
export_to_files(struct jobs *jobs, const char *job_id,
    struct pp_export_result *result, struct pp_error *err)
{
	struct pp_export_options o = jobs->state->o;
	const char *output = jobs->state->output;
	char *folder = NULL;
	int rc;

	if (output == NULL)
		folder = pp_export_job_folder(jobs->store, job_id, err);
	else if (strcmp(output, "-") != 0 && jobs->several)
		folder = pp_asprintf("%s/%s", output, job_id);
	else if (strcmp(output, "-") != 0)
		folder = pp_strdup(output);
	else if (jobs->several && o.formats != PP_EXPORT_JSONL)
		return pp_error_set(err, PP_EUSAGE,
		    "several jobs can go to standard output as jsonl only");
	if (folder == NULL && (output == NULL || strcmp(output, "-") != 0))
		return -1;
	o.dir = folder;
	rc = pp_export_job(jobs->store, job_id, &o, jobs->state->partial,
	    result, err);
	if (rc == 0 && output == NULL)
		puts(folder);
	free(folder);
	return rc;
}

static int
check_url_option(const struct jobs *jobs, struct pp_error *err)
{
	if (!jobs->state->url)
		return 0;
	if (jobs->state->output != NULL)
		return pp_error_set(err, PP_EUSAGE,
		    "--url is of a job's own exports, without --output");
	if (pp_store_dir(jobs->store) != NULL)
		return pp_error_set(err, PP_ECONFIG,
		    "objects of this home are files and have no URLs");
	return 0;
}

static int
export_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct jobs *jobs = arg;
	struct pp_export_result result = { .rows = 0 };
	const char *output = jobs->state->output;
	int rc;

	if (check_url_option(jobs, err) < 0)
		return -1;
	if (is_url(output))
		rc = export_to_url(jobs, job_id, &result, err);
	else if (output == NULL && pp_store_dir(jobs->store) == NULL)
		rc = export_to_home(jobs, job_id, &result, err);
	else
		rc = export_to_files(jobs, job_id, &result, err);
	if (rc == 0)
		warn_failed(jobs->cli, jobs->state, &result);
	pp_export_result_release(&result);
	return rc;
}

static int
export_jobs(const struct pp_cli *cli, struct state *s, int argc, char **argv,
    struct pp_error *err)
{
	struct jobs jobs = { .cli = cli,
		.state = s,
		.several = argc > 1 || strcmp(argv[0], "-") == 0 };
	int rc;

	jobs.store = pp_store_open(NULL, err);
	if (jobs.store == NULL)
		return -1;
	rc = pp_job_ids_each(argc, argv, export_one, &jobs, err);
	pp_store_close(jobs.store);
	return rc;
}

/*
 * A terminal or /dev/null has no rows: there a job was meant, as by
 * `pp-export $job` with a variable that is empty.
 */
static bool
has_rows(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISCHR(st.st_mode);
}

static int
export_rows_to_url(const struct state *s, struct pp_rows *rows,
    struct pp_export_result *result, struct pp_error *err)
{
	char *prefix;
	struct pp_export_place to = { .blobs = pp_blob_open_url(s->output,
					  &prefix, err) };
	int rc;

	if (to.blobs == NULL)
		return -1;
	to.prefix = prefix;
	rc = pp_export_upload_rows(&s->o, rows, &to, result, err);
	free(prefix);
	pp_blob_close(to.blobs);
	return rc;
}

static int
export_stdin(const struct pp_cli *cli, struct state *s, struct pp_error *err)
{
	struct pp_export_result result = { .rows = 0 };
	struct pp_rows *rows;
	int rc;

	if (s->partial)
		return pp_error_set(err, PP_EUSAGE,
		    "--partial is for jobs, and none is named");
	if (!has_rows(STDIN_FILENO))
		return pp_error_set(err, PP_EUSAGE,
		    "name a job, or give rows on standard input");
	if (s->output != NULL && strcmp(s->output, "-") != 0 &&
	    !is_url(s->output))
		s->o.dir = s->output;
	rows = s->from_csv ? pp_csv_rows_new(STDIN_FILENO, "standard input",
				 s->types, s->o.type_count) :
			     pp_rows_from_fd(STDIN_FILENO, "standard input");
	rc = is_url(s->output) ? export_rows_to_url(s, rows, &result, err) :
				 pp_export_run(&s->o, rows, &result, err);
	if (rc == 0)
		warn_failed(cli, s, &result);
	pp_rows_free(rows);
	pp_export_result_release(&result);
	return rc;
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

static int
run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct state *s = state;
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
	if (watch_signals(err) < 0)
		return -1;
	rules = pp_row_rules_new(s->where, s->select, err);
	if (rules == NULL)
		return -1;
	pp_row_rules_apply(rules, &s->o);
	rc = argc > 0 ? export_jobs(cli, s, argc, argv, err) :
			export_stdin(cli, s, err);
	pp_row_rules_free(rules);
	return rc;
}

/* ---- cat, schema ---- */

static int
open_parquet(struct pp_pqfile *f, const char *path, struct pp_error *err)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) :
					  open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return pp_error_errno(err, errno == ENOENT ? PP_ENOENT : PP_EIO,
		    errno, "cannot open '%s'", path);
	if (pp_pqfile_open(f, fd, path, err) == 0)
		return 0;
	pp_pqfile_release(f);
	close(fd);
	return -1;
}

static void
close_parquet(struct pp_pqfile *f)
{
	close(f->fd);
	pp_pqfile_release(f);
}

static int
cat_one(const char *path, struct pp_error *err)
{
	struct pp_pqfile f = { .fd = -1 };
	struct pp_pqrows *rows;
	struct pp_buf line = PP_BUF_INIT;
	int rc;

	if (open_parquet(&f, path, err) < 0)
		return -1;
	rows = pp_pqrows_new(&f);
	while ((rc = pp_pqrows_next(rows, &line, err)) > 0) {
		pp_buf_addc(&line, '\n');
		if (fwrite(line.data, 1, line.len, stdout) != line.len)
			break; /* pp_cli_main() says so at the end */
		pp_buf_trim(&line, 1 << 20);
	}
	pp_pqrows_free(rows);
	pp_buf_release(&line);
	close_parquet(&f);
	return rc < 0 ? -1 : 0;
}

static int
run_cat(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	(void)cli;
	(void)state;
	if (argc == 0)
		return pp_error_set(err, PP_EUSAGE, "no file is named");
	for (int i = 0; i < argc; i++)
		if (cat_one(argv[i], err) < 0)
			return -1;
	return 0;
}

static void
put_count_or_null(struct pp_buf *out, const char *key, int64_t n)
{
	pp_json_put_key(out, key);
	if (n < 0)
		pp_buf_adds(out, "null");
	else
		pp_json_put_int(out, n);
}

static void
print_column_json(const struct pp_pqdescription *d)
{
	struct pp_buf line = PP_BUF_INIT;

	pp_buf_addc(&line, '{');
	pp_json_put_key(&line, "column");
	pp_json_put_str(&line, d->name.data, d->name.len);
	pp_json_put_key(&line, "type");
	pp_json_put_cstr(&line, d->type.data);
	pp_json_put_key(&line, "encodings");
	pp_json_put_cstr(&line, d->encodings.data);
	pp_json_put_key(&line, "compression");
	pp_json_put_cstr(&line, d->codec);
	put_count_or_null(&line, "values", d->entries);
	put_count_or_null(&line, "nulls", d->nulls);
	put_count_or_null(&line, "bytes", d->bytes);
	put_count_or_null(&line, "raw_bytes", d->raw_bytes);
	pp_buf_addf(&line, ",\"min\":%s,\"max\":%s}",
	    d->min.len > 0 ? d->min.data : "null",
	    d->max.len > 0 ? d->max.data : "null");
	puts(line.data);
	pp_buf_release(&line);
}

static void
print_column(struct pp_table *t, const struct pp_pqdescription *d)
{
	pp_table_cell(t, d->name.data);
	pp_table_cell(t, d->type.data);
	pp_table_number(t, d->entries);
	if (d->nulls < 0)
		pp_table_cell(t, "?");
	else
		pp_table_number(t, d->nulls);
	pp_table_number(t, d->bytes);
	pp_table_number(t, d->raw_bytes);
	pp_table_cell(t, d->codec);
	pp_table_cell(t, d->encodings.data);
}

static int
run_schema(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const char *const headings[] = { "COLUMN", "TYPE", "VALUES",
		"NULLS", "BYTES", "RAW", "CODEC", "ENCODINGS" };
	struct pp_pqdescription d;
	struct pp_table *t = NULL;
	struct pp_pqfile f = { .fd = -1 };

	(void)state;
	if (argc != 1)
		return pp_error_set(err, PP_EUSAGE, "one file must be named");
	if (open_parquet(&f, argv[0], err) < 0)
		return -1;
	if (!cli->json)
		t = pp_table_new(headings, 8);
	for (size_t i = 0; i < f.leaf_count; i++) {
		pp_pqdescribe(&f, i, &d);
		if (cli->json)
			print_column_json(&d);
		else
			print_column(t, &d);
		pp_pqdescription_release(&d);
	}
	if (t != NULL) {
		pp_table_print(t);
		pp_cli_note(cli, "%lld rows in %zu row groups, by %s",
		    (long long)f.rows, f.group_count, f.created_by);
	}
	close_parquet(&f);
	return 0;
}

static const struct pp_command commands[] = {
	{ .synopsis = "[-f LIST] [-p HOW] [-o DIR] [JOB|-]...",
	    .summary = "write a job's rows, or those on standard input, as "
		       "JSONL, CSV or Parquet",
	    .options = options,
	    .operands = PP_COMPLETE_JOB,
	    .state_bytes = sizeof(struct state),
	    .set = set,
	    .run = run },
	{ .name = "cat",
	    .synopsis = "FILE...",
	    .summary = "print the rows of Parquet files as JSONL",
	    .operands = PP_COMPLETE_FILE,
	    .run = run_cat },
	{ .name = "schema",
	    .synopsis = "FILE",
	    .summary = "print the columns of a Parquet file",
	    .operands = PP_COMPLETE_FILE,
	    .has_json = true,
	    .run = run_schema },
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
