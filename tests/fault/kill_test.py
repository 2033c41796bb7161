# SPDX-License-Identifier: Apache-2.0
"""Kills the real binary with SIGKILL, restarts it until its input has come to its end, and counts: nothing is lost,
nothing is doubled, no line is torn.

  kill_test.py [--long] [--seed N] [--only CASE] [--kills N] [--keep]

Kills at the n-th store (write to an output), commit (write or sync of the state), rotation (rename) and any other change
of a file come from the preloaded library; random ones from outside. Each session begins with an empty state, is killed,
restarted and killed once more near its beginning (in the middle of the recovery), and then runs to its end.
"""
import argparse
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import faultlib as lib
from faultlib import Failed

JSONL = """  - id: lines
    uses: sink_jsonl
    from: %s
    batch: { documents: 10 }
    with: { path: out.jsonl%s }
"""
MORE = """  - id: more
    uses: sink_jsonl
    from: %s
    batch: { documents: 7 }
    with: { path: more.jsonl, rotate: 4000 }
"""
CSV = """  - id: table
    uses: sink_csv
    from: %s
    batch: { documents: 10 }
    with: { path: out.csv, columns: { id: /id, ids: /ids, text: /text } }
"""
SQLITE = """  - id: store
    uses: sink_sqlite
    from: %s
    batch: { documents: 15 }
    with: { path: out.db }
"""
SPLIT = """  - id: split
    uses: teststages.test_work
    from: records
    with: { split: 300, drop: 50 }
"""
MIXED = """  - id: slow
    uses: teststages.test_async
    from: records
    in_flight: 20
    with: { delay: 4ms, seed: 5, retry: 100 }
    on_error: { retry: 5, backoff: 2ms }
  - id: work
    uses: teststages.test_work
    with: { split: 200, drop: 50, reject: 80, seed: 9 }
"""

BOTH = "[records, pages]"
STATE = "*/state.db*"


SLOW = 0.003  # seconds of sleep before each store: time for a kill from outside to find documents in flight


class Case:
    def __init__(self, name, stages, readers, events, slow):
        self.name, self.stages, self.readers = name, stages, readers
        self.events = dict(events, commit="write,%s" % STATE, synced="sync,%s" % STATE, any="any,*/work/*")
        self.slow = "slow,%s,1,%d" % (slow, SLOW * 1e6)
        self.mark = "mark,%s,%d" % (slow, 4 if slow.startswith("sync") else 1)  # a database has its tables made first
        self.expected = None
        self.totals = {}
        self.seconds = 0  # that the stores of a run take


FILE = {"store": "write,*/out.*", "cut": "truncate,*/out.*"}
CASES = [
    Case("jsonl", JSONL % (BOTH, ""), [lib.jsonl], FILE, "write,*/out.*"),
    Case("rotation", JSONL % (BOTH, ", rotate: 3000"), [lib.jsonl], dict(FILE, rotation="rename,*/out.*"),
         "write,*/out.*"),
    Case("replace", JSONL % (BOTH, ", mode: replace"), [lib.jsonl], dict(FILE, rotation="rename,*/out.*"),
         "write,*/out.*"),
    Case("csv", CSV % BOTH, [lib.table], FILE, "write,*/out.*"),
    Case("sqlite", SQLITE % BOTH, [lib.database], {"store": "write,*/out.db-wal", "sync": "sync,*/out.db*"},
         "sync,*/out.db-wal"),
    Case("two sinks", JSONL % (BOTH, "") + SQLITE % BOTH, [lib.jsonl, lib.database],
         {"store": "write,*/out.*", "sync": "sync,*/out.*"}, "write,*/out.jsonl"),
    Case("two files", JSONL % (BOTH, "") + MORE % BOTH, [lib.jsonl, lambda f: lib.jsonl(f, "more")],
         {"store": "write,*/out.*", "second": "write,*/more.*", "rotation": "rename,*/more.*"}, "write,*/out.jsonl"),
    Case("splits", SPLIT + JSONL % ("split", "") + MORE % "[split, pages]",
         [lib.jsonl, lambda f: lib.jsonl(f, "more")], {"store": "write,*/out.*", "rotation": "rename,*/more.*"},
         "write,*/out.jsonl"),
    Case("mixed", MIXED + JSONL % ("work", "") + MORE % "[work, pages]",
         [lib.jsonl, lambda f: lib.jsonl(f, "more"), lib.dead_letters],
         {"store": "write,*/out.*", "rotation": "rename,*/more.*"}, "write,*/out.jsonl"),
]


