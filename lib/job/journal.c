#include <config.h>

#include "job/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

/* A line holds one answer: as large as a reply may be, and its escapes. */
#define MAX_LINE_BYTES ((size_t)128 << 20)
#define CRC_BYTES 9 /* eight digits and a blank */
/* Lines are kept for one write until they are so many bytes. */
#define MAX_KEPT_BYTES ((size_t)256 << 10)

struct pp_journal {
	int fd;
	char *path;
	off_t size; /* of the whole records in it */
	bool dirty;
	bool torn; /* it ends in a part of a record that would not go away */
	struct pp_buf lines; /* not yet written */
	size_t line_at;	     /* where the last of them begins */
};

static char *
folder_of(const char *home, const char *job_id)
{
	return pp_asprintf("%s/journal/%s", home, job_id);
}

/* ---- writing ---- */

static void
begin_line(struct pp_journal *j, const char *type)
{
	j->line_at = j->lines.len;
	pp_buf_adds(&j->lines, "00000000 {");
	pp_json_put_key(&j->lines, "t");
	pp_json_put_cstr(&j->lines, type);
}

static int
end_line(struct pp_journal *j, struct pp_error *err)
{
	static const char digits[] = "0123456789abcdef";
	struct pp_buf *b = &j->lines;
	char *line;
	uint32_t crc;

	pp_buf_addc(b, '}');
	line = b->data + j->line_at;
	crc = pp_crc32c(0, line + CRC_BYTES, b->len - j->line_at - CRC_BYTES);
	for (int i = 7; i >= 0; i--, crc >>= 4)
		line[i] = digits[crc & 15];
	pp_buf_addc(b, '\n');
	return b->len < MAX_KEPT_BYTES ? 0 : pp_journal_flush(j, err);
}

int
pp_journal_flush(struct pp_journal *j, struct pp_error *err)
{
	struct pp_buf *b = &j->lines;

	if (b->len == 0)
		return 0;
	if (j->torn)
		return pp_error_set(err, PP_EIO,
		    "journal '%s' ends in half a record", j->path);
	if (pp_io_write_all(j->fd, b->data, b->len) < 0) {
		pp_error_errno(err, PP_EIO, errno, "cannot write journal '%s'",
		    j->path);
		/* half a record must not stand before whole ones */
		if (ftruncate(j->fd, j->size) < 0) {
			j->torn = true;
			pp_error_wrap(err, "cannot even shorten it");
		}
		return -1;
	}
	j->size += (off_t)b->len;
	j->dirty = true;
	pp_buf_trim(b, 4 * MAX_KEPT_BYTES);
	return 0;
}

/* A folder that goes with the power takes its journals along. */
static int
make_folder(const char *home, const char *folder, struct pp_error *err)
{
	char *parent;
	int rc;

	if (access(folder, F_OK) == 0)
		return 0;
	parent = pp_asprintf("%s/journal", home);
	rc = pp_io_make_dirs(folder, 0700, err);
	if (rc == 0)
		rc = pp_io_sync_dir(parent, err);
	if (rc == 0)
		rc = pp_io_sync_dir(home, err);
	free(parent);
	return rc;
}

