/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes, shared bodies, payloads, origins. */
#include "torture.h"

#include <pthread.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "doc/codec.h"
#include "doc/document.h"

static int n_released;

static void on_release(void *data, void *user) {
  (void)data;
  assert_string_equal(user, "user");
  n_released++;
}

static const char *text_of(sl_doc *doc) {
  static char copy[4096];
  sl_bytes bytes = {0};
  sl_err err = {0};
  if (sl_doc_text(doc, &bytes, &err) != 0) fail_msg("no text: %s", err.message);
  memcpy(copy, bytes.data, bytes.len);
  copy[bytes.len] = '\0';
  return copy;
}

static void set(sl_doc *doc, const char *json) {
  assert_int_equal(sl_doc_set_text(doc, json, strlen(json), NULL, NULL, NULL), 0);
}

static void new_is_empty_object(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  sl_bytes bytes = {0};
  const char *type = "x";
  sl_origin origin = {0};
  assert_int_equal(doc->attempt, 1);
  assert_int_equal(sl_doc_check(doc, NULL), 0);
  assert_string_equal(text_of(doc), "{}");
  assert_true(cJSON_IsObject(sl_doc_body(doc, NULL)));
  sl_doc_payload(doc, &bytes, &type);
  assert_null(bytes.data);
  assert_null(type);
  sl_doc_origin(doc, &origin);
  assert_string_equal(origin.uri, "");
  assert_string_equal(sl_doc_key(doc), "");
  sl_doc_free(doc);
  sl_doc_free(NULL);
}

static void text_goes_through_unread(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  static const char json[] = "{ \"b\": 1.0, \"a\":\"\\u0041\" }";
  n_released = 0;
  assert_int_equal(sl_doc_set_text(doc, json, sizeof json - 1, on_release, "user", NULL), 0);
  assert_int_equal(sl_doc_check(doc, NULL), 0);
  assert_true(sl_doc_is_raw(doc));
  sl_bytes bytes = {0};
  assert_int_equal(sl_doc_text(doc, &bytes, NULL), 0);
  assert_ptr_equal(bytes.data, json); /* neither parsed nor copied */
  assert_true(sl_doc_is_raw(doc));
  assert_non_null(sl_doc_body(doc, NULL));
  assert_false(sl_doc_is_raw(doc));
  assert_int_equal(n_released, 0);
  cJSON_AddNumberToObject(sl_doc_edit(doc, NULL), "c", 2);
  assert_int_equal(n_released, 1);
  assert_string_equal(text_of(doc), "{\"b\":1,\"a\":\"A\",\"c\":2}");
  sl_doc_free(doc);
  assert_int_equal(n_released, 1);
}

static void text_of_several_lines_becomes_one(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  set(doc, "{\n  \"a\": [1,\r\n 2]\n}\n");
  assert_string_equal(text_of(doc), "{\"a\":[1,2]}");
  set(doc, "{\"a\":\"x\\ny\"}");
  assert_string_equal(text_of(doc), "{\"a\":\"x\\ny\"}");
  sl_doc_free(doc);
}

static void bad_text_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"", "[1]", "\"x\"", "{\"a\":1,}", "{\"a\":1}{}", "null"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sl_err err = {0};
    sl_bytes bytes;
    sl_doc *doc = sl_doc_new();
    set(doc, bad[i]);
    assert_int_equal(sl_doc_check(doc, &err), SL_EPARSE);
    assert_int_equal(err.code, SL_EPARSE);
    assert_null(sl_doc_body(doc, NULL));
    assert_null(sl_doc_edit(doc, NULL));
    assert_int_equal(sl_doc_text(doc, &bytes, NULL), SL_EPARSE);
    assert_int_equal(sl_doc_set_body(doc, cJSON_CreateObject(), NULL), 0); /* and can be replaced */
    assert_string_equal(text_of(doc), "{}");
    sl_doc_free(doc);
  }
  sl_doc *doc = sl_doc_new();
  sl_err err = {0};
  set(doc, "{\"a\":\"\xff\"}");
  assert_int_equal(sl_doc_check(doc, &err), SL_EENCODING);
  assert_non_null(strstr(err.message, "byte 6"));
  assert_int_equal(sl_doc_set_body(doc, cJSON_CreateArray(), &err), SL_EINVAL);
  assert_int_equal(sl_doc_set_body(doc, NULL, &err), SL_EINVAL);
  sl_doc_free(doc);
}

