/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which elements of a page are title, lead and article.
 *
 * Named containers come first (articleBody, the class names of the content systems that Vietnamese papers run on), then
 * <article>, then the element whose paragraphs carry most text outside links. Marks for what is not the article come
 * from whole words of class and id; if they would take away six sevenths of the container, they are not believed.
 */
#include "html.h"

#include <stdlib.h>
#include <strings.h>

#define NOWHERE UINT32_MAX
#define BODY_MIN 120 /* bytes of text without links that make a container */

const char *clean_attr(const xmlNode *node, const char *name) {
  for (const xmlAttr *a = node->properties; a; a = a->next) {
    if (xmlStrcasecmp(a->name, (const xmlChar *)name) == 0) {
      return a->children && a->children->content ? (const char *)a->children->content : "";
    }
  }
  return NULL;
}

static int tag_is(const xmlNode *node, const char *names) {
  const char *s = (const char *)node->name;
  size_t n = strlen(s);
  for (const char *p = names; *p;) {
    size_t m = strcspn(p, " ");
    if (m == n && strncasecmp(p, s, n) == 0) return 1;
    p += m;
    if (*p) p++;
  }
  return 0;
}

/* Flags that an element's name gives. */
static uint32_t flags_of_tag(const xmlNode *node) {
  static const struct {
    uint32_t flag;
    const char *names;
  } tags[] = {
      {CLEAN_H_SKIP,
       "script style noscript template head iframe object embed applet canvas svg math audio video map select "
       "textarea button input menu dialog"},
      {CLEAN_H_SITE, "nav footer aside"},
      {CLEAN_H_CAPTION, "figcaption caption figure"},
      {CLEAN_H_HEADING, "h2 h3 h4 h5 h6"},
      {CLEAN_H_ARTICLE, "article"},
      {CLEAN_H_PARA, "p blockquote pre li h1 h2 h3 h4 h5 h6 dd"},
      {CLEAN_H_DATE, "time"},
      {CLEAN_H_BLOCK,
       "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
       "footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section table tbody tfoot thead "
       "tr ul"},
      {CLEAN_H_LINK, "a"},
      {CLEAN_H_META, "meta"},
      {CLEAN_H_NAME, "title"},
      {CLEAN_H_SCRIPT, "script"},
      {CLEAN_H_TOP, "h1"},
      {CLEAN_H_SECOND, "h2"},
      {CLEAN_H_FRAME, "html body main article"},
      {CLEAN_H_SMALL, "p ul ol li h2 h3 h4 div"},
      {CLEAN_H_PDIV, "p div"},
      {CLEAN_H_SAPO, "p div h2 h3 section strong"},
      {CLEAN_H_ROOT, "body"},
  };
  uint32_t f = 0;
  for (size_t k = 0; k < sizeof tags / sizeof *tags; k++) {
    if (tag_is(node, tags[k].names)) f |= tags[k].flag;
  }
  return f;
}

static uint32_t flags_of_name(clean_tree *t, const xmlNode *node) {
  size_t slot = ((uintptr_t)node->name >> 3) % CLEAN_TAG_CACHE;
  if (t->tags[slot].name != node->name) {
    t->tags[slot].flags = flags_of_tag(node);
    t->tags[slot].name = node->name;
  }
  return t->tags[slot].flags;
}

