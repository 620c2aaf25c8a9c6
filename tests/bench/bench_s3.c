/*
 * Objects moved a second: a folder of small files to a bucket and back, and one
 * large file in parts.
 *
 *	bench_s3 up BUCKET PREFIX FOLDER
 *	bench_s3 down BUCKET PREFIX FOLDER
 *	bench_s3 put BUCKET KEY FILE
 */
#include <config.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"
#include "base/io.h"
#include "base/mem.h"

/* The names in a folder, or the keys under a prefix. */
struct names {
	char **list;
	size_t count, cap;
};

static void
add(struct names *n, char *name)
{
	n->list = pp_grow(n->list, n->count, &n->cap, sizeof *n->list);
	n->list[n->count++] = name;
}

static int
up(struct pp_s3 *s, const char *prefix, const char *folder,
    struct pp_error *err)
{
	struct pp_s3_file *files = NULL;
	size_t count = 0, cap = 0;
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		files = pp_grow(files, count, &cap, sizeof *files);
		files[count++] = (struct pp_s3_file){ pp_asprintf("%s%s",
							  prefix, e->d_name),
			pp_asprintf("%s/%s", folder, e->d_name), NULL };
	}
	printf("%zu up\n", count);
	return pp_s3_put_files(s, files, count, NULL, NULL, err);
}

static int
on_listed(void *arg, const struct pp_s3_listed *o, struct pp_error *err)
{
	(void)err;
	add(arg, pp_strdup(o->key));
	return 0;
}

/* Objects that come down, each written and let go as it is there. */
struct coming {
	const char *folder;
	char *const *keys;
	struct pp_buf *texts;
};

static int
save(void *arg, size_t index, struct pp_error *err)
{
	const struct coming *c = arg;
	struct pp_buf *text = &c->texts[index];
	const char *key = c->keys[index], *slash = strrchr(key, '/');
	char *path = pp_asprintf("%s/%s", c->folder,
	    slash != NULL ? slash + 1 : key);
	FILE *f = fopen(path, "w");
	bool good = f != NULL &&
	    fwrite(text->data, 1, text->len, f) == text->len;

	if (f != NULL && fclose(f) != 0)
		good = false;
	free(path);
	pp_buf_release(text);
	return good ?
	    0 :
	    pp_error_set(err, PP_EIO, "cannot write to '%s'", c->folder);
}

static int
down(struct pp_s3 *s, const char *prefix, const char *folder,
    struct pp_error *err)
{
	struct names n = { NULL };
	struct coming c = { .folder = folder };

	if (pp_s3_list(s, prefix, NULL, 1000, on_listed, &n, err) < 0)
		return -1;
	c.keys = n.list;
	c.texts = pp_calloc(n.count + 1, sizeof *c.texts);
	for (size_t i = 0; i < n.count; i++)
		pp_buf_init(&c.texts[i], 0);
	printf("%zu down\n", n.count);
	return pp_s3_get_all(s, (const char *const *)n.list, n.count, c.texts,
	    save, &c, err);
}

int
main(int argc, char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, &err);
	struct pp_s3 *s = a != NULL && argc == 5 ? pp_s3_new(a, argv[2], &err) :
						   NULL;
	int rc = -1;

	if (s == NULL)
		;
	else if (strcmp(argv[1], "up") == 0)
		rc = up(s, argv[3], argv[4], &err);
	else if (strcmp(argv[1], "down") == 0)
		rc = down(s, argv[3], argv[4], &err);
	else if (strcmp(argv[1], "put") == 0)
		rc = pp_s3_put_file(s, argv[3], argv[4], NULL, &err);
	if (rc < 0)
		fprintf(stderr, "bench_s3: %s\n", err.text);
	pp_s3_free(s);
	pp_aws_free(a);
	return rc < 0;
}
