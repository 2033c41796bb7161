/* SPDX-License-Identifier: Apache-2.0 */
/* Which object of a page's JSON-LD is the article, and what it says: see meta.h. */
#include <string.h>
#include <strings.h>

#include "meta.h"

#define SOURCE "json-ld"
#define RESOLVE_MAX 32 /* references to other objects that are followed */

static const struct {
  const char *type;
  int weight;
} types[] = {{"NewsArticle", 20},
             {"ReportageNewsArticle", 20},
             {"AnalysisNewsArticle", 20},
             {"OpinionNewsArticle", 20},
             {"BackgroundNewsArticle", 20},
             {"ReviewNewsArticle", 20},
             {"AskPublicNewsArticle", 20},
             {"LiveBlogPosting", 20},
             {"AdvertiserContentArticle", 20},
             {"SatiricalArticle", 20},
             {"Article", 18},
             {"BlogPosting", 18},
             {"SocialMediaPosting", 16},
             {"TechArticle", 18},
             {"ScholarlyArticle", 18},
             {"Report", 18},
             {"DiscussionForumPosting", 16},
             {"Recipe", 16},
             {"HowTo", 14},
             {"Question", 12},
             {"Product", 12},
             {"CreativeWork", 10},
             {"MedicalWebPage", 6},
             {"WebPage", 5},
             {"ItemPage", 5},
             {"QAPage", 5},
             {"PodcastEpisode", 4},
             {"VideoObject", 3},
             {"MediaObject", 2}};

static const char *text_of(const clean_meta *m, uint32_t object, const char *key) {
  return clean_ld_text(&m->ld, clean_ld_get(&m->ld, object, key));
}

/* The weight of the heaviest of an object's types; 0 if none is known. */
static int type_weight(const clean_ld *ld, uint32_t object) {
  uint32_t v = clean_ld_get(ld, object, "@type");
  int best = 0;
  if (v == CLEAN_LD_NONE) return 0;
  int many = ld->values[v].type == CLEAN_LD_ARRAY;
  for (uint32_t i = many ? ld->values[v].child : v; i != CLEAN_LD_NONE; i = many ? ld->values[i].next : CLEAN_LD_NONE) {
    const char *s = clean_ld_text(ld, i), *slash = s ? strrchr(s, '/') : NULL;
    if (slash) s = slash + 1;
    if (s && strncasecmp(s, "schema:", 7) == 0) s += 7;
    for (size_t k = 0; s && k < sizeof types / sizeof *types; k++) {
      if (types[k].weight > best && strcasecmp(s, types[k].type) == 0) best = types[k].weight;
    }
  }
  return best;
}

static int has_type(const clean_ld *ld, uint32_t object, const char *part) {
  uint32_t v = clean_ld_get(ld, object, "@type");
  if (v == CLEAN_LD_NONE) return 0;
  int many = ld->values[v].type == CLEAN_LD_ARRAY;
  const char *s = clean_ld_text(ld, many ? ld->values[v].child : v);
  return s && strcasestr(s, part) != NULL;
}

/* Where an object stands: 2 at the top or as the page's main entity, 1 below another key, 0 where other works are
 * named. */
static int place(const clean_ld *ld, uint32_t i) {
  static const char *const top[] = {"@graph", "mainEntity", "mainEntityOfPage", ""};
  static const char *const other[] = {
      "isPartOf", "hasPart",   "itemListElement", "mentions",    "about",          "comment",
      "review",   "citation",  "liveBlogUpdate",  "video",       "image",          "isBasedOn",
      "author",   "publisher", "relatedLink",     "isRelatedTo", "associatedMedia"};
  int at = 2;
  for (; i != CLEAN_LD_NONE; i = ld->values[i].parent) {
    const char *key = clean_ld_key(ld, i);
    size_t k = 0;
    while (k < sizeof top / sizeof *top && strcmp(top[k], key) != 0) k++;
    if (k < sizeof top / sizeof *top) continue;
    at = 1;
    for (k = 0; k < sizeof other / sizeof *other; k++) {
      if (strcmp(other[k], key) == 0) return 0;
    }
  }
  return at;
}

static int names_the_page(const clean_meta *m, const char *headline) {
  const clean_found *og = &m->found[CLEAN_M_TITLE][CLEAN_R_META];
  if (!headline) return 0;
  if (og->text && clean_same_name(og->text, headline)) return 1;
  for (size_t k = 0; k < m->n_heads; k++) {
    if (clean_same_name(m->heads[k].text, headline)) return 1;
  }
  return 0;
}

