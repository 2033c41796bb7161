/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the fonts TCVN3 and VNI. Included once, by clean_test.c. */
#ifndef CLEAN_TEST_FONTS_H
#define CLEAN_TEST_FONTS_H

#include <iconv.h>
#include <utf8proc.h>

#include "fonts.h"
#include "test_support.h"

/* What becomes of one byte, or of a letter and a byte, in NFC: "" if nothing. */
static const char *composed(int font, unsigned before, unsigned c) {
  static char out[32];
  char raw[32] = "";
  const char *first = before >= 0x80 ? clean_font_text(font, before, 0) : NULL,
             *text = clean_font_text(font, c, before);
  if (before && !first) snprintf(raw, sizeof raw, "%c", (int)before);
  snprintf(raw + strlen(raw), sizeof raw - strlen(raw), "%s%s", first ? first : "", text ? text : "");
  char *nfc = (char *)utf8proc_NFC((const utf8proc_uint8_t *)raw);
  snprintf(out, sizeof out, "%s", text && nfc ? nfc : "");
  free(nfc);
  return out;
}

typedef struct font_code {
  char text[8], bytes[3];
} font_code;

/* All that a font can write. */
static size_t font_codes(int font, font_code *to) {
  static const unsigned char letters[] = "aeouyAEOUY\xF4\xF6\xD4\xD6";
  size_t n = 0;
  for (unsigned c = 0xA1; c < 0x100; c++) {
    const char *text = composed(font, 0, c);
    /* What VNI does not have comes back as Latin-1. */
    utf8proc_int32_t cp = 0;
    if (*text) utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &cp);
    if (font == CLEAN_FONT_VNI && cp == (utf8proc_int32_t)c && (c | 0x20u) != 0xEC && (c | 0x20u) != 0xED) continue;
    if (*text) n += (size_t)(snprintf(to[n].text, 8, "%s", text), snprintf(to[n].bytes, 3, "%c", (int)c), 1);
  }
  for (const unsigned char *b = letters; font == CLEAN_FONT_VNI && *b; b++)
    for (unsigned c = 0xC0; c < 0x100; c++) {
      const char *text = composed(font, *b, c);
      utf8proc_int32_t cp;
      utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &cp);
      if (len > 0 && text[len] == '\0')
        n += (size_t)(snprintf(to[n].text, 8, "%s", text), snprintf(to[n].bytes, 3, "%c%c", *b, (int)c), 1);
    }
  return n;
}

/* s in a font; capitals that it lacks become small. NULL-terminated [own: free]. */
static char *in_font(int font, const char *s) {
  static font_code codes[1200];
  size_t n = font_codes(font, codes), used = 0;
  char *out = malloc(strlen(s) * 2 + 1);
  while (*s) {
    utf8proc_int32_t cp;
    utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &cp);
    char one[8] = "";
    for (int pass = 0; cp >= 0x80 && pass < 2 && !*one; pass++) {
      char want[8] = "";
      utf8proc_encode_char(pass ? utf8proc_tolower(cp) : cp, (utf8proc_uint8_t *)want);
      /* The longer way last: VNI writes the letters that it has. */
      for (size_t i = 0; i < n && !*one; i++)
        if (strcmp(codes[i].text, want) == 0) snprintf(one, sizeof one, "%s", codes[i].bytes);
    }
    if (cp < 0x80) snprintf(one, sizeof one, "%c", (int)cp);
    used += (size_t)snprintf(out + used, 8, "%s", *one ? one : "?");
    s += len;
  }
  out[used] = '\0';
  return out;
}

/* Bytes taken for Latin-1, as UTF-8 [own: free]. */
static char *as_latin(const char *s) {
  char *out = malloc(strlen(s) * 2 + 1);
  size_t n = 0;
  for (; *s; s++) n += (size_t)utf8proc_encode_char((unsigned char)*s, (utf8proc_uint8_t *)out + n);
  out[n] = '\0';
  return out;
}

