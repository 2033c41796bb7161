#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""segment-train: a model of one's own, from training to a pipeline that uses it."""
import json
import os
import subprocess
import sys

from lib import BUILD, LIMIT, SOURCE, environment, has, main, same, sluice, true, write

TRAIN = os.path.join(BUILD, "bin", "segment-train")
DATA = os.path.join(SOURCE, "plugins", "segment", "tools", "testdata")
BANK, WORDS = os.path.join(DATA, "small.conllu"), os.path.join(DATA, "words.txt")


def train(*args, code=0):
    r = subprocess.run([TRAIN, *args], capture_output=True, text=True, env=environment(), timeout=LIMIT)
    if r.returncode != code:
        raise AssertionError("expected exit code %d of %r, found %d\n%s%s" % (code, args, r.returncode, r.stdout, r.stderr))
    return r.stdout + r.stderr


def test_same_data_same_bytes():
    for name in "a.bin", "b.bin":
        has(train("-o", name, "-t", BANK, "-w", WORDS, "--passes", "2", "--runs", "2"), "from 16 sentences")
    with open("a.bin", "rb") as a, open("b.bin", "rb") as b:
        same(a.read() == b.read(), True, "two models of the same data")
    true(not os.path.exists("a.bin.new"), "the temporary file is left behind")


def test_measures():
    train("-o", "m.bin", "-t", BANK, "-w", WORDS)
    has(train("--eval", "-m", "m.bin", "-t", BANK), "words", "sentences, all in one", "F1")
    has(train("--folds", "4", "-t", BANK, "-w", WORDS, "--passes", "2", "--runs", "1"), "fold 4", "mean F1 of 4 folds")
    has(train("--folds", "2", "--contiguous", "-t", BANK, "-w", WORDS, "--passes", "1", "--runs", "1"), "fold 2")


def test_a_pipeline_uses_it():
    train("-o", "own.bin", "-t", BANK, "-w", WORDS)
    write("in.ndjson", json.dumps({"text": "Hà Nội mưa to từ sáng sớm."}) + "\n")
    write("p.yaml", "name: own\nstages:\n  - {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}\n"
                    "  - {id: words, uses: segment, with: {model: own.bin}}\n  - {id: out, uses: sink_stdout}\n")
    has(sluice("run", "p.yaml").out, "Hà_Nội mưa to từ sáng")
    with open("own.bin", "r+b") as f:
        f.seek(200)
        f.write(b"\xff\xfe")
    has(sluice("run", "p.yaml", code=4).err, "own.bin", "checksum", "segment-train")


def test_says_what_is_wrong():
    has(train(code=2), "usage: segment-train")
    has(train("--folds", "1", "-t", BANK, code=2), "usage: segment-train")
    has(train("-o", "x.bin", "-t", "no-such.conllu", code=1), "no-such.conllu")
    write("broken.conllu", "# a remark\n1\tHà Nội\n")
    has(train("-o", "x.bin", "-t", "broken.conllu", code=1), "broken.conllu:2", "ten columns")
    has(train("--eval", "-m", BANK, "-t", BANK, code=1), "not a model")
    has(train("-o", "no-such-folder/x.bin", "-t", BANK, "-w", WORDS, code=1), "no-such-folder")


if __name__ == "__main__":
    if not os.path.exists(TRAIN):
        print("skipped: segment-train is not built")
        sys.exit(77)
    main(globals())
