#include <config.h>

#include "aws/sigv4.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "aws/uri.h"
#include "base/mem.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MAX_EXPIRES_S 604800
#define KEYS_KEPT 8

/* A part of a text that is being sorted: a header, or a query's item. */
struct part {
	const char *name, *value;
	size_t name_len, value_len;
	size_t at; /* place before sorting, which ties keep */
};

/* The signing key of one day, region and service: three HMACs saved. */
struct day_key {
	char date[9];
	char *secret, *region, *service;
	unsigned char key[PP_SHA256_BYTES];
};

struct pp_sigv4 {
	struct pp_sha256 *sha;
	struct day_key keys[KEYS_KEPT];
	size_t next_key; /* that is overwritten */
	int64_t date_s;	 /* of `date` */
	char date[PP_SIGV4_DATE_BYTES];
	struct part *parts;
	size_t part_cap;
	struct pp_buf canonical, names, to_sign, text;
};

void
pp_aws_keys_release(struct pp_aws_keys *k)
{
	char *secrets[] = { k->access_key, k->secret_key, k->session_token };

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		if (secrets[i] != NULL)
			pp_free_secret(secrets[i]);
	memset(k, 0, sizeof *k);
}

void
pp_aws_keys_copy(struct pp_aws_keys *to, const struct pp_aws_keys *k)
{
	*to = *k;
	to->access_key = pp_strdup(k->access_key);
	to->secret_key = pp_strdup(k->secret_key);
	to->session_token = pp_strdup(k->session_token);
}

struct pp_sigv4 *
pp_sigv4_new(void)
{
	struct pp_sigv4 *s = pp_calloc(1, sizeof *s);

	s->sha = pp_sha256_new();
	s->date_s = INT64_MIN;
	pp_buf_init(&s->canonical, 0);
	pp_buf_init(&s->names, 0);
	pp_buf_init(&s->to_sign, 0);
	pp_buf_init(&s->text, 0);
	return s;
}

static void
day_key_release(struct day_key *k)
{
	if (k->secret != NULL)
		pp_free_secret(k->secret);
	free(k->region);
	free(k->service);
	explicit_bzero(k, sizeof *k);
}

void
pp_sigv4_free(struct pp_sigv4 *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < KEYS_KEPT; i++)
		day_key_release(&s->keys[i]);
	pp_sha256_free(s->sha);
	free(s->parts);
	pp_buf_release(&s->canonical);
	pp_buf_release(&s->names);
	pp_buf_release(&s->to_sign);
	pp_buf_release(&s->text);
	free(s);
}

/* ---- digests ---- */

char *
pp_sigv4_hash(struct pp_sigv4 *s, const void *data, size_t len,
    char hex[PP_SIGV4_HEX_BYTES])
{
	unsigned char digest[PP_SHA256_BYTES];

	pp_sha256_add(s->sha, data, len);
	pp_sha256_final(s->sha, digest);
	return pp_hex(digest, sizeof digest, hex);
}