/* Names in class and id, and what they mean. Those with '=' must be a whole part between separators. */
static const struct {
  const char *word;
  uint32_t flag;
} words[] = {
    {"articlebody", CLEAN_H_CONTENT},
    {"article-body", CLEAN_H_CONTENT},
    {"article_body", CLEAN_H_CONTENT},
    {"article__body", CLEAN_H_CONTENT},
    {"detail-content", CLEAN_H_CONTENT},
    {"fck_detail", CLEAN_H_CONTENT},
    {"cms-body", CLEAN_H_CONTENT},
    {"afcbc-body", CLEAN_H_CONTENT},
    {"singular-content", CLEAN_H_CONTENT},
    {"maincontent", CLEAN_H_CONTENT},
    {"main-detail-body", CLEAN_H_CONTENT},
    {"content-detail", CLEAN_H_CONTENT},
    {"content_detail", CLEAN_H_CONTENT},
    {"detail__content", CLEAN_H_CONTENT},
    {"detail_content", CLEAN_H_CONTENT},
    {"article-content", CLEAN_H_CONTENT},
    {"article_content", CLEAN_H_CONTENT},
    {"articlecontent", CLEAN_H_CONTENT},
    {"article__content", CLEAN_H_CONTENT},
    {"entry-content", CLEAN_H_CONTENT},
    {"post-content", CLEAN_H_CONTENT},
    {"post-body", CLEAN_H_CONTENT},
    {"story-body", CLEAN_H_CONTENT},
    {"story-content", CLEAN_H_CONTENT},
    {"knc-content", CLEAN_H_CONTENT},
    {"the-article-body", CLEAN_H_CONTENT},
    {"edittor-content", CLEAN_H_CONTENT},
    {"post-ct-entry", CLEAN_H_CONTENT},
    {"b-maincontent", CLEAN_H_CONTENT},
    {"text-long", CLEAN_H_CONTENT},
    {"e-magazine__body", CLEAN_H_CONTENT},
    {"dt-news__content", CLEAN_H_CONTENT},
    {"newscontent", CLEAN_H_CONTENT},
    {"news-content", CLEAN_H_CONTENT},
    {"noi-dung", CLEAN_H_CONTENT},
    {"noidung", CLEAN_H_CONTENT},
    {"=sapo", CLEAN_H_LEAD},
    {"detail-sapo", CLEAN_H_LEAD},
    {"cms-desc", CLEAN_H_LEAD},
    {"article__sapo", CLEAN_H_LEAD},
    {"singular-sapo", CLEAN_H_LEAD},
    {"knc-sapo", CLEAN_H_LEAD},
    {"article-summary", CLEAN_H_LEAD},
    {"the-article-summary", CLEAN_H_LEAD},
    {"details__summary", CLEAN_H_LEAD},
    {"=description", CLEAN_H_LEAD},
    {"short_intro", CLEAN_H_LEAD},
    {"article-lead", CLEAN_H_LEAD},
    {"=lead", CLEAN_H_LEAD},
    {"chapeau", CLEAN_H_LEAD},
    {"content-detail-sapo", CLEAN_H_LEAD},
    {"dt-news__sapo", CLEAN_H_LEAD},
    {"e-magazine__sapo", CLEAN_H_LEAD},
    {"location-stamp", CLEAN_H_STAMP},
    {"tplcaption", CLEAN_H_CAPTION},
    {"photocms_caption", CLEAN_H_CAPTION},
    {"=caption", CLEAN_H_CAPTION},
    {"desc_cation", CLEAN_H_CAPTION},
    {"img-caption", CLEAN_H_CAPTION},
    {"=image", CLEAN_H_CAPTION},
    {"=pcaption", CLEAN_H_CAPTION},
    {"wp-caption-text", CLEAN_H_CAPTION},
    {"=author", CLEAN_H_AUTHOR},
    {"author_mail", CLEAN_H_AUTHOR},
    {"detail-author", CLEAN_H_AUTHOR},
    {"author-name", CLEAN_H_AUTHOR},
    {"article__author", CLEAN_H_AUTHOR},
    {"cms-author", CLEAN_H_AUTHOR},
    {"kbwcm-author", CLEAN_H_AUTHOR},
    {"tacgia", CLEAN_H_AUTHOR},
    {"=byline", CLEAN_H_AUTHOR},
    {"signature", CLEAN_H_AUTHOR},
    {"article__source", CLEAN_H_AUTHOR},
    {"tinlienquan", CLEAN_H_RELATED},
    {"tin-lien-quan", CLEAN_H_RELATED},
    {"tinlienquanv2", CLEAN_H_RELATED},
    {"relate", CLEAN_H_RELATED},
    {"xemthem", CLEAN_H_RELATED},
    {"xem-them", CLEAN_H_RELATED},
    {"box-category", CLEAN_H_RELATED},
    {"list-news", CLEAN_H_RELATED},
    {"link-inline-content", CLEAN_H_RELATED},
    {"seo-suggest", CLEAN_H_RELATED},
    {"read-more", CLEAN_H_RELATED},
    {"readmore", CLEAN_H_RELATED},
    {"tin-cung", CLEAN_H_RELATED},
    {"tincung", CLEAN_H_RELATED},
    {"most-popular", CLEAN_H_RELATED},
    {"insert-neww", CLEAN_H_RELATED},
    {"docthem", CLEAN_H_RELATED},
    {"doc-them", CLEAN_H_RELATED},
    {"=share", CLEAN_H_SITE},
    {"social", CLEAN_H_SITE},
    {"=ads", CLEAN_H_SITE},
    {"=ad", CLEAN_H_SITE},
    {"advert", CLEAN_H_SITE},
    {"quangcao", CLEAN_H_SITE},
    {"quang-cao", CLEAN_H_SITE},
    {"banner", CLEAN_H_SITE},
    {"=sda", CLEAN_H_SITE},
    {"sda_middle", CLEAN_H_SITE},
    {"adsweb", CLEAN_H_SITE},
    {"admzone", CLEAN_H_SITE},
    {"adm-zone", CLEAN_H_SITE},
    {"taboola", CLEAN_H_SITE},
    {"outbrain", CLEAN_H_SITE},
    {"=comment", CLEAN_H_SITE},
    {"=comments", CLEAN_H_SITE},
    {"box_comment", CLEAN_H_SITE},
    {"binhluan", CLEAN_H_SITE},
    {"binh-luan", CLEAN_H_SITE},
    {"=tags", CLEAN_H_SITE},
    {"tags-box", CLEAN_H_SITE},
    {"tag-item", CLEAN_H_SITE},
    {"article__tag", CLEAN_H_SITE},
    {"breadcrumb", CLEAN_H_SITE},
    {"newsletter", CLEAN_H_SITE},
    {"=cookie", CLEAN_H_SITE},
    {"=menu", CLEAN_H_SITE},
    {"=navbar", CLEAN_H_SITE},
    {"=footer", CLEAN_H_SITE},
    {"=popup", CLEAN_H_SITE},
    {"=rating", CLEAN_H_SITE},
    {"=keyword", CLEAN_H_SITE},
    {"=keywords", CLEAN_H_SITE},
    {"=subscribe", CLEAN_H_SITE},
    {"date", CLEAN_H_DATE},
    {"detail-time", CLEAN_H_DATE},
    {"time", CLEAN_H_DATE},
    {"author-time", CLEAN_H_DATE},
    {"publish", CLEAN_H_DATE},
    {"cms-date", CLEAN_H_DATE},
    {"post-date", CLEAN_H_DATE},
    {"article__meta", CLEAN_H_DATE},
    {"title-detail", CLEAN_H_TITLE},
    {"article__title", CLEAN_H_TITLE},
    {"detail-title", CLEAN_H_TITLE},
    {"article-title", CLEAN_H_TITLE},
    {"cms-title", CLEAN_H_TITLE},
    {"title-page", CLEAN_H_TITLE},
    {"the-article-title", CLEAN_H_TITLE},
    {"details__headline", CLEAN_H_TITLE},
    {"entry-title", CLEAN_H_TITLE},
};

