#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that look: inspect, graph, validate, trace."""
import json
import os

from lib import BUILD, SOURCE, has, lacks, main, read, same, sluice, terminal, true, write

ROUTES = """name: "two \\"ways\\""
stages:
  - {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}, provides: [/lang]}
  - {id: mark, uses: set, with: {set: {/mark: 1}}}
  - {id: a, uses: sink_null, when: {path: /lang, equals: vi}}
  - {id: b, uses: sink_null, from: mark, when: else}
"""


def test_inspect_lists_every_plugin():
    r = sluice("inspect")
    listed = [row.split()[0] for row in r.out.splitlines()[1:]]
    built = sorted(f[:-3] for f in os.listdir(os.path.join(BUILD, "plugins-bin")) if f.endswith(".so"))
    same(sorted({name.split(".")[0] for name in listed}), built)
    same(sorted(name for name in listed if "." in name), ["fetch_http.page"])
    types = {t["uses"]: t for t in json.loads(sluice("inspect", "--json").out)["stage_types"]}
    same(sorted(types), sorted(listed))
    same(types["set"]["kind"], "transform")
    same(types["sink_jsonl"]["kind"], "sink")


def test_inspect_shows_one():
    r = sluice("inspect", "fetch_files")
    has(r.out, "fetch_files  source", "Parameters, under `with:`", "paths", "required", "default auto", "Contract")
    one = json.loads(sluice("inspect", "fetch_files", "--json").out)
    paths = [p for p in one["parameters"] if p["name"] == "paths"][0]
    same((paths["type"], paths["list"], paths["required"]), ("glob", True, True))
    true(paths["help"], "paths has no help")
    path = os.path.join(BUILD, "plugins-bin", "filter.so")
    has(sluice("inspect", path).out, "filter  transform", path)


def test_inspect_names_the_nearest():
    has(sluice("inspect", "sink_sqlit", code=1).err, "sink_sqlit", "sink_sqlite")


def test_a_file_that_is_no_plugin_is_refused_and_the_others_are_listed():
    write("plugins/broken.so", "this is no shared object")
    r = sluice("inspect", env={"SLUICE_PLUGIN_PATH": os.path.abspath("plugins")})
    has(r.err, "refused: ", "broken.so")
    has(r.out, "sink_jsonl")
    same(len(json.loads(sluice("inspect", "--json", env={"SLUICE_PLUGIN_PATH": os.path.abspath("plugins")}).out)["refused"]), 1)


def test_graph():
    write("p.yaml", ROUTES)
    dot = sluice("graph", "p.yaml").out
    same(dot, """digraph "two 'ways'" {
  rankdir=LR;
  node [fontname="sans-serif"];
  edge [fontname="sans-serif"];
  s0 [label="in\\nfetch_files", shape=cds];
  s1 [label="mark\\nset", shape=box];
  s2 [label="a\\nsink_null", shape=cylinder];
  s3 [label="b\\nsink_null", shape=cylinder];
  s0 -> s1;
  s1 -> s2 [label="{'path':'/lang','equals':'vi'}"];
  s1 -> s3 [label="else"];
}
""")
    same(sluice("graph", "p.yaml", "-f", "mermaid").out, """flowchart LR
  s0(["in<br/>fetch_files"])
  s1["mark<br/>set"]
  s2[("a<br/>sink_null")]
  s3[("b<br/>sink_null")]
  s0 --> s1
  s1 -->|"{'path':'/lang','equals':'vi'}"| s2
  s1 -->|"else"| s3
""")
    g = json.loads(sluice("graph", "p.yaml", "--json").out)
    same([(e["from"], e["to"], e.get("when")) for e in g["edges"]],
         [("in", "mark", None), ("mark", "a", {"path": "/lang", "equals": "vi"}), ("mark", "b", "else")])


def test_validate():
    write("p.yaml", ROUTES)
    r = sluice("validate", "p.yaml")
    same((r.out, r.err), ("p.yaml: valid: 4 stages\n", ""))
    same(sluice("validate", "-q", "p.yaml").out, "")
    write("bad.yaml", ROUTES.replace("sink_null", "sink_nul").replace("mark, uses", "mark, usse"))
    r = sluice("validate", "p.yaml", "bad.yaml", code=4)
    has(r.out, "p.yaml: valid")
    has(r.err, "bad.yaml:4:", "usse", "did you mean `uses`", "sink_nul", "sink_null", "^\n", "bad.yaml: ")
    found = json.loads(sluice("validate", "--json", "bad.yaml", code=4).out)
    same((found["valid"], found["errors"]), (False, len([d for d in found["diagnostics"] if d["severity"] == "error"])))
    true(found["errors"] >= 3, "all errors at once: %r" % found)
    same(sorted({d["line"] for d in found["diagnostics"]}), [4, 5, 6])