static void fonts_say_what_everybody_knows(void **state) {
  (void)state;
  static const char want[] =
      "Cộng hòa xã hội chủ nghĩa Việt Nam\nĐộc lập - Tự do - Hạnh phúc\nẤp Ỷ Lan đường Ưu Đàm, kẻ chợ quê\n";
  static const struct {
    const char *charset, *latin;
  } cases[] = {
      {"VNI", "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam\nÑoäc laäp - Töï do - Haïnh phuùc\nAÁp YÛ Lan ñöôøng Öu Ñaøm, "
              "keû chôï queâ\n"},
      {"TCVN3", "Céng hßa x· héi chñ nghÜa ViÖt Nam\n§éc lËp - Tù do - H¹nh phóc\nÊp û Lan ®\xC2\xAD"
                "êng ¦u §µm, kÎ chî quª\n"},
  };
  for (size_t k = 0; k < 2; k++) {
    assert_int_equal(run(cases[k].latin), 0);
    if (strcmp(work.charset, cases[k].charset) != 0) fail_msg("%s taken for %s", cases[k].charset, work.charset);
    if (k == 0)
      assert_string_equal(text(), want);
    else
      assert_non_null(
          strstr(text(), "Cộng hòa xã hội chủ nghĩa Việt Nam\nĐộc lập - Tự do - Hạnh phúc\nấp ỷ Lan đường Ưu Đàm"));
  }
}

/* glibc has TCVN 5712 VN1, of which TCVN3 is the part without controls. */
static void tcvn3_is_the_standard(void **state) {
  (void)state;
  iconv_t cd = iconv_open("UTF-8", "TCVN5712-1");
  assert_true(cd != (iconv_t)-1);
  size_t same = 0;
  for (unsigned c = 0xA1; c < 0x100; c++) {
    const char *ours = clean_font_text(CLEAN_FONT_TCVN3, c, 0);
    if (!ours) continue;
    char in[2] = {(char)c, 0}, out[16] = "", *ip = in, *op = out;
    size_t il = 1, ol = sizeof out - 1;
    assert_true(iconv(cd, &ip, &il, &op, &ol) != (size_t)-1);
    assert_true(iconv(cd, NULL, NULL, &op, &ol) != (size_t)-1);
    *op = '\0';
    if (strcmp(ours, out) != 0) fail_msg("%X: %s, expected %s", c, ours, out);
    same++;
  }
  iconv_close(cd);
  assert_int_equal(same, 14 + 5 + 60);
}

/* Every letter of the alphabet with every tone, in VNI in both cases. */
static void fonts_have_every_letter(void **state) {
  (void)state;
  static const char letters[] = "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"
                                "ÀẢÃÁẠĂẰẲẴẮẶÂẦẨẪẤẬĐÈẺẼÉẸÊỀỂỄẾỆÌỈĨÍỊÒỎÕÓỌÔỒỔỖỐỘƠỜỞỠỚỢÙỦŨÚỤƯỪỬỮỨỰỲỶỸÝỴ";
  clean_options vni = usual;
  vni.charset = "VNI";
  char *bytes = in_font(CLEAN_FONT_VNI, letters);
  assert_null(strchr(bytes, '?'));
  assert_int_equal(run_bytes(bytes, strlen(bytes), "text/plain", &vni), 0);
  assert_memory_equal(text(), letters, strlen(letters));
  free(bytes);
  clean_options tcvn3 = usual;
  tcvn3.charset = "ABC";
  bytes = in_font(CLEAN_FONT_TCVN3, letters);
  assert_null(strchr(bytes, '?'));
  assert_int_equal(run_bytes(bytes, strlen(bytes), "text/plain", &tcvn3), 0);
  assert_memory_equal(text(), letters, strlen("àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"));
  free(bytes);
}

