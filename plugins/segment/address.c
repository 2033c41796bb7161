/* SPDX-License-Identifier: Apache-2.0 */
/* Web addresses, mail addresses, domain and file names: one token however many stops they hold. */
#include <stdbool.h>
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

static bool is_suffix(const char *s, size_t n) {
  for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
    if (strlen(suffixes[i]) != n) continue;
    if (memcmp(s, suffixes[i], n) == 0) return true;
    bool upper = true;
    for (size_t k = 0; k < n && upper; k++) upper = s[k] == suffixes[i][k] - 32 || s[k] == suffixes[i][k];
    if (upper && n >= 3 && s[0] < 'a' && s[1] < 'a') return true; /* ANH.JPG, but not Shop.Com nor VN.VN */
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
    if (vi_is_space(cp) || cp < 0x20 || cp == '"' || cp == '<' || cp == '>' || cp == 0x201C || cp == 0x201D) break;
    paren = paren || cp == '(';
    end = next;
  }
  while (end > i) {
    size_t at = end;
    uint32_t cp = vi_prev(s, &at);
    bool strip = cp == '.' || cp == ',' || cp == ';' || cp == ':' || cp == '!' || cp == '?' || cp == '\'' ||
                 cp == ']' || cp == 0x2026 || cp == 0x2019 || (cp == ')' && !paren);
    if (!strip) break;
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

size_t seg_address_end(const char *s, size_t n, size_t i) {
  size_t end = i, dot = 0, at = 0, full = n;
  if (n - i > MAX_NAME) n = i + MAX_NAME;
  while (end < n && (is_ascii_word((unsigned char)s[end]) || strchr(".-+%@", s[end])) && s[end] != '\0') {
    if (s[end] == '.') dot = end;
    if (s[end] == '@' && at) return i;
    if (s[end] == '@') at = end;
    end++;
  }
  if (end < n && s[end] == ':' && end + 2 < n && s[end + 1] == '/' && s[end + 2] == '/') return scheme_end(s, full, i);
  if (!dot) return i;
  if (n - i > 4 && strncasecmp(s + i, "www.", 4) == 0) return scheme_end(s, full, i);
  while (end > i && !is_ascii_word((unsigned char)s[end - 1])) end--;
  size_t last = end;
  while (last > i && s[last - 1] != '.') last--;
  if (last <= i + 1 || (at && at > last)) return i;
  if (end < n && ((unsigned char)s[end] >= 0x80 && vi_is_letter(vi_peek(s, n, end)))) return i;
  if (!is_ascii_word((unsigned char)s[last - 2]) || !is_suffix(s + last, end - last)) return i;
  if (end < n && s[end] == '/' && end + 1 < n && is_ascii_word((unsigned char)s[end + 1]))
    return path_end(s, full, end);
  return end;
}
