# SPDX-License-Identifier: Apache-2.0
"""state: what a pipeline keeps, whether it is sound, and how it is made smaller."""
import json
import os
import signal
import sqlite3

from lib import finish, has, lacks, main, read, same, sluice, start, true, wait_until, write

PIPELINE = """name: kept
state: ${SLUICE_STATE:-./state}
stages:
  - id: in
    uses: fetch_files
    with: { paths: [in.ndjson]%s }
  - id: need
    uses: set
    with: { copy: { /kk: /k }, missing: reject }
  - id: out
    uses: sink_jsonl
    with: { path: out.ndjson }
"""


def run(watch=""):
    write("in.ndjson", '{"id":1,"k":"a"}\n{"id":2}\n{"id":3,"k":"b"}\n')
    write("p.yaml", PIPELINE % watch)
    if not watch:
        sluice("run", "p.yaml", code=3)


def change(statement):
    db = sqlite3.connect("state/state.db")
    db.execute(statement)
    db.commit()
    db.close()


def check(code=0):
    return json.loads(sluice("state", "check", "state", "--json", code=code).out)


def test_show():
    run()
    text = sluice("state", "show", "p.yaml").out
    has(text, "(pipeline kept)", "in use by     nobody", "dead letters  1 of 100,000", "of 1.0 GiB", "in", "out.ndjson")
    found = json.loads(sluice("state", "show", "state", "--json").out)
    same((found["pipeline"], found["holder"], found["dead_letters"]["n"], found["queue"]["n"]), ("kept", "", 1, 0))
    true(int(found["sources"]["in"]["position"]) > 0, found)
    has(found["sinks"]["out"], "length=%d" % os.path.getsize("out.ndjson"))
    true(found["last_commit"] > "2020" and found["file_bytes"] > 0, found)
    has(sluice("state", "show", "state", "--notes").out, "in\t", "in.ndjson")
    # Looking changes nothing.
    before = read("state/state.db")
    sluice("state", "show", "p.yaml")
    sluice("state", "check", "p.yaml")
    same(read("state/state.db"), before)


def test_show_while_it_runs():
    run(", watch: true, poll: 10ms, settle: 0s")
    process = start("run", "p.yaml")
    try:
        wait_until(lambda: os.path.exists("out.ndjson") and read("out.ndjson").count("\n") == 2, "two documents")
        found = json.loads(sluice("state", "show", "p.yaml", "--json").out)
        has(found["holder"], "pid %d, pipeline kept, host " % process.pid)
        has(sluice("state", "check", "p.yaml").out, "in use by pid %d" % process.pid, "is sound")
        has(sluice("state", "vacuum", "p.yaml", code=1).err, "the state folder", "is in use: pid %d" % process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)
    same(json.loads(sluice("state", "show", "p.yaml", "--json").out)["holder"], "")


def test_check_of_a_sound_state():
    run()
    has(sluice("state", "check", "p.yaml").out, "ok    schema version 2", "the pages of the database are sound",
        "dead letters: 1", "bytes that were stored", "is sound")
    same(check()["bad"], 0)


def test_check_finds_what_is_wrong():
    run()
    change("UPDATE totals SET n = 7 WHERE name = 'dead'")
    found = check(code=1)
    same(found["bad"], 1)
    has(json.dumps(found), "dead letters: 7 with", "1 with")
    has(sluice("state", "check", "state", code=1).out, "bad   dead letters: 7", "1 finding in state")
    change("UPDATE totals SET n = 1 WHERE name = 'dead'")
    change("INSERT INTO queue (kind, stage, attempts, due, bytes, uri, locator, revision, splits, media_type, why, map,"
           " body, payload) VALUES (9, 'gone', 0, 0, 1, '', '', '', '', '', '', x'', x'', x'')")
    found = check(code=1)
    has(json.dumps(found), "1 documents wait on disk for the stage gone", "of an unknown kind: 9")
    change("DELETE FROM queue")
    change("UPDATE dead_letters SET body = x'7b', stage = 'old', bytes = bytes")
    has(json.dumps(check(code=1)), "has a body that is no JSON", "1 dead letters are of the stage old")


def test_check_of_outputs():
    run()
    size = os.path.getsize("out.ndjson")
    with open("out.ndjson", "r+b") as f:
        f.truncate(3)
    has(json.dumps(check(code=1)), "shorter than what was stored", "has 3 of %d bytes" % size)
    os.rename("out.ndjson", "aside")
    os.mkdir("elsewhere")
    os.rename("aside", "elsewhere/aside")
    has(json.dumps(check(code=1)), "its output file is not there")


