#include <config.h>

#include "job/tally.h"

#include <string.h>

void
pp_tally_add(struct pp_tally *t, const struct pp_tally *more)
{
	for (int i = 0; i < PP_NCALL_CLASSES; i++)
		t->of[i] += more->of[i];
}

int64_t
pp_tally_sum(const struct pp_tally *t)
{
	int64_t sum = 0;

	for (int i = 0; i < PP_NCALL_CLASSES; i++)
		sum += t->of[i];
	return sum;
}

void
pp_tally_put_json(const struct pp_tally *t, struct pp_buf *out)
{
	pp_buf_addc(out, '{');
	for (int i = 0; i < PP_NCALL_CLASSES; i++) {
		if (t->of[i] != 0)
			pp_json_member_int(out, pp_call_class_info(i)->name,
			    t->of[i]);
	}
	pp_buf_addc(out, '}');
}

bool
pp_tally_from_json(const struct pp_json *v, struct pp_tally *t)
{
	memset(t, 0, sizeof *t);
	if (v == NULL)
		return true;
	if (v->type != PP_JSON_OBJECT)
		return false;
	for (int i = 0; i < PP_NCALL_CLASSES; i++) {
		const struct pp_json *n = pp_json_get(v,
		    pp_call_class_info(i)->name);

		if (n != NULL && (!pp_json_int64(n, &t->of[i]) || t->of[i] < 0))
			return false;
	}
	return true;
}

void
pp_tally_show(const struct pp_tally *t, struct pp_buf *out)
{
	size_t begin = out->len;

	for (int i = 0; i < PP_NCALL_CLASSES; i++) {
		if (t->of[i] != 0)
			pp_buf_addf(out, "%s%lld %s",
			    out->len > begin ? ", " : "", (long long)t->of[i],
			    pp_call_class_info(i)->name);
	}
	if (out->len == begin)
		pp_buf_adds(out, "none");
}
