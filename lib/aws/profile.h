/*
 * ~/.aws/config and ~/.aws/credentials: sections of settings, in the dialect
 * that all SDKs read. Lines below a setting without a value that are indented
 * are settings of it, named "s3.addressing_style" here.
 */
#ifndef PP_AWS_PROFILE_H
#define PP_AWS_PROFILE_H

#include <stdbool.h>

#include "base/error.h"

struct pp_profiles;

enum pp_profile_kind {
	PP_SECTION_PROFILE,	/* [default], [profile x]; [x] in credentials */
	PP_SECTION_SSO,		/* [sso-session x] */
	PP_SECTION_SERVICES	/* [services x] */
};

/*
 * Read both; a file that is not there is an empty one. What both say of a
 * profile counts as the credentials file has it. Returns owned, or NULL with
 * PP_ECONFIG and file:line.
 */
struct pp_profiles *pp_profiles_load(const char *config,
	    const char *credentials, struct pp_error *err);
void	pp_profiles_free(struct pp_profiles *p);

bool	pp_profiles_has(const struct pp_profiles *p, enum pp_profile_kind kind,
	    const char *name);

/* Borrowed, or NULL. */
const char *pp_profiles_get(const struct pp_profiles *p,
	    enum pp_profile_kind kind, const char *name, const char *setting);

#endif
