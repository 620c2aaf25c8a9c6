/*
 * Seeds as people have them: JSONL, JSON and CSV files, read record by record
 * in memory that a single record bounds, not the file.
 *
 * JSONL has one object a line; empty lines are skipped. JSON is an array of
 * objects or one object: a record of its own or, with `entries`, a dictionary
 * of objects, whose keys become the member "_key" of each. CSV (RFC 4180) has
 * a header line; each value is a string, whatever it looks like, since "007"
 * and "1e3" may be names; empty lines are skipped.
 *
 * Text is UTF-8, with or without a byte order mark; lines end with LF or CRLF.
 * Members twice in one object and numbers beyond a double are errors. Every
 * error begins with the file's name and line: "seeds.jsonl:3: ...".
 */
#ifndef PP_JOB_SEED_INPUT_H
#define PP_JOB_SEED_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

enum pp_seed_format {
	PP_SEED_ANY,		/* by the file's ending, else by its text */
	PP_SEED_JSON,
	PP_SEED_JSONL,
	PP_SEED_CSV
};

/* "json", "jsonl" or "csv". 0, or -1 with PP_EUSAGE. */
int	pp_seed_format_parse(const char *name, enum pp_seed_format *out,
	    struct pp_error *err);

struct pp_seed_input;

/* One record, borrowed until the next call. */
struct pp_seed_record {
	const char *text;		/* an object on one line */
	size_t len;
	const struct pp_json *json;	/* the same, read */
	int64_t line;			/* that it begins on, from 1 */
};

/*
 * Read the file, or stdin for "-". `entries` asks for a dictionary, which only
 * JSON can be. Returns owned, or NULL: PP_ENOENT, PP_EIO, PP_EUSAGE.
 */
struct pp_seed_input *pp_seed_input_open(const char *path,
	    enum pp_seed_format format, bool entries, struct pp_error *err);

/* The same, of an open file, which it takes; errors call it `name`. */
struct pp_seed_input *pp_seed_input_open_fd(int fd, const char *name,
	    enum pp_seed_format format, bool entries, struct pp_error *err);
void	pp_seed_input_close(struct pp_seed_input *in);

/* The file's name as in errors; borrowed. */
const char *pp_seed_input_name(const struct pp_seed_input *in);

/*
 * The next record. 1, 0 at the end, -1 with PP_EIO or PP_EDATA. A file without
 * any record is PP_EDATA, too.
 */
int	pp_seed_input_next(struct pp_seed_input *in,
	    struct pp_seed_record *out, struct pp_error *err);

/*
 * After an error, go past the record that has it. False where it is not plain
 * where that one ends, as in a JSON array with a bracket missing: nothing more
 * can be read then.
 */
bool	pp_seed_input_skip(struct pp_seed_input *in);

#endif