static int separator(char c) {
  return c == '\0' || c == ' ' || c == '-' || c == '_' || c == '\t' || c == '\n' || c == '\r';
}

_Static_assert(sizeof words / sizeof *words <= CLEAN_CLASS_WORDS, "clean_tree has room for all class words");

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

static void index_words(clean_tree *t) {
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    const char *w = words[k].word;
    uint8_t *slot = &t->first[(unsigned char)(w[0] == '=' ? w[1] : w[0]) - 'a'];
    t->next[k] = *slot;
    *slot = (uint8_t)(k + 1);
  }
}

/* A word counts at the beginning or end of a part of a name, a long one anywhere; after '=' only as a whole name. */
static int word_here(const char *s, size_t n, size_t i, const char *word) {
  int whole = word[0] == '=';
  size_t m = strlen(word += whole);
  if (m > n - i || memcmp(s + i, word, m) != 0) return 0;
  char before = i == 0 ? ' ' : s[i - 1], after = i + m < n ? s[i + m] : ' ';
  return whole ? before == ' ' && after == ' ' : separator(before) || separator(after) || m >= 7;
}

static uint32_t flags_of_words(const clean_tree *t, const char *v) {
  char s[512];
  size_t n = 0;
  uint32_t f = 0;
  for (; n < sizeof s && v[n]; n++) s[n] = v[n] == '\t' || v[n] == '\n' || v[n] == '\r' ? ' ' : lower(v[n]);
  for (size_t i = 0; i < n; i++) {
    if (s[i] < 'a' || s[i] > 'z') continue;
    for (unsigned k = t->first[s[i] - 'a']; k; k = t->next[k - 1]) {
      if (!(f & words[k - 1].flag) && word_here(s, n, i, words[k - 1].word)) f |= words[k - 1].flag;
    }
  }
  return f;
}

