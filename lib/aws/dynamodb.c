#include <config.h>

#include "aws/dynamodb.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/rand.h"

#define MAX_BATCH 25
/* Conflicts and leftovers are waited out for this long. */
#define PATIENCE_MS INT64_C(60000)
#define FIRST_PAUSE_US INT64_C(10000)
#define LONGEST_PAUSE_US INT64_C(2000000)

/* ---- waiting ---- */

/* Full jitter, doubling; until the patience is at its end. */
struct pause {
	int64_t until_ms, next_us;
	struct pp_rand rand;
};

static void
pause_init(struct pause *p)
{
	p->until_ms = pp_clock_boot_ms() + PATIENCE_MS;
	p->next_us = FIRST_PAUSE_US;
	pp_rand_seed_any(&p->rand);
}

/* false: it has lasted long enough. */
static bool
pause_once(struct pause *p)
{
	int64_t us = (int64_t)pp_rand_below(&p->rand, (uint64_t)p->next_us);
	struct timespec t = { us / 1000000, (us % 1000000) * 1000 };

	if (pp_clock_boot_ms() >= p->until_ms)
		return false;
	nanosleep(&t, NULL);
	if (p->next_us < LONGEST_PAUSE_US)
		p->next_us *= 2;
	return true;
}

/* ---- a call ---- */

void
pp_ddb_reply_release(struct pp_ddb_reply *r)
{
	pp_aws_reply_release(&r->reply);
	pp_json_doc_release(&r->doc);
	*r = (struct pp_ddb_reply){ .root = NULL };
}

int
pp_ddb_call(struct pp_aws *a, const char *operation, const struct pp_buf *body,
    struct pp_ddb_reply *r, struct pp_error *err)
{
	char *target = pp_asprintf("DynamoDB_20120810.%s", operation);
	struct pp_aws_request req = { .service = PP_AWS_DYNAMODB,
		.content_type = "application/x-amz-json-1.0",
		.target = target,
		.body = body->data,
		.body_len = body->len };
	int rc;

	*r = (struct pp_ddb_reply){ .root = NULL };
	rc = pp_aws_call(a, &req, &r->reply, err);
	free(target);
	if (r->reply.status == 0)
		return rc;
	/* a fault's document has more than its message */
	r->root = pp_json_parse(&r->doc, r->reply.body, r->reply.body_len, 0,
	    NULL);
	if (rc == 0 && r->root == NULL)
		return pp_error_set(err, PP_EUNAVAIL,
		    "DynamoDB's reply to %s is no JSON", operation);
	return rc;
}

/* ---- requests ---- */

static void
put_key(struct pp_buf *out, const char *key)
{
	pp_json_put_key(out, key);
}

static void
put_member(struct pp_buf *out, const char *key, const char *text)
{
	put_key(out, key);
	pp_json_put_cstr(out, text);
}

static bool
is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* "#job_id__timestamp":"job_id#timestamp", once each. */
static void
add_alias(struct pp_buf *out, const char *alias, size_t len)
{
	struct pp_buf member = PP_BUF_INIT;
	size_t key_len;

	pp_buf_addc(&member, '"');
	pp_buf_add(&member, alias, len);
	pp_buf_adds(&member, "\":");
	key_len = member.len;
	if (memmem(out->data, out->len, member.data, key_len) == NULL) {
		pp_buf_addc(&member, '"');
		for (size_t i = 1; i < len; i++) {
			bool two = i + 1 < len && alias[i] == '_' &&
			    alias[i + 1] == '_';

			pp_buf_addc(&member, two ? '#' : alias[i]);
			i += two;
		}
		pp_buf_addc(&member, '"');
		if (out->len > 0)
			pp_buf_addc(out, ',');
		pp_buf_add(out, member.data, member.len);
	}
	pp_buf_release(&member);
}

static void
add_aliases(struct pp_buf *out, const char *expression)
{
	const char *at = expression;

	while (at != NULL && (at = strchr(at, '#')) != NULL) {
		size_t len = 1;

		while (is_name_byte(at[len]))
			len++;
		add_alias(out, at, len);
		at += len;
	}
}

