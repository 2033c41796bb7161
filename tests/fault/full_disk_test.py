# SPDX-License-Identifier: Apache-2.0
"""Full disks, read-only ones, and the n-th write or sync that fails: it is reported and tried again, and when the fault
has ended nothing is missing, doubled or torn.

  full_disk_test.py [NAME…]     only the tests whose names contain one of these

The tests of real disks mount a small tmpfs, for which they must be root; otherwise they say so and are skipped. The n-th
write or sync fails by the preloaded library.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

import faultlib as lib
from faultlib import Failed

SLOW = ["slow,write,*/out.*,1,1000"]
PATIENT = "    on_error: { retry: -1, backoff: 10ms, backoff_max: 100ms, breaker: 0 }\n"
JSONL = """  - id: lines
    uses: sink_jsonl
    from: [records, pages]
    batch: { documents: 10 }
%s    with: { path: "%s/out.jsonl"%s }
"""
CSV = """  - id: table
    uses: sink_csv
    from: [records, pages]
    batch: { documents: 10 }
%s    with: { path: "%s/out.csv", columns: { id: /id, ids: /ids, text: /text } }
"""
SQLITE = """  - id: store
    uses: sink_sqlite
    from: [records, pages]
    batch: { documents: 15 }
%s    with: { path: "%s/out.db" }
"""
EXPECTED = None


class Skipped(Exception):
    pass


class Folder:
    """Corpus and working folder of one test; what was mounted is unmounted at the end."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="sluice-disk-")
        lib.write_corpus(self.root)
        self.work = os.path.join(self.root, "work")
        os.mkdir(self.work)
        self.mounted = []

    def mount(self, name, size):
        if os.geteuid() != 0:
            raise Skipped("only root can mount a small disk")
        path = os.path.join(self.work, name)
        os.mkdir(path)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%s" % size, "sluice-test", path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Skipped("a tmpfs cannot be mounted here: %s" % done.stderr.strip())
        self.mounted.append(path)
        return path

    @staticmethod
    def remount(path, options):
        subprocess.run(["mount", "-o", "remount," + options, path], check=True)

    def close(self):
        for path in self.mounted:
            subprocess.run(["umount", "-l", path], check=False)
        shutil.rmtree(self.root, ignore_errors=True)


def complete(reader, folder, what=""):
    found, torn = reader(folder)
    global EXPECTED
    if EXPECTED is None:
        EXPECTED = found
        if len(found) != lib.RECORDS + lib.PAGES:
            raise Failed("%d documents of %d" % (len(found), lib.RECORDS + lib.PAGES))
    text = lib.difference(found, EXPECTED)
    if text or torn:
        raise Failed("%s:\n%s%s" % (what, text, "; ".join(torn[:5])))


def has(text, *parts):
    for part in parts:
        if part not in text:
            raise Failed("expected %r in the log:\n%s" % (part, text[-3000:]))


def run_twice(folder, stages, faults, reader):
    """A run with faults to its end, and one more that must find nothing to do."""
    lib.pipeline(folder.work, stages)
    run = lib.Run(folder.work, faults)
    complete(reader, folder.work, faults)
    lib.Run(folder.work)
    complete(reader, folder.work, "the run after %s" % faults)
    shutil.rmtree(os.path.join(folder.work, "state"))
    for name in os.listdir(folder.work):
        if name.startswith("out"):
            os.unlink(os.path.join(folder.work, name))
    return run.log


# ---- the n-th call fails --------------------------------------------------------------------------------------------


def test_nth_write_of_the_output(folder):
    run_twice(folder, JSONL % ("", ".", ""), [], lib.jsonl)
    for error in ("ENOSPC", "EIO"):
        for n, times in ((1, 2), (2, 3), (9, 2), (31, 4)):
            run_twice(folder, JSONL % (PATIENT, ".", ""), SLOW + ["%s,write,*/out.jsonl,%d,%d" % (error, n, times)], lib.jsonl)
            run_twice(folder, CSV % (PATIENT, "."), SLOW + ["%s,write,*/out.csv,%d,%d" % (error, n + 1, times)], lib.table)


def test_nth_sync_of_the_output(folder):
    for n, times in ((1, 1), (2, 2), (5, 3)):
        log = run_twice(folder, JSONL % (PATIENT, ".", ""), SLOW + ["EIO,sync,*/out.jsonl,%d,%d" % (n, times)], lib.jsonl)
        has(log, "Input/output error")
        run_twice(folder, JSONL % (PATIENT, ".", ", fsync: batch"), ["EIO,sync,*/out.jsonl,%d,%d" % (n, times)], lib.jsonl)


def test_nth_step_of_a_rotation(folder):
    for n in range(1, 9):
        run_twice(folder, JSONL % (PATIENT, ".", ", rotate: 4000"), ["ENOSPC,rename,*/out*,%d,1" % n], lib.jsonl)
    for n in range(1, 5):
        run_twice(folder, JSONL % (PATIENT, ".", ", rotate: 4000"), ["ENOSPC,open,*/out*,%d,1" % (n + 1)], lib.jsonl)


