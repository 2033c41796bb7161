/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a pipeline file: the whole loader, then everything that shows what it found. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "../conf/fake_types.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "conf/diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  sl_mem_install();
  const char *const sets[] = {"lanes=2", "a.number=3"};
  sl_load_opts opts = {
      .resolve = fake_resolve, .cwd = "/cwd", .supplier = fake_supplier, .sets = sets, .n_sets = len % 3};
  sl_diags *diags = sl_diags_new();
  if (!diags) return 0;
  sl_pipeline *p = NULL;
  int rc = sl_pipeline_load_text((const char *)data, len, "fuzz.yaml", &opts, diags, &p);
  if ((rc == 0) != (p != NULL) || (rc == 0) != (sl_diags_errors(diags) == 0)) abort();
  for (uint32_t i = 0; p && i < p->n_edges; i++)
    if (p->edges[i].from >= p->edges[i].to || p->edges[i].to >= p->n_stages) abort();
  sl_buf buf = {0};
  if (sl_diags_print(diags, &buf, 1) == 0 && buf.len && !sl_utf8_valid(buf.data, buf.len, NULL)) abort();
  sl_buf_done(&buf);
  cJSON *json = NULL;
  if (sl_diags_json(diags, &json, NULL) == 0) cJSON_Delete(json);
  sl_diags_free(diags);
  sl_pipeline_free(p);
  return 0;
}
