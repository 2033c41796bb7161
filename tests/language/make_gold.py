#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the marked-up articles of marked/ into articles/*.txt and gold/*.json; --check compares instead of writing.

The mark-up is described in README.md. Everything that can be computed (offsets, lines, occurrences, cores, nesting) is
computed here; everything that is a judgement stands in the marked-up text.
"""

import json
import os
import re
import sys
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"P": "PERSON", "R": "ROLE", "O": "ORG", "L": "LOC", "D": "DATE", "G": "LEGAL_REF", "Q": "QUANTITY"}
KINDS = {"#C ": "caption", "#I ": "image_filename", "#B ": "site_boilerplate"}
PLACE_WORDS = (
    "thành phố",
    "thị xã",
    "thị trấn",
    "đặc khu",
    "tổ dân phố",
    "khu phố",
    "khu vực",
    "cửa khẩu",
    "sân bay",
    "quần đảo",
    "tỉnh",
    "TP.",
    "TP",
    "xã",
    "phường",
    "quận",
    "huyện",
    "thôn",
    "bản",
    "ấp",
    "buôn",
    "làng",
    "sông",
    "suối",
    "hồ",
    "núi",
    "đèo",
    "đảo",
    "cầu",
    "đường",
    "biển",
    "cảng",
    "Thủ đô",
    "thủ đô",
    "bang",
    "cù lao",
    "vịnh",
    "kênh",
    "chợ",
)
ADMINISTRATIVE = ("thành phố ", "tỉnh ", "TP", "tp", "xã ", "phường ", "quận ", "huyện ", "thị ", "đặc khu ", "thủ đô ")
DATE_WORDS = (
    "ngày",
    "sáng",
    "trưa",
    "chiều",
    "tối",
    "đêm",
    "rạng sáng",
    "năm học",
    "năm",
    "nhiệm kỳ",
    "giai đoạn",
    "khóa",
    "vụ",
    "SN",
    "sinh năm",
    "niên độ",
    "thời kỳ",
    "cuối năm",
    "đầu năm",
    "hết năm",
    "mùa giải",
)
NUMBER = re.compile(r"(\d+(?:\.\d{3})+(?:,\d+)?|\d+(?:,\d+)?)")
SCALE = {"tỷ": 10**9, "tỉ": 10**9, "triệu": 10**6, "nghìn": 10**3, "ngàn": 10**3, "vạn": 10**4}


class MarkError(Exception):
    pass


def strip_words(text, words):
    """The text without leading words of the list, or None when there is none or nothing is left."""
    out, again = text, True
    while again:
        again = False
        for w in words:
            if out.lower().startswith(w.lower() + " ") and len(out) > len(w) + 1:
                out, again = out[len(w) + 1 :], True
    return out if out != text else None


def parse_number(text):
    """(values, end of the number part, scale) of a quantity's text; two values for a range."""
    m = NUMBER.search(text)
    if not m or m.start() > 0:
        return None
    values, end, scale = [m.group()], m.end(), 1
    m2 = re.match(r"\s*[-–]\s*(\d[\d.,]*)", text[end:])
    if m2:
        values.append(m2.group(1))
        end += m2.end()
    rest = text[end:].lstrip().split(" ")
    while rest and rest[0] in SCALE:
        scale *= SCALE[rest[0]]
        end = text.index(rest[0], end) + len(rest[0])
        rest = rest[1:]
    out = []
    for v in values:
        x = float(v.replace(".", "").replace(",", ".")) * scale
        out.append(int(x) if x == int(x) else round(x, 6))
    return out, end, scale


def subtype_of_date(norm):
    if norm.startswith("P"):
        return "duration"
    if norm.startswith("T"):
        return "time"
    if "/" in norm:
        return "period" if len(norm) <= 9 else "interval"
    if "Q" in norm:
        return "quarter"
    return {4: "year", 7: "month"}.get(len(norm), "day")


