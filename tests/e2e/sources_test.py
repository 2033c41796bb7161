#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sources that stay, with the real binary: logs that grow and are rotated, pages that are edited, documents that are posted,
while the process is killed again and again. Nothing is lost, nothing is doubled. SLUICE_KILLS is the number of kills."""
import http.client
import json
import os
import random
import re
import select
import signal
import subprocess
import threading

from lib import SANITIZED, SLUICE, environment, lines, main, read, same, true, wait_until, write

KILLS = int(os.environ.get("SLUICE_KILLS") or (3 if SANITIZED else 8))


class Run:
    """One life of the pipeline; its log goes to a file."""

    def __init__(self, n):
        self.log = "log-%d" % n
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([SLUICE, "run", "p.yaml"], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env=environment())

    def port(self):
        def found():
            return re.search(r"listening on 127\.0\.0\.1:(\d+)", read(self.log))
        wait_until(lambda: found() or self.process.poll() is not None, "the port in " + self.log)
        true(found(), read(self.log))
        return int(found().group(1))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        true(self.process.returncode in (0, 3, 143), "exit %d\n%s" % (self.process.returncode, read(self.log)))


def ids(path):
    return [d["id"] for d in lines(path)] if os.path.exists(path) else []


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def once(path, expected):
    """Every expected id is there, and none twice."""
    found = ids(path)
    same(len(found), len(set(found)), "doubled: %s" % sorted(i for i in set(found) if found.count(i) > 1)[:5])
    true(set(expected) <= set(found), "lost: %s" % sorted(set(expected) - set(found))[:5])
    return set(found)


def test_logs_that_grow_and_rotate():
    write("p.yaml", """
name: logs
state: { path: st, checkpoint: 20ms }
stages:
  - id: logs
    uses: fetch_files
    with: { paths: "in/*", format: ndjson, watch: true, poll: 10ms }
  - id: out
    uses: sink_jsonl
    with: { path: out.jsonl }
""")
    os.mkdir("in")
    rng = random.Random(7)
    written, end, rotated = [], threading.Event(), [0, 0]

    def writer():
        logs = [open("in/%d.log" % k, "ab", buffering=0) for k in range(2)]
        while not end.is_set():
            k = rng.randrange(2)
            for _ in range(rng.randrange(1, 40)):
                line = json.dumps({"id": str(len(written)), "text": "x" * rng.randrange(200)}).encode() + b"\n"
                cut = rng.randrange(len(line))  # half a line is often seen
                logs[k].write(line[:cut])
                logs[k].write(line[cut:])
                written.append(str(len(written)))
            if rng.random() < 0.05 and rotated[k] < 20:
                for n in range(rotated[k], 0, -1):
                    os.rename("in/%d.log.%d" % (k, n), "in/%d.log.%d" % (k, n + 1))
                os.rename("in/%d.log" % k, "in/%d.log.1" % k)
                rotated[k] += 1
                logs[k].close()
                logs[k] = open("in/%d.log" % k, "ab", buffering=0)
            select.select([], [], [], 0.002)  # the rate of a log
        for f in logs:
            f.close()

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        for n in range(KILLS):
            run = Run(n)
            more = size("out.jsonl") + rng.randrange(1000, 60000)
            wait_until(lambda: size("out.jsonl") > more, "documents after start %d" % n)
            run.kill()
    finally:
        end.set()
        thread.join()
    run = Run(KILLS)
    wait_until(lambda: count("out.jsonl") >= len(written), "all %d lines" % len(written))
    run.stop()
    same(once("out.jsonl", written), set(written))


def count(path):
    """The whole lines of a file that is being written."""
    return read(path).count("\n") if os.path.exists(path) else 0


def ids_whole(path):
    return {json.loads(line)["id"] for line in read(path).split("\n")[:-1]}


def test_posted_documents():
    write("p.yaml", """
name: posted
state: { path: st, checkpoint: 20ms }
stages:
  - id: posted
    uses: fetch_listen
    with: { listen: "127.0.0.1:0", accept: json }
  - id: out
    uses: sink_jsonl
    with: { path: out.jsonl }
""")
    accepted, sent, lock, port, end = [], [], threading.Lock(), [None], threading.Event()

    def client(number):
        rng = random.Random(number)
        connection, at = None, None
        while not end.is_set():
            if port[0] is None or at != port[0]:
                at = port[0]
                connection = http.client.HTTPConnection("127.0.0.1", at, timeout=30) if at else None
                if not at:
                    select.select([], [], [], 0.005)
                    continue
            with lock:
                batch = ["%d" % (len(sent) + i) for i in range(rng.choice([1, 1, 5, 50]))]
                sent.extend(batch)
            body = "\n".join(json.dumps({"id": i, "text": "chữ" * rng.randrange(300)}) for i in batch).encode()
            try:
                connection.request("POST", "/documents", body, {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    with lock:
                        accepted.extend(batch)
                else:
                    true(answer.status in (429, 503), "status %d" % answer.status)
                    connection.close()
            except (OSError, http.client.HTTPException):
                connection.close()
                if port[0] == at:
                    select.select([], [], [], 0.005)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    rng = random.Random(3)
    try:
        for n in range(KILLS):
            run = Run(n)
            port[0] = run.port()
            more = len(accepted) + rng.randrange(50, 2000)
            wait_until(lambda: len(accepted) > more, "answers after start %d" % n)
            run.kill()
            port[0] = None
        run = Run(KILLS)
        port[0] = run.port()
        more = len(accepted) + 100
        wait_until(lambda: len(accepted) > more, "answers at the end")
    finally:
        end.set()
        for t in threads:
            t.join()
    wait_until(lambda: count("out.jsonl") >= len(accepted) and set(accepted) <= ids_whole("out.jsonl"), "what was accepted")
    run.stop()
    once("out.jsonl", accepted)
    true(set(ids("out.jsonl")) <= set(sent), "documents that nobody sent")


def test_edited_pages_replace_their_older_revision():
    write("p.yaml", """
name: pages
state: st
stages:
  - id: pages
    uses: fetch_files
    with: { paths: "in/*.txt", watch: true, poll: 10ms, settle: 20ms }
  - id: clean
    uses: clean
  - id: out
    uses: sink_sqlite
    with: { path: out.db }
""")
    import sqlite3
    write("in/a.txt", "Bản thứ nhất của bài viết.\n")
    write("in/b.txt", "Một bài khác.\n")

    def texts():
        if not os.path.exists("out.db"):
            return []
        try:
            db = sqlite3.connect("file:out.db?mode=ro", uri=True)
            rows = db.execute("SELECT text FROM documents ORDER BY key").fetchall()
            db.close()
            return [r[0].strip() for r in rows]
        except sqlite3.OperationalError:
            return []

    run = Run(0)
    wait_until(lambda: len(texts()) == 2, "two pages")
    write("in/.new", "Bản thứ hai của bài viết.\n")
    os.rename("in/.new", "in/a.txt")
    wait_until(lambda: texts() == ["Bản thứ hai của bài viết.", "Một bài khác."], "the second revision: %r" % texts())
    run.kill()
    write("in/b.txt", "Một bài khác, đã sửa.\n")
    write("in/c.txt", "Bài mới.\n")
    run = Run(1)
    wait_until(lambda: texts() == ["Bản thứ hai của bài viết.", "Một bài khác, đã sửa.", "Bài mới."], "what changed meanwhile")
    run.stop()


if __name__ == "__main__":
    main(globals())
