/*
 * Comma-separated values as RFC 4180 has them, read from memory.
 *
 * A record ends with LF or CRLF, or with the text. A field in double quotes
 * may hold commas and line breaks; a quote in it is doubled. What the RFC does
 * not allow is an error: a quote inside a field that does not begin with one,
 * text behind the closing quote, a CR alone outside of quotes.
 *
 * What stands between fields is a comma, or another delimiter that is asked
 * for.
 */
#ifndef PP_BASE_CSV_RECORD_H
#define PP_BASE_CSV_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

struct pp_csv_field {
	const char *text;	/* in the text read; inside the quotes */
	size_t len;
	bool quoted;
	bool doubled;		/* has quotes in it, still doubled */
};

/* One record; reused from record to record. */
struct pp_csv_record {
	struct pp_csv_field *fields;
	size_t count, cap;
	char delimiter;		/* 0: a comma */
	const char *problem;	/* after a failure, and the offset of it */
	size_t problem_at;
};

#define PP_CSV_RECORD_INIT { .fields = NULL }

/* Whether it is a tab or one of , ; | : ^ ~ ! # $ % & *, and may delimit. */
bool	pp_csv_is_delimiter(char c);

/*
 * Read the record at the start of `text`. `at_end`: no more text follows.
 * Returns how many bytes it has with its line break; 0 when it does not end
 * in this text (or the text is empty); -1 with `problem`. The fields point
 * into `text`. An empty line is a record of one empty field.
 */
ssize_t	pp_csv_record_read(struct pp_csv_record *r, const char *text,
	    size_t len, bool at_end);
void	pp_csv_record_release(struct pp_csv_record *r);

/* Append the field's text, its doubled quotes made single. */
void	pp_csv_record_put_field(const struct pp_csv_field *f, struct pp_buf *out);

#endif
