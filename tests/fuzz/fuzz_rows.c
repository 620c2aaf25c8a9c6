/*
 * Exports of any rows: what is taken is JSON, CSV and Parquet to our own
 * readers, with as many rows in each.
 */
#include <config.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/csv_record.h"
#include "base/io.h"
#include "base/json.h"
#include "export/export.h"
#include "export/pqfile.h"
#include "export/pqrows.h"
#include "fuzz.h"

/* Export the rows at `in` to a new descriptor; -1 when they are refused. */
static int
export_rows(int in, unsigned format, uint64_t *rows)
{
	struct pp_export_options o = PP_EXPORT_OPTIONS_INIT;
	struct pp_export_result result = { .rows = 0 };
	struct pp_error err = PP_ERROR_INIT;
	struct pp_rows *source;
	int rc;

	claim(lseek(in, 0, SEEK_SET) == 0);
	source = pp_rows_from_fd(in, "input");
	o.formats = format;
	o.fd = memfd_create("output", 0);
	o.fd_name = "output";
	claim(o.fd >= 0);
	rc = pp_export_run(&o, source, &result, &err);
	pp_rows_free(source);
	*rows = result.rows;
	pp_export_result_release(&result);
	if (rc == 0)
		return o.fd;
	claim(err.code == PP_EDATA);
	close(o.fd);
	return -1;
}

static void
check_jsonl(int fd, uint64_t rows)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_lines lines;
	uint64_t n = 0;
	char *line;
	size_t len;

	claim(lseek(fd, 0, SEEK_SET) == 0);
	pp_lines_init(&lines, fd, "jsonl", PP_ROW_MAX_BYTES);
	for (; pp_lines_next(&lines, &line, &len, &err) > 0; n++) {
		claim(pp_json_parse(&doc, line, len, 0, &err) != NULL);
		claim(doc.nodes->type == PP_JSON_OBJECT);
	}
	claim(n == rows);
	pp_lines_release(&lines);
	pp_json_doc_release(&doc);
}

static void
read_all(int fd, struct pp_buf *out)
{
	ssize_t n;

	claim(lseek(fd, 0, SEEK_SET) == 0);
	do {
		pp_buf_reserve(out, 65536);
		n = read(fd, out->data + out->len, 65536);
		claim(n >= 0);
		out->len += (size_t)n;
	} while (n > 0);
}

static void
check_csv(int fd, uint64_t rows)
{
	struct pp_csv_record r = PP_CSV_RECORD_INIT;
	struct pp_buf text = PP_BUF_INIT;
	size_t at = 0, columns = 0;
	uint64_t n = 0;

	read_all(fd, &text);
	for (; at < text.len; n++) {
		ssize_t used = pp_csv_record_read(&r, text.data + at,
		    text.len - at, true);

		claim(used > 0);
		claim(n == 0 || r.count == columns);
		columns = r.count;
		at += (size_t)used;
	}
	claim(n == rows + 1 || columns == 0);
	pp_csv_record_release(&r);
	pp_buf_release(&text);
}

static void
check_parquet(int fd, uint64_t rows)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf row = PP_BUF_INIT;
	struct pp_pqrows *source;
	struct pp_pqfile f;
	uint64_t n = 0;

	claim(pp_pqfile_open(&f, fd, "parquet", &err) == 0);
	source = pp_pqrows_new(&f);
	for (;; n++) {
		int rc = pp_pqrows_next(source, &row, &err);

		claim(rc >= 0);
		if (rc == 0)
			break;
		pp_buf_clear(&row);
	}
	claim(n == rows);
	pp_pqrows_free(source);
	pp_buf_release(&row);
	pp_pqfile_release(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		unsigned format;
		void (*check)(int fd, uint64_t rows);
	} formats[] = {
		{ PP_EXPORT_JSONL, check_jsonl },
		{ PP_EXPORT_CSV, check_csv },
		{ PP_EXPORT_PARQUET, check_parquet },
	};
	int in = memfd_create("input", 0), out;
	uint64_t rows;

	claim(in >= 0 && pp_io_write_all(in, data, size) == 0);
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		out = export_rows(in, formats[i].format, &rows);
		if (out < 0)
			continue;
		formats[i].check(out, rows);
		close(out);
	}
	close(in);
	return 0;
}