static int is_value(const char *v, const char *want) { return strcasecmp(v, want) == 0; }

static int to_the_right(const char *key, const char *v) {
  if (is_value(key, "align")) return is_value(v, "right");
  return is_value(key, "style") && (strcasestr(v, "text-align:right") || strcasestr(v, "text-align: right"));
}

static int is_hidden(const char *key, const char *v) {
  if (is_value(key, "hidden")) return 1;
  if (is_value(key, "aria-hidden")) return is_value(v, "true");
  return is_value(key, "style") && (strcasestr(v, "display:none") || strcasestr(v, "display: none"));
}

/* What an attribute other than class and id says. */
static uint32_t flags_of_attr(const char *key, const char *v, uint32_t tag) {
  uint32_t f = 0;
  if (is_value(key, "itemprop") && is_value(v, "articleBody")) f |= CLEAN_H_CONTENT;
  if (is_value(key, "data-role")) {
    if (is_value(v, "content")) f |= CLEAN_H_CONTENT;
    if (is_value(v, "sapo")) f |= CLEAN_H_LEAD;
    if (is_value(v, "publishdate")) f |= CLEAN_H_DATE;
  }
  if (is_value(key, "type") && strncasecmp(v, "Related", 7) == 0) f |= CLEAN_H_RELATED;
  if (is_hidden(key, v)) f |= CLEAN_H_SKIP;
  if ((tag & CLEAN_H_PDIV) && to_the_right(key, v)) f |= CLEAN_H_AUTHOR;
  return f;
}

static uint32_t flags_of(clean_tree *t, const xmlNode *node) {
  uint32_t f = flags_of_name(t, node), tag = f, w = 0;
  for (const xmlAttr *a = node->properties; a; a = a->next) {
    const char *v = a->children && a->children->content ? (const char *)a->children->content : "";
    const char *key = (const char *)a->name;
    if (is_value(key, "class") || is_value(key, "id")) {
      w |= flags_of_words(t, v);
    } else {
      f |= flags_of_attr(key, v, tag);
    }
  }
  if (w & CLEAN_H_CONTENT) w &= ~(CLEAN_H_SITE | CLEAN_H_RELATED | CLEAN_H_CAPTION | CLEAN_H_DATE | CLEAN_H_TITLE);
  if (f & CLEAN_H_FRAME) w &= ~(CLEAN_H_SITE | CLEAN_H_RELATED | CLEAN_H_CAPTION | CLEAN_H_AUTHOR | CLEAN_H_DATE);
  if (!(f & (CLEAN_H_TOP | CLEAN_H_SECOND))) w &= ~CLEAN_H_TITLE;
  if (!(f & CLEAN_H_SAPO)) w &= ~CLEAN_H_LEAD;
  return f | w;
}

uint8_t clean_el_hint(const clean_tree *t, uint32_t i) {
  uint32_t f = t->el[i].flags;
  if (f & CLEAN_H_SKIP) return 255;
  if (t->no_drop) f &= ~(CLEAN_H_SITE | CLEAN_H_RELATED | CLEAN_H_AUTHOR);
  if (f & CLEAN_H_STAMP) return CLEAN_K_PREFIX;
  if (f & CLEAN_H_RELATED) return CLEAN_K_RELATED;
  if (f & CLEAN_H_SITE) return CLEAN_K_SITE;
  if (f & CLEAN_H_CAPTION) return CLEAN_K_CAPTION;
  if (f & CLEAN_H_AUTHOR) return CLEAN_K_BYLINE;
  if (f & CLEAN_H_HEADING) return CLEAN_K_HEADING;
  return CLEAN_K_BODY;
}

/* ---- the tree as an array -------------------------------------------------------------------------------------------
 */

static uint32_t ink(const char *s) {
  uint32_t n = 0;
  for (; s && *s; s++) n += (unsigned char)*s > ' ';
  return n;
}

