/* SPDX-License-Identifier: Apache-2.0 */
/* Web addresses, mail addresses, domain and file names: one token however many stops they hold. */
#include <strings.h>

#include "token.h"
#include "vi_text.h"

/* Last parts of host names and file names that occur in news; anything else after a stop is taken for a missing space.
 */
static const char *const suffixes[] = {
    "com",  "vn",   "net", "org", "gov", "edu",  "info", "biz",  "int",  "mil", "io",  "tv",   "me",   "co",
    "uk",   "us",   "jp",  "cn",  "kr",  "fr",   "de",   "au",   "sg",   "th",  "eu",  "ru",   "la",   "kh",
    "asia", "app",  "dev", "ai",  "xyz", "vip",  "club", "shop", "html", "htm", "php", "asp",  "aspx", "jpg",
    "jpeg", "png",  "gif", "bmp", "svg", "webp", "heic", "tif",  "tiff", "pdf", "doc", "docx", "xls",  "xlsx",
    "ppt",  "pptx", "txt", "csv", "zip", "rar",  "apk",  "exe",  "mp3",  "mp4", "avi", "mov",  "json", "xml",
};

/* Longer ones are not looked for, so that a long run of letters and stops costs no more than its length. */
#define MAX_NAME 256u
#define MAX_PATH 4096u

static bool is_ascii_word(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool seg_is_suffix(const char *s, size_t n) {
  for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
    if (strlen(suffixes[i]) != n) continue;
    if (memcmp(s, suffixes[i], n) == 0) return true;
    bool upper = true;
    for (size_t k = 0; k < n && upper; k++) upper = s[k] == suffixes[i][k] - 32 || s[k] == suffixes[i][k];
    if (upper && n >= 3 && s[0] < 'a' && s[1] < 'a') return true; /* ANH.JPG, but not Shop.Com nor VN.VN */
  }
  return false;
}

/* Ends an address wherever it stands. */
static bool ends_address(uint32_t cp) {
  return vi_is_space(cp) || cp < 0x20 || cp == '"' || cp == '<' || cp == '>' || cp == 0x201C || cp == 0x201D;
}

/* Belongs to the sentence when it stands last. */
static bool is_trailing(uint32_t cp) {
  static const uint32_t marks[] = {'.', ',', ';', ':', '!', '?', '\'', ']', 0x2026, 0x2019};
  for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
    if (cp == marks[i]) return true;
  }
  return false;
}

/* To the next white space, without the punctuation that belongs to the sentence. */
static size_t path_end(const char *s, size_t n, size_t i) {
  size_t end = i;
  bool paren = false;
  if (n - i > MAX_PATH) n = i + MAX_PATH;
  while (end < n) {
    size_t next = end;
    uint32_t cp = vi_next(s, n, &next);
    if (ends_address(cp)) break;
    paren = paren || cp == '(';
    end = next;
  }
  while (end > i) {
    size_t at = end;
    uint32_t cp = vi_prev(s, &at);
    if (!is_trailing(cp) && (cp != ')' || paren)) break;
    end = at;
  }
  return end;
}

static size_t scheme_end(const char *s, size_t n, size_t i) {
  static const char *const schemes[] = {"http://", "https://", "ftp://", "www."};
  for (size_t k = 0; k < sizeof(schemes) / sizeof(schemes[0]); k++) {
    size_t len = strlen(schemes[k]);
    if (n - i > len && strncasecmp(s + i, schemes[k], len) == 0 && is_ascii_word((unsigned char)s[i + len])) {
      return path_end(s, n, i + len);
    }
  }
  return i;
}

/* A run of the characters that host, mail and file names are made of. */
typedef struct name {
  size_t end;
  bool dots;
} name;

static name read_name(const char *s, size_t n, size_t i) {
  name r = {i, false};
  for (; r.end < n && s[r.end] != '\0'; r.end++) {
    char c = s[r.end];
    if (!is_ascii_word((unsigned char)c) && !strchr(".-+%@", c)) break;
    r.dots = r.dots || c == '.';
  }
  while (r.end > i && !is_ascii_word((unsigned char)s[r.end - 1])) r.end--;
  return r;
}

/* Whether s[i, end) is parts joined by stops whose last one is known, with at most one @, before the last part. */
static bool is_name(const char *s, size_t i, size_t end) {
  size_t last = end;
  while (last > i && s[last - 1] != '.') last--;
  if (last < i + 2 || !is_ascii_word((unsigned char)s[last - 2])) return false;
  const char *at = memchr(s + i, '@', end - i);
  if (at && memchr(at + 1, '@', (size_t)(s + end - at - 1))) return false;
  return (!at || at < s + last) && seg_is_suffix(s + last, end - last);
}

size_t seg_address_end(const char *s, size_t n, size_t i) {
  name r = read_name(s, n - i > MAX_NAME ? i + MAX_NAME : n, i);
  if (n - r.end > 2 && memcmp(s + r.end, "://", 3) == 0) return scheme_end(s, n, i);
  if (!r.dots) return i;
  if (n - i > 4 && strncasecmp(s + i, "www.", 4) == 0) return scheme_end(s, n, i);
  if (!is_name(s, i, r.end)) return i;
  uint32_t after = vi_peek(s, n, r.end);
  if (after >= 0x80 && vi_is_letter(after)) return i;
  bool path = after == '/' && r.end + 1 < n && is_ascii_word((unsigned char)s[r.end + 1]);
  return path ? path_end(s, n, r.end) : r.end;
}
