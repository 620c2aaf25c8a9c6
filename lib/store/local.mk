# Sources of lib/store.
lib_libpp_la_SOURCES += \
	lib/store/blob.c lib/store/blob.h lib/store/blob_int.h \
	lib/store/blob_dir.c \
	lib/store/blob_fs.c lib/store/blob_fs.h \
	lib/store/blob_s3.c \
	lib/store/blob_walk.c lib/store/blob_walk.h \
	lib/store/sqlite.c lib/store/sqlite.h \
	lib/store/store.c lib/store/store.h lib/store/store_int.h \
	lib/store/store_dynamodb.c lib/store/store_dynamodb.h \
	lib/store/store_dynamodb_costs.c \
	lib/store/store_dynamodb_jobs.c \
	lib/store/store_dynamodb_queue.c \
	lib/store/store_dynamodb_templates.c \
	lib/store/store_sqlite.c lib/store/store_sqlite.h \
	lib/store/store_sqlite_costs.c \
	lib/store/store_sqlite_jobs.c \
	lib/store/store_sqlite_queue.c \
	lib/store/store_sqlite_templates.c
