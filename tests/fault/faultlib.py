# SPDX-License-Identifier: Apache-2.0
"""Runs the real binary with faults (preload.c), and says what its outputs hold."""
import collections
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

SOURCE = os.environ.get("SLUICE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLUICE_BUILD") or os.path.join(SOURCE, "build", "dev")
SLUICE = os.path.join(BUILD, "bin", "sluice")
PRELOAD = os.path.join(BUILD, "tests", "fault", "faultpreload.so")
LIMIT = 120  # seconds for one run; a hang is a failure

RECORDS = 300
PAGES = 10


class Failed(Exception):
    pass


# ---- input ----------------------------------------------------------------------------------------------------------


def write_corpus(folder, records=RECORDS, pages=PAGES):
    """One NDJSON file and some whole ones. Lines differ in length, so that cuts fall everywhere."""
    os.makedirs(os.path.join(folder, "pages"))
    with open(os.path.join(folder, "in.ndjson"), "w", encoding="utf-8") as f:
        for i in range(records):
            text = "Bài số %d: " % i + "chữ " * (i * 7 % 40)
            f.write(json.dumps({"ids": [str(i)], "id": "r%d" % i, "text": text}, ensure_ascii=False) + "\n")
    for i in range(pages):
        with open(os.path.join(folder, "pages", "p%02d.txt" % i), "w", encoding="utf-8") as f:
            f.write("Trang %d\n" % i + "Một dòng chữ.\n" * (i * 5))


HEAD = """name: fault
state: { path: "%(state)s", checkpoint: %(checkpoint)s }
plugin_path: [ "%(plugins)s" ]
stages:
  - id: records
    uses: fetch_files
    with: { paths: ../in.ndjson }
  - id: pages
    uses: fetch_files
    with: { paths: "../pages/*.txt" }
"""


def pipeline(folder, stages, state="state", checkpoint="8ms"):
    with open(os.path.join(folder, "p.yaml"), "w", encoding="utf-8") as f:
        f.write(HEAD % {"state": state, "checkpoint": checkpoint, "plugins": os.path.join(BUILD, "tests", "plugins")})
        f.write(stages)


# ---- runs -----------------------------------------------------------------------------------------------------------


