#include <config.h>

#include "export/dedup.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"

#define FIRST_SLOTS 1024

#define HASHES 128	  /* minimal hashes of a text */
#define SHINGLE 3	  /* words */
#define MAX_CANDIDATES 64 /* compared in each band */

struct key {
	uint64_t a, b; /* both 0: a free slot */
};

/* The low bits of minimal hashes: equal ones are equal but once in 65,536. */
struct signature {
	uint16_t least[HASHES];
};

struct pp_dedup {
	double near;

	/* equal texts */
	struct key *slots;
	size_t slot_count, used;

	/* near ones: signatures, and tables of them by each band */
	struct signature *kept;
	size_t kept_count, kept_cap;
	int bands, rows;   /* bands * rows == HASHES */
	uint32_t **tables; /* index + 1, 0 for none */
	size_t table_size;
	uint64_t seeds[HASHES];
};

/*
 * Two texts that share `near` meet in a band with odds of 1 - (1 - near^rows)^
 * bands: the longest bands for which that is nearly sure.
 */
static int
rows_of_band(double near)
{
	for (int rows = 16; rows > 1; rows /= 2) {
		int bands = HASHES / rows;

		if (pow(1 - pow(near, rows), bands) < 0.005)
			return rows;
	}
	return 1;
}

struct pp_dedup *
pp_dedup_new(double near)
{
	struct pp_dedup *d = pp_calloc(1, sizeof *d);

	d->near = near;
	d->rows = rows_of_band(near);
	d->bands = HASHES / d->rows;
	d->tables = pp_calloc((size_t)d->bands, sizeof *d->tables);
	for (int i = 0; i < HASHES; i++)
		d->seeds[i] = pp_rand_mix((uint64_t)i, 0, 0) | 1;
	return d;
}

void
pp_dedup_clear(struct pp_dedup *d)
{
	free(d->slots);
	free(d->kept);
	for (int i = 0; i < d->bands; i++) {
		free(d->tables[i]);
		d->tables[i] = NULL;
	}
	d->slots = NULL;
	d->kept = NULL;
	d->slot_count = d->used = d->table_size = 0;
	d->kept_count = d->kept_cap = 0;
}

void
pp_dedup_free(struct pp_dedup *d)
{
	if (d == NULL)
		return;
	pp_dedup_clear(d);
	free(d->tables);
	free(d);
}

/* ---- equal texts ---- */

static struct key *
find_slot(const struct pp_dedup *d, struct key k)
{
	size_t mask = d->slot_count - 1, i = (size_t)k.a & mask;

	while ((d->slots[i].a | d->slots[i].b) != 0 &&
	    (d->slots[i].a != k.a || d->slots[i].b != k.b))
		i = (i + 1) & mask;
	return &d->slots[i];
}

static void
grow_slots(struct pp_dedup *d)
{
	struct key *old = d->slots;
	size_t count = d->slot_count;

	d->slot_count = count > 0 ? count * 2 : FIRST_SLOTS;
	d->slots = pp_calloc(d->slot_count, sizeof *d->slots);
	for (size_t i = 0; i < count; i++)
		if ((old[i].a | old[i].b) != 0)
			*find_slot(d, old[i]) = old[i];
	free(old);
}

static bool
seen_equal(struct pp_dedup *d, const char *text, size_t len)
{
	struct key k = { pp_hash64(text, len, 1), pp_hash64(text, len, 2) };
	struct key *slot;

	if (d->used * 3 >= d->slot_count * 2)
		grow_slots(d);
	if ((k.a | k.b) == 0)
		k.b = 1;
	slot = find_slot(d, k);
	if ((slot->a | slot->b) != 0)
		return true;
	*slot = k;
	d->used++;
	return false;
}

/* ---- near ones ---- */

static bool
is_word(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* The hash of the next word, in small letters; false after the last. */
static bool
next_word(const char **p, const char *end, uint64_t *hash)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	while (*p < end && !is_word((unsigned char)**p))
		(*p)++;
	if (*p == end)
		return false;
	for (; *p < end && is_word((unsigned char)**p); (*p)++) {
		unsigned char c = (unsigned char)**p;

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + ('a' - 'A'));
		h = (h ^ c) * UINT64_C(0x100000001b3);
	}
	*hash = h;
	return true;
}

static void
see_shingle(const struct pp_dedup *d, uint64_t least[HASHES], uint64_t h)
{
	for (int i = 0; i < HASHES; i++) {
		uint64_t x = (h ^ d->seeds[i]) * d->seeds[i];

		x ^= x >> 29;
		if (x < least[i])
			least[i] = x;
	}
}

