#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/plugin-guide.md in order and compares what they print. guide.py BUILD_DIR SOURCE_DIR

A fence `c file=NAME` or `yaml file=NAME` is written to that file. In a fence `console` a line "$ command" is run in one shell; the
lines below are what it must print, where "…" alone stands for any lines and "…" in a line for any text.
"""
import os
import re
import subprocess
import sys
import tempfile

MARK = "--end-of-command--"


def blocks(text):
    for match in re.finditer(r"^```(\w+)([^\n]*)\n(.*?)^```$", text, re.S | re.M):
        yield match.group(1), match.group(2).strip(), match.group(3)


def commands(block):
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def pattern(lines):
    out = ""
    for line in lines:
        if line == "…":
            out += r"(?:[^\n]*\n)*?"
        else:
            out += "[^\n]*".join(re.escape(part) for part in line.split("…")) + r"[ ]*\n"
    return out


def main():
    build, source = (os.path.abspath(p) for p in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as work:
        prefix, home = work + "/prefix", work + "/home"
        os.mkdir(home)
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        env = dict(os.environ, HOME=home, XDG_CACHE_HOME=work + "/cache", PATH=prefix + "/bin:" + os.environ["PATH"],
                   CMAKE_PREFIX_PATH=prefix, NO_COLOR="1", LC_ALL="C.UTF-8")
        env.pop("SLUICE_PLUGIN_PATH", None)
        shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home,
                                 env=env, text=True)

        def run(command):
            shell.stdin.write(f"{command}\nprintf '%s %s\\n' {MARK} $?\n")
            shell.stdin.flush()
            out = ""
            for line in shell.stdout:
                if line.startswith(MARK):
                    return out, int(line.split()[1])
                out += line
            sys.exit(f"the shell ended at: {command}")

        ran = 0
        for kind, info, block in blocks(open(source + "/docs/plugin-guide.md", encoding="utf-8").read()):
            name = re.fullmatch(r"file=(\S+)", info)
            if name:
                here = run("pwd")[0].strip()
                with open(f"{here}/{name.group(1)}", "w", encoding="utf-8") as file:
                    file.write(block)
            elif kind == "console":
                for command, expected in commands(block):
                    out, status = run(command)
                    ran += 1
                    if status != 0 or (expected and not re.fullmatch(pattern(expected), out)):
                        print(f"$ {command}\nexpected:\n" + "\n".join(expected) + f"\nfound (exit {status}):\n{out}", file=sys.stderr)
                        sys.exit(1)
        shell.stdin.close()
        shell.wait()
        print(f"{ran} commands of the guide do what it says")
        sys.exit(0 if ran >= 15 else 1)


main()
