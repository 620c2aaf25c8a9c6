/*
 * Drives a fuzz target without libFuzzer: runs the files of the folders given,
 * and each of them damaged in as many ways as --damage says. What is run is
 * kept in the file that --keep names, so that it can be found after a crash.
 */
#include <config.h>

#include <dirent.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "fuzz.h"

struct options {
	int64_t damage;
	const char *keep;
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

static int
run_file(const char *path, const struct options *o)
{
	struct pp_buf text = PP_BUF_INIT, other = PP_BUF_INIT;
	struct pp_error err = PP_ERROR_INIT;
	struct pp_rand r;

	if (pp_io_read_file(path, &text, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	run_input(&text, o);
	pp_rand_seed(&r, text.len);
	for (int64_t i = 0; i < o->damage; i++) {
		damage(&r, &text, &other);
		run_input(&other, o);
	}
	pp_buf_release(&text);
	pp_buf_release(&other);
	return 0;
}

/* How many files there were, or -1. */
static int
run_folder(const char *folder, const struct options *o)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort), count = 0;

	if (n < 0) {
		perror(folder);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *path = pp_asprintf("%s/%s", folder, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.' && count >= 0)
			count = run_file(path, o) < 0 ? -1 : count + 1;
		free(path);
		free(entries[i]);
	}
	free(entries);
	return count;
}

int
main(int argc, char **argv)
{
	struct options o = { .damage = 0 };
	struct pp_error err = PP_ERROR_INIT;
	int n, total = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--damage") == 0 && i + 1 < argc) {
			if (pp_parse_int(argv[++i], "--damage", 0, 1000000000,
				&o.damage, &err) < 0) {
				fprintf(stderr, "%s\n", err.text);
				return 64;
			}
			continue;
		}
		if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc) {
			o.keep = argv[++i];
			continue;
		}
		n = run_folder(argv[i], &o);
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d files\n", total);
	return total == 0;
}
