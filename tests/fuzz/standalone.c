/*
 * Drives a fuzz target without libFuzzer: runs the files of the folders given,
 * each of them damaged in as many ways as --damage says, and then, until
 * --seconds are over, files chosen, mixed and damaged by chance. It is blind
 * for what a run covers. The same --seed does the same again; it is printed.
 * What is run is kept in the file that --keep names, so that it can be found
 * after a crash.
 */
#include <config.h>

#include <dirent.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "fuzz.h"

struct options {
	int64_t damage, seconds, seed;
	const char *keep;
};

struct corpus {
	struct pp_buf *file;
	size_t count, cap;
};

static void
run_input(const struct pp_buf *text, const struct options *o)
{
	struct pp_error err = PP_ERROR_INIT;
	/* An exact copy: a byte too far is seen by the sanitizer. */
	uint8_t *exact = pp_memdup(text->data, text->len);

	if (o->keep != NULL &&
	    pp_io_write_file(o->keep, text->data, text->len, 0644, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	LLVMFuzzerTestOneInput(exact, text->len);
	free(exact);
}

/* A few bytes changed, dropped, doubled, or cut off. */
static void
damage(struct pp_rand *r, const struct pp_buf *from, struct pp_buf *to)
{
	size_t len = from->len, at, n;

	pp_buf_set(to, from->data, len);
	for (uint64_t times = pp_rand_below(r, 4); times > 0 && len > 0;
	     times--) {
		at = (size_t)pp_rand_below(r, len);
		n = (size_t)pp_rand_below(r, len - at) % 16 + 1;
		switch (pp_rand_below(r, 4)) {
		case 0: to->data[at] = (char)pp_rand_next(r); break;
		case 1:
			memmove(to->data + at, to->data + at + n, len - at - n);
			pp_buf_truncate(to, len - n);
			break;
		case 2:
			pp_buf_reserve(to, n);
			pp_buf_add(to, to->data + at, n);
			break;
		default: pp_buf_truncate(to, at);
		}
		len = to->len;
	}
}

/* A part of one file put into another. */
static void
mix(struct pp_rand *r, const struct pp_buf *into, const struct pp_buf *from,
    struct pp_buf *to)
{
	size_t at = (size_t)pp_rand_below(r, into->len + 1);
	size_t start = (size_t)pp_rand_below(r, from->len + 1);
	size_t n = (size_t)pp_rand_below(r, from->len - start + 1);

	pp_buf_set(to, into->data, at);
	pp_buf_add(to, from->data + start, n);
	pp_buf_add(to, into->data + at, into->len - at);
}

static void
run_file(const struct pp_buf *text, const struct options *o)
{
	struct pp_buf other = PP_BUF_INIT;
	struct pp_rand r;

	run_input(text, o);
	pp_rand_seed(&r, text->len);
	for (int64_t i = 0; i < o->damage; i++) {
		damage(&r, text, &other);
		run_input(&other, o);
	}
	pp_buf_release(&other);
}

/* How many inputs there was time for. */
static int64_t
run_for_a_time(const struct corpus *c, const struct options *o)
{
	struct pp_buf mixed = PP_BUF_INIT, other = PP_BUF_INIT;
	int64_t end_us = pp_clock_boot_us() + o->seconds * 1000000, n = 0;
	struct pp_rand r;

	pp_rand_seed(&r, (uint64_t)o->seed);
	for (; pp_clock_boot_us() < end_us; n++) {
		mix(&r, &c->file[pp_rand_below(&r, c->count)],
		    &c->file[pp_rand_below(&r, c->count)], &mixed);
		damage(&r, &mixed, &other);
		run_input(&other, o);
	}
	pp_buf_release(&mixed);
	pp_buf_release(&other);
	return n;
}

/* ---- files ---- */

static int
read_file(const char *path, struct corpus *c)
{
	struct pp_error err = PP_ERROR_INIT;

	c->file = pp_grow(c->file, c->count, &c->cap, sizeof c->file[0]);
	pp_buf_init(&c->file[c->count], 0);
	if (pp_io_read_file(path, &c->file[c->count++], &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return -1;
}

static int
read_folder(const char *folder, struct corpus *c)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort), rc = 0;

	if (n < 0) {
		perror(folder);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *path = pp_asprintf("%s/%s", folder, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.' && rc == 0)
			rc = read_file(path, c);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

/* ---- options ---- */

/* The number of the option at argv[i]; 0: it is another one, -1. */
static int
number_option(int argc, char **argv, int i, const char *name, int64_t *out)
{
	struct pp_error err = PP_ERROR_INIT;

	if (strcmp(argv[i], name) != 0 || i + 1 >= argc)
		return 0;
	if (pp_parse_int(argv[i + 1], name, 0, INT64_MAX, out, &err) == 0)
		return 1;
	fprintf(stderr, "%s\n", err.text);
	return -1;
}

/* 0; or the status to leave with. */
static int
read_options(int argc, char **argv, struct options *o, struct corpus *c)
{
	int found;

	for (int i = 1; i < argc; i++) {
		found = number_option(argc, argv, i, "--damage", &o->damage);
		if (found == 0)
			found = number_option(argc, argv, i, "--seconds",
			    &o->seconds);
		if (found == 0)
			found = number_option(argc, argv, i, "--seed",
			    &o->seed);
		if (found < 0)
			return 64;
		if (found == 0 && strcmp(argv[i], "--keep") == 0 &&
		    i + 1 < argc) {
			o->keep = argv[i + 1];
			found = 1;
		}
		if (found == 0 && read_folder(argv[i], c) < 0)
			return 1;
		i += found;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct options o = { .seed = pp_clock_wall_ms() };
	struct corpus c = { NULL, 0, 0 };
	int status = read_options(argc, argv, &o, &c);

	for (size_t i = 0; status == 0 && i < c.count; i++)
		run_file(&c.file[i], &o);
	if (status == 0 && c.count > 0) {
		printf("%zu files", c.count);
		if (o.seconds > 0) {
			printf(", seed %" PRId64, o.seed);
			fflush(stdout);
			printf(", %" PRId64 " more", run_for_a_time(&c, &o));
		}
		printf("\n");
	}
	for (size_t i = 0; i < c.count; i++)
		pp_buf_release(&c.file[i]);
	free(c.file);
	return status != 0 ? status : c.count == 0;
}
