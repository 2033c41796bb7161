#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help, wrong usage, version, and what goes to which stream."""
import json
import re
import subprocess

from lib import SANITIZED, SLUICE, environment, has, lacks, main, read, same, sluice, start, terminal, true, write

COMMANDS = ["run", "validate", "inspect", "graph", "trace", "dlq", "state", "new", "bench", "version"]


def test_no_arguments_shows_the_commands_and_is_wrong_usage():
    r = sluice(code=2)
    same(r.out, "")
    has(r.err, "Usage: sluice COMMAND", *COMMANDS)


def test_every_help_fits_a_screen():
    for command in [None, *COMMANDS]:
        r = sluice(*([command] if command else []), "--help")
        same(r.err, "")
        has(r.out, "Usage: sluice")
        rows = r.out.split("\n")
        true(len(rows) - 1 <= 24, "%s --help has %d lines, expected at most 24" % (command, len(rows) - 1))
        for row in rows:
            true(len(row) <= 80, "%s --help: %d columns, expected at most 80: %s" % (command, len(row), row))
        lacks(r.out, "\033")
        if command:
            same(sluice("help", command).out, r.out)
            same(sluice(command, "-h").out, r.out)


def test_unknown_command_is_answered_with_the_nearest():
    r = sluice("rnu", code=2)
    has(r.err, "there is no command 'rnu'", "did you mean 'run'?", "--help")
    same(r.out, "")
    has(sluice("xyzzy", code=2).err, "there is no command 'xyzzy'")
    lacks(sluice("xyzzy", code=2).err, "did you mean")


def test_a_command_of_a_later_version_is_refused_by_name():
    for name in ("test",):
        has(sluice(name, code=2).err, "the command '%s' is not part of this version" % name)


def test_unknown_option_is_answered_with_the_nearest():
    has(sluice("run", "x.yaml", "--limt", "3", code=2).err, "there is no option '--limt'", "did you mean --limit?")
    has(sluice("run", "x.yaml", "-z", code=2).err, "there is no option '-z'")
    has(sluice("graph", "x.yaml", "--mermaid", code=2).err, "there is no option '--mermaid'")


def test_wrong_values_and_counts_of_arguments():
    has(sluice("run", code=2).err, "expected FILE, found 0 arguments")
    has(sluice("run", "a.yaml", "b.yaml", code=2).err, "one argument too many: 'b.yaml'")
    has(sluice("run", "a.yaml", "--limit", "many", code=2).err, "--limit: expected a whole number from 1 on, found 'many'")
    has(sluice("run", "a.yaml", "--limit", "0", code=2).err, "expected a whole number from 1 on, found '0'")
    has(sluice("run", "a.yaml", "--limit", code=2).err, "--limit needs a value")
    has(sluice("run", "a.yaml", "--quiet=yes", code=2).err, "--quiet takes no value")
    has(sluice("run", "a.yaml", "--log-format", "xml", code=2).err, "expected text, logfmt or json, found 'xml'")
    has(sluice("graph", "a.yaml", "--format", "png", code=2).err, "expected dot, mermaid or json, found 'png'")
    has(sluice("trace", "a.yaml", code=2).err, "expected FILE DOC, found 1 argument")
    has(sluice("dlq", "delete", "x", code=2).err, "expected list, show, retry, edit, drop or export, found 'delete'")
    has(sluice("dlq", "show", "x", code=2).err, "dlq show WHERE ID")
    has(sluice("dlq", "show", "x", "first", code=2).err, "expected the number of a dead letter, found 'first'")


def test_version():
    r = sluice("version")
    true(re.match(r"sluice \d+\.\d+\.\d+ \(plugin contract 0\.1; cJSON 1\.7\.", r.out), r.out)
    same(sluice("--version").out, r.out)
    same(json.loads(sluice("version", "--json").out)["abi"], "0.1")


def test_a_file_that_is_not_there():
    for command in ("run", "validate", "graph"):
        r = sluice(command, "missing.yaml", code=4)
        same(r.out, "")
        has(r.err, "missing.yaml", "No such file")


def test_colours_only_on_a_terminal_and_no_color_is_respected():
    write("bad.yaml", "stages: 5\n")
    lacks(sluice("validate", "bad.yaml", code=4).err, "\033")
    r = terminal("validate", "bad.yaml")
    same(r.code, 4)
    has(r.out, "\033[")
    lacks(terminal("validate", "bad.yaml", env={"NO_COLOR": "1"}).out, "\033[")
    lacks(terminal("validate", "bad.yaml", env={"TERM": "dumb"}).out, "\033[")


def test_a_reader_that_goes_away_does_not_kill_with_a_signal():
    process = start("inspect", "--json")
    process.stdout.close()
    code = process.wait(timeout=60)
    process.stderr.close()
    true(code in (0, 1), "expected exit code 0 or 1 when standard output is closed, found %d" % code)


def test_what_cannot_be_printed_is_a_failure():
    for args in (["--help"], ["run", "--help"], ["version"], ["inspect", "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SLUICE, *args], stdout=full, stderr=subprocess.PIPE, timeout=60, env=environment())
        same(done.returncode, 1, " ".join(args))
        has(done.stderr.decode(), "cannot write to standard output")


def test_a_working_directory_that_is_gone_is_said():
    write("gone.yaml", "stages: []\n")
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" validate ../gone.yaml'
    done = subprocess.run(["sh", "-c", script, SLUICE], stderr=subprocess.PIPE, timeout=60, env=environment())
    same(done.returncode, 4)
    has(done.stderr.decode(), "the working directory cannot be found: No such file or directory")


def test_closed_standard_streams_are_no_place_for_documents():
    """A file that is opened in their place would get what was meant for them."""
    write("in.ndjson", '{"id":"a"}\n')
    write("closed.yaml", """name: closed
stages:
  - { id: in, uses: fetch_files, with: { paths: in.ndjson } }
  - { id: file, uses: sink_jsonl, with: { path: out.jsonl } }
  - { id: print, uses: sink_stdout, from: in, on_error: { retry: 0 }, with: { format: json } }
""")
    for closed in ("<&- >&- 2>&-", ">&-"):
        done = subprocess.run(["sh", "-c", 'exec "$0" run closed.yaml --set file.mode=replace ' + closed, SLUICE],
                              stderr=subprocess.PIPE, timeout=60, env=environment())
        same(done.returncode, 3, closed)
        same(read("out.jsonl"), '{"id":"a"}\n')


if __name__ == "__main__":
    main(globals())
