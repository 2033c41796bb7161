/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_listen on foreign bytes: what a request's head means, and the documents of its body. The first byte chooses
 * what the body is said to be. What is found must be whole objects that the core takes, too; what is refused must be
 * refused by it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doc/codec.h"
#include "intake.h"

#define MAX_RECORDS 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void heads(const char *text, size_t len, int accept) {
  sl_http_head head;
  const char *why = NULL;
  listen_rules rules = {.path = "/documents", .token = accept ? "token" : NULL, .accept = accept, .max_bytes = 1000};
  int64_t n = sl_http_head_parse(text, len, 16384, &head, &why);
  if (n <= 0) return;
  listen_request *r = malloc(sizeof *r);
  if (!r) abort();
  listen_judge(&head, &rules, r);
  if (r->status == 0 && (r->kind < LISTEN_JSON || r->kind > LISTEN_PAGE || head.length > 1000)) abort();
  if (r->status >= 400 && !r->why) abort();
  if (!memchr(r->id, 0, sizeof r->id) || !memchr(r->uri, 0, sizeof r->uri)) abort();
  if (r->status == 0 && (!listen_utf8_line(r->id, strlen(r->id)) || !listen_utf8_line(r->uri, strlen(r->uri)))) abort();
  free(r);
}

static void bodies(int kind, const char *text, size_t len) {
  listen_records r;
  listen_error error = {0};
  int rc = listen_find_records(kind, text, len, MAX_RECORDS, &r, &error);
  size_t end = 0;
  if (rc == -400 && (!error.why || error.at > len)) abort();
  if (r.n > MAX_RECORDS) abort();
  for (size_t i = 0; i < r.n; i++) {
    const listen_record *one = &r.items[i];
    if (one->start < end || one->start + one->len > len || text[one->start] != '{') abort();
    if (sl_json_check(text + one->start, one->len, NULL, NULL, NULL) != 0) abort();
    end = one->start + one->len;
  }
  free(r.items);
}

/* The two readers of JSON agree. */
static void values(const char *text, size_t len) {
  listen_error error = {0};
  size_t end = listen_json_value(text, len, 0, &error);
  int ours = end && listen_json_space(text, len, end) == len;
  int theirs = sl_json_check(text, len, NULL, NULL, NULL) == 0;
  if (len && ours != theirs) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  char *text = malloc(size);
  if (!text) abort();
  memcpy(text, data + 1, size - 1);
  text[size - 1] = '\0';
  heads(text, size - 1, data[0] % 3);
  bodies(data[0] % 2 ? LISTEN_JSON : LISTEN_LINES, text, size - 1);
  values(text, size - 1);
  free(text);
  return 0;
}
