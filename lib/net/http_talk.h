/*
 * What libcurl says of an exchange and nowhere else: on which stream of HTTP/2
 * it was sent, that the server sends the connection away and up to which
 * stream it has acted, and that libcurl tries again. A stream above that one,
 * and one that was refused, was surely not acted on (RFC 9113, 6.8 and 8.7).
 *
 * The words are those of libcurl 7.88. Words that are not known mean nothing,
 * and an exchange stays in doubt then.
 */
#ifndef PP_NET_HTTP_TALK_H
#define PP_NET_HTTP_TALK_H

#include <stddef.h>
#include <stdint.h>

enum pp_http_talk {
	PP_HTTP_TALK_OTHER,
	PP_HTTP_TALK_STREAM,	/* `n`: this exchange's */
	PP_HTTP_TALK_GOAWAY,	/* `n`: the last that was acted on */
	PP_HTTP_TALK_REFUSED,
	PP_HTTP_TALK_AGAIN
};

/* `text` needs no NUL. */
enum pp_http_talk pp_http_talk(const char *text, size_t len, int64_t *n);

#endif
