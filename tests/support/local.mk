# Files of tests/support.

# The model server of all tests and benchmarks. It shares no code with the
# library, whose calls and bills it judges.
check_PROGRAMS += tests/support/mockllm
tests_support_mockllm_SOURCES = \
	tests/support/mock/bill.c \
	tests/support/mock/conn.c \
	tests/support/mock/faults.c \
	tests/support/mock/main.c \
	tests/support/mock/mock.h \
	tests/support/mock/reply.c \
	tests/support/mock/request.c \
	tests/support/mock/stats.c \
	tests/support/mock/text.c
tests_support_mockllm_CPPFLAGS = -D_GNU_SOURCE
tests_support_mockllm_CFLAGS = $(PP_CFLAGS)
tests_support_mockllm_LDADD =
if HAVE_SSL
tests_support_mockllm_CPPFLAGS += -DHAVE_SSL
tests_support_mockllm_CFLAGS += $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_support_mockllm_LDADD += $(SSL_LIBS) $(CRYPTO_LIBS)
endif
