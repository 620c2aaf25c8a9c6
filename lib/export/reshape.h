/*
 * Records in the shape that a training program wants, and with what is known
 * of a row beside its record.
 *
 *	messages	{"messages":[{"role":"user","content":"..."}, ...]}
 *	sharegpt	{"conversations":[{"from":"human","value":"..."}, ...]}
 *	alpaca		{"instruction":"...","input":"...","output":"..."}
 *	dpo		{"prompt":"...","chosen":"...","rejected":"..."}
 *	text		{"text":"..."}
 *
 * Where the texts come from is said by maps, "user=question"; without any, by
 * the names that records commonly have. A path goes down by dots into the
 * record, or from a dot in front into the whole row: ".steps.judge.output".
 */
#ifndef PP_EXPORT_RESHAPE_H
#define PP_EXPORT_RESHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "export/rowline.h"

enum pp_shape {
	PP_SHAPE_RECORD,	/* as it is, or the mapped fields alone */
	PP_SHAPE_MESSAGES,
	PP_SHAPE_SHAREGPT,
	PP_SHAPE_ALPACA,
	PP_SHAPE_DPO,
	PP_SHAPE_TEXT
};

/* "messages" and so on; 0, or -1 with PP_EUSAGE. */
int	pp_shape_parse(const char *s, enum pp_shape *shape,
	    struct pp_error *err);

struct pp_reshape_options {
	enum pp_shape shape;
	const char *const *maps;	/* "field=path" */
	size_t map_count;
	bool with_meta;			/* add _row, _id, _time, _cost ... */
	bool with_failed;		/* add _failed; rows that failed too */
	const char *job_id;		/* for _job_id; NULL: not known */
};

struct pp_reshape;

/* The options are borrowed. Returns owned, or NULL with PP_EUSAGE. */
struct pp_reshape *pp_reshape_new(const struct pp_reshape_options *o,
	    struct pp_error *err);
void	pp_reshape_free(struct pp_reshape *r);

/* Whether records come out as they went in. */
bool	pp_reshape_is_idle(const struct pp_reshape *r);

/* Append the new record. 0, or -1 with PP_EDATA: a text is missing. */
int	pp_reshape_put(const struct pp_reshape *r,
	    const struct pp_rowline *line, struct pp_buf *out,
	    struct pp_error *err);

/* The value at a path of a row, or NULL. */
const struct pp_json *pp_reshape_find(const struct pp_rowline *line,
	    const char *path);

#endif