def test_validate_makes_the_stages():
    write("mixed.yaml", "stages:\n  - id: in\n    uses: fetch_files\n    with: { paths: [a.txt, b.jsonl] }\n  - uses: sink_null\n    id: out\n")
    r = sluice("validate", "mixed.yaml", code=4)
    has(r.err, "mixed.yaml:2:", "stage 'in' (fetch_files): cannot be created", "- id: in", "^\n", "hint: ")


def test_validate_our_own_pipelines():
    env = {"COPY_INPUT": "x.ndjson", "FILTER_INPUT": "x.ndjson"}
    for name in sorted(os.listdir(os.path.join(SOURCE, "configs"))):
        if name.endswith(".yaml"):
            r = sluice("validate", "--strict", os.path.join(SOURCE, "configs", name), env=env)
            has(r.out, "valid")


def test_trace_patches_lead_from_the_input_to_the_output():
    write("in.ndjson", '{"a":1}\n{"lang":"vi","a":[1,2,3]}\n')
    write("p.yaml", ROUTES.replace("{/mark: 1}", "{/mark: 1, /a/1: x}"))
    t = json.loads(sluice("trace", "p.yaml", "in.ndjson", "--number", "2", "--json").out)
    steps = t["steps"]
    same(steps[0]["document"], {"lang": "vi", "a": [1, 2, 3]})
    same([s["stage"] for s in steps[:2]], ["", "mark"])
    same((steps[1]["verdict"], steps[1]["path"]), ("ok", 0))
    same(sorted((o["op"], o["path"], o["value"]) for o in steps[1]["patch"]), [("add", "/mark", 1), ("replace", "/a/1", "x")])
    true(steps[1]["ns"] > 0 and steps[1]["bytes"] == len('{"lang":"vi","a":[1,"x",3],"mark":1}'), repr(steps[1]))
    r = sluice("trace", "p.yaml", "-", stdin=b'{"b":2}')
    has(r.out, "input", "mark  ok", "add      /mark  1")
    lacks(r.out, "\033")


def test_trace_of_a_rejected_document():
    write("p.yaml", ROUTES.replace("set: {/mark: 1}", "rename: {/x: /y}, missing: reject"))
    r = sluice("trace", "p.yaml", "-", stdin=b'{"b":2}', code=3)
    has(r.out, "mark  reject")
    true(not os.path.exists("two \"ways\".dead.jsonl"), "trace wrote a dead letter")
    has(sluice("trace", "p.yaml", "-", stdin=b'{"b":', code=1).err, "not valid JSON", "byte 5")
    has(sluice("trace", "p.yaml", "missing.ndjson", code=1).err, "missing.ndjson", "no file matches")


def test_trace_shows_what_run_stores():
    write("a.txt", "Hội nghị sáng 5/3.\n\nÔng Nguyễn Văn An phát biểu.\n")
    write("p.yaml", """stages:
  - {id: in, uses: fetch_files, with: {paths: a.txt}}
  - {id: clean, uses: clean}
  - {id: out, uses: sink_stdout}
""")
    stored = json.loads(sluice("run", "p.yaml").out)
    steps = json.loads(sluice("trace", "p.yaml", "a.txt", "--json").out)["steps"]
    document = steps[0]["document"]
    same({k: document[k] for k in document}, {k: stored[k] for k in document}, "the input of trace and of run")
    added = {o["path"][1:]: o["value"] for o in steps[1]["patch"] if o["op"] == "add" and o["path"].count("/") == 1}
    same(added, {k: v for k, v in stored.items() if k not in document})


def test_a_wide_terminal_is_used():
    r = terminal("inspect", columns=60)
    true(all(len(row) <= 62 for row in r.out.replace("\033[1m", "").replace("\033[0m", "").splitlines()), r.out)


if __name__ == "__main__":
    main(globals())