static void writer_gets_a_copy(void **state) {
  (void)state;
  sl_doc *a = sl_doc_new();
  set(a, "{\"x\":1}");
  a->slot = 3;
  a->cursor = 9;
  sl_doc *b = sl_doc_share(a);
  sl_doc *c = sl_doc_share(a);
  assert_int_equal(b->cursor, 9);
  assert_int_equal(b->slot, 0);
  const cJSON *shared = sl_doc_body(a, NULL);
  assert_ptr_equal(sl_doc_body(b, NULL), shared);
  cJSON *mine = sl_doc_edit(b, NULL);
  assert_ptr_not_equal(mine, shared);
  cJSON_AddNumberToObject(mine, "y", 2);
  assert_string_equal(text_of(a), "{\"x\":1}");
  assert_string_equal(text_of(b), "{\"x\":1,\"y\":2}");
  set(c, "{\"z\":3}");
  assert_string_equal(text_of(a), "{\"x\":1}");
  assert_string_equal(text_of(c), "{\"z\":3}");
  /* The last holder writes in place. */
  shared = sl_doc_body(a, NULL);
  assert_ptr_equal(sl_doc_edit(a, NULL), shared);
  sl_doc_free(a);
  sl_doc_free(b);
  sl_doc_free(c);
}

static void tree_can_be_dropped(void **state) {
  (void)state;
  sl_doc *doc = sl_doc_new();
  assert_int_equal(sl_doc_set_body(doc, cJSON_CreateObject(), NULL), 0);
  cJSON_AddStringToObject(sl_doc_edit(doc, NULL), "a", "b");
  sl_doc_drop_tree(doc); /* nothing printed yet: stays */
  assert_false(sl_doc_is_raw(doc));
  assert_string_equal(text_of(doc), "{\"a\":\"b\"}");
  sl_doc_drop_tree(doc);
  assert_true(sl_doc_is_raw(doc));
  assert_string_equal(cJSON_GetObjectItem(sl_doc_body(doc, NULL), "a")->valuestring, "b");
  sl_doc_free(doc);
}

static void payload_is_shared(void **state) {
  (void)state;
  sl_doc *a = sl_doc_new();
  n_released = 0;
  assert_int_equal(sl_doc_set_payload(a, "bytes", 5, "text/html", on_release, "user", NULL), 0);
  sl_doc *b = sl_doc_share(a);
  sl_bytes bytes = {0};
  const char *type = NULL;
  sl_doc_payload(b, &bytes, &type);
  assert_int_equal(bytes.len, 5);
  assert_string_equal(type, "text/html");
  assert_int_equal(sl_doc_set_payload(a, NULL, 0, NULL, NULL, NULL, NULL), 0);
  assert_int_equal(n_released, 0);
  sl_doc_payload(a, &bytes, &type);
  assert_null(bytes.data);
  assert_int_equal(sl_doc_set_payload(b, "copy", 4, NULL, NULL, NULL, NULL), 0);
  assert_int_equal(n_released, 1);
  sl_doc_payload(b, &bytes, &type);
  assert_memory_equal(bytes.data, "copy", 4);
  assert_string_equal(type, "application/octet-stream");
  assert_true(sl_doc_size(b) >= 4);
  sl_doc_free(a);
  sl_doc_free(b);
}

static void keys_and_order(void **state) {
  (void)state;
  sl_doc *a = sl_doc_new();
  sl_origin origin = {"file:///tin tức.txt", "byte=1-2", "sha256:00"};
  assert_int_equal(sl_doc_set_origin(a, &origin, NULL), 0);
  assert_string_equal(sl_doc_key(a), "file:///tin tức.txt#byte=1-2");
  assert_int_equal(a->orig->key_len, strlen(sl_doc_key(a)));
  sl_doc *b = sl_doc_share(a);
  assert_int_equal(sl_doc_order(a, b), 0);
  assert_int_equal(sl_doc_add_split(b, 4, NULL), 0);
  assert_int_equal(sl_doc_add_split(b, 4000000000u, NULL), 0);
  assert_string_equal(sl_doc_key(b), "file:///tin tức.txt#byte=1-2~4.4000000000");
  assert_string_equal(sl_doc_key(a), "file:///tin tức.txt#byte=1-2");
  assert_true(sl_doc_order(a, b) < 0);
  assert_true(sl_doc_order(b, a) > 0);
  sl_doc *c = sl_doc_share(a);
  assert_int_equal(sl_doc_add_split(c, 5, NULL), 0);
  assert_true(sl_doc_order(b, c) < 0);
  b->slot = 1;
  assert_true(sl_doc_order(b, c) > 0);
  sl_origin got = {0};
  sl_doc_origin(b, &got);
  assert_string_equal(got.uri, origin.uri);
  assert_string_equal(got.locator, origin.locator);
  assert_string_equal(got.revision, origin.revision);
  sl_origin plain = {"mem:x", NULL, NULL};
  assert_int_equal(sl_doc_set_origin(b, &plain, NULL), 0);
  assert_string_equal(sl_doc_key(b), "mem:x~4.4000000000");
  sl_doc_origin(b, &got);
  assert_null(got.locator);
  assert_null(got.revision);
  sl_origin none = {NULL, NULL, NULL};
  assert_int_equal(sl_doc_set_origin(b, &none, NULL), SL_EINVAL);
  sl_doc *d = sl_doc_new();
  assert_int_equal(sl_doc_add_split(d, 7, NULL), 0);
  assert_string_equal(sl_doc_key(d), "~7");
  sl_doc_free(a);
  sl_doc_free(b);
  sl_doc_free(c);
  sl_doc_free(d);
}

