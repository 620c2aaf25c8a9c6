#include <config.h>

#include "export/sink.h"

#include <stdlib.h>

#include "base/mem.h"
#include "export/compact.h"

/* JSON lines: one object a line, in the plainest form. */
struct pp_sink {
	struct pp_outfile *out;
};

static struct pp_sink *
jsonl_open(const struct pp_export_options *o, const struct pp_type *type,
    struct pp_outfile *out, struct pp_error *err)
{
	struct pp_sink *k = pp_calloc(1, sizeof *k);

	(void)o;
	(void)type;
	(void)err;
	k->out = out;
	return k;
}

static int
jsonl_add(struct pp_sink *k, const struct pp_json *record, struct pp_error *err)
{
	(void)err;
	pp_compact_put(&k->out->buf, record);
	pp_buf_addc(&k->out->buf, '\n');
	return 0;
}

static int
jsonl_finish(struct pp_sink *k, struct pp_error *err)
{
	(void)k;
	(void)err;
	return 0;
}

static void
jsonl_free(struct pp_sink *k)
{
	free(k);
}

const struct pp_sink_format pp_sink_jsonl = {
	.name = "jsonl",
	.is_text = true,
	.open = jsonl_open,
	.add = jsonl_add,
	.finish = jsonl_finish,
	.free = jsonl_free,
};
