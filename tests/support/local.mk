# Files of tests/support.

# The model server of all tests and benchmarks. It shares no code with the
# library, whose calls and bills it judges.
check_PROGRAMS += tests/support/mockllm
tests_support_mockllm_SOURCES = tests/support/mockllm.c \
	tests/support/mock.h \
	tests/support/mock_book.c \
	tests/support/mock_conn.c \
	tests/support/mock_conn.h \
	tests/support/mock_http.c \
	tests/support/mock_invoke.c \
	tests/support/mock_json.c \
	tests/support/mock_model.c \
	tests/support/mock_prompts.c \
	tests/support/mock_question.c \
	tests/support/mock_question.h \
	tests/support/mock_reply.c \
	tests/support/mock_serve.c \
	tests/support/mock_server.c \
	tests/support/mock_sign.c \
	tests/support/mock_text.c
tests_support_mockllm_CFLAGS = $(PP_CFLAGS)
tests_support_mockllm_LDADD =
if HAVE_SSL
tests_support_mockllm_CPPFLAGS = -DHAVE_SSL
tests_support_mockllm_CFLAGS += $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
tests_support_mockllm_LDADD += $(SSL_LIBS) $(CRYPTO_LIBS)
endif

# Homes of AWS, and the servers that stand in for it.
check_PROGRAMS += tests/support/awshome
tests_support_awshome_SOURCES = tests/support/awshome.c \
	tests/support/aws_home.c tests/support/aws_home.h
dist_check_SCRIPTS += tests/support/fetch-server \
	tests/support/with-aws-servers
EXTRA_DIST += tests/support/fault_proxy.py tests/support/second_judge.py

# The judge of a job's rows and money, and its own test.
TESTS += tests/chaos/judge.sh
EXTRA_DIST += tests/chaos/judge.sh tests/chaos/judge.py \
	tests/chaos/judge_test.py