class Marks:
    """One pass over the marked text: the plain text, its spans and the ends of its sentences."""

    def __init__(self, marked):
        self.plain, self.spans, self.sentences, stack, out, i = "", [], [], [], [], 0
        start = 0
        while i < len(marked):
            c = marked[i]
            if c == "{":
                bar = marked.index("|", i)
                head = marked[i + 1 : bar]
                if "{" in head or "}" in head:
                    raise MarkError("bad head: " + marked[i : i + 60])
                stack.append({"head": head, "start": len(out), "parents": [s["head"] for s in stack]})
                i = bar
            elif c == "}":
                if not stack:
                    raise MarkError("unbalanced }: " + "".join(out[-60:]))
                span = stack.pop()
                span["end"] = len(out)
                self.spans.append(span)
            elif c == "\x01":
                while start < len(out) and out[start] in " \n":
                    start += 1
                self.sentences.append((start, len(out)))
                start = len(out)
            else:
                out.append(c)
            i += 1
        if stack:
            raise MarkError("not closed: " + stack[-1]["head"] + " in " + "".join(out[stack[-1]["start"] :][:60]))
        self.plain = "".join(out)


class Article:
    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.meta, self.notes, paragraphs = {}, [], [[]]
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        for line in lines:
            if line.startswith("@"):
                if re.match(r"@(date|published|final|break)\b", line):
                    key, _, value = line[1:].partition(" ")
                    self.meta[key] = value
                else:
                    self.notes.append(line)
            elif not line:
                paragraphs.append([])
            else:
                paragraphs[-1].append(line)
        self.assemble([p for p in paragraphs if p])
        self.resolve()

    def assemble(self, paragraphs):
        gap = "\n" * int(self.meta.get("break", "2"))
        self.kinds, parts = [], []
        for p in paragraphs:
            kind = None
            if p[0][:3] in KINDS or p[0][:3] in ("#T ", "#L "):
                kind, p = p[0][:3], [p[0][3:]] + p[1:]
            text = ""
            for s in p:
                text += s[1:] if s.startswith("+") else (" " if text else "") + s
                text += "\x01"
            self.kinds.append(kind)
            parts.append(text)
        self.header = " date %s " % self.meta["date"] if "date" in self.meta else ""
        end = "\n" if self.meta.get("final") == "newline" else ""
        marks = Marks(self.header + gap.join(parts) + end)
        self.text, self.spans, self.sentence_spans = marks.plain, marks.spans, marks.sentences
        if unicodedata.normalize("NFC", self.text) != self.text:
            raise MarkError("the text is not NFC")
        if self.header:
            a, b = self.sentence_spans[0]
            self.sentence_spans[0] = (len(self.header), b)
        self.line_of_kind, line = {}, 1
        for kind, part in zip(self.kinds, parts):
            self.line_of_kind[line] = kind
            line += len(gap)

    def line(self, cp):
        return self.text.count("\n", 0, cp) + 1

    def byte(self, cp):
        return len(self.text[:cp].encode())

    def slice(self, span):
        return self.text[span["start"] : span["end"]]

    def resolve(self):
        self.people = []
        for s in self.spans:
            m = re.match(r"P\??(?:=(.*))?$", s["head"])
            if m:
                name = m.group(1) or self.slice(s)
                if name not in self.people and (" " in name or "." in name):
                    self.people.append(name)

    def person(self, key):
        found = [p for p in self.people if p == key] or [p for p in self.people if p.endswith(" " + key)]
        if len(found) != 1:
            raise MarkError("%s: '%s' names %s" % (self.name, key, found or "nobody"))
        return found[0]

    def entity(self, span):
        m = re.match(r"([A-Z])(\?)?(:[^=;]*)?(=[^;]*)?((?:;[^;]*)*)$", span["head"])
        if not m or m.group(1) not in TYPES:
            raise MarkError("%s: bad head '%s'" % (self.name, span["head"]))
        text, norm = self.slice(span), m.group(4)[1:] if m.group(4) else None
        attrs = dict(a.partition("=")[::2] for a in m.group(5).split(";") if a)
        e = {
            "type": TYPES[m.group(1)],
            "text": text,
            "occurrence_index": self.text.count(text, 0, span["start"]) + 1,
            "normalized": norm or text,
        }
        nested = any(h[0].isupper() for h in span["parents"])
        getattr(self, "fill_" + m.group(1))(e, m.group(3), norm, attrs)
        if "core" in attrs:
            e["core"] = attrs["core"]
        for k in ("subtype", "note"):
            if k in attrs:
                e[k] = attrs[k]
        self.place(e, span["start"], span["end"], bool(m.group(2)) or nested, nested)
        return e

    def place(self, e, start, end, optional, nested):
        line = self.line(start)
        e.update(
            {
                "line": line,
                "cp_start": start,
                "cp_end": end,
                "byte_start": self.byte(start),
                "byte_end": self.byte(end),
                "optional": optional,
                "nested": nested,
                "boilerplate": self.line_of_kind.get(line) in KINDS,
            }
        )

    def fill_P(self, e, _keys, norm, _attrs):
        e["normalized"] = norm or (e["text"] if e["text"] in self.people else self.person(e["text"]))
        if e["text"].endswith("."):
            e["core"] = e["text"][:-1]

    def fill_R(self, e, keys, _norm, _attrs):
        names = [self.person(k) for k in keys[1:].split(",")] if keys else []
        e["person"] = names if len(names) > 1 else names[0] if names else None

    def fill_O(self, e, _keys, _norm, _attrs):
        pass

    def fill_L(self, e, _keys, norm, _attrs):
        core = strip_words(e["text"], PLACE_WORDS)
        if core and core[0].isupper():
            e["core"] = core
            admin = e["text"].startswith(ADMINISTRATIVE) or e["text"].lower().startswith(ADMINISTRATIVE)
            e["normalized"] = norm or (core if admin else e["text"])

    def fill_D(self, e, _keys, norm, attrs):
        if not norm:
            raise MarkError("%s: date without value: %s" % (self.name, e["text"]))
        e["normalized"], _, resolved = norm.partition("~")
        e["subtype"] = subtype_of_date(e["normalized"])
        core = strip_words(e["text"], DATE_WORDS)
        if core:
            e["core"] = core
        if resolved:
            e["resolved"] = resolved

    def fill_G(self, e, _keys, norm, attrs):
        e["normalized"] = norm or e["text"].replace(" số ", " ")
        e["issuer"] = attrs.get("issuer")
        if "issued" in attrs:
            e["issued"] = attrs["issued"]

    def fill_Q(self, e, _keys, norm, attrs):
        parsed = parse_number(e["text"])
        if "v" in attrs:
            e["value"] = None if attrs["v"] == "null" else float(attrs["v"]) if "." in attrs["v"] else int(attrs["v"])
            e["unit"] = attrs.get("u", "")
        elif parsed:
            e["value"] = parsed[0][0] if len(parsed[0]) == 1 else None
            if len(parsed[0]) > 1:
                e["range"] = parsed[0]
            e["unit"] = attrs.get("u", e["text"][parsed[1] :].strip())
            e["core"] = NUMBER.match(e["text"]).group() + (
                "%" if e["unit"].startswith("%") and len(parsed[0]) == 1 else ""
            )
        else:
            raise MarkError("%s: quantity without value: %s" % (self.name, e["text"]))
        for key, name in (("m", "measure"), ("p", "period"), ("id", "id")):
            if key in attrs:
                e[name] = attrs[key]

    def entities(self):
        out, marked = [], {(s["start"], s["end"]) for s in self.spans if s["head"][0] == "L"}
        if self.header:
            e = {
                "type": "DATE",
                "text": self.meta["date"],
                "occurrence_index": 1,
                "normalized": self.meta["date"],
                "subtype": "header",
            }
            self.place(e, 6, 16, False, False)
            e["boilerplate"] = True
            out.append(e)
        for s in self.spans:
            if s["head"][0].isupper():
                e = self.entity(s)
                out.append(e)
                start = s["end"] - len(e.get("core", ""))
                if e["type"] == "LOC" and "core" in e and (start, s["end"]) not in marked:
                    inner = dict(e, text=e["core"], normalized=e["normalized"])
                    del inner["core"]
                    inner["occurrence_index"] = self.text.count(e["core"], 0, start) + 1
                    self.place(inner, start, s["end"], True, True)
                    out.append(inner)
        out.sort(key=lambda e: (e["cp_start"], -e["cp_end"], e["type"]))
        return out

    def pairs(self, entities):
        seen = []
        for e in entities:
            if e["type"] == "ROLE" and e["person"] and not e["optional"] and not e["boilerplate"]:
                for p in e["person"] if isinstance(e["person"], list) else [e["person"]]:
                    if (p, e["normalized"]) not in seen:
                        seen.append((p, e["normalized"]))
        return [{"person": p, "role": r} for p, r in sorted(seen)]

    def tagged(self, letter, number):
        return sorted((s for s in self.spans if s["head"].split(";")[0] == letter + number), key=lambda s: s["start"])

    def one(self, letter, number, needed=True):
        found = self.tagged(letter, number)
        if len(found) > 1 or (needed and not found):
            raise MarkError("%s: %s%s stands %d times" % (self.name, letter, number, len(found)))
        return found[0] if found else None

    def speaker(self, word):
        return None if word == "-" else word[1:] if word.startswith("=") else self.person(word)

    def note(self, line):
        """@D1 explicit demand Chiến # note   /   @S1 QUOTE Chiến # note"""
        m = re.match(r"@([DS])(\d+) (.*?)(?: # (.*))?$", line)
        if not m:
            raise MarkError("%s: bad note '%s'" % (self.name, line))
        directive = m.group(1) == "D"
        words = m.group(3).split(" ", 2 if directive else 1)
        letters = "vcs" if directive else "wqk"
        v, c, s = (
            self.one(letters[0], m.group(2), directive),
            self.one(letters[1], m.group(2)),
            self.one(letters[2], m.group(2), False),
        )
        content = self.slice(c)
        d = {
            "type": "DIRECTIVE" if directive else words[0],
            "subtype": words[0] if directive else "direct" if words[0] == "QUOTE" else "indirect",
            "line": self.line(c["start"]),
            "speaker": self.speaker(words[-1]),
            "speaker_text": self.slice(s) if s else None,
            "verb": self.slice(v) if v else None,
            "verb_occurrence_index": self.text.count(self.slice(v), 0, v["start"]) + 1 if v else None,
            "verb_cp": v["start"] if v else None,
        }
        if directive:
            t = self.one("t", m.group(2), False)
            d["strength"] = words[1]
            d["inherited_speaker"] = s is None and d["speaker"] is not None
            d["addressee"] = [self.slice(a) for a in self.tagged("a", m.group(2))] or None
            d["deadline"] = self.slice(t) if t else None
            if t:
                d["deadline_cp"] = t["start"]
                d["deadline_norm"] = t["head"].partition(";")[2] or None
        d.update(
            {
                "content_first8": " ".join(content.split()[:8]),
                "content_cp": c["start"],
                "content_end_cp": c["end"],
                "content_byte": self.byte(c["start"]),
                "content_end_byte": self.byte(c["end"]),
            }
        )
        if not directive:
            d["addressee"] = d["deadline"] = None
        if m.group(4):
            d["note"] = m.group(4)
            d["optional"] = m.group(4).startswith("optional")
        return d

    def gold(self):
        entities = self.entities()
        notes = [n for n in self.notes if not n.startswith("@CH ")]
        speech = [self.note(n) for n in notes]
        changes = []
        for n in self.notes:
            if n.startswith("@CH "):
                a, b, what = n[4:].split(" ", 2)
                ids = {e["id"] for e in entities if "id" in e}
                if not {a, b} <= ids:
                    raise MarkError("%s: %s names no quantity" % (self.name, n))
                changes.append({"from": a, "to": b, "what": what})
        lines = self.text.split("\n")
        first = {k: n for n, k in sorted(self.line_of_kind.items(), reverse=True) if k}
        used = {
            re.sub(r"^.", "D" if s["head"][0] in "vacts" else "S", s["head"].split(";")[0])
            for s in self.spans
            if s["head"][0].islower()
        }
        missing = used - {n[1:].split(" ")[0] for n in notes}
        if missing:
            raise MarkError("%s: marked but without a note: %s" % (self.name, sorted(missing)))
        return {
            "seed": self.name,
            "title_line": first.get("#T "),
            "lead_line": first.get("#L "),
            "document_date": self.meta.get("date") or self.meta.get("published"),
            "raw_bytes": len(self.text.encode()),
            "raw_codepoints": len(self.text),
            "header": {"cp_start": 0, "cp_end": 17, "text": self.header} if self.header else None,
            "non_body_lines": [
                {"line": n, "kind": KINDS[k], "text": lines[n - 1]} for n, k in self.line_of_kind.items() if k in KINDS
            ],
            "blank_lines": [n for n, t in enumerate(lines, 1) if not t.strip()],
            "entities": entities,
            "person_roles": self.pairs(entities),
            "changes": changes,
            "directives": sorted((d for d in speech if d["type"] == "DIRECTIVE"), key=lambda d: d["verb_cp"]),
            "speech": sorted((d for d in speech if d["type"] != "DIRECTIVE"), key=lambda d: d["content_cp"]),
            "sentences": [
                {"line": self.line(a), "cp_start": a, "cp_end": b, "text": self.text[a:b]}
                for a, b in self.sentence_spans
            ],
        }


