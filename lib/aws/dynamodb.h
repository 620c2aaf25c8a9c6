/*
 * DynamoDB's operations, as far as a home of records needs them: one item
 * read, many read by key, queries through all their pages, single writes,
 * transactions, batches of writes. Each waits for its reply.
 *
 * Expressions are written with names like "#status"; the alias is made from
 * them, so a reserved word is never in the way; "__" in an alias stands for
 * '#': "#job_id__timestamp". A transaction carries a token, so that one whose reply was lost has
 * no second effect; single writes must be of a kind that may be repeated.
 */
#ifndef PP_AWS_DYNAMODB_H
#define PP_AWS_DYNAMODB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/aws.h"
#include "aws/dynamodb_value.h"
#include "aws/request.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* A reply's document; `root` is NULL without one. To be released. */
struct pp_ddb_reply {
	struct pp_aws_reply reply;
	struct pp_json_doc doc;
	const struct pp_json *root;
};

void	pp_ddb_reply_release(struct pp_ddb_reply *r);

/*
 * Any operation: `body` is its JSON. -1 with `err` by the fault's class; the
 * reply is filled in either case.
 */
int	pp_ddb_call(struct pp_aws *a, const char *operation,
	    const struct pp_buf *body, struct pp_ddb_reply *r,
	    struct pp_error *err);

/* ---- writing ---- */

enum pp_ddb_kind { PP_DDB_PUT, PP_DDB_UPDATE, PP_DDB_DELETE };

/* One write. The strings are borrowed, the buffers its own. */
struct pp_ddb_action {
	enum pp_ddb_kind kind;
	const char *table;
	struct pp_buf item;		/* PUT: all of it; else the key */
	struct pp_buf update;		/* "SET #a = :a ADD #b :b"; of UPDATE */
	const char *condition;		/* NULL: none */
	struct pp_buf values;		/* ":a", ":b" */
};

#define PP_DDB_MAX_ACTIONS 100

struct pp_ddb_transaction {
	struct pp_ddb_action *actions;
	size_t count, cap;
};
#define PP_DDB_TRANSACTION_INIT { .actions = NULL }

/*
 * The next action of a transaction, valid until the next one is added. Its
 * buffers are to be filled.
 */
struct pp_ddb_action *pp_ddb_add(struct pp_ddb_transaction *t,
	    enum pp_ddb_kind kind, const char *table, const char *condition);
void	pp_ddb_transaction_release(struct pp_ddb_transaction *t);

/*
 * Do all of them or none, and forget them. 0: done. 1: a condition did not
 * hold; `*failed` (may be NULL) is the first such action. -1. Conflicts with
 * other transactions are waited out. PP_ELIMIT: an item is above 400 KB.
 */
int	pp_ddb_commit(struct pp_aws *a, struct pp_ddb_transaction *t,
	    size_t *failed, struct pp_error *err);

/* One write alone. 0; 1: its condition did not hold; -1. Releases it. */
int	pp_ddb_write(struct pp_aws *a, struct pp_ddb_action *action,
	    struct pp_error *err);

/*
 * Put or delete any number of items of one table, without conditions, in
 * batches; what the service leaves over is sent again. Forgets them.
 */
int	pp_ddb_write_all(struct pp_aws *a, struct pp_ddb_transaction *t,
	    struct pp_error *err);

/* ---- reading, strongly consistent unless said otherwise ---- */

/* 1 and the item in `*item` (of the reply); 0: there is none; -1. */
int	pp_ddb_read(struct pp_aws *a, const char *table,
	    const struct pp_buf *key, struct pp_ddb_reply *r,
	    const struct pp_json **item, struct pp_error *err);

/* An item of a query. 0 to go on, 1 to stop, -1. */
typedef int pp_ddb_item_fn(void *arg, const struct pp_json *item,
	    struct pp_error *err);

struct pp_ddb_query {
	const char *table, *index;	/* index NULL: the table's key */
	const char *key;		/* "#status = :s AND #x > :x" */
	const char *filter;		/* NULL: none */
	const char *fields;		/* "#a, #b"; NULL: all */
	struct pp_buf values;
	bool backward;
	bool eventually;		/* need not be consistent */
	int page;			/* items to a page; 0: what fits */
};

/* Each item, through all pages, until `fn` stops it. Releases `values`. */
int	pp_ddb_query(struct pp_aws *a, struct pp_ddb_query *q,
	    pp_ddb_item_fn *fn, void *arg, struct pp_error *err);

/* How many items there are. Releases `values`. */
int	pp_ddb_count(struct pp_aws *a, struct pp_ddb_query *q, int64_t *count,
	    struct pp_error *err);

/*
 * The items of many keys, at most 100, in any order; those that are not there
 * are passed over. Each key is the members of an object.
 */
int	pp_ddb_read_all(struct pp_aws *a, const char *table,
	    const struct pp_buf *keys, size_t count, pp_ddb_item_fn *fn,
	    void *arg, struct pp_error *err);

#endif
