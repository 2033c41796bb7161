# SPDX-License-Identifier: Apache-2.0
"""Documents that are posted while the process is killed again and again, also in the middle of reloads: each that was
answered with 202 is stored once, in lines and in a database; one whose answer was lost is stored at most once."""
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import faultlib as lib
from faultlib import Failed

PIPELINE = """name: posted
state: { path: state, checkpoint: 20ms }
stages:
  - id: in
    uses: fetch_listen
    with: { listen: "unix:%s/in.sock", accept: json }
  - id: lines
    uses: sink_jsonl
    batch: { documents: 5 }
    with: { path: out.jsonl, rotate: 20000 }
  - id: store
    uses: sink_sqlite
    from: in
    with: { path: out.db }
"""
KILLS = 12


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client(threading.Thread):
    """Posts documents, one a request, until it is told to stop; never sends one twice."""

    def __init__(self, path, name):
        super().__init__()
        self.path, self.prefix = path, name
        self.accepted, self.unknown, self.ends = set(), set(), threading.Event()

    def run(self):
        n = 0
        connection = None
        while not self.ends.is_set():
            name = "%s-%d" % (self.prefix, n)
            n += 1
            try:
                connection = connection or Unix(self.path)
                connection.request("POST", "/documents", json.dumps({"id": name, "text": "Bài " + "tin " * (n % 30)}),
                                   {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    self.accepted.add(name + "/")
            except (OSError, http.client.HTTPException):
                self.unknown.add(name + "/")
                connection = None
                self.ends.wait(0.002)


def start(folder):
    log = open(os.path.join(folder, "log"), "ab")
    with log:
        return subprocess.Popen([lib.SLUICE, "run", "p.yaml"], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def until(what, test, process, folder):
    end = time.monotonic() + lib.LIMIT
    while not test():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as f:
                raise Failed("%s did not come: exit %s\n%s" % (what, process.poll(), f.read()[-3000:]))
        time.sleep(0.005)


def kill_and_count(folder):
    with open(os.path.join(folder, "p.yaml"), "w", encoding="utf-8") as f:
        f.write(PIPELINE % folder)
    clients = [Client(os.path.join(folder, "in.sock"), "c%d" % i) for i in range(3)]
    process = start(folder)
    until("the socket", lambda: os.path.exists(os.path.join(folder, "in.sock")), process, folder)
    for client in clients:
        client.start()
    try:
        for turn in range(KILLS):
            before = sum(len(c.accepted) for c in clients)
            until("an answer", lambda: sum(len(c.accepted) for c in clients) > before + 20, process, folder)
            if turn % 2:
                process.send_signal(signal.SIGHUP)  # killed in the middle of a reload
            time.sleep(random.uniform(0, 0.03))  # the moment of the kill, not a wait for something
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = start(folder)
    finally:
        for client in clients:
            client.ends.set()
        for client in clients:
            client.join()
    accepted = set().union(*(c.accepted for c in clients))
    unknown = set().union(*(c.unknown for c in clients))
    for reader in (lib.jsonl, lib.database):
        until("the last document", lambda read=reader: set(read(folder)[0]) >= accepted, process, folder)
    process.send_signal(signal.SIGTERM)
    process.wait(lib.LIMIT)
    for reader in (lib.jsonl, lib.database):
        found, torn = reader(folder)
        lost = accepted - set(found)
        doubled = [n for n in found if found[n] > 1]
        strange = set(found) - accepted - unknown
        if torn or lost or doubled or strange:
            raise Failed("%s: torn %s, lost %s, doubled %s, strange %s" %
                         (reader.__name__, torn[:5], sorted(lost)[:9], doubled[:9], sorted(strange)[:9]))
    print("%d kills, %d documents answered with 202, %d answers lost: 0 lost, 0 doubled, 0 torn" %
          (KILLS, len(accepted), len(unknown)))


def main():
    folder = tempfile.mkdtemp(prefix="sluice-listen-")
    try:
        kill_and_count(folder)
    except Failed as e:
        print("FAILED %s" % e)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


sys.exit(main())