def test_check_of_a_damaged_database():
    run()
    with open("state/state.db", "r+b") as f:
        size = f.seek(0, 2)
        for page in range(1, size // 16384):
            f.seek(page * 16384)
            f.write(b"\xff" * 64)
    r = sluice("state", "check", "state", code=None)
    true(r.code == 1, r)
    has(r.out + r.err, "malformed" if "malformed" in r.out + r.err else "damaged")


def test_vacuum():
    write("in.ndjson", "".join('{"id":%d,"pad":"%s"}\n' % (i, "x" * 2000) for i in range(400)))
    write("p.yaml", PIPELINE % "")
    sluice("run", "p.yaml", code=3)
    has(sluice("dlq", "drop", "p.yaml", "--all").out, "400 dead letters dropped")
    before = os.path.getsize("state/state.db")
    found = json.loads(sluice("state", "vacuum", "p.yaml", "--json").out)
    true(found["after"] < found["before"] / 2, found)
    same(os.path.getsize("state/state.db"), found["after"])
    true(found["before"] >= before, found)
    same(check()["bad"], 0)


def test_a_newer_and_a_foreign_database():
    run()
    change("PRAGMA user_version = 99")
    for command in (["state", "check", "state"], ["state", "show", "state"], ["dlq", "list", "state"], ["run", "p.yaml"]):
        has(sluice(*command, code=1).err, "has schema version 99; this Sluice knows versions up to 2", "newer Sluice")
    change("PRAGMA user_version = 2")
    change("PRAGMA application_id = 1")
    has(sluice("state", "show", "state", code=1).err, "expected the state of a pipeline, found another database")


VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE dead_letters (
 id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, stage TEXT NOT NULL, uses TEXT NOT NULL,
 build TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL, hint TEXT NOT NULL,
 attempts INTEGER NOT NULL, time INTEGER NOT NULL, generation INTEGER NOT NULL, uri TEXT NOT NULL,
 locator TEXT NOT NULL, revision TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, raw BLOB NOT NULL,
 payload BLOB NOT NULL, media_type TEXT NOT NULL);
CREATE INDEX dead_letters_stage ON dead_letters (stage, code);
PRAGMA user_version = 1;
INSERT INTO dead_letters VALUES (5, 'kept', 'need', 'set', 'b', 'not_found', 'm', '', '', 1, 1000, 1, 'file:///x', '', '', 'file:///x',
 CAST('{"id":7,"k":"old"}' AS BLOB), x'', x'', '');
"""


def test_a_state_of_version_1():
    os.mkdir("state")
    db = sqlite3.connect("state/state.db")
    db.executescript(VERSION_1)
    db.close()
    has(sluice("dlq", "list", "state").out, "file:///x"[7:])
    has(sluice("state", "check", "state").out, "schema version 1: the next run makes it 2 and keeps a copy")
    same(json.loads(sluice("state", "show", "state", "--json").out)["dead_letters"]["n"], 1)
    true(not os.path.exists("state/state.db.v1.bak"), "looking does not migrate")
    run()
    true(os.path.exists("state/state.db.v1.bak"), "the copy")
    same([json.loads(l)["id"] for l in sluice("dlq", "list", "state", "--json").out.splitlines()], [5, 6])
    same(check()["bad"], 0)
    sluice("dlq", "retry", "state", "5")
    sluice("run", "p.yaml")
    has(read("out.ndjson"), '"old"')


def test_places():
    run()
    has(sluice("state", "show", "stat", code=1).err, "there is no stat", "did you mean state?")
    has(sluice("state", "check", "p.yaml", env={"SLUICE_STATE": "other"}, code=1).err, "the pipeline has not run yet",
        "is SLUICE_STATE the same as for the run?")
    has(sluice("state", "check", "p.yaml", env={"SLUICE_STATE": "none"}, code=1).err, "p.yaml keeps no state")
    has(sluice("state", "repair", "p.yaml", code=2).err, "expected show, check or vacuum, found 'repair'")
    has(sluice("state", "check", "p.yaml", "--notes", code=2).err, "check takes no --notes")
    lacks(sluice("state", "show", "state/state.db").out, "error")


main(globals())
