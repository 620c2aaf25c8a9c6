#include <config.h>

#include "job/ids.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"

#define MAX_LINE_BYTES ((size_t)16 << 20)

/* The id on a line: the line itself, or the member of an object. */
static int
id_of_line(const char *line, size_t len, struct pp_json_doc *doc,
    char id[PP_ID_BYTES])
{
	const struct pp_json *v;

	while (len > 0 && strchr(" \t", *line) != NULL) {
		line++;
		len--;
	}
	while (len > 0 && strchr(" \t", line[len - 1]) != NULL)
		len--;
	if (len > 0 && *line == '{') {
		v = pp_json_parse(doc, line, len, 0, NULL);
		v = v != NULL ? pp_json_get(v, "job_id") : NULL;
		if (v == NULL || v->type != PP_JSON_STRING)
			return -1;
		line = v->text;
		len = v->len;
	}
	if (len != PP_ID_BYTES - 1)
		return -1;
	memcpy(id, line, len);
	id[len] = '\0';
	return pp_id_valid(id) ? 0 : -1;
}

static int
each_line(int (*fn)(void *arg, const char *job_id, struct pp_error *err),
    void *arg, struct pp_error *err)
{
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_lines lines;
	char id[PP_ID_BYTES], *line;
	size_t len;
	int rc;

	pp_lines_init(&lines, STDIN_FILENO, "standard input", MAX_LINE_BYTES);
	while ((rc = pp_lines_next(&lines, &line, &len, err)) > 0) {
		if (line[strspn(line, " \t")] == '\0')
			continue;
		if (id_of_line(line, len, &doc, id) < 0)
			rc = pp_error_set(err, PP_EDATA,
			    "standard input:%llu: "
			    "neither a job id nor a job object",
			    (unsigned long long)lines.number);
		else
			rc = fn(arg, id, err);
		if (rc != 0)
			break;
	}
	pp_lines_release(&lines);
	pp_json_doc_release(&doc);
	return rc;
}

int
pp_job_ids_each(int argc, char **argv,
    int (*fn)(void *arg, const char *job_id, struct pp_error *err), void *arg,
    struct pp_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < argc; i++) {
		if (strcmp(argv[i], "-") == 0)
			rc = each_line(fn, arg, err);
		else if (!pp_id_valid(argv[i]))
			rc = pp_error_set(err, PP_EUSAGE,
			    "'%s' is not a job id", argv[i]);
		else
			rc = fn(arg, argv[i], err);
	}
	return rc;
}
