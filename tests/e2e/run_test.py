#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`sluice run`: bytes, counts, exit codes, streams, signals."""
import json
import os
import re
import signal

from lib import (SANITIZED, finish, has, lacks, lines, main, read, same, sluice, start, terminal, true, wait_until, write)

COPY = """name: copy
stages:
  - {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}
  - {id: mark, uses: set, with: {set: {/mark: 1}}}
  - {id: out, uses: sink_jsonl, with: {path: out.ndjson, mode: replace}}
"""


def summary(text):
    return json.loads(text.strip().split("\n")[-1])


def test_copy_keeps_bytes_order_and_numbers():
    write("in.ndjson", '{"id":"a","n":9007199254740993,"t":"Nguyễn \\u0041"}\n{"id":"b","x":1e5,"y":-0.0,"z":[1,2.50]}\n'
                       '{"id":"c"}')
    write("p.yaml", COPY)
    r = sluice("run", "p.yaml")
    same(r.out, "", "documents and reports do not mix: stdout")
    same(read("out.ndjson"), '{"id":"a","n":9007199254740993,"t":"Nguyễn A","mark":1}\n'
                             '{"id":"b","x":100000,"y":-0,"z":[1,2.5],"mark":1}\n{"id":"c","mark":1}\n')
    has(r.err, "stage", "in 3, stored 3, dropped 0, unrouted 0, dead-lettered 0", "documents/s", "written: out.ndjson")
    lacks(r.err, "\033", "\r")


def test_untouched_documents_keep_their_bytes():
    text = '{"id":"a", "n":1.50,"n2":1e5}\n{ "b" : [ 1 , 2 ] }\n'
    write("in.ndjson", text)
    write("p.yaml", "stages:\n- {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}\n"
                    "- {id: out, uses: sink_jsonl, with: {path: out.ndjson, mode: replace}}\n")
    sluice("run", "p.yaml")
    same([json.loads(l) for l in read("out.ndjson").splitlines()], [json.loads(l) for l in text.splitlines()])
    has(read("out.ndjson"), "1.50", "1e5")


def test_ten_thousand_in_order_over_many_lanes():
    n = 2000 if SANITIZED else 10000
    write("in.ndjson", "".join('{"i":%d,"pad":"%s"}\n' % (i, "x" * (i % 300)) for i in range(n)))
    write("p.yaml", COPY.replace("name: copy", "name: copy\nlanes: 4"))
    sluice("run", "p.yaml")
    same([d["i"] for d in lines("out.ndjson")], list(range(n)))


def test_bad_lines_go_to_the_dead_letters_and_the_rest_goes_on():
    write("in.ndjson", '{"id":1}\n{"id":2,}\n[3]\n{"id":"\\u0000"}\n{"id":5}\n')
    write("p.yaml", COPY)
    r = sluice("run", "p.yaml", code=3)
    same([d["id"] for d in lines("out.ndjson")], [1, 5])
    has(r.err, "in 5, stored 2, dropped 0, unrouted 0, dead-lettered 3", "3 dead letters: sluice dlq list")
    dead = lines("copy.dead.jsonl")
    same(len(dead), 3)
    r = sluice("dlq", "list", "copy.dead.jsonl")
    same(len(r.out.strip().split("\n")), 4, r.out)
    has(r.out, "in.ndjson", "byte")
    same(sluice("dlq", "list", "p.yaml").out, r.out)
    rows = [json.loads(l) for l in sluice("dlq", "list", "copy.dead.jsonl", "--json").out.splitlines()]
    same([row["id"] for row in rows], [1, 2, 3])
    # Lanes work side by side: which of them is the first to fail is open.
    shown = [sluice("dlq", "show", "copy.dead.jsonl", str(i)).out for i in (1, 2, 3)]
    shown.sort(key=lambda text: int(re.search(r"byte=(\d+)", text).group(1)))
    has(shown[0], "in.ndjson byte=9-18", "the body as it came (9 bytes)", '{"id":2,}', "error     parse: ")
    has(shown[1], "[3]", "must be a JSON object")
    has(shown[2], "\\u0000")
    has(sluice("dlq", "show", "copy.dead.jsonl", "9", code=1).err, "there is no dead letter 9")


