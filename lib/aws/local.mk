# Sources of lib/aws: AWS's protocols, spoken over lib/net.
lib_libpp_la_SOURCES += \
	lib/aws/aws.c lib/aws/aws.h lib/aws/aws_int.h \
	lib/aws/chunked.c lib/aws/chunked.h \
	lib/aws/cred_http.c lib/aws/cred_int.h \
	lib/aws/cred_process.c \
	lib/aws/cred_sts.c \
	lib/aws/credentials.c lib/aws/credentials.h \
	lib/aws/ecs.c lib/aws/ecs.h \
	lib/aws/endpoint.c \
	lib/aws/fault.c lib/aws/fault.h \
	lib/aws/logs.c lib/aws/logs.h \
	lib/aws/profile.c lib/aws/profile.h \
	lib/aws/request.c lib/aws/request.h \
	lib/aws/retry.c lib/aws/retry.h \
	lib/aws/sigv4.c lib/aws/sigv4.h \
	lib/aws/sns.c lib/aws/sns.h \
	lib/aws/sts.c lib/aws/sts.h \
	lib/aws/uri.c lib/aws/uri.h \
	lib/aws/xml_leaf.c lib/aws/xml_leaf.h

# The services of the home.
lib_libpp_la_SOURCES += \
	lib/aws/dynamodb.c lib/aws/dynamodb.h \
	lib/aws/dynamodb_value.c lib/aws/dynamodb_value.h \
	lib/aws/s3.c lib/aws/s3.h lib/aws/s3_int.h \
	lib/aws/s3_download.c \
	lib/aws/s3_many.c \
	lib/aws/s3_upload.c \
	lib/aws/s3_xml.c lib/aws/s3_xml.h
