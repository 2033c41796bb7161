/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of fetch_files: globs, walking, decompression, lines, arrays, and the stage as a whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include <sluice/harness.h>

#include "../common/testdir.h"
#include "glob.h"
#include "names.h"
#include "reader.h"
#include "records.h"
#include "../common/sha256.h"

static testdir dir;

static int make_dir(void **state) {
  (void)state;
  dir = testdir_new();
  return 0;
}

static int drop_dir(void **state) {
  (void)state;
  testdir_free(&dir);
  return 0;
}

/* ---- helpers ---- */

/* A started stage that reads `glob` in the test's folder; more: further parameters, each with a comma before it. */
static sl_harness *begin(const char *glob, const char *more) {
  const char *params = testdir_text("{ paths: \"%s\"%s }", testdir_path(&dir, glob), more);
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], params);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s: %s %s\n", params, sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

static sl_harness *run(const char *glob, const char *more) {
  sl_harness *h = begin(glob, more);
  assert_int_equal(sl_harness_produce_all(h, 1000000), SL_P_END);
  return h;
}

/* The next document's /id, or its origin's last part when it has none. */
static void next_is(sl_harness *h, const char *id) {
  sl_doc *doc = sl_harness_pull(h);
  if (!doc) print_message("expected %s, found no document\n", id);
  assert_non_null(doc);
  assert_string_equal(sl_harness_string(h, doc, "/id"), id);
}

static void no_more(sl_harness *h) {
  sl_doc *doc = sl_harness_pull(h);
  if (doc) print_message("found one more: %s\n", sl_harness_text(h, doc));
  assert_null(doc);
}

static void rejected(sl_harness *h, const char *uri_end, const char *locator, const char *word) {
  sl_doc *doc = sl_harness_pull_rejected(h);
  if (!doc) print_message("expected a rejected document: %s\n", word);
  assert_non_null(doc);
  sl_origin o = sl_harness_origin(h, doc);
  size_t a = strlen(o.uri), b = strlen(uri_end);
  assert_true(a >= b);
  assert_string_equal(o.uri + a - b, uri_end);
  if (locator) assert_string_equal(o.locator ? o.locator : "", locator);
  sl_harness_error e = sl_harness_error_of(h, doc);
  if (!strstr(e.message, word) && !strstr(e.detail, word))
    print_message("no \"%s\" in: %s; %s\n", word, e.message, e.detail);
  assert_true(strstr(e.message, word) || strstr(e.detail, word));
}

static void end(sl_harness *h) {
  no_more(h);
  assert_null(sl_harness_pull_rejected(h));
  sl_harness_free(h);
}

static size_t gzip(const void *in, size_t len, void *out, size_t cap) {
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = (Bytef *)(uintptr_t)in;
  z.avail_in = (uInt)len;
  z.next_out = out;
  z.avail_out = (uInt)cap;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  size_t n = z.total_out;
  deflateEnd(&z);
  return n;
}

/* ---- plain functions ---- */

