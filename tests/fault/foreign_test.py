# SPDX-License-Identifier: Apache-2.0
"""An output file that is not as the state knows it, and two writers of one file: refused by name, with what to do."""
import os
import shutil
import subprocess
import sys
import tempfile

import faultlib as lib
from faultlib import Failed

STAGES = """  - id: lines
    uses: sink_jsonl
    from: [records, pages]
    batch: { documents: 10 }
    with: { path: out.jsonl, rotate: %d%s }
"""


def refused(folder, *parts):
    done = subprocess.run([lib.SLUICE, "run", "p.yaml"], cwd=folder, capture_output=True, text=True, timeout=lib.LIMIT)
    if done.returncode != 1:
        raise Failed("expected exit code 1, found %d: %s" % (done.returncode, done.stderr))
    for part in parts:
        if part not in done.stderr:
            raise Failed("expected %r in:\n%s" % (part, done.stderr))


def complete(folder, extra=0):
    found, torn = lib.jsonl(folder)
    if torn or len(found) != lib.RECORDS + lib.PAGES + extra or max(found.values()) > 1:
        raise Failed("%d documents, %s torn, %s" % (len(found), torn, found.most_common(3)))


def killed(folder, more=""):
    """Leaves documents behind that are not committed."""
    lib.pipeline(folder, STAGES % (0, more), checkpoint="1h")
    run = lib.Run(folder, ["after,write,*/out.jsonl,12"])
    if not run.killed:
        raise Failed("the run was not killed")
    lib.pipeline(folder, STAGES % (0, more))


def test_foreign_bytes(folder):
    killed(folder)
    with open(os.path.join(folder, "out.jsonl"), "a", encoding="utf-8") as f:
        f.write('{"id":"foreign"}\n')
    before = os.path.getsize(os.path.join(folder, "out.jsonl"))
    refused(folder, "holds bytes that this stage did not write", folder + "/out.jsonl", "on_foreign: append")
    if os.path.getsize(os.path.join(folder, "out.jsonl")) != before:
        raise Failed("the refused file was changed")
    lib.pipeline(folder, STAGES % (0, ", on_foreign: append"))
    lib.Run(folder)
    found, torn = lib.jsonl(folder)
    if torn or found["foreign/"] != 1 or len(found) != lib.RECORDS + lib.PAGES + 1:
        raise Failed("after on_foreign: append: %s %d" % (torn, len(found)))


def test_another_file(folder):
    lib.pipeline(folder, STAGES % (0, ""))
    lib.Run(folder)
    path = os.path.join(folder, "out.jsonl")
    shutil.copy(path, path + ".copy")
    os.rename(path + ".copy", path)
    refused(folder, "another file stands in the place of the output file", path)
    os.unlink(path)
    refused(folder, "the output file is gone", path)
    if os.path.exists(path):
        raise Failed("the refused run made the file")


def test_a_cut_file(folder):
    lib.pipeline(folder, STAGES % (0, ""))
    lib.Run(folder)
    os.truncate(os.path.join(folder, "out.jsonl"), 100)
    refused(folder, "shorter than what was stored in it", "found 100 bytes")


def test_two_stages_on_one_file(folder):
    second = (STAGES % (0, "")).replace("id: lines", "id: again")
    lib.pipeline(folder, STAGES % (0, "") + second)
    done = subprocess.run([lib.SLUICE, "validate", "p.yaml"], cwd=folder, capture_output=True, text=True)
    if done.returncode == 0 or "out.jsonl" not in done.stderr:
        raise Failed("exit code %d: %s" % (done.returncode, done.stderr))


def test_two_pipelines_on_one_file(folder):
    """Also while the first one rotates: its lock has no gap."""
    lib.pipeline(folder, STAGES % (2000, ""))
    live = lib.Live(folder, ["slow,write,*/out.*,1,20000"])
    live.wait_for("an output file", lambda: os.path.exists(os.path.join(folder, "out.jsonl")))
    other = os.path.join(os.path.dirname(folder), "other")
    os.mkdir(other)
    lib.pipeline(other, (STAGES % (0, "")).replace("out.jsonl", "../work/out.jsonl"))
    for _ in range(8):
        refused(other, "another process or stage is writing this file")
    live.finish()
    complete(folder)


def test_a_stopped_run_replaces_nothing(folder):
    """mode: replace over a stop and a restart: the old file stays until the new one is whole."""
    path = os.path.join(folder, "out.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.write("old\n")
    lib.pipeline(folder, (STAGES % (0, ", mode: replace")).replace(", rotate: 0", ""))
    live = lib.Live(folder, ["slow,write,*/out.*,1,20000"])
    part = path + ".part"
    live.wait_for("a stored document", lambda: os.path.exists(part) and os.path.getsize(part) > 0)
    live.process.terminate()
    live.finish(code=143)
    with open(path, encoding="utf-8") as f:
        if f.read() != "old\n" or not os.path.exists(part):
            raise Failed("a stopped run changed the file")
    lib.Run(folder)
    complete(folder)
    lib.Run(folder)
    complete(folder)
    if os.path.exists(part):
        raise Failed("%s was left" % part)


def test_a_second_process_on_one_state(folder):
    lib.pipeline(folder, STAGES % (0, ""))
    live = lib.Live(folder, ["slow,write,*/out.*,1,20000"])
    live.wait_for("an output file", lambda: os.path.exists(os.path.join(folder, "out.jsonl")))
    refused(folder, "in use", str(live.process.pid))
    live.finish()
    complete(folder)


def main():
    failed = 0
    for name in [n for n in globals() if n.startswith("test_")]:
        root = tempfile.mkdtemp(prefix="sluice-foreign-")
        lib.write_corpus(root)
        folder = os.path.join(root, "work")
        os.mkdir(folder)
        try:
            globals()[name](folder)
            print("ok       %s" % name)
        except (Failed, OSError) as e:
            failed += 1
            print("FAILED   %s: %s" % (name, e))
        finally:
            shutil.rmtree(root, ignore_errors=True)
        sys.stdout.flush()
    print("%d failed" % failed)
    return 1 if failed else 0


sys.exit(main())