def verify(gold, text):
    """What must hold between the parts of one gold file, whoever made it; a list of complaints."""
    out, people = [], {e["normalized"] for e in gold["entities"] if e["type"] == "PERSON"}
    raw = text.encode()
    for e in gold["entities"]:
        if text[e["cp_start"] : e["cp_end"]] != e["text"] or raw[e["byte_start"] : e["byte_end"]].decode() != e["text"]:
            out.append("%s does not stand at %d" % (e["text"], e["cp_start"]))
        if text.count("\n", 0, e["cp_start"]) + 1 != e["line"]:
            out.append("%s is not in line %d" % (e["text"], e["line"]))
        if "core" in e and e["core"] not in e["text"]:
            out.append("core %s is not in %s" % (e["core"], e["text"]))
        if e["type"] == "ROLE":
            holders = e["person"] if isinstance(e["person"], list) else [e["person"]]
            out += ["%s is held by nobody known: %s" % (e["text"], p) for p in holders if p and p not in people]
        if e["text"] != e["text"].strip(" ,;:\n") or (e["text"].endswith(".") and e["type"] not in ("PERSON", "ROLE")):
            out.append("'%s' has a ragged edge" % e["text"])
    roles = {
        (p, e["normalized"])
        for e in gold["entities"]
        if e["type"] == "ROLE"
        for p in (e["person"] if isinstance(e["person"], list) else [e["person"]])
    }
    out += [
        "no role mention for the pair %s, %s" % (p["person"], p["role"])
        for p in gold["person_roles"]
        if (p["person"], p["role"]) not in roles
    ]
    for d in gold["directives"] + gold["speech"]:
        content = text[d["content_cp"] : d["content_end_cp"]]
        if raw[d["content_byte"] : d["content_end_byte"]].decode() != content or not content.startswith(
            d["content_first8"][:6]
        ):
            out.append("content of %s is not at %d" % (d["verb"], d["content_cp"]))
        if d["verb"] and text[d["verb_cp"] : d["verb_cp"] + len(d["verb"])] != d["verb"]:
            out.append("verb %s is not at %d" % (d["verb"], d["verb_cp"]))
        if d["speaker"] and d["speaker"] not in people and d["speaker"] not in text:
            out.append("speaker %s is nowhere in the text" % d["speaker"])
        out += ["addressee %s is nowhere in the text" % a for a in d["addressee"] or [] if a not in text]
        if d["deadline"] and text[d["deadline_cp"] : d["deadline_cp"] + len(d["deadline"])] != d["deadline"]:
            out.append("deadline %s is not at %d" % (d["deadline"], d["deadline_cp"]))
    taken = {}
    for e in gold["entities"]:
        key = (e["cp_start"], e["cp_end"], e["type"])
        if taken.setdefault(key, e) is not e:
            out.append("%s is marked twice" % e["text"])
    return out


