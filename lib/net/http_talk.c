#include <config.h>

#include "net/http_talk.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *words;
	enum pp_http_talk what;
	const char *number; /* stands before it; NULL: there is none */
	int base;
} known[] = {
	{ "Using Stream ID: ", PP_HTTP_TALK_STREAM, "ID: ", 16 },
	{ "received GOAWAY", PP_HTTP_TALK_GOAWAY, "last_stream=", 10 },
	/* so it is spelled in 7.88 */
	{ "recveived GOAWAY", PP_HTTP_TALK_GOAWAY, "last_stream=", 10 },
	{ "REFUSED_STREAM, retrying", PP_HTTP_TALK_REFUSED, NULL, 0 },
	{ "Connection died, retrying", PP_HTTP_TALK_AGAIN, NULL, 0 },
};

enum pp_http_talk
pp_http_talk(const char *text, size_t len, int64_t *n)
{
	char line[80], *at, *end;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t words = strlen(known[i].words);

		if (len < words || memcmp(text, known[i].words, words) != 0)
			continue;
		if (known[i].number == NULL)
			return known[i].what;
		if (len >= sizeof line)
			len = sizeof line - 1;
		memcpy(line, text, len);
		line[len] = '\0';
		at = strstr(line, known[i].number);
		if (at == NULL)
			return PP_HTTP_TALK_OTHER;
		at += strlen(known[i].number);
		*n = strtoll(at, &end, known[i].base);
		return end > at ? known[i].what : PP_HTTP_TALK_OTHER;
	}
	return PP_HTTP_TALK_OTHER;
}