/* RFC 2104; keys longer than a block (64 bytes) are hashed first. */
static void
hmac(struct pp_sigv4 *s, const void *key, size_t key_len, const void *data,
    size_t len, unsigned char out[PP_SHA256_BYTES])
{
	unsigned char inner[64] = { 0 }, outer[64];

	if (key_len > sizeof inner) {
		pp_sha256_add(s->sha, key, key_len);
		pp_sha256_final(s->sha, inner);
	} else {
		memcpy(inner, key, key_len);
	}
	for (size_t i = 0; i < sizeof inner; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	pp_sha256_add(s->sha, inner, sizeof inner);
	pp_sha256_add(s->sha, data, len);
	pp_sha256_final(s->sha, out);
	pp_sha256_add(s->sha, outer, sizeof outer);
	pp_sha256_add(s->sha, out, PP_SHA256_BYTES);
	pp_sha256_final(s->sha, out);
	explicit_bzero(inner, sizeof inner);
	explicit_bzero(outer, sizeof outer);
}

static const struct day_key *
find_day_key(struct pp_sigv4 *s, const char *date,
    const struct pp_sigv4_scope *scope, const char *secret)
{
	for (size_t i = 0; i < KEYS_KEPT; i++) {
		const struct day_key *k = &s->keys[i];

		if (k->secret != NULL && memcmp(k->date, date, 8) == 0 &&
		    strcmp(k->secret, secret) == 0 &&
		    strcmp(k->region, scope->region) == 0 &&
		    strcmp(k->service, scope->service) == 0)
			return k;
	}
	return NULL;
}

static const struct day_key *
day_key(struct pp_sigv4 *s, const char *date,
    const struct pp_sigv4_scope *scope, const char *secret)
{
	const struct day_key *found = find_day_key(s, date, scope, secret);
	struct day_key *k = &s->keys[s->next_key];
	char *seed;

	if (found != NULL)
		return found;
	s->next_key = (s->next_key + 1) % KEYS_KEPT;
	day_key_release(k);
	memcpy(k->date, date, 8);
	k->secret = pp_strdup(secret);
	k->region = pp_strdup(scope->region);
	k->service = pp_strdup(scope->service);
	seed = pp_asprintf("AWS4%s", secret);
	hmac(s, seed, strlen(seed), date, 8, k->key);
	pp_free_secret(seed);
	hmac(s, k->key, sizeof k->key, k->region, strlen(k->region), k->key);
	hmac(s, k->key, sizeof k->key, k->service, strlen(k->service), k->key);
	hmac(s, k->key, sizeof k->key, "aws4_request", 12, k->key);
	return k;
}

/* ---- stage 1: the canonical request ---- */

static struct part *
add_part(struct pp_sigv4 *s, size_t count)
{
	s->parts = pp_grow(s->parts, count, &s->part_cap, sizeof *s->parts);
	s->parts[count].at = count;
	return &s->parts[count];
}

/* Segments of the path that count, "." and ".." resolved. */
static void
normalize_path(struct pp_buf *out, const char *path, size_t len)
{
	const char *end = path + len, *next;

	pp_buf_clear(out);
	for (const char *p = path; p < end; p = next + 1) {
		size_t n;

		next = memchr(p, '/', (size_t)(end - p));
		if (next == NULL)
			next = end;
		n = (size_t)(next - p);
		if (n == 0 || (n == 1 && p[0] == '.'))
			continue;
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			const char *slash = memrchr(out->data, '/', out->len);

			if (slash != NULL)
				pp_buf_truncate(out,
				    (size_t)(slash - out->data));
			continue;
		}
		pp_buf_addc(out, '/');
		pp_buf_add(out, p, n);
	}
	if (out->len == 0 || path[len - 1] == '/')
		pp_buf_addc(out, '/');
}

static void
put_path(struct pp_sigv4 *s, const char *path, bool plain,
    struct pp_buf *canonical)
{
	size_t len = strlen(path);

	if (plain) {
		pp_buf_add(canonical, len > 0 ? path : "/", len > 0 ? len : 1);
		return;
	}
	if (len <= 1) {
		pp_buf_addc(canonical, '/');
		return;
	}
	normalize_path(&s->text, path, len);
	pp_uri_encode(canonical, s->text.data, s->text.len, true);
}

static int
compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order != 0)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

static int
compare_items(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int order = compare_bytes(x->name, x->name_len, y->name, y->name_len);

	if (order != 0)
		return order;
	return compare_bytes(x->value, x->value_len, y->value, y->value_len);
}

/* Encode strictly what may have been encoded in another way. */
static void
put_encoded(struct pp_buf *out, struct pp_buf *plain, const char *s, size_t len)
{
	pp_buf_clear(plain);
	pp_uri_decode(plain, s, len);
	pp_uri_encode(out, plain->data, plain->len, false);
}

