/* SPDX-License-Identifier: Apache-2.0 */
/* An edit list over a cJSON tree, with an undo log. */
#include "edit.h"

typedef struct {
  set_undo *log;
  uint32_t n;
} journal;

static set_undo *note(journal *j, cJSON *parent) {
  set_undo *u = &j->log[j->n++];
  memset(u, 0, sizeof *u);
  u->parent = parent;
  return u;
}

static void insert_after(cJSON *parent, cJSON *before, cJSON *item) {
  cJSON *next = before ? before->next : parent->child;
  if (!next) {
    jptr_append(parent, item);
    return;
  }
  item->next = next;
  item->prev = next->prev;
  next->prev = item;
  if (before)
    before->next = item;
  else
    parent->child = item;
}

static void take_out(journal *j, cJSON *parent, cJSON *item) {
  set_undo *u = note(j, parent);
  u->removed = item;
  u->before = item == parent->child ? NULL : item->prev;
  jptr_unlink(parent, item);
}

static void undo(journal *j) {
  while (j->n > 0) {
    set_undo *u = &j->log[--j->n];
    if (u->old_key) {
      cJSON_free(u->added->string);
      u->added->string = u->old_key;
      u->added->type = u->old_type;
    } else if (u->added) {
      jptr_unlink(u->parent, u->added);
      cJSON_Delete(u->added);
    }
    if (u->removed) insert_after(u->parent, u->before, u->removed);
  }
}

/* What was taken out has lost its last owner. */
static void commit(journal *j) {
  for (uint32_t i = 0; i < j->n; i++) {
    set_undo *u = &j->log[i];
    if (u->old_key && !(u->old_type & cJSON_StringIsConst)) cJSON_free(u->old_key);
    cJSON_Delete(u->removed);
  }
}

/* Puts item at the place of old, in the same position. */
static void replace(journal *j, cJSON *parent, cJSON *old, cJSON *item) {
  set_undo *u = note(j, parent);
  u->removed = old;
  u->added = item;
  u->before = old == parent->child ? NULL : old->prev;
  jptr_unlink(parent, old);
  insert_after(parent, u->before, item);
}

/* Wraps value in the objects that are missing below key[at - 1]; returns the outermost. value stays the caller's on
 * failure. */
static cJSON *wrap(const jptr *p, uint32_t at, cJSON *value) {
  cJSON *inner = value;
  for (uint32_t k = p->n - 1; k > at; k--) {
    cJSON *outer = cJSON_CreateObject();
    if (!outer || jptr_name(inner, p->key[k]) < 0) {
      cJSON_Delete(outer);
      cJSON *next = NULL;
      for (; inner != value; inner = next) {
        next = inner->child;
        inner->child = NULL;
        cJSON_Delete(inner);
      }
      return NULL;
    }
    jptr_append(outer, inner);
    inner = outer;
  }
  return inner;
}

/* Puts value [take on ok] at the pointer, making missing objects on the way. */
static int put(journal *j, const jptr *p, cJSON *root, cJSON *value) {
  cJSON *parent = root;
  uint32_t k = 0;
  for (; k + 1 < p->n; k++) {
    cJSON *next = jptr_step(parent, p->key[k]);
    if (!next) break;
    parent = next;
  }
  const char *key = p->key[k];
  cJSON *old = jptr_step(parent, key);
  int array = cJSON_IsArray(parent);
  if (!parent || (!array && !cJSON_IsObject(parent))) return SET_EPARENT;
  if (array && !old && strcmp(key, "-") != 0) return SET_EPARENT;
  cJSON *item = wrap(p, k, value);
  if (!item || (!array && jptr_name(item, key) < 0)) {
    while (item && item != value) {
      cJSON *next = item->child;
      item->child = NULL;
      cJSON_Delete(item);
      item = next;
    }
    return SET_ENOMEM;
  }
  if (old) {
    replace(j, parent, old, item);
  } else {
    note(j, parent)->added = item;
    jptr_append(parent, item);
  }
  return SET_OK;
}

