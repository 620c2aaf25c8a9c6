#include <config.h>

#include "job/health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define BEAT_MS 5000
#define MAX_BYTES 512

/* No fsync: a sign of life need not outlive a power loss. */
static int
replace(const char *path, const char *text, size_t len)
{
	char *new = pp_asprintf("%s.new", path);
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = -1;

	if (fd >= 0) {
		rc = pp_io_write_all(fd, text, len);
		if (close(fd) < 0 || rc < 0 || rename(new, path) < 0) {
			rc = -1;
			unlink(new);
		}
	}
	free(new);
	return rc;
}

void
pp_health_beat(struct pp_health *h, int64_t count)
{
	int64_t now = pp_clock_boot_ms();
	char text[MAX_BYTES];
	int len;

	if (h->path == NULL)
		return;
	if (count < 0 || count != h->count || h->written_ms == 0)
		h->moved_ms = now;
	h->count = count;
	if (h->written_ms != 0 && now - h->written_ms < BEAT_MS)
		return;
	h->written_ms = now;
	len = snprintf(text, sizeof text,
	    "{\"alive\":%lld,\"moved\":%lld,\"count\":%lld}\n", (long long)now,
	    (long long)h->moved_ms, (long long)count);
	if (replace(h->path, text, (size_t)len) == 0)
		return;
	pp_log(PP_LOG_WARN, "no_sign_of_life", "file", 's', h->path, "reason",
	    's', strerror(errno), NULL);
	h->path = NULL;
}

/* What a healthy worker's file is older than never. */
static int
check_ages(const char *path, int64_t alive_ms, int64_t moved_ms,
    struct pp_error *err)
{
	int64_t now = pp_clock_boot_ms();

	/* of a boot before this one: the clock began anew */
	if (alive_ms > now || moved_ms > alive_ms)
		return pp_error_set(err, PP_ENO, "'%s' is not of this boot",
		    path);
	if (now - alive_ms > PP_HEALTH_ALIVE_MS)
		return pp_error_set(err, PP_ENO,
		    "the worker has given no sign of life for %lld s",
		    (long long)((now - alive_ms) / 1000));
	if (now - moved_ms > PP_HEALTH_MOVED_MS)
		return pp_error_set(err, PP_ENO,
		    "the worker lives, but nothing has moved for %lld s",
		    (long long)((now - moved_ms) / 1000));
	return 0;
}

int
pp_health_check(const char *path, struct pp_error *err)
{
	struct pp_buf text = { .max = MAX_BYTES };
	struct pp_json_doc doc = PP_JSON_DOC_INIT;
	const struct pp_json *root;
	int64_t alive, moved;
	int rc = -1;

	if (pp_io_read_file(path, &text, err) < 0) {
		/* no such file is an answer too */
		if (err->code == PP_ENOENT)
			err->code = PP_ENO;
		goto out;
	}
	root = pp_json_parse(&doc, text.data, text.len, 0, err);
	if (root == NULL || !pp_json_get_count(root, "alive", &alive) ||
	    !pp_json_get_count(root, "moved", &moved)) {
		pp_error_set(err, PP_EDATA, "'%s' is no sign of a worker",
		    path);
		goto out;
	}
	rc = check_ages(path, alive, moved, err);
out:
	pp_json_doc_release(&doc);
	pp_buf_release(&text);
	return rc;
}
