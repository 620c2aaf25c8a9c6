/*
 * A column chunk in the file: its pages with their headers, and what the
 * footer and the page indexes say of them.
 */
#ifndef PP_EXPORT_PQCHUNK_H
#define PP_EXPORT_PQCHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "export/outfile.h"
#include "export/pqbloom.h"
#include "export/pqcolumn.h"
#include "export/pqpages.h"
#include "export/pqschema.h"
#include "export/pqvalue.h"

struct pp_pqpage {
	struct pp_page_place place;
	enum pp_pq_encoding encoding;
	uint32_t entries, nulls, rows;
	uint32_t def_bytes, rep_bytes;	/* of its levels */
	uint64_t first_row;		/* in the row group */
	struct pp_pqbounds bounds;
};

/* Pages do not move while they are in the list. */
struct pp_pqpage_list {
	struct pp_pqpage **list;
	size_t count, cap;
	struct pp_page_place dict;
	uint32_t dict_entries;		/* 0: no dictionary */
};

/* A new page at the end, zeroed. */
struct pp_pqpage *pp_pqpage_list_add(struct pp_pqpage_list *l);
void	pp_pqpage_list_clear(struct pp_pqpage_list *l);
void	pp_pqpage_list_release(struct pp_pqpage_list *l);

struct pp_pqchunk_writer {
	const struct pp_pqleaf *leaf;
	const struct pp_pqpage_list *list;
	struct pp_pages *pages;
	struct pp_pqbloom *bloom;	/* NULL: none is wanted */
	int page_version;
	enum pp_codec_kind codec;
	struct pp_outfile *out;
	struct pp_pqchunk *chunk;
};

int	pp_pqchunk_write(struct pp_pqchunk_writer *w, struct pp_error *err);

#endif