/*
 * The items are encoded one after the other into a text of their own, then
 * sorted as they stand there: their places are offsets until it is whole.
 */
static void
put_query(struct pp_sigv4 *s, const char *query, struct pp_buf *canonical)
{
	struct pp_buf encoded = PP_BUF_INIT;
	size_t count = 0, at = 0;

	for (const char *p = query; p != NULL && *p != '\0';) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");
		struct part *item;

		if (len > 0) {
			item = add_part(s, count++);
			at = encoded.len;
			put_encoded(&encoded, &s->text, p, name);
			item->name_len = encoded.len - at;
			if (name < len)
				put_encoded(&encoded, &s->text, p + name + 1,
				    len - name - 1);
			item->value_len = encoded.len - at - item->name_len;
		}
		p += len + (p[len] == '&');
	}
	at = 0;
	for (size_t i = 0; i < count; i++) {
		s->parts[i].name = encoded.data + at;
		s->parts[i].value = encoded.data + at + s->parts[i].name_len;
		at += s->parts[i].name_len + s->parts[i].value_len;
	}
	if (count > 1)
		qsort(s->parts, count, sizeof *s->parts, compare_items);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			pp_buf_addc(canonical, '&');
		pp_buf_add(canonical, s->parts[i].name, s->parts[i].name_len);
		pp_buf_addc(canonical, '=');
		pp_buf_add(canonical, s->parts[i].value, s->parts[i].value_len);
	}
	pp_buf_release(&encoded);
}

/* Headers that proxies change or set, and that are therefore not signed. */
static bool
is_left_out(const char *name, size_t len)
{
#define NAME(text) \
	{ \
		text, sizeof text - 1 \
	}
	static const struct {
		const char *text;
		size_t len;
	} names[] = { NAME("authorization"), NAME("connection"), NAME("expect"),
		NAME("keep-alive"), NAME("proxy-authenticate"),
		NAME("proxy-authorization"), NAME("te"), NAME("trailer"),
		NAME("transfer-encoding"), NAME("upgrade"), NAME("user-agent"),
		NAME("x-amzn-trace-id"), NAME("x-client-request-id") };
#undef NAME

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].len == len &&
		    strncasecmp(names[i].text, name, len) == 0)
			return true;
	return false;
}

static int
compare_headers(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int order = strncasecmp(x->name, y->name, n);

	if (order == 0)
		order = (x->name_len > y->name_len) -
		    (x->name_len < y->name_len);
	return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static int
split_header(struct pp_sigv4 *s, const char *line, size_t *count,
    struct pp_error *err)
{
	size_t len = strlen(line);
	const char *colon = memchr(line, ':', len);
	size_t name = colon != NULL ? (size_t)(colon - line) : len;
	struct part *h;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return pp_error_set(err, PP_EDATA,
			    "a control character in the header '%.*s'",
			    (int)name, line);
	}
	if (name == 0 || name == len)
		return pp_error_set(err, PP_EDATA, "'%s' is not a header",
		    line);
	if (is_left_out(line, name))
		return 0;
	h = add_part(s, (*count)++);
	h->name = line;
	h->name_len = name;
	h->value = line + name + 1;
	h->value_len = len - name - 1;
	return 0;
}

static void
put_lower(struct pp_buf *out, const char *s, size_t len)
{
	pp_buf_reserve(out, len);
	for (size_t i = 0; i < len; i++)
		out->data[out->len + i] = s[i] >= 'A' && s[i] <= 'Z' ?
		    (char)(s[i] | 32) :
		    s[i];
	out->len += len;
	out->data[out->len] = '\0';
}

/* The next blank from p on, or the end; tabs are rare and looked for once. */
static const char *
next_blank(const char *p, const char *end, bool tabs)
{
	const char *blank = memchr(p, ' ', (size_t)(end - p));
	const char *tab;

	if (blank == NULL)
		blank = end;
	tab = tabs ? memchr(p, '\t', (size_t)(blank - p)) : NULL;
	return tab != NULL ? tab : blank;
}