/* The file, after whole records of an earlier attempt to open it. */
static int
open_file(struct pp_journal *j, struct pp_error *err)
{
	j->fd = open(j->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return pp_error_errno(err, PP_ECREATE, errno,
		    "cannot create journal '%s'", j->path);
	j->size = lseek(j->fd, 0, SEEK_END);
	if (j->size < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot read journal '%s'", j->path);
	return 0;
}

/*
 * The header is on the disk before the first attempt is: a file without one
 * tells of a power loss. One that was not begun is no file.
 */
struct pp_journal *
pp_journal_open(const struct pp_journal_where *where, int64_t generation,
    struct pp_error *err)
{
	char *folder = folder_of(where->home, where->job_id);
	struct pp_journal *j = NULL;

	if (make_folder(where->home, folder, err) < 0)
		goto out;
	j = pp_calloc(1, sizeof *j);
	pp_buf_init(&j->lines, 0);
	j->path = pp_asprintf("%s/%05d-%012lld-%09lld.log", folder,
	    where->shard, (long long)generation, (long long)where->epoch);
	if (open_file(j, err) < 0)
		goto fail;
	begin_line(j, "open");
	pp_json_member_str(&j->lines, "job_id", where->job_id);
	pp_json_member_int(&j->lines, "shard", where->shard);
	pp_json_member_int(&j->lines, "epoch", where->epoch);
	pp_json_member_str(&j->lines, "writer", where->writer);
	pp_json_member_int(&j->lines, "generation", generation);
	pp_json_member_str(&j->lines, "boot_id", pp_boot_id());
	if (end_line(j, err) < 0 || pp_journal_sync(j, err) < 0 ||
	    pp_io_sync_dir(folder, err) < 0)
		goto fail;
	goto out;
fail:
	if (j->fd >= 0 && j->size == 0)
		unlink(j->path);
	pp_buf_clear(&j->lines);
	pp_journal_close(j);
	j = NULL;
out:
	free(folder);
	return j;
}

void
pp_journal_close(struct pp_journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0) {
		pp_journal_sync(j, NULL);
		close(j->fd);
	}
	free(j->path);
	pp_buf_release(&j->lines);
	free(j);
}

int
pp_journal_sync(struct pp_journal *j, struct pp_error *err)
{
	if (pp_journal_flush(j, err) < 0)
		return -1;
	if (!j->dirty)
		return 0;
	if (fdatasync(j->fd) < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot sync journal '%s'", j->path);
	j->dirty = false;
	return 0;
}

int
pp_journal_try(struct pp_journal *j, const struct pp_journal_try *t,
    struct pp_error *err)
{
	begin_line(j, "try");
	pp_json_member_str(&j->lines, "id", t->id);
	pp_json_member_int(&j->lines, "row", t->row);
	pp_json_member_int(&j->lines, "step", (int64_t)t->step);
	pp_json_member_int(&j->lines, "reserved", t->reserved_nusd);
	return end_line(j, err);
}

int
pp_journal_end(struct pp_journal *j, const struct pp_journal_end *e,
    struct pp_error *err)
{
	struct pp_buf *b = &j->lines;

	begin_line(j, "end");
	pp_json_member_str(b, "id", e->id);
	pp_json_member_int(b, "row", e->row);
	pp_json_member_int(b, "step", (int64_t)e->step);
	pp_json_member_str(b, "class", pp_call_class_info(e->class)->name);
	pp_json_member_int(b, "in", e->usage.tokens_in);
	pp_json_member_int(b, "out", e->usage.tokens_out);
	pp_json_member_int(b, "cache_read", e->usage.cache_read);
	pp_json_member_int(b, "cache_write", e->usage.cache_write);
	pp_json_member_int(b, "cost", e->cost_nusd);
	pp_json_member_int(b, "unproven", e->unproven_nusd);
	if (e->text != NULL) {
		pp_json_member_str(b, "finish", pp_finish_name(e->finish));
		pp_json_put_key(b, "text");
		pp_json_put_str(b, e->text, e->text_len);
	}
	if (e->http_status != 0)
		pp_json_member_int(b, "status", e->http_status);
	if (e->reason != NULL) {
		pp_json_put_key(b, "reason");
		pp_json_put_lossy(b, e->reason, strlen(e->reason));
	}
	if (e->raw != NULL) {
		pp_json_put_key(b, "raw");
		pp_json_put_lossy(b, e->raw,
		    e->raw_len <= PP_RAW_REPLY_BYTES ? e->raw_len :
						       PP_RAW_REPLY_BYTES);
	}
	return end_line(j, err);
}

/* ---- files of a shard ---- */

struct journal_file {
	int64_t generation, epoch;
	char *name;
};

static int
compare_files(const void *a, const void *b)
{
	const struct journal_file *x = a, *y = b;

	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->epoch < y->epoch ? -1 : x->epoch > y->epoch;
}

struct journal_files {
	struct journal_file *list;
	size_t count, cap;
};

static void
release_files(struct journal_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->list[i].name);
	free(f->list);
}

/* shard -1: of all shards. No folder: no files. */
static int
list_files(const char *folder, int shard, struct journal_files *out,
    struct pp_error *err)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	memset(out, 0, sizeof *out);
	if (d == NULL)
		return errno == ENOENT ? 0 :
					 pp_error_errno(err, PP_EIO, errno,
					     "cannot read folder '%s'", folder);
	while ((e = readdir(d)) != NULL) {
		long long generation, epoch;
		int of, n = 0;

		if (sscanf(e->d_name, "%d-%lld-%lld.log%n", &of, &generation,
			&epoch, &n) != 3 ||
		    e->d_name[n] != '\0' || (shard >= 0 && of != shard))
			continue;
		out->list = pp_grow(out->list, out->count, &out->cap,
		    sizeof *out->list);
		out->list[out->count++] = (struct journal_file){
			.generation = generation,
			.epoch = epoch,
			.name = pp_asprintf("%s/%s", folder, e->d_name)
		};
	}
	closedir(d);
	if (out->count > 0)
		qsort(out->list, out->count, sizeof *out->list, compare_files);
	return 0;
}

