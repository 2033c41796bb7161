#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures summaries: ROUGE-1, ROUGE-2 and ROUGE-L over Unicode syllables, against LEAD.

    rouge.py [--build DIR] [--sentences N] [--each] [DATA]

An article's first paragraph, its lead, is taken away and serves as the reference: the summary is made of what is left. References
are those of the articles that ship with the project, and of DATA (default: SLUICE_TEST_DATA) its seeds and articles. Few of
them are Vietnamese; each figure says how many there are, and the difference to LEAD has a 95 % interval (paired bootstrap).
"""
import argparse
import glob
import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
MEASURES = ("ROUGE-1", "ROUGE-2", "ROUGE-L")


def syllables(text):
    """Runs of letters, marks and digits, in lower case; NFC first, so that spelling makes no difference."""
    text = unicodedata.normalize("NFC", text).lower()
    words, word = [], ""
    for c in text + " ":
        if unicodedata.category(c)[0] in "LMN":
            word += c
        elif word:
            words.append(word)
            word = ""
    return words


def f1(hits, found, expected):
    return 2.0 * hits / (found + expected) if hits else 0.0


def overlap(a, b, n):
    counts = {}
    grams = [tuple(b[i:i + n]) for i in range(len(b) - n + 1)]
    for g in grams:
        counts[g] = counts.get(g, 0) + 1
    hits, total = 0, max(len(a) - n + 1, 0)
    for i in range(total):
        g = tuple(a[i:i + n])
        if counts.get(g, 0):
            counts[g] -= 1
            hits += 1
    return f1(hits, total, len(grams))


def longest(a, b):
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b):
            above = row[j + 1]
            row[j + 1] = before + 1 if x == y else max(above, row[j])
            before = above
    return row[-1]


def rouge(summary, reference):
    """The three F1 of two texts."""
    a, b = syllables(summary), syllables(reference)
    return overlap(a, b, 1), overlap(a, b, 2), f1(longest(a, b), len(a), len(b))


def without_marks(text):
    """Takes the annotation out of a text: {P Tô Lâm|norm} is Tô Lâm."""
    text = re.sub(r"\{[A-Za-z]+[<>=]?\d*\s+([^{}|]*)(\|[^{}]*)?\}", r"\1", text)
    return text.replace("~", "")


def from_text(path):
    """Title, lead and body of a plain article; None if it is too short."""
    try:
        with open(path, encoding="utf-8") as f:
            text = without_marks(f.read())
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    text = re.sub(r"^\s*date:?\s+\S+\s*", "", text)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    title = lines.pop(0) if lines and len(syllables(lines[0])) < 25 and lines[0][-1] not in ".!?" else ""
    return article(os.path.basename(path), title, lines)


def article(name, title, lines):
    if len(lines) < 4 or len(syllables(lines[0])) < 12 or len(syllables(" ".join(lines[1:]))) < 120:
        return None
    return {"id": name, "title": title, "lead": lines[0], "text": "\n\n".join(lines[1:])}


OURS = [os.path.join(SOURCE, "examples", "news"), os.path.join(SOURCE, "plugins", "extract", "testdata", "dev")]


def collections(folders, data):
    """name -> articles: those of our folders, and of DATA."""
    ours = [path for folder in folders for path in sorted(glob.glob(os.path.join(folder, "*.txt")))]
    vietnamese, world = [from_text(path) for path in ours], []
    if data:
        vietnamese += [from_text(path) for path in sorted(glob.glob(os.path.join(data, "seeds", "*.txt")))]
        truth = os.path.join(data, "data", "articles", "ground-truth.json.gz")
        if os.path.exists(truth):
            with gzip.open(truth) as f:
                bodies = json.load(f)
            with open(os.path.join(data, "data", "articles", "meta.json"), encoding="utf-8") as f:
                meta = json.load(f)
            for name in sorted(bodies):
                lines = [line.strip() for line in bodies[name]["articleBody"].split("\n") if line.strip()]
                to = vietnamese if name.startswith("vn_") else world
                to.append(article(name, (meta.get(name) or {}).get("title") or "", lines))
    return {"Vietnamese": [a for a in vietnamese if a], "other languages": [a for a in world if a]}


def summaries(sluice, articles, language, options):
    """Runs the stages over the articles; text of each summary by id."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "in.ndjson"), "w", encoding="utf-8") as f:
            for a in articles:
                f.write(json.dumps({k: a[k] for k in ("id", "title", "text")}, ensure_ascii=False) + "\n")
        stages = [{"id": "in", "uses": "fetch_files", "with": {"paths": "in.ndjson", "format": "ndjson"}, "provides": ["/text"]},
                  {"id": "segment", "uses": "segment", "with": {"language": language}}, {"id": "sum", "uses": "summarize", "with": options},
                  {"id": "out", "uses": "sink_jsonl", "with": {"path": "out.ndjson"}}]
        with open(os.path.join(folder, "p.yaml"), "w", encoding="utf-8") as f:
            json.dump({"stages": stages}, f)
        subprocess.run([sluice, "run", "--quiet", "p.yaml"], cwd=folder, check=True)
        with open(os.path.join(folder, "out.ndjson"), encoding="utf-8") as f:
            return {d["id"]: d["summary"]["text"] for d in map(json.loads, f)}


