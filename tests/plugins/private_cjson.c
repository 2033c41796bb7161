/* SPDX-License-Identifier: Apache-2.0 */
/* Carries a cJSON of its own, of which one function is enough here. */
__attribute__((visibility("hidden"))) const char *cJSON_Version(void);
const char *cJSON_Version(void) { return "1.7.99"; }
#define CJSON_VERSION cJSON_Version
#include "minimal.h"
