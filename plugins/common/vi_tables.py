#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes vi_tables.h: properties of the Latin letters that Vietnamese text is made of, from Python's Unicode data.
import sys
import unicodedata as u

LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONES = {"\u0300": 1, "\u0301": 2, "\u0309": 3, "\u0303": 4, "\u0323": 5}
QUALITY = "\u0302\u0306\u031b"
UPPER, LOWER, LETTER, DIGIT, SPACE, PUNCT, MARK = (1 << (9 + i) for i in range(7))


def letter_and_tone(c):
    """Index in LETTERS from 1 and tone 0..5, or (0, 0) when c is not a letter of the alphabet with at most one tone."""
    tone, rest = 0, ""
    for d in u.normalize("NFD", c.lower()):
        if d in TONES and not tone:
            tone = TONES[d]
        else:
            rest += d
    base = u.normalize("NFC", rest)
    if len(base) != 1 or base not in LETTERS:
        return 0, 0
    return LETTERS.index(base) + 1, tone


def entry(cp):
    c = chr(cp)
    cat = u.category(c)
    e = 0
    if cat[0] == "L":
        e |= LETTER | (UPPER if cat in ("Lu", "Lt") else LOWER if cat == "Ll" else 0)
        i, tone = letter_and_tone(c)
        e |= i | tone << 6
    elif cat == "Nd":
        e |= DIGIT
    elif cat[0] == "M":
        e |= MARK
    elif cat == "Zs" or c in "\t\n\v\f\r\u0085\u2028\u2029":
        e |= SPACE
    elif cat[0] in "PS":
        e |= PUNCT
    return e


def table(name, first, end, out):
    out.append(f"static const uint16_t {name}[{end - first}] = {{")
    cells = [f"0x{entry(cp):04x}," for cp in range(first, end)]
    for i in range(0, len(cells), 14):
        out.append("    " + " ".join(cells[i:i + 14]))
    out.append("};")


out = [
    "/* SPDX-License-Identifier: Apache-2.0 */",
    "/* Written by vi_tables.py: bits 0-5 letter of the alphabet (from 1), 6-8 tone, 9-15 class; see vi_text.h. */",
    "#ifndef SLUICE_VI_TABLES_H",
    "#define SLUICE_VI_TABLES_H",
    "#include <stdint.h>",
    "/* clang-format off */",
]
table("vi_low", 0x0000, 0x0250, out)
table("vi_ext", 0x1E00, 0x1F00, out)
out += ["/* clang-format on */", "#endif"]
open(sys.argv[1] if len(sys.argv) > 1 else "vi_tables.h", "w").write("\n".join(out) + "\n")
