/* The Parquet reader: whatever the file says, an answer and no crash. */
#include <config.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "export/pqdescribe.h"
#include "export/pqfile.h"
#include "export/pqrows.h"
#include "fuzz.h"

/* A footer may claim any number of rows without columns: that is enough. */
#define MAX_ROWS 100000

static void
read_rows(const struct pp_pqfile *f)
{
	struct pp_pqrows *rows = pp_pqrows_new(f);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf row = PP_BUF_INIT;
	int rc = 1;

	for (int n = 0; rc > 0 && n < MAX_ROWS; n++) {
		pp_buf_clear(&row);
		rc = pp_pqrows_next(rows, &row, &err);
		claim(rc >= 0 || err.code == PP_EDATA);
		if (rc > 0)
			claim(memchr(row.data, '\n', row.len) == NULL);
	}
	pp_json_doc_release(&doc);
	pp_buf_release(&row);
	pp_pqrows_free(rows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_pqdescription d;
	struct pp_pqfile f;
	int fd = memfd_create("parquet", 0);

	claim(fd >= 0 && pp_io_write_all(fd, data, size) == 0);
	if (pp_pqfile_open(&f, fd, "input", &err) == 0) {
		for (size_t i = 0; i < f.leaf_count; i++) {
			pp_pqdescribe(&f, i, &d);
			pp_pqdescription_release(&d);
		}
		read_rows(&f);
	} else {
		claim(err.code == PP_EDATA);
	}
	pp_pqfile_release(&f);
	close(fd);
	return 0;
}
