/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Substitution in the texts of a parsed file: ${NAME}, ${NAME:-default}, ${file:PATH}; $${ stands for ${.
 *
 * It happens after parsing and in values only, so that what is put in can never become structure. A default serves
 * where the variable is not set or empty, and may hold further substitutions. ${PWD} is always the working directory.
 * ${file:…} is the content of a text file without its last line break; a relative PATH is looked up in the file's
 * folder.
 */
#ifndef SLUICE_CONF_SUBST_H
#define SLUICE_CONF_SUBST_H

#include "conf/node.h"

#define SL_SUBST_MAX_BYTES ((size_t)1 << 20)

struct sl_strlist;

/* Treats every value below and including root, once. base: the file's folder. files (or NULL): the paths that ${file:}
 * names are added. Errors go to diags. 0, SL_EINVAL or SL_ENOMEM. */
int sl_subst_tree(sl_arena *arena, sl_diags *diags, const char *base, struct sl_strlist *files, sl_node *root);
#endif
