/*
 * The JSON reader for a judge outside: documents come on stdin, each after its
 * length in four bytes, the lowest first; for each a line goes out, "no" or
 * "ok" and what was understood. With --doubles: eight bytes each, written as
 * text.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "json_echo.h"

static void
check_documents(const struct pp_buf *in, struct pp_buf *out)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const unsigned char *p = (const unsigned char *)in->data;
	const unsigned char *end = p + in->len;

	while (end - p >= 4) {
		size_t len = (size_t)p[0] | (size_t)p[1] << 8 |
		    (size_t)p[2] << 16 | (size_t)p[3] << 24;
		const struct pp_json *v;

		p += 4;
		if (len > (size_t)(end - p))
			break;
		v = pp_json_parse(&doc, (const char *)p, len, 0, NULL);
		pp_buf_adds(out, v != NULL ? "ok " : "no");
		if (v != NULL)
			json_echo(v, out);
		pp_buf_addc(out, '\n');
		p += len;
	}
	pp_json_doc_release(&doc);
}

static void
write_doubles(const struct pp_buf *in, struct pp_buf *out)
{
	double v;

	for (size_t at = 0; at + sizeof v <= in->len; at += sizeof v) {
		memcpy(&v, in->data + at, sizeof v);
		pp_json_put_double(out, v);
		pp_buf_addc(out, '\n');
	}
}

int
main(int argc, char **argv)
{
	struct pp_buf in = PP_BUF_INIT, out = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;

	if (pp_io_read_file("-", &in, &err) < 0) {
		fprintf(stderr, "json_check: %s\n", err.text);
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "--doubles") == 0)
		write_doubles(&in, &out);
	else
		check_documents(&in, &out);
	fwrite(out.data, 1, out.len, stdout);
	pp_buf_release(&in);
	pp_buf_release(&out);
	return ferror(stdout) || fflush(stdout) != 0;
}
