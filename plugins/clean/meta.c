/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata of a page, the values as they are found: see meta.h. */
#include "meta.h"

#include <string.h>

#include "vi_text.h"

#define CHUNK 16384u
#define KEEP_BYTES ((size_t)1 << 20)

struct clean_chunk {
  clean_chunk *next;
  size_t used, cap;
  char data[];
};

void clean_meta_init(clean_meta *m, const clean_mem *mem) {
  memset(m, 0, sizeof *m);
  m->mem = mem;
  clean_ld_init(&m->ld, mem);
}

/* Gives the memory of all strings back, but for one chunk of the usual size when that is asked for. */
static void free_chunks(clean_meta *m, int keep_one) {
  clean_chunk *kept = NULL, *c = m->chunks;
  while (c) {
    clean_chunk *next = c->next;
    if (keep_one && !kept && c->cap == CHUNK) {
      kept = c;
    } else {
      m->mem->free(c);
    }
    c = next;
  }
  m->chunks = kept;
  if (kept) {
    kept->next = NULL;
    kept->used = 0;
  }
}

void clean_meta_done(clean_meta *m) {
  free_chunks(m, 0);
  m->mem->free(m->authors.items);
  clean_ld_done(&m->ld);
  clean_meta_init(m, m->mem);
}

/* ---- strings --------------------------------------------------------------------------------------------------------
 */

/* n bytes that live as long as the page, or NULL. */
static char *room(clean_meta *m, size_t n) {
  clean_chunk *c = m->chunks;
  if (m->oom) return NULL;
  if (!c || c->cap - c->used < n) {
    size_t cap = n > CHUNK ? n : CHUNK;
    c = m->mem->alloc(sizeof *c + cap);
    if (!c) {
      m->oom = 1;
      return NULL;
    }
    *c = (clean_chunk){.next = m->chunks, .cap = cap};
    m->chunks = c;
  }
  char *p = c->data + c->used;
  c->used += n;
  return p;
}

char *clean_meta_keep(clean_meta *m, const char *s, size_t n) {
  char *p = room(m, n + 1);
  if (!p) return NULL;
  memcpy(p, s, n);
  p[n] = '\0';
  return p;
}

/* Decodes references and makes white space single; returns the bytes. out has room for n + 4. */
static size_t tidy(const char *s, size_t n, char *out) {
  size_t k = 0;
  int gap = 0;
  for (size_t i = 0; i < n;) {
    uint32_t second = 0, c = clean_dom_char(s, n, &i, 0, &second);
    if (vi_is_space(c) || c == 0xFFFD || c < ' ') {
      gap = k > 0;
      continue;
    }
    if (vi_is_ignorable(c) && c != 0x200C && c != 0x200D) continue;
    if (gap) out[k++] = ' ';
    gap = 0;
    k += (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)out + k);
    if (second) k += (size_t)utf8proc_encode_char((utf8proc_int32_t)second, (utf8proc_uint8_t *)out + k);
    if (k > n) break; /* no reference is shorter than what it stands for but for two */
  }
  return k;
}

char *clean_meta_tidy(clean_meta *m, const char *s, size_t n, int rounds) {
  if (n > CLEAN_M_TEXT) {
    for (n = CLEAN_M_TEXT; n && ((unsigned char)s[n] & 0xC0) == 0x80;) n--;
  }
  char *p = room(m, n + 16);
  if (!p) return NULL;
  size_t k = tidy(s, n, p);
  for (; rounds > 1 && memchr(p, '&', k); rounds--) {
    char *again = room(m, k + 16);
    if (!again) return NULL;
    k = tidy(p, k, again);
    p = again;
  }
  p[k] = '\0';
  return k ? p : NULL;
}

void clean_meta_put(clean_meta *m, int field, int rank, const char *source, const char *s, size_t n) {
  clean_found *f = &m->found[field][rank];
  if (f->text || n == 0) return;
  f->text = clean_meta_tidy(m, s, n, 2);
  f->source = source;
}

void clean_meta_person(clean_meta *m, int rank, const char *source, const char *s, size_t n) {
  if (m->n_people == sizeof m->people / sizeof *m->people) return;
  const char *text = clean_meta_tidy(m, s, n < 1000 ? n : 1000, 2);
  if (!text) return;
  m->people[m->n_people].text = text;
  m->people[m->n_people].source = source;
  m->people[m->n_people++].rank = (uint8_t)rank;
}

static void add_tag(clean_meta *m, const char *s, size_t n) {
  if (m->n_tags == CLEAN_M_TAGS_MAX || n < 2 || n > 120) return;
  const char *text = clean_meta_tidy(m, s, n, 2);
  if (!text) return;
  for (size_t i = 0; i < m->n_tags; i++) {
    if (clean_same_name(m->tags[i], text)) return;
  }
  m->tags[m->n_tags++] = text;
}

void clean_meta_tag(clean_meta *m, int rank, const char *source, const char *s, size_t n, int list) {
  size_t from = 0;
  if (m->tag_source && rank > m->tag_rank) return;
  if (rank < m->tag_rank) m->n_tags = 0;
  m->tag_rank = rank;
  m->tag_source = source;
  for (size_t i = 0; list && i < n; i++) {
    if (s[i] != ',' && s[i] != ';' && s[i] != '|') continue;
    add_tag(m, s + from, i - from);
    from = i + 1;
  }
  add_tag(m, s + from, n - from);
}

/* ---- the page -------------------------------------------------------------------------------------------------------
 */

static void reset(clean_meta *m) {
  free_chunks(m, 1);
  clean_ld_clear(&m->ld, KEEP_BYTES);
  clean_meta old = *m;
  memset(m, 0, sizeof *m);
  m->mem = old.mem;
  m->ld = old.ld;
  m->chunks = old.chunks;
  m->authors.items = old.authors.items;
  m->authors.cap = old.authors.cap;
  m->h1 = m->signature = CLEAN_DOM_NONE;
  m->article = CLEAN_LD_NONE;
}

int clean_meta_read(clean_meta *m, const clean_dom *dom, const char *url) {
  reset(m);
  if (!m->authors.items) {
    m->authors.items = m->mem->alloc(CLEAN_M_AUTHORS_MAX * sizeof *m->authors.items);
    if (!m->authors.items) return SL_ENOMEM;
    m->authors.cap = CLEAN_M_AUTHORS_MAX;
  }
  m->dom = dom;
  m->url = url;
  clean_meta_gather(m);
  clean_meta_linked(m);
  if (!m->oom && !m->ld.oom) clean_meta_pick(m);
  m->dom = NULL;
  m->url = NULL;
  return m->oom || m->ld.oom ? SL_ENOMEM : SL_OK;
}