/* The aliases and values of some expressions. */
static void
put_names_and_values(struct pp_buf *out, const char *const *expressions,
    size_t count, const struct pp_buf *values)
{
	struct pp_buf names = PP_BUF_INIT;

	for (size_t i = 0; i < count; i++)
		add_aliases(&names, expressions[i]);
	if (names.len > 0) {
		put_key(out, "ExpressionAttributeNames");
		pp_buf_addf(out, "{%s}", names.data);
	}
	if (values->len > 0) {
		put_key(out, "ExpressionAttributeValues");
		pp_buf_addf(out, "{%s}", values->data);
	}
	pp_buf_release(&names);
}

/* What is between the braces of a write. */
static void
put_action(struct pp_buf *out, const struct pp_ddb_action *w)
{
	const char *expressions[] = { w->condition, w->update.data };

	put_member(out, "TableName", w->table);
	put_key(out, w->kind == PP_DDB_PUT ? "Item" : "Key");
	pp_buf_addf(out, "{%s}", w->item.data);
	if (w->update.len > 0)
		put_member(out, "UpdateExpression", w->update.data);
	if (w->condition != NULL)
		put_member(out, "ConditionExpression", w->condition);
	put_names_and_values(out, expressions, 2, &w->values);
}

static int
check_size(const struct pp_ddb_action *w, struct pp_error *err)
{
	size_t bytes;

	/* what counts is never more than what is written */
	if (w->kind != PP_DDB_PUT || w->item.len <= PP_DDB_MAX_ITEM_BYTES)
		return 0;
	bytes = pp_ddb_item_bytes(&w->item);
	if (bytes <= PP_DDB_MAX_ITEM_BYTES)
		return 0;
	return pp_error_set(err, PP_ELIMIT,
	    "a record of %zu bytes is more than DynamoDB's 400 KB: make it "
	    "smaller, or keep its large parts in objects",
	    bytes);
}

/* ---- transactions ---- */

struct pp_ddb_action *
pp_ddb_add(struct pp_ddb_transaction *t, enum pp_ddb_kind kind,
    const char *table, const char *condition)
{
	struct pp_ddb_action *w;

	t->actions = pp_grow(t->actions, t->count, &t->cap, sizeof *t->actions);
	w = &t->actions[t->count++];
	*w = (struct pp_ddb_action){ .kind = kind,
		.table = table,
		.condition = condition,
		.item = PP_BUF_INIT,
		.update = PP_BUF_INIT,
		.values = PP_BUF_INIT };
	return w;
}

static void
release_action(struct pp_ddb_action *w)
{
	pp_buf_release(&w->item);
	pp_buf_release(&w->update);
	pp_buf_release(&w->values);
}

void
pp_ddb_transaction_release(struct pp_ddb_transaction *t)
{
	for (size_t i = 0; i < t->count; i++)
		release_action(&t->actions[i]);
	free(t->actions);
	*t = (struct pp_ddb_transaction)PP_DDB_TRANSACTION_INIT;
}

static const char *const kind_names[] = { "Put", "Update", "Delete" };

static void
put_transaction(struct pp_buf *out, const struct pp_ddb_transaction *t)
{
	char token[PP_ID_BYTES];

	pp_buf_clear(out);
	pp_buf_addc(out, '{');
	put_member(out, "ClientRequestToken", pp_id_new(token));
	put_key(out, "TransactItems");
	for (size_t i = 0; i < t->count; i++) {
		pp_buf_addf(out, "%c{\"%s\":{", i == 0 ? '[' : ',',
		    kind_names[t->actions[i].kind]);
		put_action(out, &t->actions[i]);
		pp_buf_adds(out, "}}");
	}
	pp_buf_adds(out, "]}");
}

/* What a cancelled transaction met. */
enum meeting { MET_CONDITION, MET_CONFLICT, MET_OTHER };

