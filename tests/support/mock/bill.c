/*
 * What was asked before, by prompt and by the client's id, and what each model
 * has cost.
 */
#include "mock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MODELS 64

/* Open addressing; a key is never 0. */
struct table {
	struct entry {
		uint64_t key;
		uint32_t attempts, ok;
	} *slots;
	size_t count, cap;
};

static struct table prompts, ids;
static struct model models[MAX_MODELS];
static size_t model_count;

static struct entry *
find_slot(struct table *t, uint64_t key)
{
	size_t i = mix(key) & (t->cap - 1);

	while (t->slots[i].key != 0 && t->slots[i].key != key)
		i = (i + 1) & (t->cap - 1);
	return &t->slots[i];
}

static void
grow(struct table *t)
{
	struct table old = *t;

	t->cap = old.cap > 0 ? old.cap * 2 : 4096;
	t->slots = calloc(t->cap, sizeof *t->slots);
	if (t->slots == NULL)
		abort();
	for (size_t i = 0; i < old.cap; i++) {
		if (old.slots[i].key != 0)
			*find_slot(t, old.slots[i].key) = old.slots[i];
	}
	free(old.slots);
}

static struct entry *
look_up(struct table *t, uint64_t key)
{
	struct entry *e;

	if ((t->count + 1) * 2 > t->cap)
		grow(t);
	key = key != 0 ? key : 1;
	e = find_slot(t, key);
	if (e->key == 0) {
		e->key = key;
		t->count++;
	}
	return e;
}

static void
forget(struct table *t)
{
	free(t->slots);
	*t = (struct table){ .slots = NULL };
}

uint32_t
track_attempt(uint64_t prompt, const char *id)
{
	struct entry *e;

	if (opt.no_track)
		return 0;
	if (id[0] != '\0') {
		e = look_up(&ids, hash_bytes(1, id, strlen(id)));
		if (e->attempts++ > 0)
			stats.repeated_ids++;
	}
	e = look_up(&prompts, prompt);
	if (e->ok > 0)
		stats.repeats_after_ok++;
	else if (e->attempts > 0)
		stats.retries++;
	stats.unique_prompts = prompts.count;
	return e->attempts++;
}

void
track_success(uint64_t prompt)
{
	if (!opt.no_track)
		look_up(&prompts, prompt)->ok++;
}

/* ---- prices ---- */

/* Decimal US dollars as nano-dollars; -1: it is none. */
static int64_t
parse_usd(const char *s)
{
	int64_t v = 0, unit_nusd = 1000000000;

	if (*s == '\0')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (*s - '0') * unit_nusd;
	if (*s == '.') {
		for (s++; *s >= '0' && *s <= '9'; s++) {
			unit_nusd /= 10;
			v += (*s - '0') * unit_nusd;
		}
	}
	return *s == '\0' ? v : -1;
}

struct model *
bill_model(const char *name)
{
	for (size_t i = 0; i < model_count; i++) {
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	}
	if (model_count == MAX_MODELS)
		return &models[MAX_MODELS - 1];
	snprintf(models[model_count].name, sizeof models[0].name, "%s", name);
	return &models[model_count++];
}

int
bill_read_prices(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512], name[128], in[32], out[32], cached[32];
	int n, number = 0, rc = 0;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	while (rc == 0 && fgets(line, sizeof line, f) != NULL) {
		struct model *m;

		number++;
		n = sscanf(line, "%127s %31s %31s %31s", name, in, out,
		    cached);
		if (n <= 0 || name[0] == '#')
			continue;
		m = bill_model(name);
		m->price_in = n > 1 ? parse_usd(in) : -1;
		m->price_out = n > 2 ? parse_usd(out) : -1;
		m->price_cached = n > 3 ? parse_usd(cached) : m->price_in;
		if (m->price_in < 0 || m->price_out < 0 ||
		    m->price_cached < 0) {
			fprintf(stderr, "%s:%d: not a price\n", path, number);
			rc = -1;
		}
	}
	fclose(f);
	return rc;
}

int64_t
bill_charge(struct model *m, const struct usage *u, bool ambiguous)
{
	__int128 sum = (__int128)(u->prompt - u->cached) * m->price_in +
	    (__int128)u->cached * m->price_cached +
	    (__int128)u->completion * m->price_out;
	int64_t nusd = (int64_t)((sum + 999999) / 1000000);
	struct usage *to = ambiguous ? &m->ambiguous_used : &m->used;

	to->prompt += u->prompt;
	to->cached += u->cached;
	to->completion += u->completion;
	if (ambiguous) {
		m->ambiguous++;
		m->ambiguous_bill += nusd;
	} else {
		m->ok++;
		m->bill += nusd;
	}
	return nusd;
}

void
bill_reset(void)
{
	forget(&prompts);
	forget(&ids);
	for (size_t i = 0; i < model_count; i++) {
		struct model *m = &models[i];

		m->requests = m->ok = m->ambiguous = 0;
		m->used = m->ambiguous_used = (struct usage){ 0 };
		m->bill = m->ambiguous_bill = 0;
	}
}

static void
print_model(struct text *out, const struct model *m)
{
	text_addf(out, "    \"");
	text_add_json(out, m->name, strlen(m->name));
	text_addf(out, "\": {\"requests\": %" PRIu64 ", \"ok\": %" PRIu64
	    ", \"prompt_tokens\": %" PRIu64 ", \"cached_tokens\": %" PRIu64
	    ", \"completion_tokens\": %" PRIu64 ", \"bill_nusd\": %" PRId64
	    ", \"ambiguous\": %" PRIu64 ", \"ambiguous_prompt_tokens\": %"
	    PRIu64 ", \"ambiguous_completion_tokens\": %" PRIu64
	    ", \"ambiguous_nusd\": %" PRId64 "}",
	    m->requests, m->ok, m->used.prompt, m->used.cached,
	    m->used.completion, m->bill, m->ambiguous,
	    m->ambiguous_used.prompt, m->ambiguous_used.completion,
	    m->ambiguous_bill);
}

void
bill_print(struct text *out)
{
	int64_t bill = 0, ambiguous_bill = 0;
	uint64_t ambiguous = 0;

	text_adds(out, "  \"models\": {\n");
	for (size_t i = 0; i < model_count; i++) {
		bill += models[i].bill;
		ambiguous += models[i].ambiguous;
		ambiguous_bill += models[i].ambiguous_bill;
		print_model(out, &models[i]);
		text_adds(out, i + 1 < model_count ? ",\n" : "\n");
	}
	text_addf(out, "  },\n  \"ambiguous\": %" PRIu64
	    ",\n  \"bill_nusd\": %" PRId64 ",\n  \"ambiguous_nusd\": %" PRId64
	    ",\n", ambiguous, bill, ambiguous_bill);
}
