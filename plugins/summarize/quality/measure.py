#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `sluice bench --quality [DIR]` says of summarize: PROGRAM SLUICE [DIR].

An article's first paragraph is taken away and is the reference for two sentences of the rest, by rouge.py. Measured on the articles that
ship, and on those of DIR (seeds/*.txt, data/articles).
"""
import os
import sys

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
sys.dont_write_bytecode = True
sys.path.insert(0, DATA)
import rouge  # noqa: E402


def say(what, value, how):
    print("%s\t%s\t%s" % (what, "" if value is None else "%.1f" % value, how), flush=True)


def measure(sluice, name, articles, language):
    scores = {}
    for method in ("centroid", "lead"):
        found = rouge.summaries(sluice, articles, language, {"sentences": 2, "method": method})
        scores[method] = [rouge.rouge(found[a["id"]], a["lead"]) for a in articles]
    for k, what in enumerate(rouge.MEASURES):
        ours, lead = (100 * rouge.mean([s[k] for s in scores[m]]) for m in ("centroid", "lead"))
        low, high = rouge.interval([100 * (c[k] - l[k]) for c, l in zip(scores["centroid"], scores["lead"])])
        how = "F1, %d articles, 2 sentences, the lead as reference; LEAD has %.1f, the difference is %+.1f to %+.1f (95 %%)"
        say("%s, %s" % (what, name), ours, how % (len(articles), lead, low, high))


def main():
    sluice, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    ours = [os.path.join(DATA, "news"), os.path.join(DATA, "dev")]
    measure(sluice, "own", rouge.collections(ours, None)["Vietnamese"], "vi")
    more = rouge.collections([], folder) if folder else {}
    for name, language in (("Vietnamese", "vi"), ("other languages", "auto")):
        if more.get(name):
            measure(sluice, name.lower() if name[0] == "o" else name, more[name], language)
        else:
            why = "no articles in %s" % folder if folder else "no DIR is given"
            say("ROUGE, " + (name.lower() if name[0] == "o" else name), None, "not measured: " + why)


if __name__ == "__main__":
    main()