static enum meeting
why_cancelled(const struct pp_ddb_reply *r, size_t *failed)
{
	static const char *const passing[] = { "None", "TransactionConflict",
		"ThrottlingError", "ProvisionedThroughputExceeded" };
	const struct pp_json *reasons = r->root != NULL ?
	    pp_json_get(r->root, "CancellationReasons") :
	    NULL;
	enum meeting met = MET_CONFLICT;

	if (reasons == NULL || reasons->count == 0)
		return MET_OTHER;
	for (size_t i = 0; i < reasons->count; i++) {
		const struct pp_json *code = pp_json_get(pp_json_at(reasons, i),
		    "Code");
		bool passes = false;

		if (code == NULL)
			continue;
		if (pp_json_is(code, "ConditionalCheckFailed")) {
			if (failed != NULL)
				*failed = i;
			return MET_CONDITION;
		}
		for (size_t k = 0; k < sizeof passing / sizeof *passing; k++)
			passes |= pp_json_is(code, passing[k]);
		if (!passes)
			met = MET_OTHER;
	}
	return met;
}

/* 0; 1: a condition; 2: to be tried again, 3: as the same one; -1. */
static int
try_transaction(struct pp_aws *a, const struct pp_buf *body, size_t *failed,
    struct pp_error *err)
{
	struct pp_ddb_reply r;
	int rc = pp_ddb_call(a, "TransactWriteItems", body, &r, err);
	const struct pp_aws_fault *f = &r.reply.fault;

	if (rc < 0 && pp_aws_fault_is(f, "TransactionCanceledException")) {
		switch (why_cancelled(&r, failed)) {
		case MET_CONDITION: rc = 1; break;
		case MET_CONFLICT: rc = 2; break;
		case MET_OTHER:
		default: break;
		}
	} else if (rc < 0 &&
	    pp_aws_fault_is(f, "TransactionConflictException")) {
		rc = 2;
	} else if (rc < 0 &&
	    pp_aws_fault_is(f, "TransactionInProgressException")) {
		rc = 3; /* an attempt of ours, whose reply was lost */
	}
	pp_ddb_reply_release(&r);
	return rc;
}

int
pp_ddb_commit(struct pp_aws *a, struct pp_ddb_transaction *t, size_t *failed,
    struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	struct pause pause;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->count; i++)
		rc = check_size(&t->actions[i], err);
	pause_init(&pause);
	put_transaction(&body, t);
	while (rc == 0) {
		rc = try_transaction(a, &body, failed, err);
		if (rc < 2)
			break;
		if (!pause_once(&pause)) {
			rc = pp_error_set(err, PP_ETEMP,
			    "others write to the same records all the time");
			break;
		}
		/* one that was refused had no effect: it is a new one */
		if (rc == 2)
			put_transaction(&body, t);
		rc = 0;
	}
	pp_buf_release(&body);
	pp_ddb_transaction_release(t);
	return rc;
}

int
pp_ddb_write(struct pp_aws *a, struct pp_ddb_action *w, struct pp_error *err)
{
	static const char *const operations[] = { "PutItem", "UpdateItem",
		"DeleteItem" };
	struct pp_buf body = PP_BUF_INIT;
	struct pause pause;
	struct pp_ddb_reply r;
	int rc = check_size(w, err);

	pause_init(&pause);
	pp_buf_addc(&body, '{');
	put_action(&body, w);
	pp_buf_addc(&body, '}');
	while (rc == 0) {
		bool again;

		rc = pp_ddb_call(a, operations[w->kind], &body, &r, err);
		again = rc < 0 &&
		    pp_aws_fault_is(&r.reply.fault,
			"TransactionConflictException");
		if (rc < 0 &&
		    pp_aws_fault_is(&r.reply.fault,
			"ConditionalCheckFailedException"))
			rc = 1;
		pp_ddb_reply_release(&r);
		if (!again || !pause_once(&pause))
			break;
		rc = 0;
	}
	pp_buf_release(&body);
	release_action(w);
	return rc;
}

/* ---- batches ---- */

