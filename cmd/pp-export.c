/*
 * pp-export: rows of jobs, or of stdin, as a data set in the formats that
 * people train with.
 */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "export/export.h"
#include "export/rows.h"

enum {
	KEY_MAX_ROWS = PP_OPT_LONG,
	KEY_MAX_BYTES,
	KEY_DELIMITER,
	KEY_BOM,
	KEY_LF,
	KEY_SAFE_CELLS,
	KEY_CODEC,
	KEY_PAGE_V2
};

static const struct pp_opt options[] = {
	{ 'f', "format", "LIST", "jsonl, csv, parquet; several with "
	    "commas [jsonl]", PP_COMPLETE_WORDS, "jsonl csv parquet" },
	{ 'p', "partition", "HOW", "none, timestamp, category, or both "
	    "with a comma [none]", PP_COMPLETE_WORDS,
	    "none timestamp category timestamp,category" },
	{ 'o', "output", "DIR", "where files go, - for standard output",
	    PP_COMPLETE_FOLDER, NULL },
	{ 't', "type", "FIELD=TYPE", "declare a field's type; repeatable",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_MAX_ROWS, "max-rows-per-file", "N",
	    "begin another file after N rows", PP_COMPLETE_NONE, NULL },
	{ KEY_MAX_BYTES, "max-bytes-per-file", "SIZE",
	    "begin another file before SIZE is passed", PP_COMPLETE_NONE,
	    NULL },
	{ KEY_DELIMITER, "delimiter", "C", "between cells of CSV [,]; \\t "
	    "is a tab", PP_COMPLETE_NONE, NULL },
	{ KEY_BOM, "bom", NULL, "begin CSV with a byte order mark",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_LF, "lf", NULL, "end lines of CSV with LF, not CRLF",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_SAFE_CELLS, "safe-cells", NULL,
	    "put ' before text that a spreadsheet would compute",
	    PP_COMPLETE_NONE, NULL },
	{ KEY_CODEC, "parquet-compress", "CODEC", "zstd, snappy, gzip or "
	    "none, with a level as in zstd:3 [zstd]", PP_COMPLETE_WORDS,
	    "zstd snappy gzip none" },
	{ KEY_PAGE_V2, "parquet-pages-v2", NULL,
	    "write data pages of version 2", PP_COMPLETE_NONE, NULL },
	{ 0 }
};

#define MAX_TYPES 256

struct state {
	struct pp_export_options o;
	bool has_codec;
	const char *output;
	const char *types[MAX_TYPES];
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
set_size(const char *arg, const char *what, uint64_t *out,
    struct pp_error *err)
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
set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct state *s = state;
	struct pp_export_options *o = &s->o;

	switch (key) {
	case 'f': return pp_export_parse_formats(arg, &o->formats, err);
	case 'p': return pp_export_parse_partition(arg, &o->partition, err);
	case 'o': s->output = arg; return 0;
	case 't':
		if (o->type_count == MAX_TYPES)
			return pp_error_set(err, PP_EUSAGE,
			    "--type more than %d times", MAX_TYPES);
		s->types[o->type_count++] = arg;
		return 0;
	case KEY_MAX_ROWS:
		return set_count(arg, "--max-rows-per-file",
		    &o->max_rows_per_file, err);
	case KEY_MAX_BYTES:
		return set_size(arg, "--max-bytes-per-file",
		    &o->max_bytes_per_file, err);
	case KEY_DELIMITER: return set_delimiter(s, arg, err);
	case KEY_BOM: o->csv_bom = true; return 0;
	case KEY_LF: o->csv_lf = true; return 0;
	case KEY_CODEC:
		s->has_codec = true;
		return pp_codec_parse(arg, &o->parquet_codec,
		    &o->parquet_level, err);
	case KEY_PAGE_V2: o->parquet_page_v2 = true; return 0;
	case KEY_SAFE_CELLS: o->csv_safe_cells = true; return 0;
	default: return -1;
	}
}

static int
run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct pp_export_result result = { .rows = 0 };
	struct state *s = state;
	struct pp_rows *rows;
	int rc;

	(void)argv;
	if (argc > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "rows are read from standard input only");
	if (s->o.formats == 0)
		s->o.formats = PP_EXPORT_JSONL;
	if (s->o.csv_delimiter == '\0')
		s->o.csv_delimiter = ',';
	if (!s->has_codec && pp_codec_there(PP_CODEC_ZSTD)) {
		s->o.parquet_codec = PP_CODEC_ZSTD;
		s->o.parquet_level = PP_ZSTD_LEVEL;
	}
	s->o.types = s->types;
	s->o.fd = STDOUT_FILENO;
	s->o.fd_name = "standard output";
	if (s->output != NULL && strcmp(s->output, "-") != 0)
		s->o.dir = s->output;
	rows = pp_rows_from_fd(STDIN_FILENO, "standard input");
	rc = pp_export_run(&s->o, rows, &result, err);
	if (rc == 0 && result.failed > 0)
		pp_cli_warn(cli, "left out %llu failed row%s",
		    (unsigned long long)result.failed,
		    result.failed == 1 ? "" : "s");
	pp_rows_free(rows);
	pp_export_result_release(&result);
	return rc;
}

static const struct pp_command commands[] = {
	{ .synopsis = "[-f LIST] [-p HOW] [-o DIR]",
	    .summary = "write rows as JSONL, CSV or Parquet",
	    .options = options, .state_bytes = sizeof(struct state),
	    .set = set, .run = run },
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
