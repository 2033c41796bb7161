#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents say holds: generated pages are up to date, the README's plugin works, links lead somewhere."""
import json
import os
import re
import subprocess
import sys

from lib import LIMIT, SANITIZED, SOURCE, Failed, has, main, read, same, sluice, true, write


def clean_home():
    home = os.path.abspath("home")
    os.makedirs(home, exist_ok=True)
    return {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "SLUICE_PLUGIN_PATH": ""}


def test_the_schema_is_up_to_date():
    found = sluice("inspect", "--schema", env=clean_home()).out
    true(found == read(os.path.join(SOURCE, "configs", "sluice.schema.json")),
         "configs/sluice.schema.json is out of date: run tests/support/generate.sh")


def test_the_reference_is_up_to_date():
    sluice("inspect", "--reference", "reference", env=clean_home())
    theirs = os.path.join(SOURCE, "docs", "reference")
    same(sorted(os.listdir("reference")), sorted(os.listdir(theirs)), "run tests/support/generate.sh: pages")
    for page in os.listdir("reference"):
        true(read(os.path.join("reference", page)) == read(os.path.join(theirs, page)),
             "docs/reference/%s is out of date: run tests/support/generate.sh" % page)


def test_the_schema_accepts_our_pipelines_and_refuses_wrong_ones():
    try:
        import jsonschema
        import yaml
    except ImportError:
        raise Failed("python3-jsonschema and python3-yaml are needed: see tests/support/packages.txt")
    schema = json.loads(read(os.path.join(SOURCE, "configs", "sluice.schema.json")))
    check = jsonschema.Draft7Validator(schema)
    folder = os.path.join(SOURCE, "configs")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".yaml"):
            errors = [e.message for e in check.iter_errors(yaml.safe_load(read(os.path.join(folder, name))))]
            same(errors, [], name)
    good = yaml.safe_load(read(os.path.join(folder, "copy.yaml")))
    for wrong in ({"stage": []}, {"lanes": "many"}, {"stages": [{"id": "a"}]},
                  {"stages": [{"id": "a", "uses": "set", "with": {"nonsense": 1}}]}):
        true(list(check.iter_errors({**good, **wrong})), "the schema accepts %r" % wrong)


def test_the_plugin_of_the_readme():
    code = re.search(r"```c\n(.*?)```", read(os.path.join(SOURCE, "README.md")), re.S).group(1)
    true(len(code.splitlines()) <= 46, "the plugin has %d lines" % len(code.splitlines()))
    write("words.c", code)
    cjson = subprocess.run(["pkg-config", "--cflags-only-I", "libcjson"], capture_output=True, text=True).stdout.split()
    done = subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-I" + os.path.join(SOURCE, "core", "include"),
                           *cjson, "-o", "words.so", "words.c", "-lcjson"], capture_output=True, text=True, timeout=LIMIT)
    same((done.returncode, done.stderr), (0, ""))
    env = {"SLUICE_PLUGIN_PATH": os.getcwd()}
    has(sluice("inspect", "words", env=env).out, "words  transform", "min", "/words")
    write("articles/short.txt", "Một hai ba.\n")
    write("articles/long.txt", "Một hai ba bốn năm sáu bảy.\n")
    text = read(os.path.join(SOURCE, "README.md"))
    pipeline = re.search(r"```yaml\n(stages:.*?)```", text, re.S).group(1)
    write("p.yaml", pipeline.replace("min: 100", "min: 5"))
    sluice("run", "p.yaml", env=env)
    rows = [json.loads(row) for row in read("long.ndjson").splitlines()]
    same([(r["id"], r["words"]) for r in rows], [("long", 7)])


def test_links_lead_somewhere():
    bad = []
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard", "*.md"], capture_output=True, text=True)
    for page in listed.stdout.splitlines():
        if "/testdata/" in page or not os.path.exists(os.path.join(SOURCE, page)):
            continue
        text = re.sub(r"```.*?```", "", read(os.path.join(SOURCE, page)), flags=re.S)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not target.startswith("mailto:"):
                if not os.path.exists(os.path.join(SOURCE, os.path.dirname(page), target)):
                    bad.append("%s: %s" % (page, target))
    same(bad, [])


if __name__ == "__main__":
    if SANITIZED:
        print("skipped: the other builds check the documents")
        sys.exit(77)
    main(globals())
