/*
 * Errors: a code and one line of text on the caller's stack.
 *
 * What can fail returns 0 or -1 and, on failure, fills the caller's
 * `struct pp_error`; on success the struct is untouched. The place that knows
 * what went wrong calls pp_error_set(), callers on the way up say where with
 * pp_error_wrap(), and only the programs print. There is no allocation and no
 * global, so errors are safe in any thread and when memory is short.
 */
#ifndef PP_BASE_ERROR_H
#define PP_BASE_ERROR_H

#include <stdarg.h>

#define PP_ERROR_TEXT_BYTES 1024

/*
 * What kind of failure it was. Every code has one exit status, listed in
 * error.c and in every manual. PP_ECONFLICT and PP_EEXIST are answers that
 * callers act on and rarely show.
 */
enum pp_code {
	PP_OK = 0,
	PP_ENO,		/* ran, and the answer is no */
	PP_EBUDGET,	/* the budget is reached */
	PP_EUSAGE,	/* the command line is wrong */
	PP_EDATA,	/* the input is wrong */
	PP_ENOENT,	/* no such job, template, seed set or file */
	PP_EUNAVAIL,	/* a service is down, after retries */
	PP_EBUG,	/* our own mistake */
	PP_ENOMEM,	/* out of memory */
	PP_ECREATE,	/* cannot create output */
	PP_EIO,		/* reading or writing failed */
	PP_ETEMP,	/* try again later */
	PP_EAUTH,	/* credentials refused */
	PP_ECONFIG,	/* the configuration is wrong */
	PP_ECONFLICT,	/* a conditional write lost: somebody was faster */
	PP_EEXIST,	/* it is there already */
	PP_ELIMIT,	/* a documented bound was passed */
	PP_NCODES
};

struct pp_error {
	enum pp_code code;
	char text[PP_ERROR_TEXT_BYTES];
};

#define PP_ERROR_INIT { .code = PP_OK, .text = "" }

/*
 * Fill `err` (may be NULL). The text starts in lower case, says the failure
 * first, quotes the subject and ends without a full stop; control characters
 * in it are replaced, so that it stays one line. Longer texts are cut.
 * Always returns -1, for `return pp_error_set(...)`.
 */
int	pp_error_set(struct pp_error *err, enum pp_code code, const char *fmt,
	    ...) __attribute__((format(printf, 3, 4)));
int	pp_error_setv(struct pp_error *err, enum pp_code code, const char *fmt,
	    va_list ap) __attribute__((format(printf, 3, 0)));

/* As pp_error_set(), with ": " and the text of errno `errnum` at the end. */
int	pp_error_errno(struct pp_error *err, enum pp_code code, int errnum,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Put "<formatted>: " before the text that is there. Returns -1. */
int	pp_error_wrap(struct pp_error *err, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* The exit status that stands for `code` (sysexits(3) from 64 on). */
int	pp_code_exit_status(enum pp_code code);

/* One line about `code`, for manuals and --help. */
const char *pp_code_meaning(enum pp_code code);

#endif
