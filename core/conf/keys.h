/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's own keys as tables: what is read, refused, documented and put into the schema comes from here.
 *
 * A row begins with an sl_param, so that the tables are read like those of a plugin (conf/param.h).
 */
#ifndef SLUICE_CONF_KEYS_H
#define SLUICE_CONF_KEYS_H

#include "conf/param.h"
#include "conf/pipeline.h"

#define SL_KEY_REFUSED 1u  /* its feature is not built yet: refused by name */
#define SL_KEY_DEFAULTS 2u /* may stand under the top-level `defaults:` */
#define SL_KEY_SOURCE 4u   /* has a meaning on sources, … */
#define SL_KEY_TRANSFORM 8u
#define SL_KEY_SINK 16u
#define SL_KEY_SERIAL 32u /* … on transforms with this capability only */
#define SL_KEY_BLOCKING 64u
#define SL_KEY_ASYNC 128u /* on stages of any kind with this capability only */
#define SL_KEY_ANY (SL_KEY_SOURCE | SL_KEY_TRANSFORM | SL_KEY_SINK)

typedef struct sl_keyrow {
  sl_param param;
  uint32_t flags;      /* SL_KEY_… */
  const char *type;    /* for CUSTOM keys: the type in words */
  const char *def;     /* for the reference, where it is not param.def */
  const char *scope;   /* where it has a meaning, in words */
  const char *instead; /* REFUSED: the hint */
} sl_keyrow;

/* The top level. */
typedef struct sl_top_keys {
  int64_t version;
  const char *name, *dead_letters; /* dead_letters: by sl_forms_dead_letters */
  int64_t budget, grace;
  int32_t unrouted, log;
  sl_list plugin_path; /* of const char * */
} sl_top_keys;

/* The map forms of state, dead_letters, admin and schedule. */
typedef struct sl_state_keys {
  int64_t checkpoint, spool, kv;
} sl_state_keys;

typedef struct sl_dead_keys {
  const char *path;
  int64_t max, max_bytes, max_age;
  int32_t when_full;
} sl_dead_keys;

typedef struct sl_admin_keys {
  const char *listen, *token;
} sl_admin_keys;

typedef struct sl_schedule_keys {
  int64_t every, jitter;
  const char *cron, *zone;
} sl_schedule_keys;

/* A stage. */
typedef struct sl_stage_keys {
  const char *id, *uses;
  sl_list from; /* of const char * */
  sl_on_error on_error;
  sl_batch_opts batch;
  int64_t threads, in_flight, timeout; /* threads, in_flight 0: not set */
  int32_t order;                       /* -1: not set */
  sl_list provides, was;               /* of const char * */
} sl_stage_keys;

extern const sl_param_table sl_keys_top, sl_keys_stage;

const sl_keyrow *sl_keys_row(const sl_param_table *table, uint32_t i);
/* NULL if there is no such key. */
const sl_keyrow *sl_keys_find(const sl_param_table *table, const char *name);
/* 1 if the key has a meaning on a stage of this type. */
int sl_keys_apply(const sl_keyrow *key, const sl_stage_type *type);
/* "string", "list of pointer", "auto or int": the type in words. Returns buf or a constant. */
const char *sl_keys_type_text(const sl_param *param, char *buf, size_t cap);

#endif