static void names_match(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *name;
    int expected;
  } cases[] = {
      {"*", "a.txt", 1},
      {"*", ".hidden", 0},
      {".*", ".hidden", 1},
      {"*.txt", "a.txt", 1},
      {"*.txt", "a.txt.gz", 0},
      {"?", "đ", 1},
      {"??", "đ", 0},
      {"b?i", "bài", 1},
      {"[à-ỹ]*", "ế.txt", 1},
      {"[!a]", "b", 1},
      {"[!a]", "a", 0},
      {"[]]", "]", 1},
      {"[", "[", 1},
      {"a[", "a[", 1},
      {"\\*", "*", 1},
      {"\\*", "a", 0},
      {"a*b*c", "aXbYbZc", 1},
      {"a*b*c", "aXbYbZ", 0},
      {"", "", 1},
      {"", "a", 0},
      {"*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0},
      {"?", "\xFF", 1},
      {"*.jsonl", "x.jsonl", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int found = fetch_glob_name(cases[i].pattern, cases[i].name);
    if (found != cases[i].expected) print_message("%s on %s\n", cases[i].pattern, cases[i].name);
    assert_int_equal(found, cases[i].expected);
  }
}

static void match(const char *path, const char *rel, int full, int enter) {
  fetch_glob *g = NULL;
  uint32_t n = 0;
  assert_int_equal(fetch_glob_add(path, 0, &g, &n), 0);
  assert_int_equal(n, 1);
  if (fetch_glob_match(g, rel) != full || fetch_glob_enter(g, rel) != enter) print_message("%s on %s\n", path, rel);
  assert_int_equal(fetch_glob_match(g, rel), full);
  assert_int_equal(fetch_glob_enter(g, rel), enter);
  fetch_glob_free(g, n);
}

static void paths_match(void **state) {
  (void)state;
  match("/no/where/*", "a", 1, 0);
  match("/no/where/*", "a/b", 0, 0);
  match("/no/where/*/*.txt", "a", 0, 1);
  match("/no/where/*/*.txt", "a/b.txt", 1, 0);
  match("/no/where/**", "a/b/c", 1, 1);
  match("/no/where/**/*.txt", "b.txt", 1, 1);
  match("/no/where/**/*.txt", "a/.git/b.txt", 0, 0);
  match("/no/where/**/**/*.txt", "a/x/b.txt", 1, 1);
  match("/no/where/**/x/*.txt", "a/x/b.txt", 1, 1);
  match("/no/where/**/x/*.txt", "a/y/b.txt", 0, 1);
  match("/no/where/.hid*/*", ".hidden/a", 1, 0);
}

static void globs_split_and_expand(void **state) {
  (void)state;
  fetch_glob *g = NULL;
  uint32_t n = 0;
  assert_int_equal(fetch_glob_add("/no/{a,b{1,2}}/x.{json,txt}", 7, &g, &n), 0);
  assert_int_equal(n, 6);
  assert_string_equal(g[3].root, "/no/b1");
  assert_string_equal(g[3].parts[0], "x.txt");
  assert_int_equal(g[3].literal, 1);
  assert_int_equal(g[3].group, 7);
  fetch_glob_free(g, n);
  g = NULL;
  n = 0;
  assert_int_equal(fetch_glob_add("/no/where\\*/b?/c", 0, &g, &n), 0);
  assert_string_equal(g[0].root, "/no/where*");
  assert_int_equal(g[0].n, 2);
  fetch_glob_free(g, n);
  g = NULL;
  n = 0;
  char many[400] = "/";
  for (int i = 0; i < 12; i++) strcat(many, "{a,b,c}");
  assert_int_equal(fetch_glob_add(many, 0, &g, &n), -1);
  fetch_glob_free(g, n);
}

static void hashes(void **state) {
  (void)state;
  char hex[65], text[200];
  memset(text, 'a', sizeof text);
  sha256_hex("", 0, hex);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sha256_hex("abc", 3, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
  assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  sha256_hex(text, 200, hex);
  assert_string_equal(hex, "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5");
}

static void names_tell(void **state) {
  (void)state;
  assert_int_equal(fetch_kind_of("a.jsonl"), FETCH_LINES);
  assert_int_equal(fetch_kind_of("a.NDJSON.gz"), FETCH_LINES);
  assert_int_equal(fetch_kind_of("*.json.zst"), FETCH_JSON);
  assert_int_equal(fetch_kind_of("a.json.txt"), FETCH_PAGE);
  assert_int_equal(fetch_kind_of(".json"), FETCH_PAGE);
  assert_string_equal(fetch_media_type("a.html.gz", "", 0), "text/html");
  assert_string_equal(fetch_media_type("page", "\xEF\xBB\xBF \n<!DOCTYPE HTML><html>", 24), "text/html");
  assert_string_equal(fetch_media_type("page", "xin chào", 9), "text/plain");
  char *uri = fetch_uri("/dữ liệu/a#b?.txt"), *id = fetch_identifier("b/\xFF\xC3\xA0i.1.txt.gz"),
       *dot = fetch_identifier(".profile");
  assert_string_equal(uri, "file:///d%E1%BB%AF%20li%E1%BB%87u/a%23b%3F.txt");
  assert_string_equal(id, "b/\xEF\xBF\xBD\xC3\xA0i.1");
  assert_string_equal(dot, ".profile");
  free(uri);
  free(id);
  free(dot);
}

/* Reads all of a file in steps of `step`; returns the bytes or the error. */
static int64_t slurp(const char *path, size_t step, char *out, size_t cap, int64_t ratio) {
  fetch_reader *r = fetch_reader_new(open(path, O_RDONLY), ratio, step);
  int64_t total = 0, n;
  while ((n = fetch_reader_read(r, out + total, step && step < 16 ? 16 : cap - (size_t)total)) > 0) {
    total += n;
    assert_true((size_t)total < cap);
  }
  fetch_reader_free(r);
  return n < 0 ? n : total;
}

static void decompresses_in_any_step(void **state) {
  (void)state;
  char text[5000], packed[6000], twice[12000], out[12000];
  for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i * i % 23);
  size_t gz = gzip(text, sizeof text, packed, sizeof packed);
  memcpy(twice, packed, gz);
  memcpy(twice + gz, packed, gz);
  testdir_put(&dir, "two.gz", twice, 2 * gz);
  testdir_put(&dir, "cut.gz", packed, gz - 9);
  memcpy(twice + gz, "junk", 4);
  testdir_put(&dir, "junk.gz", twice, gz + 4);
  size_t zst = ZSTD_compress(packed, sizeof packed, text, sizeof text, 3);
  testdir_put(&dir, "cut.zst", packed, zst - 5);
  memcpy(twice, packed, zst);
  memcpy(twice + zst, packed, zst);
  testdir_put(&dir, "two.zst", twice, 2 * zst);
  testdir_put(&dir, "plain", text, sizeof text);
  testdir_put(&dir, "tiny", "\x1f\x8b", 2);
  const size_t steps[] = {0, 1, 2, 3, 7, 1000};
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(slurp(testdir_path(&dir, "two.gz"), steps[i], out, sizeof out, 200), 2 * sizeof text);
    assert_memory_equal(out, text, sizeof text);
    assert_memory_equal(out + sizeof text, text, sizeof text);
    assert_int_equal(slurp(testdir_path(&dir, "two.zst"), steps[i], out, sizeof out, 200), 2 * sizeof text);
    assert_memory_equal(out + sizeof text, text, sizeof text);
    assert_int_equal(slurp(testdir_path(&dir, "plain"), steps[i], out, sizeof out, 200), sizeof text);
    assert_memory_equal(out, text, sizeof text);
    assert_int_equal(slurp(testdir_path(&dir, "tiny"), steps[i], out, sizeof out, 200), 2);
    assert_int_equal(slurp(testdir_path(&dir, "cut.gz"), steps[i], out, sizeof out, 200), FETCH_READ_ERROR);
    assert_int_equal(slurp(testdir_path(&dir, "cut.zst"), steps[i], out, sizeof out, 200), FETCH_READ_ERROR);
    assert_int_equal(slurp(testdir_path(&dir, "junk.gz"), steps[i], out, sizeof out, 200), FETCH_READ_ERROR);
  }
}

