# Sources of lib/cli.
lib_libpp_la_SOURCES += \
	lib/cli/cli.c lib/cli/cli.h lib/cli/cli_int.h \
	lib/cli/complete.c lib/cli/complete_int.h \
	lib/cli/complete_bash.c \
	lib/cli/complete_fish.c \
	lib/cli/complete_zsh.c \
	lib/cli/diff.c lib/cli/diff.h \
	lib/cli/help.c \
	lib/cli/opt.c \
	lib/cli/progress.c \
	lib/cli/table.c
