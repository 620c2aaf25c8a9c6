/*
 * Seed files. The first byte tells the format; each record that comes out is
 * one line of JSON, and an error names the file and a line.
 */
#include <config.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "fuzz.h"
#include "job/schema.h"
#include "job/seed.h"
#include "job/seed_input.h"

static void
look_at(const struct pp_seed_record *r, struct pp_schema *schema)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;

	claim(r->line > 0 && r->len > 0 && r->len <= PP_SEED_MAX_BYTES);
	claim(memchr(r->text, '\n', r->len) == NULL);
	claim(pp_json_parse(&doc, r->text, r->len, 0, NULL) != NULL);
	claim(doc.nodes->type == PP_JSON_OBJECT);
	claim(r->json->type == PP_JSON_OBJECT &&
	    r->json->count == doc.nodes->count);
	pp_schema_add(schema, r->json);
	pp_json_doc_release(&doc);
}

static void
read_records(struct pp_seed_input *in, const char *path)
{
	struct pp_schema *schema = pp_schema_new();
	struct pp_error err = PP_ERROR_INIT;
	struct pp_buf json = PP_BUF_INIT;
	struct pp_seed_record r;
	int n;

	do {
		n = pp_seed_input_next(in, &r, &err);
		if (n > 0)
			look_at(&r, schema);
		if (n < 0)
			claim(err.code == PP_EDATA &&
			    strncmp(err.text, path, strlen(path)) == 0 &&
			    err.text[strlen(path)] == ':');
	} while (n > 0 || (n < 0 && pp_seed_input_skip(in)));
	pp_schema_put_json(schema, &json);
	pp_schema_free(schema);
	pp_buf_release(&json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_seed_input *in;
	char *path;
	int fd;

	if (size < 1)
		return 0;
	fd = memfd_create("seeds", MFD_CLOEXEC);
	claim(fd >= 0);
	claim(pp_io_write_all(fd, data + 1, size - 1) == 0);
	path = pp_asprintf("/proc/self/fd/%d", fd);
	in = pp_seed_input_open(path, (enum pp_seed_format)(data[0] % 4),
	    data[0] % 8 > 3, &err);
	if (in != NULL)
		read_records(in, path);
	pp_seed_input_close(in);
	free(path);
	close(fd);
	return 0;
}
