/*
 * The log: one JSON object a line on stderr, or short text when stderr is a
 * terminal. Never prompts, row text, keys or tokens: an event is named here by
 * us and its fields are ids, counts, times and reasons.
 */
#ifndef PP_BASE_LOG_H
#define PP_BASE_LOG_H

#include <stdint.h>

enum pp_log_level { PP_LOG_ERROR, PP_LOG_WARN, PP_LOG_INFO, PP_LOG_DEBUG };

/* Lines above `level` are dropped. Default: PP_LOG_WARN. */
void	pp_log_set_level(enum pp_log_level level);
enum pp_log_level pp_log_get_level(void);

/* Fields that every later line has; NULL leaves one out. Copied. */
void	pp_log_set_context(const char *job_id, const char *user_id);

/* Set before each line when a progress line is on the terminal, or NULL. */
void	pp_log_set_before(void (*before)(void));

/*
 * Write one event. `fields` is a list of "name", type and value ended by NULL:
 *	pp_log(PP_LOG_INFO, "claimed", "shard", 'd', (int64_t)0,
 *	    "reason", 's', "expired lease", NULL);
 * 's' is a string (NULL: left out), 'd' an int64_t, 'm' an int64_t of
 * nano-dollars, 'f' a double.
 */
void	pp_log(enum pp_log_level level, const char *event, ...)
	    __attribute__((sentinel));

#endif
