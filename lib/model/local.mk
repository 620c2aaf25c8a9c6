# Sources of lib/model: names, prices, tiers, calls.
lib_libpp_la_SOURCES += \
	lib/model/catalog.c lib/model/catalog.h \
	lib/model/invoke.h \
	lib/model/model.c lib/model/model_int.h \
	lib/model/price.c \
	lib/model/route.c