static const fetch_memory heap = {malloc, free};

/* All lines of a text, read in steps, as "line|line|…"; over-long ones as "!start-end". */
static const char *lines_of(const char *text, size_t len, size_t step, size_t chunk, size_t max_line) {
  static char out[8192];
  size_t used = 0;
  testdir_put(&dir, "lines", text, len);
  fetch_lines l;
  fetch_line line;
  fetch_lines_init(&l, fetch_reader_new(open(testdir_path(&dir, "lines"), O_RDONLY), 0, step), &heap, max_line);
  l.chunk_size = chunk;
  for (int kind; (kind = fetch_lines_next(&l, &line)) != FETCH_LINE_END;) {
    assert_true(kind == FETCH_LINE || kind == FETCH_LINE_LONG);
    if (kind == FETCH_LINE) {
      assert_memory_equal(line.data, text + line.start, line.len);
      assert_int_equal(line.end - line.start, line.len);
      used += (size_t)snprintf(out + used, sizeof out - used, "%.*s|", (int)line.len, line.data);
      fetch_chunk_release(NULL, line.chunk);
    } else {
      used += (size_t)snprintf(out + used, sizeof out - used, "!%d-%d|", (int)line.start, (int)line.end);
    }
    assert_true(line.next >= line.end);
    assert_true(line.next <= len);
  }
  fetch_lines_done(&l);
  out[used] = '\0';
  return out;
}

static void cuts_lines_in_any_step(void **state) {
  (void)state;
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"", ""},
      {"\n\n \t\r\n", ""},
      {"a", "a|"},
      {"a\nbb\nccc", "a|bb|ccc|"},
      {"a\r\n\r\nbb\r\n", "a|bb|"},
      {"\xEF\xBB\xBF{\"x\":1}\n\xEF\xBB\xBFy", "{\"x\":1}|\xEF\xBB\xBFy|"},
      {"\xEF\xBB\xBF", ""},
      {"short\nthis line is far too long for us\nnext\n", "short|!6-38|next|"},
      {"this line is far too long and has no end", "!0-40|"},
      {"twelve bytes\nthirteen byte\n", "twelve bytes|!13-26|"},
      {"  a\n", "  a|"},
  };
  const size_t steps[] = {0, 1, 2, 5, 16}, chunks[] = {32, 33, 64, 4096};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t s = 0; s < 5; s++)
      for (size_t c = 0; c < 4; c++) {
        const char *found = lines_of(cases[i].text, strlen(cases[i].text), steps[s], chunks[c], 12);
        if (strcmp(found, cases[i].expected) != 0)
          print_message("case %zu, step %zu, chunk %zu\n", i, steps[s], chunks[c]);
        assert_string_equal(found, cases[i].expected);
      }
}

