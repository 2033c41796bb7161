#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`sluice new stage`: what it writes builds, passes its tests, runs, installs and packs, against an installed Sluice."""
import glob
import json
import os
import subprocess
import sys

import lib
from lib import BUILD, SANITIZED, Failed, has, main, read, same, sluice, true, write



def tool(*command, env=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=lib.LIMIT, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise Failed("%s: exit code %d\n%s%s" % (" ".join(command), done.returncode, done.stdout[-3000:], done.stderr[-3000:]))
    return done.stdout


def install():
    """An installed Sluice; afterwards `sluice` means its program."""
    prefix = os.path.abspath("prefix")
    tool("cmake", "--install", BUILD, "--prefix", prefix)
    lib.SLUICE = os.path.join(prefix, "bin", "sluice")
    return prefix


def build(folder, prefix):
    where = os.path.join(folder, "build")
    tool("cmake", "-S", folder, "-B", where, "-DCMAKE_PREFIX_PATH=" + prefix, "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    tool("cmake", "--build", where)
    out = tool("ctest", "--test-dir", where, "--output-on-failure")
    has(out, "100% tests passed, 0 tests failed out of 2", "plugin_" + os.path.basename(folder))
    return where


def test_a_stage_of_each_kind_builds_tests_runs_installs_and_packs():
    ours = lib.SLUICE
    try:
        each_kind(install())
    finally:
        lib.SLUICE = ours


def each_kind(prefix):
    for kind in ("transform", "source", "sink"):
        name = "my_" + kind
        r = sluice("new", "stage", name, "--kind", kind)
        has(r.out, "my_%s/CMakeLists.txt" % kind, "my_%s/my_%s.c" % (kind, kind), "ctest --test-dir build")
        same(sorted(os.listdir(name)), sorted(["CMakeLists.txt", "README.md", "example.yaml", name + ".c", name + "_test.c"]))
        for f in os.listdir(name):
            true("@" not in read(os.path.join(name, f)).replace("you@example.org", ""), "%s/%s holds a mark" % (name, f))
        where = build(name, prefix)
        env = {"SLUICE_PLUGIN_PATH": where, "INPUT": os.path.join(os.getcwd(), name, "README.md")}
        r = sluice("run", os.path.join(name, "example.yaml"), env=env)
        has(r.err, "dead-lettered 0")
        if kind == "transform":
            true(json.loads(r.out)["my_transform"] > 10, r.out)
        if kind == "source":
            same(r.out, '{"id":0}\n{"id":1}\n{"id":2}\n')
        if kind == "sink":
            true("text" in json.loads(read("out.ndjson")), "out.ndjson holds no text")
        tool("cmake", "--install", where)
        has(sluice("inspect", name).out, "%s  %s" % (name, kind), os.path.join(prefix, ""))
        if kind == "transform":
            subprocess.run(["cpack", "-G", "DEB"], cwd=where, check=True, capture_output=True, timeout=lib.LIMIT)
            package = glob.glob(os.path.join(where, "*.deb"))
            same(len(package), 1)
            has(tool("dpkg-deb", "--contents", package[0]), "my_transform.so")


def test_names_and_folders():
    has(sluice("new", "stage", "My-Stage", code=2).err, "expected a name", "found 'My-Stage'")
    has(sluice("new", "stage", "x1", "--kind", "filter", code=2).err, "expected source, transform or sink, found 'filter'")
    has(sluice("new", "plugin", "x1", code=2).err, "expected stage NAME")
    write("taken/file", "")
    r = sluice("new", "stage", "taken", code=1)
    has(r.err, "taken is there already", "--dir")
    sluice("new", "stage", "taken", "--dir", "elsewhere/deep")
    true(os.path.exists("elsewhere/deep/taken.c"), "elsewhere/deep/taken.c was not made")
    same(os.listdir("taken"), ["file"])


if __name__ == "__main__":
    if SANITIZED:
        print("skipped: a plugin built without the sanitizer does not load into a program built with it")
        sys.exit(77)
    main(globals())
