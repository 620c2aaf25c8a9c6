# Everything 'make check' runs. All tests speak TAP: those of cmocka are told
# to (one group a program: TAP has one plan), and a test of another kind prints
# "1..N" and "ok" or "not ok" lines.

TEST_EXTENSIONS = .sh
tap_driver = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(tap_driver)
LOG_COMPILER = bash $(top_srcdir)/tests/support/run-unit
SH_LOG_DRIVER = $(tap_driver)
SH_LOG_COMPILER = bash
AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; \
	PP_SRCDIR='$(abs_top_srcdir)'; PP_BUILDDIR='$(abs_top_builddir)'; \
	PP_STAGE='$(stage)'; PP_BINDIR='$(stage)$(bindir)'; \
	PP_SHARE='$(stage)$(pkgdatadir)'; \
	PP_CC='$(CC) $(PP_CFLAGS) $(PP_LDFLAGS)'; \
	export PP_CC CMOCKA_MESSAGE_OUTPUT PP_SRCDIR PP_BUILDDIR PP_STAGE \
	PP_BINDIR PP_SHARE;

# The end-to-end tests run what a user would: an installation, made once and
# again when something in it has changed.
stage = $(abs_top_builddir)/tests/stage
check_DATA = tests/stage.stamp
tests/stage.stamp: $(bin_PROGRAMS) $(lib_LTLIBRARIES) $(include_HEADERS) \
		$(dist_man_MANS) $(staged_data)
	$(AM_V_GEN)rm -rf '$(stage)' && \
	$(MAKE) $(AM_MAKEFLAGS) -s install DESTDIR='$(stage)' >/dev/null && \
	: >$@
CLEANFILES += tests/stage.stamp
clean-local:
	rm -rf '$(stage)'

# Hours of it: fuzzing, chaos, properties. Scripts that a short run has too
# little time for add themselves to long_tests and see PP_LONG=1.
long_tests =

include tests/unit/local.mk
include tests/store/local.mk
include tests/e2e/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/support/local.mk
include tests/chaos/local.mk
include tests/infra/local.mk

check-long:
	PP_LONG=1; export PP_LONG; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(long_tests)'

# The unit tests alone.
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests)'
.PHONY: check-unit check-long

EXTRA_DIST += tests/unit/test.h tests/unit/home.h

include tests/checks.mk
