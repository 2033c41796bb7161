# SPDX-License-Identifier: Apache-2.0
"""dlq: dead letters as an inbox, of a pipeline that is stopped, of one that runs, and of one without a state."""
import json
import os
import signal
import sqlite3
import stat

from lib import finish, has, lacks, lines, main, read, same, sluice, start, true, wait_until, write

PIPELINE = """name: inbox
%sstages:
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
DOCUMENTS = '{"id":1,"k":"a"}\nnonsense\n{"id":3}\n{"id":4,"k":"b"}\n'


def prepare(state="state: ./state\n", watch=""):
    write("in.ndjson", DOCUMENTS)
    write("p.yaml", PIPELINE % (state, watch))


def rows(*args):
    return [json.loads(line) for line in sluice("dlq", "list", "p.yaml", "--json", *args).out.splitlines()]


def ids():
    return sorted(d["id"] for d in lines("out.ndjson"))


def stage_of(stage):
    return [row["id"] for row in rows() if row["stage"] == stage][0]


def test_list_by_stage_code_and_age():
    prepare()
    sluice("run", "p.yaml", code=3)
    same(sorted((r["stage"], r["error"]["code"]) for r in rows()), [("in", "parse"), ("need", "not_found")])
    same([r["stage"] for r in rows("--stage", "need")], ["need"])
    same([r["stage"] for r in rows("--code", "parse")], ["in"])
    same([r["stage"] for r in rows("--code", "parse", "--stage", "need")], [])
    same(len(rows("--newer", "1h")), 2)
    same(rows("--older", "1h"), [])
    has(sluice("dlq", "list", "p.yaml", "--older", "1h").out, "no such dead letters in p.yaml")
    db = sqlite3.connect("state/state.db")
    db.execute("UPDATE dead_letters SET time = time - 7200000000000 WHERE stage = 'need'")
    db.commit()
    db.close()
    same([r["stage"] for r in rows("--older", "1h")], ["need"])
    same([r["stage"] for r in rows("--newer", "1h")], ["in"])
    has(sluice("dlq", "list", "p.yaml", "--older", "old", code=2).err, "--older: expected an age such as 2h or 7d, found 'old'")


def test_retry_on_a_stopped_pipeline():
    prepare()
    sluice("run", "p.yaml", code=3)
    need = stage_of("need")
    out = sluice("dlq", "edit", "p.yaml", str(need), "--body", "-", stdin=b'{"id": 3,\n "k": "c"}').out
    has(out, "dead letter %d has a new body" % need)
    same(json.loads(sluice("dlq", "show", "p.yaml", str(need), "--json").out)["body"], {"id": 3, "k": "c"})
    has(sluice("dlq", "retry", "p.yaml", str(need)).out, "1 dead letter let in again: the next run takes it up")
    same(json.loads(sluice("state", "show", "state", "--json").out)["queue"]["n"], 1)
    same([r["stage"] for r in rows()], ["in"])
    sluice("run", "p.yaml")
    same(ids(), [1, 3, 4])
    # What fails again is in the inbox again, as it came.
    has(sluice("dlq", "retry", "p.yaml", "--all").out, "1 dead letter let in")
    sluice("run", "p.yaml", code=3)
    same([(r["stage"], r["error"]["code"], r["body_bytes"]) for r in rows()], [("in", "parse", 8)])
    has(sluice("dlq", "show", "state", str(rows()[0]["id"])).out, "the body as it came (8 bytes)", "nonsense")
    same(ids(), [1, 3, 4])


def test_retry_at_another_stage():
    prepare()
    sluice("run", "p.yaml", code=3)
    write("p.yaml", read("p.yaml").replace("id: need", "id: demand"))
    # Stages that are gone are named before anything moves.
    r = sluice("dlq", "retry", "p.yaml", "--stage", "need", code=1)
    has(r.err, "1 of them failed at a stage that the pipeline does not have any more: need", "--at STAGE")
    has(sluice("dlq", "retry", "p.yaml", "--all", code=1).err, "does not have any more: need")
    has(sluice("dlq", "retry", "p.yaml", "--all", "--at", "demnd", code=1).err, "no such stage", "did you mean demand?")
    has(sluice("dlq", "retry", "p.yaml", "--all", "--at", "x", code=1).err, "its stages are in, demand, out")
    has(sluice("dlq", "retry", "p.yaml", "--all", "--at", "in", code=1).err, "documents cannot enter a source")
    same(len(rows()), 2)
    has(sluice("dlq", "retry", "p.yaml", "--stage", "need", "--at", "out").out, "1 dead letter let in again")
    sluice("run", "p.yaml")
    same(ids(), [1, 3, 4])
    same([r["stage"] for r in rows()], ["in"])


def test_drop_and_what_is_not_there():
    prepare()
    sluice("run", "p.yaml", code=3)
    has(sluice("dlq", "drop", "p.yaml", code=2).err, "drop needs ids, --stage, --code, --older or --newer; --all takes every one")
    has(sluice("dlq", "retry", "p.yaml", code=2).err, "retry needs ids")
    need = stage_of("need")
    r = sluice("dlq", "drop", "p.yaml", "99", str(need), code=1)
    has(r.err, "there is no dead letter 99 in p.yaml")
    has(r.out, "1 dead letter dropped")
    has(sluice("dlq", "drop", "p.yaml", "--stage", "need").out, "no such dead letters in p.yaml")
    same(json.loads(sluice("dlq", "drop", "p.yaml", "--all", "--json").out), {"n": 1, "running": False})
    has(sluice("dlq", "drop", "p.yaml", "--all").out, "no dead letters in p.yaml")
    has(sluice("dlq", "edit", "p.yaml", str(need), "--body", "in.ndjson", code=1).err, "there is no dead letter %d" % need)


def test_edit_in_an_editor():
    prepare()
    sluice("run", "p.yaml", code=3)
    need = str(stage_of("need"))
    write("ed", "#!/bin/sh\nsed -i 's/\"id\": 3/\"id\": 3, \"k\": \"mended\"/' \"$2\"\necho edited >> %s/log\n" % os.getcwd())
    os.chmod("ed", 0o755)
    env = {"EDITOR": os.path.abspath("ed") + " -w", "TMPDIR": os.getcwd()}
    has(sluice("dlq", "edit", "p.yaml", need, env=env).out, "has a new body")
    same(read("log"), "edited\n")
    has(sluice("dlq", "edit", "p.yaml", need, env={"EDITOR": "true"}).out, "is as it was")
    has(sluice("dlq", "edit", "p.yaml", need, env={"EDITOR": "false"}, code=1).err, "the editor did not end well")
    # What is no document stays where it was written.
    write("bad", "#!/bin/sh\necho '{' > \"$1\"\n")
    os.chmod("bad", 0o755)
    r = sluice("dlq", "edit", "p.yaml", need, env={"EDITOR": "./bad", "TMPDIR": os.getcwd()}, code=1)
    kept = [name for name in os.listdir(".") if name.startswith("sluice-dead-")]
    same(len(kept), 1, kept)
    has(r.err, "what you wrote is kept in", kept[0])
    same(stat.S_IMODE(os.stat(kept[0]).st_mode), 0o600)
    has(sluice("dlq", "edit", "p.yaml", need, "--body", "-", stdin=b"[1]", code=1).err, "the body of a document is a JSON object")
    sluice("dlq", "retry", "p.yaml", need)
    sluice("run", "p.yaml")
    same([d.get("k") for d in lines("out.ndjson") if d["id"] == 3], ["mended"])


def test_export_is_a_file_that_list_reads():
    prepare()
    sluice("run", "p.yaml", code=3)
    write("saved.dead.jsonl", sluice("dlq", "export", "p.yaml").out)
    exported = lines("saved.dead.jsonl")
    same(sorted(d["stage"] for d in exported), ["in", "need"])
    same([d["document"] for d in exported if d["stage"] == "need"], [{"id": 3}])
    table = sluice("dlq", "list", "p.yaml").out
    same(sluice("dlq", "list", "saved.dead.jsonl").out, table)
    same(len(sluice("dlq", "export", "p.yaml", "--stage", "need").out.splitlines()), 1)
    same(sluice("dlq", "export", "p.yaml", str(stage_of("in"))).out.count("\n"), 1)


def test_without_a_state_they_can_only_be_read():
    prepare(state="")
    sluice("run", "p.yaml", code=3)
    same(len(rows()), 2)
    for verb in (["retry", "p.yaml", "--all"], ["drop", "p.yaml", "--all"], ["edit", "p.yaml", "1"]):
        has(sluice("dlq", *verb, code=1).err, "dead letters in a file can be read only", "state:")
    same(len(sluice("dlq", "export", "inbox.dead.jsonl").out.splitlines()), 2)


def test_mistyped_places_are_errors():
    prepare()
    sluice("run", "p.yaml", code=3)
    r = sluice("dlq", "list", "stat", code=1)
    has(r.err, "expected a state folder, a .dead.jsonl file or a pipeline file; there is no stat", "did you mean state?")
    os.mkdir("empty")
    has(sluice("dlq", "list", "empty", code=1).err, "empty is a folder without a state")
    has(sluice("dlq", "list", "in.txt", code=1).err, "there is no in.txt")
    write("notes.txt", "x")
    has(sluice("dlq", "list", "notes.txt", code=1).err, "expected a state folder", "found notes.txt")
    write("inbox.dead.jsonl", "")
    has(sluice("dlq", "list", "inbx.dead.jsonl", code=1).err, "did you mean inbox.dead.jsonl?")
    has(sluice("dlq", "lst", "p.yaml", code=2).err, "did you mean list?")
    has(sluice("dlq", "list", "p.yaml", "--at", "out", code=2).err, "list takes no --at")
    # Nothing there yet is no error where the place is known.
    write("q.yaml", read("p.yaml").replace("./state", "./other"))
    has(sluice("dlq", "list", "q.yaml").out, "no dead letters in q.yaml")
    has(sluice("dlq", "retry", "q.yaml", "--all").out, "no dead letters in q.yaml")
    has(sluice("dlq", "list", "quiet.dead.jsonl").out, "no dead letters in quiet.dead.jsonl")


def test_nearly_full():
    prepare(state="state: ./state\ndead_letters: { max: 2, when_full: drop_oldest }\n")
    sluice("run", "p.yaml", code=3)
    for where in ("p.yaml", "state"):
        has(sluice("dlq", "list", where).err, "warning: the dead letters have 2 of 2 documents", "the oldest are dropped")
    lacks(sluice("dlq", "list", "p.yaml", "--json").out, "warning")


def test_on_a_running_pipeline():
    prepare(watch=", watch: true, poll: 10ms, settle: 0s")
    process = start("run", "p.yaml")
    try:
        wait_until(lambda: os.path.exists("state/admin.sock") and os.path.exists("state/state.db") and len(rows()) == 2,
                   "two dead letters")
        need = stage_of("need")
        sluice("dlq", "edit", "p.yaml", str(need), "--body", "-", stdin=b'{"id":3,"k":"c"}')
        r = sluice("dlq", "retry", "p.yaml", str(need), "99", code=1)
        has(r.out, "1 dead letter let in again: the pipeline is at it")
        has(r.err, "there is no dead letter 99")
        wait_until(lambda: len(lines("out.ndjson")) == 3, "the document that was mended")
        same(ids(), [1, 3, 4])
        same(json.loads(sluice("dlq", "drop", "state", "--older", "1h", "--json").out), {"n": 0, "running": True})
        same(json.loads(sluice("dlq", "drop", "state", "--code", "parse", "--json").out), {"n": 1, "running": True})
        same(rows(), [])
        has(sluice("dlq", "edit", "p.yaml", "99", "--body", "-", stdin=b"{}", code=1).err, "there is no dead letter 99")
        has(sluice("state", "vacuum", "state", code=1).err, "is in use", "pid %d" % process.pid)
        has(sluice("run", "p.yaml", code=1).err, "is in use", "pid %d" % process.pid, "pipeline inbox")
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)
    same(ids(), [1, 3, 4])


def test_what_the_source_could_not_read_is_not_made_up():
    """A retry cannot bring back a file that became no document: it stays a dead letter, and nothing empty is stored."""
    prepare()
    os.remove("in.ndjson")
    os.makedirs("pages")
    write("p.yaml", read("p.yaml").replace("[in.ndjson]", "[pages]").replace("/kk: /k }, missing: reject", "/kk: /id }, missing: skip"))
    write("pages/a.json", '{"id":1,"k":"a"}')
    write("pages/b.txt", "b")
    sluice("run", "p.yaml", code=3)
    same([(r["stage"], r["error"]["code"]) for r in rows()], [("in", "unsupported")])
    stored = len(lines("out.ndjson"))
    same(stored, 1)
    has(sluice("dlq", "retry", "p.yaml", "--all").out, "1 dead letter let in again")
    sluice("run", "p.yaml", code=3)
    same([r["stage"] for r in rows()], ["in"])
    has(sluice("dlq", "show", "p.yaml", str(rows()[0]["id"])).out, "no document to try again", "touch the file", "pages/a.json")
    same(len(lines("out.ndjson")), stored)


def test_running_without_a_socket():
    prepare(state="state: ./state\nadmin: none\n", watch=", watch: true, poll: 10ms, settle: 0s")
    process = start("run", "p.yaml")
    try:
        wait_until(lambda: os.path.exists("state/state.db") and len(rows()) == 2, "two dead letters")
        r = sluice("dlq", "drop", "p.yaml", "--all", code=1)
        has(r.err, "its holder has no admin socket", "pid %d" % process.pid, "admin: none")
        same(len(rows()), 2)
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process)


main(globals())
