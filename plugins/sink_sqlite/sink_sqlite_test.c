/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sink_sqlite. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sluice/harness.h>

#include "../common/testdir.h"
#include "store.h"

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

static const char *db_path(void) { return testdir_path(&dir, "a/news.db"); }

static sl_harness *stage(const char *more) {
  return sl_harness_new(sluice_plugin()->types[0], testdir_text("{ path: \"%s\"%s }", db_path(), more));
}

static sl_harness *begin(const char *more) {
  sl_harness *h = stage(more);
  int32_t rc = sl_harness_start(h);
  if (rc != 0) print_message("%s: %s %s\n", more, sl_harness_last(h).message, sl_harness_last(h).detail);
  assert_int_equal(rc, 0);
  return h;
}

static sl_doc *doc_at(sl_harness *h, const char *uri, const char *body) {
  return sl_harness_set_origin(h, sl_harness_doc(h, body), uri, NULL, "r1");
}

static int32_t put(sl_harness *h, const char *uri, const char *body) {
  return sl_harness_push(h, doc_at(h, uri, body));
}

/* What a query answers: columns parted by '|', rows by '\n'. */
static const char *query(const char *sql) {
  static char out[8192];
  size_t used = 0;
  sqlite3 *db;
  sqlite3_stmt *q;
  assert_int_equal(sqlite3_open_v2(db_path(), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
  int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
  if (rc != SQLITE_OK) print_message("%s: %s\n", sql, sqlite3_errmsg(db));
  assert_int_equal(rc, SQLITE_OK);
  out[0] = '\0';
  for (int row = 0; sqlite3_step(q) == SQLITE_ROW; row++) {
    for (int c = 0; c < sqlite3_column_count(q); c++) {
      const char *text = (const char *)sqlite3_column_text(q, c);
      used += (size_t)snprintf(out + used, sizeof out - used, "%s%s", c ? "|" : row ? "\n" : "", text ? text : "NULL");
    }
  }
  sqlite3_finalize(q);
  sqlite3_close(db);
  return out;
}

static void answers(const char *sql, const char *expected) {
  const char *found = query(sql);
  if (strcmp(found, expected) != 0) print_message("%s\n", sql);
  assert_string_equal(found, expected);
}

static const char article[] =
    "{\"id\":\"bai-1\",\"title\":\"Đường phố Hà Nội\",\"published\":\"2025-08-21\",\"lang\":\"vi\","
    "\"text\":\"Tổng Bí thư Tô Lâm yêu cầu Thành ủy làm ngay. Đảng bộ đồng lòng.\","
    "\"summary\":{\"text\":\"Tóm tắt.\",\"sentences\":[0]},"
    "\"entities\":[{\"id\":\"e1\",\"type\":\"PERSON\",\"start\":16,\"end\":24,\"text\":\"Tô Lâm\",\"norm\":\"Tô Lâm\"},"
    "{\"id\":\"e2\",\"type\":\"ROLE\",\"start\":0,\"end\":15,\"text\":\"Tổng Bí thư\",\"norm\":\"Tổng Bí "
    "thư\",\"person\":\"e1\"},"
    "{\"id\":\"e3\",\"type\":\"ROLE\",\"text\":\"tổng bí thư\",\"norm\":\"Tổng Bí thư\",\"person\":\"e1\"},"
    "{\"id\":\"e4\",\"type\":\"PERSON\",\"text\":\"Lương Cường\"},"
    "{\"id\":\"e5\",\"type\":\"ORG\",\"text\":\"Thành ủy\"}],"
    "\"directives\":[{\"speaker\":\"e1\",\"verb\":\"yêu cầu\",\"addressees\":[\"e5\",\"e9\"],"
    "\"content\":{\"start\":40,\"end\":50,\"text\":\"làm ngay\"},\"deadline\":{\"text\":\"trong tháng "
    "9\",\"norm\":\"2025-09\"}},{\"speaker\":\"e9\"}]}";

static void stores_an_article(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a.txt", article), SL_V_OK);
  sl_harness_free(h);
  answers("SELECT key, id, uri, title, published, lang, summary, revision, stored FROM documents",
          "file:///a.txt|bai-1|file:///a.txt|Đường phố Hà Nội|2025-08-21|vi|Tóm tắt.|r1|2025-08-21T00:00:00Z");
  answers("SELECT json_extract(json, '$.summary.sentences') FROM documents", "[0]");
  answers("SELECT entity, type, start_byte, end_byte, text, norm, person FROM entities WHERE entity < 'e3'",
          "e1|PERSON|16|24|Tô Lâm|Tô Lâm|NULL\ne2|ROLE|0|15|Tổng Bí thư|Tổng Bí thư|Tô Lâm");
  answers("SELECT person, role FROM people ORDER BY 1", "Lương Cường|NULL\nTô Lâm|Tổng Bí thư");
  answers("SELECT n, speaker, verb, addressees, content, deadline, start_byte, end_byte FROM directives",
          "1|Tô Lâm|yêu cầu|Thành ủy; e9|làm ngay|2025-09|40|50\n2|e9|NULL|NULL|NULL|NULL|NULL|NULL");
  answers("SELECT person, roles, documents, first FROM v_people",
          "Lương Cường|NULL|1|2025-08-21\nTô Lâm|Tổng Bí thư|1|2025-08-21");
  answers("SELECT speaker, content, id FROM v_directives", "Tô Lâm|làm ngay|bai-1\ne9|NULL|bai-1");
  answers("SELECT name, mentions FROM v_mentions WHERE type = 'ROLE'", "Tổng Bí thư|2");
  answers("SELECT id, characters FROM v_documents", "bai-1|64");
  answers("PRAGMA user_version", "2");
  answers("PRAGMA journal_mode", "wal");
}

static const char ordered[] =
    "{\"id\":\"bai-2\",\"title\":\"Chỉ đạo\",\"published\":\"2025-08-21\",\"text\":\"…\",\"entities\":["
    "{\"id\":\"e1\",\"type\":\"PERSON\",\"text\":\"ông Chiến\",\"norm\":\"Hà Văn Chiến\"},"
    "{\"id\":\"e2\",\"type\":\"ROLE\",\"text\":\"Bí thư\",\"norm\":\"Bí thư Tỉnh ủy\",\"person\":\"e1\"},"
    "{\"id\":\"e3\",\"type\":\"ROLE\",\"text\":\"Bí thư Tỉnh ủy\",\"person\":\"e1\"},"
    "{\"id\":\"e4\",\"type\":\"ROLE\",\"text\":\"đại biểu\",\"persons\":[\"e9\",\"e1\"],\"person\":\"e9\"},"
    "{\"id\":\"e5\",\"type\":\"ORG\",\"text\":\"Sở Y tế\"},{\"id\":\"e6\",\"type\":\"ORG\",\"text\":\"Công an\"}],"
    "\"directives\":[{\"speaker\":\"e1\",\"verb\":\"giao\",\"strength\":\"assign\",\"addressees\":[\"e5\",\"e6\"],"
    "\"to\":{\"text\":\"Sở Y tế và Công an\"},\"content\":{\"text\":\"báo cáo\",\"start\":0,\"end\":2},"
    "\"deadline\":{\"text\":\"trong tháng 2/2028\",\"norm\":\"2028-02\"}},"
    "{\"speaker\":\"e5\",\"verb\":\"đề nghị\",\"strength\":\"request\",\"addressees\":[],\"to\":{\"text\":\"người "
    "dân\"},"
    "\"content\":{\"text\":\"đi tiêm\"},\"deadline\":{\"text\":\"16/6\",\"norm\":\"XXXX-06-16\"}},"
    "{\"speaker\":\"e5\",\"verb\":\"yêu cầu\",\"addressees\":[],\"content\":{\"text\":\"chuẩn bị\"},"
    "\"deadline\":{\"text\":\"2025 - 2030\",\"norm\":\"2025/2030\"}}]}";

static const char ordered_rows[] =
    "Hà Văn Chiến|Bí thư Tỉnh ủy; đại biểu|giao|assign|Sở Y tế; Công an|báo cáo|2028-02|2028-02-29|bai-2\n"
    "Sở Y tế|NULL|đề nghị|request|người dân|đi tiêm|XXXX-06-16|NULL|bai-2\n"
    "Sở Y tế|NULL|yêu cầu|NULL|NULL|chuẩn bị|2025/2030|2030-12-31|bai-2";
#define REGISTER "SELECT speaker, role, verb, strength, addressees, content, deadline, due, article FROM v_register"
#define TOLD "SELECT n, name FROM addressees ORDER BY rowid"

static void keeps_a_register(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a.txt", ordered), SL_V_OK);
  answers(REGISTER, ordered_rows);
  answers(TOLD, "1|Sở Y tế\n1|Công an\n2|người dân");
  assert_int_equal(put(h, "file:///a.txt", "{\"id\":\"bai-2\"}"), SL_V_OK);
  answers("SELECT count(*) FROM addressees", "0");
  sl_harness_free(h);
}

/* A file as version 1 wrote it, filled from the JSON that it holds. The older version listed a role by its holder
 * alone. */
static void upgrades_an_older_file(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a.txt", ordered), SL_V_OK);
  sl_harness_free(h);
  query("DROP VIEW v_register");
  query("DROP TABLE addressees");
  const char *const columns[] = {"role", "strength", "told", "due"};
  for (size_t i = 0; i < 4; i++) query(testdir_text("ALTER TABLE directives DROP COLUMN %s", columns[i]));
  query("PRAGMA user_version = 1");
  sl_harness_free(begin(""));
  answers("PRAGMA user_version", "2");
  answers("SELECT verb, strength, addressees, due FROM v_register",
          "giao|assign|Sở Y tế; Công an|2028-02-29\nđề nghị|request|người dân|NULL\nyêu cầu|NULL|NULL|2030-12-31");
  answers("SELECT role FROM v_register LIMIT 1", "Bí thư Tỉnh ủy");
  answers(TOLD, "1|Sở Y tế\n1|Công an\n2|người dân");
  h = begin("");
  assert_int_equal(put(h, "file:///a.txt", ordered), SL_V_OK);
  sl_harness_free(h);
  answers(REGISTER, ordered_rows);
}

static void searches_with_and_without_diacritics(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a.txt", article), SL_V_OK);
  assert_int_equal(put(h, "file:///b.txt", "{\"id\":\"b\",\"title\":\"Khác\",\"text\":\"Không liên quan\"}"), SL_V_OK);
  sl_harness_free(h);
  const char *const hits[] = {"đường",
                              "duong",
                              "Đường phố",
                              "duong pho",
                              "DUONG",
                              "tong bi thu",
                              "\"dang bo dong long\"",
                              "\"đảng bộ đồng lòng\"",
                              "hà nội",
                              "title:ha",
                              "folded:dang"};
  for (size_t i = 0; i < sizeof hits / sizeof *hits; i++)
    answers(testdir_text("SELECT id FROM search('%s') JOIN documents ON doc = search.rowid", hits[i]), "bai-1");
  answers("SELECT id FROM search('khong') JOIN documents ON doc = search.rowid", "b");
  answers("SELECT count(*) FROM search('nowhere')", "0");
  answers("SELECT documents.title FROM search('to lam') JOIN documents ON doc = search.rowid", "Đường phố Hà Nội");
  answers("SELECT snippet(search, 1, '[', ']', '…', 4) FROM search('to lam')", "…thư [Tô] [Lâm] yêu…");
}

static void an_edited_article_replaces_the_old_one(void **state) {
  (void)state;
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a.txt", article), SL_V_OK);
  assert_int_equal(put(h, "file:///b.txt", article), SL_V_OK);
  sl_doc *docs[] = {doc_at(h, "file:///a.txt", "{\"title\":\"giữa\"}"),
                    doc_at(h, "file:///a.txt",
                           "{\"title\":\"mới\",\"entities\":[{\"id\":\"x\",\"type\":\"PERSON\",\"text\":\"Vũ\"}]}")};
  assert_int_equal(sl_harness_write(h, docs, 2, NULL), 0);
  sl_harness_free(h);
  answers("SELECT title FROM documents ORDER BY key", "mới\nĐường phố Hà Nội");
  answers("SELECT count(*) FROM documents", "2");
  answers("SELECT count(*) FROM entities JOIN documents USING (doc) WHERE title = 'mới'", "1");
  answers("SELECT person FROM people JOIN documents USING (doc) WHERE title = 'mới'", "Vũ");
  answers("SELECT count(*) FROM directives", "2");
  answers("SELECT count(*) FROM search('duong')", "1");
  answers("SELECT count(*) FROM search('moi')", "1");
  answers("INSERT INTO search(search) VALUES('integrity-check') RETURNING 1", "1");
  answers("PRAGMA integrity_check", "ok");
}

static void conflicts_may_keep_or_reject(void **state) {
  (void)state;
  sl_harness *h = begin(", on_conflict: keep");
  assert_int_equal(put(h, "file:///a", "{\"title\":\"cũ\"}"), SL_V_OK);
  assert_int_equal(put(h, "file:///a", "{\"title\":\"mới\"}"), SL_V_OK);
  sl_harness_free(h);
  answers("SELECT title FROM documents", "cũ");
  h = begin(", on_conflict: error");
  sl_doc *edited = sl_harness_set_origin(h, sl_harness_doc(h, "{\"title\":\"mới\"}"), "file:///a", NULL, "r2");
  sl_doc *docs[] = {doc_at(h, "file:///b", "{}"), edited, doc_at(h, "file:///c", "{}")};
  int32_t verdicts[3];
  assert_int_equal(sl_harness_write(h, docs, 3, verdicts), 0);
  assert_int_equal(verdicts[0], SL_V_OK);
  assert_int_equal(verdicts[1], SL_V_REJECT);
  assert_int_equal(verdicts[2], SL_V_OK);
  assert_int_equal(sl_harness_error_of(h, docs[1]).code, SL_EEXIST);
  sl_harness_free(h);
  answers("SELECT key, title FROM documents ORDER BY 1", "file:///a|cũ\nfile:///b|NULL\nfile:///c|NULL");
}

/* After a crash a document comes again that was committed here and not in the state: it is no conflict with itself. */
static void the_same_document_again_is_no_conflict(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    sl_harness *h = begin(", on_conflict: error");
    sl_doc *doc = sl_harness_set_origin(h, sl_harness_doc(h, testdir_text("{\"title\":\"%d\"}", i)), "file:///a",
                                        "byte=0-9", "r1");
    assert_int_equal(sl_harness_push(h, doc), SL_V_OK);
    assert_int_equal(put(h, "file:///b", "{\"title\":\"b\"}"), SL_V_OK);
    doc = sl_harness_set_origin(h, sl_harness_doc(h, "{\"title\":\"edited\"}"), "file:///a", "byte=0-9", "r2");
    assert_int_equal(sl_harness_push(h, doc), SL_V_REJECT);
    sl_harness_free(h);
  }
  answers("SELECT title, revision FROM documents ORDER BY key", "0|r1\nb|r1");
  sl_harness *h = begin(", on_conflict: error, key: /title");
  assert_int_equal(put(h, "file:///c", "{\"title\":\"c\",\"n\":1}"), SL_V_OK);
  assert_int_equal(put(h, "file:///c", "{\"title\":\"c\",\"n\":1}"), SL_V_OK);
  assert_int_equal(put(h, "file:///c", "{\"title\":\"c\",\"n\":2}"), SL_V_REJECT);
  sl_harness_free(h);
}

static void a_newer_revision_replaces_the_record(void **state) {
  (void)state;
  for (int i = 1; i <= 3; i++) {
    sl_harness *h = begin("");
    sl_doc *doc = sl_harness_set_origin(h, sl_harness_doc(h, testdir_text("{\"title\":\"bản %d\"}", i)), "file:///a",
                                        "byte=0-9", testdir_text("r%d", i));
    assert_int_equal(sl_harness_push(h, doc), SL_V_OK);
    sl_harness_free(h);
  }
  answers("SELECT title, revision FROM documents", "bản 3|r3");
}

static void a_database_that_was_taken_away_is_begun_anew(void **state) {
  (void)state;
  char moved[512];
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a", "{}"), SL_V_OK);
  snprintf(moved, sizeof moved, "%s.old", db_path());
  assert_int_equal(rename(db_path(), moved), 0);
  unlink(testdir_text("%s-wal", db_path()));
  unlink(testdir_text("%s-shm", db_path()));
  assert_int_equal(put(h, "file:///b", "{}"), SL_V_OK);
  assert_non_null(strstr(sl_harness_log(h), "taken away"));
  sl_harness_free(h);
  answers("SELECT key FROM documents", "file:///b");
}

static void one_bad_document_does_not_fail_its_neighbours(void **state) {
  (void)state;
  sl_harness *h = begin("");
  sl_doc *docs[] = {
      doc_at(h, "file:///1", "{\"title\":\"một\"}"), doc_at(h, "file:///2", "{\"title\":[\"hai\"]}"),
      doc_at(h, "file:///3", "{\"entities\":{\"a\":1}}"), sl_harness_doc(h, "{\"title\":\"no origin\"}"),
      doc_at(h, "file:///5",
             "{\"title\":5,\"lang\":true,\"id\":9007199254740993,\"entities\":[1,null,{}],\"text\":null}")};
  int32_t verdicts[5];
  assert_int_equal(sl_harness_write(h, docs, 5, verdicts), 0);
  const int32_t expected[] = {SL_V_OK, SL_V_REJECT, SL_V_REJECT, SL_V_REJECT, SL_V_OK};
  for (int i = 0; i < 5; i++) assert_int_equal(verdicts[i], expected[i]);
  assert_non_null(strstr(sl_harness_error_of(h, docs[1]).detail, "/title"));
  assert_non_null(strstr(sl_harness_error_of(h, docs[2]).detail, "/entities"));
  assert_non_null(strstr(sl_harness_error_of(h, docs[3]).hint, "key: /id"));
  sl_harness_free(h);
  answers("SELECT key, title, lang, id FROM documents", "file:///1|một|NULL|NULL\nfile:///5|5|true|9007199254740993");
}

static void the_key_may_be_a_field(void **state) {
  (void)state;
  sl_harness *h = begin(", key: /meta/no");
  assert_int_equal(put(h, "file:///a", "{\"meta\":{\"no\":7},\"title\":\"a\"}"), SL_V_OK);
  assert_int_equal(put(h, "file:///b", "{\"meta\":{\"no\":7},\"title\":\"b\"}"), SL_V_OK);
  assert_int_equal(put(h, "file:///c", "{\"meta\":{\"no\":\"x\"}}"), SL_V_OK);
  assert_int_equal(put(h, "file:///d", "{\"meta\":{\"no\":null}}"), SL_V_REJECT);
  sl_harness_free(h);
  answers("SELECT key, title FROM documents", "7|b\nx|NULL");
}

static void a_busy_database_is_retried(void **state) {
  (void)state;
  sl_harness *h = begin(", busy_timeout: 0s");
  sqlite3 *other;
  assert_int_equal(sqlite3_open(db_path(), &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  sl_doc *doc = doc_at(h, "file:///a", "{}");
  assert_int_not_equal(sl_harness_write(h, &doc, 1, NULL), 0);
  assert_non_null(strstr(sl_harness_last(h).hint, "another program"));
  assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(other);
  assert_int_equal(put(h, "file:///a", "{}"), SL_V_OK);
  sl_harness_free(h);
  answers("SELECT count(*) FROM documents", "1");
}

static void refused(const char *word) {
  sl_harness *h = stage("");
  assert_int_not_equal(sl_harness_start(h), 0);
  sl_harness_error e = sl_harness_last(h);
  if (!strstr(e.message, word)) print_message("no \"%s\" in: %s\n", word, e.message);
  assert_non_null(strstr(e.message, word));
  assert_non_null(strstr(e.detail, "news.db"));
  assert_true(*e.hint);
  sl_harness_free(h);
}

static void refuses_what_it_does_not_know(void **state) {
  (void)state;
  sl_harness_free(begin(""));
  query("PRAGMA user_version = 3");
  refused("newer Sluice");
  query("PRAGMA user_version = 2");
  sl_harness_free(begin(""));
}

static void refuses_the_files_of_others(void **state) {
  (void)state;
  sqlite3 *db;
  testdir_mkdir(&dir, "a");
  assert_int_equal(sqlite3_open(db_path(), &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs(x)", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  refused("another program's");
  answers("SELECT name FROM sqlite_schema", "theirs");
  testdir_write(&dir, "a/news.db",
                "This is a text, and much longer than the sixteen bytes that a database begins with.");
  refused("not a database");
}

/* The process may write files of `limit` bytes only: what was acknowledged is there, and nothing else. */
static void a_full_disk_loses_nothing(void **state) {
  (void)state;
  sl_harness_free(begin(""));
  const rlim_t limits[] = {100000, 200000, 300000};
  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      struct rlimit r = {limits[i], limits[i]};
      signal(SIGXFSZ, SIG_IGN);
      setrlimit(RLIMIT_FSIZE, &r);
      sl_harness *h = stage("");
      if (sl_harness_start(h) != 0) _exit(0);
      int stored = 0;
      for (int k = 0; k < 120; k++) {
        char text[3000];
        for (size_t c = 0; c < sizeof text - 1; c++) text[c] = (char)('a' + (c * c + (size_t)k * 7) % 26);
        text[sizeof text - 1] = '\0';
        sl_doc *doc = doc_at(h, testdir_text("file:///%d/%d", i, k), testdir_text("{\"text\":\"%.1500s\"}", text));
        int32_t verdict = -1;
        int32_t rc = sl_harness_write(h, &doc, 1, &verdict);
        stored += rc == 0 && verdict == SL_V_OK;
      }
      _exit(stored);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    answers(testdir_text("SELECT count(*) FROM documents WHERE key LIKE 'file:///%d/%%'", i),
            testdir_text("%d", WEXITSTATUS(status)));
    answers("PRAGMA integrity_check", "ok");
    answers("INSERT INTO search(search) VALUES('integrity-check') RETURNING 1", "1");
  }
}

static void stores_across_runs_and_restarts(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    sl_harness *h = begin("");
    assert_int_equal(put(h, testdir_text("file:///%d", i), "{}"), SL_V_OK);
    sl_harness_stop(h);
    assert_int_equal(sl_harness_start(h), 0);
    assert_int_equal(put(h, testdir_text("file:///%d", i + 1), "{}"), SL_V_OK);
    sl_harness_free(h);
  }
  answers("SELECT group_concat(key, ' ') FROM (SELECT key FROM documents ORDER BY 1)",
          "file:///0 file:///1 file:///2 file:///3");
}

static void many_entities_are_no_trouble(void **state) {
  (void)state;
  size_t cap = 20000 * 120, used = 0;
  char *body = malloc(cap);
  used += (size_t)snprintf(body, cap, "{\"entities\":[");
  for (int i = 0; i < 20000; i++)
    used += (size_t)snprintf(body + used, cap - used,
                             "%s{\"id\":\"e%d\",\"type\":\"%s\",\"text\":\"n%d\",\"person\":\"e%d\"}", i ? "," : "", i,
                             i & 1 ? "ROLE" : "PERSON", i, i - 1);
  snprintf(body + used, cap - used, "]}");
  sl_harness *h = begin("");
  assert_int_equal(put(h, "file:///a", body), SL_V_OK);
  sl_harness_free(h);
  free(body);
  answers("SELECT count(*), count(role) FROM people", "10000|10000");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(stores_an_article),
      TEST(keeps_a_register),
      TEST(upgrades_an_older_file),
      TEST(searches_with_and_without_diacritics),
      TEST(an_edited_article_replaces_the_old_one),
      TEST(conflicts_may_keep_or_reject),
      TEST(the_same_document_again_is_no_conflict),
      TEST(a_newer_revision_replaces_the_record),
      TEST(a_database_that_was_taken_away_is_begun_anew),
      TEST(one_bad_document_does_not_fail_its_neighbours),
      TEST(the_key_may_be_a_field),
      TEST(a_busy_database_is_retried),
      TEST(refuses_what_it_does_not_know),
      TEST(refuses_the_files_of_others),
      TEST(a_full_disk_loses_nothing),
      TEST(stores_across_runs_and_restarts),
      TEST(many_entities_are_no_trouble),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
