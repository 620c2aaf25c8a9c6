# Sources of lib/template: the prompt language and the recipes written in it.
lib_libpp_la_SOURCES += \
	lib/template/ast.h \
	lib/template/attribute.c \
	lib/template/call.c lib/template/call.h \
	lib/template/compare.c \
	lib/template/dict.c \
	lib/template/eval.c lib/template/eval.h \
	lib/template/exec.c \
	lib/template/expression.c lib/template/expression.h \
	lib/template/fields.c lib/template/fields.h \
	lib/template/filters.c lib/template/filters.h \
	lib/template/filters_html.c \
	lib/template/filters_lazy.c \
	lib/template/filters_misc.c \
	lib/template/filters_ours.c \
	lib/template/filters_seq.c \
	lib/template/filters_text.c \
	lib/template/for_loop.c \
	lib/template/format.h lib/template/format_spec.c \
	lib/template/fragment.c \
	lib/template/globals.c \
	lib/template/iter.c \
	lib/template/lexer.c lib/template/lexer.h \
	lib/template/lexer_literal.c lib/template/lexer_literal.h \
	lib/template/macro.c \
	lib/template/methods.h lib/template/methods_more.c \
	lib/template/methods_number.c \
	lib/template/methods_str.c \
	lib/template/number.c lib/template/number.h \
	lib/template/number_text.c \
	lib/template/object.h \
	lib/template/ops.c \
	lib/template/parser.c lib/template/parser.h \
	lib/template/parser_expr.c \
	lib/template/percent.c \
	lib/template/pprint.c \
	lib/template/recipe.c lib/template/recipe.h \
	lib/template/recipe_fields.c \
	lib/template/recipe_int.h \
	lib/template/recipe_lint.c \
	lib/template/recipe_place.c \
	lib/template/recipe_render.c \
	lib/template/render.c \
	lib/template/render_batch.c lib/template/render_batch.h \
	lib/template/render_limits.c lib/template/render_limits.h \
	lib/template/resolve.c lib/template/resolve.h \
	lib/template/runtime.c lib/template/runtime.h \
	lib/template/scope.c lib/template/scope.h \
	lib/template/str_format.c \
	lib/template/template.h \
	lib/template/tests.c \
	lib/template/text.c \
	lib/template/tojson.c \
	lib/template/translate.c \
	lib/template/unicode.c lib/template/unicode.h \
	lib/template/unicode_tables.inc \
	lib/template/urlize.c \
	lib/template/value.c lib/template/value.h \
	lib/template/walk.c lib/template/walk.h \
	lib/template/wordwrap.c
EXTRA_DIST += tests/support/make-unicode-tables.py tests/golden/jinja \
	tests/bench/jinja
