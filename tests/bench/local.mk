# Throughput beside what the machine can do at best: 'make bench'.
bench_programs = \
	tests/bench/bench_call \
	tests/bench/bench_curl \
	tests/bench/bench_ddb \
	tests/bench/bench_run \
	tests/bench/bench_s3 \
	tests/bench/bench_sign \
	tests/bench/bench_store
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/README tests/bench/aws.sh \
	tests/bench/aws_peer.py tests/bench/bench.sh tests/bench/callgrind.sh \
	tests/bench/export.py tests/bench/flight.sh tests/bench/httpx.txt \
	tests/bench/httpx_loop.py tests/bench/instructions \
	tests/bench/language.sh tests/bench/minijinja tests/bench/post.lua \
	tests/bench/run.sh tests/bench/start.sh

tests_bench_bench_call_SOURCES = tests/bench/bench_call.c
tests_bench_bench_curl_SOURCES = tests/bench/bench_curl.c
tests_bench_bench_curl_LDADD = $(CURL_LIBS)
tests_bench_bench_ddb_SOURCES = tests/bench/bench_ddb.c
tests_bench_bench_run_SOURCES = tests/bench/bench_run.c
tests_bench_bench_run_LDADD =
tests_bench_bench_s3_SOURCES = tests/bench/bench_s3.c
tests_bench_bench_sign_SOURCES = tests/bench/bench_sign.c
tests_bench_bench_store_SOURCES = tests/bench/bench_store.c

bench: all $(bench_programs) tests/support/awshome tests/support/mockllm
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/run.sh
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/flight.sh
	@tests/bench/bench_sign
	@tests/bench/bench_store
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/aws.sh
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/start.sh
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/language.sh
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/callgrind.sh

# Ten million rows, a quarter of an hour.
bench-long: all $(bench_programs) tests/support/mockllm
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/flight.sh long

bench-callgrind: all tests/support/mockllm
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		'$(srcdir)'/tests/bench/callgrind.sh

.PHONY: bench bench-callgrind bench-long
