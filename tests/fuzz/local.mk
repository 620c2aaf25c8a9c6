# Fuzz targets, one for each parser. Every one is a LLVMFuzzerTestOneInput().
# With --enable-fuzzers (clang) libFuzzer drives them:
#	tests/fuzz/fuzz_json -max_total_time=600 ../tests/fuzz/corpus/json
# Otherwise standalone.c does; README says what it is good for. To add one: a
# line in fuzz_programs, its _SOURCES and _LDFLAGS, and some small files in
# corpus/NAME/.
fuzz_programs = \
	tests/fuzz/fuzz_csv \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_recipe \
	tests/fuzz/fuzz_parquet \
	tests/fuzz/fuzz_rows \
	tests/fuzz/fuzz_seed_input \
	tests/fuzz/fuzz_syntax \
	tests/fuzz/fuzz_template \
	tests/fuzz/fuzz_yaml

if ENABLE_FUZZERS
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = tests/fuzz/standalone.c
fuzz_ldflags = $(AM_LDFLAGS)
TESTS += tests/fuzz/corpora.sh
endif

# A minute for each target of the prompt language, where it finds the most.
if ENABLE_SANITIZERS
AM_TESTS_ENVIRONMENT += FUZZ_SECONDS=$${FUZZ_SECONDS:-60}; export FUZZ_SECONDS;
endif

check_PROGRAMS += $(fuzz_programs)
tests_fuzz_fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c $(fuzz_main)
tests_fuzz_fuzz_csv_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(fuzz_main)
tests_fuzz_fuzz_json_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_parquet_SOURCES = tests/fuzz/fuzz_parquet.c $(fuzz_main)
tests_fuzz_fuzz_parquet_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_rows_SOURCES = tests/fuzz/fuzz_rows.c $(fuzz_main)
tests_fuzz_fuzz_rows_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_recipe_SOURCES = tests/fuzz/fuzz_recipe.c $(fuzz_main)
tests_fuzz_fuzz_recipe_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_syntax_SOURCES = tests/fuzz/fuzz_syntax.c $(fuzz_main)
tests_fuzz_fuzz_syntax_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_template_SOURCES = tests/fuzz/fuzz_template.c $(fuzz_main)
tests_fuzz_fuzz_template_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_seed_input_SOURCES = tests/fuzz/fuzz_seed_input.c $(fuzz_main)
tests_fuzz_fuzz_seed_input_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c $(fuzz_main)
tests_fuzz_fuzz_yaml_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += tests/fuzz/README tests/fuzz/corpora.sh tests/fuzz/corpus \
	tests/fuzz/fuzz.h \
	tests/fuzz/standalone.c
