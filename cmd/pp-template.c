/*
 * pp-template: keeps versioned prompt recipes, checks and renders them.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "template/batch.h"
#include "template/template.h"

enum { KEY_BATCH = PP_OPT_LONG, KEY_DIR };

/* ---- render --batch ---- */

#define MAX_REQUEST_BYTES ((size_t)64 << 20)

static int
render_batch(struct pp_error *err)
{
	struct pp_bounds none;
	struct pp_batch *b;
	struct pp_buf out = PP_BUF_INIT;
	struct pp_lines lines;
	char *line;
	size_t len;
	int more;

	memset(&none, 0, sizeof none);
	b = pp_batch_new(&none);
	pp_lines_init(&lines, STDIN_FILENO, "(stdin)", MAX_REQUEST_BYTES);
	while ((more = pp_lines_next(&lines, &line, &len, err)) > 0) {
		if (len == 0)
			continue;
		pp_buf_clear(&out);
		if (pp_batch_render(b, line, len, &out, err) < 0) {
			pp_error_wrap(err, "(stdin):%" PRIu64, lines.number);
			more = -1;
			break;
		}
		fwrite(out.data, 1, out.len, stdout);
	}
	pp_lines_release(&lines);
	pp_buf_release(&out);
	pp_batch_free(b);
	return more < 0 ? -1 : 0;
}

struct render {
	bool batch;
};

static int
render_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct render *r = state;

	(void)arg;
	(void)err;
	if (key == KEY_BATCH)
		r->batch = true;
	return 0;
}

static int
render_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	(void)cli;
	(void)state;
	(void)argc;
	(void)argv;
	return render_batch(err);
}

static const struct pp_opt render_options[] = {
	{ KEY_BATCH, "batch", NULL, "answer JSON requests from stdin",
	    PP_COMPLETE_NONE, NULL },
	{ 0, NULL, NULL, NULL, PP_COMPLETE_NONE, NULL }
};

/* ---- bench ---- */

struct bench {
	const char *dir;
};

static int
bench_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct bench *b = state;

	(void)err;
	if (key == KEY_DIR)
		b->dir = arg;
	return 0;
}

static int
read_part(const char *dir, const char *name, const char *ending,
    struct pp_buf *out, struct pp_error *err)
{
	char *path = pp_asprintf("%s/%s%s", dir, name, ending);
	int rc = pp_io_read_file(path, out, err);

	free(path);
	return rc;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double
time_renders(struct pp_rt *rt, const struct pp_template *t,
    struct pp_dict *vars, int64_t times)
{
	int64_t start = now_ns();

	for (int64_t i = 0; i < times; i++) {
		pp_buf_release(&rt->out);
		pp_rt_render(rt, t, vars);
	}
	return (double)(now_ns() - start) / (double)times;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

#define REPEATS 7
#define REPEAT_NS 3e8

static int
bench_one(const char *dir, const char *name, struct pp_error *err)
{
	struct pp_options options = { .trim_blocks = true,
		.lstrip_blocks = true, .keep_trailing_newline = true };
	struct pp_buf text = PP_BUF_INIT, json = PP_BUF_INIT;
	struct pp_buf want = PP_BUF_INIT;
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	struct pp_arena arena = PP_ARENA_INIT;
	const struct pp_json *root = NULL;
	struct pp_template *t = NULL;
	struct pp_fault fault;
	struct pp_bounds none;
	struct pp_rt rt;
	double ns[REPEATS];
	int rc = -1;

	memset(&none, 0, sizeof none);
	memset(&fault, 0, sizeof fault);
	pp_rt_init(&rt, &none);
	if (read_part(dir, name, ".j2", &text, err) < 0 ||
	    read_part(dir, name, ".json", &json, err) < 0 ||
	    read_part(dir, name, ".out", &want, err) < 0)
		goto out;
	root = pp_json_parse(&doc, json.data, json.len, 0, err);
	if (root == NULL || root->type != PP_JSON_OBJECT)
		goto out;
	t = pp_template_compile(text.data, text.len, name, &options, &fault,
	    NULL);
	if (t != NULL) {
		struct pp_dict *vars = pp_from_json(&arena, root).dict;

		if (pp_rt_render(&rt, t, vars) == 0) {
			bool same = rt.out.len == want.len &&
			    memcmp(rt.out.data, want.data, want.len) == 0;
			double once = time_renders(&rt, t, vars, 50);
			int64_t times = (int64_t)(REPEAT_NS / once) + 1;

			for (int i = 0; i < REPEATS; i++)
				ns[i] = time_renders(&rt, t, vars, times);
			qsort(ns, REPEATS, sizeof ns[0], by_size);
			printf("%s\t%.0f\t%.0f\t%zu\t%s\n", name,
			    ns[REPEATS / 2], ns[0], rt.out.len, same ?
			    "same" : "differs");
			fflush(stdout);
			rc = 0;
		}
		fault = rt.fault;
	}
	if (rc < 0)
		pp_error_set(err, PP_EDATA, "%s.j2: %s", name, fault.text);
out:
	pp_template_free(t);
	pp_rt_release(&rt);
	pp_arena_release(&arena);
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	pp_buf_release(&json);
	pp_buf_release(&want);
	return rc;
}

static int
bench_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const char *const all[] = { "short", "long_loop", "filters",
		"chat", "macros", "branches", "filters_wide" };
	const struct bench *b = state;
	const char *dir = b->dir != NULL ? b->dir : ".";

	(void)cli;
	for (int i = 0; i < argc; i++) {
		if (bench_one(dir, argv[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; argc == 0 && i < sizeof all / sizeof all[0]; i++) {
		if (bench_one(dir, all[i], err) < 0)
			return -1;
	}
	return 0;
}

static const struct pp_opt bench_options[] = {
	{ KEY_DIR, "dir", "DIR", "where NAME.j2, .json and .out are",
	    PP_COMPLETE_FOLDER, NULL },
	{ 0, NULL, NULL, NULL, PP_COMPLETE_NONE, NULL }
};

static const struct pp_command commands[] = {
	{ .name = "render", .synopsis = "--batch",
	    .summary = "render templates", .options = render_options,
	    .state_bytes = sizeof(struct render), .set = render_set,
	    .run = render_run },
	{ .name = "bench", .synopsis = "--dir DIR [NAME...]",
	    .summary = "measure how fast templates render",
	    .options = bench_options, .state_bytes = sizeof(struct bench),
	    .set = bench_set, .run = bench_run },
	{ .run = NULL }
};

int
main(int argc, char **argv)
{
	static const struct pp_program program = {
		.name = "pp-template",
		.summary = "keep, check and render prompt templates",
		.commands = commands,
	};

	return pp_cli_main(&program, argc, argv);
}
