#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_names.py: writes dom_names.h and dom_names.inc (names of tags and attributes, and a hash table to look
them up by), and dom_refs.inc (the character references of HTML, from Python's html.entities). Run in this folder."""
import html.entities

BLOCK, VOID, RAW, RCDATA, FORMAT, SCOPE, HEAD, HEADING, INLINE_SKIP = (1 << k for k in range(9))
FLAGS = [("BLOCK", BLOCK, "begins and ends a line"), ("VOID", VOID, "has no content"),
         ("RAW", RAW, "its content is raw text, without references"), ("RCDATA", RCDATA, "raw text with references"),
         ("FORMAT", FORMAT, "formats text: may cross other elements"),
         ("SCOPE", SCOPE, "end tags inside do not reach out of it"), ("HEAD", HEAD, "may stand in head"),
         ("HEADING", HEADING, "h1 to h6"), ("UNSEEN", INLINE_SKIP, "never text of a page: scripts, controls, embedded things")]
T = {}


def tags(names, flags):
    for n in names.split():
        T[n] = T.get(n, 0) | flags


tags("html head body main article section nav aside header footer address div p blockquote pre center hgroup search "
     "h1 h2 h3 h4 h5 h6 ul ol li dl dt dd dir menu table caption colgroup thead tbody tfoot tr hr form fieldset legend "
     "figure figcaption details summary dialog frameset frame noframes listing xmp plaintext optgroup option select "
     "td th", BLOCK)
tags("a b i u s em strong small big font tt code strike nobr", FORMAT)
tags("span br img wbr abbr acronym cite q sub sup kbd samp var mark del ins time data dfn bdi bdo ruby rb rt rp rtc "
     "label output progress meter picture source video audio track canvas map area svg math path g use desc "
     "foreignobject iframe embed object param applet script style noscript template title meta link base input button "
     "textarea datalist slot marquee blink amp-img amp-ad amp-iframe annotation-xml mi mo mn ms mtext "
     "noembed bgsound basefont col keygen image isindex", 0)
tags("area base br col embed hr img input link meta param source track wbr frame keygen bgsound basefont", VOID)
tags("script style xmp iframe noembed noframes plaintext", RAW)
tags("title textarea", RCDATA)
tags("html table td th caption template object applet marquee button svg math foreignobject", SCOPE)
tags("base basefont bgsound link meta title noscript noframes style script template", HEAD)
tags("h1 h2 h3 h4 h5 h6", HEADING)
tags("script style template iframe object embed applet canvas svg math audio video map select textarea button input "
     "dialog datalist noembed noframes frameset frame progress meter amp-ad amp-iframe keygen optgroup option", INLINE_SKIP)

A = """class id name property itemprop content href src type rel datetime lang hidden style role align title alt value
xml:lang itemscope itemtype aria-hidden aria-label aria-modal data-role data-type data-testid data-component data-src srcset
data-srcset charset http-equiv colspan rowspan datatype about resource typeof vocab media color face size width height
start data-qa data-test data-name data-block data-module data-widget-type data-tracking data-ad data-nosnippet onclick
data-content data-id data-testid-value""".split()


def ident(n):
    return "".join(c if c.isalnum() else "_" for c in n).upper()


def hash_of(n, size):
    h = len(n) * 31 + ord(n[0]) * 7 + ord(n[-1]) * 113 + ord(n[len(n) // 2]) * 61
    return (h ^ (h >> 7)) & (size - 1)


def slots_of(names, size):
    """Open addressing: a look-up goes on to the next slot until it finds the name or an empty one."""
    slots = [0] * size
    for i, n in enumerate(names):
        at = hash_of(n, size)
        while slots[at]:
            at = (at + 1) % size
        slots[at] = i + 1
    return slots


def main():
    t, a = sorted(T), sorted(set(A))
    with open("dom_names.h", "w") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Names of tags and attributes. Written by make_names.py. */\n"
                "#ifndef CLEAN_DOM_NAMES_H\n#define CLEAN_DOM_NAMES_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n")
        f.write("/* clang-format off */\nenum {\n  CLEAN_T_UNKNOWN,\n")
        f.writelines("  CLEAN_T_%s,\n" % ident(n) for n in t)
        f.write("  CLEAN_T_COUNT\n};\n\nenum {\n  CLEAN_A_UNKNOWN,\n")
        f.writelines("  CLEAN_A_%s,\n" % ident(n) for n in a)
        f.write("  CLEAN_A_COUNT\n};\n\n")
        f.writelines("#define CLEAN_TF_%s %du /* %s */\n" % (n, v, d) for n, v, d in FLAGS)
        f.write("/* clang-format on */\n\n/* CLEAN_TF_… of a tag. */\nextern const uint16_t clean_tag_flags[CLEAN_T_COUNT];\n"
                "/* The name in lower case. */\nextern const char *const clean_tag_names[CLEAN_T_COUNT];\n"
                "extern const char *const clean_attr_names[CLEAN_A_COUNT];\n\n"
                "/* CLEAN_T_… or CLEAN_A_… of a name in any case; 0 if it is not known. */\n"
                "unsigned clean_tag_find(const char *s, size_t n);\nunsigned clean_attr_find(const char *s, size_t n);\n\n#endif\n")
    with open("dom_names.inc", "w") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Tables of names. Written by make_names.py. */\n/* clang-format off */\n")
        f.write("const uint16_t clean_tag_flags[CLEAN_T_COUNT] = {0,%s};\n" % ",".join("%d" % T[n] for n in t))
        f.write("const char *const clean_tag_names[CLEAN_T_COUNT] = {\"\",%s};\n" % ",".join('"%s"' % n for n in t))
        f.write("const char *const clean_attr_names[CLEAN_A_COUNT] = {\"\",%s};\n" % ",".join('"%s"' % n for n in a))
        for what, names, size in (("tag", t, 1024), ("attr", a, 512)):
            f.write("static const uint8_t %s_slots[%d] = {%s};\n" % (what, size, ",".join(map(str, slots_of(names, size)))))
            f.write("#define %s_LONGEST %d\n" % (what.upper(), max(map(len, names))))
    refs = sorted(html.entities.html5.items(), key=lambda e: e[0].encode())
    with open("dom_refs.inc", "w") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Character references by name, in order; names with ';' and "
                "the old ones without.\n * Written by make_names.py. */\n/* clang-format off */\n")
        f.write("static const ref refs[] = {\n")
        f.writelines('{"%s",0x%X,0x%X},\n' % (n, ord(v[0]), ord(v[1]) if len(v) > 1 else 0) for n, v in refs)
        f.write("};\n")


main()
