#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""score.py CLEAN_PAGES [--data] [--least F1 TITLES AUTHORS DATES] [--list]: what clean makes of the pages of this folder.

Each NN-name.html has a NN-name.json that says what a reader would call the article: title, authors, published, body.
The body is scored by its 4-token shingles: precision and recall per page over multisets, F1 of their means. Title,
the set of authors and the date (its day; its instant, too, where it has a time) are right or wrong. A page that has no
authors or no date counts as right when none is found. With --least the exit status tells whether all figures are reached. --data takes the real pages below SLUICE_TEST_DATA
instead; their dates count by day.
"""
import collections
import datetime
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def shingles(text, n=4):
    tokens = re.findall(r"\w+", text)
    if not tokens:
        return collections.Counter()
    return collections.Counter(tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1)))


def overlap(want, got):
    a, b = shingles(want), shingles(got)
    common = sum((a & b).values())
    precision = common / sum(b.values()) if b else float(not a)
    recall = common / sum(a.values()) if a else 1.0
    return precision, recall


def fold(text):
    return " ".join((text or "").split()).casefold()


def instant(text):
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return when.astimezone(datetime.timezone.utc) if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


def same_date(want, got, by_day=False):
    if not want or not got:
        return not want and not got
    if by_day:
        return want[:10] == got[:10] or instant(want).date() == instant(got).date()
    if "T" not in want or "T" not in got:
        return want[:10] == got[:10]
    return instant(want) == instant(got)


def own_pages():
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted(HERE.glob("[0-9]*.json"))}


def data_pages(folder):
    texts = json.loads(gzip.decompress((folder / "ground-truth.json.gz").read_bytes()))
    notes = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    return {
        k: {"body": texts[k]["articleBody"], "title": n["title"], "authors": n["authors"] or [], "published": n["publishing_date"]}
        for k, n in notes.items()
    }


def score(pages, found, by_day):
    rows = []
    for name, want in pages.items():
        got = found.get(name, {"articleBody": "", "meta": {}})
        meta = got.get("meta", {})
        precision, recall = overlap(want["body"], got["articleBody"])
        rows.append(
            {
                "name": name,
                "precision": precision,
                "recall": recall,
                "title": fold(want["title"]) == fold(meta.get("title")),
                "authors": {fold(a) for a in want["authors"]} == {fold(a) for a in meta.get("authors", [])},
                "date": same_date(want["published"], meta.get("published"), by_day),
                "want": want,
                "meta": meta,
            }
        )
    return rows


def mean(rows, key):
    return sum(r[key] for r in rows) / len(rows)


def f1(precision, recall):
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def self_test():
    assert overlap("a b c d e", "a b c d e") == (1.0, 1.0)
    assert overlap("a b c d e f", "a b c d") == (1.0, 1 / 3)
    assert overlap("", "") == (1.0, 1.0) and overlap("a", "")[1] == 0.0
    assert same_date("2024-01-01", "2024-01-01T10:00:00Z") and not same_date(None, "2024-01-01")
    assert same_date("2024-01-01T10:00:00Z", "2024-01-01T12:00:00+02:00")


def main(argv):
    self_test()
    data, folder = os.environ.get("SLUICE_TEST_DATA"), HERE
    if "--data" in argv:
        if not data:
            print("skipped: SLUICE_TEST_DATA is not set")
            return 0
        folder = pathlib.Path(data) / "data" / "articles" / "pages"
    run = subprocess.run([argv[1], str(folder)], capture_output=True, check=True)
    pages = own_pages() if folder == HERE else data_pages(folder.parent)
    rows = score(pages, json.loads(run.stdout), folder != HERE)
    if "--list" in argv:
        for r in rows:
            wrong = [k for k in ("title", "authors", "date") if not r[k]]
            print("%-28s P %.3f R %.3f  %s" % (r["name"], r["precision"], r["recall"], " ".join(wrong)))
            for k in wrong:
                field = {"date": "published"}.get(k, k)
                print("    %s: %r, expected %r" % (k, r["meta"].get(field), r["want"][field]))
    precision, recall = mean(rows, "precision"), mean(rows, "recall")
    got = [f1(precision, recall), mean(rows, "title"), mean(rows, "authors"), mean(rows, "date")]
    line = "%d pages: P %.3f R %.3f F1 %.3f, titles %.3f, authors %.3f, dates %.3f"
    print(line % (len(rows), precision, recall, *got))
    if "--least" not in argv:
        return 0
    least = [float(x) for x in argv[argv.index("--least") + 1 : argv.index("--least") + 5]]
    for name, is_, want in zip(("F1", "titles", "authors", "dates"), got, least):
        if is_ < want:
            print("%s: %.3f, expected at least %.3f; --list shows the pages" % (name, is_, want))
    return int(any(is_ < want for is_, want in zip(got, least)))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