/* Flags that hold for all that stands below. */
#define INHERIT \
  (CLEAN_H_SKIP | CLEAN_H_SITE | CLEAN_H_RELATED | CLEAN_H_CAPTION | CLEAN_H_AUTHOR | CLEAN_H_HEADING | CLEAN_H_STAMP)

static int add_el(clean_tree *t, xmlNode *node, uint32_t parent) {
  void *p = t->el;
  if (t->n >= UINT32_MAX - 1 || clean_grow(t->mem, &p, &t->cap, t->n, t->n + 1, sizeof(clean_el))) return SL_ENOMEM;
  t->el = p;
  uint32_t i = (uint32_t)t->n++, flags = flags_of(t, node);
  /* A page's layout has odd names; a named container is what its name says, wherever it stands. */
  uint32_t from_above = parent == NOWHERE ? 0 : t->el[parent].flags & INHERIT;
  flags |= flags & CLEAN_H_CONTENT ? from_above & CLEAN_H_SKIP : from_above;
  t->el[i] = (clean_el){.node = node, .parent = parent, .last = i, .flags = flags};
  node->_private = (void *)(uintptr_t)i;
  return SL_OK;
}

static int in_link(const clean_tree *t, uint32_t i) {
  for (unsigned up = 0; i != NOWHERE && up < 8; up++, i = t->el[i].parent) {
    if (t->el[i].flags & CLEAN_H_LINK) return 1;
    if (t->el[i].flags & CLEAN_H_BLOCK) return 0;
  }
  return 0;
}

/* All elements in the order of the page, with the text that stands right in them. */
static int list_elements(clean_tree *t, xmlNode *root) {
  xmlNode *node = root;
  uint32_t up = NOWHERE;
  while (node) {
    if (node->type == XML_ELEMENT_NODE) {
      if (add_el(t, node, up)) return SL_ENOMEM;
      if (node->children) {
        up = (uint32_t)t->n - 1;
        node = node->children;
        continue;
      }
    } else if (node->type == XML_TEXT_NODE && up != NOWHERE && !(t->el[up].flags & CLEAN_H_SKIP)) {
      uint32_t k = ink((const char *)node->content);
      t->el[up].text += k;
      if (k && in_link(t, up)) t->el[up].link += k;
    }
    while (node != root && !node->next) {
      node = node->parent;
      if (up != NOWHERE) {
        t->el[up].last = (uint32_t)t->n - 1;
        up = t->el[up].parent;
      }
    }
    if (node == root) break;
    node = node->next;
  }
  if (t->n) t->el[0].last = (uint32_t)t->n - 1;
  return SL_OK;
}

/* Adds what stands below to each element, from the end of the page to its start. */
static void sum_up(clean_tree *t) {
  for (size_t i = t->n; i-- > 1;) {
    clean_el *e = &t->el[i], *up = &t->el[e->parent];
    up->text += e->text;
    up->link += e->link;
    uint32_t plain = e->text - e->link;
    if (!(e->flags & (CLEAN_H_SKIP | CLEAN_H_SITE | CLEAN_H_RELATED)) && (e->flags & CLEAN_H_PARA) && plain >= 40) {
      up->score += plain;
      if (up->parent != NOWHERE) t->el[up->parent].score += plain / 2;
    }
  }
}

/* ---- picks ----------------------------------------------------------------------------------------------------------
 */

static uint32_t plain(const clean_el *e) { return e->text - e->link; }

#define NOT_BODY (CLEAN_H_SKIP | CLEAN_H_SITE | CLEAN_H_RELATED | CLEAN_H_CAPTION)

/* The container with the most text; an inner one that holds four fifths of it is closer to the article. */
static uint32_t largest(const clean_tree *t, uint32_t flag) {
  uint32_t best = NOWHERE;
  for (uint32_t i = 0; i < t->n; i++) {
    const clean_el *e = &t->el[i];
    if (!(e->flags & flag) || (e->flags & NOT_BODY) || plain(e) < BODY_MIN) continue;
    if (best == NOWHERE) {
      best = i;
    } else if (i <= t->el[best].last) {
      if ((uint64_t)plain(e) * 5 >= (uint64_t)plain(&t->el[best]) * 4) best = i;
    } else if (plain(e) > plain(&t->el[best])) {
      best = i;
    }
  }
  return best;
}

