#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dedupe under SIGKILL: whatever moment the process dies at, of each group of copies exactly one comes out in the end."""
import json
import os
import random
import shutil
import sys
import tempfile

import faultlib as lib
from faultlib import Failed

GROUPS, COPIES = 60, 4
STAGES = """name: dedupe
state: { path: state, checkpoint: 4ms }
stages:
  - id: in
    uses: fetch_files
    with: { paths: ../in.ndjson }
  - id: dedupe
    uses: dedupe
    with: { window: 500 }
  - id: lines
    uses: sink_jsonl
    batch: { documents: 7 }
    with: { path: out.jsonl }
"""
EVENTS = ("write,*/out.jsonl", "write,*/state.db*", "sync,*/state.db*", "truncate,*/out.jsonl")
WORDS = "cầu đường trường chợ sông núi rừng biển lúa cá mưa nắng thuyền xe nhà phố làng xã huyện tỉnh đèn sách".split()


def text_of(group, copy):
    rng = random.Random(group)
    text = " ".join(rng.choice(WORDS) for _ in range(50))
    return (text, text.upper(), text + " theo báo", "mới: " + text)[copy]


def corpus(path):
    rng = random.Random(1)
    docs = [(g, c) for g in range(GROUPS) for c in range(COPIES)]
    rng.shuffle(docs)
    with open(path, "w", encoding="utf-8") as f:
        for g, c in docs:
            f.write(json.dumps({"id": "%d-%d" % (g, c), "group": g, "text": text_of(g, c)}, ensure_ascii=False) + "\n")


def session(root, kills):
    base = tempfile.mkdtemp(dir=root)
    os.symlink(os.path.join(root, "in.ndjson"), os.path.join(base, "in.ndjson"))
    folder = os.path.join(base, "work")
    os.mkdir(folder)
    with open(os.path.join(folder, "p.yaml"), "w", encoding="utf-8") as f:
        f.write(STAGES)
    landed = 0
    for kill in kills + [None] * 3:
        run = lib.Run(folder, [kill] if kill else [])
        landed += run.killed
        if not run.killed:
            break
    else:
        raise Failed("the run never came to its end")
    with open(os.path.join(folder, "out.jsonl"), encoding="utf-8") as f:
        groups = [json.loads(line)["group"] for line in f]
    if sorted(groups) != list(range(GROUPS)):
        raise Failed("%s: lost %s, doubled %s" % (kills, sorted(set(range(GROUPS)) - set(groups)),
                                                  sorted({g for g in groups if groups.count(g) > 1})))
    shutil.rmtree(base)
    return landed


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 30)
    rng = random.Random(seed)
    root = tempfile.mkdtemp(prefix="sluice-dedupe-")
    corpus(os.path.join(root, "in.ndjson"))
    print("seed %d" % seed)
    landed = 0
    try:
        for i in range(24):
            event = EVENTS[i % 3]
            first = "%s,%s,%d" % (rng.choice(("kill", "half", "after")), event, rng.randint(1, 12))
            second = "%s,%s,%d" % (rng.choice(("kill", "after")), rng.choice(EVENTS), rng.randint(1, 4))
            landed += session(root, [first, second])
    except Failed as e:
        print("FAILED %s; seed %d" % (e, seed))
        return 1
    print("%d kills in 24 sessions: one of each group" % landed)
    if landed < 20:
        print("FAILED only %d kills landed" % landed)
        return 1
    shutil.rmtree(root)
    return 0


sys.exit(main())