/* Articles in a font, as bytes and as UTF-8, give the text that they give in Unicode. */
static void articles_in_fonts_are_the_same_text(void **state) {
  (void)state;
  static const char *const names[] = {"01-hoi-nghi-tinh-uy",    "03-chi-thi-phong-chay", "04-chat-van-quoc-hoi",
                                      "11-nha-nhac-hue",        "10-bong-da-nu",         "12-phien-toa-dat-nen",
                                      "16-chuyen-doi-so-cap-xa"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    char path[512];
    size_t n;
    snprintf(path, sizeof path, NEWS "/%s.txt", names[k]);
    char *s = read_file(path, &n), *plain = (char *)utf8proc_NFC((const utf8proc_uint8_t *)s);
    for (int font = CLEAN_FONT_TCVN3; font <= CLEAN_FONT_VNI; font++) {
      /* What the font can hold: the reference is read back by hand from its codes. */
      char *bytes = in_font(font, plain), *latin = as_latin(bytes);
      char want[16384];
      clean_options named = usual;
      named.charset = font == CLEAN_FONT_VNI ? "VNI" : "TCVN3";
      assert_int_equal(run_bytes(bytes, strlen(bytes), "text/plain", &named), 0);
      snprintf(want, sizeof want, "%s", text());
      if (font == CLEAN_FONT_VNI) { /* nothing is lost but typographic marks */
        char *ascii = malloc(strlen(plain) + 1), *to = ascii;
        for (const char *p = plain; *p; p++) {
          int quote = strncmp(p, "\xE2\x80", 2) == 0;
          *to++ = quote ? '?' : *p;
          p += quote ? 2 : 0;
        }
        *to = '\0';
        assert_int_equal(run(ascii), 0);
        if (strcmp(text(), want) != 0) fail_msg("%s: %s, expected %s", names[k], want, text());
        free(ascii);
      }
      int rc = run_bytes(bytes, strlen(bytes), "text/plain; charset=iso-8859-1", &usual);
      if (rc || strcmp(text(), want) != 0)
        fail_msg("%s as bytes, font %d, taken for %s: %s", names[k], font, work.charset, text());
      rc = run_bytes(latin, strlen(latin), NULL, &usual);
      if (rc || strcmp(text(), want) != 0)
        fail_msg("%s as UTF-8, font %d, taken for %s: %s", names[k], font, work.charset, text());
      free(bytes);
      free(latin);
    }
    free(plain);
    free(s);
  }
}

/* Languages with letters of Latin-1 are in no font. */
static void other_languages_are_in_no_font(void **state) {
  (void)state;
  static const char *const texts[] = {
      "Où êtes-vous né ? À la même époque, l'été dernier, « la forêt » brûlait déjà près de Besançon, çà et là. Noël.",
      "Über den Wäldern hängt größere Kälte; «Mädchen» hören Öl, süße Äpfel, weiß. »Grüße« aus Köln.",
      "São João não está à mão: irmãs, ações, lições, pães e corações; três avôs e avós, ênfase, últimos, é.",
      "El niño comió piñas; ¿dónde está el camión? ¡Qué lástima! Señal, año, útil, inglés, razón.",
      "Þetta er íslenska: það, æði, öl, múr, sér, hús, ýmsir, ó, á, ég. Ðað.",
      "Col·legi, il·lusió, paral·lel, intel·ligent, excel·lent, al·lot, tal·lar, vil·la.",
      "Ærlig talt, blåbær på øya: så får vi se. Åse og Øystein ønsker å være på gården.",
      "5 µg, 10 µl, ½ kg, ¼ l, ¾ m, ®, ©, 20 °C, x², y³, §1, ¶2, a¹, b¸",
  };
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    char twice[2048];
    snprintf(twice, sizeof twice, "%s %s %s", texts[k], texts[k], texts[k]);
    if (clean_font_find(twice, strlen(twice), 1) != CLEAN_FONT_NONE)
      fail_msg("in font %d: %s", clean_font_find(twice, strlen(twice), 1), texts[k]);
  }
}

#endif
