/* usage: awshome make | drop PREFIX BUCKET: tables and bucket of a home. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "aws_home.h"

int
main(int argc, char **argv)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_aws *a;
	int rc = -1;

	if (argc != 4) {
		fprintf(stderr, "usage: awshome make | drop PREFIX BUCKET\n");
		return 64;
	}
	a = pp_aws_new(NULL, NULL, NULL, &err);
	if (a != NULL)
		rc = strcmp(argv[1], "make") == 0 ?
		    aws_home_make(a, argv[2], argv[3], &err) :
		    aws_home_drop(a, argv[2], argv[3], true, &err);
	if (rc < 0)
		fprintf(stderr, "awshome: %s\n", err.text);
	pp_aws_free(a);
	return rc < 0 ? 1 : 0;
}