/* Blanks around it go, runs of them inside become one. */
static void
put_value(struct pp_buf *out, const char *s, size_t len)
{
	const char *end = s + len, *blank;
	bool tabs = memchr(s, '\t', len) != NULL, first = true;

	for (const char *p = s; p < end; p = blank + 1) {
		blank = next_blank(p, end, tabs);
		if (blank == p)
			continue;
		if (!first)
			pp_buf_addc(out, ' ');
		pp_buf_add(out, p, (size_t)(blank - p));
		first = false;
	}
}

static bool
same_name(const struct part *a, const struct part *b)
{
	return a->name_len == b->name_len &&
	    strncasecmp(a->name, b->name, a->name_len) == 0;
}

static int
put_headers(struct pp_sigv4 *s, const char *const *headers,
    struct pp_buf *canonical, struct pp_buf *names, struct pp_error *err)
{
	size_t count = 0;
	bool host = false;

	for (; headers != NULL && *headers != NULL; headers++)
		if (split_header(s, *headers, &count, err) < 0)
			return -1;
	if (count > 1)
		qsort(s->parts, count, sizeof *s->parts, compare_headers);
	pp_buf_clear(names);
	for (size_t i = 0; i < count; i++) {
		const struct part *h = &s->parts[i];

		if (i > 0 && same_name(h, h - 1)) {
			pp_buf_addc(canonical, ',');
		} else {
			if (i > 0) {
				pp_buf_addc(canonical, '\n');
				pp_buf_addc(names, ';');
			}
			put_lower(names, h->name, h->name_len);
			pp_buf_add(canonical,
			    names->data + names->len - h->name_len,
			    h->name_len);
			pp_buf_addc(canonical, ':');
			host = host ||
			    (h->name_len == 4 &&
				strncasecmp(h->name, "host", 4) == 0);
		}
		put_value(canonical, h->value, h->value_len);
	}
	if (!host)
		return pp_error_set(err, PP_EDATA,
		    "a request without Host cannot be signed");
	pp_buf_addc(canonical, '\n');
	return 0;
}

int
pp_sigv4_canonical(struct pp_sigv4 *s, const struct pp_sigv4_request *r,
    const struct pp_sigv4_scope *scope, struct pp_buf *canonical,
    struct pp_buf *signed_headers, struct pp_error *err)
{
	struct pp_buf *names = signed_headers != NULL ? signed_headers :
							&s->names;

	pp_buf_clear(canonical);
	pp_buf_adds(canonical, r->method);
	pp_buf_addc(canonical, '\n');
	put_path(s, r->path, scope->plain_path, canonical);
	pp_buf_addc(canonical, '\n');
	put_query(s, r->query, canonical);
	pp_buf_addc(canonical, '\n');
	if (put_headers(s, r->headers, canonical, names, err) < 0)
		return -1;
	pp_buf_addc(canonical, '\n');
	pp_buf_add(canonical, names->data, names->len);
	pp_buf_addc(canonical, '\n');
	pp_buf_adds(canonical, r->payload_hash);
	return 0;
}

/* ---- stages 2 and 3 ---- */

static char *
put_digits(char *out, int value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + digits;
}

/* strftime would take a tenth of a signature's time. */
char *
pp_sigv4_date(int64_t time_ms, char out[PP_SIGV4_DATE_BYTES])
{
	time_t t = (time_t)(time_ms / 1000);
	struct tm tm;
	char *p = out;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 8099)
		return memcpy(out, "19700101T000000Z", PP_SIGV4_DATE_BYTES);
	p = put_digits(p, tm.tm_year + 1900, 4);
	p = put_digits(p, tm.tm_mon + 1, 2);
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, tm.tm_hour, 2);
	p = put_digits(p, tm.tm_min, 2);
	p = put_digits(p, tm.tm_sec, 2);
	memcpy(p, "Z", 2);
	return out;
}