/* A small generator, so that a failure comes again. */
static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

static void random_lines_agree_with_a_plain_splitter(void **state) {
  (void)state;
  for (uint32_t round = 0; round < 400; round++) {
    uint32_t seed = round;
    char text[400], expected[2000] = "";
    size_t len = next_random(&seed) % sizeof text, used = 0, max = 1 + next_random(&seed) % 40;
    for (size_t i = 0; i < len; i++) text[i] = "ab \r\n\n{}\"\t"[next_random(&seed) % 10];
    for (size_t from = 0; from < len;) {
      const char *hit = memchr(text + from, '\n', len - from);
      size_t end = hit ? (size_t)(hit - text) : len, stop = end;
      if (stop > from && text[stop - 1] == '\r') stop--;
      int blank = 1;
      for (size_t i = from; i < stop; i++) blank &= text[i] == ' ' || text[i] == '\t' || text[i] == '\r';
      if (!blank && stop - from <= max)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%.*s|", (int)(stop - from), text + from);
      else if (!blank)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "!%zu|", from);
      from = end + 1;
    }
    char found[2000] = "";
    used = 0;
    const char *lines = lines_of(text, len, next_random(&seed) % 20, 32 + next_random(&seed) % 100, max);
    for (const char *p = lines; *p && used < sizeof found - 1; p++) { /* of an over-long line its start is compared */
      if (*p == '-') p = strchr(p, '|');
      found[used++] = *p;
    }
    found[used] = '\0';
    if (strcmp(found, expected) != 0) print_message("round %u\n", round);
    assert_string_equal(found, expected);
  }
}

static void chunks_live_until_the_last_record(void **state) {
  (void)state;
  fetch_chunk *held[300];
  fetch_lines l;
  fetch_line line;
  char text[3000];
  for (int i = 0; i < 300; i++) memcpy(text + 10 * i, "123456789\n", 10);
  testdir_put(&dir, "lines", text, sizeof text);
  fetch_lines_init(&l, fetch_reader_new(open(testdir_path(&dir, "lines"), O_RDONLY), 0, 0), &heap, 100);
  l.chunk_size = 128;
  const char *data[300];
  for (int i = 0; i < 300; i++) {
    assert_int_equal(fetch_lines_next(&l, &line), FETCH_LINE);
    held[i] = line.chunk;
    data[i] = line.data;
  }
  fetch_lines_done(&l);
  for (int i = 299; i >= 0; i--) {
    assert_memory_equal(data[i], "123456789", 9);
    fetch_chunk_release(NULL, held[i]);
  }
}

/* The elements of an array as "element|…", then END or the error. */
static const char *elements_of(const char *text) {
  static char out[2048];
  size_t used = 0, from = 0, len = 0;
  fetch_json j = {.text = text, .len = strlen(text), .at = fetch_json_space(text, strlen(text), 0)};
  int kind;
  while ((kind = fetch_json_next(&j, &from, &len)) == FETCH_JSON_VALUE)
    used += (size_t)snprintf(out + used, sizeof out - used, "%.*s|", (int)len, text + from);
  snprintf(out + used, sizeof out - used, "%s", kind == FETCH_JSON_END ? "END" : j.why);
  return out;
}

static void cuts_arrays(void **state) {
  (void)state;
  assert_string_equal(elements_of("[]"), "END");
  assert_string_equal(elements_of(" [ ] \n"), "END");
  assert_string_equal(elements_of("[{\"a\":\"]},[\"} , {\"b\":[1,{\"c\":\"\\\"]\"}]}]"),
                      "{\"a\":\"]},[\"}|{\"b\":[1,{\"c\":\"\\\"]\"}]}|END");
  assert_string_equal(elements_of("[1, \"x,y\" ,null]"), "1|\"x,y\"|null|END");
  assert_non_null(strstr(elements_of("[{\"a\":1}"), "cut off"));
  assert_non_null(strstr(elements_of("[{\"a\":1"), "cut off"));
  assert_non_null(strstr(elements_of("[{\"a\":\"1"), "cut off"));
  assert_non_null(strstr(elements_of("[1,,2]"), "expected a value"));
  assert_non_null(strstr(elements_of("[1,]"), "expected a value"));
  assert_non_null(strstr(elements_of("[1] x"), "after the end"));
  assert_non_null(strstr(elements_of("[{}{}]"), "expected ,"));
  assert_non_null(strstr(elements_of("["), "cut off"));
}

