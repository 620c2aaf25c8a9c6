# Files of cmd/.
bin_PROGRAMS += cmd/pp-export
cmd_pp_export_SOURCES = cmd/pp-export.c
