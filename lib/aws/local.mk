# Sources of lib/aws: AWS's protocols, spoken over lib/net.
lib_libpp_la_SOURCES += \
	lib/aws/aws.h \
	lib/aws/credentials.h \
	lib/aws/fault.h \
	lib/aws/request.h \
	lib/aws/sigv4.h \
	lib/aws/uri.h
