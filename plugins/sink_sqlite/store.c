/* SPDX-License-Identifier: Apache-2.0 */
/* Stores documents with their child rows and the search index. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

#include "../common/directive.h"

#define ADDRESSEES 4096 /* bytes of the names of a directive's addressees */
#define ROLES 2048      /* bytes of the roles of its speaker */

enum {
  Q_BEGIN,
  Q_COMMIT,
  Q_ROLLBACK,
  Q_SAVE,
  Q_RELEASE,
  Q_UNDO,
  Q_FIND,
  Q_SAME,
  Q_INSERT,
  Q_UPDATE,
  Q_UNSEARCH,
  Q_SEARCH,
  Q_CLEAR_ENTITIES,
  Q_CLEAR_PEOPLE,
  Q_CLEAR_DIRECTIVES,
  Q_CLEAR_ADDRESSEES,
  Q_ENTITY,
  Q_PERSON,
  Q_TRIM_PEOPLE,
  Q_DIRECTIVE,
  Q_ADDRESSEE,
  Q_COUNT
};

static const char *const queries[Q_COUNT] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_SAVE] = "SAVEPOINT document",
    [Q_RELEASE] = "RELEASE document",
    [Q_UNDO] = "ROLLBACK TO document",
    [Q_FIND] = "SELECT doc FROM documents WHERE key = ?1",
    [Q_SAME] = "SELECT 1 FROM documents WHERE doc = ?1 AND (json = ?2 OR (?3 AND revision = ?4))",
    [Q_INSERT] = "INSERT INTO documents(key, id, uri, title, published, lang, summary, text, json, revision, stored)"
                 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [Q_UPDATE] =
        "UPDATE documents SET key = ?1, id = ?2, uri = ?3, title = ?4, published = ?5, lang = ?6, summary = ?7,"
        " text = ?8, json = ?9, revision = ?10, stored = ?11 WHERE doc = ?12",
    [Q_UNSEARCH] = "INSERT INTO search(search, rowid, title, text, folded)"
                   " SELECT 'delete', doc, title, text, folded FROM v_search WHERE doc = ?1",
    [Q_SEARCH] =
        "INSERT INTO search(rowid, title, text, folded) SELECT doc, title, text, folded FROM v_search WHERE doc = ?1",
    [Q_CLEAR_ENTITIES] = "DELETE FROM entities WHERE doc = ?1",
    [Q_CLEAR_PEOPLE] = "DELETE FROM people WHERE doc = ?1",
    [Q_CLEAR_DIRECTIVES] = "DELETE FROM directives WHERE doc = ?1",
    [Q_CLEAR_ADDRESSEES] = "DELETE FROM addressees WHERE doc = ?1",
    [Q_ENTITY] = "INSERT INTO entities(doc, entity, type, start_byte, end_byte, text, norm, person)"
                 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [Q_PERSON] = "INSERT INTO people(doc, person, role) SELECT ?1, ?2, ?3 WHERE NOT EXISTS"
                 " (SELECT 1 FROM people WHERE doc = ?1 AND person = ?2 AND role IS ?3)",
    [Q_TRIM_PEOPLE] = "DELETE FROM people WHERE doc = ?1 AND role IS NULL AND person IN"
                      " (SELECT person FROM people WHERE doc = ?1 AND role IS NOT NULL)",
    [Q_DIRECTIVE] = "INSERT INTO directives(doc, n, speaker, verb, addressees, content, deadline, start_byte, end_byte,"
                    " role, strength, told, due) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [Q_ADDRESSEE] = "INSERT INTO addressees(doc, n, name) VALUES(?1, ?2, ?3)",
};

struct store {
  sqlite3 *db;
  int on_conflict;
  sqlite3_stmt *stmt[Q_COUNT];
  article_refs refs; /* entities of the document in work */
};

void store_free(store *s) {
  if (!s) return;
  for (int i = 0; i < Q_COUNT; i++) sqlite3_finalize(s->stmt[i]);
  sqlite3_close(s->db);
  article_refs_free(&s->refs);
  free(s);
}