/* A text of fewer words than a shingle is one by itself. */
static void
sign(const struct pp_dedup *d, const char *text, size_t len,
    struct signature *s)
{
	const char *p = text, *end = text + len;
	uint64_t least[HASHES], words[SHINGLE] = { 0 }, hash;
	size_t count = 0;

	memset(least, 0xff, sizeof least);
	for (; next_word(&p, end, &hash); count++) {
		words[0] = words[1];
		words[1] = words[2];
		words[2] = hash;
		if (count + 1 >= SHINGLE)
			see_shingle(d, least,
			    pp_rand_mix(words[0], words[1], words[2]));
	}
	if (count < SHINGLE)
		see_shingle(d, least,
		    pp_rand_mix(words[0], words[1], words[2]));
	for (int i = 0; i < HASHES; i++)
		s->least[i] = (uint16_t)(least[i] >> 8);
}

static bool
is_near(const struct pp_dedup *d, const struct signature *a,
    const struct signature *b)
{
	int equal = 0;

	for (int i = 0; i < HASHES; i++)
		equal += a->least[i] == b->least[i];
	return equal >= d->near * HASHES;
}

static size_t
band_slot(const struct pp_dedup *d, const struct signature *s, int band)
{
	return (size_t)pp_hash64(s->least + band * d->rows,
		   (size_t)d->rows * sizeof s->least[0], 0) &
	    (d->table_size - 1);
}

static bool
seen_in_band(const struct pp_dedup *d, const struct signature *s, int band)
{
	size_t slot = band_slot(d, s, band),
	       bytes = (size_t)d->rows * sizeof s->least[0];
	const uint16_t *mine = s->least + band * d->rows;

	for (int n = 0; n < MAX_CANDIDATES && d->tables[band][slot] != 0;
	     slot = (slot + 1) & (d->table_size - 1)) {
		const struct signature
		    *other = &d->kept[d->tables[band][slot] - 1];

		if (memcmp(other->least + band * d->rows, mine, bytes) != 0)
			continue;
		if (is_near(d, other, s))
			return true;
		n++;
	}
	return false;
}

static void
put_in_band(struct pp_dedup *d, size_t index, int band)
{
	size_t slot = band_slot(d, &d->kept[index], band);

	while (d->tables[band][slot] != 0)
		slot = (slot + 1) & (d->table_size - 1);
	d->tables[band][slot] = (uint32_t)index + 1;
}

static void
grow_tables(struct pp_dedup *d)
{
	d->table_size = d->table_size > 0 ? d->table_size * 2 : FIRST_SLOTS;
	for (int band = 0; band < d->bands; band++) {
		free(d->tables[band]);
		d->tables[band] = pp_calloc(d->table_size,
		    sizeof *d->tables[band]);
		for (size_t i = 0; i < d->kept_count; i++)
			put_in_band(d, i, band);
	}
}

static bool
seen_near(struct pp_dedup *d, const char *text, size_t len)
{
	struct signature s;

	if ((d->kept_count + 1) * 2 > d->table_size)
		grow_tables(d);
	sign(d, text, len, &s);
	for (int band = 0; band < d->bands; band++)
		if (seen_in_band(d, &s, band))
			return true;
	d->kept = pp_grow(d->kept, d->kept_count, &d->kept_cap,
	    sizeof *d->kept);
	d->kept[d->kept_count++] = s;
	for (int band = 0; band < d->bands; band++)
		put_in_band(d, d->kept_count - 1, band);
	return false;
}

bool
pp_dedup_seen(struct pp_dedup *d, const char *text, size_t len)
{
	return d->near > 0 ? seen_near(d, text, len) : seen_equal(d, text, len);
}

char *
pp_dedup_parse(const char *s, double *near, struct pp_error *err)
{
	const char *colon = strstr(s, ":near=");
	char *end;

	*near = 0;
	if (colon == NULL && *s != '\0')
		return pp_strdup(s);
	if (colon != NULL && colon > s) {
		*near = strtod(colon + 6, &end);
		if (colon[6] != '\0' && *end == '\0' && *near >= 0.5 &&
		    *near <= 1)
			return pp_strndup(s, (size_t)(colon - s));
	}
	pp_error_set(err, PP_EUSAGE,
	    "'%s' is not FIELD or FIELD:near=N with "
	    "N from 0.5 to 1",
	    s);
	return NULL;
}