def test_dead_letters_in_a_state_folder():
    write("in.ndjson", '{"id":1}\nnonsense\n')
    write("p.yaml", COPY.replace("name: copy", "name: copy\nstate: ${SLUICE_STATE:-none}"))
    env = {"SLUICE_STATE": os.path.join(os.getcwd(), "state")}
    has(sluice("run", "p.yaml", code=3, env=env).err, "1 dead letter: sluice dlq list")
    true(not os.path.exists("copy.dead.jsonl"), "with a state folder no .dead.jsonl is written")
    has(sluice("dlq", "list", "state").out, "in.ndjson")
    same(sluice("dlq", "list", "p.yaml", env=env).out, sluice("dlq", "list", "state").out)
    has(sluice("dlq", "show", "state", "1").out, "nonsense")


def test_no_dead_letters_is_no_error():
    has(sluice("dlq", "list", "nowhere.dead.jsonl").out, "no dead letters in nowhere.dead.jsonl")


def test_limit():
    write("in.ndjson", "".join('{"i":%d}\n' % i for i in range(5000)))
    write("p.yaml", COPY)
    r = sluice("run", "p.yaml", "--limit", "3", "--json")
    same([d["i"] for d in lines("out.ndjson")], [0, 1, 2])
    same((summary(r.out)["in"], summary(r.out)["stored"]), (3, 3))


def test_dry_run_stores_nothing():
    write("in.ndjson", '{"i":1}\nbroken\n')
    write("p.yaml", COPY.replace("name: copy", "name: copy\nstate: state"))
    r = sluice("run", "p.yaml", "--dry-run", code=None)
    same(sorted(os.listdir(".")), ["in.ndjson", "p.yaml"])
    has(r.err, "in 2, stored 1", "dry run: nothing was stored")


def test_set_overrides_parameters():
    write("in.ndjson", '{"i":1}\n')
    write("conf/p.yaml", COPY)
    r = sluice("run", "conf/p.yaml", "--set", "in.paths=in.ndjson", "--set=out.path=other.ndjson", "-s", "lanes=1")
    same(read("other.ndjson"), '{"i":1,"mark":1}\n', "what comes from --set is relative to the working directory")
    has(r.err, "written: other.ndjson")
    r = sluice("run", "conf/p.yaml", "--set", "out.pth=x", code=4)
    has(r.err, "pth", "did you mean `path`")
    has(sluice("run", "conf/p.yaml", "--set", "otu.path=x", code=4).err, "did you mean `out`")
    has(sluice("run", "conf/p.yaml", "--set", "nonsense", code=4).err, "nonsense")


def test_json_summary():
    write("in.ndjson", '{"i":1}\n{"i":2}\n')
    write("p.yaml", COPY)
    r = sluice("run", "p.yaml", "--json")
    s = summary(r.out)
    same([s[k] for k in ("pipeline", "in", "stored", "dropped", "unrouted", "dead")], ["copy", 2, 2, 0, 0, 0])
    same([(t["id"], t["uses"], t["kind"], t["out"]) for t in s["stages"]],
         [("in", "fetch_files", "source", 2), ("mark", "set", "transform", 2), ("out", "sink_jsonl", "sink", 2)])
    lacks(r.err, "stored")


def test_quiet_prints_nothing():
    write("in.ndjson", '{"i":1}\n')
    write("p.yaml", COPY)
    r = sluice("run", "p.yaml", "--quiet")
    same((r.out, r.err), ("", ""))


def test_stdout_carries_documents_only():
    write("in.ndjson", '{"i":1}\n{"i":2}\n')
    write("p.yaml", "stages:\n- {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}\n- {id: out, uses: sink_stdout}\n")
    r = sluice("run", "p.yaml")
    same(r.out, '{"i":1}\n{"i":2}\n')
    has(r.err, "in 2, stored 2")


