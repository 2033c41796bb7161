/* SPDX-License-Identifier: Apache-2.0 */
/* What the names in class and id say: see weigh.h. */
#include "weigh.h"

#include <pthread.h>
#include <string.h>

/* Names in class and id, and what they mean. Those with '=' must be a whole part between separators. */
static const struct {
  const char *word;
  uint64_t flag;
} words[] = {
    {"articlebody", CLEAN_W_CONTENT},
    {"article-body", CLEAN_W_CONTENT},
    {"article_body", CLEAN_W_CONTENT},
    {"article__body", CLEAN_W_CONTENT},
    {"detail-content", CLEAN_W_CONTENT},
    {"fck_detail", CLEAN_W_CONTENT},
    {"cms-body", CLEAN_W_CONTENT},
    {"afcbc-body", CLEAN_W_CONTENT},
    {"singular-content", CLEAN_W_CONTENT},
    {"maincontent", CLEAN_W_CONTENT},
    {"main-detail-body", CLEAN_W_CONTENT},
    {"content-detail", CLEAN_W_CONTENT},
    {"content_detail", CLEAN_W_CONTENT},
    {"detail__content", CLEAN_W_CONTENT},
    {"detail_content", CLEAN_W_CONTENT},
    {"article-content", CLEAN_W_CONTENT},
    {"article_content", CLEAN_W_CONTENT},
    {"articlecontent", CLEAN_W_CONTENT},
    {"article__content", CLEAN_W_CONTENT},
    {"entry-content", CLEAN_W_CONTENT},
    {"post-content", CLEAN_W_CONTENT},
    {"post-body", CLEAN_W_CONTENT},
    {"story-body", CLEAN_W_CONTENT},
    {"story-content", CLEAN_W_CONTENT},
    {"knc-content", CLEAN_W_CONTENT},
    {"the-article-body", CLEAN_W_CONTENT},
    {"edittor-content", CLEAN_W_CONTENT},
    {"post-ct-entry", CLEAN_W_CONTENT},
    {"b-maincontent", CLEAN_W_CONTENT},
    {"text-long", CLEAN_W_CONTENT},
    {"e-magazine__body", CLEAN_W_CONTENT},
    {"dt-news__content", CLEAN_W_CONTENT},
    {"newscontent", CLEAN_W_CONTENT},
    {"news-content", CLEAN_W_CONTENT},
    {"noi-dung", CLEAN_W_CONTENT},
    {"noidung", CLEAN_W_CONTENT},
    {"=sapo", CLEAN_W_LEAD},
    {"detail-sapo", CLEAN_W_LEAD},
    {"cms-desc", CLEAN_W_LEAD},
    {"article__sapo", CLEAN_W_LEAD},
    {"singular-sapo", CLEAN_W_LEAD},
    {"knc-sapo", CLEAN_W_LEAD},
    {"article-summary", CLEAN_W_LEAD},
    {"the-article-summary", CLEAN_W_LEAD},
    {"details__summary", CLEAN_W_LEAD},
    {"=description", CLEAN_W_LEAD},
    {"short_intro", CLEAN_W_LEAD},
    {"article-lead", CLEAN_W_LEAD},
    {"=lead", CLEAN_W_LEAD},
    {"chapeau", CLEAN_W_LEAD},
    {"content-detail-sapo", CLEAN_W_LEAD},
    {"dt-news__sapo", CLEAN_W_LEAD},
    {"e-magazine__sapo", CLEAN_W_LEAD},
    {"location-stamp", CLEAN_W_STAMP},
    {"tplcaption", CLEAN_W_CAPTION},
    {"photocms_caption", CLEAN_W_CAPTION},
    {"=caption", CLEAN_W_CAPTION},
    {"desc_cation", CLEAN_W_CAPTION},
    {"img-caption", CLEAN_W_CAPTION},
    {"=image", CLEAN_W_CAPTION},
    {"=pcaption", CLEAN_W_CAPTION},
    {"wp-caption-text", CLEAN_W_CAPTION},
    {"=author", CLEAN_W_AUTHOR},
    {"author_mail", CLEAN_W_AUTHOR},
    {"detail-author", CLEAN_W_AUTHOR},
    {"author-name", CLEAN_W_AUTHOR},
    {"article__author", CLEAN_W_AUTHOR},
    {"cms-author", CLEAN_W_AUTHOR},
    {"kbwcm-author", CLEAN_W_AUTHOR},
    {"tacgia", CLEAN_W_AUTHOR},
    {"=byline", CLEAN_W_AUTHOR},
    {"signature", CLEAN_W_AUTHOR},
    {"article__source", CLEAN_W_AUTHOR},
    {"tinlienquan", CLEAN_W_RELATED},
    {"tin-lien-quan", CLEAN_W_RELATED},
    {"tinlienquanv2", CLEAN_W_RELATED},
    {"relate", CLEAN_W_RELATED},
    {"xemthem", CLEAN_W_RELATED},
    {"xem-them", CLEAN_W_RELATED},
    {"box-category", CLEAN_W_RELATED},
    {"list-news", CLEAN_W_RELATED},
    {"link-inline-content", CLEAN_W_RELATED},
    {"seo-suggest", CLEAN_W_RELATED},
    {"read-more", CLEAN_W_RELATED},
    {"readmore", CLEAN_W_RELATED},
    {"tin-cung", CLEAN_W_RELATED},
    {"tincung", CLEAN_W_RELATED},
    {"most-popular", CLEAN_W_RELATED},
    {"insert-neww", CLEAN_W_RELATED},
    {"docthem", CLEAN_W_RELATED},
    {"doc-them", CLEAN_W_RELATED},
    {"=share", CLEAN_W_SITE},
    {"social", CLEAN_W_SITE},
    {"=ads", CLEAN_W_SITE},
    {"=ad", CLEAN_W_SITE},
    {"advert", CLEAN_W_SITE},
    {"quangcao", CLEAN_W_SITE},
    {"quang-cao", CLEAN_W_SITE},
    {"banner", CLEAN_W_SITE},
    {"=sda", CLEAN_W_SITE},
    {"sda_middle", CLEAN_W_SITE},
    {"adsweb", CLEAN_W_SITE},
    {"admzone", CLEAN_W_SITE},
    {"adm-zone", CLEAN_W_SITE},
    {"taboola", CLEAN_W_SITE},
    {"outbrain", CLEAN_W_SITE},
    {"comments", CLEAN_W_COMMENT},
    {"=comment", CLEAN_W_COMMENT},
    {"commentlist", CLEAN_W_COMMENT},
    {"comment-list", CLEAN_W_COMMENT},
    {"comment-body", CLEAN_W_COMMENT},
    {"comment-content", CLEAN_W_COMMENT},
    {"disqus", CLEAN_W_COMMENT},
    {"kommentare", CLEAN_W_COMMENT},
    {"commentaires", CLEAN_W_COMMENT},
    {"comentarios", CLEAN_W_COMMENT},
    {"reacties", CLEAN_W_COMMENT},
    {"binhluan", CLEAN_W_COMMENT},
    {"binh-luan", CLEAN_W_COMMENT},
    {"box_comment", CLEAN_W_COMMENT},
    {"=comment", CLEAN_W_SITE},
    {"=comments", CLEAN_W_SITE},
    {"box_comment", CLEAN_W_SITE},
    {"binhluan", CLEAN_W_SITE},
    {"binh-luan", CLEAN_W_SITE},
    {"=tags", CLEAN_W_SITE},
    {"tags-box", CLEAN_W_SITE},
    {"tag-item", CLEAN_W_SITE},
    {"article__tag", CLEAN_W_SITE},
    {"breadcrumb", CLEAN_W_SITE},
    {"newsletter", CLEAN_W_SITE},
    {"=cookie", CLEAN_W_SITE},
    {"=menu", CLEAN_W_SITE},
    {"=navbar", CLEAN_W_SITE},
    {"=footer", CLEAN_W_SITE},
    {"=popup", CLEAN_W_SITE},
    {"=rating", CLEAN_W_SITE},
    {"=keyword", CLEAN_W_SITE},
    {"=keywords", CLEAN_W_SITE},
    {"=subscribe", CLEAN_W_SITE},
    {"date", CLEAN_W_DATE},
    {"detail-time", CLEAN_W_DATE},
    {"time", CLEAN_W_DATE},
    {"author-time", CLEAN_W_DATE},
    {"publish", CLEAN_W_DATE},
    {"cms-date", CLEAN_W_DATE},
    {"post-date", CLEAN_W_DATE},
    {"article__meta", CLEAN_W_DATE},
    {"title-detail", CLEAN_W_TITLE},
    {"article__title", CLEAN_W_TITLE},
    {"detail-title", CLEAN_W_TITLE},
    {"article-title", CLEAN_W_TITLE},
    {"cms-title", CLEAN_W_TITLE},
    {"title-page", CLEAN_W_TITLE},
    {"the-article-title", CLEAN_W_TITLE},
    {"details__headline", CLEAN_W_TITLE},
    {"entry-title", CLEAN_W_TITLE},
};

