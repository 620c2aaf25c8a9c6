/*
 * Time. Wall-clock time is milliseconds since 1970 in UTC and goes into
 * records; leases and deadlines use the boot clock, which also counts the time
 * a machine or a stopped container slept.
 */
#ifndef PP_BASE_CLOCK_H
#define PP_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t	pp_clock_wall_ms(void);

/* CLOCK_BOOTTIME: never goes back, counts suspension. */
int64_t	pp_clock_boot_ms(void);
int64_t	pp_clock_boot_us(void);

/* Wait so long; a signal ends it early. Nothing for less than 1. */
void	pp_clock_sleep_ms(int64_t ms);

#define PP_TIME_TEXT_BYTES 32

/* "2026-11-20T15:04:05.678Z" (RFC 3339). Returns `out`. */
char	*pp_time_format(int64_t wall_ms, char out[PP_TIME_TEXT_BYTES]);

/*
 * The inverse; also takes a date alone, seconds without a fraction, and an
 * offset instead of Z. 0, or -1 with PP_EDATA.
 */
int	pp_time_parse(const char *s, int64_t *wall_ms, struct pp_error *err);

/*
 * The kernel's id of this boot, to know a journal from before a power loss;
 * "" where there is none.
 */
const char *pp_boot_id(void);

#endif