def test_nth_write_of_the_database(folder):
    for call in ("write", "sync"):
        for error in ("ENOSPC", "EIO"):
            for n in (12, 40, 150):
                n = n if call == "write" else n // 10 + 2
                faults = ["%s,%s,*/out.db-wal,%d,3" % (error, call, n)]
                run_twice(folder, SQLITE % (PATIENT, "."), faults, lib.database)


def test_nth_write_of_the_state(folder):
    slow = "slow,write,*/out.*,1,4000"
    stages = JSONL % (PATIENT, ".", "")
    lib.pipeline(folder.work, stages)
    counts = lib.Run(folder.work, [slow, "count,write,*/state.db-wal,1", "count,sync,*/state.db-wal,1"]).counts()
    shutil.rmtree(os.path.join(folder.work, "state"))
    os.unlink(os.path.join(folder.work, "out.jsonl"))
    for i, call in ((1, "write"), (2, "sync")):
        for error in ("ENOSPC", "EIO"):
            n = counts[i] * 6 // 10  # not while the state is opened: then the run does not start
            log = run_twice(folder, stages, [slow, "%s,%s,*/state.db-wal,%d,3" % (error, call, n)], lib.jsonl)
            has(log, "cannot write the state", "the state is written again")


def test_a_fault_that_outlasts_the_run(folder):
    """What is not stored when the run ends is stored by the next one."""
    lib.pipeline(folder.work, JSONL % ("    on_error: { retry: -1, backoff: 10ms }\n", ".", ""))
    with open(os.path.join(folder.work, "p.yaml"), "a", encoding="utf-8") as f:
        f.write("grace: 300ms\n")
    live = lib.Live(folder.work, SLOW + ["EIO,write,*/out.jsonl,6,0"])
    live.finish()
    lib.Run(folder.work)
    complete(lib.jsonl, folder.work)


# ---- real disks -----------------------------------------------------------------------------------------------------


def full_output(folder, stages, reader, word):
    disk = folder.mount("disk", "256k" if reader is lib.database else "20k")
    lib.pipeline(folder.work, stages % (PATIENT, "disk"))
    live = lib.Live(folder.work, SLOW)
    live.wait_log(word)
    folder.remount(disk, "size=8m")
    live.finish()
    complete(reader, disk)


def test_full_output_of_lines(folder):
    full_output(folder, JSONL.replace("%s }", " }"), lib.jsonl, "No space left")


def test_full_output_of_rows(folder):
    full_output(folder, CSV, lib.table, "No space left")


def test_full_output_of_a_database(folder):
    full_output(folder, SQLITE, lib.database, "full")


def test_full_disk_of_the_state(folder):
    disk = folder.mount("disk", "8m")
    lib.pipeline(folder.work, JSONL % ("", ".", ""), state="disk/state")
    live = lib.Live(folder.work, ["slow,write,*/out.*,1,30000"])
    out = os.path.join(folder.work, "out.jsonl")
    live.wait_for("a stored document", lambda: os.path.exists(out) and os.path.getsize(out) > 0)
    with open(os.path.join(disk, "ballast"), "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
    live.wait_log("cannot write the state")
    os.unlink(os.path.join(disk, "ballast"))
    log = live.finish()
    has(log, "the state is written again")
    complete(lib.jsonl, folder.work)


def test_read_only_output(folder):
    disk = folder.mount("disk", "8m")
    lib.pipeline(folder.work, JSONL % (PATIENT, "disk", ""))
    folder.remount(disk, "ro")
    live = lib.Live(folder.work)
    has(live.finish(code=1), "Read-only file system")
    folder.remount(disk, "rw")
    lib.Run(folder.work)
    complete(lib.jsonl, disk)


def test_output_becomes_read_only(folder):
    """The n-th open, write and cut answers that the file system is read-only; then it is writable again."""
    run_twice(folder, JSONL % (PATIENT, ".", ""), SLOW + ["EROFS,write,*/out.jsonl,7,5"], lib.jsonl)
    run_twice(folder, SQLITE % (PATIENT, "."), ["EROFS,write,*/out.db-wal,60,5"], lib.database)


def main():
    names = [n for n in globals() if n.startswith("test_") and (len(sys.argv) < 2 or any(a in n for a in sys.argv[1:]))]
    failed = skipped = 0
    for name in names:
        folder = Folder()
        try:
            globals()[name](folder)
            print("ok       %s" % name)
        except Skipped as e:
            skipped += 1
            print("skipped: %s: %s" % (name, e))
        except Failed as e:
            failed += 1
            print("FAILED   %s: %s" % (name, e))
        except Exception:
            failed += 1
            print("FAILED   %s: %s" % (name, traceback.format_exc()))
        finally:
            folder.close()
        sys.stdout.flush()
    print("%d tests, %d failed, %d skipped" % (len(names), failed, skipped))
    return 1 if failed else 77 if skipped == len(names) else 0


sys.exit(main())
