/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter lies outside of its struct. */
#include <sluice/plugin.h>

typedef struct params {
  int64_t inside, outside;
} params;
static const sl_param table[] = {
    SL_PARAM(params, inside, SL_T_INT, 0, "1", NULL, "Fits."),
    SL_PARAM(params, outside, SL_T_INT, 0, "1", NULL, "Does not fit."),
};
#define PARAMS table
#define PARAMS_SIZE sizeof(int64_t)
#include "minimal.h"
