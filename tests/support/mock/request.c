/*
 * Reading requests: HTTP/1.1 with a length or in chunks, then the few members
 * of the JSON that matter, without a parser: what looks like a key before a
 * colon is one.
 */
#include "mock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_HEAD_BYTES 65536
#define MAX_BODY_BYTES (UINT64_C(1) << 30)

/* ---- HTTP ---- */

static void
copy(char *out, size_t size, const char *s, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(out, s, len);
	out[len] = '\0';
}

static bool
is_authorized(const char *value)
{
	size_t n = strlen(opt.auth);

	if (strncmp(value, "AWS4-HMAC-SHA256 ", 17) == 0)
		return true;
	return strncmp(value, "Bearer ", 7) == 0 &&
	    strncmp(value + 7, opt.auth, n) == 0 && value[7 + n] == '\r';
}

static const char *
header_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	while (*line == ' ')
		line++;
	return line;
}

static void
read_header(struct request *r, const char *line, uint64_t *length)
{
	const char *v;

	if ((v = header_value(line, "content-length")) != NULL) {
		*length = strtoull(v, NULL, 10);
	} else if (header_value(line, "transfer-encoding") != NULL) {
		r->chunked = true;
	} else if (header_value(line, "expect") != NULL) {
		r->expects = true;
	} else if ((v = header_value(line, "connection")) != NULL) {
		if (strncasecmp(v, "close", 5) == 0)
			r->keep_alive = false;
		else if (strncasecmp(v, "keep-alive", 10) == 0)
			r->keep_alive = true;
	} else if ((v = header_value(line, "authorization")) != NULL) {
		if (opt.auth != NULL)
			r->authorized = is_authorized(v);
	} else if ((v = header_value(line, "x-client-request-id")) != NULL) {
		copy(r->id, sizeof r->id, v, strcspn(v, "\r\""));
	}
}

static int
read_request_line(struct request *r, const char *data, const char *end)
{
	const char *sp = memchr(data, ' ', (size_t)(end - data)), *sp2;

	if (sp == NULL || (size_t)(sp - data) >= sizeof r->method)
		return -1;
	copy(r->method, sizeof r->method, data, (size_t)(sp - data));
	sp++;
	sp2 = memchr(sp, ' ', (size_t)(end - sp));
	if (sp2 == NULL || end - sp2 < 9)
		return -1;
	copy(r->path, sizeof r->path, sp, (size_t)(sp2 - sp));
	r->keep_alive = sp2[8] == '1';	/* HTTP/1.1 */
	return 0;
}

/* Put the chunks together in place once they are all there. */
static int
read_chunks(struct request *r, char *data, size_t len)
{
	char *start = data + r->head_len, *end = data + len, *out = start;
	char *at = start, *eol;
	unsigned long size;

	do {
		eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		if (eol == NULL)
			return 0;
		size = strtoul(at, NULL, 16);
		if (size > MAX_BODY_BYTES)
			return -1;
		at = eol + 2;
		if ((size_t)(end - at) < size + 2)
			return 0;
		at += size + 2;
	} while (size > 0);
	end = at;
	for (at = start;;) {
		size = strtoul(at, NULL, 16);
		at = (char *)memmem(at, (size_t)(end - at), "\r\n", 2) + 2;
		if (size == 0)
			break;
		memmove(out, at, size);
		out += size;
		at += size + 2;
	}
	r->body = start;
	r->body_len = (size_t)(out - start);
	r->head_len += (size_t)(end - start) - r->body_len;
	return 1;
}

int
request_parse(struct request *r, char *data, size_t len)
{
	char *end, *line;
	uint64_t length = 0;

	memset(r, 0, sizeof *r);
	end = memmem(data, len, "\r\n\r\n", 4);
	if (end == NULL)
		return len > MAX_HEAD_BYTES ? -1 : 0;
	r->head_len = (size_t)(end - data) + 4;
	r->authorized = opt.auth == NULL;
	if (read_request_line(r, data, end + 2) < 0)
		return -1;
	for (line = memchr(data, '\n', (size_t)(end - data));
	    line != NULL && line < end;
	    line = memchr(line, '\n', (size_t)(end + 2 - line)))
		read_header(r, ++line, &length);
	if (r->chunked)
		return read_chunks(r, data, len);
	if (length > MAX_BODY_BYTES)
		return -1;
	r->body = data + r->head_len;
	r->body_len = (size_t)length;
	return len - r->head_len >= length;
}

/* ---- JSON ---- */

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p) != NULL)
		p++;
	return p;
}

/* From after the opening quote to the closing one, or the end. */
static const char *
skip_string(const char *p, const char *end, bool *escaped)
{
	uint64_t word;

	*escaped = false;
	for (;;) {
		while (end - p >= 8) {
			memcpy(&word, p, 8);
			if (has_special(word, false))
				break;
			p += 8;
		}
		if (p >= end)
			return end;
		if (*p == '"')
			return p;
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
		p++;
	}
}

static unsigned
hex4(const char *p, const char *end)
{
	char digits[5];

	if (end - p < 4)
		return 0;
	memcpy(digits, p, 4);
	digits[4] = '\0';
	return (unsigned)strtoul(digits, NULL, 16);
}