static uint32_t densest(const clean_tree *t) {
  uint32_t best = NOWHERE, top = 0;
  for (uint32_t i = 0; i < t->n; i++) {
    const clean_el *e = &t->el[i];
    if ((e->flags & NOT_BODY) || e->text == 0) continue;
    uint32_t score = (uint32_t)((uint64_t)e->score * plain(e) / e->text);
    if (score > top) {
      top = score;
      best = i;
    }
  }
  if (top >= BODY_MIN) return best;
  for (uint32_t i = 0; i < t->n; i++) {
    if (t->el[i].flags & CLEAN_H_ROOT) return i;
  }
  return t->n ? 0 : NOWHERE;
}

static void pick_body(clean_tree *t) {
  t->body = largest(t, CLEAN_H_CONTENT);
  uint32_t article = largest(t, CLEAN_H_ARTICLE);
  if (t->body == NOWHERE) t->body = article;
  uint32_t dense = densest(t);
  /* A named container with a small part of the page's paragraphs is a teaser. */
  if (t->body == NOWHERE || (dense != NOWHERE && (uint64_t)plain(&t->el[t->body]) * 5 < plain(&t->el[dense])))
    t->body = dense;
  if (t->body == NOWHERE) return;
  uint64_t all = 0, dropped = 0;
  for (uint32_t i = t->body; i <= t->el[t->body].last; i++) {
    const clean_el *e = &t->el[i];
    uint32_t own = e->text;
    for (uint32_t k = i + 1; k <= e->last; k = t->el[k].last + 1) own -= t->el[k].text;
    all += own;
    if (e->flags & (CLEAN_H_SITE | CLEAN_H_RELATED | CLEAN_H_AUTHOR)) dropped += own;
  }
  t->no_drop = dropped * 7 > all * 6;
}

static int same_words(const clean_tree *t, uint32_t i, const char *s) {
  xmlChar *text = xmlNodeGetContent(t->el[i].node);
  if (!text || !s) {
    xmlFree(text);
    return 0;
  }
  const char *a = (const char *)text;
  while (*a || *s) {
    while (*a && (unsigned char)*a <= ' ') a++;
    while (*s && (unsigned char)*s <= ' ') s++;
    if (*a != *s || !*a) break;
    a++;
    s++;
  }
  int same = !*a && !*s;
  xmlFree(text);
  return same;
}

static void pick_title(clean_tree *t) {
  uint32_t best = NOWHERE, rank = 0;
  for (uint32_t i = 0; i < t->n; i++) {
    const clean_el *e = &t->el[i];
    uint32_t r = 0;
    if ((e->flags & (CLEAN_H_SKIP | CLEAN_H_RELATED)) || e->text < 6 || e->text > 400) continue;
    if (e->flags & CLEAN_H_TOP) r = 2;
    if (e->flags & CLEAN_H_TITLE) r += 2;
    if (r && t->og_title && same_words(t, i, t->og_title)) r += 2;
    if ((e->flags & CLEAN_H_SITE) && r) r = 1;
    if (r > rank) {
      rank = r;
      best = i;
    }
  }
  t->title = best;
}

/* The lead stands between the title and the end of the container. */
static void pick_lead(clean_tree *t) {
  uint32_t end = t->body == NOWHERE ? 0 : t->el[t->body].last, start = t->title == NOWHERE ? 0 : t->title;
  t->lead = NOWHERE;
  for (uint32_t i = start; i < t->n && i <= end; i++) {
    const clean_el *e = &t->el[i];
    int holds = t->body != NOWHERE && i <= t->body && e->last >= t->body;
    if (!(e->flags & CLEAN_H_LEAD) || (e->flags & NOT_BODY) || holds || plain(e) < 30 || e->text > 1500) continue;
    t->lead = i;
    return;
  }
}

/* Lists and paragraphs that are links lead elsewhere. */
static void mark_links(clean_tree *t) {
  if (t->body == NOWHERE || t->no_drop) return;
  for (uint32_t i = t->body + 1; i <= t->el[t->body].last; i++) {
    clean_el *e = &t->el[i];
    if ((e->flags & NOT_BODY) || e->text == 0 || e->text > 2000 || !(e->flags & CLEAN_H_SMALL)) continue;
    if ((uint64_t)e->link * 10 < (uint64_t)e->text * 9) continue;
    for (uint32_t k = i; k <= e->last; k++) t->el[k].flags |= CLEAN_H_RELATED;
    i = e->last;
  }
}