def render(gold):
    """JSON with one annotation a line, so that a change shows as one line."""
    parts = []
    for key, value in gold.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n  ".join(json.dumps(v, ensure_ascii=False) for v in value)
            parts.append('"%s": [\n  %s\n ]' % (key, rows))
        else:
            parts.append('"%s": %s' % (key, json.dumps(value, ensure_ascii=False)))
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main():
    check, bad = "--check" in sys.argv[1:], 0
    for name in sorted(os.listdir(os.path.join(HERE, "marked"))):
        try:
            article = Article(os.path.join(HERE, "marked", name))
            gold = article.gold()
        except (MarkError, ValueError) as err:
            print("%s: %s" % (name, err), file=sys.stderr)
            bad += 1
            continue
        for complaint in verify(gold, article.text):
            print("%s: %s" % (name, complaint), file=sys.stderr)
            bad += 1
        stem = os.path.splitext(name)[0]
        for path, content in (
            (os.path.join(HERE, "articles", stem + ".txt"), article.text),
            (os.path.join(HERE, "gold", stem + ".json"), render(gold)),
        ):
            if not check:
                with open(path, "w", encoding="utf-8", newline="") as f:
                    f.write(content)
                continue
            with open(path, encoding="utf-8", newline="") as f:
                if f.read() != content:
                    print(
                        "%s differs from marked/%s: run make_gold.py" % (os.path.relpath(path, HERE), name),
                        file=sys.stderr,
                    )
                    bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
