/*
 * A folder that is filled whole or not at all: files are written under
 * temporary names in a hidden folder inside it and moved into place when all
 * are complete and durable; "manifest.json" comes next and "_SUCCESS" last.
 * Files that an older manifest names and the new one does not are removed.
 * A killed export leaves a hidden folder, which the next one takes away.
 */
#ifndef PP_EXPORT_TREE_H
#define PP_EXPORT_TREE_H

#include "base/buf.h"
#include "base/error.h"

struct pp_tree;

/*
 * Make the folder `dir` (borrowed) if need be and lock it. PP_ETEMP when
 * another export writes there. Returns owned, or NULL.
 */
struct pp_tree *pp_tree_open(const char *dir, struct pp_error *err);

/* Give up what is not committed, and free. */
void	pp_tree_free(struct pp_tree *t);

/*
 * A new file that shall be `path` (relative, without dots) in the end.
 * Returns the temporary name, which the caller creates; borrowed, lives as
 * long as the tree.
 */
const char *pp_tree_add(struct pp_tree *t, const char *path);

/* Add a small file with these contents. */
int	pp_tree_put(struct pp_tree *t, const char *path,
	    const struct pp_buf *text, struct pp_error *err);

/* Forget all files added so far, and remove them. */
void	pp_tree_reset(struct pp_tree *t);

/* The hidden folder: a place for scratch files on the same disk. */
const char *pp_tree_scratch(const struct pp_tree *t);

/*
 * For a program that ends now, by a signal, in whatever thread it has: take
 * away what the trees of this process have not committed. A commit that has
 * begun is waited for. Nothing can be added or committed afterwards: who tries
 * waits for the end.
 */
void	pp_tree_abandon_all(void);

/* Move everything into place. The files are closed by now. */
int	pp_tree_commit(struct pp_tree *t, const struct pp_buf *manifest,
	    struct pp_error *err);

#endif
