# What is run besides 'make check': looks, coverage, valgrind, the long tests.

# Headers keep the declaration style that people read best: names in a column.
c_files = $$(cd '$(abs_srcdir)' && find lib cmd tests -name '*.c' | sort)
shell_files = quickstart .ci/run .githooks/pre-commit tests/support/check-* \
	tests/support/python-venv tests/support/tree-seed tests/support/run-unit \
	tests/support/summary tests/e2e/*.sh tests/chaos/*.sh \
	infra/scripts/*.sh tests/infra/*.sh \
	tests/bench/*.sh
analysis_flags = -std=gnu11 $(DEFS) -I. -I$(srcdir)/lib \
	-I$(srcdir)/tests/unit $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CURL_CFLAGS) \
	$(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(YAML_CFLAGS) $(SQLITE_CFLAGS) $(EXPAT_CFLAGS)

# What a look at the text alone can find: quick enough for a commit.
lint-quick:
	'$(srcdir)'/tests/support/check-layers '$(srcdir)'
	cd '$(srcdir)' && clang-format --dry-run --Werror $(c_files)
	cd '$(srcdir)' && shellcheck $$(ls $(shell_files) 2>/dev/null)

# Each header compiles alone.
lint-headers:
	@cd '$(srcdir)' && for h in $$(find lib -name '*.h' | sort); do \
		printf '#include <config.h>\n#include "%s"\n' "$${h#lib/}" | \
		$(CC) $(analysis_flags) -I'$(abs_builddir)' -Ilib -Wall -Werror \
		-fsyntax-only -x c - || { echo "$$h does not compile alone"; \
		exit 1; }; done

# Each file that git knows is in the distribution.
lint-dist: distdir
	@(cd '$(distdir)' && find . -type f) | sed 's,^\./,,' | sort >dist.list
	@rm -rf '$(distdir)'
	@cd '$(srcdir)' && git ls-files | grep -v '^\.gitignore$$' | sort | \
		comm -23 - '$(abs_builddir)/dist.list' | sed 's/$$/: not in EXTRA_DIST/' | { ! grep .; }

lint: lint-quick lint-headers lint-dist
	cd '$(srcdir)' && clang-tidy --quiet $$(find lib cmd -name '*.c') -- \
		$(analysis_flags) -I'$(abs_builddir)' -Ilib

format:
	cd '$(srcdir)' && clang-format -i $(c_files)

# Lines reached by the tests, and the least that the engine must have. Needs a
# tree configured with --enable-coverage.
coverage: check
	'$(srcdir)'/tests/support/check-coverage '$(abs_top_srcdir)' 80 \
		lib/template lib/job lib/model lib/export

# The unit tests once more, under valgrind, in a tree without sanitizers.
check-valgrind: $(check_PROGRAMS)
	@for t in $(unit_tests); do \
		echo "valgrind $$t"; \
		srcdir='$(srcdir)' PP_SRCDIR='$(abs_top_srcdir)' \
		PP_BUILDDIR='$(abs_top_builddir)' $(LIBTOOL) --mode=execute valgrind -q --error-exitcode=9 \
		--leak-check=full ./$$t >$$t.valgrind 2>&1 || \
		{ cat $$t.valgrind; exit 1; }; done

# What has threads, watched by ThreadSanitizer, under which a program that races
# ends with status 66. Needs a tree configured with
#	CFLAGS='-O1 -g -fsanitize=thread' LDFLAGS=-fsanitize=thread
check-threads: cmd/pp-export tests/unit/test_export tests/unit/test_parquet
	@for t in test_export test_parquet; do \
		PP_SRCDIR='$(abs_top_srcdir)' \
		PP_BUILDDIR='$(abs_top_builddir)' tests/unit/$$t || exit 1; done
	@PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		bash '$(abs_top_srcdir)'/tests/e2e/export.sh

# A second opinion of the templates; fetches 290 MB the first time.
lint-checkov:
	PP_SRCDIR='$(abs_top_srcdir)' PP_BUILDDIR='$(abs_top_builddir)' \
		bash '$(srcdir)'/tests/infra/checkov.sh

.PHONY: lint lint-quick lint-headers lint-dist lint-checkov format coverage \
	check-valgrind check-threads

EXTRA_DIST += tests/support/check-layers tests/support/check-coverage \
	tests/support/python-venv tests/support/tree-seed \
	tests/support/run-unit tests/support/summary .githooks/pre-commit .ci/run
