#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `sluice bench --quality [DIR]` says of extract, behind clean and segment: PROGRAM SLUICE [DIR].

On the articles that ship (tests/language: nobody tunes on them) by score.py, and on the gold articles of DIR (gold/*.json, seeds/*.txt)
by the scorer that lies beside them.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
sys.dont_write_bytecode = True
sys.path.insert(0, DATA)
import score  # noqa: E402


def say(what, value, how):
    print("%s\t%s\t%s" % (what, "" if value is None else "%.1f" % (100 * value), how), flush=True)


def annotate(sluice, articles, out):
    """Runs the three stages over the articles."""
    stages = [
        {"id": "in", "uses": "fetch_files", "with": {"paths": articles}},
        {"id": "clean", "uses": "clean"},
        {"id": "segment", "uses": "segment"},
        {"id": "extract", "uses": "extract"},
        {"id": "out", "uses": "sink_jsonl", "with": {"path": out}},
    ]
    conf = os.path.join(os.path.dirname(out), "p.yaml")
    with open(conf, "w", encoding="utf-8") as f:
        json.dump({"stages": stages}, f)
    subprocess.run([sluice, "run", "--quiet", conf], check=True)


def sentences(golds, path):
    """F1 of sentences of the articles' bodies, their white space apart."""
    found = {}
    for _, body in score.documents(path):
        text = body["text"].encode()
        found[body["id"]] = ["".join(text[s["start"] : s["end"]].decode().split()) for s in body["sentences"]]
    right = wanted = given = 0
    for stem, (gold, _) in golds.items():
        drop = {x["line"] for x in gold["non_body_lines"]}
        want = ["".join(s["text"].split()) for s in gold["sentences"] if s["line"] not in drop]
        left = list(found.get(stem, []))
        wanted += len(want)
        given += len(left)
        for s in want:
            if s in left:
                left.remove(s)
                right += 1
    return 2 * right / (wanted + given)


def shipped(sluice, work):
    golds, out = score.read_gold(os.path.join(DATA, "language", "gold")), os.path.join(work, "language.jsonl")
    annotate(sluice, os.path.join(DATA, "language", "articles", "*.txt"), out)
    total = score.score_all(golds, out, "bytes")
    how = "F1, %d own articles that nobody tunes on (tests/language)" % len(golds)
    for row, what in (
        ("entities", "entities"),
        ("pairs", "person-role pairs"),
        ("directives", "directives"),
        ("quotes, span + speaker", "quotations with speaker"),
        ("dates, value", "dates, value"),
        ("legal references, value", "legal references, value"),
        ("quantities, value", "quantities, value"),
    ):
        say(what, total[row].figures()[2], how)
    say("sentences", sentences(golds, out), how + ", from the raw file")


def prediction(body, raw):
    """A document in the form that score_gold.py reads."""
    doc = score.Document(body, raw, "bytes")
    pred = {"entities": [], "person_roles": [], "directives": []}
    for e in doc.entities:
        for ref in score.as_list(e.get("persons") or e.get("person")) if e["type"] == "ROLE" else []:
            pred["person_roles"].append({"person": doc.by_id[ref]["norm"], "role": e["norm"]})
        if not e.get("nested"):
            pred["entities"].append({"type": e["type"], "text": e["text"], "cp_start": e["span"][0]})
    for d in body["directives"]:
        first = " ".join(d["content"]["text"].split(" ")[:8])
        pred["directives"].append({"speaker": d.get("speaker_norm"), "verb": d["verb"], "content_first8": first})
    return pred


def seeds(sluice, folder, work):
    """Sums of the scorer's lines: entities, pairs, directives."""
    out, command = os.path.join(work, "seeds.jsonl"), [sys.executable, os.path.join(folder, "gold", "score_gold.py")]
    annotate(sluice, os.path.join(folder, "seeds", "*.txt"), out)
    for _, body in score.documents(out):
        path = os.path.join(work, body["id"] + ".pred.json")
        with open(os.path.join(folder, "seeds", body["id"] + ".txt"), encoding="utf-8", newline="") as f:
            raw = f.read()
        with open(path, "w", encoding="utf-8") as f:
            json.dump(prediction(body, raw), f)
        command += [os.path.join(folder, "gold", body["id"] + ".json"), path]
    sums = {"entities": [0, 0, 0], "pairs": [0, 0, 0], "directives": [0, 0, 0]}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        name, counts = line.split(" TP ")[0].strip(), line.split()
        tp, fp, fn = (int(counts[counts.index(k) + 1]) for k in ("TP", "FP", "FN"))
        kind = "pairs" if name.startswith("~PERSON") else "directives" if name.startswith("~DIRECTIVE") else "entities"
        if kind == "entities" and name.startswith("~"):
            continue
        sums[kind] = [a + b for a, b in zip(sums[kind], (tp, fp, fn))]
    return {k: 2 * tp / (2 * tp + fp + fn) for k, (tp, fp, fn) in sums.items()}


def main():
    sluice, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as work:
        shipped(sluice, work)
        kinds = {"entities": "entities, seeds", "pairs": "person-role pairs, seeds", "directives": "directives, seeds"}
        golds = glob.glob(os.path.join(folder, "gold", "*.json")) if folder else []
        if not golds or not os.path.exists(os.path.join(folder, "gold", "score_gold.py")):
            why = "no gold/*.json with score_gold.py in %s" % folder if folder else "no DIR is given"
            for what in kinds.values():
                say(what, None, "not measured: " + why)
            return
        how = "F1, %d gold articles of DIR, raw files, by its score_gold.py; rules were checked on them" % len(golds)
        for kind, value in seeds(sluice, folder, work).items():
            say(kinds[kind], value, how)


if __name__ == "__main__":
    main()
