#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Corpora for the benchmark, and the check that every document arrived exactly once and unchanged.

corpus.py big N OUT | corpus.py tiny N OUT | corpus.py check IN OUT [FIELD...]
big: N documents of about 9 KB from the sample articles, {"id","title","text"}; tiny: N lines of exactly 100 bytes.
"""
import glob
import hashlib
import json
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def articles():
    for path in sorted(glob.glob(os.path.join(HERE, "..", "..", "examples", "news", "*.txt"))):
        try:
            text = open(path, encoding="utf-8").read().strip().replace("\x00", "")
        except UnicodeDecodeError:
            continue
        if len(text) > 500:
            yield re.findall(r"[^.\n]+[.\n]*", text)


def big(n, out):
    seeds = list(articles())
    for i in range(n):
        r = random.Random(i)
        parts = []
        while sum(map(len, parts)) < 6800:  # code points; about 9 KB in UTF-8
            seed = seeds[(i + len(parts)) % len(seeds)]
            k = r.randrange(len(seed))
            parts += seed[k:] + seed[:k]
        text = "".join(parts)[:6800] + '\n"#%d"\t%d' % (i, r.getrandbits(40))
        title = "%s [%07d]" % (" ".join(parts[0].split())[:80], i)
        doc = {"id": "doc-%07d" % i, "title": title, "text": text}
        out.write(json.dumps(doc, ensure_ascii=False, separators=(",", ":")) + "\n")


def tiny(n, out):
    for i in range(n):
        line = '{"id":"t-%07d","title":"tiny document","text":"' % i
        room = 100 - len(line) - 3
        out.write(line + ("a small text with the number %d in it" % (i * 7919 % 1000003))[:room].ljust(room, "x") + '"}\n')


def digest(doc):
    return hashlib.blake2b((doc["title"] + "\0" + doc["text"]).encode(), digest_size=8).digest()


def check(source, result, fields):
    want = {}
    for line in open(source, "rb"):
        doc = json.loads(line)
        want[doc["id"]] = digest(doc)
    found = {"in": len(want), "out_lines": 0, "unparsable": 0, "alien": 0, "lost": 0, "dup": 0, "changed": 0,
             "missing_field": 0, "out_of_order": 0}
    seen, last = set(), ""
    for line in open(result, "rb"):
        found["out_lines"] += 1
        try:
            doc = json.loads(line)
        except ValueError:
            found["unparsable"] += 1
            continue
        key = doc.get("id")
        if key not in want:
            found["alien"] += 1
            continue
        found["dup"] += key in seen
        seen.add(key)
        found["changed"] += digest(doc) != want[key]
        found["missing_field"] += any(f not in doc for f in fields)
        found["out_of_order"] += key < last
        last = key
    found["lost"] = len(want) - len(seen)
    return found


if __name__ == "__main__":
    if sys.argv[1] == "check":
        print(json.dumps(check(sys.argv[2], sys.argv[3], sys.argv[4:])))
    else:
        with open(sys.argv[3], "w", encoding="utf-8", newline="\n", buffering=1 << 20) as f:
            {"big": big, "tiny": tiny}[sys.argv[1]](int(sys.argv[2]), f)