class Run:
    """One run of p.yaml in a folder, with faults. kill_after: seconds after its mark (a rule of the preloaded library)
    after which it gets SIGKILL from outside."""

    def __init__(self, folder, faults=(), kill_after=None, extra=()):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_FAULT")}
        env["XDG_CACHE_HOME"] = os.path.join(BUILD, "e2e-cache")
        self.note = os.path.join(folder, "note")
        if os.path.exists(self.note):
            os.unlink(self.note)
        if faults:
            env.update(LD_PRELOAD=PRELOAD, SLUICE_FAULT=";".join(faults), SLUICE_FAULT_NOTE=self.note)
        self.hit = False  # killed from outside while it ran
        with open(os.path.join(folder, "log"), "w+b") as log:
            process = subprocess.Popen([SLUICE, "run", "p.yaml", *extra], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
            try:
                if kill_after is not None:
                    self.wait_for_mark(process)
                process.wait(LIMIT if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                self.hit = True
                process.kill()
                process.wait(LIMIT)
                if kill_after is None:
                    raise Failed("the run in %s did not end within %d s" % (folder, LIMIT))
            log.seek(0)
            self.log = log.read().decode(errors="replace")
        self.code = process.returncode
        self.killed = self.code == -signal.SIGKILL
        if not self.killed and self.code not in (0, 3):
            raise Failed("a run in %s ended with %d:\n%s" % (folder, self.code, self.log[-2000:]))

    def wait_for_mark(self, process):
        end = time.monotonic() + LIMIT
        while process.poll() is None and not os.path.exists(self.note) and time.monotonic() < end:
            time.sleep(0.001)

    def counts(self):
        """Calls that each rule has met, of a run that came to its end."""
        found = {}
        with open(self.note) as f:
            for line in f:
                word = line.split()
                if word[0] == "count":
                    found[int(word[1])] = int(word[2])
        return found


class Live:
    """A run in the background whose log can be waited for."""

    def __init__(self, folder, faults=(), extra=()):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_FAULT")}
        env["XDG_CACHE_HOME"] = os.path.join(BUILD, "e2e-cache")
        if faults:
            env.update(LD_PRELOAD=PRELOAD, SLUICE_FAULT=";".join(faults))
        self.folder, self.path = folder, os.path.join(folder, "log")
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen([SLUICE, "run", "p.yaml", *extra], cwd=folder, env=env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        with open(self.path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, what, test):
        """Waits until test() holds while the process runs."""
        end = time.monotonic() + LIMIT
        while not test():
            if self.process.poll() is not None and not test():
                raise Failed("the run ended with %d before %s:\n%s" % (self.process.returncode, what, self.log()[-2000:]))
            if time.monotonic() > end:
                self.process.kill()
                raise Failed("%s did not come within %d s:\n%s" % (what, LIMIT, self.log()[-2000:]))
            time.sleep(0.01)

    def wait_log(self, text):
        self.wait_for("%r in the log" % text, lambda: text in self.log())

    def finish(self, code=0):
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed("the run in %s did not end within %d s:\n%s" % (self.folder, LIMIT, self.log()[-2000:])) from None
        if self.process.returncode != code:
            raise Failed("expected exit code %d, found %d:\n%s" % (code, self.process.returncode, self.log()[-2000:]))
        return self.log()


# ---- outputs --------------------------------------------------------------------------------------------------------


def name_of(doc):
    """What tells one document from another: its id, and its parts where a stage splits."""
    return "%s/%s" % (doc.get("id"), ",".join(doc.get("ids", []))) if isinstance(doc, dict) else "?"


def read_lines(path, found, torn):
    with open(path, "rb") as f:
        data = f.read()
    if data and not data.endswith(b"\n"):
        torn.append("%s ends with %r" % (path, data[-40:]))
    for line in data.split(b"\n")[:-1]:
        try:
            found[name_of(json.loads(line))] += 1
        except ValueError:
            torn.append("%s: %r" % (path, line[:80]))


def rotated(folder, stem, ending):
    """The rotated files and the one in work, in order."""
    numbers = []
    for name in os.listdir(folder):
        middle = name[len(stem) + 1:-len(ending)] if name.startswith(stem + ".") and name.endswith(ending) else ""
        if middle.isdigit():
            numbers.append(int(middle))
    names = ["%s.%d%s" % (stem, n, ending) for n in sorted(numbers)] + [stem + ending]
    return [os.path.join(folder, n) for n in names if os.path.exists(os.path.join(folder, n))]


def jsonl(folder, stem="out"):
    found, torn = collections.Counter(), []
    for path in rotated(folder, stem, ".jsonl"):
        read_lines(path, found, torn)
    return found, torn


def table(folder, stem="out"):
    found, torn = collections.Counter(), []
    path = os.path.join(folder, stem + ".csv")
    with open(path, "rb") as f:
        if not f.read().endswith(b"\r\n"):
            torn.append(path)
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.reader(f))
    if rows[0] != ["id", "ids", "text"]:
        torn.append("headings: %r" % rows[0])
    for row in rows[1:]:
        if len(row) != 3:
            torn.append(repr(row))
        else:
            found["%s/%s" % (row[0], row[1])] += 1
    return found, torn


def database(folder, stem="out"):
    found, torn = collections.Counter(), []
    db = sqlite3.connect(os.path.join(folder, stem + ".db"))
    for (text,) in db.execute("SELECT json FROM documents"):
        found[name_of(json.loads(text))] += 1
    answer = db.execute("PRAGMA integrity_check").fetchone()[0]
    if answer != "ok":
        torn.append("integrity_check: %s" % answer)
    index = db.execute("SELECT count(*) FROM search('trang OR bai')").fetchone()[0]
    rows = db.execute("SELECT count(*) FROM documents WHERE text IS NOT NULL").fetchone()[0]
    if index != rows:
        torn.append("the search index has %d documents of %d" % (index, rows))
    db.close()
    return found, torn


def dead_letters(folder):
    """Of the state folder; a document that went there twice is doubled."""
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(folder, "state", "state.db"), uri=True)
    try:
        rows = db.execute("SELECT stage, uri, locator, splits, body FROM dead_letters").fetchall()
    finally:
        db.close()
    torn = [row[1] + row[2] for row in rows if not row[4].startswith(b"{")]
    return collections.Counter("%s %s %s %s" % (row[0], os.path.basename(row[1]), row[2], row[3]) for row in rows), torn


def difference(found, expected):
    """Documents lost and doubled, as text; "" if there are none."""
    lost = sorted((expected - found).elements())
    doubled = sorted((found - expected).elements())
    text = ""
    if lost:
        text += "%d lost: %s\n" % (len(lost), " ".join(lost[:20]))
    if doubled:
        text += "%d doubled: %s\n" % (len(doubled), " ".join(doubled[:20]))
    return text


# ---- what the state has ---------------------------------------------------------------------------------------------


def checkpoint(folder):
    """The committed checkpoint of a run that was killed: read from a copy, so that looking changes nothing."""
    state = os.path.join(folder, "state")
    if not os.path.exists(os.path.join(state, "state.db")):
        return {}
    with tempfile.TemporaryDirectory() as copy:
        for name in ("state.db", "state.db-wal"):
            if os.path.exists(os.path.join(state, name)):
                shutil.copy(os.path.join(state, name), copy)
        db = sqlite3.connect(os.path.join(copy, "state.db"))
        try:
            return dict(db.execute("SELECT key, value FROM checkpoint"))
        except sqlite3.OperationalError:
            return {}
        finally:
            db.close()


def text_of(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def positions(value):
    """1 if a source's committed position says that documents behind it had been given out."""
    words = dict(line.split(None, 1) for line in text_of(value).split("\n") if line[:2] in ("w ", "h "))
    return bool(words) and int(words["h"]) > int(words["w"])


def record_of(value):
    """The ledger's record of a file sink as a map."""
    return dict(part.split("=", 1) for part in text_of(value).split(" ")[1:] if "=" in part)
