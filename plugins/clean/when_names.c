/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the months, full and short, in the languages of the larger press: see when.h. */
#include <stddef.h>
#include <string.h>

#include "vi_text.h"
#include "when.h"

/* Lower case; forms of one month in English, German, the Romance, Slavic, Nordic and Baltic languages, Dutch, Finnish,
 * Hungarian, Turkish, Greek, Indonesian, Arabic, Hindi. */
static const char *const months[12] = {
    " january jan januar jänner jän janvier janv enero ene gennaio gen janeiro januari styczeń stycznia sty январь "
    "января янв ocak oca leden ledna led ianuarie ian ιανουάριος ιανουαρίου ιαν tammikuu tammikuuta tammi január "
    "januára januar sausio sausis січень січня січ يناير जनवरी janúar gener siječnja ",
    " february feb februar febr feber février févr fév fevrier febrero febbraio fevereiro fev februari februari luty "
    "lutego lut февраль февраля фев февр şubat şub únor února úno februarie φεβρουάριος φεβρουαρίου φεβ helmikuu "
    "helmikuuta helmi február februára vasario vasaris лютий лютого лют فبراير फरवरी febrúar febrer ",
    " march mar märz mär mrz maerz mars marzo março maart mrt marzec marca март марта мар mart březen března bře "
    "martie μάρτιος μαρτίου μαρ maaliskuu maaliskuuta maalis március márc marec maret kovo kovas березень березня бер "
    "مارس मार्च ",
    " april apr avril avr abril abr aprile kwiecień kwietnia kwi апрель апреля апр nisan nis duben dubna dub aprilie "
    "απρίλιος απριλίου απρ huhtikuu huhtikuuta huhti április ápr apríl apríla balandžio balandis квітень квітня квіт "
    "أبريل ابريل अप्रैल ",
    " may mai mayo maggio mag maio mei maj maja май мая mayıs květen května kvě μάιος μαΐου μαι toukokuu toukokuuta "
    "touko május máj mája gegužės gegužė травень травня трав مايو maí मई maig ",
    " june jun juni juin junio giugno giu junho czerwiec czerwca cze июнь июня июн haziran haz červen června čer iunie "
    "iun ιούνιος ιουνίου ιουν kesäkuu kesäkuuta kesä június jún júna birželio birželis червень червня черв يونيو "
    "يونيه júní जून juny ",
    " july jul juli juillet juil julio luglio lug julho lipiec lipca lip июль июля июл temmuz tem červenec července "
    "čvc iulie iul ιούλιος ιουλίου ιουλ heinäkuu heinäkuuta heinä július júl júla liepos liepa липень липня лип يوليو "
    "يوليه júlí जुलाई juliol ",
    " august aug août aout agosto ago agustus ags agu augustus sierpień sierpnia sie август августа авг ağustos ağu "
    "srpen srpna srp αύγουστος αυγούστου αυγ elokuu elokuuta elo augusti augusztus augusta rugpjūčio rugpjūtis серпень "
    "серпня серп أغسطس اغسطس ágúst अगस्त agost ",
    " september sep sept septembre septiembre setiembre settembre set setembro wrzesień września wrz сентябрь сентября "
    "сен сент eylül eyl září zář septembrie σεπτέμβριος σεπτεμβρίου σεπ syyskuu syyskuuta syys szeptember szept "
    "septembra rugsėjo rugsėjis вересень вересня вер سبتمبر सितंबर सितम्बर setembre ",
    " october oct oktober okt octobre octubre ottobre ott outubro out październik października paź октябрь октября окт "
    "ekim eki říjen října říj octombrie οκτώβριος οκτωβρίου οκτ lokakuu lokakuuta loka október októbra spalio spalis "
    "жовтень жовтня жовт أكتوبر اكتوبر अक्टूबर ",
    " november nov novembre noviembre novembro listopad listopada listopadu lis ноябрь ноября ноя нояб kasım kas "
    "noiembrie noi νοέμβριος νοεμβρίου νοε marraskuu marraskuuta marras novembra lapkričio lapkritis листопад "
    "листопада лист نوفمبر nóvember नवंबर नवम्बर ",
    " december dec dezember dez décembre déc decembre diciembre dic dicembre dezembro grudzień grudnia gru декабрь "
    "декабря дек aralık ara prosinec prosince pro decembrie δεκέμβριος δεκεμβρίου δεκ joulukuu joulukuuta joulu "
    "desember des decembra gruodžio gruodis грудень грудня груд ديسمبر दिसंबर दिसम्बर desembre ",
};

int clean_when_month(const char *s, size_t n) {
  char word[48];
  size_t k = 1;
  word[0] = ' ';
  if (n < 3 || n > 32) return 0;
  for (size_t i = 0; i < n;) {
    uint32_t c = vi_to_lower(vi_next(s, n, &i));
    if (c == 0x307) continue; /* what is left of a lower İ */
    k += (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)word + k);
    if (k > sizeof word - 6) return 0;
  }
  word[k++] = ' ';
  for (int m = 0; m < 12; m++) {
    if (memmem(months[m], strlen(months[m]), word, k)) return m + 1;
  }
  return 0;
}
