# Sources of lib/export.
lib_libpp_la_SOURCES += \
	lib/export/compact.c lib/export/compact.h \
	lib/export/csv.c \
	lib/export/export.c lib/export/export.h \
	lib/export/hive.c lib/export/hive.h \
	lib/export/jsonl.c \
	lib/export/manifest.c lib/export/manifest.h \
	lib/export/outfile.c lib/export/outfile.h \
	lib/export/rowline.c lib/export/rowline.h \
	lib/export/rows.c lib/export/rows.h \
	lib/export/rowtype.c lib/export/rowtype.h \
	lib/export/sink.h \
	lib/export/sorter.c lib/export/sorter.h \
	lib/export/tree.c lib/export/tree.h \
	lib/export/writer.c lib/export/writer.h
