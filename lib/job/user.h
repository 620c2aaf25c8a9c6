/*
 * Who somebody is: a name that records and keys carry.
 */
#ifndef PP_JOB_USER_H
#define PP_JOB_USER_H

#include "base/error.h"

/*
 * $PP_USER, else the login name of who runs the program; where PP_STORE is
 * "aws:", who STS says the credentials are (aws/sts.h). Returns owned
 * (free(3)), a name as pp_name_valid() has it; or NULL with PP_ECONFIG, or
 * what a call of STS fails with.
 */
char	*pp_user_id(struct pp_error *err);

#endif
