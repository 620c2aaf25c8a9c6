/*
 * usage: awshome make | drop PREFIX BUCKET	tables and bucket of a home
 *	  awshome version PREFIX BUCKET		keep versions of objects
 *	  awshome cat | ls BUCKET KEY		an object; keys that begin so
 *	  awshome put BUCKET KEY		standard input, as an object
 *	  awshome move BUCKET KEY		the file KEY; prints the memory
 *						that it took, in KiB
 *	  awshome query BUCKET QUERY		what the bucket says to it
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "aws_home.h"
#include "base/buf.h"
#include "base/mem.h"
#include "store/blob.h"

enum { MOST_KEYS = 1000 };

static int
print_object(struct pp_blob *b, const char *key, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT;
	int rc = pp_blob_get(b, key, &text, NULL, err);

	if (rc == 0)
		fwrite(text.data, 1, text.len, stdout);
	pp_buf_release(&text);
	return rc;
}

static int
put_input(struct pp_blob *b, const char *key, struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT;
	char piece[4096];
	size_t n;
	int rc;

	while ((n = fread(piece, 1, sizeof piece, stdin)) > 0)
		pp_buf_add(&text, piece, n);
	rc = pp_blob_put(b, key, text.data, text.len, PP_BLOB_ALWAYS, NULL,
	    NULL, err);
	pp_buf_release(&text);
	return rc;
}

static int
move_file(struct pp_blob *b, const char *key, struct pp_error *err)
{
	int rc = pp_blob_put_file(b, key, key, err);
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	printf("%ld\n", used.ru_maxrss);
	return rc;
}

static int
print_keys(struct pp_blob *b, const char *prefix, struct pp_error *err)
{
	static struct pp_blob_info infos[MOST_KEYS];
	int n = pp_blob_list(b, prefix, NULL, infos, MOST_KEYS, err);

	for (int i = 0; i < n; i++) {
		puts(infos[i].key);
		pp_blob_info_release(&infos[i]);
	}
	return n < 0 ? -1 : 0;
}

static int
look(const char *verb, const char *bucket, const char *key,
    struct pp_error *err)
{
	char *url = pp_asprintf("s3://%s", bucket), *prefix = NULL;
	struct pp_blob *b = pp_blob_open_url(url, &prefix, err);
	int rc = -1;

	if (b != NULL)
		rc = strcmp(verb, "cat") == 0 ? print_object(b, key, err) :
		    strcmp(verb, "put") == 0  ? put_input(b, key, err) :
		    strcmp(verb, "move") == 0 ? move_file(b, key, err) :
						print_keys(b, key, err);
	pp_blob_close(b);
	free(prefix);
	free(url);
	return rc;
}

static int
print_query(const char *bucket, const char *query, struct pp_error *err)
{
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, err);
	int rc = a != NULL ? aws_home_query(a, bucket, query, stdout, err) : -1;

	pp_aws_free(a);
	return rc;
}

static int
make_or_drop(const char *verb, const char *prefix, const char *bucket,
    struct pp_error *err)
{
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, err);
	int rc = -1;

	if (a != NULL)
		rc = strcmp(verb, "make") == 0 ?
		    aws_home_make(a, prefix, bucket, err) :
		    strcmp(verb, "version") == 0 ?
		    aws_home_version(a, bucket, err) :
		    aws_home_drop(a, prefix, bucket, true, err);
	pp_aws_free(a);
	return rc;
}

int
main(int argc, char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	int rc;

	if (argc != 4) {
		fprintf(stderr,
		    "usage: awshome make | version | drop PREFIX BUCKET\n"
		    "       awshome cat | ls | put | move BUCKET KEY\n"
		    "       awshome query BUCKET QUERY\n");
		return 64;
	}
	if (strcmp(argv[1], "cat") == 0 || strcmp(argv[1], "ls") == 0 ||
	    strcmp(argv[1], "put") == 0 || strcmp(argv[1], "move") == 0)
		rc = look(argv[1], argv[2], argv[3], &err);
	else if (strcmp(argv[1], "query") == 0)
		rc = print_query(argv[2], argv[3], &err);
	else
		rc = make_or_drop(argv[1], argv[2], argv[3], &err);
	if (rc < 0)
		fprintf(stderr, "awshome: %s\n", err.text);
	return rc < 0 ? 1 : 0;
}
