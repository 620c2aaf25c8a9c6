/*
 * The syntax tree, which is also what the evaluator runs: the parser builds
 * it, the resolver (resolve.c) gives each name a slot, each filter its
 * function, and folds constants. Nodes live in the template's arena and never
 * change afterwards.
 */
#ifndef PP_TEMPLATE_AST_H
#define PP_TEMPLATE_AST_H

#include "base/arena.h"
#include "template/call.h"
#include "template/object.h"
#include "template/runtime.h"

enum pp_node_kind {
	/* expressions */
	PP_N_CONST,
	PP_N_NAME,
	PP_N_GETATTR,
	PP_N_GETITEM,
	PP_N_SLICE,		/* only as the index of a GETITEM */
	PP_N_CALL,
	PP_N_FILTER,
	PP_N_TEST,
	PP_N_NOT,
	PP_N_NEG,
	PP_N_POS,
	PP_N_AND,
	PP_N_OR,
	PP_N_BINARY,
	PP_N_COMPARE,		/* one comparison */
	PP_N_CHAIN,		/* a < b < c */
	PP_N_CONCAT,
	PP_N_COND,
	PP_N_LIST,
	PP_N_TUPLE,
	PP_N_DICT,		/* list of key, value, key, value ... */
	PP_N_NSREF,		/* ns.attr as a target */

	/* statements */
	PP_N_OUTPUT,		/* list of expressions and data */
	PP_N_FOR,
	PP_N_IF,
	PP_N_SET,
	PP_N_SETBLOCK,
	PP_N_MACRO,
	PP_N_CALLBLOCK,
	PP_N_FILTERBLOCK,
	PP_N_WITH,
	PP_N_DO,
	PP_N_BREAK,
	PP_N_CONTINUE,
	PP_N_INCLUDE,
	PP_N_IMPORT,
	PP_N_FROM,
	PP_N_BLOCK,
	PP_N_EXTENDS,
	PP_N_AUTOESCAPE,
	PP_N_GENERATION
};

/* Comparison operators: enum pp_compare and these. */
enum { PP_EQ = 4, PP_NE, PP_IN, PP_NOT_IN };

/* A name of the source, one object per spelling in a template. */
struct pp_atom {
	struct pp_atom *next;
	struct pp_value str;
	uint32_t hash;
};

struct pp_node;

struct pp_list_of {
	struct pp_node **item;
	uint32_t count;
};

/* Arguments of a call, a filter or a test. */
struct pp_call_args {
	struct pp_list_of pos;
	struct pp_atom **names;
	struct pp_node **values;
	uint32_t named;
	struct pp_node *star, *star_star;
};

/*
 * Where a name's value is: `depth` functions up from the one that runs, in
 * its slot `slot`. PP_T_UNSET there means: look it up in the context.
 */
struct pp_place {
	uint16_t depth, slot;
};

/* What a scope does when it is entered. */
struct pp_load {
	enum { PP_LOAD_MISSING, PP_LOAD_ALIAS, PP_LOAD_CONTEXT } how;
	uint16_t slot;
	struct pp_place from;		/* of an alias */
	struct pp_atom *name;		/* of one from the context */
};

/* A name that was stored in a scope, for include and import. */
struct pp_visible {
	struct pp_atom *name;
	struct pp_place place;
};

/* What the resolver found out about a scope. */
struct pp_scope_info {
	struct pp_load *load;
	uint32_t loads;
};

/* All names that an include, import or scoped block can see from a node. */
struct pp_locals {
	struct pp_visible *name;
	uint32_t count;
};

/*
 * Code that runs with slots of its own: the template, a block, a macro, a
 * call block's body, the body of a recursive loop.
 */
struct pp_function {
	struct pp_list_of body;
	struct pp_scope_info scope;
	uint32_t slots;
	uint32_t height;		/* nesting of its code */
	struct pp_atom **param;
	struct pp_node **defaults;	/* of the last parameters */
	uint16_t *param_slot;
	uint32_t params, default_count;
	int caller_slot, kwargs_slot, varargs_slot;	/* or -1 */
	int self_slot, super_slot;	/* of a block or the template, or -1 */
	bool explicit_caller;		/* a parameter named caller */
	struct pp_atom *name;		/* NULL: anonymous */
};