static void
put_batch(struct pp_buf *out, const struct pp_ddb_action *w, size_t count)
{
	pp_buf_clear(out);
	pp_buf_adds(out, "{\"RequestItems\":{");
	pp_json_put_cstr(out, w->table);
	for (size_t i = 0; i < count; i++)
		pp_buf_addf(out, "%s{\"%s\":{\"%s\":{%s}}}",
		    i == 0 ? ":[" : ",",
		    w[i].kind == PP_DDB_PUT ? "PutRequest" : "DeleteRequest",
		    w[i].kind == PP_DDB_PUT ? "Item" : "Key", w[i].item.data);
	pp_buf_adds(out, "]}}");
}

/* What a reply says is still to be done becomes the next request. */
static bool
take_leftovers(const struct pp_ddb_reply *r, const char *name,
    struct pp_buf *body)
{
	const struct pp_json *left = pp_json_get(r->root, name);
	const char *raw;
	size_t len;

	if (left == NULL || left->count == 0)
		return false;
	raw = pp_json_raw(left, &len);
	pp_buf_clear(body);
	pp_buf_adds(body, "{\"RequestItems\":");
	pp_buf_add(body, raw, len);
	pp_buf_addc(body, '}');
	return true;
}

static int
leftovers_stay(struct pp_error *err)
{
	return pp_error_set(err, PP_ETEMP,
	    "DynamoDB takes no more requests for now");
}

static int
write_batch(struct pp_aws *a, struct pp_buf *body, struct pp_error *err)
{
	bool more = true;
	struct pause pause;
	int rc = 0;

	pause_init(&pause);
	while (rc == 0 && more) {
		struct pp_ddb_reply r;

		rc = pp_ddb_call(a, "BatchWriteItem", body, &r, err);
		more = rc == 0 && take_leftovers(&r, "UnprocessedItems", body);
		pp_ddb_reply_release(&r);
		if (more && !pause_once(&pause))
			rc = leftovers_stay(err);
	}
	return rc;
}

int
pp_ddb_write_all(struct pp_aws *a, struct pp_ddb_transaction *t,
    struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->count; i++)
		rc = check_size(&t->actions[i], err);
	for (size_t i = 0; rc == 0 && i < t->count; i += MAX_BATCH) {
		size_t n = t->count - i;

		put_batch(&body, &t->actions[i], n < MAX_BATCH ? n : MAX_BATCH);
		rc = write_batch(a, &body, err);
	}
	pp_buf_release(&body);
	pp_ddb_transaction_release(t);
	return rc;
}

/* ---- reading ---- */

int
pp_ddb_read(struct pp_aws *a, const char *table, const struct pp_buf *key,
    struct pp_ddb_reply *r, const struct pp_json **item, struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	int rc;

	pp_buf_addc(&body, '{');
	put_member(&body, "TableName", table);
	put_key(&body, "Key");
	pp_buf_addf(&body, "{%s}", key->data);
	put_key(&body, "ConsistentRead");
	pp_buf_adds(&body, "true}");
	rc = pp_ddb_call(a, "GetItem", &body, r, err);
	pp_buf_release(&body);
	*item = rc == 0 ? pp_json_get(r->root, "Item") : NULL;
	return rc < 0 ? -1 : *item != NULL;
}

static int
each_item(const struct pp_json *items, pp_ddb_item_fn *fn, void *arg,
    struct pp_error *err)
{
	const struct pp_json *at = items != NULL ? pp_json_first(items) : NULL;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && at != NULL && i < items->count; i++) {
		rc = fn(arg, at, err);
		at = pp_json_next(at);
	}
	return rc;
}