static void find_article(clean_meta *m) {
  const clean_ld *ld = &m->ld;
  int best = 0;
  for (uint32_t i = 1; i < ld->n; i++) {
    if (ld->values[i].type != CLEAN_LD_OBJECT) continue;
    int weight = type_weight(ld, i);
    const char *headline = text_of(m, i, "headline");
    if (!weight && headline) weight = 2;
    if (!weight) continue;
    int where = place(ld, i);
    if (!where) continue;
    weight = weight * 2 + where * 4 + names_the_page(m, headline) * 9 + (headline != NULL) * 2 +
             (clean_ld_get(ld, i, "author") != CLEAN_LD_NONE) +
             (clean_ld_get(ld, i, "datePublished") != CLEAN_LD_NONE) * 2;
    if (weight <= best) continue;
    best = weight;
    m->article = i;
  }
}

static void put(clean_meta *m, int field, int rank, const char *s) {
  if (s) clean_meta_put(m, field, rank, SOURCE, s, strlen(s));
}

/* ---- people ---------------------------------------------------------------------------------------------------------
 */

/* The object with this @id that has a name; CLEAN_LD_NONE if there is none. */
static uint32_t resolve(const clean_ld *ld, const char *id, unsigned *budget) {
  if (!id || !*budget) return CLEAN_LD_NONE;
  --*budget;
  for (uint32_t i = 1; i < ld->n; i++) {
    const char *s =
        ld->values[i].type == CLEAN_LD_STRING && ld->values[i].key != CLEAN_LD_NONE ? clean_ld_text(ld, i) : NULL;
    if (!s || strcmp(clean_ld_key(ld, i), "@id") != 0 || strcmp(s, id) != 0) continue;
    uint32_t object = ld->values[i].parent;
    if (clean_ld_get(ld, object, "name") != CLEAN_LD_NONE) return object;
  }
  return CLEAN_LD_NONE;
}

static void add_name(clean_meta *m, const char *s, int group) {
  if (s) clean_meta_person(m, group ? CLEAN_R_LD_OTHER : CLEAN_R_LD, SOURCE, s, strlen(s));
}

static void add_person(clean_meta *m, uint32_t v, unsigned *budget) {
  const clean_ld *ld = &m->ld;
  if (ld->values[v].type == CLEAN_LD_STRING) {
    add_name(m, clean_ld_text(ld, v), 0);
    return;
  }
  if (ld->values[v].type != CLEAN_LD_OBJECT) return;
  uint32_t name = clean_ld_get(ld, v, "name");
  if (name == CLEAN_LD_NONE) {
    uint32_t other = resolve(ld, text_of(m, v, "@id"), budget);
    if (other != CLEAN_LD_NONE) name = clean_ld_get(ld, v = other, "name");
  }
  int group = has_type(ld, v, "Organization");
  const char *given = text_of(m, v, "givenName"), *family = text_of(m, v, "familyName");
  if (name != CLEAN_LD_NONE && ld->values[name].type == CLEAN_LD_ARRAY) {
    for (uint32_t i = ld->values[name].child; i != CLEAN_LD_NONE; i = ld->values[i].next)
      add_name(m, clean_ld_text(ld, i), group);
  } else if (name != CLEAN_LD_NONE && clean_ld_text(ld, name) && clean_ld_text(ld, name)[0]) {
    add_name(m, clean_ld_text(ld, name), group);
  } else if (given && family) {
    char full[256];
    size_t a = strlen(given), b = strlen(family);
    if (a + b + 2 > sizeof full) return;
    memcpy(full, given, a);
    full[a] = ' ';
    memcpy(full + a + 1, family, b + 1);
    add_name(m, full, 0);
  } else {
    add_name(m, text_of(m, v, "byline"), 0);
  }
}

static void add_people(clean_meta *m, uint32_t v, unsigned *budget) {
  const clean_ld *ld = &m->ld;
  if (v == CLEAN_LD_NONE) return;
  if (ld->values[v].type != CLEAN_LD_ARRAY) {
    add_person(m, v, budget);
    return;
  }
  for (uint32_t i = ld->values[v].child; i != CLEAN_LD_NONE; i = ld->values[i].next) {
    if (ld->values[i].type == CLEAN_LD_ARRAY) { /* [["A", "B"]] */
      for (uint32_t k = ld->values[i].child; k != CLEAN_LD_NONE; k = ld->values[k].next) add_person(m, k, budget);
    } else {
      add_person(m, i, budget);
    }
  }
}

/* ---- the rest -------------------------------------------------------------------------------------------------------
 */

