/* SPDX-License-Identifier: Apache-2.0 */
/* As a header before 0.1 could have looked: version 0.0, smaller tables. Only for old_header.c. */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define SL_ABI_MAJOR 0
#define SL_ABI_MINOR 0
#define SL_EXPORT __attribute__((visibility("default")))
#define SL_TRANSFORM 2

typedef struct sl_doc sl_doc;
typedef struct sl_ctx sl_ctx;

typedef struct sl_stage_type {
  uint32_t struct_size;
  uint32_t kind;
  const char *name;
  const char *summary;
  int32_t (*process)(sl_ctx *ctx, void *stage, sl_doc *doc);
} sl_stage_type;

typedef struct sl_plugin {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint16_t min_host_minor;
  uint16_t reserved;
  uint32_t n_types;
  const char *name;
  const sl_stage_type *types;
} sl_plugin;

#endif
