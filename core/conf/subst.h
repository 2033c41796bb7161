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

/* Treats every value below and including root, once. base: the file's folder. Errors go to diags. 0, SL_EINVAL or
 * SL_ENOMEM. */
int sl_subst_tree(sl_arena *arena, sl_diags *diags, const char *base, sl_node *root);
/* One text. *ret_text [borrow from arena]; ret_flags: SL_NODE_SUBST, SL_NODE_OUTSIDE are added. err: what and which
 * substitution (ret_nth, from 0) failed. */
int sl_subst_text(sl_arena *arena, const char *base, const char *text, const char **ret_text, uint32_t *ret_flags,
                  uint32_t *ret_nth, sl_err *err);

#endif
