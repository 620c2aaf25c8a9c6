/*
 * What changed between two texts, line by line.
 */
#ifndef PP_CLI_DIFF_H
#define PP_CLI_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Append a unified diff with three lines around each change, as diff(1) -u
 * prints it, under the names given. Returns whether there is any. Texts of more
 * than some thousand lines that differ throughout are shown as replaced whole.
 */
bool	pp_diff_unified(const char *a, size_t a_len, const char *a_name,
	    const char *b, size_t b_len, const char *b_name,
	    struct pp_buf *out);

#endif
