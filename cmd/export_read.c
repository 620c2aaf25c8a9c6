/*
 * pp-export cat and schema: Parquet files, looked at.
 */
#include <config.h>

#include "pp-export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "export/pqdescribe.h"
#include "export/pqfile.h"
#include "export/pqrows.h"

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

int
pp_export_cat(const struct pp_cli *cli, void *state, int argc, char **argv,
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

int
pp_export_schema(const struct pp_cli *cli, void *state, int argc, char **argv,
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
		pp_cli_note(cli, "%lld row%s in %zu row group%s, by %s",
		    (long long)f.rows, f.rows == 1 ? "" : "s", f.group_count,
		    f.group_count == 1 ? "" : "s", f.created_by);
	}
	close_parquet(&f);
	return 0;
}
