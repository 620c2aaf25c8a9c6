/*
 * Signatures of AWS (SigV4), recomputed from the bytes that came: for
 * services other than S3. By the written rules, and with no line of the
 * library's.
 */
#include <config.h>

#include "mock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef HAVE_SSL
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define MAX_SIGNED 32
#define MARK "AWS4-HMAC-SHA256 Credential="

struct signature {
	char access[64], day[16], region[64], service[64];
	char names[1024], given[80], time[32];
};

static void
sha256_hex(const void *p, size_t n, char hex[65])
{
	unsigned char d[32];

	EVP_Digest(p, n, d, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < sizeof d; i++)
		snprintf(hex + 2 * i, 3, "%02x", d[i]);
}

static void
hmac256(const void *key, size_t n, const char *text, unsigned char out[32])
{
	unsigned len;

	HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text,
	    strlen(text), out, &len);
}

/* The value of a header among the lines of a head. */
static bool
find_header(struct span head, const char *name, size_t len, struct span *out)
{
	const char *p = memmem(head.p, head.n, "\r\n", 2), *next;
	const char *end = head.p + head.n;

	for (p += 2; p < end; p = next + 2) {
		next = memmem(p, (size_t)(end - p), "\r\n", 2);
		if (next == NULL)
			return false;
		if ((size_t)(next - p) > len && p[len] == ':' &&
		    strncasecmp(p, name, len) == 0) {
			for (p += len + 1; p < next && *p == ' '; p++)
				;
			*out = (struct span){ p, (size_t)(next - p) };
			return true;
		}
	}
	return false;
}

static bool
read_signature(struct span head, struct signature *s)
{
	struct span v;
	char text[2048];

	if (!find_header(head, "authorization", 13, &v) || v.n >= sizeof text)
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	if (sscanf(text,
		MARK "%63[^/]/%15[^/]/%63[^/]/%63[^/]/aws4_request, "
		     "SignedHeaders=%1023[^,], Signature=%79[0-9a-f]",
		s->access, s->day, s->region, s->service, s->names,
		s->given) != 6)
		return false;
	if (!find_header(head, "x-amz-date", 10, &v) || v.n >= sizeof s->time)
		return false;
	memcpy(s->time, v.p, v.n);
	s->time[v.n] = '\0';
	return strncmp(s->time, s->day, 8) == 0;
}

/* The path as it came, encoded once more; there are no dots in ours. */
static void
put_path(struct text *t, const char *path)
{
	for (; *path != '\0' && *path != '?'; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr("-_.~/", c) != NULL)
			text_add(t, path, 1);
		else
			text_addf(t, "%%%02X", c);
	}
}

static bool
put_canonical(struct text *t, const struct http_request *r, struct span head,
    struct span body, const struct signature *s)
{
	const char *name = s->names;
	char hash[65];
	bool host = false;

	text_addf(t, "%s\n", r->method);
	put_path(t, r->path);
	text_adds(t, "\n\n");
	while (*name != '\0') {
		size_t n = strcspn(name, ";");
		struct span v;

		if (!find_header(head, name, n, &v))
			return false;
		host = host || (n == 4 && memcmp(name, "host", 4) == 0);
		text_addf(t, "%.*s:%.*s\n", (int)n, name, (int)v.n, v.p);
		name += n + (name[n] == ';');
	}
	sha256_hex(body.p, body.n, hash);
	text_addf(t, "\n%s\n%s", s->names, hash);
	return host && strchr(r->path, '?') == NULL;
}

static void
sign(const char *secret, const struct signature *s,
    const struct text *canonical, char hex[65])
{
	unsigned char key[32];
	char seed[256], hash[65], text[512];

	snprintf(seed, sizeof seed, "AWS4%s", secret);
	hmac256(seed, strlen(seed), s->day, key);
	hmac256(key, sizeof key, s->region, key);
	hmac256(key, sizeof key, s->service, key);
	hmac256(key, sizeof key, "aws4_request", key);
	sha256_hex(canonical->p, canonical->n, hash);
	snprintf(text, sizeof text,
	    "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", s->time, s->day,
	    s->region, s->service, hash);
	hmac256(key, sizeof key, text, key);
	for (size_t i = 0; i < sizeof key; i++)
		snprintf(hex + 2 * i, 3, "%02x", key[i]);
}

bool
sign_check(const char *account, const struct http_request *r, struct span head,
    struct span body)
{
	const char *secret = strchr(account, ':');
	struct text canonical = { .p = NULL };
	struct signature s;
	char hex[65];
	bool ok;

	if (secret == NULL || !read_signature(head, &s) ||
	    strlen(s.access) != (size_t)(secret - account) ||
	    strncmp(s.access, account, strlen(s.access)) != 0)
		return false;
	ok = put_canonical(&canonical, r, head, body, &s);
	if (ok) {
		sign(secret + 1, &s, &canonical, hex);
		ok = strcmp(hex, s.given) == 0;
	}
	text_free(&canonical);
	return ok;
}
#else
bool
sign_check(const char *account, const struct http_request *r, struct span head,
    struct span body)
{
	(void)account;
	(void)r;
	(void)head;
	(void)body;
	return false;
}
#endif