/* ---- several threads on one body ---- */

struct reader {
  pthread_barrier_t *barrier;
  sl_doc *doc;
  const cJSON *tree;
  int ok;
};

static void *look(void *arg) {
  struct reader *r = arg;
  pthread_barrier_wait(r->barrier);
  sl_bytes bytes = {0};
  r->ok = sl_doc_check(r->doc, NULL) == 0 && sl_doc_text(r->doc, &bytes, NULL) == 0 && bytes.len == 13 &&
          memcmp(bytes.data, "{\"a\":[1,2,3]}", 13) == 0;
  r->tree = sl_doc_body(r->doc, NULL);
  cJSON *mine = sl_doc_edit(r->doc, NULL);
  r->ok = r->ok && mine != NULL && cJSON_AddNumberToObject(mine, "b", 1) != NULL;
  sl_doc_free(r->doc);
  return NULL;
}

static void threads_share_one_tree(void **state) {
  (void)state;
  for (int round = 0; round < 50; round++) {
    sl_doc *doc = sl_doc_new();
    set(doc, round % 2 == 0 ? "{\"a\":[1,2,3]}" : "{\"a\":\n[1, 2,\n3]}");
    pthread_barrier_t barrier;
    pthread_t threads[4];
    struct reader readers[4];
    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 4; i++) {
      readers[i] = (struct reader){&barrier, sl_doc_share(doc), NULL, 0};
      assert_int_equal(pthread_create(&threads[i], NULL, look, &readers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
      pthread_join(threads[i], NULL);
      assert_true(readers[i].ok);
      assert_ptr_equal(readers[i].tree, readers[0].tree);
    }
    pthread_barrier_destroy(&barrier);
    assert_ptr_equal(sl_doc_body(doc, NULL), readers[0].tree);
    sl_doc_free(doc);
  }
}

/* ---- out of memory ---- */

static void ignore(void *data, void *user) {
  (void)data;
  (void)user;
}

static int life(void *arg) {
  (void)arg;
  int rc = SL_ENOMEM;
  sl_err err = {0};
  sl_bytes bytes;
  sl_origin origin = {"u", "l", "r"};
  sl_doc *b = NULL;
  sl_doc *a = sl_doc_new();
  cJSON *body = NULL;
  if (a == NULL) goto out;
  if ((rc = sl_doc_set_text(a, "{\"a\":\n[1,\"x\"]}", 14, NULL, NULL, &err)) != 0) goto out;
  if ((rc = sl_doc_check(a, &err)) != 0) goto out;
  if ((rc = sl_doc_set_origin(a, &origin, &err)) != 0) goto out;
  if ((rc = sl_doc_set_payload(a, "p", 1, "t", NULL, NULL, &err)) != 0) goto out;
  rc = SL_ENOMEM;
  if ((b = sl_doc_share(a)) == NULL) goto out;
  if ((rc = sl_doc_add_split(b, 1, &err)) != 0) goto out;
  if ((rc = sl_doc_text(a, &bytes, &err)) != 0) goto out;
  if (sl_doc_edit(b, &err) == NULL) {
    rc = err.code;
    goto out;
  }
  if ((rc = sl_doc_text(b, &bytes, &err)) != 0) goto out;
  assert_int_equal(bytes.len, 13);
  if ((rc = sl_doc_set_text(b, "{}", 2, ignore, NULL, &err)) != 0) goto out;
  rc = SL_ENOMEM;
  if ((body = cJSON_CreateObject()) == NULL) goto out;
  rc = sl_doc_set_body(a, body, &err);
out:
  sl_doc_free(a);
  sl_doc_free(b);
  return rc;
}

static void survives_memory_out(void **state) {
  (void)state;
  assert_true(torture(life, NULL) > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new_is_empty_object),
      cmocka_unit_test(text_goes_through_unread),
      cmocka_unit_test(text_of_several_lines_becomes_one),
      cmocka_unit_test(bad_text_is_refused),
      cmocka_unit_test(writer_gets_a_copy),
      cmocka_unit_test(tree_can_be_dropped),
      cmocka_unit_test(payload_is_shared),
      cmocka_unit_test(keys_and_order),
      cmocka_unit_test(threads_share_one_tree),
      cmocka_unit_test(survives_memory_out),
  };
  sl_mem_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
