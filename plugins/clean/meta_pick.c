/* SPDX-License-Identifier: Apache-2.0 */
/* One value for each field out of what was found: see meta.h. */
#include <string.h>
#include <strings.h>

#include "meta.h"
#include "vi_text.h"

/* ---- titles ---------------------------------------------------------------------------------------------------------
 */

/* Marks that stand between a title and the name of a site, with the spaces around them. */
static const char *const tails[] = {" | ", " - ", " – ", " — ", " » ", " · ", " :: ", " • ", " / ", "｜", "|", " : "};

/* Where the last mark of s[0, n) begins and ends; 0 if there is none. */
static size_t last_mark(const char *s, size_t n, size_t *ret_end) {
  size_t best = 0;
  for (size_t k = 0; k < sizeof tails / sizeof *tails; k++) {
    size_t len = strlen(tails[k]);
    for (size_t i = n; i-- > best;) {
      if (n - i < len || memcmp(s + i, tails[k], len) != 0) continue;
      best = i;
      *ret_end = i + len;
      break;
    }
  }
  return best;
}

static int same(const char *s, size_t n, const char *other) {
  char part[512];
  if (!other || n >= sizeof part || n == 0) return 0;
  memcpy(part, s, n);
  part[n] = '\0';
  return clean_same_name(part, other);
}

/* The label of a host that names the site: "golem" of "https://www.golem.de/…". */
static size_t host_label(const char *url, const char **ret) {
  const char *s = url ? strstr(url, "://") : NULL;
  if (!s) return 0;
  s += 3;
  if (strncasecmp(s, "www.", 4) == 0) s += 4;
  *ret = s;
  return strcspn(s, "/:?#");
}

/* Whether s[0, n) is the site: its name, its host, or the host without the end. */
static int is_site(const clean_meta *m, const char *s, size_t n) {
  const char *host, *site = m->text[CLEAN_M_SITE];
  if (same(s, n, site)) return 1;
  size_t len = host_label(m->text[CLEAN_M_CANONICAL] ? m->text[CLEAN_M_CANONICAL] : m->url, &host);
  char name[256];
  if (len == 0 || len >= sizeof name) return 0;
  memcpy(name, host, len);
  name[len] = '\0';
  if (same(s, n, name)) return 1;
  for (char *dot = strrchr(name, '.'); dot; dot = strrchr(name, '.')) {
    *dot = '\0';
    if (same(s, n, name)) return 1;
    const char *last = strrchr(name, '.');
    if (last && same(s, n, last + 1)) return 1;
  }
  return 0;
}

/* Whether another place gives just this as title. */
static int is_title(const clean_meta *m, const char *s, size_t n) {
  static const int ranks[] = {CLEAN_R_LD, CLEAN_R_META, CLEAN_R_META + 5, CLEAN_R_ITEM};
  for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++) {
    if (same(s, n, m->found[CLEAN_M_TITLE][ranks[k]].text)) return 1;
  }
  for (size_t k = 0; k < m->n_heads; k++) {
    if (same(s, n, m->heads[k].text)) return 1;
  }
  return 0;
}

static size_t words(const char *s, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += s[i] != ' ' && (i == 0 || s[i - 1] == ' ');
  return count;
}

/* Bytes of s without the site's name at its end or front (*ret_start). rough: a short tail goes even when nothing
 * proves that it is the site. */
static size_t without_site(const clean_meta *m, const char *s, int rough, size_t *ret_start) {
  size_t n = strlen(s), end = 0, whole = n;
  *ret_start = 0;
  for (int round = 0; round < 4; round++) {
    size_t at = last_mark(s, n, &end);
    if (at < 2) break;
    if (is_site(m, s + end, n - end) || is_title(m, s, at)) {
      whole = at;
    } else if (rough && round == 0 && words(s + end, n - end) <= 4 && words(s, at) >= 3) {
      whole = at;
    }
    n = at; /* "… | Sport | BILD.de": what stands before the site may still be cut by a title */
    if (is_title(m, s, n)) whole = n;
  }
  for (size_t k = 0; k < sizeof tails / sizeof *tails; k++) {
    const char *at = strstr(s, tails[k]);
    size_t len = at ? (size_t)(at - s) : 0;
    if (len == 0 || len + strlen(tails[k]) >= whole || !is_site(m, s, len)) continue;
    *ret_start = len + strlen(tails[k]);
    break;
  }
  while (whole > *ret_start && s[whole - 1] == ' ') whole--;
  return whole - *ret_start;
}