def test_log_formats():
    write("in.ndjson", 'broken "line"\n')
    write("p.yaml", COPY)
    logged = [row for row in sluice("run", "p.yaml", "--log-format", "json", code=3).err.splitlines() if row.startswith("{")]
    same([json.loads(row)["level"] for row in logged], ["warn"])
    has(json.loads(logged[0])["msg"], "in.ndjson", "not valid JSON")
    has(sluice("run", "p.yaml", code=3).err, "\"level\":\"warn\",\"pipeline\":")
    has(sluice("run", "p.yaml", "--log-format", "logfmt", code=3).err, " generation=1 stage=in doc=\"file://")
    has(sluice("run", "p.yaml", "--log-format=text", code=3).err, "warn  in: dead letter: ")
    same(sluice("run", "p.yaml", "--quiet", code=3).err, "")


def test_bench():
    write("in.ndjson", "".join('{"i":%d}\n' % i for i in range(300)))
    write("p.yaml", COPY)
    r = sluice("bench", "p.yaml", "--repeat", "2")
    has(r.out, "run 1: ", "us/document", "share", "in 300, stored 300", "lanes; peak memory", "over 2 runs: mean")
    rows = [row.split() for row in r.out.splitlines()]
    same([row[:2] for row in rows if row and row[0] in ("in", "mark", "out") and len(row) == 6],
         [["in", "300"], ["mark", "300"], ["out", "300"]])
    runs = json.loads(sluice("bench", "p.yaml", "--json", "--dry-run", "--limit", "10").out)
    same([(run["in"], run["stored"]) for run in runs], [(10, 10)])
    true(all(stage["cpu_us"] >= 0 and "wall_us" in stage for stage in runs[0]["stages"]), repr(runs))


def test_a_retry_that_never_succeeds_ends_in_the_dead_letters_with_its_reason():
    write("in.ndjson", '{"id":"a"}\n')
    write("p.yaml", COPY.replace("uses: set, with: {set: {/mark: 1}}",
                                 "uses: set, with: {rename: {/x: /y}, missing: reject}, on_error: {then: stop}"))
    r = sluice("run", "p.yaml", code=1)
    has(r.err, "mark", "error:")
    lacks(r.err, "stopped by a signal", "written")


def test_routes_else_and_unrouted():
    write("in.ndjson", "".join('{"i":%d,"k":"%s"}\n' % (i, "abcd"[i % 4]) for i in range(8)))
    text = """stages:
- {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}
- {id: a, uses: sink_jsonl, from: in, when: {path: /k, equals: a}, with: {path: a.ndjson}}
- {id: b, uses: sink_jsonl, from: in, when: {path: /k, in: [b, c]}, with: {path: b.ndjson}}
"""
    write("p.yaml", text)
    r = sluice("run", "p.yaml", "--json")
    same((summary(r.out)["stored"], summary(r.out)["unrouted"]), (6, 2))
    same([d["i"] for d in lines("a.ndjson")], [0, 4])
    same([d["i"] for d in lines("b.ndjson")], [1, 2, 5, 6])
    write("p.yaml", "unrouted: error\n" + text)
    sluice("run", "p.yaml", code=3)
    write("p.yaml", text + "- {id: rest, uses: sink_jsonl, from: in, when: else, with: {path: rest.ndjson}}\n")
    r = sluice("run", "p.yaml", "--json")
    same((summary(r.out)["stored"], summary(r.out)["unrouted"]), (8, 0))
    same([d["i"] for d in lines("rest.ndjson")], [3, 7])


def test_filter_drops_are_successes():
    write("in.ndjson", "".join('{"i":%d}\n' % i for i in range(10)))
    write("p.yaml", """stages:
- {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}
- {id: small, uses: filter, with: {keep: {path: /i, lt: 4}}}
- {id: out, uses: sink_jsonl, with: {path: out.ndjson}}
""")
    s = summary(sluice("run", "p.yaml", "--json").out)
    same((s["in"], s["stored"], s["dropped"], s["stages"][1]["dropped"]), (10, 4, 6, 6))