def mean(values):
    return sum(values) / len(values) if values else 0.0


def interval(differences):
    """95 % of the means of resampled differences."""
    chance = random.Random(1)
    means = sorted(mean(chance.choices(differences, k=len(differences))) for _ in range(2000))
    return means[50], means[1949]


def report(name, articles, build, options, each):
    language = "vi" if name == "Vietnamese" else "auto"
    scores = {}
    for method in ("lead", "centroid"):
        found = summaries(os.path.join(build, "bin", "sluice"), articles, language, {**options, "method": method})
        scores[method] = [rouge(found[a["id"]], a["lead"]) for a in articles]
        length = mean([len(syllables(found[a["id"]])) for a in articles])
        print("%-16s %-9s %3d  %s  %5.1f syllables" % (
            name, method, len(articles), "  ".join("%5.1f" % (100 * mean([s[k] for s in scores[method]])) for k in range(3)), length))
    for k, measure in enumerate(MEASURES):
        differences = [100 * (c[k] - l[k]) for c, l in zip(scores["centroid"], scores["lead"])]
        low, high = interval(differences)
        print("%-16s %s: %+.1f over LEAD (95 %%: %+.1f to %+.1f)" % (name, measure, mean(differences), low, high))
    if each:
        for a, c, l in zip(articles, scores["centroid"], scores["lead"]):
            print("  %+5.1f %s" % (100 * (c[0] - l[0]), a["id"]))


def self_test():
    assert syllables("Đường-sắt, 7,5% 😀 hoà") == ["đường", "sắt", "7", "5", "hoà"], syllables("Đường-sắt, 7,5% 😀 hoà")
    assert syllables(unicodedata.normalize("NFD", "Thủ tướng")) == syllables("thủ Tướng")
    assert rouge("a b c d", "a b c d") == (1.0, 1.0, 1.0)
    one, two, whole = rouge("a b b c", "b a b")
    assert abs(one - 2 * 3 / 7) < 1e-9 and abs(two - 2 * 1 / 5) < 1e-9 and abs(whole - 2 * 2 / 7) < 1e-9, (one, two, whole)
    assert rouge("", "a") == (0.0, 0.0, 0.0)
    assert without_marks("{R< Bí thư} {P ~Tô Lâm|Lâm} nói") == "Bí thư Tô Lâm nói"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("SLUICE_TEST_DATA"))
    parser.add_argument("--build", default=os.path.join(SOURCE, "build", "release"))
    parser.add_argument("--sentences", type=int, default=2)
    parser.add_argument("--each", action="store_true", help="the difference for each article")
    parser.add_argument("--self-test", action="store_true", help="checks the scorer itself and ends")
    args = parser.parse_args()
    self_test()
    if args.self_test:
        print("the scorer is sound")
        return
    print("%-16s %-9s %3s  %s" % ("articles", "method", "n", "  ".join(MEASURES)))
    for name, articles in collections(OURS, args.data).items():
        if articles:
            report(name, articles, os.path.abspath(args.build), {"sentences": args.sentences}, args.each)
        else:
            print("%-16s not measured: %s" % (name, "no articles" if args.data else "SLUICE_TEST_DATA is not set"))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