/* The heading that is the title: the one that another place gives, too, or that <title> holds; else the only one. */
static size_t pick_heading(const clean_meta *m) {
  const char *page = m->found[CLEAN_M_TITLE][CLEAN_R_TITLE].text;
  for (size_t k = 0; k < m->n_heads; k++) {
    const clean_found *f = m->found[CLEAN_M_TITLE];
    if ((f[CLEAN_R_LD].text && clean_same_name(f[CLEAN_R_LD].text, m->heads[k].text)) ||
        (f[CLEAN_R_META].text && clean_same_name(f[CLEAN_R_META].text, m->heads[k].text)))
      return k;
  }
  for (size_t k = 0; k < m->n_heads; k++) {
    if (page && strlen(m->heads[k].text) > 12 && strstr(page, m->heads[k].text)) return k;
  }
  /* The longest of those that are no site's name. */
  size_t best = m->n_heads, length = 0;
  for (size_t k = 0; k < m->n_heads; k++) {
    size_t n = strlen(m->heads[k].text);
    if (is_site(m, m->heads[k].text, n) || n <= length) continue;
    if (best < m->n_heads && n < 2 * length) continue;
    best = k;
    length = n;
  }
  return best;
}

/* A longer form of a title that was cut ("…"), or the title itself. */
static const char *whole_title(const clean_meta *m, const char *s, size_t n) {
  size_t cut = 0;
  if (n > 3 && memcmp(s + n - 3, "…", 3) == 0) cut = n - 3;
  if (n > 3 && memcmp(s + n - 3, "...", 3) == 0) cut = n - 3;
  while (cut && s[cut - 1] == ' ') cut--;
  if (cut < 20) return NULL;
  for (size_t k = 0; k < m->n_heads; k++) {
    if (strlen(m->heads[k].text) > n - 3 && strncmp(m->heads[k].text, s, cut) == 0) return m->heads[k].text;
  }
  return NULL;
}

/* A heading that says more than the headline it begins with, which no other place gives so short. */
static const char *fuller_heading(const clean_meta *m, const char *s, size_t n) {
  const char *og = m->found[CLEAN_M_TITLE][CLEAN_R_META].text;
  if (n < 16 || (og && same(s, n, og))) return NULL;
  for (size_t k = 0; k < m->n_heads; k++) {
    const char *h = m->heads[k].text;
    if (strncmp(h, s, n) == 0 && h[n] && strchr(" ,:;", h[n])) return h;
  }
  return NULL;
}

static void set_title(clean_meta *m, const char *s, const char *source, int rough) {
  size_t start = 0, n = without_site(m, s, rough, &start);
  const char *whole = whole_title(m, s + start, n);
  if (!whole) whole = fuller_heading(m, s + start, n);
  if (whole) {
    m->text[CLEAN_M_TITLE] = whole;
    m->source[CLEAN_M_TITLE] = "h1";
    return;
  }
  m->text[CLEAN_M_TITLE] = clean_meta_keep(m, s + start, n);
  m->source[CLEAN_M_TITLE] = source;
}

static void pick_title(clean_meta *m) {
  const clean_found *f = m->found[CLEAN_M_TITLE];
  size_t head = pick_heading(m);
  if (head < m->n_heads) m->h1 = m->heads[head].node;
  m->headline = f[CLEAN_R_LD].text;
  for (int r = CLEAN_R_LD; r <= CLEAN_R_META; r++) {
    if (!f[r].text || is_site(m, f[r].text, strlen(f[r].text))) continue;
    set_title(m, f[r].text, f[r].source, 0);
    return;
  }
  for (int r = CLEAN_R_META + 1; r < CLEAN_R_META + 5; r++) {
    if (!f[r].text || is_site(m, f[r].text, strlen(f[r].text))) continue;
    set_title(m, f[r].text, f[r].source, 0);
    return;
  }
  if (f[CLEAN_R_ITEM].text) {
    set_title(m, f[CLEAN_R_ITEM].text, f[CLEAN_R_ITEM].source, 0);
  } else if (head < m->n_heads) {
    set_title(m, m->heads[head].text, "h1", 0);
  } else {
    for (int r = CLEAN_R_META; r <= CLEAN_R_TITLE && !m->text[CLEAN_M_TITLE]; r++) {
      if (f[r].text) set_title(m, f[r].text, f[r].source, 1);
    }
  }
}