static int put_copy(journal *j, const set_op *op, cJSON *root, const cJSON *of) {
  cJSON *value = cJSON_Duplicate(of, 1);
  if (!value) return SET_ENOMEM;
  jptr_unname(value);
  int rc = put(j, op->to, root, value);
  if (rc != SET_OK) cJSON_Delete(value);
  return rc;
}

static cJSON *parent_of(const jptr *p, const cJSON *root) { return jptr_walk(p, root, p->n - 1); }

/* Within one object the key alone changes, so that the field keeps its place. */
static int rename_in_place(journal *j, const set_op *op, cJSON *parent, cJSON *item) {
  cJSON *old = jptr_child(parent, op->to->key[op->to->n - 1]);
  if (old == item) return SET_OK;
  const char *key = op->to->key[op->to->n - 1];
  size_t len = strlen(key) + 1;
  char *copy = cJSON_malloc(len);
  if (!copy) return SET_ENOMEM;
  memcpy(copy, key, len);
  if (old) take_out(j, parent, old);
  set_undo *u = note(j, parent);
  u->added = item;
  u->old_key = item->string;
  u->old_type = item->type;
  item->string = copy;
  item->type &= ~cJSON_StringIsConst;
  return SET_OK;
}

static int same_parent(const jptr *a, const jptr *b) {
  if (a->n != b->n) return 0;
  for (uint32_t i = 0; i + 1 < a->n; i++)
    if (strcmp(a->key[i], b->key[i]) != 0) return 0;
  return 1;
}

static int rename_field(journal *j, const set_op *op, cJSON *root) {
  cJSON *parent = parent_of(op->from, root);
  cJSON *item = parent ? jptr_step(parent, op->from->key[op->from->n - 1]) : NULL;
  if (!item) return op->strict ? SET_EMISSING : SET_OK;
  if (cJSON_IsObject(parent) && same_parent(op->from, op->to)) return rename_in_place(j, op, parent, item);
  int rc = put_copy(j, op, root, item);
  if (rc == SET_OK) take_out(j, parent, item);
  return rc;
}

static int apply_one(journal *j, const set_op *op, cJSON *root) {
  cJSON *at, *parent;
  switch (op->kind) {
  case SET_RENAME:
    return rename_field(j, op, root);
  case SET_COPY:
    at = jptr_get(op->from, root);
    if (!at) return op->strict ? SET_EMISSING : SET_OK;
    return put_copy(j, op, root, at);
  case SET_REMOVE:
    parent = parent_of(op->to, root);
    at = parent ? jptr_step(parent, op->to->key[op->to->n - 1]) : NULL;
    if (at) take_out(j, parent, at);
    return SET_OK;
  case SET_ADD:
    return jptr_get(op->to, root) ? SET_OK : put_copy(j, op, root, op->value);
  default:
    return put_copy(j, op, root, op->value);
  }
}

int set_needed(const set_op *ops, uint32_t n, const cJSON *root) {
  for (uint32_t i = 0; i < n; i++) {
    const set_op *op = &ops[i];
    if (op->kind == SET_SET) return 1;
    if (op->kind == SET_ADD && !jptr_get(op->to, root)) return 1;
    if (op->kind == SET_REMOVE && jptr_get(op->to, root)) return 1;
    if (op->from && (op->strict || jptr_get(op->from, root))) return 1;
  }
  return 0;
}

int set_apply(const set_op *ops, uint32_t n, cJSON *root, set_undo *log, uint32_t *ret_bad) {
  journal j = {log, 0};
  for (uint32_t i = 0; i < n; i++) {
    int rc = apply_one(&j, &ops[i], root);
    if (rc == SET_OK) continue;
    undo(&j);
    *ret_bad = i;
    return rc;
  }
  commit(&j);
  return SET_OK;
}
