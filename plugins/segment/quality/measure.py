#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `sluice bench --quality [DIR]` says of segment: PROGRAM SLUICE [DIR].

A treebank does not ship, so words are measured on DIR alone (data/ud-vtb, data/vnvocab), by segment-train, with models that have
not seen what they are measured on. The sentences of our own treebank are few, and only guard against breakage.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
TRAIN = os.path.join(os.path.dirname(sys.argv[1]), "segment-train")


def say(what, value, how):
    print("%s\t%s\t%s" % (what, "" if value is None else value, how), flush=True)


def figures(*args):
    """name -> F1 of what segment-train prints."""
    text = subprocess.run([TRAIN, *args], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {k.strip(): v for k, v in re.findall(r"^(.*?)\s+precision.*F1 ([\d.]+)", text, re.M)}


def several(flag, paths):
    return [x for path in paths for x in (flag, path)]


def main():
    if not os.path.exists(TRAIN):
        say("words", None, "not measured: segment-train is not beside sluice")
        return
    model, own = os.path.join(DATA, "segment", "vi.bin"), os.path.join(DATA, "segment", "small.conllu")
    shipped = figures("--eval", "-m", model, "-t", own)
    say("words, own sentences", shipped["words"], "F1, sentences of our own that the model has not seen; few and plain")
    folder = sys.argv[2] if len(sys.argv) > 2 else ""
    banks = sorted(glob.glob(os.path.join(folder, "data", "ud-vtb", "*.conllu"))) if folder else []
    lists = glob.glob(os.path.join(folder, "data", "vnvocab", "vnvocab.txt")) if folder else []
    if not banks or not lists:
        why = "no data/ud-vtb and data/vnvocab in %s" % folder if folder else "no DIR is given"
        for what in ("words, cross-validated", "words, other articles", "sentences, treebank"):
            say(what, None, "not measured: " + why)
        return
    data = several("-t", banks) + several("-w", lists + [os.path.join(DATA, "segment", "extra.txt")])
    say("words, cross-validated", figures("--folds", "10", *data)["all folds"], "F1, ten folds of UD-VTB of DIR, every tenth sentence")
    apart = figures("--folds", "10", "--contiguous", *data)["all folds"]
    say("words, other articles", apart, "F1, ten folds of UD-VTB of DIR, neighbouring sentences together")
    dev = [b for b in banks if "dev" in os.path.basename(b)]
    if not dev:
        say("sentences, treebank", None, "not measured: no dev part in data/ud-vtb")
        return
    with tempfile.TemporaryDirectory() as work:
        held = os.path.join(work, "held.bin")
        rest = several("-t", [b for b in banks if b not in dev])
        subprocess.run([TRAIN, "-o", held, *rest, *several("-w", lists)], check=True, capture_output=True)
        found = figures("--eval", "-m", held, *several("-t", dev))
    say("words, held out", found["words"], "F1, dev part of UD-VTB of DIR, trained on the rest and VnVocab")
    say("sentences, treebank", found["sentences, all in one"], "F1 of ends, dev part of UD-VTB of DIR, all in one paragraph")


if __name__ == "__main__":
    main()
