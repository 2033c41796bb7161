# SPDX-License-Identifier: Apache-2.0
"""examples/demo.sh runs by itself to its end and leaves nothing behind."""
import os
import subprocess

import lib
from lib import Failed, has, lines, main, same, true


def demo(program, code, **env):
    os.makedirs("tmp", exist_ok=True)
    environment = lib.environment(dict(env, SLUICE=program, TMPDIR=os.path.abspath("tmp")))
    done = subprocess.run(["bash", os.path.join(lib.SOURCE, "examples", "demo.sh")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=4 * lib.LIMIT, env=environment, check=False)
    out = done.stdout.decode(errors="replace")
    if done.returncode != code:
        raise Failed("expected exit code %d, found %d:\n%s" % (code, done.returncode, out))
    return out


def mentioning(text):
    """Processes of ours whose command line holds the text."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if text in f.read().decode(errors="replace"):
                    found.append(pid)
        except OSError:
            pass
    return found


def test_demo():
    out = demo(lib.SLUICE, 0, DEMO_KEEP=os.path.abspath("kept"))
    has(out, "kill -9", "Started again: it went on where it was", "too_large", "1 dead letter let in again", "Y Thanh Niê Brăm",
        "2025-10-15", "[phòng cháy]", "== Done")
    same(len(lines("kept/web.jsonl")), 8)
    true(os.path.getsize("kept/register.html") > 1000, "the register is kept")
    same(os.listdir("tmp"), [], "nothing is left behind")
    same(mentioning(os.path.abspath("tmp")), [], "no process is left behind")


def test_demo_that_fails():
    has(demo("/bin/false", 1), "The demonstration failed", "the daemon has ended")
    same(os.listdir("tmp"), [], "nothing is left behind")
    same(mentioning(os.path.abspath("tmp")), [], "no process is left behind")


if __name__ == "__main__":
    main(globals())