class Session:
    """Kills: a list of (event, action, n), or of parts of the time that what is left will take; the last run has none."""

    def __init__(self, case, kills, seed):
        self.case, self.kills, self.seed = case, kills, seed
        self.landed, self.random, self.flying, self.runs = 0, 0, 0, 0
        self.problem = ""

    def describe(self):
        return "%s: %s" % (self.case.name, "; ".join("%s %s %d" % k if isinstance(k, tuple) else "after %.2f of what is left" % k
                                                     for k in self.kills))


def in_flight(case, folder):
    """Whether documents had been given out by a source and not come to their end, or were stored without a commit that
    knows of it: what a kill may lose or double. Judged by the outputs and a copy of the state as the kill left them."""
    state = lib.checkpoint(folder)
    if any(lib.positions(state.get("source/" + source, b"")) for source in ("records", "pages")):
        return True
    for sink, stem in (("lines", "out"), ("more", "more"), ("table", "out")):
        if "id: %s\n" % sink not in case.stages:
            continue
        ending = ".csv" if sink == "table" else ".jsonl"
        files = lib.rotated(folder, stem, ending)
        part = os.path.join(folder, stem + ending + ".part")
        if os.path.exists(part):
            files = [part]
        record = lib.record_of(state.get("sink/" + sink, b""))
        if not record:
            return any(os.path.getsize(f) for f in files)
        for f in files:
            st = os.stat(f)
            if str(st.st_ino) == record["inode"] and st.st_size > int(record["length"]):
                return True
        if files and str(os.stat(files[-1]).st_ino) != record["inode"]:
            return True
    if "id: store\n" in case.stages and os.path.exists(os.path.join(folder, "out.db")):
        return rows_in(folder) > committed_records(folder, state)
    return False


def rows_in(folder):
    with tempfile.TemporaryDirectory() as copy:
        for name in ("out.db", "out.db-wal"):
            if os.path.exists(os.path.join(folder, name)):
                shutil.copy(os.path.join(folder, name), copy)
        try:
            return sum(lib.database(copy)[0].values())
        except Exception:  # before the first commit there are no tables
            return 0


def committed_records(folder, state):
    """Documents up to the positions that are committed."""
    n = 0
    with open(os.path.join(folder, "..", "in.ndjson"), "rb") as f:
        data = f.read()
    for line in lib.text_of(state.get("source/records", b"")).split("\n"):
        if line.startswith("w "):
            n += data[:int(line.split()[1])].count(b"\n")
    return n + lib.PAGES


def one_session(session, root, keep):
    case = session.case
    base = tempfile.mkdtemp(dir=root)
    folder = os.path.join(base, "work")
    for name in ("in.ndjson", "pages"):
        os.symlink(os.path.join(root, name), os.path.join(base, name))
    os.mkdir(folder)
    lib.pipeline(folder, case.stages)
    try:
        for kill in session.kills + [None] * 3:
            session.runs += 1
            if kill is None:
                run = lib.Run(folder)
            elif isinstance(kill, tuple):
                event, action, n = kill
                run = lib.Run(folder, [case.slow, "%s,%s,%d" % (action, case.events[event], n)])
            else:
                left = 1 - committed_records(folder, lib.checkpoint(folder)) / (lib.RECORDS + lib.PAGES)
                run = lib.Run(folder, [case.slow, case.mark], kill_after=kill * left * case.seconds)
            if run.killed:
                session.landed += 1
            if run.hit:
                session.random += 1
                session.flying += in_flight(case, folder)
            if not run.killed:
                break
        else:
            raise Failed("the run never came to its end")
        check(case, folder, session)
    except Failed as e:
        session.problem = str(e)
    if not session.problem and not keep:
        shutil.rmtree(base)
    return session


