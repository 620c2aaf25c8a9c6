# Sources of lib/net: the event loop and HTTP on it.
lib_libpp_la_SOURCES += \
	lib/net/http.c lib/net/http.h \
	lib/net/http_talk.c lib/net/http_talk.h \
	lib/net/loop.c lib/net/loop.h