/* ---- the other texts ------------------------------------------------------------------------------------------------
 */

static void take_first(clean_meta *m, int field, size_t min, size_t max) {
  for (int r = 0; r < CLEAN_M_RANKS && !m->text[field]; r++) {
    const clean_found *f = &m->found[field][r];
    size_t n = f->text ? strlen(f->text) : 0;
    if (n < min || n > max) continue;
    m->text[field] = f->text;
    m->source[field] = f->source;
  }
}

static int is_absolute(const char *s) {
  return strncasecmp(s, "http://", 7) == 0 || strncasecmp(s, "https://", 8) == 0;
}

/* An address that needs the page's own: "//host/path", "/path". NULL if it stays relative. */
static const char *absolute(clean_meta *m, const char *s) {
  char made[2048];
  const char *base = m->url ? m->url : "";
  if (is_absolute(s)) return s;
  if (s[0] != '/' || strlen(s) > 1000 || strlen(base) > 1000) return NULL;
  const char *host = strstr(base, "://");
  if (s[1] == '/') {
    size_t scheme = host ? (size_t)(host - base) + 1 : 6;
    memcpy(made, host ? base : "https:", scheme);
    strcpy(made + scheme, s);
    return clean_meta_keep(m, made, strlen(made));
  }
  if (!host) return NULL;
  size_t n = (size_t)(host - base) + 3 + strcspn(host + 3, "/?#");
  memcpy(made, base, n);
  strcpy(made + n, s);
  return clean_meta_keep(m, made, strlen(made));
}

static void pick_address(clean_meta *m, int field) {
  for (int r = 0; r < CLEAN_M_RANKS && !m->text[field]; r++) {
    const clean_found *f = &m->found[field][r];
    if (!f->text || strchr(f->text, ' ')) continue;
    m->text[field] = absolute(m, f->text);
    if (m->text[field]) m->source[field] = f->source;
  }
}

/* "vi_VN" is written vi-VN; anything that is no tag of a language is passed over. */
static void pick_language(clean_meta *m) {
  for (int r = 0; r < CLEAN_M_RANKS && !m->text[CLEAN_M_LANGUAGE]; r++) {
    const clean_found *f = &m->found[CLEAN_M_LANGUAGE][r];
    size_t n = f->text ? strcspn(f->text, ",; .@") : 0, head = 0;
    if (n < 2 || n > 20) continue;
    while (head < n && vi_is_letter((unsigned char)f->text[head]) && (unsigned char)f->text[head] < 0x80) head++;
    if (head < 2 || head > 3 || (head < n && f->text[head] != '-' && f->text[head] != '_')) continue;
    char *s = clean_meta_keep(m, f->text, n);
    for (char *p = s; p && *p; p++) {
      if (*p == '_') *p = '-';
      if (p - s < (ptrdiff_t)head && *p >= 'A' && *p <= 'Z') *p = (char)(*p | 0x20);
    }
    m->text[CLEAN_M_LANGUAGE] = s;
    m->source[CLEAN_M_LANGUAGE] = f->source;
  }
}

/* The site: its own name, else the end of <title> that is the host, else the host. */
static void pick_site(clean_meta *m) {
  take_first(m, CLEAN_M_SITE, 2, 120);
  const char *host, *address = m->text[CLEAN_M_CANONICAL] ? m->text[CLEAN_M_CANONICAL] : m->url;
  if (m->text[CLEAN_M_SITE] && m->text[CLEAN_M_SITE][0] != '@' && !is_absolute(m->text[CLEAN_M_SITE])) return;
  size_t n = host_label(address, &host);
  m->text[CLEAN_M_SITE] = n ? clean_meta_keep(m, host, n) : NULL;
  m->source[CLEAN_M_SITE] = n ? "url" : NULL;
}

void clean_meta_pick(clean_meta *m) {
  pick_address(m, CLEAN_M_CANONICAL);
  pick_address(m, CLEAN_M_IMAGE);
  pick_site(m);
  pick_language(m);
  pick_title(m);
  take_first(m, CLEAN_M_DESCRIPTION, 2, CLEAN_M_TEXT);
  take_first(m, CLEAN_M_SECTION, 2, 80);
  clean_meta_authors(m);
  clean_meta_dates(m);
  if (m->n_tags) m->source[CLEAN_M_TAGS] = m->tag_source;
}
