/*
 * Methods of the builtin types; tables in order of name.
 */
#ifndef PP_TEMPLATE_METHODS_H
#define PP_TEMPLATE_METHODS_H

#include "template/call.h"

struct pp_method_table {
	const struct pp_method *row;
	size_t count;
};

extern const struct pp_method_table pp_str_methods, pp_list_methods,
    pp_tuple_methods, pp_dict_methods, pp_int_methods, pp_float_methods,
    pp_range_methods, pp_loop_methods, pp_cycler_methods;

/* In loop.c. */
struct pp_value pp_loop_cycle(struct pp_rt *rt, struct pp_value loop,
	    const struct pp_args *args);
struct pp_value pp_loop_changed(struct pp_rt *rt, struct pp_value loop,
	    const struct pp_args *args);

/* str methods that filters use too. `chars` MISSING or None: blanks. */
struct pp_value pp_str_strip(struct pp_rt *rt, struct pp_value s,
	    struct pp_value chars, bool left, bool right);
struct pp_value pp_str_center(struct pp_rt *rt, struct pp_value s,
	    int64_t width, struct pp_value fill);
struct pp_value pp_str_replace(struct pp_rt *rt, struct pp_value s,
	    struct pp_value from, struct pp_value to, int64_t count);

/* translate.c */
struct pp_value pp_str_maketrans(struct pp_rt *rt, struct pp_value self,
	    const struct pp_value *arg);
struct pp_value pp_str_translate(struct pp_rt *rt, struct pp_value self,
	    const struct pp_value *arg);

/*
 * What gives bytes, which templates do not have: an error that says so.
 */
struct pp_value pp_no_bytes(struct pp_rt *rt, struct pp_value self,
	    const struct pp_args *args);

/*
 * The first `what` in s[0..len), or NULL; looks no farther than it must. An
 * empty `what` is found at once.
 */
const char *pp_find_text(const char *s, size_t len, const char *what,
	    size_t what_len);

/* Where lines end: the byte behind the newline at s[at], or at. */
size_t	pp_line_end(struct pp_value s, size_t at, size_t *text_end);

/* s in another form, Markup if it was; `put` is pp_put_titled() or alike. */
struct pp_value pp_str_mapped(struct pp_rt *rt, struct pp_value s,
	    void (*put)(struct pp_buf *out, const char *s, size_t len));
struct pp_value pp_str_upper(struct pp_rt *rt, struct pp_value s);
struct pp_value pp_str_lower(struct pp_rt *rt, struct pp_value s);
struct pp_value pp_str_capitalize(struct pp_rt *rt, struct pp_value s);

#endif
