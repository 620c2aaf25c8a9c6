#include <config.h>

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Indexed by enum pp_code. The manuals list the same statuses. */
static const struct {
	int status;
	const char *meaning;
} codes[PP_NCODES] = {
	[PP_OK] = { 0, "done" },
	[PP_ENO] = { 1, "ran, and the answer is no" },
	[PP_EBUDGET] = { 3, "budget reached; what was written is valid" },
	[PP_EUSAGE] = { 64, "the command line is wrong" },
	[PP_EDATA] = { 65, "the input is wrong" },
	[PP_ENOENT] = { 66, "no such job, template, seed set or file" },
	[PP_EUNAVAIL] = { 69, "a service is down, after retries" },
	[PP_EBUG] = { 70, "a mistake in the program" },
	[PP_ENOMEM] = { 71, "out of memory" },
	[PP_ECREATE] = { 73, "cannot create output" },
	[PP_EIO] = { 74, "reading or writing failed" },
	[PP_ETEMP] = { 75, "try again later" },
	[PP_EAUTH] = { 77, "credentials refused" },
	[PP_ECONFIG] = { 78, "the configuration is wrong" },
	[PP_ECONFLICT] = { 75, "somebody else was faster" },
	[PP_EEXIST] = { 73, "it is there already" },
	[PP_ELIMIT] = { 65, "a documented bound was passed" },
};

/* Errors are one line of text, whatever bytes the subject had. */
static void
make_one_line(char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = *s == '\n' || *s == '\t' ? ' ' : '?';
	}
}

/* A cut must not leave half of a UTF-8 sequence at the end. */
static void
trim_cut_utf8(char *s, size_t len)
{
	size_t i = len;

	while (i > 0 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i > 0 && (unsigned char)s[i - 1] >= 0xc0)
		s[i - 1] = '\0';
}

int
pp_error_setv(struct pp_error *err, enum pp_code code, const char *fmt,
    va_list ap)
{
	int n;

	if (err == NULL)
		return -1;
	err->code = code;
	n = vsnprintf(err->text, sizeof err->text, fmt, ap);
	if (n < 0)
		err->text[0] = '\0';
	else if ((size_t)n >= sizeof err->text)
		trim_cut_utf8(err->text, sizeof err->text - 1);
	make_one_line(err->text);
	return -1;
}

int
pp_error_set(struct pp_error *err, enum pp_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pp_error_setv(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int
pp_error_errno(struct pp_error *err, enum pp_code code, int errnum,
    const char *fmt, ...)
{
	char why[128];
	size_t len;
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	pp_error_setv(err, code, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, ": %s",
	    strerror_r(errnum, why, sizeof why));
	return -1;
}

int
pp_error_wrap(struct pp_error *err, const char *fmt, ...)
{
	char inner[PP_ERROR_TEXT_BYTES];
	enum pp_code code;
	va_list ap;
	size_t len;

	if (err == NULL)
		return -1;
	code = err->code;
	memcpy(inner, err->text, sizeof inner);
	va_start(ap, fmt);
	pp_error_setv(err, code, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	if (snprintf(err->text + len, sizeof err->text - len, ": %s", inner) >=
	    (int)(sizeof err->text - len))
		trim_cut_utf8(err->text, sizeof err->text - 1);
	return -1;
}

int
pp_code_exit_status(enum pp_code code)
{
	return (unsigned)code < PP_NCODES ? codes[code].status : 70;
}

const char *
pp_code_meaning(enum pp_code code)
{
	return (unsigned)code < PP_NCODES ? codes[code].meaning : "unknown";
}