struct pp_for {
	struct pp_node *target, *iter, *test;
	struct pp_node *test_target;	/* the target once more, for test */
	struct pp_list_of body, otherwise;
	struct pp_scope_info body_scope, test_scope, else_scope;
	struct pp_function *recursive;	/* runs body, if marked so */
	int loop_slot;			/* -1: loop is not used */
};

struct pp_branch {
	struct pp_node *test;		/* NULL: else */
	struct pp_list_of body;
};

struct pp_if {
	struct pp_branch *branch;
	uint32_t count;
};

struct pp_with {
	struct pp_list_of targets, values, body;
	struct pp_scope_info scope;
};

/* set block, filter block, autoescape, generation */
struct pp_capture {
	struct pp_node *target;		/* of a set block */
	struct pp_node *filter;		/* chain whose innermost has no subject */
	struct pp_node *flag;		/* of autoescape */
	struct pp_list_of body;
	struct pp_scope_info scope;
};

struct pp_include {
	struct pp_node *name;
	bool ignore_missing, with_context;
	struct pp_atom *target;		/* of import */
	struct pp_place place;
	struct pp_atom **names, **aliases;	/* of from */
	struct pp_place *places;
	uint32_t count;
	struct pp_locals locals;
};

struct pp_block_node {
	struct pp_atom *name;
	struct pp_list_of body;
	struct pp_function *function;
	struct pp_locals locals;
	bool scoped, required;
};

struct pp_node {
	uint8_t kind;
	uint8_t op;		/* of BINARY, COMPARE; of a GETATTR, what
				 * `loop` has under the name; of a FILTER,
				 * how many arguments it must have */
	uint8_t flag;		/* see below */
	uint8_t targets;	/* of a NAME: it is stored; of a FILTER, how
				 * many arguments it may have */
	uint32_t pos;		/* byte offset in the source */
	union {
		struct pp_value value;
		struct {
			struct pp_atom *atom;
			struct pp_place place;
		} name;
		struct {
			struct pp_node *of;
			struct pp_atom *name;
			const char *method;	/* NULL: no type has it */
		} attr;
		struct {
			struct pp_node *of, *index;
		} item;
		struct {
			struct pp_node *lo, *hi, *step;
		} slice;
		struct {
			struct pp_node *of;
			struct pp_call_args *args;
			struct pp_atom *name;	/* of a filter or test */
			const void *what;	/* the filter or test */
		} call;
		struct {
			struct pp_node *a, *b;
		} two;
		struct {
			struct pp_node *test, *yes, *no;
		} cond;
		struct {
			struct pp_node *first;
			struct pp_list_of rest;	/* COMPAREs without an a */
		} chain;
		struct pp_list_of list;
		struct {
			struct pp_node *target, *value;
		} set;
		struct pp_for *loop;
		struct pp_if *branches;
		struct {
			struct pp_atom *name;
			struct pp_place place;
			struct pp_function *function;
			struct pp_node *call;	/* of a call block */
		} macro;
		struct pp_capture *capture;
		struct pp_with *with;
		struct pp_include *include;
		struct pp_block_node *block;
		struct {
			struct pp_atom *name;
			struct pp_atom *attr;
			struct pp_place place;
		} nsref;
	};
};

/* `flag` of a NAME, SET, MACRO, IMPORT at the top: also goes to the context */
#define PP_EXPORT 1u
/* `flag` of an OUTPUT part: text of the template */
#define PP_DATA 2u
/* `flag` of an OUTPUT, BLOCK or EXTENDS after an unconditional extends */
#define PP_DEAD 4u
/* `flag` of an OUTPUT or BLOCK that a conditional extends may silence */
#define PP_MAYBE_DEAD 8u
/* `flag` of a FILTER or TEST that is unknown where that is no error yet */
#define PP_UNKNOWN 16u

#endif
