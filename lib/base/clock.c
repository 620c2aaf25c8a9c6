#include <config.h>

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t
pp_clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
pp_clock_boot_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
pp_clock_boot_ms(void)
{
	return pp_clock_boot_us() / 1000;
}

void
pp_clock_sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	if (ms > 0)
		nanosleep(&t, NULL);
}

char *
pp_time_format(int64_t wall_ms, char out[PP_TIME_TEXT_BYTES])
{
	int64_t ms = wall_ms % 1000;
	time_t seconds;
	struct tm tm;
	size_t n;

	if (ms < 0)
		ms += 1000;
	seconds = (time_t)((wall_ms - ms) / 1000);
	if (gmtime_r(&seconds, &tm) == NULL ||
	    (n = strftime(out, PP_TIME_TEXT_BYTES - 5, "%Y-%m-%dT%H:%M:%S",
		 &tm)) == 0) {
		snprintf(out, PP_TIME_TEXT_BYTES, "invalid");
		return out;
	}
	/* every row has a time: printf would take as long as the rest */
	out[n++] = '.';
	for (int unit = 100; unit > 0; unit /= 10)
		out[n++] = (char)('0' + ms / unit % 10);
	out[n++] = 'Z';
	out[n] = '\0';
	return out;
}

/* Days since 1970 of a date in the Gregorian calendar, any year. */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static int
parse_offset(const char *s, int *minutes)
{
	int h, m, n = 0;

	if (strcmp(s, "Z") == 0 || *s == '\0') {
		*minutes = 0;
		return 0;
	}
	if ((s[0] != '+' && s[0] != '-') ||
	    sscanf(s + 1, "%2d:%2d%n", &h, &m, &n) != 2 || s[1 + n] != '\0' ||
	    h > 23 || m > 59)
		return -1;
	*minutes = (h * 60 + m) * (s[0] == '-' ? -1 : 1);
	return 0;
}

int
pp_time_parse(const char *s, int64_t *wall_ms, struct pp_error *err)
{
	int year, month, day, hour = 0, minute = 0, second = 0, offset = 0;
	int n = 0;
	int64_t ms = 0;
	const char *p;

	if (sscanf(s, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 ||
	    n != 10 || month < 1 || month > 12 || day < 1 || day > 31)
		goto bad;
	p = s + n;
	if (*p == 'T' || *p == ' ') {
		n = 0;
		if (sscanf(p + 1, "%2d:%2d:%2d%n", &hour, &minute, &second,
			&n) != 3 ||
		    n != 8 || hour > 23 || minute > 59 || second > 60 ||
		    hour < 0 || minute < 0 || second < 0)
			goto bad;
		p += 9;
		if (*p == '.') {
			int scale = 100;

			for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
				ms += (*p - '0') * scale;
		}
		if (parse_offset(p, &offset) < 0)
			goto bad;
	} else if (*p != '\0') {
		goto bad;
	}
	*wall_ms = (((days_from_civil(year, month, day) * 24 + hour) * 60 +
			minute - offset) *
			   60 +
		       second) *
		1000 +
	    ms;
	return 0;
bad:
	return pp_error_set(err, PP_EDATA,
	    "'%s' is not a time like 2026-11-20T15:04:05Z", s);
}

const char *
pp_boot_id(void)
{
	static char id[40];
	FILE *f;

	if (id[0] != '\0')
		return id;
	f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (f == NULL)
		return "";
	if (fgets(id, sizeof id, f) != NULL)
		id[strcspn(id, "\n")] = '\0';
	fclose(f);
	return id;
}
