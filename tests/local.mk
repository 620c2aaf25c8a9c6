# Everything 'make check' runs.

include tests/unit/local.mk
include tests/store/local.mk
include tests/e2e/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/support/local.mk


EXTRA_DIST += tests/unit/test.h
