#include <config.h>

#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define MIN_MS 100 /* between two drawings */

/* There is one terminal, so there is one progress line. */
static struct {
	bool active; /* stderr is a terminal and progress is wanted */
	bool drawn;  /* a line stands there now */
	int64_t last_ms;
} line;

void
pp_progress_start(const struct pp_cli *cli)
{
	line.active = !cli->quiet && isatty(STDERR_FILENO);
	line.drawn = false;
	line.last_ms = 0;
}

static size_t
terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	return 80;
}

/* Cut to `columns` code points; a wrapped line could not be taken back. */
static void
cut(char *text, size_t columns)
{
	size_t len = strlen(text), at = 0, n;
	uint32_t cp;

	while (at < len && columns-- > 0) {
		n = pp_utf8_decode(text + at, len - at, &cp);
		at += n > 0 ? n : 1;
	}
	text[at] = '\0';
}

void
pp_progress(const char *fmt, ...)
{
	char text[512];
	int64_t now_ms;
	va_list ap;

	if (!line.active)
		return;
	now_ms = pp_clock_boot_ms();
	if (line.last_ms != 0 && now_ms - line.last_ms < MIN_MS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	cut(text, terminal_columns() - 1);
	fprintf(stderr, "\r\033[K%s", text);
	fflush(stderr);
	line.last_ms = now_ms;
	line.drawn = true;
}

void
pp_progress_clear(void)
{
	if (!line.drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	line.drawn = false;
}

void
pp_progress_stop(void)
{
	pp_progress_clear();
	line.active = false;
}
