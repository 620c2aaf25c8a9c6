# Sources of lib/export.
lib_libpp_la_SOURCES += \
	lib/export/bitpack.c lib/export/bitpack.h \
	lib/export/card.c lib/export/card.h \
	lib/export/codec.c lib/export/codec.h \
	lib/export/compact.c lib/export/compact.h \
	lib/export/csv.c \
	lib/export/csv_rows.c lib/export/csv_rows.h \
	lib/export/dedup.c lib/export/dedup.h \
	lib/export/export.c lib/export/export.h \
	lib/export/formats.c lib/export/formats.h \
	lib/export/hive.c lib/export/hive.h \
	lib/export/jsonl.c \
	lib/export/manifest.c lib/export/manifest.h \
	lib/export/outfile.c lib/export/outfile.h \
	lib/export/pack.c lib/export/pack.h \
	lib/export/parquet.c \
	lib/export/pqbloom.c lib/export/pqbloom.h \
	lib/export/pqchunk.c lib/export/pqchunk.h \
	lib/export/pqcolumn.c lib/export/pqcolumn.h \
	lib/export/pqcursor.c lib/export/pqcursor.h \
	lib/export/pqdecode.c lib/export/pqdecode.h \
	lib/export/pqdescribe.c lib/export/pqdescribe.h \
	lib/export/pqdict.c lib/export/pqdict.h \
	lib/export/pqencode.c lib/export/pqencode.h \
	lib/export/pqfile.c lib/export/pqfile.h \
	lib/export/pqpages.c lib/export/pqpages.h \
	lib/export/pqrows.c lib/export/pqrows.h \
	lib/export/pqschema.c lib/export/pqschema.h \
	lib/export/pqvalue.c lib/export/pqvalue.h \
	lib/export/prepare.c lib/export/prepare.h \
	lib/export/reshape.c lib/export/reshape.h \
	lib/export/rowline.c lib/export/rowline.h \
	lib/export/rows.c lib/export/rows.h \
	lib/export/rowtype.c lib/export/rowtype.h \
	lib/export/scribe.c lib/export/scribe.h \
	lib/export/sink.h \
	lib/export/sorter.c lib/export/sorter.h \
	lib/export/thrift.c lib/export/thrift.h \
	lib/export/tree.c lib/export/tree.h \
	lib/export/writer.c lib/export/writer.h