/* Many requests are of the same second. */
static const char *
date_of(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope)
{
	int64_t second = scope->time_ms / 1000;

	if (s->date_s != second) {
		pp_sigv4_date(scope->time_ms, s->date);
		s->date_s = second;
	}
	return s->date;
}

/* "20260102/us-east-1/s3/aws4_request" */
static void
put_scope(struct pp_buf *out, const char *date,
    const struct pp_sigv4_scope *scope)
{
	pp_buf_add(out, date, 8);
	pp_buf_addc(out, '/');
	pp_buf_adds(out, scope->region);
	pp_buf_addc(out, '/');
	pp_buf_adds(out, scope->service);
	pp_buf_adds(out, "/aws4_request");
}

static void
begin_to_sign(struct pp_sigv4 *s, struct pp_buf *out, const char *algorithm,
    const struct pp_sigv4_scope *scope)
{
	const char *date = date_of(s, scope);

	pp_buf_clear(out);
	pp_buf_adds(out, algorithm);
	pp_buf_addc(out, '\n');
	pp_buf_adds(out, date);
	pp_buf_addc(out, '\n');
	put_scope(out, date, scope);
	pp_buf_addc(out, '\n');
}

void
pp_sigv4_string_to_sign(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
    const char *canonical, size_t len, struct pp_buf *out)
{
	char hex[PP_SIGV4_HEX_BYTES];

	begin_to_sign(s, out, ALGORITHM, scope);
	pp_sigv4_hash(s, canonical, len, hex);
	pp_buf_add(out, hex, PP_SIGV4_HEX_BYTES - 1);
}

void
pp_sigv4_signature(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
    const struct pp_aws_keys *keys, const char *to_sign, size_t len,
    char hex[PP_SIGV4_HEX_BYTES])
{
	unsigned char mac[PP_SHA256_BYTES];
	const struct day_key *k = day_key(s, date_of(s, scope), scope,
	    keys->secret_key);

	hmac(s, k->key, sizeof k->key, to_sign, len, mac);
	pp_hex(mac, sizeof mac, hex);
}

/* The signature of a request whose canonical form stands in `canonical`. */
static void
sign_canonical(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
    const struct pp_aws_keys *keys, char hex[PP_SIGV4_HEX_BYTES])
{
	pp_sigv4_string_to_sign(s, scope, s->canonical.data, s->canonical.len,
	    &s->to_sign);
	pp_sigv4_signature(s, scope, keys, s->to_sign.data, s->to_sign.len,
	    hex);
}

int
pp_sigv4_authorize(struct pp_sigv4 *s, const struct pp_sigv4_request *r,
    const struct pp_sigv4_scope *scope, const struct pp_aws_keys *keys,
    struct pp_buf *out, char hex[PP_SIGV4_HEX_BYTES], struct pp_error *err)
{
	char signature[PP_SIGV4_HEX_BYTES];

	assert(s != NULL);
	if (pp_sigv4_canonical(s, r, scope, &s->canonical, &s->names, err) < 0)
		return -1;
	sign_canonical(s, scope, keys, signature);
	pp_buf_adds(out, ALGORITHM " Credential=");
	pp_buf_adds(out, keys->access_key);
	pp_buf_addc(out, '/');
	put_scope(out, date_of(s, scope), scope);
	pp_buf_adds(out, ", SignedHeaders=");
	pp_buf_add(out, s->names.data, s->names.len);
	pp_buf_adds(out, ", Signature=");
	pp_buf_adds(out, signature);
	if (hex != NULL)
		memcpy(hex, signature, sizeof signature);
	return 0;
}

/* ---- presigned URLs ---- */