static char *
put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 63));
		*out++ = (char)(0x80 | (c >> 6 & 63));
		*out++ = (char)(0x80 | (c & 63));
	}
	return out;
}

/* "\u...." at p, after the 'u'; a pair of surrogates is one character. */
static const char *
decode_unicode(char **out, const char *p, const char *end)
{
	unsigned c = hex4(p, end), low;

	p += end - p < 4 ? end - p : 4;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' &&
	    p[1] == 'u') {
		low = hex4(p + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	*out = put_utf8(*out, c);
	return p;
}

/* Without the escapes, so that "\u00e9" and the letter are one prompt. */
static size_t
decode(char *out, const char *p, const char *end)
{
	static const char from[] = "ntrbf", to[] = "\n\t\r\b\f";
	char *start = out;

	while (p < end) {
		const char *known;

		if (*p != '\\' || p + 1 >= end) {
			*out++ = *p++;
			continue;
		}
		p += 2;
		known = strchr(from, p[-1]);
		if (p[-1] == 'u')
			p = decode_unicode(&out, p, end);
		else
			*out++ = known != NULL ? to[known - from] : p[-1];
	}
	return (size_t)(out - start);
}

static uint64_t
hash_text(struct request *r, uint64_t h, const char *p, const char *end,
    bool escaped)
{
	static struct text plain;
	size_t len = (size_t)(end - p);

	r->last_text = p;
	r->last_text_len = len;
	if (escaped) {
		text_need(&plain, len + 8);
		len = decode(plain.data, p, end);
		p = plain.data;
	}
	r->prompt_bytes += len;
	return hash_bytes(h, p, len);
}

static bool
is_key(const char *key, const char *end, const char *name)
{
	size_t n = strlen(name);

	return (size_t)(end - key) == n && memcmp(key, name, n) == 0;
}

static bool
is_prompt(const char *key, const char *end)
{
	return is_key(key, end, "content") || is_key(key, end, "text") ||
	    is_key(key, end, "system");
}

static void
read_directive(struct request *r, const char *p, const char *end)
{
	while (p < end) {
		size_t n = strcspn(p, " ]");

		if (strncmp(p, "latency=", 8) == 0)
			r->latency_ms = strtod(p + 8, NULL);
		else if (strncmp(p, "bytes=", 6) == 0)
			r->want_bytes = strtol(p + 6, NULL, 10);
		else if (strncmp(p, "times=", 6) == 0)
			r->times = strtol(p + 6, NULL, 10);
		else if (strncmp(p, "retry_after=", 12) == 0)
			r->retry_after_s = atoi(p + 12);
		else if (strncmp(p, "reply=", 6) == 0)
			r->reply = reply_kind_find(p + 6, n - 6);
		else if (strncmp(p, "fault=", 6) == 0)
			r->fault = fault_find(p + 6, n - 6);
		p += n;
		while (p < end && *p == ' ')
			p++;
	}
}

static void
find_directive(struct request *r)
{
	const char *p, *end;

	r->latency_ms = -1;
	r->want_bytes = r->times = -1;
	r->fault = r->retry_after_s = -1;
	r->reply = REPLY_DEFAULT;
	p = memmem(r->body, r->body_len, "[[mock ", 7);
	if (p == NULL)
		return;
	p += 7;
	end = memmem(p, (size_t)(r->body + r->body_len - p), "]]", 2);
	if (end != NULL)
		read_directive(r, p, end);
}

/* A number or a word after a key. */
static uint64_t
read_value(struct request *r, uint64_t h, const char *key,
    const char *key_end, const char *p)
{
	if (is_key(key, key_end, "max_tokens") ||
	    is_key(key, key_end, "maxTokens") ||
	    is_key(key, key_end, "max_completion_tokens"))
		r->max_tokens = strtol(p, NULL, 10);
	else if (is_key(key, key_end, "seed"))
		h = mix(h ^ strtoull(p, NULL, 10));
	return h;
}

bool
request_scan(struct request *r)
{
	const char *end = r->body + r->body_len;
	const char *p = skip_blanks(r->body, end), *key, *key_end, *v;
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ mix(opt.seed);
	bool escaped, found = false;

	r->max_tokens = -1;
	find_directive(r);
	if (p == end || *p != '{')
		return false;
	while (p < end) {
		if (*p++ != '"')
			continue;
		key = p;
		key_end = skip_string(p, end, &escaped);
		p = skip_blanks(key_end < end ? key_end + 1 : end, end);
		if (p >= end || *p != ':')
			continue;	/* a value, not a key */
		p = skip_blanks(p + 1, end);
		if (p >= end)
			break;
		if (*p != '"') {
			h = read_value(r, h, key, key_end, p);
			continue;
		}
		v = p + 1;
		p = skip_string(v, end, &escaped);
		if (is_prompt(key, key_end)) {
			h = hash_text(r, h, v, p, escaped);
			found = true;
		} else if (is_key(key, key_end, "model")) {
			copy(r->model, sizeof r->model, v, (size_t)(p - v));
		}
		p += p < end;
	}
	r->prompt = mix(h);
	return found;
}
