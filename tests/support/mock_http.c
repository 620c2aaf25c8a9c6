/*
 * HTTP/1.1 requests out of bytes (RFC 9112), strict where a client could be
 * misunderstood: lines end in CRLF, a length is said once, a transfer coding
 * is "chunked", and never both.
 */
#include <config.h>

#include "mock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_LINE 256 /* of a chunk's size and its extensions */

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 424, "Failed Dependency" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 529, "Site is Overloaded" },
};

const char *
http_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Status";
}

/* ---- the head ---- */

/* Copy what fits; a header's bytes outside of ASCII become '?'. */
static void
copy_value(char *out, size_t size, struct span v)
{
	size_t n = v.n < size ? v.n : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = v.p[i] >= ' ' && v.p[i] < 127 ? v.p[i] : '?';
	out[n] = '\0';
}

static bool
span_is_nocase(struct span s, const char *text)
{
	return strlen(text) == s.n && strncasecmp(s.p, text, s.n) == 0;
}

static int
on_length(struct http_request *r, struct span v)
{
	size_t length = 0;

	if (v.n == 0 || v.n > 15)
		return -400;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return -400;
		length = length * 10 + (size_t)(v.p[i] - '0');
	}
	if (r->has_length && length != r->body_len)
		return -400;
	r->has_length = true;
	r->body_len = length;
	return 0;
}

static int
on_coding(struct http_request *r, struct span v)
{
	if (!span_is_nocase(v, "chunked") || r->chunked)
		return -501;
	r->chunked = true;
	return 0;
}

static int
on_expect(struct http_request *r, struct span v)
{
	r->expects = span_is_nocase(v, "100-continue");
	return r->expects ? 0 : -417;
}

static int
on_connection(struct http_request *r, struct span v)
{
	if (span_is_nocase(v, "close"))
		r->keep = false;
	else if (span_is_nocase(v, "keep-alive"))
		r->keep = true;
	return 0;
}

static int
on_authorization(struct http_request *r, struct span v)
{
	copy_value(r->authorization, sizeof r->authorization, v);
	return 0;
}

static int
on_client_id(struct http_request *r, struct span v)
{
	copy_value(r->client_id, sizeof r->client_id, v);
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct http_request *r, struct span v);
} headers[] = {
	{ "content-length", on_length },
	{ "transfer-encoding", on_coding },
	{ "expect", on_expect },
	{ "connection", on_connection },
	{ "authorization", on_authorization },
	{ "x-client-request-id", on_client_id },
};

static struct span
trim(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct span){ p, (size_t)(end - p) };
}

static int
read_header(struct http_request *r, const char *p, const char *end)
{
	const char *colon = memchr(p, ':', (size_t)(end - p));
	struct span name;

	if (colon == NULL || colon == p || *p == ' ' || *p == '\t' ||
	    colon[-1] == ' ' || colon[-1] == '\t')
		return -400;
	name = (struct span){ p, (size_t)(colon - p) };
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		if (span_is_nocase(name, headers[i].name))
			return headers[i].set(r, trim(colon + 1, end));
	}
	return 0;
}

/* "POST /path HTTP/1.1" */
static int
read_request_line(struct http_request *r, const char *p, const char *end)
{
	const char *path = memchr(p, ' ', (size_t)(end - p)), *version;

	if (path == NULL || path == p || (size_t)(path - p) >= sizeof r->method)
		return -400;
	copy_value(r->method, sizeof r->method,
	    (struct span){ p, (size_t)(path - p) });
	path++;
	version = memchr(path, ' ', (size_t)(end - path));
	if (version == NULL || *path != '/')
		return -400;
	if ((size_t)(version - path) >= sizeof r->path)
		return -414;
	copy_value(r->path, sizeof r->path,
	    (struct span){ path, (size_t)(version - path) });
	version++;
	if (end - version != 8 || memcmp(version, "HTTP/1.", 7) != 0)
		return end - version > 5 && memcmp(version, "HTTP/", 5) == 0 ?
		    -505 :
		    -400;
	r->keep = version[7] == '1';
	return 0;
}

/* `n` bytes with the empty line that ends them. */
static int
read_head(struct http_request *r, const char *p, size_t n)
{
	const char *end = p + n - 2, *line = memmem(p, n, "\r\n", 2);
	int rc = read_request_line(r, p, line);

	for (line += 2; rc == 0 && line < end;) {
		const char *next = memmem(line, (size_t)(end - line), "\r\n",
		    2);

		rc = read_header(r, line, next);
		line = next + 2;
	}
	if (rc == 0 && r->chunked && r->has_length)
		rc = -400;
	return rc;
}

