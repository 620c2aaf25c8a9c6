# One cmocka program per module, listed by layer: a name in `unit_tests` and
# its _SOURCES.
unit_tests =
if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
AM_TESTS_LDADD = $(LDADD) $(CMOCKA_LIBS)

include tests/unit/base.mk
include tests/unit/net.mk
include tests/unit/aws.mk
include tests/unit/store.mk
include tests/unit/template.mk
include tests/unit/model.mk
include tests/unit/export.mk
include tests/unit/job.mk
include tests/unit/cli.mk