store *store_new(sqlite3 *db, int on_conflict, store_error *err) {
  store *s = calloc(1, sizeof *s);
  if (!s) {
    sqlite3_close(db);
    store_sqlite_error(err, NULL, SQLITE_NOMEM, "the database cannot be used");
    return NULL;
  }
  s->db = db;
  s->on_conflict = on_conflict;
  for (int i = 0; i < Q_COUNT; i++) {
    int rc = sqlite3_prepare_v3(db, queries[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL);
    if (rc == SQLITE_OK) continue;
    store_sqlite_error(err, db, rc, "the database does not have the tables of this stage");
    store_free(s);
    return NULL;
  }
  return s;
}

/* Runs a statement and makes it ready again; SQLITE_ROW leaves it on its row. */
static int run(store *s, int q) {
  int rc = sqlite3_step(s->stmt[q]);
  if (rc == SQLITE_ROW) return rc;
  int reset = sqlite3_reset(s->stmt[q]);
  return rc == SQLITE_DONE ? SQLITE_OK : reset;
}

static int run_doc(store *s, int q, int64_t doc) {
  sqlite3_bind_int64(s->stmt[q], 1, doc);
  return run(s, q);
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text) {
  if (text)
    sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
  else
    sqlite3_bind_null(stmt, at);
}

static void bind_offset(sqlite3_stmt *stmt, int at, const cJSON *v) {
  if (cJSON_IsNumber(v))
    sqlite3_bind_int64(stmt, at, (int64_t)v->valuedouble);
  else
    sqlite3_bind_null(stmt, at);
}

int store_moved(const store *s) {
  int moved = 0;
  return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

int store_begin(store *s, store_error *err) {
  int rc = run(s, Q_BEGIN);
  if (rc == SQLITE_OK) return STORE_OK;
  store_sqlite_error(err, s->db, rc, "a transaction cannot be begun");
  return STORE_FAILED;
}

void store_rollback(store *s) {
  if (!sqlite3_get_autocommit(s->db)) run(s, Q_ROLLBACK);
}

int store_commit(store *s, store_error *err) {
  int rc = run(s, Q_COMMIT);
  if (rc == SQLITE_OK) return STORE_OK;
  store_sqlite_error(err, s->db, rc, "the transaction cannot be committed");
  store_rollback(s);
  return STORE_FAILED;
}

static int reject(store_error *err, int32_t code, const char *message, const char *detail, const char *hint) {
  err->code = code;
  snprintf(err->message, sizeof err->message, "%s", message);
  snprintf(err->detail, sizeof err->detail, "%s", detail);
  err->hint = hint;
  return STORE_REJECTED;
}

/* A column's text: absent and null are NULL, numbers and booleans their JSON; a list or object does not fit. */
static int column_text(const cJSON *body, const char *key, char number[64], const char **ret, store_error *err) {
  const cJSON *v = article_get(body, key);
  *ret = NULL;
  if (!v || cJSON_IsNull(v)) return STORE_OK;
  if (cJSON_IsString(v))
    *ret = v->valuestring;
  else if (cJSON_IsBool(v))
    *ret = cJSON_IsTrue(v) ? "true" : "false";
  else if (cJSON_IsNumber(v)) {
    if (v->valuestring)
      *ret = v->valuestring;
    else
      snprintf(number, 64, "%.15g", v->valuedouble), *ret = number;
  } else {
    char detail[64];
    snprintf(detail, sizeof detail, "/%s is a list or an object", key);
    return reject(err, SL_EINVAL, "expected a string for a column of the documents", detail,
                  "move it elsewhere with a set stage");
  }
  return STORE_OK;
}

static int list_of(const cJSON *body, const char *key, const cJSON **ret, store_error *err) {
  char detail[64];
  const cJSON *v = article_get(body, key);
  *ret = NULL;
  if (!v || cJSON_IsNull(v)) return STORE_OK;
  *ret = v->child;
  if (cJSON_IsArray(v)) return STORE_OK;
  snprintf(detail, sizeof detail, "/%s is not a list", key);
  return reject(err, SL_EINVAL, "expected a list for the child rows", detail, "move it elsewhere with a set stage");
}

/* A statement's failure: of this document alone, or of the whole transaction. */
static int judge(store *s, int rc, store_error *err) {
  int basic = rc & 0xFF;
  if (rc == SQLITE_OK) return STORE_OK;
  store_sqlite_error(err, s->db, rc, "the document cannot be stored");
  int own = basic == SQLITE_CONSTRAINT || basic == SQLITE_MISMATCH || basic == SQLITE_TOOBIG || basic == SQLITE_RANGE;
  if (own) err->code = basic == SQLITE_TOOBIG ? SL_ELIMIT : SL_EINVAL;
  return own ? STORE_REJECTED : STORE_FAILED;
}

static int put_entities(store *s, int64_t doc, const cJSON *first) {
  sqlite3_stmt *q = s->stmt[Q_ENTITY];
  for (const cJSON *e = first; e; e = e->next) {
    sqlite3_bind_int64(q, 1, doc);
    bind_text(q, 2, article_string(e, "id"));
    bind_text(q, 3, article_string(e, "type"));
    bind_offset(q, 4, article_get(e, "start"));
    bind_offset(q, 5, article_get(e, "end"));
    bind_text(q, 6, article_string(e, "text"));
    bind_text(q, 7, article_string(e, "norm"));
    bind_text(q, 8, article_role_holder(&s->refs, e));
    int rc = run(s, Q_ENTITY);
    if (rc != SQLITE_OK) return rc;
  }
  return SQLITE_OK;
}

static int put_person(store *s, int64_t doc, const char *person, const char *role) {
  sqlite3_bind_int64(s->stmt[Q_PERSON], 1, doc);
  bind_text(s->stmt[Q_PERSON], 2, person);
  bind_text(s->stmt[Q_PERSON], 3, role);
  return run(s, Q_PERSON);
}

/* One row for each role of a person, or one without role. */
static int put_people(store *s, int64_t doc, const cJSON *first) {
  int rc = SQLITE_OK;
  for (const cJSON *e = first; e && rc == SQLITE_OK; e = e->next) {
    const char *name = article_entity_name(e);
    const char *holder = article_is(e, "ROLE") ? article_role_holder(&s->refs, e) : NULL;
    if (name && holder)
      rc = put_person(s, doc, holder, name);
    else if (name && article_is(e, "PERSON"))
      rc = put_person(s, doc, name, NULL);
  }
  return rc == SQLITE_OK ? run_doc(s, Q_TRIM_PEOPLE, doc) : rc;
}

/* The addressees' names, joined; what does not fit ends in an ellipsis. */
static void addressees(const store *s, const cJSON *directive, char out[ADDRESSEES]) {
  const cJSON *list = article_get(directive, "addressees");
  size_t used = 0;
  out[0] = '\0';
  for (const cJSON *a = cJSON_IsArray(list) ? list->child : NULL; a; a = a->next) {
    const char *name = article_name(&s->refs, a);
    if (!name) continue;
    if (used + strlen(name) + 8 > ADDRESSEES) {
      memcpy(out + used, "; …", sizeof "; …");
      return;
    }
    used += (size_t)snprintf(out + used, ADDRESSEES - used, "%s%s", used ? "; " : "", name);
  }
}

/* As a date that sorts, if there is one. */
static const char *deadline(const cJSON *v) {
  const char *norm = article_string(v, "norm");
  return norm && *norm ? norm : article_words(v);
}

static int put_addressee(store *s, int64_t doc, int64_t n, const char *name) {
  if (!name || !*name) return SQLITE_OK;
  sqlite3_bind_int64(s->stmt[Q_ADDRESSEE], 1, doc);
  sqlite3_bind_int64(s->stmt[Q_ADDRESSEE], 2, n);
  bind_text(s->stmt[Q_ADDRESSEE], 3, name);
  return run(s, Q_ADDRESSEE);
}

/* A row for each addressee with a name; where nobody is named, one with the phrase. */
static int put_addressees(store *s, int64_t doc, int64_t n, const cJSON *directive, const char *told) {
  const cJSON *list = article_get(directive, "addressees");
  const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;
  int rc = first ? SQLITE_OK : put_addressee(s, doc, n, told);
  for (const cJSON *a = first; a && rc == SQLITE_OK; a = a->next)
    rc = put_addressee(s, doc, n, article_name(&s->refs, a));
  return rc;
}

static int put_directives(store *s, int64_t doc, const cJSON *first, const cJSON *entities) {
  sqlite3_stmt *q = s->stmt[Q_DIRECTIVE];
  int64_t n = 0;
  for (const cJSON *d = first; d; d = d->next) {
    char names[ADDRESSEES], roles[ROLES], due[11];
    const cJSON *content = article_get(d, "content");
    const char *told = article_words(article_get(d, "to"));
    addressees(s, d, names);
    directive_roles(&s->refs, entities, d, roles, sizeof roles);
    sqlite3_bind_int64(q, 1, doc);
    sqlite3_bind_int64(q, 2, ++n);
    bind_text(q, 10, *roles ? roles : NULL);
    bind_text(q, 11, article_string(d, "strength"));
    bind_text(q, 12, told);
    bind_text(q, 13, directive_last_day(deadline(article_get(d, "deadline")), due) == 0 ? due : NULL);
    bind_text(q, 3, directive_speaker(&s->refs, d));
    bind_text(q, 4, article_words(article_get(d, "verb")));
    bind_text(q, 5, *names ? names : NULL);
    bind_text(q, 6, article_words(content));
    bind_text(q, 7, deadline(article_get(d, "deadline")));
    bind_offset(q, 8, article_get(content, "start"));
    bind_offset(q, 9, article_get(content, "end"));
    int rc = run(s, Q_DIRECTIVE);
    sqlite3_clear_bindings(q);
    if (rc == SQLITE_OK) rc = put_addressees(s, doc, n, d, told);
    if (rc != SQLITE_OK) return rc;
  }
  return SQLITE_OK;
}

typedef struct {
  const char *id, *title, *published, *lang, *text;
  char number[5][64];
  const cJSON *entities, *directives;
} columns;

static int read_columns(const cJSON *body, columns *c, store_error *err) {
  const char *const names[] = {"id", "title", "published", "lang", "text"};
  const char **const to[] = {&c->id, &c->title, &c->published, &c->lang, &c->text};
  for (int i = 0; i < 5; i++)
    if (column_text(body, names[i], c->number[i], to[i], err) != STORE_OK) return STORE_REJECTED;
  if (list_of(body, "entities", &c->entities, err) != STORE_OK) return STORE_REJECTED;
  return list_of(body, "directives", &c->directives, err);
}

static int put_row(store *s, int q, const store_doc *d, const columns *c) {
  sqlite3_stmt *stmt = s->stmt[q];
  const char *const texts[] = {d->key, c->id, d->uri, c->title, c->published, c->lang, article_summary(d->body),
                               c->text};
  for (int i = 0; i < 8; i++) bind_text(stmt, i + 1, texts[i]);
  sqlite3_bind_text64(stmt, 9, d->json, d->json_len, SQLITE_STATIC, SQLITE_UTF8);
  bind_text(stmt, 10, d->revision);
  bind_text(stmt, 11, d->stored);
  int rc = run(s, q);
  sqlite3_clear_bindings(stmt);
  return rc;
}

/* The row of this key, or 0. */
static int find(store *s, const char *key, int64_t *ret) {
  *ret = 0;
  bind_text(s->stmt[Q_FIND], 1, key);
  int rc = run(s, Q_FIND);
  if (rc != SQLITE_ROW) return rc;
  *ret = sqlite3_column_int64(s->stmt[Q_FIND], 0);
  return sqlite3_reset(s->stmt[Q_FIND]);
}

/* Whether row `doc` is this very document: after a crash, what was committed here and not in the state comes again. */
static int is_same(store *s, int64_t doc, const store_doc *d, int *ret) {
  sqlite3_stmt *q = s->stmt[Q_SAME];
  sqlite3_bind_int64(q, 1, doc);
  sqlite3_bind_text64(q, 2, d->json, d->json_len, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_bind_int(q, 3, d->by_record);
  bind_text(q, 4, d->revision);
  int rc = run(s, Q_SAME);
  *ret = rc == SQLITE_ROW;
  if (rc == SQLITE_ROW) rc = sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  return rc;
}

static int write_rows(store *s, const store_doc *d, const columns *c, int64_t doc) {
  int rc = SQLITE_OK;
  if (doc) {
    rc = run_doc(s, Q_UNSEARCH, doc);
    for (int q = Q_CLEAR_ENTITIES; q <= Q_CLEAR_ADDRESSEES && rc == SQLITE_OK; q++) rc = run_doc(s, q, doc);
    sqlite3_bind_int64(s->stmt[Q_UPDATE], 12, doc);
    if (rc == SQLITE_OK) rc = put_row(s, Q_UPDATE, d, c);
  } else {
    rc = put_row(s, Q_INSERT, d, c);
    doc = sqlite3_last_insert_rowid(s->db);
  }
  if (rc == SQLITE_OK) rc = run_doc(s, Q_SEARCH, doc);
  if (rc == SQLITE_OK) rc = put_entities(s, doc, c->entities);
  if (rc == SQLITE_OK) rc = put_people(s, doc, c->entities);
  if (rc == SQLITE_OK) rc = put_directives(s, doc, c->directives, c->entities);
  return rc;
}

int store_put(store *s, const store_doc *d, store_error *err) {
  columns c = {0};
  int64_t doc;
  int rc = read_columns(d->body, &c, err);
  if (rc != STORE_OK) return rc;
  if (article_refs_build(&s->refs, d->body) < 0) return judge(s, SQLITE_NOMEM, err);
  if ((rc = judge(s, find(s, d->key, &doc), err)) != STORE_OK) return rc;
  if (doc && s->on_conflict == STORE_KEEP) return STORE_OK;
  if (doc && s->on_conflict == STORE_ERROR) {
    int same = 0;
    if ((rc = judge(s, is_same(s, doc, d, &same), err)) != STORE_OK || same) return rc;
    return reject(err, SL_EEXIST, "a document with this key is stored already", d->key,
                  "on_conflict: replace or keep accepts it");
  }
  if (judge(s, run(s, Q_SAVE), err) != STORE_OK) return STORE_FAILED;
  rc = judge(s, write_rows(s, d, &c, doc), err);
  if (rc == STORE_FAILED) return rc;
  if (rc == STORE_REJECTED && run(s, Q_UNDO) != SQLITE_OK) return STORE_FAILED;
  return run(s, Q_RELEASE) == SQLITE_OK ? rc : STORE_FAILED;
}
