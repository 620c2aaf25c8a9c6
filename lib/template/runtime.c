#include <config.h>

#include "template/runtime.h"

#include <stdarg.h>
#include <stdio.h>

#include "template/ast.h"
#include "template/object.h"
#include "template/template.h"

static struct pp_value fail_v(struct pp_rt *rt, enum pp_fault_kind kind,
    const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static struct pp_value
fail_v(struct pp_rt *rt, enum pp_fault_kind kind, const char *fmt, va_list ap)
{
	struct pp_fault *f = &rt->fault;

	if (f->kind != PP_K_NONE)
		return pp_error_value();
	f->kind = kind;
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	f->source = rt->tmpl != NULL ? &rt->tmpl->source : NULL;
	f->pos = rt->at != NULL ? rt->at->pos : 0;
	return pp_error_value();
}

struct pp_value
pp_fail(struct pp_rt *rt, enum pp_fault_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_v(rt, kind, fmt, ap);
	va_end(ap);
	return pp_error_value();
}

struct pp_value
pp_type_error(struct pp_rt *rt, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_v(rt, PP_K_TYPE, fmt, ap);
	va_end(ap);
	return pp_error_value();
}

struct pp_value
pp_runtime_error(struct pp_rt *rt, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_v(rt, PP_K_RUNTIME, fmt, ap);
	va_end(ap);
	return pp_error_value();
}

/* ---- undefined values ---- */

static struct pp_value
new_undefined(struct pp_rt *rt, struct pp_value name, const char *of,
    const char *hint)
{
	struct pp_undef *u = pp_rt_alloc(rt, sizeof *u);

	if (u == NULL)
		return pp_error_value();
	*u = (struct pp_undef){ .name = name, .of = of, .hint = hint };
	return pp_ref(PP_T_UNDEFINED, u);
}

struct pp_value
pp_undefined_name(struct pp_rt *rt, struct pp_value name)
{
	return new_undefined(rt, name, NULL, NULL);
}

struct pp_value
pp_undefined_attr(struct pp_rt *rt, struct pp_value obj, struct pp_value name)
{
	return new_undefined(rt, name,
	    obj.type == PP_T_NONE ? "None" : pp_type_name(obj), NULL);
}

struct pp_value
pp_undefined_hint(struct pp_rt *rt, const char *hint)
{
	return new_undefined(rt, pp_missing(), NULL, hint);
}

struct pp_value
pp_unsafe_attr(struct pp_rt *rt, struct pp_value obj, struct pp_value name)
{
	struct pp_value v = pp_undefined_attr(rt, obj, name);

	if (!pp_is_error(v))
		v.undef->unsafe = true;
	return v;
}

struct pp_value
pp_undefined_error(struct pp_rt *rt, struct pp_value v)
{
	const struct pp_undef *u = v.undef;
	struct pp_value shown;
	const char *object;

	if (u->hint != NULL)
		return pp_fail(rt, PP_K_UNDEFINED, "%s", u->hint);
	if (u->unsafe)
		return pp_runtime_error(rt,
		    "access to attribute '%.*s' of '%s' object is unsafe",
		    (int)u->name.len, u->name.s, u->of);
	if (u->of == NULL) {
		pp_fail(rt, PP_K_UNDEFINED, "'%.*s' is undefined",
		    (int)u->name.len, u->name.s);
		if (rt->fault.missing == NULL) {
			rt->fault.missing = u->name.s;
			rt->fault.missing_len = u->name.len;
		}
		return pp_error_value();
	}
	object = strcmp(u->of, "None") == 0 ? "" : " object";
	if (pp_is_str(u->name))
		return pp_fail(rt, PP_K_UNDEFINED,
		    "'%s%s' has no attribute '%.*s'", u->of, object,
		    (int)u->name.len, u->name.s);
	shown = pp_repr(rt, u->name);
	if (pp_is_error(shown))
		return shown;
	return pp_fail(rt, PP_K_UNDEFINED, "%s%s has no element %.*s", u->of,
	    object, (int)shown.len, shown.s);
}

/* ---- memory and bounds ---- */

void *
pp_rt_alloc(struct pp_rt *rt, size_t size)
{
	void *p = pp_arena_try(&rt->arena, size);

	if (p == NULL)
		pp_fail(rt, PP_K_LIMIT,
		    "the template needs more than %lld bytes of memory",
		    (long long)rt->bounds.memory_bytes);
	return p;
}

int
pp_rt_charge_slow(struct pp_rt *rt)
{
	pp_fail(rt, PP_K_LIMIT, "the template takes more than %lld steps",
	    (long long)rt->bounds.steps);
	return -1;
}

int
pp_rt_check_output(struct pp_rt *rt)
{
	if ((int64_t)rt->out.len <= rt->bounds.output_bytes)
		return 0;
	return pp_fail_int(rt, PP_K_LIMIT,
	    "the output is longer than %lld bytes",
	    (long long)rt->bounds.output_bytes);
}

struct pp_value
pp_rt_str(struct pp_rt *rt, const char *s, size_t len)
{
	char *copy = pp_rt_alloc(rt, len + 1);
	struct pp_value v;

	if (copy == NULL)
		return pp_error_value();
	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	v = pp_str(copy, len);
	if (pp_all_ascii(copy, len))
		v.flags = PP_F_ASCII;
	return v;
}

struct pp_value
pp_rt_strf(struct pp_rt *rt, const char *fmt, ...)
{
	size_t start = pp_text_begin(rt);
	va_list ap;

	va_start(ap, fmt);
	pp_buf_addfv(&rt->out, fmt, ap);
	va_end(ap);
	return pp_text_end(rt, start);
}

struct pp_value
pp_text_end(struct pp_rt *rt, size_t start)
{
	size_t len = rt->out.len - start;
	struct pp_value v;

	if ((int64_t)len > rt->bounds.string_bytes) {
		pp_text_drop(rt, start);
		return pp_fail(rt, PP_K_LIMIT,
		    "a string is longer than %lld bytes",
		    (long long)rt->bounds.string_bytes);
	}
	v = pp_rt_str(rt, rt->out.data + start, len);
	pp_text_drop(rt, start);
	return v;
}

struct pp_value
pp_text_result(struct pp_rt *rt, size_t start, int rc, bool markup)
{
	struct pp_value v;

	if (rc < 0) {
		pp_text_drop(rt, start);
		return pp_error_value();
	}
	v = pp_text_end(rt, start);
	if (markup && !pp_is_error(v))
		v.flags |= PP_F_MARKUP;
	return v;
}

void
pp_text_drop(struct pp_rt *rt, size_t start)
{
	pp_buf_truncate(&rt->out, start);
}
