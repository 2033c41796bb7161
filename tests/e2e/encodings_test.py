#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One article in every spelling and encoding that Vietnamese was ever written in: the same text, the same annotations.

The encodings are made here and by iconv, not by the tables of `clean`. What an encoding cannot say is taken out of the articles
first: curly quotes, dashes and the ellipsis become plain signs. The font encoding TCVN3 has no capitals with tones (they are in fonts
of their own), so its articles are compared with ones in which those letters are small: there, and only there, case is lost.
"""
import glob
import json
import os
import subprocess
import unicodedata

from lib import SOURCE, lines, main, same, sluice, true, write

PLAIN = {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "\u00a0": " ", "°": " độ ", "²": "2", "³": "3",
         "Ð": "Đ", "ð": "đ"}
TONES = "\u0300\u0301\u0303\u0309\u0323"
SHAPES = "\u0302\u0306\u031b"
STAGES = [{"id": "clean", "uses": "clean"}, {"id": "segment", "uses": "segment"}, {"id": "extract", "uses": "extract"}]


def articles():
    """name -> text, in NFC, without signs that old encodings lack."""
    out = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "examples", "news", "*.txt"))):
        with open(path, "rb") as f:
            data = f.read()
        try:
            text = unicodedata.normalize("NFC", data.decode())
        except UnicodeDecodeError:
            continue
        for sign, plain in PLAIN.items():
            text = text.replace(sign, plain)
        text = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Mn"))
        if text.strip():
            out[os.path.basename(path)[:-4]] = text
    true(len(out) >= 10, "few articles: %s" % sorted(out))
    return out


def iconv(text, to):
    return subprocess.run(["iconv", "-f", "UTF-8", "-t", to], input=text.encode(), capture_output=True, check=True).stdout


def nfd(text):
    return unicodedata.normalize("NFD", text)


def wrong_order(text):
    """The tone before circumflex and breve, where both stand above: e, acute, circumflex."""
    out = list(nfd(text))
    for i in range(1, len(out)):
        if out[i] in TONES[:4] and out[i - 1] in SHAPES[:2]:
            out[i - 1], out[i] = out[i], out[i - 1]
    return "".join(out)


def cp1258(text, apart):
    """apart: each tone is a byte of its own; else letters with tone that the code page has are one byte."""
    out = bytearray()
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        tone = [c for c in parts if c in TONES]
        base = unicodedata.normalize("NFC", "".join(c for c in parts if c not in TONES))
        if not tone or not apart:
            try:
                out += letter.encode("cp1258")
                continue
            except UnicodeEncodeError:
                pass
        out += base.encode("cp1258") + "".join(tone).encode("cp1258")
    return bytes(out)


def has_tone(letter):
    return any(c in TONES for c in nfd(letter))


def small_tones(text):
    return "".join(c.lower() if has_tone(c) else c for c in text)


# VNI: the letter, then a sign for shape and tone; some letters are one sign.
VNI_TONE = {"": "", "\u0301": "ù", "\u0300": "ø", "\u0309": "û", "\u0303": "õ", "\u0323": "ï"}
VNI_ROOF = {"": "â", "\u0301": "á", "\u0300": "à", "\u0309": "å", "\u0303": "ã", "\u0323": "ä"}
VNI_BREVE = {"": "ê", "\u0301": "é", "\u0300": "è", "\u0309": "ú", "\u0303": "ü", "\u0323": "ë"}
VNI_WHOLE = {"đ": "ñ", "í": "í", "ì": "ì", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î"}


def vni_letter(letter):
    low = letter.lower()
    if low in VNI_WHOLE:
        return VNI_WHOLE[low] if letter == low else VNI_WHOLE[low].upper()
    parts = nfd(low)
    tone = "".join(c for c in parts if c in TONES)
    base = {"ơ": "ô", "ư": "ö"}.get(unicodedata.normalize("NFC", "".join(c for c in parts if c not in TONES)), parts[0])
    sign = (VNI_ROOF if "\u0302" in parts else VNI_BREVE if "\u0306" in parts else VNI_TONE)[tone]
    both = base + sign
    return both if letter == low else both.upper()


def vni(text):
    return "".join(vni_letter(c) if ord(c) > 127 else c for c in text)


def spellings(text):
    """name -> (bytes, the text that must come out)."""
    small = small_tones(text)
    tcvn3 = iconv(small, "TCVN5712-1")  # in small letters the two are the same
    return {
        "NFC": (text.encode(), text),
        "NFD": (nfd(text).encode(), text),
        "marks in the wrong order": (wrong_order(text).encode(), text),
        "UTF-8 with a mark": (b"\xef\xbb\xbf" + text.encode(), text),
        "UTF-16LE with a mark": (b"\xff\xfe" + text.encode("utf-16-le"), text),
        "UTF-16BE with a mark": (b"\xfe\xff" + text.encode("utf-16-be"), text),
        "UTF-16LE": (text.encode("utf-16-le"), text),
        "UTF-16BE": (text.encode("utf-16-be"), text),
        "UTF-16LE, NFD": (b"\xff\xfe" + nfd(text).encode("utf-16-le"), text),
        "CP1258, composed": (cp1258(text, False), text),
        "CP1258, tones apart": (cp1258(text, True), text),
        "VISCII": (iconv(text, "VISCII"), text),
        "TCVN 5712": (iconv(text, "TCVN5712-1"), text),
        "TCVN3": (tcvn3, small),
        "TCVN3, seen as UTF-8": (tcvn3.decode("latin-1").encode(), small),
        "VNI": (vni(text).encode("cp1252"), text),
        "VNI, seen as UTF-8": (vni(text).encode(), text),
    }


def annotations(folder):
    """name of the file -> what the three stages found, without where it lay in the file."""
    stages = [{"id": "in", "uses": "fetch_files", "with": {"paths": folder + "/*.txt"}}, *STAGES,
              {"id": "out", "uses": "sink_jsonl", "with": {"path": folder + ".jsonl"}}]
    sluice("run", "--quiet", write(folder + ".yaml", json.dumps({"stages": stages})), code=None)
    found = {}
    for doc in lines(folder + ".jsonl"):
        for one in doc.get("removed", []):
            one.pop("bytes", None)
        found[doc["id"]] = {k: v for k, v in doc.items() if k not in ("source", "id", "key")}
    return found


def test_one_article_one_result():
    names, wanted = [], []
    for name, text in articles().items():
        for spelling, (data, expected) in spellings(text).items():
            n = "%04d" % len(names)
            names.append("%s in %s" % (name, spelling))
            wanted.append(n)
            write("given/%s.txt" % n, data)
            write("wanted/%s.txt" % n, expected)
    given, plain = annotations("given"), annotations("wanted")
    same(sorted(plain), wanted, "documents")
    bad = []
    for n, name in zip(wanted, names):
        if n not in given:
            bad.append(name + ": rejected")
            continue
        for field in plain[n]:
            if given[n].get(field) != plain[n][field]:
                bad.append("%s: /%s\n    expected %.300r\n    found    %.300r" % (name, field, plain[n][field], given[n].get(field)))
                break
    true(not bad, "%d of %d differ:\n  %s" % (len(bad), len(names), "\n  ".join(bad[:20])))
    true(sum(len(d["entities"]) for d in plain.values()) > 1000, "few entities")


def test_the_samples_are_what_they_are_called():
    text = "Thủ tướng Ổ Đường: NGHỊ QUYẾT về ưu đãi, hoà nhã, ĩ ị ỵ."
    s = spellings(text)
    same(len({data for data, _ in s.values()}), len(s), "encodings")
    same(nfd("ế"), "e\u0302\u0301")
    same(wrong_order("ế"), "e\u0301\u0302")
    same(cp1258("à ế", False), b"\xe0 \xea\xec")
    same(cp1258("à ế", True), b"a\xcc \xea\xec")
    same(vni("Đường ế ấ Ữ ị ỵ"), "Ñöôøng eá aá ÖÕ ò î")
    same(s["TCVN3"][1], "Thủ tướng ổ Đường: NGHị QUYếT về ưu đãi, hoà nhã, ĩ ị ỵ.")
    same(iconv("ấ đ", "TCVN5712-1"), b"\xca \xae")


if __name__ == "__main__":
    main(globals())