#define N_WORDS (sizeof words / sizeof *words)
#define NAME_MAX 128u

static int separator(char c) { return c == ' ' || c == '-' || c == '_'; }

/* A word counts at the beginning or end of a part of a name, a long one anywhere; after '=' only as a whole name. */
static int word_here(const char *s, size_t n, size_t i, const char *word) {
  int whole = word[0] == '=';
  size_t m = strlen(word += whole);
  if (m > n - i || memcmp(s + i, word, m) != 0) return 0;
  char before = i == 0 ? ' ' : s[i - 1], after = i + m < n ? s[i + m] : ' ';
  return whole ? before == ' ' && after == ' ' : separator(before) || separator(after) || m >= 7;
}

/* The words by their first two letters: where the chain of a pair begins, and who follows whom; 0 ends it, k + 1 is
 * word k. */
static uint8_t chain_first[1024], chain_next[N_WORDS];
static pthread_once_t chained = PTHREAD_ONCE_INIT;
_Static_assert(N_WORDS < 255, "a byte holds the number of a word");

static unsigned pair_of(char a, char b) { return (unsigned)(a & 31) << 5 | (b & 31); }

static void chain_words(void) {
  for (size_t k = N_WORDS; k-- > 0;) {
    const char *word = words[k].word + (words[k].word[0] == '=');
    uint8_t *first = &chain_first[pair_of(word[0], word[1])];
    chain_next[k] = *first;
    *first = (uint8_t)(k + 1);
  }
}

uint64_t clean_mark(const char *name, size_t n) {
  char s[NAME_MAX];
  uint64_t f = 0;
  (void)pthread_once(&chained, chain_words);
  if (n > NAME_MAX) n = NAME_MAX;
  for (size_t i = 0; i < n; i++) s[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
  for (size_t i = 0; i + 1 < n; i++)
    for (unsigned k = chain_first[pair_of(s[i], s[i + 1])]; k; k = chain_next[k - 1])
      if (!(f & words[k - 1].flag) && word_here(s, n, i, words[k - 1].word)) f |= words[k - 1].flag;
  return f;
}
