#include <config.h>

#include "base/id.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"

/*
 * The 12 bits after the version count up within a millisecond, from a random
 * start in their lower half; when they run out, the clock is run ahead.
 */
char *
pp_id_new(char out[PP_ID_BYTES])
{
	static _Thread_local struct pp_rand rand;
	static _Thread_local int64_t last_ms;
	static _Thread_local uint32_t counter;
	static _Thread_local pid_t pid;
	int64_t now = pp_clock_wall_ms();
	uint64_t tail;

	if (pid != getpid()) {
		pid = getpid(); /* a fork must not repeat its parent */
		pp_rand_seed_any(&rand);
	}
	if (now > last_ms) {
		last_ms = now;
		counter = (uint32_t)pp_rand_below(&rand, 0x800);
	} else if (++counter > 0xfff) {
		last_ms++;
		counter = (uint32_t)pp_rand_below(&rand, 0x800);
	}
	tail = pp_rand_next(&rand);
	snprintf(out, PP_ID_BYTES, "%08x-%04x-7%03x-%04x-%012llx",
	    (unsigned)((uint64_t)last_ms >> 16), (unsigned)(last_ms & 0xffff),
	    counter, (unsigned)(0x8000 | (tail >> 48 & 0x3fff)),
	    (unsigned long long)(tail & UINT64_C(0xffffffffffff)));
	return out;
}

bool
pp_id_valid(const char *id)
{
	if (strlen(id) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (id[i] != '-')
				return false;
		} else if (strchr("0123456789abcdef", id[i]) == NULL) {
			return false;
		}
	}
	return true;
}