def check(case, folder, session):
    for i, reader in enumerate(case.readers):
        found, torn = reader(folder)
        text = lib.difference(found, case.expected[i])
        if torn:
            text += "%d torn: %s\n" % (len(torn), "; ".join(torn[:5]))
        if text:
            raise Failed("output %d in %s:\n%s" % (i, folder, text))
    done = subprocess.run([lib.SLUICE, "state", "check", "state"], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed("sluice state check in %s:\n%s%s" % (folder, done.stdout, done.stderr))
    for name in os.listdir(folder):
        if name.endswith((".rotating", ".part")):
            raise Failed("%s was left in %s" % (name, folder))


def learn(case, root):
    """A run without kills tells what must come out, how long its stores take and how many events there are."""
    base = tempfile.mkdtemp(dir=root)
    folder = os.path.join(base, "work")
    for name in ("in.ndjson", "pages"):
        os.symlink(os.path.join(root, name), os.path.join(base, name))
    os.mkdir(folder)
    lib.pipeline(folder, case.stages)
    names = sorted(case.events)
    run = lib.Run(folder, [case.slow] + ["count,%s,1" % case.events[n] for n in names])
    counts = run.counts()
    case.seconds = counts[0] * SLOW
    case.totals = {n: counts[i + 1] for i, n in enumerate(names)}
    case.expected = []
    for reader in case.readers:
        found, torn = reader(folder)
        if torn or not found or max(found.values()) > 1:
            raise Failed("%s: a run without kills: %s %s" % (case.name, torn, found.most_common(3)))
        case.expected.append(found)
    if "work" not in case.stages and "split" not in case.stages and len(case.expected[0]) != lib.RECORDS + lib.PAGES:
        raise Failed("%s: %d documents came out of %d" % (case.name, len(case.expected[0]), lib.RECORDS + lib.PAGES))
    shutil.rmtree(base)


def plan(case, wanted, rng):
    """Sessions with about `wanted` kills: two in three at the n-th event, one at a random moment."""
    sessions = []
    kills = 0
    events = sorted(e for e in case.events if case.totals[e] or e == "cut")
    turn = 0
    while kills < wanted * 0.8:
        event = events[turn % len(events)]
        total = max(case.totals[event], 3)
        action = rng.choice(("kill", "half", "after"))
        last = max(1, total * 9 // 10)  # of a run; the next one may have fewer
        n = 1 + (turn // len(events)) * max(1, last // 12) % last if turn % 2 else rng.randint(1, last)
        second = (rng.choice(events), rng.choice(("kill", "half", "after")), rng.randint(1, 6))
        first = ("store" if event == "cut" else event, action, n)
        third = (event, "kill", rng.randint(1, 2)) if event == "cut" else second
        sessions.append(Session(case, [first, third], turn))
        kills += 2
        turn += 1
    while kills < wanted * 1.2:  # some come when the run has ended
        sessions.append(Session(case, [rng.uniform(0, 0.8), rng.uniform(0, 0.8)], turn))
        kills += 2
        turn += 1
    return sessions


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true", help="thousands of kills")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all sessions")
    args = parser.parse_args()
    seed = args.seed or random.randrange(1, 1 << 30)
    wanted = args.kills or (4000 if args.long else 240)
    cases = [c for c in CASES if not args.only or c.name == args.only]
    root = tempfile.mkdtemp(prefix="sluice-kill-")
    lib.write_corpus(root)
    print("seed %d, about %d kills, in %s" % (seed, wanted, root))
    begun = time.monotonic()
    failed = []
    landed = runs = hits = flying = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for case in cases:
            try:
                learn(case, root)
            except Failed as e:
                failed.append("%s: %s" % (case.name, e))
                continue
            sessions = plan(case, wanted / len(cases), random.Random("%d %s" % (seed, case.name)))
            done = list(pool.map(lambda s: one_session(s, root, args.keep), sessions))
            bad = [s for s in done if s.problem]
            failed += ["%s\n%s" % (s.describe(), s.problem) for s in bad]
            kills = sum(s.landed for s in done)
            random_kills, in_air = sum(s.random for s in done), sum(s.flying for s in done)
            print("%-10s %4d kills in %4d runs, %3d random, %3d of them with documents in flight, %d sessions failed; %s" %
                  (case.name, kills, sum(s.runs for s in done), random_kills, in_air, len(bad), case.totals))
            sys.stdout.flush()
            landed += kills
            runs += sum(s.runs for s in done)
            hits += random_kills
            flying += in_air
    print("%d kills in %d runs, %.0f s; %d of %d random kills (%.0f %%) hit documents in flight" %
          (landed, runs, time.monotonic() - begun, flying, hits, 100.0 * flying / max(1, hits)))
    if not args.only and landed < wanted * 0.8:
        failed.append("only %d kills landed, %d were planned" % (landed, wanted))
    if hits and flying < 0.8 * hits:
        failed.append("only %d of %d random kills hit documents in flight" % (flying, hits))
    for text in failed[:12]:
        print("FAILED " + text)
    if failed:
        print("%d failures; seed %d" % (len(failed), seed))
        return 1
    shutil.rmtree(root, ignore_errors=True)
    print("0 lost, 0 doubled, 0 torn")
    return 0


sys.exit(main())