/* ---- the body ---- */

/*
 * The line at `at`, without its CRLF. 1; 0: not here yet; -1: too long.
 */
static int
body_line(const char *p, size_t at, size_t n, struct span *line)
{
	size_t left = n - at < MAX_LINE ? n - at : MAX_LINE;
	const char *end = memmem(p + at, left, "\r\n", 2);

	if (end == NULL)
		return left < MAX_LINE ? 0 : -1;
	*line = (struct span){ p + at, (size_t)(end - p) - at };
	return 1;
}

/* Hex digits, and what may come after a ';'. -1: no size. */
static long
chunk_size(struct span line)
{
	size_t digits = 0;

	while (digits < line.n &&
	    strchr("0123456789abcdefABCDEF", line.p[digits]) != NULL &&
	    line.p[digits] != '\0')
		digits++;
	if (digits == 0 || digits > 8 ||
	    (digits < line.n && line.p[digits] != ';' && line.p[digits] != ' '))
		return -1;
	return strtol(line.p, NULL, 16);
}

/* Chunks that are there whole move down to the end of the body. */
static int
read_chunks(struct http_request *r, char *p, size_t n, size_t max_body)
{
	struct span line;

	for (;;) {
		int have = body_line(p, r->at, n, &line);
		size_t data, size;
		long k;

		if (have <= 0)
			return have < 0 ? -400 : HTTP_MORE;
		k = chunk_size(line);
		if (k < 0)
			return -400;
		size = (size_t)k;
		data = (size_t)(line.p - p) + line.n + 2;
		if (size == 0) {
			r->at = r->trailer_at = data;
			r->phase = HTTP_IN_TRAILER;
			return HTTP_DONE;
		}
		if (r->body_len + size > max_body)
			return -413;
		if (n - data < size + 2)
			return HTTP_MORE;
		if (memcmp(p + data + size, "\r\n", 2) != 0)
			return -400;
		memmove(p + r->head_len + r->body_len, p + data, size);
		r->body_len += size;
		r->at = data + size + 2;
	}
}

static int
read_trailer(struct http_request *r, char *p, size_t n)
{
	struct span line;
	int have;

	while ((have = body_line(p, r->at, n, &line)) > 0) {
		r->at += line.n + 2;
		if (line.n == 0)
			return HTTP_DONE;
		if (r->at - r->trailer_at > HTTP_MAX_HEAD)
			return -431;
	}
	return have < 0 ? -431 : HTTP_MORE;
}

static int
find_head(struct http_request *r, char *p, size_t n)
{
	size_t from = r->at > 3 ? r->at - 3 : 0;
	char *end = memmem(p + from, n - from, "\r\n\r\n", 4);

	r->at = n;
	if (end == NULL)
		return n >= HTTP_MAX_HEAD ? -431 : HTTP_MORE;
	r->head_len = (size_t)(end - p) + 4;
	if (r->head_len > HTTP_MAX_HEAD)
		return -431;
	r->at = r->head_len;
	return HTTP_DONE;
}

void
http_reset(struct http_request *r)
{
	memset(r, 0, offsetof(struct http_request, method));
	r->method[0] = r->path[0] = '\0';
	r->authorization[0] = r->client_id[0] = '\0';
}

int
http_read(struct http_request *r, char *p, size_t n, size_t max_body)
{
	int rc;

	if (r->phase == HTTP_IN_HEAD) {
		rc = find_head(r, p, n);
		if (rc != HTTP_DONE)
			return rc;
		rc = read_head(r, p, r->head_len);
		if (rc < 0)
			return rc;
		if (r->body_len > max_body)
			return -413;
		r->phase = r->chunked ? HTTP_IN_CHUNKS : HTTP_IN_BODY;
	}
	if (r->phase == HTTP_IN_BODY) {
		r->total = r->head_len + r->body_len;
		return n >= r->total ? HTTP_DONE : HTTP_MORE;
	}
	if (r->phase == HTTP_IN_CHUNKS) {
		rc = read_chunks(r, p, n, max_body);
		if (rc != HTTP_DONE)
			return rc;
	}
	rc = read_trailer(r, p, n);
	r->total = r->at;
	return rc;
}
