/* SPDX-License-Identifier: Apache-2.0 */
/* The database: opening it, and the schema with its version. */
#include "schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sluice/plugin.h>

#include "../common/outfile.h"

/* unicode61 folds every Vietnamese letter to its base but đ, which Unicode does not decompose. `folded` holds title and
 * text with đ as d, so that a search without any diacritics finds them; it is computed by the view and stored in the
 * index only. */
static const char schema_sql[] =
    "CREATE TABLE documents(\n"
    "  doc INTEGER PRIMARY KEY,\n"
    "  key TEXT NOT NULL UNIQUE,\n"
    "  id TEXT, uri TEXT, title TEXT, published TEXT, lang TEXT, summary TEXT, text TEXT,\n"
    "  json TEXT NOT NULL,\n"
    "  revision TEXT,\n"
    "  stored TEXT NOT NULL);\n"
    "CREATE INDEX documents_published ON documents(published);\n"
    "CREATE INDEX documents_id ON documents(id);\n"
    "CREATE TABLE entities(\n"
    "  doc INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,\n"
    "  entity TEXT, type TEXT, start_byte INTEGER, end_byte INTEGER, text TEXT, norm TEXT, person TEXT);\n"
    "CREATE INDEX entities_doc ON entities(doc);\n"
    "CREATE INDEX entities_norm ON entities(type, norm);\n"
    "CREATE TABLE people(\n"
    "  doc INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,\n"
    "  person TEXT NOT NULL, role TEXT);\n"
    "CREATE INDEX people_doc ON people(doc, person, role);\n"
    "CREATE INDEX people_person ON people(person);\n"
    "CREATE TABLE directives(\n"
    "  doc INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,\n"
    "  n INTEGER NOT NULL, speaker TEXT, verb TEXT, addressees TEXT, content TEXT, deadline TEXT,\n"
    "  start_byte INTEGER, end_byte INTEGER);\n"
    "CREATE INDEX directives_doc ON directives(doc);\n"
    "CREATE INDEX directives_speaker ON directives(speaker);\n"
    "CREATE VIEW v_search AS SELECT doc, title, text,\n"
    "  replace(replace(coalesce(title, '') || ' ' || coalesce(text, ''), 'đ', 'd'), 'Đ', 'D') AS folded FROM "
    "documents;\n"
    "CREATE VIRTUAL TABLE search USING fts5(title, text, folded, content='v_search', content_rowid='doc',\n"
    "  tokenize=\"unicode61 remove_diacritics 2\");\n"
    "CREATE VIEW v_documents AS SELECT id, title, published, lang, summary, length(text) AS characters, uri, stored\n"
    "  FROM documents ORDER BY published DESC, title;\n"
    "CREATE VIEW v_people AS SELECT person, (SELECT group_concat(role, '; ') FROM (SELECT DISTINCT role FROM people AS "
    "p"
    " WHERE p.person = people.person AND role IS NOT NULL)) AS roles, count(DISTINCT doc) AS documents,\n"
    "  min(published) AS first, max(published) AS last FROM people JOIN documents USING (doc)\n"
    "  GROUP BY person ORDER BY documents DESC, person;\n"
    "CREATE VIEW v_directives AS SELECT d.published, d.title, speaker, verb, addressees, content, deadline, d.id, "
    "d.uri\n"
    "  FROM directives JOIN documents AS d USING (doc) ORDER BY d.published DESC, d.doc, n;\n"
    "CREATE VIEW v_mentions AS SELECT type, coalesce(nullif(norm, ''), entities.text) AS name, count(*) AS mentions,\n"
    "  count(DISTINCT doc) AS documents FROM entities GROUP BY 1, 2 ORDER BY mentions DESC;\n";

/* What version 2 adds; made of version 1 in a new file, too, so that there is one way to it. The rows of an older file
 * are filled from the JSON that it holds. */