def test_fan_out_and_merge():
    write("in.ndjson", "".join('{"i":%d}\n' % i for i in range(100)))
    write("p.yaml", """lanes: 3
stages:
- {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}
- {id: low, uses: set, from: in, when: {path: /i, lt: 50}, with: {set: {/half: low}}}
- {id: high, uses: set, from: in, when: else, with: {set: {/half: high}}}
- {id: both, uses: sink_jsonl, from: [low, high], with: {path: both.ndjson}}
- {id: all, uses: sink_jsonl, from: in, with: {path: all.ndjson}}
""")
    r = sluice("run", "p.yaml", code=None)
    if r.code == 4:  # `when: else` takes what no sibling took, and `all` is a sibling without a condition
        has(r.err, "else")
        write("p.yaml", read("p.yaml").replace("when: else", "when: {not: {path: /i, lt: 50}}"))
        r = sluice("run", "p.yaml")
    same([(d["i"], d["half"]) for d in lines("both.ndjson")], [(i, "low" if i < 50 else "high") for i in range(100)])
    same([d for d in lines("all.ndjson")], [{"i": i} for i in range(100)])
    has(r.err, "in 100, stored 100")


def test_an_input_that_is_not_there():
    write("p.yaml", COPY)
    has(sluice("run", "p.yaml").err, "no file matches", "in.ndjson", "in 0, stored 0")
    write("out.ndjson", "what an earlier run stored")
    r = sluice("run", "p.yaml", "--set", "in.missing=error", code=1)
    has(r.err, "no file matches", "cannot start")
    lacks(r.err, "written", "stored")
    same(read("out.ndjson"), "what an earlier run stored")


def test_an_output_that_cannot_be_written():
    write("in.ndjson", '{"i":1}\n')
    write("p.yaml", COPY.replace("path: out.ndjson", "path: p.yaml/out.ndjson"))
    r = sluice("run", "p.yaml", code=1)
    has(r.err, "p.yaml")


def test_an_invalid_file_starts_nothing():
    write("in.ndjson", '{"i":1}\n')
    write("p.yaml", COPY.replace("mode: replace", "mode: replac"))
    r = sluice("run", "p.yaml", code=4)
    has(r.err, "p.yaml:5:", "replac", "nothing was started")
    true(not os.path.exists("out.ndjson"), "out.ndjson was made")


def test_progress_line_only_on_a_terminal():
    write("in.ndjson", "".join('{"i":%d}\n' % i for i in range(2000)))
    write("p.yaml", COPY)
    r = terminal("run", "p.yaml")
    same(r.code, 0)
    has(r.out, "in 2,000, stored 2,000", "\033[1m")
    lacks(sluice("run", "p.yaml").err, "stored ·", "\r")


def big_input(n=400000):
    row = '{"i":%d,"pad":"' + "x" * 80 + '"}\n'
    write("in.ndjson", "".join(row % i for i in range(20000 if SANITIZED else n)))
    write("p.yaml", COPY.replace("mode: replace", "mode: append"))


def stop_with(number):
    big_input()
    process = start("run", "p.yaml", "--json")
    wait_until(lambda: (os.path.exists("out.ndjson") and os.path.getsize("out.ndjson") > 0) or process.poll() is not None,
               "the first documents in out.ndjson")
    process.send_signal(number)
    r = finish(process)
    true(r.code in (128 + number, 0), "expected exit code %d: %r" % (128 + number, r))
    s = summary(r.out)
    same(s["unfinished"], 0, r.err)
    same(s.get("signal"), None if r.code == 0 else int(number))
    same([d["i"] for d in lines("out.ndjson")], list(range(s["stored"])), "what was stored is the beginning, whole lines")
    same(s["in"], s["stored"])
    return r.code, s


def test_sigint_drains():
    stop_with(signal.SIGINT)


def test_sigterm_drains():
    stop_with(signal.SIGTERM)


if __name__ == "__main__":
    main(globals())