/* The text of a string, of the first string of an array, or of an object's member. */
static const char *first_text(const clean_meta *m, uint32_t v, const char *member) {
  const clean_ld *ld = &m->ld;
  if (v != CLEAN_LD_NONE && ld->values[v].type == CLEAN_LD_ARRAY) v = ld->values[v].child;
  if (v == CLEAN_LD_NONE) return NULL;
  return ld->values[v].type == CLEAN_LD_OBJECT ? text_of(m, v, member) : clean_ld_text(ld, v);
}

static void add_keywords(clean_meta *m, uint32_t v) {
  const clean_ld *ld = &m->ld;
  const char *s = clean_ld_text(ld, v);
  if (s) clean_meta_tag(m, CLEAN_R_LD, SOURCE, s, strlen(s), 1);
  if (v == CLEAN_LD_NONE || ld->values[v].type != CLEAN_LD_ARRAY) return;
  for (uint32_t i = ld->values[v].child; i != CLEAN_LD_NONE; i = ld->values[i].next) {
    s = ld->values[i].type == CLEAN_LD_OBJECT ? text_of(m, i, "name") : clean_ld_text(ld, i);
    if (s) clean_meta_tag(m, CLEAN_R_LD, SOURCE, s, strlen(s), 0);
  }
}

static void read_article(clean_meta *m, uint32_t a) {
  unsigned budget = RESOLVE_MAX;
  const clean_ld *ld = &m->ld;
  const char *body = text_of(m, a, "articleBody");
  put(m, CLEAN_M_TITLE, CLEAN_R_LD, text_of(m, a, "headline"));
  put(m, CLEAN_M_PUBLISHED, CLEAN_R_LD, text_of(m, a, "datePublished"));
  put(m, CLEAN_M_MODIFIED, CLEAN_R_LD, text_of(m, a, "dateModified"));
  put(m, CLEAN_M_PUBLISHED, CLEAN_R_LD_OTHER, text_of(m, a, "dateCreated"));
  put(m, CLEAN_M_DESCRIPTION, CLEAN_R_ITEM, text_of(m, a, "description"));
  put(m, CLEAN_M_SECTION, CLEAN_R_LD, first_text(m, clean_ld_get(ld, a, "articleSection"), "name"));
  put(m, CLEAN_M_IMAGE, CLEAN_R_ITEM, first_text(m, clean_ld_get(ld, a, "image"), "url"));
  put(m, CLEAN_M_LANGUAGE, CLEAN_R_ITEM, first_text(m, clean_ld_get(ld, a, "inLanguage"), "alternateName"));
  put(m, CLEAN_M_CANONICAL, CLEAN_R_ITEM, first_text(m, clean_ld_get(ld, a, "mainEntityOfPage"), "@id"));
  put(m, CLEAN_M_CANONICAL, CLEAN_R_ITEM, text_of(m, a, "url"));
  put(m, CLEAN_M_SITE, CLEAN_R_META + 2, first_text(m, clean_ld_get(ld, a, "publisher"), "name"));
  add_keywords(m, clean_ld_get(ld, a, "keywords"));
  uint32_t who = clean_ld_get(ld, a, "author");
  add_people(m, who != CLEAN_LD_NONE ? who : clean_ld_get(ld, a, "creator"), &budget);
  if (body) m->article_body = clean_meta_keep(m, body, strlen(body));
}

/* What objects say that are the page rather than the article. */
static void read_others(clean_meta *m) {
  const clean_ld *ld = &m->ld;
  for (uint32_t i = 1; i < ld->n; i++) {
    if (ld->values[i].type != CLEAN_LD_OBJECT || i == m->article || place(ld, i) != 2) continue;
    if (has_type(ld, i, "WebSite") || has_type(ld, i, "Organization"))
      put(m, CLEAN_M_SITE, CLEAN_R_META + 7, text_of(m, i, "name"));
    if (type_weight(ld, i) < 5) continue;
    put(m, CLEAN_M_TITLE, CLEAN_R_LD_OTHER, text_of(m, i, "headline"));
    put(m, CLEAN_M_PUBLISHED, CLEAN_R_LD_OTHER, text_of(m, i, "datePublished"));
    put(m, CLEAN_M_MODIFIED, CLEAN_R_LD_OTHER, text_of(m, i, "dateModified"));
    put(m, CLEAN_M_LANGUAGE, CLEAN_R_ITEM, first_text(m, clean_ld_get(ld, i, "inLanguage"), "alternateName"));
  }
}

void clean_meta_linked(clean_meta *m) {
  if (m->ld.oom || m->ld.n < 2) return;
  find_article(m);
  if (m->article != CLEAN_LD_NONE) read_article(m, m->article);
  read_others(m);
}
