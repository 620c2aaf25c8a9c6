#include <config.h>

#include "export/formats.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv_record.h"
#include "base/str.h"

const struct pp_format pp_formats[PP_FORMAT_COUNT] = {
	{ PP_EXPORT_JSONL, &pp_sink_jsonl },
	{ PP_EXPORT_CSV, &pp_sink_csv },
	{ PP_EXPORT_PARQUET, &pp_sink_parquet },
};

/* The words of a list, "a,b", each made bits by `bit_of`. */
static int
parse_words(const char *s, const char *what,
    unsigned (*bit_of)(const char *, size_t), unsigned *bits,
    struct pp_error *err)
{
	const char *word = s, *end;
	unsigned bit;

	*bits = 0;
	do {
		end = strchrnul(word, ',');
		bit = bit_of(word, (size_t)(end - word));
		if (bit == 0)
			return pp_error_set(err, PP_EUSAGE, "unknown %s '%.*s'",
			    what, (int)(end - word), word);
		*bits |= bit;
		word = end + 1;
	} while (*end != '\0');
	return 0;
}

static bool
is_word(const char *s, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(s, name, len) == 0;
}

static unsigned
format_bit(const char *s, size_t len)
{
	for (size_t i = 0; i < PP_FORMAT_COUNT; i++)
		if (is_word(s, len, pp_formats[i].sink->name))
			return pp_formats[i].bit;
	return 0;
}

static unsigned
partition_bit(const char *s, size_t len)
{
	if (is_word(s, len, "timestamp"))
		return PP_PARTITION_TIMESTAMP;
	return is_word(s, len, "category") ? PP_PARTITION_CATEGORY : 0;
}

int
pp_export_parse_formats(const char *s, unsigned *bits, struct pp_error *err)
{
	return parse_words(s, "format", format_bit, bits, err);
}

int
pp_export_parse_partition(const char *s, unsigned *bits, struct pp_error *err)
{
	*bits = PP_PARTITION_NONE;
	return strcmp(s, "none") == 0 ?
	    0 :
	    parse_words(s, "partition", partition_bit, bits, err);
}

/* ---- splits ---- */

/* "0.9" in parts of PP_SPLIT_WHOLE; at most nine places. */
static int
parse_part(const char *s, size_t len, uint64_t *part)
{
	uint64_t unit = PP_SPLIT_WHOLE;
	bool point = false;

	*part = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9' || (point && unit == 1) ||
		    *part > PP_SPLIT_WHOLE)
			return -1;
		if (point)
			unit /= 10;
		*part = point ?
		    *part + unit * (uint64_t)(s[i] - '0') :
		    *part * 10 + PP_SPLIT_WHOLE * (uint64_t)(s[i] - '0');
	}
	return *part > 0 && *part <= PP_SPLIT_WHOLE ? 0 : -1;
}

static int
parse_split(const char *word, size_t len, struct pp_split *out)
{
	const char *eq = memchr(word, '=', len);
	size_t name_len = eq != NULL ? (size_t)(eq - word) : 0;

	if (name_len == 0 || name_len >= sizeof out->name)
		return -1;
	memcpy(out->name, word, name_len);
	out->name[name_len] = '\0';
	return pp_name_valid(out->name) ?
	    parse_part(eq + 1, len - name_len - 1, &out->end) :
	    -1;
}

static bool
is_taken(const struct pp_split *splits, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(splits[i].name, name) == 0)
			return true;
	return false;
}

int
pp_export_parse_splits(const char *s, struct pp_split splits[PP_MAX_SPLITS],
    struct pp_error *err)
{
	const char *word = s, *end;
	uint64_t sum = 0;
	int count = 0;

	do {
		end = strchrnul(word, ',');
		if (count == PP_MAX_SPLITS ||
		    parse_split(word, (size_t)(end - word), &splits[count]) <
			0 ||
		    is_taken(splits, count, splits[count].name))
			return pp_error_set(err, PP_EUSAGE,
			    "'%.*s' is not NAME=PART of a split",
			    (int)(end - word), word);
		sum += splits[count].end;
		splits[count++].end = sum;
		word = end + 1;
	} while (*end != '\0');
	if (sum != PP_SPLIT_WHOLE)
		return pp_error_set(err, PP_EUSAGE,
		    "the parts of the split '%s' do not make 1", s);
	return count;
}

/* ---- what goes together ---- */

int
pp_export_check_options(const struct pp_export_options *o, struct pp_error *err)
{
	if (o->formats == 0)
		return pp_error_set(err, PP_EUSAGE, "no format is given");
	if (!pp_csv_is_delimiter(o->csv_delimiter))
		return pp_error_set(err, PP_EUSAGE,
		    "a delimiter is a tab or one of , ; | : ^ ~ ! # $ %% & *");
	if (o->compress != PP_CODEC_NONE && o->compress != PP_CODEC_ZSTD &&
	    o->compress != PP_CODEC_GZIP)
		return pp_error_set(err, PP_EUSAGE,
		    "files are compressed by "
		    "zstd or gzip, not by %s",
		    pp_codec_name(o->compress));
	if (o->dir != NULL)
		return 0;
	if ((o->formats & (o->formats - 1)) != 0)
		return pp_error_set(err, PP_EUSAGE,
		    "several formats need a folder to go to");
	if (o->card)
		return pp_error_set(err, PP_EUSAGE,
		    "a card needs a folder to go to");
	if (o->partition != 0 || o->split_count > 0 ||
	    o->max_rows_per_file > 0 || o->max_bytes_per_file > 0)
		return pp_error_set(err, PP_EUSAGE,
		    "several files need a folder to go to");
	return 0;
}