/* ---- the stage ---- */

static void reads_pages(void **state) {
  (void)state;
  testdir_mkdir(&dir, "in");
  testdir_mkdir(&dir, "in/sâu");
  testdir_write(&dir, "in/b.txt", "xin chào");
  testdir_write(&dir, "in/a.html", "<p>x</p>");
  testdir_write(&dir, "in/sâu/c.txt", "");
  testdir_write(&dir, "in/.hidden", "x");
  sl_harness *h = run("in", "");
  sl_doc *doc = sl_harness_pull(h);
  const char *type;
  sl_bytes payload = sl_harness_payload(h, doc, &type);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "a");
  assert_string_equal(type, "text/html");
  assert_int_equal(payload.len, 8);
  assert_memory_equal(payload.data, "<p>x</p>", 8);
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "b");
  assert_string_equal(sl_harness_string(h, doc, "/source/name"), "b.txt");
  assert_string_equal(sl_harness_string(h, doc, "/source/type"), "text/plain");
  assert_string_equal(sl_harness_string(h, doc, "/source/bytes"), "9");
  assert_string_equal(sl_harness_string(h, doc, "/source/sha256"),
                      "8aaecd06d85c7f743d3545e7b865f3053c647591f95919c1c0b003046d4757aa");
  assert_string_equal(sl_harness_origin(h, doc).revision, sl_harness_string(h, doc, "/source/sha256"));
  assert_string_equal(sl_harness_origin(h, doc).uri, sl_harness_string(h, doc, "/source/uri"));
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "sâu/c");
  payload = sl_harness_payload(h, doc, &type);
  assert_non_null(payload.data);
  assert_int_equal(payload.len, 0);
  end(h);
}

static void recursion_can_be_turned_off(void **state) {
  (void)state;
  testdir_mkdir(&dir, "in");
  testdir_mkdir(&dir, "in/deep");
  testdir_write(&dir, "in/a.txt", "a");
  testdir_write(&dir, "in/deep/b.txt", "b");
  sl_harness *h = run("in", ", recursive: false");
  next_is(h, "a");
  end(h);
  h = run("in/", "");
  next_is(h, "a");
  next_is(h, "deep/b");
  end(h);
  h = run("in/**/*.txt", "");
  next_is(h, "a");
  next_is(h, "deep/b");
  end(h);
  h = run("in/*", "");
  next_is(h, "a");
  end(h);
}

static void a_file_named_twice_comes_once(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "a");
  testdir_write(&dir, "b.txt", "b");
  const char *p = testdir_text("{ paths: [\"%s\", \"%s\", \"%s\"] }", testdir_path(&dir, "b.*"),
                               testdir_path(&dir, "*.txt"), testdir_path(&dir, "a.txt"));
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0], p);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_produce_all(h, 1000), SL_P_END);
  next_is(h, "b");
  next_is(h, "a");
  assert_string_equal(sl_harness_log(h), "");
  end(h);
}

static void wildcards_in_real_names_are_literal(void **state) {
  (void)state;
  testdir_write(&dir, "[x]*.txt", "a");
  testdir_write(&dir, "x.txt", "b");
  sl_harness *h = run("[x]*.txt", "");
  next_is(h, "[x]*");
  end(h);
}

static void reads_lines(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", "\xEF\xBB\xBF{\"id\":\"1\",\"n\":9007199254740993}\r\n\n{\"id\":\"2\"}");
  testdir_write(&dir, "b.ndjson", "{\"id\":\"3\"}\n");
  sl_harness *h = run("*.{jsonl,ndjson}", "");
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_text(h, doc), "{\"id\":\"1\",\"n\":9007199254740993}");
  assert_string_equal(sl_harness_origin(h, doc).locator, "byte=3-34");
  assert_int_equal(sl_harness_cursor(h, doc), 1 + 34);
  doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).locator, "byte=37-47");
  assert_int_equal(sl_harness_cursor(h, doc), 1 + 47);
  next_is(h, "3");
  end(h);
}

static void bad_lines_do_not_stop_it(void **state) {
  (void)state;
  char text[300];
  memset(text, 'x', sizeof text);
  memcpy(text, "{\"id\":\"1\"}\n", 11);
  memcpy(text + 200, "\n{\"id\":\"2\"}\n{broken\n{\"id\":\"3\"}\n", 31);
  testdir_put(&dir, "a.jsonl", text, 231);
  sl_harness *h = begin("a.jsonl", ", max_record: 100");
  assert_int_equal(sl_harness_produce_all(h, 1000), SL_P_END);
  next_is(h, "1");
  next_is(h, "2");
  next_is(h, "3");
  rejected(h, "a.jsonl", "byte=11-200", "longer than max_record");
  rejected(h, "a.jsonl", "byte=212-219", "");
  end(h);
}

