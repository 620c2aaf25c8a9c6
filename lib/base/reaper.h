/*
 * A program that is process 1, as in a container without an init: the kernel
 * gives it every orphan, and no signal kills it that it does not handle.
 */
#ifndef PP_BASE_REAPER_H
#define PP_BASE_REAPER_H

#include "base/error.h"

/*
 * When this is process 1: go on in a child, which gets the signals that come;
 * the parent reaps whatever ends, and ends as the child does. Else nothing.
 * Returns in the child, or where nothing was to be done: 0; -1 when there is no
 * process to be had. Call it first, before threads and descriptors.
 */
int	pp_reaper_start(struct pp_error *err);

#endif
