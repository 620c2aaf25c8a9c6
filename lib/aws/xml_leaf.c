#include <config.h>

#include "aws/xml_leaf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The code point of "#13;" or "#xD;"; 0: neither. `*len` is what it takes. */
static unsigned long
read_reference(const char *s, size_t *len)
{
	int base = s[1] == 'x' ? 16 : 10;
	const char *digits = s + (base == 16 ? 2 : 1);
	char *end;
	unsigned long cp = strtoul(digits, &end, base);

	if (s[0] != '#' || end == digits || *end != ';' || cp > 0x10ffff)
		return 0;
	*len = (size_t)(end + 1 - s);
	return cp;
}

static size_t
put_entity(const char *s, char *to, size_t *skip)
{
	static const struct {
		const char *name;
		char c;
	} entities[] = { { "amp;", '&' }, { "lt;", '<' }, { "gt;", '>' },
		{ "quot;", '"' }, { "apos;", '\'' } };
	unsigned long cp;

	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
		if (pp_starts_with(s, entities[i].name)) {
			*skip = strlen(entities[i].name);
			*to = entities[i].c;
			return 1;
		}
	}
	cp = read_reference(s, skip);
	if (cp > 0)
		return pp_utf8_encode((uint32_t)cp, to);
	*skip = 0;
	*to = '&';
	return 1;
}

/* In place: no entity is shorter than what it stands for. */
static void
unescape(char *s)
{
	char *to = s;
	size_t skip;

	while (*s != '\0') {
		if (*s != '&') {
			*to++ = *s++;
			continue;
		}
		to += put_entity(s + 1, to, &skip);
		s += 1 + skip;
	}
	*to = '\0';
}

char *
pp_xml_leaf(const char *xml, size_t len, const char *name)
{
	char *open = pp_asprintf("<%s>", name);
	char *close = pp_asprintf("</%s>", name), *out = NULL;
	const char *from = memmem(xml, len, open, strlen(open)), *to = NULL;

	if (from != NULL) {
		from += strlen(open);
		to = memmem(from, len - (size_t)(from - xml), close,
		    strlen(close));
	}
	if (to != NULL) {
		out = pp_strndup(from, (size_t)(to - from));
		unescape(out);
	}
	free(open);
	free(close);
	return out;
}
