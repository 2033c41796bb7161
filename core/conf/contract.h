/* SPDX-License-Identifier: Apache-2.0 */
/* What a configured stage reads and writes: its type's table, what it computes, and its pointer parameters. */
#ifndef SLUICE_CONF_CONTRACT_H
#define SLUICE_CONF_CONTRACT_H

#include "conf/draft.h"

/* A path of a condition parameter: read, but a document without it is no failure. Beside SL_C_…, in sl_access only. */
#define SL_C_TESTS 100u

/* Adds all of a stage's accesses, with params as parsed. 0, SL_ENOMEM, or the error of the type's `contract` function.
 */
int sl_contract_collect(sl_arena *arena, const sl_stage_type *type, const void *params, sl_accesses *ret);
int sl_contract_add(sl_arena *arena, sl_accesses *list, const char *pointer, uint32_t access, uint32_t types);
/* 1 if the type's own table says that every document that leaves it has the field. */
int sl_contract_supplies(const sl_stage_type *type, const char *pointer);

#endif
