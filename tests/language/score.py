#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what extract writes against the hand-made gold files.

    score.py GOLD_FOLDER PREDICTED [--each] [--errors] [--json] [--offsets bytes|chars]
    score.py --self-test [GOLD_FOLDER]

PREDICTED is a folder of *.jsonl or *.json files, or one of them: documents as sink_jsonl writes them. A document
belongs to the gold file whose name stands in its source.uri, its id, or its file's name. A gold file without document
counts as missed. Articles are read from GOLD_FOLDER/../articles. README.md says what each row of the table means.
"""

import argparse
import copy
import difflib
import json
import os
import sys
import tempfile

TYPES = ("PERSON", "ROLE", "ORG", "LOC", "DATE", "LEGAL_REF", "QUANTITY")
ROWS = (
    ("entities",)
    + TYPES
    + (
        "entities, overlap",
        "pairs",
        "pairs, any wording",
        "directives",
        "  addressees",
        "  deadlines",
        "legal references, value",
        "  issuers",
        "dates, value",
        "quantities, value",
        "quantities, value + unit",
        "quotes, span",
        "quotes, span + speaker",
    )
)


def fold(text):
    return " ".join(str(text or "").split()).casefold()


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def overlap(a, b):
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


class Count:
    """True positives, false positives, misses."""

    def __init__(self, tp=0, fp=0, fn=0):
        self.tp, self.fp, self.fn = tp, fp, fn

    def add(self, other):
        self.tp, self.fp, self.fn = self.tp + other.tp, self.fp + other.fp, self.fn + other.fn

    def figures(self):
        p = self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0
        r = self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0
        return p, r, 2 * p * r / (p + r) if p + r else 0.0


# ---- a predicted document, its offsets led back to the raw article


def align(raw, text):
    """For each code point of the predicted text its place in the raw article, or None."""
    at, cursor = [], 0
    for line in text.split("\n"):
        found = raw.find(line, cursor) if line else -1
        if found < 0 and line:
            found = raw.find(line)
        if found >= 0:
            at += range(found, found + len(line))
            cursor = found + len(line)
        else:
            places = [None] * len(line)
            window = raw[cursor : cursor + 4 * len(line) + 200]
            for a, b, n in difflib.SequenceMatcher(None, line, window, False).get_matching_blocks():
                places[a : a + n] = range(cursor + b, cursor + b + n)
            at += places
        at.append(None)
    return at


class Document:
    def __init__(self, body, raw, offsets):
        self.body, self.text = body, body.get("text") or ""
        self.at, self.index = align(raw, self.text), None
        if offsets == "bytes":
            self.index = {}
            b = 0
            for i, c in enumerate(self.text):
                self.index[b] = i
                b += len(c.encode())
            self.index[b] = len(self.text)
        self.entities = [self.entity(e) for e in body.get("entities") or []]
        self.by_id = {e["id"]: e for e in self.entities if e.get("id") is not None}

    def span(self, start, end):
        """A span of the predicted text as a span of the raw article; (-1, -1) when it is not there."""
        if self.index is not None:
            start, end = self.index.get(start), self.index.get(end)
        if start is None or end is None or not 0 <= start < end <= len(self.text):
            return -1, -1
        inside = [p for p in self.at[start:end] if p is not None]
        return (inside[0], inside[-1] + 1) if inside else (-1, -1)

    def entity(self, e):
        return dict(e, span=self.span(e.get("start"), e.get("end")))

    def content(self, item):
        c = item.get("content") if isinstance(item.get("content"), dict) else item
        return self.span(c.get("start"), c.get("end")), c.get("text") or ""

    def names(self, ref):
        """All names by which an id, or a plain string, or an object, may be called; folded."""
        if isinstance(ref, dict):
            return {fold(ref[k]) for k in ("norm", "text", "name") if ref.get(k)}
        e = self.by_id.get(ref)
        return {fold(e[k]) for k in ("norm", "text") if e.get(k)} if e else {fold(ref)} if ref else set()


# ---- entities


def gold_spans(g):
    spans = {(g["cp_start"], g["cp_end"])}
    if g.get("core"):
        text, core = g["text"], g["core"]
        i = len(text) - len(core) if text.endswith(core) else text.find(core)
        spans.add((g["cp_start"] + i, g["cp_start"] + i + len(core)))
    return spans


def of_type(gold, kind, optional):
    return [g for g in gold["entities"] if g["type"] == kind and not g["boilerplate"] and g["optional"] == optional]


def forgiven(gold, p, open_required):
    """A prediction that equals what is optional, or lies inside a gold span without standing for a missed one."""
    for g in gold["entities"]:
        if g["boilerplate"]:
            continue
        if g["optional"] and g["type"] == p["type"] and p["span"] in gold_spans(g):
            return True
    whole = [
        g
        for g in gold["entities"]
        if not g["boilerplate"]
        and g["cp_start"] <= p["span"][0]
        and p["span"][1] <= g["cp_end"]
        and (g["cp_start"], g["cp_end"]) != p["span"]
    ]
    return bool(whole) and not any(id(g) in open_required for g in whole)


def exact(gold, doc, kind, errors):
    count, taken, rest = Count(), set(), []
    required = of_type(gold, kind, False)
    for p in (e for e in doc.entities if e.get("type") == kind):
        hit = next((g for g in required if id(g) not in taken and p["span"] in gold_spans(g)), None)
        if hit:
            taken.add(id(hit))
            count.tp += 1
        else:
            rest.append(p)
    missed = {id(g) for g in required} - taken
    for p in rest:
        if not forgiven(gold, p, missed):
            count.fp += 1
            errors.append("%s: extra %s" % (kind, p.get("text")))
    count.fn = len(missed)
    errors += ["%s: missed %s (line %d)" % (kind, g["text"], g["line"]) for g in required if id(g) in missed]
    return count


def loose(gold, doc, kind, good=lambda g, p: True, skip=lambda g: False):
    """Same type and overlapping; good() says whether the value is right, skip() leaves a gold annotation out.

    Returns the count and the hits."""
    count, hits, taken = Count(), [], set()
    required = [g for g in of_type(gold, kind, False) if not skip(g)]
    spared = of_type(gold, kind, True) + [g for g in of_type(gold, kind, False) if skip(g)]
    left = [p for p in doc.entities if p.get("type") == kind]
    for g in required:
        span = (g["cp_start"], g["cp_end"])
        best = max((p for p in left if id(p) not in taken), key=lambda p: overlap(span, p["span"]), default=None)
        if best is not None and overlap(span, best["span"]):
            taken.add(id(best))
            hits.append((g, best))
    right = sum(1 for g, p in hits if good(g, p))
    count.tp, count.fn, count.fp = right, len(required) - right, len(hits) - right
    for p in left:
        if (
            id(p) not in taken
            and not any(overlap((g["cp_start"], g["cp_end"]), p["span"]) for g in spared + required)
            and not forgiven(gold, p, set())
        ):
            count.fp += 1
    return count, hits


def same_date(g, p):
    return p.get("norm") in (g["normalized"], g.get("resolved"))


def same_value(g, p):
    try:
        return abs(float(p.get("value")) - float(g["value"])) <= 1e-9 * max(1.0, abs(float(g["value"])))
    except (TypeError, ValueError):
        return False


def same_unit(g, p):
    return same_value(g, p) and fold(p.get("unit")) == fold(g["unit"])


def same_law(g, p):
    return fold(p.get("norm") or p.get("text")) in {fold(g["normalized"]), fold(g.get("core", g["normalized"]))}


# ---- pairs


def pairs(gold, doc):
    want = {(p["person"], p["role"]) for p in gold["person_roles"]}
    wording, spared = {}, set()
    for g in gold["entities"]:
        if g["type"] == "ROLE":
            for person in as_list(g["person"]):
                for text in (g["text"], g["normalized"]):
                    if (person, g["normalized"]) in want:
                        wording[(person, fold(text))] = (person, g["normalized"])
                    else:
                        spared.add((person, fold(text)))
    found = set()
    for e in doc.entities:
        if e.get("type") == "ROLE":
            for ref in as_list(e.get("person")):
                holder = doc.by_id.get(ref)
                found.add((holder.get("norm") or holder.get("text") if holder else ref, e.get("norm") or e.get("text")))
    strict = {f for f in found if f in want or (f[0], fold(f[1])) not in spared}
    any_wording = {wording.get((f[0], fold(f[1])), f) for f in strict}
    return (
        Count(len(strict & want), len(strict - want), len(want - strict)),
        Count(len(any_wording & want), len(any_wording - want), len(want - any_wording)),
    )


# ---- directives


def first_words(text):
    return set(text.split()[:8])


def same_speaker(g, doc, ref):
    names = doc.names(ref)
    return fold(g["speaker"]) in names if g["speaker"] else not names


def same_directive(g, d, doc):
    verb = d.get("verb")
    verb = verb.get("text") if isinstance(verb, dict) else verb
    words = first_words(g["content_first8"])
    return (
        same_speaker(g, doc, d.get("speaker"))
        and fold(verb) == fold(g["verb"])
        and len(words & first_words(doc.content(d)[1])) >= min(5, len(g["content_first8"].split()))
    )


def deadline_right(g, d, doc):
    value = d.get("deadline")
    if not g["deadline"] or not value:
        return not g["deadline"] and not value
    e = doc.by_id.get(value) if isinstance(value, str) else None
    item = e or (value if isinstance(value, dict) else {"text": value})
    if item.get("norm") and g.get("deadline_norm"):
        return item["norm"] == g["deadline_norm"]
    return fold(item.get("text")) in fold(g["deadline"]) or fold(g["deadline"]) in fold(item.get("text"))


def directives(gold, doc, errors):
    explicit = [g for g in gold["directives"] if g["subtype"] == "explicit"]
    others = [g for g in gold["directives"] if g["subtype"] != "explicit"]
    count, addressees, deadlines, used = Count(), Count(), Count(), set()
    for d in doc.body.get("directives") or []:
        hit = next((g for g in explicit if id(g) not in used and same_directive(g, d, doc)), None)
        if hit is None:
            text = doc.content(d)[1]
            if not any(len(first_words(g["content_first8"]) & first_words(text)) >= 5 for g in others):
                count.fp += 1
                errors.append("directive: extra %s ... %s" % (d.get("verb"), text[:60]))
            continue
        used.add(id(hit))
        count.tp += 1
        want = [fold(a) for a in hit["addressee"] or []]
        got = [doc.names(a) for a in d.get("addressees") or []]
        right = sum(1 for w in want if any(w in n or any(x and (x in w or w in x) for x in n) for n in got))
        addressees.add(Count(right, max(0, len(got) - right), len(want) - right))
        if hit["deadline"] or d.get("deadline"):
            ok = deadline_right(hit, d, doc)
            deadlines.add(
                Count(int(ok), int(bool(d.get("deadline")) and not ok), int(bool(hit["deadline"]) and not ok))
            )
    missed = [g for g in explicit if id(g) not in used]
    count.fn = len(missed)
    errors += ["directive: missed %s %s ... %s" % (g["speaker"], g["verb"], g["content_first8"]) for g in missed]
    return count, addressees, deadlines


# ---- quotations


def quotes(gold, doc):
    every = [g for g in gold["speech"] if g["type"] == "QUOTE"]
    wanted = [g for g in every if not g.get("optional")]
    span, speaker, used = Count(), Count(), set()
    for q in doc.body.get("quotes") or []:
        if q.get("direct") is False:
            continue
        place = doc.content(q)[0]
        size = place[1] - place[0]
        hit = next(
            (
                g
                for g in every
                if id(g) not in used
                and 2 * overlap((g["content_cp"], g["content_end_cp"]), place)
                > max(size, g["content_end_cp"] - g["content_cp"])
            ),
            None,
        )
        if hit is None:
            span.fp += 1
            speaker.fp += 1
        else:
            used.add(id(hit))
            if not hit.get("optional"):
                right = same_speaker(hit, doc, q.get("speaker"))
                span.tp += 1
                speaker.tp += right
                speaker.fp += not right
    span.fn = len(wanted) - span.tp
    speaker.fn = len(wanted) - speaker.tp
    return span, speaker


# ---- all of one article, all articles


def score_article(gold, doc, errors):
    table = {row: Count() for row in ROWS}
    for kind in TYPES:
        table[kind] = exact(gold, doc, kind, errors)
        table["entities"].add(table[kind])
        table["entities, overlap"].add(loose(gold, doc, kind)[0])
    table["pairs"], table["pairs, any wording"] = pairs(gold, doc)
    table["directives"], table["  addressees"], table["  deadlines"] = directives(gold, doc, errors)
    table["legal references, value"], laws = loose(gold, doc, "LEGAL_REF", same_law)
    for g, p in laws:
        if g.get("issuer"):
            right = fold(p.get("issuer")) == fold(g["issuer"])
            table["  issuers"].add(Count(int(right), int(bool(p.get("issuer")) and not right), int(not right)))
    table["dates, value"] = loose(gold, doc, "DATE", same_date)[0]
    no_value = lambda g: g.get("value") is None
    table["quantities, value"] = loose(gold, doc, "QUANTITY", same_value, no_value)[0]
    table["quantities, value + unit"] = loose(gold, doc, "QUANTITY", same_unit, no_value)[0]
    table["quotes, span"], table["quotes, span + speaker"] = quotes(gold, doc)
    return table


def read_gold(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            stem = name[: -len(".json")]
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                gold = json.load(f)
            with open(os.path.join(folder, "..", "articles", stem + ".txt"), encoding="utf-8", newline="") as f:
                out[stem] = (gold, f.read())
    if not out:
        raise SystemExit("%s: expected gold files *.json, found none" % folder)
    return out


def documents(path):
    """(name of the file, document) of every document under path."""
    files = [os.path.join(path, n) for n in sorted(os.listdir(path))] if os.path.isdir(path) else [path]
    for name in files:
        if name.endswith((".jsonl", ".json")):
            with open(name, encoding="utf-8") as f:
                content = f.read()
            for line in [content] if name.endswith(".json") else content.split("\n"):
                if line.strip():
                    yield os.path.basename(name), json.loads(line)


def score_all(golds, path, offsets, each=None, errors=None):
    found = {}
    for filename, body in documents(path):
        where = "%s %s %s" % ((body.get("source") or {}).get("uri", ""), body.get("id", ""), filename)
        stem = next((s for s in golds if s in where), None)
        if stem:
            found[stem] = body
    total = {row: Count() for row in ROWS}
    for stem, (gold, raw) in golds.items():
        if stem not in found:
            print("%s: no document, all of it counts as missed" % stem, file=sys.stderr)
        said = []
        table = score_article(gold, Document(found.get(stem, {}), raw, offsets), said)
        for row in ROWS:
            total[row].add(table[row])
        if each is not None:
            each[stem] = table
        if errors is not None:
            errors += ["%s: %s" % (stem, s) for s in said]
    return total


def show(total, each):
    print("%-26s %5s %5s %5s %7s %7s %7s" % ("", "right", "extra", "miss", "P", "R", "F1"))
    for row in ROWS:
        c = total[row]
        print("%-26s %5d %5d %5d %7.3f %7.3f %7.3f" % ((row, c.tp, c.fp, c.fn) + c.figures()))
    for stem, table in (each or {}).items():
        print(
            "%-32s entities %.3f  pairs %.3f  directives %.3f"
            % ((stem,) + tuple(table[r].figures()[2] for r in ("entities", "pairs", "directives")))
        )


# ---- self-test


def perfect(stem, gold, raw):
    """The document that an extractor without fault would write for a gold file, on a text cleaned as clean does it."""
    drop = {x["line"] for x in gold["non_body_lines"]}
    start, keep, text, where = 0, [], "", {}
    for n, line in enumerate(raw.split("\n"), 1):
        skip = len(gold["header"]["text"]) if gold["header"] and n == 1 else 0
        if n not in drop and line.strip():
            keep.append((start + skip, line[skip:]))
        start += len(line) + 1
    for place, line in keep:
        base = len(text.encode())
        for i in range(len(line) + 1):
            where[place + i] = base + len(line[:i].encode())
        text += line + "\n"
    body = {
        "schema": 1,
        "id": stem,
        "source": {"uri": "file:///articles/%s.txt" % stem},
        "text": text.rstrip("\n"),
        "entities": [],
    }
    ids = {}
    for n, g in enumerate(g for g in gold["entities"] if not g["boilerplate"] and not g["optional"]):
        e = {
            "id": "e%d" % n,
            "type": g["type"],
            "start": where[g["cp_start"]],
            "end": where[g["cp_end"]],
            "text": g["text"],
            "norm": g["normalized"],
        }
        e.update({k: g[k] for k in ("issuer", "value", "unit") if g.get(k) is not None})
        ids.setdefault((g["type"] in ("PERSON", "ORG"), g["normalized"]), e["id"])
        body["entities"].append((e, g))
    for e, g in body["entities"]:
        if g["type"] == "ROLE" and g["person"]:
            e["person"] = [ids.get((True, p), p) for p in as_list(g["person"])]
    body["entities"] = [e for e, _ in body["entities"]]

    def content(x):
        return {
            "start": where[x["content_cp"]],
            "end": where[x["content_end_cp"]],
            "text": raw[x["content_cp"] : x["content_end_cp"]],
        }

    body["directives"] = [
        {
            "speaker": ids.get((True, x["speaker"]), x["speaker"]),
            "verb": x["verb"],
            "addressees": x["addressee"] or [],
            "content": content(x),
            "deadline": x["deadline"] and {"text": x["deadline"], "norm": x["deadline_norm"]},
        }
        for x in gold["directives"]
        if x["subtype"] == "explicit"
    ]
    body["quotes"] = [
        dict(content(x), speaker=ids.get((True, x["speaker"]), x["speaker"]), direct=True)
        for x in gold["speech"]
        if x["type"] == "QUOTE" and not x.get("optional")
    ]
    return body


def change(kind, edit):
    def run(body):
        for e in body["entities"]:
            if e["type"] == kind:
                edit(e)

    return run


def every_second(key):
    def run(body):
        body[key] = body[key][::2]

    return run


def in_all(key, **fields):
    def run(body):
        for x in body[key]:
            x.update(fields)

    return run


def shift(e):
    e["end"] = e["start"] + len(e["text"].split(" ")[0].encode())


def scatter(body):
    body["entities"] += [{"id": "x%d" % i, "type": "ORG", "start": i, "end": i + 1, "text": "?"} for i in (0, 1, 2)]


DAMAGE = (
    (
        "half of the entities are lost",
        every_second("entities"),
        ("entities", "entities, overlap", "pairs", "dates, value"),
    ),
    ("organisations are cut to a word", change("ORG", shift), ("entities", "ORG")),
    (
        "persons are called places",
        change("PERSON", lambda e: e.update(type="LOC")),
        ("PERSON", "LOC", "entities, overlap"),
    ),
    ("stray organisations", scatter, ("ORG", "entities")),
    (
        "roles hang on the wrong person",
        change("ROLE", lambda e: e.update(person="nobody")),
        ("pairs", "pairs, any wording"),
    ),
    (
        "roles are called otherwise",
        change("ROLE", lambda e: e.update(norm=e["norm"] + "!")),
        ("pairs", "pairs, any wording"),
    ),
    ("dates of another year", change("DATE", lambda e: e.update(norm="1999")), ("dates, value",)),
    (
        "values ten times too big",
        change("QUANTITY", lambda e: e.update(value=10 * e.get("value", 1) + 1)),
        ("quantities, value",),
    ),
    ("units are lost", change("QUANTITY", lambda e: e.update(unit="")), ("quantities, value + unit",)),
    (
        "laws without number",
        change("LEGAL_REF", lambda e: e.update(norm="Luật", issuer="?")),
        ("legal references, value", "  issuers"),
    ),
    ("half of the directives are lost", every_second("directives"), ("directives",)),
    ("directives by nobody", in_all("directives", speaker=None), ("directives",)),
    ("directives by another verb", in_all("directives", verb="nói"), ("directives",)),
    ("directives to somebody else", in_all("directives", addressees=["?"]), ("  addressees",)),
    ("directives of another day", in_all("directives", deadline={"text": "?", "norm": "1999-01-01"}), ("  deadlines",)),
    ("half of the quotations are lost", every_second("quotes"), ("quotes, span",)),
    ("quotations by another speaker", in_all("quotes", speaker="nobody"), ("quotes, span + speaker",)),
    ("nothing is found", lambda body: body.update(entities=[], directives=[], quotes=[]), ROWS),
)


def self_test(folder):
    golds, bad = read_gold(folder), 0
    bodies = [perfect(stem, gold, raw) for stem, (gold, raw) in golds.items()]
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "pred.jsonl")

        def run(changed):
            with open(path, "w", encoding="utf-8") as f:
                f.writelines(json.dumps(b, ensure_ascii=False) + "\n" for b in changed)
            return score_all(golds, path, "bytes")

        for row, c in run(bodies).items():
            if c.fp or c.fn or not c.tp:
                print(
                    "gold against itself: %s is %d right, %d extra, %d missed; expected no error"
                    % (row, c.tp, c.fp, c.fn)
                )
                bad += 1
        for what, edit, rows in DAMAGE:
            changed = copy.deepcopy(bodies)
            for body in changed:
                edit(body)
            total = run(changed)
            for row in rows:
                if total[row].figures()[2] >= 1.0:
                    print("%s: %s is still 1.000" % (what, row))
                    bad += 1
    print("%d damages, %d complaints" % (len(DAMAGE), bad))
    return 1 if bad else 0


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    args = argparse.ArgumentParser(description="Measures annotated documents against the gold files.")
    args.add_argument("gold", nargs="?", default=os.path.join(here, "gold"), help="folder of gold files")
    args.add_argument("predicted", nargs="?", help="folder or file of documents as sink_jsonl writes them")
    args.add_argument("--each", action="store_true", help="one line per article too")
    args.add_argument("--errors", action="store_true", help="lists what is missed and what is extra; never to tune on")
    args.add_argument("--json", action="store_true", help="prints the table as JSON")
    args.add_argument(
        "--offsets", choices=("bytes", "chars"), default="bytes", help="what start and end count (default: bytes)"
    )
    args.add_argument("--self-test", action="store_true", help="gold against itself and against damaged copies")
    a = args.parse_args()
    if a.self_test:
        return self_test(a.gold)
    if not a.predicted:
        args.error("expected a folder of gold files and one of documents")
    each, errors = {} if a.each else None, [] if a.errors else None
    total = score_all(read_gold(a.gold), a.predicted, a.offsets, each, errors)
    if a.json:
        names = ("precision", "recall", "f1")
        print(
            json.dumps(
                {
                    r.strip(): dict(
                        zip(names, total[r].figures()), right=total[r].tp, extra=total[r].fp, missed=total[r].fn
                    )
                    for r in ROWS
                },
                ensure_ascii=False,
                indent=1,
            )
        )
    else:
        show(total, each)
    for e in errors or []:
        print(e)
    return 0


if __name__ == "__main__":
    sys.exit(main())
