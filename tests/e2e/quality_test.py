#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench --quality: figures of the plugins' programs, on what ships, and on SLUICE_TEST_DATA."""
import json
import os
import stat

from lib import BUILD, has, main, same, sluice, true, write

LEAST = {
    "entities": 85, "person-role pairs": 70, "directives": 60, "sentences": 90, "words, own sentences": 90, "ROUGE-1, own": 18,
    "entities, seeds": 96, "person-role pairs, seeds": 85, "directives, seeds": 75, "words, cross-validated": 97.5,
    "words, other articles": 97, "sentences, treebank": 98.5, "ROUGE-1, other languages": 20,
}
DATA = os.environ.get("SLUICE_TEST_DATA")


def program(name, text):
    os.makedirs("programs", exist_ok=True)
    path = os.path.join("programs", name)
    write(path, text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return {"SLUICE_QUALITY_PATH": os.path.abspath("programs")}


def figures(*args):
    """Cross-validation takes longer than the usual limit for one command."""
    found = json.loads(sluice("bench", "--quality", *args, "--json", limit=540).out)
    for one in found:
        true(one["how"], "%s does not say how" % one)
        value, least = one["value"], LEAST.get(one["what"])
        true(value is None or 0 <= value <= 100, one)
        if value is not None and least is not None:
            true(value >= least, "%s: expected at least %s, found %s" % (one["what"], least, value))
    return {one["what"]: one for one in found}


def test_what_ships():
    if not os.path.exists(os.path.join(BUILD, "quality", "extract")):
        print("skipped: extract is not built")
        return
    found = figures()
    for what in ("entities", "person-role pairs", "directives", "ROUGE-1, own", "words, own sentences"):
        true(found[what]["value"] is not None, "%s: expected a figure, found %s" % (what, found[what]))
    for what in ("entities, seeds", "words, cross-validated"):
        same(found[what]["value"], None, what)
        has(found[what]["how"], "not measured: no DIR is given")


def test_a_folder():
    os.mkdir("empty")
    if not os.path.exists(os.path.join(BUILD, "quality", "extract")):
        print("skipped: extract is not built")
        return
    found = figures("empty")
    has(found["entities, seeds"]["how"], "not measured: no gold/*.json")
    if not DATA:
        print("skipped: SLUICE_TEST_DATA is not set")
        return
    found = figures(DATA)
    true(all(found[k]["value"] is not None for k in LEAST), "not all is measured: %s" % found)


def test_programs():
    env = program("b", "#!/bin/sh\nprintf 'second\\t\\tnot measured: \"%s\"\\n' \"$2\"\n")
    program("a", "#!/bin/sh\ntest -x \"$1\" && printf 'first\\t99.5\\tby hand\\n'\n")
    write(os.path.join("programs", "README"), "no program\n")
    out = sluice("bench", "--quality", ".", env=env).out.splitlines()
    same([line.split() for line in out],
         [["what", "figure", "how", "it", "was", "measured"], ["first", "99.5", "by", "hand"], ["second", "-", "not", "measured:", '"."']])
    same(json.loads(sluice("bench", "--quality", "--json", env=env).out)[0],
         {"stage": "a", "what": "first", "value": 99.5, "how": "by hand"})


def test_programs_that_fail():
    env = program("bad", "#!/bin/sh\nprintf 'right\\t1\\tx\\n'; echo 'no figure'; printf 'x\\ty\\tz\\n'\n")
    r = sluice("bench", "--quality", env=env, code=1)
    has(r.out, "right")
    has(r.err, 'found "no figure"', "bad could not measure to the end")
    env = program("bad", "#!/bin/sh\nexit 7\n")
    has(sluice("bench", "--quality", env=env, code=1).err, "bad could not measure to the end")
    env = program("bad", "#!/no/such/program\n")
    has(sluice("bench", "--quality", env=env, code=1).err, "cannot start")
    os.mkdir("nothing")
    r = sluice("bench", "--quality", env={"SLUICE_QUALITY_PATH": os.path.abspath("nothing")}, code=1)
    has(r.err, "nothing here measures quality")


def test_usage():
    has(sluice("bench", code=2).err, "expected a pipeline file, or --quality")
    has(sluice("bench", "--quality", "nowhere", code=2).err, "expected a folder")


if __name__ == "__main__":
    main(globals())