static const char register_sql[] =
    "ALTER TABLE directives ADD COLUMN role TEXT;\n"
    "ALTER TABLE directives ADD COLUMN strength TEXT;\n"
    "ALTER TABLE directives ADD COLUMN told TEXT;\n"
    "ALTER TABLE directives ADD COLUMN due TEXT;\n"
    "CREATE TABLE addressees(\n"
    "  doc INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, n INTEGER NOT NULL, name TEXT NOT NULL);\n"
    "CREATE INDEX addressees_doc ON addressees(doc, n);\n"
    "CREATE INDEX addressees_name ON addressees(name);\n"
    "CREATE VIEW v_register AS SELECT speaker, role, verb, strength, coalesce(addressees, told) AS addressees, "
    "content,\n"
    "  deadline, due, d.id AS article, d.title, d.published, start_byte, end_byte, d.uri, doc, n\n"
    "  FROM directives JOIN documents AS d USING (doc) ORDER BY d.published DESC, doc, n;\n";

static const char upgrade_sql[] =
    "UPDATE directives SET speaker = (SELECT coalesce(json_extract(json, '$.directives[' || (n - 1) || "
    "'].speaker_norm'),\n"
    "  json_extract(json, '$.directives[' || (n - 1) || '].speaker_text.text')) FROM documents AS d\n"
    "  WHERE d.doc = directives.doc) WHERE speaker IS NULL;\n"
    "UPDATE directives SET (strength, told) = (SELECT json_extract(json, '$.directives[' || (n - 1) || '].strength'),\n"
    "  json_extract(json, '$.directives[' || (n - 1) || '].to.text') FROM documents AS d WHERE d.doc = "
    "directives.doc);\n"
    "UPDATE directives SET role = (SELECT group_concat(role, '; ') FROM people AS p\n"
    "  WHERE p.doc = directives.doc AND p.person = directives.speaker);\n"
    "UPDATE directives SET due = substr(deadline, instr(deadline, '/') + 1) WHERE deadline GLOB "
    "'[0-9][0-9][0-9][0-9]*';\n"
    "UPDATE directives SET due = CASE length(due) WHEN 4 THEN due || '-12-31' WHEN 7 THEN date(due || '-01', '+1 "
    "month', "
    "'-1 day')\n"
    "  WHEN 10 THEN date(due) END WHERE due IS NOT NULL;\n"
    "INSERT INTO addressees SELECT directives.doc, n, coalesce(nullif(e.norm, ''), e.text) FROM directives\n"
    "  JOIN documents AS d USING (doc), json_each(d.json, '$.directives[' || (n - 1) || '].addressees') AS a\n"
    "  JOIN entities AS e ON e.doc = directives.doc AND e.entity = a.value WHERE coalesce(nullif(e.norm, ''), e.text) "
    "IS "
    "NOT NULL;\n"
    "INSERT INTO addressees SELECT doc, n, told FROM directives WHERE told IS NOT NULL AND addressees IS NULL;\n";

int32_t store_sqlite_error(store_error *err, sqlite3 *db, int rc, const char *what) {
  int basic = rc & 0xFF;
  err->code = basic == SQLITE_NOMEM ? SL_ENOMEM : basic == SQLITE_PERM || basic == SQLITE_READONLY ? SL_EPERM : SL_EIO;
  const char *word = sqlite3_errstr(rc), *more = db ? sqlite3_errmsg(db) : "";
  snprintf(err->message, sizeof err->message, "%s: %s", what, word);
  snprintf(err->detail, sizeof err->detail, "%s", strcmp(word, more) ? more : "");
  err->hint = NULL;
  if (basic == SQLITE_BUSY || basic == SQLITE_LOCKED)
    err->hint = "another program holds the database: it is tried again";
  if (basic == SQLITE_FULL || rc == SQLITE_IOERR_WRITE) err->hint = "free some space on the disk: it is tried again";
  if (basic == SQLITE_CANTOPEN || basic == SQLITE_READONLY)
    err->hint = "check the owner and the mode of the file and its folder";
  if (basic == SQLITE_NOTADB) err->hint = "the file is something else: name another path";
  if (basic == SQLITE_CORRUPT) err->hint = "the database is damaged: move it away, and the next run makes a new one";
  return err->code;
}

static int32_t refuse(store_error *err, int32_t code, const char *message, const char *path, const char *hint) {
  err->code = code;
  snprintf(err->message, sizeof err->message, "%s", message);
  snprintf(err->detail, sizeof err->detail, "%s", path);
  err->hint = hint;
  return code;
}

