#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Summaries of the sample articles: budgets, words, the headline, and what becomes of them when an end is cut off."""
import glob
import json
import os
import re

from lib import SOURCE, lines, main, same, sluice, true, write


def summaries(texts, **options):
    """id -> document with its summary. texts: id -> text."""
    for name, text in texts.items():
        write("in/%s.txt" % name, text)
    stages = [{"id": "in", "uses": "fetch_files", "with": {"paths": "in/*.txt"}}, {"id": "clean", "uses": "clean"},
              {"id": "segment", "uses": "segment"}, {"id": "sum", "uses": "summarize", "with": options},
              {"id": "out", "uses": "sink_jsonl", "with": {"path": "out.jsonl", "mode": "replace"}}]
    sluice("run", "--quiet", write("p.yaml", json.dumps({"stages": stages})))
    return {d["id"]: d for d in lines("out.jsonl")}


def samples():
    out = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "examples", "news", "*.txt"))):
        with open(path, "rb") as f:
            data = f.read()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if text.strip() and "\0" not in text:
            out[os.path.basename(path)[:-4]] = text
    return out


def syllables(text):
    """As the stage counts: 30/7 and I/2026 are one each."""
    return sum(bool(re.search(r"\w", word)) for word in text.split())


def sentence(doc, i):
    s = doc["sentences"][i]
    return doc["text"].encode()[s["start"]:s["end"]].decode()


def test_budgets():
    texts = samples()
    for n in (1, 2, 4):
        for name, doc in summaries(texts, sentences=n, max_syllables=0).items():
            chosen = doc["summary"]["sentences"]
            true(1 <= len(chosen) <= n, "%s: expected at most %d sentences, found %s" % (name, n, chosen))
            same(chosen, sorted(chosen), name + ": order")
    for most in (40, 90):
        for name, doc in summaries(texts, sentences=20, max_syllables=most).items():
            found = syllables(doc["summary"]["text"])
            true(found <= most or len(doc["summary"]["sentences"]) == 1, "%s: expected %d syllables, found %d" % (name, most, found))
    for ratio in (0.2, 0.4):
        for name, doc in summaries(texts, sentences=50, max_syllables=0, ratio=ratio).items():
            found, whole = syllables(doc["summary"]["text"]), syllables(doc["text"])
            true(found <= ratio * whole or len(doc["summary"]["sentences"]) == 1,
                 "%s: expected at most %.1f of %d syllables, found %d" % (name, ratio, whole, found))


def test_keywords_are_words_and_the_headline_is_a_sentence():
    several = 0
    for name, doc in summaries(samples(), keywords=6, headline=True).items():
        words = {w.replace("_", " ").lower() for s in doc["sentences"] for w in s["words"].split()}
        true(doc["keywords"], name + ": no keywords")
        for word in doc["keywords"]:
            true(word.lower() in words, "%s: %r is no word of the text" % (name, word))
        several += sum(" " in w for w in doc["keywords"])
        same(doc["headline"]["text"], sentence(doc, doc["headline"]["sentence"]).replace("\n", " "), name + ": headline")
    true(several >= 20, "%d keywords of several syllables in all articles" % several)


def test_a_cut_end_does_not_reshuffle():
    """Without the last paragraph, what was chosen before it stays chosen."""
    whole = summaries(samples(), sentences=3)
    cut = {name: doc["text"].rstrip("\n").rpartition("\n")[0] for name, doc in whole.items()}
    for path in glob.glob("in/*"):
        os.remove(path)
    kept = gone = 0
    for name, doc in summaries({n: t for n, t in cut.items() if t}, sentences=3).items():
        before = [sentence(whole[name], i) for i in whole[name]["summary"]["sentences"]]
        after = [sentence(doc, i) for i in doc["summary"]["sentences"]]
        there = [s for s in before if s in cut[name]]
        kept += sum(s in after for s in there)
        gone += sum(s not in after for s in there)
    true(kept >= 25 and gone * 10 <= kept, "of %d chosen sentences that are still there %d were kept" % (kept + gone, kept))


if __name__ == "__main__":
    main(globals())