static void
put_presign_query(struct pp_sigv4 *s, const struct pp_sigv4_request *r,
    const struct pp_sigv4_scope *scope, const struct pp_aws_keys *keys,
    int64_t expires_s, struct pp_buf *query)
{
	const char *date = date_of(s, scope);
	char expires[24];

	if (r->query != NULL)
		pp_buf_adds(query, r->query);
	pp_uri_add_query(query, "X-Amz-Algorithm", ALGORITHM);
	pp_buf_clear(&s->text);
	pp_buf_adds(&s->text, keys->access_key);
	pp_buf_addc(&s->text, '/');
	put_scope(&s->text, date, scope);
	pp_uri_add_query(query, "X-Amz-Credential", s->text.data);
	pp_uri_add_query(query, "X-Amz-Date", date);
	snprintf(expires, sizeof expires, "%lld", (long long)expires_s);
	pp_uri_add_query(query, "X-Amz-Expires", expires);
	pp_uri_add_query(query, "X-Amz-SignedHeaders", s->names.data);
	if (keys->session_token != NULL && keys->session_token[0] != '\0')
		pp_uri_add_query(query, "X-Amz-Security-Token",
		    keys->session_token);
}

/* The names of the signed headers are in the query, which is signed too. */
int
pp_sigv4_presign(struct pp_sigv4 *s, const struct pp_sigv4_request *r,
    const struct pp_sigv4_scope *scope, const struct pp_aws_keys *keys,
    int64_t expires_s, struct pp_buf *query, struct pp_error *err)
{
	struct pp_sigv4_request with = *r;
	struct pp_buf own = PP_BUF_INIT;
	char hex[PP_SIGV4_HEX_BYTES];
	int rc = -1;

	assert(s != NULL);
	if (expires_s < 1 || expires_s > MAX_EXPIRES_S)
		return pp_error_set(err, PP_EUSAGE,
		    "a presigned URL lives from 1 second to 7 days");
	if (r->payload_hash == NULL)
		with.payload_hash = strcmp(scope->service, "s3") == 0 ?
		    PP_SIGV4_UNSIGNED :
		    EMPTY_SHA256;
	if (pp_sigv4_canonical(s, &with, scope, &s->canonical, &s->names, err) <
	    0)
		goto out;
	put_presign_query(s, r, scope, keys, expires_s, &own);
	with.query = own.data;
	if (pp_sigv4_canonical(s, &with, scope, &s->canonical, &s->names, err) <
	    0)
		goto out;
	sign_canonical(s, scope, keys, hex);
	pp_uri_add_query(&own, "X-Amz-Signature", hex);
	pp_buf_add(query, own.data, own.len);
	rc = 0;
out:
	pp_buf_release(&own);
	return rc;
}

/* ---- streamed bodies ---- */

void
pp_sigv4_chunk(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
    const struct pp_aws_keys *keys, const char *data, size_t len,
    char hex[PP_SIGV4_HEX_BYTES])
{
	char digest[PP_SIGV4_HEX_BYTES];

	begin_to_sign(s, &s->to_sign, ALGORITHM "-PAYLOAD", scope);
	pp_buf_adds(&s->to_sign, hex);
	pp_buf_adds(&s->to_sign, "\n" EMPTY_SHA256 "\n");
	pp_sigv4_hash(s, data, len, digest);
	pp_buf_adds(&s->to_sign, digest);
	pp_sigv4_signature(s, scope, keys, s->to_sign.data, s->to_sign.len,
	    hex);
}

void
pp_sigv4_trailer(struct pp_sigv4 *s, const struct pp_sigv4_scope *scope,
    const struct pp_aws_keys *keys, const char *text, size_t len,
    char hex[PP_SIGV4_HEX_BYTES])
{
	char digest[PP_SIGV4_HEX_BYTES];

	begin_to_sign(s, &s->to_sign, ALGORITHM "-TRAILER", scope);
	pp_buf_adds(&s->to_sign, hex);
	pp_buf_addc(&s->to_sign, '\n');
	pp_sigv4_hash(s, text, len, digest);
	pp_buf_adds(&s->to_sign, digest);
	pp_sigv4_signature(s, scope, keys, s->to_sign.data, s->to_sign.len,
	    hex);
}