/* The integer that a statement answers. */
static int integer(sqlite3 *db, const char *sql, int64_t *ret) {
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW) *ret = sqlite3_column_int64(stmt, 0);
  sqlite3_finalize(stmt);
  return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

/* old: the tables of version 1 are there. */
static int make_schema(sqlite3 *db, int old) {
  char sql[96];
  int rc = old ? SQLITE_OK : sqlite3_exec(db, schema_sql, NULL, NULL, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_exec(db, register_sql, NULL, NULL, NULL);
  if (rc == SQLITE_OK && old) rc = sqlite3_exec(db, upgrade_sql, NULL, NULL, NULL);
  snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d", STORE_APPLICATION, STORE_VERSION);
  return rc == SQLITE_OK ? sqlite3_exec(db, sql, NULL, NULL, NULL) : rc;
}

/* Within a write transaction: two processes may open a new file at the same time. */
static int32_t check_schema(sqlite3 *db, const char *path, store_error *err) {
  int64_t version = 0, application = 0, tables = 0;
  int rc = integer(db, "PRAGMA user_version", &version);
  if (rc == SQLITE_OK) rc = integer(db, "PRAGMA application_id", &application);
  if (rc == SQLITE_OK) rc = integer(db, "SELECT count(*) FROM sqlite_schema", &tables);
  if (rc != SQLITE_OK) return store_sqlite_error(err, db, rc, "the database cannot be read");
  if (tables == 0 && version == 0) {
    rc = make_schema(db, 0);
    return rc == SQLITE_OK ? SL_OK : store_sqlite_error(err, db, rc, "the tables cannot be made");
  }
  if (application != STORE_APPLICATION)
    return refuse(err, SL_EEXIST, "expected an empty file or a database of this stage, found another program's", path,
                  "name another path");
  if (version > STORE_VERSION)
    return refuse(err, SL_ESTATE, "the database was written by a newer Sluice", path,
                  "use that version, or name another path");
  if (version < STORE_VERSION && (rc = make_schema(db, 1)) != SQLITE_OK)
    return store_sqlite_error(err, db, rc, "the tables of an older version cannot be renewed");
  return SL_OK;
}

static int32_t prepare_file(sqlite3 *db, const char *path, int full_sync, store_error *err) {
  /* The journal of a savepoint would be a file; a document's part of it fits in memory. */
  int rc =
      sqlite3_exec(db, "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8000", NULL, NULL, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_exec(db, full_sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
  if (rc != SQLITE_OK) return store_sqlite_error(err, db, rc, "the database cannot be opened for writing");
  int32_t answer = check_schema(db, path, err);
  rc = sqlite3_exec(db, answer == SL_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
  if (answer == SL_OK && rc != SQLITE_OK) answer = store_sqlite_error(err, db, rc, "the tables cannot be made");
  if (answer != SL_OK) return answer;
  /* Where the file system has no shared memory (some network mounts) the old journal stays; it is only slower. */
  sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
  return SL_OK;
}

int32_t store_open(const char *path, int64_t busy_ms, int full_sync, sqlite3 **ret, store_error *err) {
  sqlite3 *db = NULL;
  memset(err, 0, sizeof *err);
  if (outfile_make_parents(path) < 0) {
    char message[160];
    snprintf(message, sizeof message, "the folder of the database cannot be made: %s", strerror(errno));
    return refuse(err, SL_EIO, message, path, "check the path and the rights");
  }
  /* Calls come one at a time: no lock of SQLite's own is needed. */
  int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  int32_t answer;
  if (rc != SQLITE_OK) {
    answer = store_sqlite_error(err, db, rc, "the database cannot be opened");
  } else {
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, (int)(busy_ms > INT32_MAX ? INT32_MAX : busy_ms));
    answer = prepare_file(db, path, full_sync, err);
  }
  if (answer != SL_OK) {
    size_t used = strlen(err->detail);
    if (!strstr(err->detail, path))
      snprintf(err->detail + used, sizeof err->detail - used, "%s%s", used ? ": " : "", path);
    sqlite3_close(db);
    return answer;
  }
  *ret = db;
  return SL_OK;
}