static void
put_query(struct pp_buf *out, const struct pp_ddb_query *q, bool count)
{
	const char *expressions[] = { q->key, q->filter, q->fields };

	pp_buf_addc(out, '{');
	put_member(out, "TableName", q->table);
	if (q->index != NULL)
		put_member(out, "IndexName", q->index);
	put_member(out, "KeyConditionExpression", q->key);
	if (q->filter != NULL)
		put_member(out, "FilterExpression", q->filter);
	if (q->fields != NULL)
		put_member(out, "ProjectionExpression", q->fields);
	put_names_and_values(out, expressions, 3, &q->values);
	if (q->page > 0) {
		put_key(out, "Limit");
		pp_json_put_int(out, q->page);
	}
	put_key(out, "ScanIndexForward");
	pp_buf_adds(out, q->backward ? "false" : "true");
	if (!q->eventually && q->index == NULL) {
		put_key(out, "ConsistentRead");
		pp_buf_adds(out, "true");
	}
	if (count)
		put_member(out, "Select", "COUNT");
	pp_buf_addc(out, '}');
}

/* The same query from where the last page ended; false at the end. */
static bool
next_page(const struct pp_ddb_reply *r, size_t query_len, struct pp_buf *body)
{
	const struct pp_json *last = pp_json_get(r->root, "LastEvaluatedKey");
	const char *raw;
	size_t len;

	if (last == NULL || last->count == 0)
		return false;
	raw = pp_json_raw(last, &len);
	pp_buf_truncate(body, query_len - 1); /* without its brace */
	put_key(body, "ExclusiveStartKey");
	pp_buf_add(body, raw, len);
	pp_buf_addc(body, '}');
	return true;
}

/* With `count` the items are counted and `fn` is not called. */
static int
query(struct pp_aws *a, struct pp_ddb_query *q, int64_t *count,
    pp_ddb_item_fn *fn, void *arg, struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	bool more = true;
	size_t len;
	int rc = 0;

	put_query(&body, q, count != NULL);
	len = body.len;
	while (rc == 0 && more) {
		struct pp_ddb_reply r;
		int64_t n = 0;

		rc = pp_ddb_call(a, "Query", &body, &r, err);
		if (rc == 0 && count != NULL) {
			pp_json_int64(pp_json_get(r.root, "Count"), &n);
			*count += n;
		} else if (rc == 0) {
			rc = each_item(pp_json_get(r.root, "Items"), fn, arg,
			    err);
		}
		more = rc == 0 && next_page(&r, len, &body);
		pp_ddb_reply_release(&r);
	}
	pp_buf_release(&body);
	pp_buf_release(&q->values);
	return rc < 0 ? -1 : 0;
}

int
pp_ddb_query(struct pp_aws *a, struct pp_ddb_query *q, pp_ddb_item_fn *fn,
    void *arg, struct pp_error *err)
{
	return query(a, q, NULL, fn, arg, err);
}

int
pp_ddb_count(struct pp_aws *a, struct pp_ddb_query *q, int64_t *count,
    struct pp_error *err)
{
	*count = 0;
	return query(a, q, count, NULL, NULL, err);
}

int
pp_ddb_read_all(struct pp_aws *a, const char *table, const struct pp_buf *keys,
    size_t count, pp_ddb_item_fn *fn, void *arg, struct pp_error *err)
{
	struct pp_buf body = PP_BUF_INIT;
	bool more = count > 0;
	struct pause pause;
	int rc = 0;

	pause_init(&pause);
	pp_buf_adds(&body, "{\"RequestItems\":{");
	pp_json_put_cstr(&body, table);
	for (size_t i = 0; i < count; i++)
		pp_buf_addf(&body, "%s{%s}", i == 0 ? ":{\"Keys\":[" : ",",
		    keys[i].data);
	pp_buf_adds(&body, "],\"ConsistentRead\":true}}}");
	while (rc == 0 && more) {
		struct pp_ddb_reply r;

		rc = pp_ddb_call(a, "BatchGetItem", &body, &r, err);
		if (rc == 0)
			rc = each_item(pp_json_get(pp_json_get(r.root,
						       "Responses"),
					   table),
			    fn, arg, err);
		more = rc == 0 && take_leftovers(&r, "UnprocessedKeys", &body);
		pp_ddb_reply_release(&r);
		if (more && !pause_once(&pause))
			rc = leftovers_stay(err);
	}
	pp_buf_release(&body);
	return rc < 0 ? -1 : 0;
}
