/*
 * Names of partitions, as Hive writes them: "category=poem/", "year=2025/".
 */
#ifndef PP_EXPORT_HIVE_H
#define PP_EXPORT_HIVE_H

#include <stddef.h>

#include "base/buf.h"

/* What stands for a value that is missing or empty; readers see a null. */
#define PP_HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

/*
 * Append "key=value/". Whatever is not a letter or digit of ASCII or one of
 * ". _ - + , @ ~" is written as %XX, and so is a dot in front; a value that
 * gets longer than 180 bytes is cut and ends in '-' and 16 hex digits of its
 * SHA-256, so that different values have different names.
 */
void	pp_hive_put(struct pp_buf *out, const char *key, const char *value,
	    size_t len);

#endif
