#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Minutes of daily life: what a pipeline takes must be flat at the end, and every document stored once.

    tests/bench/run.sh --soak MINUTES [--build FOLDER] [--rate N] [--json FILE]

One process is fed by a watched folder, by HTTP and by a source on a schedule, at once. Files come and are taken away, a
database that it writes to is locked by another program at times, so that its breaker opens and its documents wait in the
spool, and the pipeline file changes, for good and for bad, with a reload each time. Memory, descriptors, threads and the
size of the state are read from /metrics; the last quarter must be like the second.
"""
import argparse
import collections
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

PIPELINE = """
name: soak
state: { path: ./state, checkpoint: 100ms }
dead_letters: { max: 1000, when_full: drop_oldest }
budget: 64MiB
log: warn
stages:
  - id: folder
    uses: fetch_files
    with: { paths: ["./inbox/*.ndjson"], watch: true, poll: 200ms, settle: 100ms }
    provides: [/n]
  - id: timetable
    uses: fetch_files
    with: { paths: ["./ticks.ndjson"] }
    schedule: { every: 1s }
    provides: [/n]
  - id: web
    uses: fetch_listen
    with: { listen: "unix:${PWD}/web.sock", token: "${SOAK_TOKEN}" }
    provides: [/n]
  - id: mark
    uses: set
    from: [folder, timetable, web]
    with: { set: { /version: %d } }
  - id: lines
    uses: sink_jsonl
    with: { path: ./out/lines.jsonl, rotate: 16MiB }
  - id: table
    uses: sink_sqlite
    from: mark
    with: { path: ./table.db, key: /n, busy_timeout: 50ms }
    on_error: { retry: -1, backoff: 100ms, backoff_max: 1s, breaker: 3 }
