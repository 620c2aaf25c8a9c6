/*
 * CSV: a record is the same when its text comes piece by piece; as rows, each
 * is an object of as many members.
 */
#include <config.h>

#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/csv_record.h"
#include "base/io.h"
#include "base/json.h"
#include "export/csv_rows.h"
#include "fuzz.h"

static void
write_record(const struct pp_csv_record *r, struct pp_buf *out)
{
	pp_buf_clear(out);
	for (size_t i = 0; i < r->count; i++) {
		struct pp_buf field = PP_BUF_INIT;

		pp_csv_record_put_field(&r->fields[i], &field);
		pp_buf_adds(out, i > 0 ? ",\"" : "\"");
		for (size_t j = 0; j < field.len; j++)
			pp_buf_add(out,
			    field.data[j] == '"' ? "\"\"" : field.data + j,
			    field.data[j] == '"' ? 2 : 1);
		pp_buf_addc(out, '"');
		pp_buf_release(&field);
	}
	pp_buf_addc(out, '\n');
}

/* Written with all fields quoted, it reads as the same fields. */
static void
round_trip(const struct pp_csv_record *r)
{
	struct pp_csv_record again = PP_CSV_RECORD_INIT;
	struct pp_buf one = PP_BUF_INIT, two = PP_BUF_INIT;

	write_record(r, &one);
	claim(pp_csv_record_read(&again, one.data, one.len, true) ==
	    (ssize_t)one.len);
	claim(again.count == r->count);
	write_record(&again, &two);
	claim(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
	pp_csv_record_release(&again);
	pp_buf_release(&one);
	pp_buf_release(&two);
}

static uint64_t
read_rows(struct pp_rows *rows)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	const struct pp_json *row;
	const char *text;
	uint32_t members = 0;
	uint64_t n = 0;
	size_t len;
	int rc;

	while ((rc = pp_rows_next(rows, &text, &len, &err)) > 0) {
		row = pp_json_parse(&doc, text, len, 0, &err);
		if (row == NULL) /* not UTF-8 */
			break;
		claim(row->type == PP_JSON_OBJECT && row->count > 0);
		claim(n++ == 0 || row->count == members);
		members = row->count;
	}
	claim(rc >= 0 || err.code == PP_EDATA);
	pp_json_doc_release(&doc);
	return n;
}

static void
rows_of(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "a=int", "b=list(string)" };
	struct pp_error err = PP_ERROR_INIT;
	int fd = memfd_create("input", 0);
	struct pp_rows *rows;
	uint64_t n;

	claim(fd >= 0 && pp_io_write_all(fd, data, size) == 0);
	claim(lseek(fd, 0, SEEK_SET) == 0);
	rows = pp_csv_rows_new(fd, "input", ',', types, 2);
	n = read_rows(rows);
	claim(pp_rows_rewind(rows, &err) == 0);
	claim(read_rows(rows) == n);
	pp_rows_free(rows);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_csv_record whole = PP_CSV_RECORD_INIT;
	struct pp_csv_record part = PP_CSV_RECORD_INIT;
	const char *text = (const char *)data;
	ssize_t n;

	rows_of(data, size);
	while ((n = pp_csv_record_read(&whole, text, size, true)) > 0) {
		claim((size_t)n <= size && whole.count > 0);
		round_trip(&whole);
		for (size_t len = 0; len <= (size_t)n && len < 300; len++) {
			ssize_t m = pp_csv_record_read(&part, text, len, false);

			claim(m == 0 || m == n);
			claim(m == 0 || part.count == whole.count);
		}
		text += n;
		size -= (size_t)n;
	}
	claim(n == 0 ? size == 0 : whole.problem_at <= size);
	pp_csv_record_release(&whole);
	pp_csv_record_release(&part);
	return 0;
}
