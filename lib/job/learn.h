/*
 * What the local provider's model learns from: the texts in seeds.
 */
#ifndef PP_JOB_LEARN_H
#define PP_JOB_LEARN_H

#include <stddef.h>

#include "base/json.h"
#include "model/invoke.h"

/*
 * Teach it every text value of a JSON object; keys, numbers and words shorter
 * than a phrase are left out. `doc` is room to parse in. What is no JSON is
 * passed over.
 */
void	pp_learn_from_seed(struct pp_invoker *i, struct pp_json_doc *doc,
	    const char *json, size_t len);

#endif