"""
BAD = "\nstages:\n  - id: folder\n    uses: no_such_stage\n"


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("sluice", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def write(path, text):
    with open(path + ".part", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".part", path)


def document(n):
    return json.dumps({"n": n, "title": "Thủ tướng yêu cầu %s" % n, "text": "Đẩy nhanh tiến độ. " * 20}, ensure_ascii=False)


class Soak:
    def __init__(self, args):
        self.args = args
        self.sluice = os.path.join(os.path.abspath(args.build), "bin", "sluice")
        self.folder = tempfile.mkdtemp(prefix="sluice-soak-", dir=os.path.abspath(args.build))
        os.chdir(self.folder)
        for name in ("inbox", "out"):
            os.mkdir(name)
        self.given = {"folder": 0, "web": 0}
        self.ticks, self.refused, self.locks, self.reloads, self.version = 0, 0, 0, 0, 1
        self.samples, self.trouble = [], []
        self.stop = threading.Event()
        write("ticks.ndjson", document("t0") + "\n")
        write("p.yaml", PIPELINE % 1)

    # ---- feeding ----

    def feed_folder(self):
        """A file every 200 ms; what is older than 10 s is taken away, as an archiver would."""
        files = collections.deque()
        while not self.stop.wait(0.2):
            name = "inbox/%08d.ndjson" % self.given["folder"]
            n = max(1, self.args.rate // 10)
            write(name, "".join(document("f%d" % (self.given["folder"] + i)) + "\n" for i in range(n)))
            self.given["folder"] += n
            files.append((time.monotonic(), name))
            while files[0][0] < time.monotonic() - 10:
                os.unlink(files.popleft()[1])

    def feed_web(self):
        """Posts of ten; one that is not answered with 202 comes again, as the sender of a real one would try."""
        connection, n = None, 0
        token = {"Authorization": "Bearer soak", "Content-Type": "application/x-ndjson"}
        while not self.stop.wait(10 / max(1, self.args.rate // 2)):
            body = "".join(document("w%d" % (n + i)) + "\n" for i in range(10)).encode()
            try:
                connection = connection or Unix("web.sock")
                connection.request("POST", "/documents", body, token)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    n += 10
                    self.given["web"] = n
                else:
                    self.refused += 1
                    if answer.status not in (429, 503):
                        self.trouble.append("a post was answered %d" % answer.status)
                        return
                if answer.will_close:
                    connection = None
            except (OSError, http.client.HTTPException):
                connection = None

    def feed_timetable(self):
        while not self.stop.wait(0.7):
            self.ticks += 1
            write("ticks.ndjson", document("t%d" % self.ticks) + "\n")

    # ---- disturbing ----

    def lock_table(self):
        """Another program holds the database for 3 s, each 20 s."""
        while not self.stop.wait(17 if self.locks else 6):
            other = sqlite3.connect("table.db", timeout=10)
            try:
                other.execute("BEGIN EXCLUSIVE")
                self.locks += 1
                self.stop.wait(3)
                other.rollback()
            except sqlite3.OperationalError:
                pass
            other.close()

    def reload(self):
        """Good, bad, good, …: each 5 s."""
        while not self.stop.wait(5):
            self.reloads += 1
            if self.reloads % 3 == 2:
                write("p.yaml", PIPELINE % self.version + BAD)
            else:
                self.version += 1
                write("p.yaml", PIPELINE % self.version)
            self.process.send_signal(signal.SIGHUP)

    # ---- looking ----

    def look(self):
        c = Unix("state/admin.sock")
        c.request("GET", "/metrics")
        text = c.getresponse().read().decode()
        c.close()
        return {m.group(1): float(m.group(2)) for m in re.finditer(r'^sluice_(\w+)\{pipeline="soak"\} (\S+)$', text, re.M)}

    def say(self, at, m):
        print("%5.0f s  in %8d  stored %8d  in flight %6d  spool %6d  rss %6.1f MiB  fds %3d  threads %3d  state %6.1f MiB  dead %d" %
              (at, m["documents_in_total"], m["documents_stored_total"], m["documents_in_flight"], m["spool_documents"],
               m["process_resident_bytes"] / 2**20, m["process_open_fds"], m["process_threads"], m["state_bytes"] / 2**20,
               m["dead_letters"]), flush=True)

    def watch(self, seconds):
        begin, said = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            time.sleep(0.5)
            if self.process.poll() is not None:
                raise SystemExit("the pipeline ended with %d:\n%s" % (self.process.returncode, open("log").read()[-3000:]))
            m = self.look()
            self.samples.append(m)
            at = time.monotonic() - begin
            if at >= said:
                self.say(at, m)
                said += max(10, seconds / 30)

    def settle(self):
        """Until everything that was given has come to its end."""
        end = time.monotonic() + 120
        while True:
            m = self.look()
            if m["documents_in_flight"] == 0 and m["spool_documents"] == 0 and m["checkpoint_lag_seconds"] == 0:
                done = self.stored()
                if all(len(done["table"][k]) >= self.given[k] for k in self.given):
                    return m
            if time.monotonic() > end:
                self.trouble.append("it did not come to rest in 120 s: %s" % {k: v for k, v in m.items() if "spool" in k or "flight" in k})
                return m
            time.sleep(0.5)

    # ---- judging ----

    def stored(self):
        """How often each number stands in each output, by where it came from."""
        kinds = {"f": "folder", "w": "web", "t": "timetable"}
        found = {s: {k: collections.Counter() for k in kinds.values()} for s in ("lines", "table")}
        for path in glob.glob("out/*.jsonl"):
            with open(path, encoding="utf-8") as f:
                for line in f:
                    if line.endswith("\n"):
                        n = json.loads(line)["n"]
                        found["lines"][kinds[n[0]]][n] += 1
        try:
            db = sqlite3.connect("file:table.db?mode=ro", uri=True, timeout=10)
            for (n,) in db.execute("SELECT json_extract(json, '$.n') FROM documents"):
                found["table"][kinds[n[0]]][n] += 1
            db.close()
        except sqlite3.OperationalError as error:
            self.trouble.append("the table cannot be read: %s" % error)
        return found

    def check_stored(self):
        found, figures = self.stored(), {}
        for sink, by_source in found.items():
            for source, counts in by_source.items():
                doubled = sum(1 for v in counts.values() if v > 1)
                lost = self.given[source] - len(counts) if source in self.given else 0
                figures["%s from %s" % (sink, source)] = {"stored": len(counts), "lost": lost, "doubled": doubled}
                if lost > 0 or doubled:
                    self.trouble.append("%s from %s: %d lost, %d doubled" % (sink, source, lost, doubled))
        if not found["lines"]["timetable"]:
            self.trouble.append("the source on a schedule gave nothing")
        return figures

    def check_flat(self):
        """The last quarter beside the second: growth, and how much of it is let pass as noise."""
        n, figures = len(self.samples), {}
        bounds = {"process_resident_bytes": (0.10, 4 << 20), "process_open_fds": (0, 6), "process_threads": (0, 2),
                  "state_bytes": (0.25, 4 << 20)}
        for name, (share, plus) in bounds.items():
            second = statistics.median(s[name] for s in self.samples[n // 4:n // 2])
            last = statistics.median(s[name] for s in self.samples[3 * n // 4:])
            most = max(s[name] for s in self.samples)
            figures[name] = {"second quarter": second, "last quarter": last, "most": most}
            # A shorter run ends before everything has found its size: the write-ahead log alone grows to 64 MiB.
            if self.args.minutes >= 3 and last > second * (1 + share) + plus:
                self.trouble.append("%s is not flat: %.0f in the second quarter, %.0f in the last" % (name, second, last))
        return figures

    def run(self):
        threads = []
        log = open("log", "wb")
        env = dict(os.environ, SOAK_TOKEN="soak", XDG_CACHE_HOME=os.path.join(self.folder, "cache"))
        self.process = subprocess.Popen([self.sluice, "run", "p.yaml"], stdout=log, stderr=log, env=env)
        end = time.monotonic() + 30
        while not os.path.exists("state/admin.sock"):
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit("it did not start:\n" + open("log").read()[-3000:])
            time.sleep(0.05)
        try:
            for work in (self.feed_folder, self.feed_web, self.feed_timetable, self.lock_table, self.reload):
                threads.append(threading.Thread(target=work, daemon=True))
                threads[-1].start()
            self.watch(self.args.minutes * 60)
            self.stop.set()
            for thread in threads:
                thread.join()
            last = self.settle()
            self.say(self.args.minutes * 60, last)
        finally:
            self.stop.set()
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(timeout=60)
        if code != 143:
            self.trouble.append("it ended with %d after SIGTERM" % code)
        spooled = max(s["spool_documents"] for s in self.samples)
        return {"minutes": self.args.minutes, "given": self.given, "posts refused": self.refused, "locks": self.locks,
                "reloads": self.reloads, "most in the spool": spooled, "stored": self.check_stored(), "flat": self.check_flat()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--rate", type=int, default=400, help="documents a second, about")
    parser.add_argument("--json", help="writes the figures to this file")
    parser.add_argument("--keep", action="store_true", help="leaves the folder with state and outputs")
    args = parser.parse_args()
    soak = Soak(args)
    figures = soak.run()
    print(json.dumps(figures, indent=2))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=2)
    for text in soak.trouble:
        print("FAILED: " + text)
    if args.keep or soak.trouble:
        print("see " + soak.folder)
    else:
        os.chdir("/")
        shutil.rmtree(soak.folder)
    sys.exit(1 if soak.trouble else 0)


main()
