#include <config.h>

#include "job/user.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "aws/sts.h"
#include "base/mem.h"
#include "base/str.h"

#define PASSWD_BYTES 16384

/* Containers often run under a number that has no name. */
static char *
login_name(void)
{
	char *room = pp_malloc(PASSWD_BYTES), *name;
	struct passwd entry, *found = NULL;
	uid_t uid = geteuid();

	if (getpwuid_r(uid, &entry, room, PASSWD_BYTES, &found) == 0 &&
	    found != NULL && found->pw_name[0] != '\0')
		name = pp_strdup(found->pw_name);
	else
		name = pp_asprintf("uid-%lu", (unsigned long)uid);
	free(room);
	return name;
}

/* On AWS somebody is who their credentials say, not who a machine says. */
static char *
aws_name(struct pp_error *err)
{
	struct pp_sts_identity who = { 0 };
	struct pp_aws *a = pp_aws_new(NULL, NULL, NULL, err);
	char *name = NULL;

	if (a != NULL && pp_sts_caller(a, &who, err) == 0)
		name = pp_sts_name(who.arn);
	pp_sts_identity_release(&who);
	pp_aws_free(a);
	return name;
}

char *
pp_user_id(struct pp_error *err)
{
	const char *home = getenv("PP_STORE");
	const char *given = getenv("PP_USER");
	char *name;

	if (given != NULL && given[0] != '\0') {
		if (pp_name_valid(given))
			return pp_strdup(given);
		pp_error_set(err, PP_ECONFIG,
		    "PP_USER must be 1 to 128 of "
		    "A-Z a-z 0-9 . _ -, not '%s'",
		    given);
		return NULL;
	}
	if (home != NULL && pp_starts_with(home, "aws:"))
		name = aws_name(err);
	else
		name = login_name();
	if (name == NULL)
		return NULL;
	if (pp_name_valid(name))
		return name;
	pp_error_set(err, PP_ECONFIG,
	    "the name '%s' cannot name a user "
	    "here; set PP_USER",
	    name);
	free(name);
	return NULL;
}
