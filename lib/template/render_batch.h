/*
 * Rendering by lines of JSON: how test suites, in whatever language, drive
 * the engine.
 *
 *	{"id", "template", "context", "undefined"[, "options"][, "templates"]}
 *	{"id", "output"} or {"id", "error": {"kind", "message", "line"}}
 *
 * `undefined` is lenient, strict or chainable; `options` are trim_blocks,
 * lstrip_blocks, keep_trailing_newline (true unless given),
 * line_statement_prefix, line_comment_prefix, dialect ("hf" is how chat
 * templates are rendered) and now (the time of strftime_now); `templates` maps
 * names to sources for include, import and extends.
 */
#ifndef PP_TEMPLATE_RENDER_BATCH_H
#define PP_TEMPLATE_RENDER_BATCH_H

#include "base/buf.h"
#include "base/error.h"
#include "template/recipe.h"

struct pp_batch;

/* Limits of 0 are the defaults. Returns owned. */
struct pp_batch *pp_batch_new(const struct pp_limits *limits);
void	pp_batch_free(struct pp_batch *b);

/*
 * Answer one request: appends a line to `out`. 0; or -1 with PP_EDATA when
 * the request itself is wrong.
 */
int	pp_batch_render(struct pp_batch *b, const char *request, size_t len,
	    struct pp_buf *out, struct pp_error *err);

#endif
