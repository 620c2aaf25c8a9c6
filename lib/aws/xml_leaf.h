/*
 * One value out of a small XML reply whose elements have no attributes, as
 * the query protocols and error documents have them.
 */
#ifndef PP_AWS_XML_LEAF_H
#define PP_AWS_XML_LEAF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The text of the first <name>...</name>, entities resolved; NULL when there
 * is none. Returns owned.
 */
char	*pp_xml_leaf(const char *xml, size_t len, const char *name);

#endif
