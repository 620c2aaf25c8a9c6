# Sources of lib/base: errors, memory, text, files. Knows nothing of jobs.
lib_libpp_la_SOURCES += \
	lib/base/arena.c lib/base/arena.h \
	lib/base/buf.c lib/base/buf.h \
	lib/base/clock.c lib/base/clock.h \
	lib/base/csv_record.c lib/base/csv_record.h \
	lib/base/error.c lib/base/error.h \
	lib/base/hash.c lib/base/hash.h \
	lib/base/id.c lib/base/id.h \
	lib/base/io.c lib/base/io.h \
	lib/base/json.c lib/base/json.h lib/base/json_int.h \
	lib/base/json_parse.c lib/base/json_write.c \
	lib/base/json_schema.c lib/base/json_schema.h \
	lib/base/log.c lib/base/log.h \
	lib/base/mem.c lib/base/mem.h \
	lib/base/money.c lib/base/money.h \
	lib/base/rand.c lib/base/rand.h \
	lib/base/reaper.c lib/base/reaper.h \
	lib/base/str.c lib/base/str.h \
	lib/base/yaml.c lib/base/yaml.h