static void little_credit_gives_few_documents(void **state) {
  (void)state;
  char text[4000];
  for (int i = 0; i < 400; i++) memcpy(text + 10 * i, "{\"a\":123}\n", 10);
  testdir_put(&dir, "a.jsonl", text, sizeof text);
  sl_harness *h = begin("a.jsonl", "");
  uint32_t calls = 0, before = 0;
  for (; sl_harness_produce(h, 1000) == SL_P_MORE; calls++) {
    assert_true(sl_harness_count(h) - before <= 10);
    before = sl_harness_count(h);
  }
  assert_true(calls >= 40);
  assert_int_equal(sl_harness_count(h), 400);
  sl_harness_free(h);
}

static void maps_fields(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl",
                "{\"id\":\"1\",\"content\":{\"body\":\"chữ\",\"x\":1},\"text\":\"old\"}\n{\"id\":\"2\"}\n");
  sl_harness *h = run("a.jsonl", ", map: { /text: /content/body, /name: /id }");
  assert_true(sl_harness_equals(h, sl_harness_pull(h), "{\"name\":\"1\",\"content\":{\"x\":1},\"text\":\"chữ\"}"));
  assert_true(sl_harness_equals(h, sl_harness_pull(h), "{\"name\":\"2\"}"));
  end(h);
}

static void reads_json(void **state) {
  (void)state;
  testdir_write(&dir, "a.json", " {\"id\":\"one\"} \n");
  testdir_write(&dir, "b.json", "[{\"id\":\"b0\"},{\"id\":\"b1\"}, 7, {\"id\":\"b3\"}]");
  testdir_write(&dir, "c.json", "");
  testdir_write(&dir, "d.json", "{\"id\":1}\n{\"id\":2}\n");
  testdir_write(&dir, "e.json", "\"text\"");
  testdir_write(&dir, "f.json", "[{\"id\":\"f0\"},{\"id\":");
  sl_harness *h = run("*.json", "");
  next_is(h, "one");
  next_is(h, "b0");
  next_is(h, "b1");
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_origin(h, doc).locator, "/3");
  next_is(h, "f0");
  rejected(h, "b.json", "/2", "expected an object");
  rejected(h, "c.json", "", "empty");
  rejected(h, "d.json", "", "more than one");
  rejected(h, "e.json", "", "expected a JSON object");
  rejected(h, "f.json", "/1", "cut off");
  end(h);
}

static void reads_compressed(void **state) {
  (void)state;
  char packed[500];
  size_t n = gzip("{\"id\":\"g\"}\n", 11, packed, sizeof packed);
  testdir_put(&dir, "a.jsonl.gz", packed, n);
  n = ZSTD_compress(packed, sizeof packed, "{\"id\":\"z\"}", 10, 1);
  testdir_put(&dir, "b.jsonl.zst", packed, n);
  testdir_put(&dir, "c.jsonl", packed, n);
  sl_harness *h = run("*.jsonl*", ", format: ndjson");
  next_is(h, "g");
  next_is(h, "z");
  next_is(h, "z");
  end(h);
  n = gzip("trang", 5, packed, sizeof packed);
  testdir_put(&dir, "page.txt.gz", packed, n);
  h = run("page.txt.gz", "");
  sl_doc *doc = sl_harness_pull(h);
  assert_string_equal(sl_harness_string(h, doc, "/id"), "page");
  assert_string_equal(sl_harness_string(h, doc, "/source/encoding"), "gzip");
  assert_string_equal(sl_harness_string(h, doc, "/source/bytes"), "5");
  assert_string_equal(sl_harness_string(h, doc, "/source/type"), "text/plain");
  end(h);
}

/* From the first guess of the size (a compressed file's is wrong) up to the limit, and one byte above it. */
static void reads_up_to_the_limit(void **state) {
  (void)state;
  const size_t sizes[] = {0, 1, 16383, 16384, 40000, 99983, 99999, 100000, 100001};
  char *text = malloc(100001), *packed = malloc(4096);
  memset(text, 'x', 100001);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    testdir_put(&dir, "a.txt.gz", packed, gzip(text, sizes[i], packed, 4096));
    testdir_put(&dir, "b.txt", text, sizes[i]);
    sl_harness *h = run("*", ", max_bytes: 100000");
    for (int k = 0; k < 2; k++) {
      sl_doc *doc = sizes[i] <= 100000 ? sl_harness_pull(h) : NULL;
      if (doc)
        assert_int_equal(sl_harness_payload(h, doc, NULL).len, sizes[i]);
      else
        rejected(h, k ? "b.txt" : "a.txt.gz", "", "max_bytes");
    }
    end(h);
  }
  free(text);
  free(packed);
}

