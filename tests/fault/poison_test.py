# SPDX-License-Identifier: Apache-2.0
"""Documents that crash the process, under a restart loop: each goes to the dead letters after two crashes, with stage and
signal; every other document is stored once."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import faultlib as lib
from faultlib import Failed

PIPELINE = """name: poison
state: state
plugin_path: [ "%(plugins)s" ]
lanes: 2
stages:
  - id: in
    uses: fetch_files
    with: { paths: in.ndjson }
  - id: work
    uses: teststages.%(type)s
    with: { seed: %(seed)d, crash: %(crash)d, crash_signal: %(signal)d }
  - id: lines
    uses: sink_jsonl
    with: { path: out.jsonl }
"""

CASES = (
    # name, stage type, documents, chance per mille, signal, runs at most for each poisoned document
    ("a lane", "test_work", 1000, 10, signal.SIGSEGV, 2),
    ("an abort in a lane", "test_work", 300, 10, signal.SIGABRT, 2),
    ("a thread of its own", "test_serial", 300, 10, signal.SIGSEGV, 2),
    ("a kill without a trace", "test_work", 300, 7, signal.SIGKILL, 7),
)


def once(folder):
    env = dict(os.environ, XDG_CACHE_HOME=os.path.join(lib.BUILD, "e2e-cache"))
    run = subprocess.run([lib.SLUICE, "run", "p.yaml"], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=lib.LIMIT, check=False)
    return run.returncode, run.stdout.decode(errors="replace")


def dead_letters(folder):
    out = subprocess.run([lib.SLUICE, "dlq", "export", "state"], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.decode().splitlines()]


def case(folder, name, stage, documents, crash, signum, most):
    with open(os.path.join(folder, "in.ndjson"), "w", encoding="utf-8") as f:
        for i in range(documents):
            f.write('{"ids":["%d"],"id":"r%d"}\n' % (i, i))
    with open(os.path.join(folder, "p.yaml"), "w", encoding="utf-8") as f:
        f.write(PIPELINE % {"plugins": os.path.join(lib.BUILD, "tests", "plugins"), "type": stage, "seed": 12,
                            "crash": crash, "signal": signum})
    crashes, code, log = 0, -1, ""
    while code < 0:
        code, log = once(folder)
        if code < 0:
            crashes += 1
            if -code != signum:
                raise Failed("%s: ended by signal %d, not %d:\n%s" % (name, -code, signum, log[-1500:]))
        if crashes > documents:
            raise Failed("%s: still crashing after %d runs:\n%s" % (name, crashes, log[-1500:]))
    if code != 3:
        raise Failed("%s: the last run ended with %d, not 3 (dead letters):\n%s" % (name, code, log[-1500:]))
    dead = dead_letters(folder)
    poisoned = {d["document"]["id"] for d in dead}
    with open(os.path.join(folder, "out.jsonl"), encoding="utf-8") as f:
        stored = [json.loads(line)["id"] for line in f]
    expected = {"r%d" % i for i in range(documents)}
    lost, doubled = expected - set(stored) - poisoned, len(stored) - len(set(stored))
    print("%s: %d documents, %d poisoned, %d crashes, %d stored, %d lost, %d doubled" %
          (name, documents, len(poisoned), crashes, len(stored), len(lost), doubled))
    if not poisoned or lost or doubled or set(stored) & poisoned or len(dead) != len(poisoned):
        raise Failed("%s: lost %s, poisoned %s" % (name, sorted(lost)[:5], sorted(poisoned)[:5]))
    if crashes > most * len(poisoned):
        raise Failed("%s: %d crashes for %d documents, at most %d each are needed" % (name, crashes, len(poisoned), most))
    for d in dead:
        says = signal.strsignal(signum) if signum != signal.SIGKILL else "killed"
        if d["stage"] != "work" or says not in json.dumps(d):
            raise Failed("%s: the dead letter names neither stage nor signal: %s" % (name, json.dumps(d)[:400]))


def main():
    for each in CASES:
        folder = tempfile.mkdtemp(prefix="sluice-poison-")
        try:
            case(folder, *each)
        except Failed as e:
            print("FAILED %s (kept in %s)" % (e, folder))
            return 1
        shutil.rmtree(folder)
    return 0


sys.exit(main())