static int
unlink_below(const char *folder, int shard, int64_t generation,
    struct pp_error *err)
{
	struct journal_files files;
	int rc = 0;

	if (list_files(folder, shard, &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.count; i++) {
		if (files.list[i].generation < generation &&
		    unlink(files.list[i].name) < 0 && errno != ENOENT)
			rc = pp_error_errno(err, PP_EIO, errno,
			    "cannot remove journal '%s'", files.list[i].name);
	}
	release_files(&files);
	return rc;
}

int
pp_journal_cover(const struct pp_journal_where *where, int64_t generation,
    struct pp_error *err)
{
	char *folder = folder_of(where->home, where->job_id);
	int rc = unlink_below(folder, where->shard, generation, err);

	/* with the last journal the folder goes too */
	if (generation == INT64_MAX)
		rmdir(folder);
	free(folder);
	return rc;
}

int
pp_journal_remove(const char *home, const char *job_id, struct pp_error *err)
{
	char *folder = folder_of(home, job_id);
	int rc = unlink_below(folder, -1, INT64_MAX, err);

	if (rc == 0 && rmdir(folder) < 0 && errno != ENOENT)
		rc = pp_error_errno(err, PP_EIO, errno,
		    "cannot remove folder '%s'", folder);
	free(folder);
	return rc;
}

/* ---- reading ---- */

struct replay {
	struct pp_journal_reader *r;
	bool opened; /* the file has its header */
	struct pp_json_doc doc;
	struct pp_buf id, text, reason, raw;
};

static bool
read_text(const struct pp_json *v, const char *key, struct pp_buf *out)
{
	const struct pp_json *s = pp_json_get(v, key);

	pp_buf_clear(out);
	return s != NULL && s->type == PP_JSON_STRING &&
	    pp_json_unescape(s, out) == 0;
}

static bool
read_class(const struct pp_json *v, enum pp_call_class *out)
{
	const struct pp_json *name = pp_json_get(v, "class");

	for (int i = 0; name != NULL && i < PP_NCALL_CLASSES; i++) {
		if (pp_json_is(name, pp_call_class_info(i)->name)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static enum pp_finish
read_finish(const struct pp_json *v)
{
	const struct pp_json *name = pp_json_get(v, "finish");

	for (int i = PP_FINISH_STOP; name != NULL && i < PP_FINISH_OTHER; i++) {
		if (pp_json_is(name, pp_finish_name(i)))
			return i;
	}
	return PP_FINISH_OTHER;
}

static bool
replay_try(struct replay *p, const struct pp_json *v)
{
	struct pp_journal_try t = { .id = NULL };
	int64_t step;

	if (!read_text(v, "id", &p->id) ||
	    !pp_json_get_count(v, "row", &t.row) ||
	    !pp_json_get_count(v, "step", &step) ||
	    !pp_json_get_count(v, "reserved", &t.reserved_nusd))
		return false;
	t.id = p->id.data;
	t.step = (size_t)step;
	p->r->on_try(p->r->arg, &t);
	return true;
}

static bool
replay_end(struct replay *p, const struct pp_json *v)
{
	struct pp_journal_end e = { .id = NULL };
	int64_t step, status = 0;

	if (!read_text(v, "id", &p->id) ||
	    !pp_json_get_count(v, "row", &e.row) ||
	    !pp_json_get_count(v, "step", &step) || !read_class(v, &e.class) ||
	    !pp_json_get_count(v, "in", &e.usage.tokens_in) ||
	    !pp_json_get_count(v, "out", &e.usage.tokens_out) ||
	    !pp_json_get_count(v, "cache_read", &e.usage.cache_read) ||
	    !pp_json_get_count(v, "cache_write", &e.usage.cache_write) ||
	    !pp_json_get_count(v, "cost", &e.cost_nusd) ||
	    !pp_json_get_count(v, "unproven", &e.unproven_nusd))
		return false;
	e.id = p->id.data;
	e.step = (size_t)step;
	e.finish = read_finish(v);
	if (read_text(v, "text", &p->text)) {
		e.text = p->text.data;
		e.text_len = p->text.len;
	}
	if (pp_json_get_count(v, "status", &status))
		e.http_status = (int)status;
	if (read_text(v, "reason", &p->reason))
		e.reason = p->reason.data;
	if (read_text(v, "raw", &p->raw)) {
		e.raw = p->raw.data;
		e.raw_len = p->raw.len;
	}
	p->r->on_end(p->r->arg, &e);
	return true;
}

static bool
replay_open(struct replay *p, const struct pp_json *v)
{
	const struct pp_json *boot = pp_json_get(v, "boot_id");

	if (boot == NULL || boot->type != PP_JSON_STRING)
		return false;
	p->opened = true;
	if (!pp_json_is(boot, pp_boot_id()))
		p->r->other_boot = true;
	return true;
}

/* false: the line is not what was written. */
static bool
replay_line(struct replay *p, const char *line, size_t len)
{
	const struct pp_json *v, *type;
	char crc[CRC_BYTES + 1];

	if (len < CRC_BYTES + 2)
		return false;
	snprintf(crc, sizeof crc, "%08x ",
	    pp_crc32c(0, line + CRC_BYTES, len - CRC_BYTES));
	if (memcmp(crc, line, CRC_BYTES) != 0)
		return false;
	v = pp_json_parse(&p->doc, line + CRC_BYTES, len - CRC_BYTES, 0, NULL);
	type = v != NULL ? pp_json_get(v, "t") : NULL;
	if (type == NULL)
		return false;
	if (pp_json_is(type, "try"))
		return replay_try(p, v);
	if (pp_json_is(type, "end"))
		return replay_end(p, v);
	return pp_json_is(type, "open") && replay_open(p, v);
}

static int
replay_file(struct replay *p, const char *path, struct pp_error *err)
{
	struct pp_lines lines;
	bool torn = false;
	size_t len;
	char *line;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pp_error_errno(err, PP_EIO, errno,
		    "cannot read journal '%s'", path);
	p->opened = false;
	pp_lines_init(&lines, fd, path, MAX_LINE_BYTES);
	while ((rc = pp_lines_next(&lines, &line, &len, err)) > 0) {
		if (torn && !p->r->other_boot) {
			rc = pp_error_set(err, PP_EDATA,
			    "%s:%llu: journal is damaged", path,
			    (unsigned long long)lines.number - 1);
			break;
		}
		torn = !replay_line(p, line, len);
	}
	if (!p->opened)
		p->r->other_boot = true;
	pp_lines_release(&lines);
	close(fd);
	return rc;
}

int
pp_journal_replay(const struct pp_journal_where *where, int64_t from,
    struct pp_journal_reader *r, struct pp_error *err)
{
	char *folder = folder_of(where->home, where->job_id);
	struct replay p = { .r = r };
	struct journal_files files;
	bool found = false;
	int rc;

	r->other_boot = false;
	r->last_generation = 0;
	pp_buf_init(&p.id, 0);
	pp_buf_init(&p.text, 0);
	pp_buf_init(&p.reason, 0);
	pp_buf_init(&p.raw, 0);
	rc = list_files(folder, where->shard, &files, err);
	for (size_t i = 0; rc == 0 && i < files.count; i++) {
		r->last_generation = files.list[i].generation;
		if (files.list[i].generation < from)
			continue;
		found = true;
		rc = replay_file(&p, files.list[i].name, err);
	}
	if (rc == 0 && !found)
		r->other_boot = true;
	if (files.count > 0 || files.list != NULL)
		release_files(&files);
	pp_buf_release(&p.id);
	pp_buf_release(&p.text);
	pp_buf_release(&p.reason);
	pp_buf_release(&p.raw);
	pp_json_doc_release(&p.doc);
	free(folder);
	return rc;
}
