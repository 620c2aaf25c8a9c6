/*
 * pp-job restore: bring rows back that went to an archive.
 */
#include <config.h>

#include "pp-job.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "job/notify.h"

static const struct pp_opt restore_options[] = {
	{ 'w', "wait", NULL, "until all of it is there" },
	{ PP_OPT_LONG, "notify", "sns:ARN",
	    "wait, and tell this topic as each is there" },
	{ 'd', "days", "N", "that it stays [7]" },
	{ PP_OPT_LONG + 1, "tier", "TIER", "how fast it comes [Standard]",
	    PP_COMPLETE_WORDS, "Standard Bulk Expedited" },
	{ 0 }
};

#define RESTORE_LOOK_MS 60000
#define RESTORE_DAYS 7

struct restore_state {
	bool wait;
	const char *topic; /* NULL: none */
	int64_t days;
	const char *tier;
};

struct restoring {
	struct home home;
	const struct restore_state *state;
};

static int
restore_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct restore_state *s = state;

	switch (key) {
	case 'w': s->wait = true; return 0;
	case 'd': return pp_parse_int(arg, "--days", 1, 3650, &s->days, err);
	case PP_OPT_LONG:
		s->wait = true;
		s->topic = pp_notify_topic(arg, err);
		return s->topic != NULL ? 0 : -1;
	default: s->tier = arg;
	}
	if (strcmp(arg, "Standard") == 0 || strcmp(arg, "Bulk") == 0 ||
	    strcmp(arg, "Expedited") == 0)
		return 0;
	return pp_error_set(err, PP_EUSAGE,
	    "--tier must be Standard, Bulk or Expedited, not '%s'", arg);
}

static void
report_restore(const struct pp_cli *cli, const char *job_id,
    const struct pp_archive *a)
{
	struct pp_buf out = PP_BUF_INIT;

	if (cli->json) {
		pp_buf_addc(&out, '{');
		pp_json_member_str(&out, "job_id", job_id);
		pp_job_put_archive(&out, a);
		pp_buf_addc(&out, '}');
		pp_job_print_line(&out);
	} else if (a->coming > 0) {
		pp_cli_note(cli,
		    "job %s: %lld objects are on their way from %s", job_id,
		    (long long)a->coming, a->storage_class);
	} else if (a->restored > 0) {
		pp_cli_note(cli, "job %s: %lld objects are back from %s",
		    job_id, (long long)a->restored, a->storage_class);
	} else {
		pp_cli_note(cli, "job %s: nothing needs it%s%s%s", job_id,
		    a->moved > 0 ? "; what is in " : "", a->storage_class,
		    a->moved > 0 ? " is read at once" : "");
	}
}

/* Hours; the topic hears of it whether or not it took any. */
static int
restore_one(void *arg, const char *job_id, struct pp_error *err)
{
	struct restoring *r = arg;
	const struct restore_state *s = r->state;
	struct home *h = &r->home;
	int days = s->days > 0 ? (int)s->days : RESTORE_DAYS;
	struct pp_archive a;

	if (pp_job_check_own(h, job_id, err) < 0)
		return -1;
	for (;;) {
		if (pp_archive_restore(h->store, job_id, days,
			s->tier != NULL ? s->tier : "Standard", &a, err) < 0)
			return -1;
		if (!s->wait || a.archived + a.coming == 0)
			break;
		pp_progress("%.8s  %lld of %lld objects are on their way",
		    job_id, (long long)(a.archived + a.coming),
		    (long long)a.objects);
		pp_clock_sleep_ms(RESTORE_LOOK_MS);
	}
	pp_progress_clear();
	report_restore(h->cli, job_id, &a);
	if (s->topic == NULL)
		return 0;
	return pp_notify_restored(s->topic, h->store, job_id, err);
}

static int
restore_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	struct restoring r = { .state = state };
	int rc;

	pp_progress_start(cli);
	rc = pp_job_each(cli, argc, argv, &r, restore_one, err);
	pp_progress_stop();
	return rc;
}

const struct pp_command pp_job_restore_command = {
	.name = "restore",
	.synopsis = "JOB... | -",
	.summary = "bring archived rows back",
	.options = restore_options,
	.operands = PP_COMPLETE_JOB,
	.has_json = true,
	.has_user = true,
	.state_bytes = sizeof(struct restore_state),
	.set = restore_set,
	.run = restore_run,
};