static void bombs_are_rejected(void **state) {
  (void)state;
  size_t size = (size_t)16 << 20;
  char *zeros = calloc(1, size), *packed = malloc(1 << 20);
  size_t gz = gzip(zeros, size, packed, 1 << 20);
  testdir_put(&dir, "a.txt.gz", packed, gz);
  testdir_put(&dir, "a.jsonl.gz", packed, gz);
  size_t zst = ZSTD_compress(packed, 1 << 20, zeros, size, 3);
  testdir_put(&dir, "b.txt.zst", packed, zst);
  free(zeros);
  free(packed);
  sl_harness *h = run("*.txt.*", "");
  rejected(h, "a.txt.gz", "", "max_ratio");
  rejected(h, "b.txt.zst", "", "max_ratio");
  end(h);
  h = run("*.txt.*", ", max_ratio: 0, max_bytes: 1MiB");
  rejected(h, "a.txt.gz", "", "max_bytes");
  rejected(h, "b.txt.zst", "", "max_bytes");
  end(h);
  h = run("*.jsonl.gz", ", max_record: 1KiB");
  rejected(h, "a.jsonl.gz", NULL, "max_ratio");
  end(h);
}

static void bad_files_do_not_stop_it(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "a");
  testdir_write(&dir, "big.txt", "0123456789");
  testdir_write(&dir, "cut.txt", "\x1f\x8b\x08 bad");
  testdir_write(&dir, "n.jsonl", "{}\n");
  testdir_write(&dir, "secret.txt", "s");
  assert_int_equal(symlink("nowhere", testdir_path(&dir, "link.txt")), 0);
  chmod(testdir_path(&dir, "secret.txt"), 0);
  int readable = access(testdir_path(&dir, "secret.txt"), R_OK) == 0; /* by root */
  assert_int_equal(mkfifo(testdir_path(&dir, "pipe.txt"), 0600), 0);
  sl_harness *h = run("", ", max_bytes: 9");
  next_is(h, "a");
  if (readable) next_is(h, "secret");
  rejected(h, "big.txt", "", "larger than max_bytes");
  rejected(h, "cut.txt", "", "cannot be read");
  rejected(h, "link.txt", "", "leads nowhere");
  rejected(h, "n.jsonl", "", "holds JSON documents");
  if (!readable) rejected(h, "secret.txt", "", "Permission");
  assert_non_null(strstr(sl_harness_log(h), "pipe.txt is left out"));
  end(h);
}

static void links_stay_inside(void **state) {
  (void)state;
  testdir_mkdir(&dir, "out");
  testdir_mkdir(&dir, "in");
  testdir_mkdir(&dir, "in/sub");
  testdir_write(&dir, "out/secret.txt", "s");
  testdir_write(&dir, "in/sub/real.txt", "r");
  assert_int_equal(symlink("../out/secret.txt", testdir_path(&dir, "in/a.txt")), 0);
  assert_int_equal(symlink("sub/real.txt", testdir_path(&dir, "in/b.txt")), 0);
  assert_int_equal(symlink("../out", testdir_path(&dir, "in/c")), 0);
  assert_int_equal(symlink(".", testdir_path(&dir, "in/loop")), 0);
  assert_int_equal(symlink("in", testdir_path(&dir, "entry")), 0);
  sl_harness *h = run("in", "");
  next_is(h, "b");
  next_is(h, "sub/real");
  assert_non_null(strstr(sl_harness_log(h), "in/a.txt is left out"));
  end(h);
  h = run("entry", ""); /* named by the user: followed */
  next_is(h, "b");
  next_is(h, "sub/real");
  end(h);
  h = run("in", ", follow_links: true");
  next_is(h, "a");
  next_is(h, "b");
  next_is(h, "c/secret");
  next_is(h, "sub/real");
  rejected(h, "in/loop", NULL, "Too many levels");
  no_more(h);
  sl_harness_free(h);
}

static void a_chain_of_folders_has_an_end(void **state) {
  (void)state;
  char path[1024] = "d";
  for (int i = 0; i < 140; i++) {
    testdir_mkdir(&dir, path);
    strcat(path, "/d");
  }
  sl_harness *h = run("d", "");
  sl_doc *doc = sl_harness_pull_rejected(h);
  assert_non_null(doc);
  assert_non_null(strstr(sl_harness_error_of(h, doc).message, "128 deep"));
  end(h);
}

