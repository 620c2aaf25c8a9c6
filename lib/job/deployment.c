#include <config.h>

#include "job/deployment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)

static const struct {
	const char *variable, *output;
} names[] = {
	{ "PP_ECS_CLUSTER", "ClusterName" },
	{ "PP_ECS_TASK_DEFINITION", "TaskDefinition" },
	{ "PP_ECS_SUBNETS", "PublicSubnetIds" },
	{ "PP_ECS_SECURITY_GROUPS", "TaskSecurityGroupId" },
	{ "PP_LOG_GROUP", "LogGroupName" },
};

#define NNAMES (sizeof names / sizeof names[0])

struct pp_deployment {
	char *outputs[NNAMES]; /* what the file says; NULL: nothing */
};

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Tasks of one deployment would not find the jobs of another. */
static bool
is_of_home(const struct pp_json *root)
{
	const struct pp_json *bucket = pp_json_get(root, "BucketName");
	const char *store = variable("PP_STORE");

	return bucket != NULL && store != NULL &&
	    pp_starts_with(store, "aws:") && pp_json_is(bucket, store + 4);
}

static int
read_outputs(struct pp_deployment *d, const char *path, bool must,
    struct pp_error *err)
{
	struct pp_buf text = PP_BUF_INIT_MAX(MAX_FILE_BYTES);
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root = NULL, *v;
	int rc = 0;

	if (pp_io_read_file(path, &text, err) == 0)
		root = pp_json_parse(&doc, text.data, text.len, 0, err);
	if (root == NULL)
		rc = pp_error_wrap(err, "%s", path);
	else if (is_of_home(root))
		for (size_t i = 0; i < NNAMES; i++) {
			v = pp_json_get(root, names[i].output);
			if (v != NULL && v->type == PP_JSON_STRING)
				d->outputs[i] = pp_json_strdup(v);
		}
	else if (must)
		rc = pp_error_set(err, PP_ECONFIG,
		    "%s is of another home than PP_STORE", path);
	if (rc < 0 && err != NULL)
		err->code = PP_ECONFIG;
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return rc;
}

struct pp_deployment *
pp_deployment_open(struct pp_error *err)
{
	struct pp_deployment *d = pp_calloc(1, sizeof *d);
	const char *named = variable("PP_OUTPUTS");
	const char *path = named != NULL ? named : "outputs.json";

	if (named == NULL && access(path, F_OK) < 0)
		return d;
	if (read_outputs(d, path, named != NULL, err) == 0)
		return d;
	pp_deployment_free(d);
	return NULL;
}

void
pp_deployment_free(struct pp_deployment *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < NNAMES; i++)
		free(d->outputs[i]);
	free(d);
}

const char *
pp_deployment_get(const struct pp_deployment *d, const char *name)
{
	const char *value = variable(name);

	for (size_t i = 0; value == NULL && i < NNAMES; i++)
		if (strcmp(names[i].variable, name) == 0)
			value = d->outputs[i];
	return value;
}

int
pp_deployment_need(const struct pp_deployment *d, const char *name,
    const char *what, const char **out, struct pp_error *err)
{
	*out = pp_deployment_get(d, name);
	if (*out != NULL)
		return 0;
	return pp_error_set(err, PP_ECONFIG,
	    "%s is not set, and there is no outputs.json of this home: %s",
	    name, what);
}
