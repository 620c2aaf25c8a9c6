# Sources of lib/model: names, prices, tiers, calls.
lib_libpp_la_SOURCES += \
	lib/model/allowance.c lib/model/allowance.h \
	lib/model/answer.c \
	lib/model/bedrock.h \
	lib/model/bedrock_invoke.c \
	lib/model/catalog.c lib/model/catalog.h \
	lib/model/invoke.c lib/model/invoke.h lib/model/invoke_int.h \
	lib/model/model.c lib/model/model_int.h \
	lib/model/ngram.c lib/model/ngram.h \
	lib/model/price.c \
	lib/model/provider_bedrock.c lib/model/provider_local.c lib/model/provider_openai.c \
	lib/model/route.c