/* ---- metadata -------------------------------------------------------------------------------------------------------
 */

static void set_date(clean_page *page, const char *s) {
  clean_when w;
  if (!s || (page->has_when && page->when.hour >= 0)) return;
  while (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r') s++;
  if (!clean_when_read(s, strlen(s), &w) || (page->has_when && w.hour < 0)) return;
  page->when = w;
  page->has_when = 1;
}

static void set_author(clean_page *page, const char *s) {
  size_t n = s ? strlen(s) : 0;
  if (n < 3 || n >= sizeof page->author || n > 100 || page->author[0] || strchr(s, '.') || strstr(s, "://") ||
      strchr(s, '@'))
    return;
  memcpy(page->author, s, n + 1);
}

static void read_meta(clean_tree *t, clean_page *page, const xmlNode *node) {
  static const char *const dates[] = {"article:published_time",
                                      "pubdate",
                                      "datePublished",
                                      "dc.date",
                                      "dc.date.issued",
                                      "date",
                                      "publishdate",
                                      "publish-date",
                                      "og:published_time",
                                      "sailthru.date",
                                      "parsely-pub-date",
                                      "dcterms.created",
                                      "cXenseParse:recs:publishtime"};
  const char *value = clean_attr(node, "content"), *name;
  static const char *const attrs[] = {"property", "name", "itemprop"};
  if (!value || !*value) return;
  for (size_t a = 0; a < 3; a++) {
    name = clean_attr(node, attrs[a]);
    if (!name) continue;
    if (strcasecmp(name, "og:title") == 0) t->og_title = value;
    if (strcasecmp(name, "og:description") == 0) t->og_description = value;
    if (strcasecmp(name, "author") == 0 || strcasecmp(name, "article:author") == 0) set_author(page, value);
    for (size_t k = 0; k < sizeof dates / sizeof *dates; k++) {
      if (strcasecmp(name, dates[k]) == 0) set_date(page, value);
    }
  }
}

/* "datePublished": "…" in a block of JSON-LD. */
static void read_linked_data(clean_page *page, const char *s) {
  static const char key[] = "\"datePublished\"";
  const char *p = strstr(s, key);
  if (!p) return;
  p += sizeof key - 1;
  while (*p == ' ' || *p == ':' || *p == '\n' || *p == '\t' || *p == '\r') p++;
  if (*p != '"') return;
  char value[64];
  size_t n = 0;
  for (p++; *p && *p != '"' && n < sizeof value - 1; p++) value[n++] = *p;
  value[n] = '\0';
  set_date(page, value);
}

static void read_metadata(clean_tree *t, clean_page *page) {
  for (uint32_t i = 0; i < t->n; i++) {
    const clean_el *e = &t->el[i];
    const xmlNode *text = e->node->children;
    if (e->flags & CLEAN_H_META) read_meta(t, page, e->node);
    if ((e->flags & CLEAN_H_NAME) && (e->flags & CLEAN_H_SKIP) && text && !t->title_text) t->title_text = text;
    const char *type = e->flags & CLEAN_H_SCRIPT ? clean_attr(e->node, "type") : NULL;
    if (type && strcasecmp(type, "application/ld+json") == 0 && text && text->content) {
      read_linked_data(page, (const char *)text->content);
    }
  }
  /* A date with a time of day is the article's; one without may be the clock in the page's head. */
  for (uint32_t i = 0; i < t->n && !(page->has_when && page->when.hour >= 0); i++) {
    const clean_el *e = &t->el[i];
    if (!(e->flags & CLEAN_H_DATE)) continue;
    set_date(page, clean_attr(e->node, "datetime"));
    if (e->text > 80) continue;
    xmlChar *text = xmlNodeGetContent(e->node);
    set_date(page, (const char *)text);
    xmlFree(text);
  }
}

int clean_tree_weigh(clean_tree *t, xmlDoc *doc, clean_page *page) {
  xmlNode *root = xmlDocGetRootElement(doc);
  t->title = t->lead = t->body = NOWHERE;
  if (!root) return SL_OK;
  index_words(t);
  if (list_elements(t, root)) return SL_ENOMEM;
  sum_up(t);
  read_metadata(t, page);
  pick_body(t);
  pick_title(t);
  pick_lead(t);
  mark_links(t);
  return SL_OK;
}