static void tells_what_is_missing(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "a");
  sl_harness *h = run("*.{html,htm}", "");
  assert_non_null(strstr(sl_harness_log(h), "no file matches"));
  end(h);
  h = run("*.{html,txt}", "");
  next_is(h, "a");
  assert_string_equal(sl_harness_log(h), "");
  end(h);
  h = run("*.{html,txt}", ", missing: error");
  next_is(h, "a");
  end(h);
}

/* Before anything runs, so that no sink has replaced anything yet. */
static void a_missing_path_is_told_at_the_start(void **state) {
  (void)state;
  testdir_write(&dir, "a.txt", "a");
  const char *here = testdir_path(&dir, "a.txt"), *gone = testdir_path(&dir, "nothing/here");
  sl_harness *h = sl_harness_new(sluice_plugin()->types[0],
                                 testdir_text("{ paths: [\"%s\", \"%s\"], missing: error }", here, gone));
  assert_int_equal(sl_harness_start(h), SL_ENOTFOUND);
  assert_string_equal(sl_harness_last(h).message, "no file matches");
  assert_string_equal(sl_harness_last(h).detail, gone);
  sl_harness_free(h);
}

static void starts_again_after_stop(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
  sl_harness *h = begin("a.jsonl", "");
  assert_int_equal(sl_harness_produce(h, 400), SL_P_MORE);
  next_is(h, "1");
  sl_harness_stop(h);
  assert_int_equal(sl_harness_start(h), 0);
  assert_int_equal(sl_harness_produce_all(h, 100), SL_P_END);
  next_is(h, "1");
  next_is(h, "2");
  end(h);
}

static void refuses_what_cannot_be(void **state) {
  (void)state;
  const char *const bad[] = {"{ paths: [/x/*.txt, /x/*.jsonl] }", "{ paths: /x/*.txt, map: { /a: /b } }",
                             "{ paths: /x/*.jsonl, map: { /a/b: /c } }"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    sl_harness *h = sl_harness_new(sluice_plugin()->types[0], bad[i]);
    int32_t rc = sl_harness_create(h);
    if (rc == 0) print_message("%s was accepted\n", bad[i]);
    assert_int_not_equal(rc, 0);
    sl_harness_free(h);
  }
}

/* Memory that runs out ends the run with a reason; nothing is lost without a word. */
static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  testdir_write(&dir, "a.jsonl", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
  testdir_write(&dir, "b.txt", "trang");
  const char *const globs[] = {"a.jsonl", "b.txt"};
  for (int g = 0; g < 2; g++) {
    for (uint64_t nth = 1;; nth++) {
      sl_harness *h = begin(globs[g], "");
      sl_harness_fail_alloc(h, nth);
      int32_t rc = sl_harness_produce_all(h, 100);
      int failed = sl_harness_alloc_failed(h);
      if (!failed) assert_int_equal(rc, SL_P_END);
      const char *problem = sl_harness_take_problem(h); /* the harness itself ran out of memory */
      if (problem)
        assert_non_null(strstr(problem, "memory"));
      else if (rc == SL_V_FATAL)
        assert_int_equal(sl_harness_last(h).code, SL_ENOMEM);
      sl_harness_free(h);
      if (!failed) break;
    }
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(names_match),
      TEST(paths_match),
      TEST(globs_split_and_expand),
      TEST(hashes),
      TEST(names_tell),
      TEST(decompresses_in_any_step),
      TEST(cuts_lines_in_any_step),
      TEST(random_lines_agree_with_a_plain_splitter),
      TEST(chunks_live_until_the_last_record),
      TEST(cuts_arrays),
      TEST(reads_pages),
      TEST(recursion_can_be_turned_off),
      TEST(a_file_named_twice_comes_once),
      TEST(wildcards_in_real_names_are_literal),
      TEST(reads_lines),
      TEST(bad_lines_do_not_stop_it),
      TEST(little_credit_gives_few_documents),
      TEST(maps_fields),
      TEST(reads_json),
      TEST(reads_compressed),
      TEST(reads_up_to_the_limit),
      TEST(bombs_are_rejected),
      TEST(bad_files_do_not_stop_it),
      TEST(links_stay_inside),
      TEST(a_chain_of_folders_has_an_end),
      TEST(tells_what_is_missing),
      TEST(a_missing_path_is_told_at_the_start),
      TEST(starts_again_after_stop),
      TEST(refuses_what_cannot_be),
      TEST(memory_may_run_out_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
