/* SPDX-License-Identifier: Apache-2.0 */
/* The files of core/cli/template, put into the program by the build. */
#ifndef SLUICE_CLI_TEMPLATES_H
#define SLUICE_CLI_TEMPLATES_H

#include <stddef.h>

typedef struct sl_template {
  const char *name; /* of the file */
  const char *data;
  size_t len;
} sl_template;

extern const sl_template sl_templates[];
extern const size_t sl_n_templates;

#endif
