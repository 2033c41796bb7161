# SPDX-License-Identifier: Apache-2.0
"""Runs the real binary in a folder of its own and compares. Each *_test.py defines test_… functions and calls main()."""
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.environ.get("SLUICE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLUICE_BUILD") or os.path.join(SOURCE, "build", "dev")
SLUICE = os.path.join(BUILD, "bin", "sluice")
SANITIZED = bool(os.environ.get("SLUICE_SANITIZE"))
LIMIT = 600 if SANITIZED else 120  # seconds for one command; a hang is a failure


class Failed(Exception):
    pass


class Result:
    def __init__(self, code, out, err, args):
        self.code, self.out, self.err, self.args = code, out, err, args

    def __repr__(self):
        return "%s\n  exit %d\n  stdout: %s\n  stderr: %s" % (" ".join(self.args), self.code, self.out[-3000:], self.err[-3000:])


def same(found, expected, what=""):
    if found != expected:
        raise Failed("%s\n  expected: %r\n  found:    %r" % (what, expected, found))


def has(text, *parts):
    for part in parts:
        if part not in text:
            raise Failed("expected to find %r in:\n%s" % (part, text))


def lacks(text, *parts):
    for part in parts:
        if part in text:
            raise Failed("expected not to find %r in:\n%s" % (part, text))


def true(value, what):
    if not value:
        raise Failed(what)


def environment(env=None):
    base = {k: v for k, v in os.environ.items() if not k.startswith(("NEWS_", "SLUICE_STATE", "COPY_", "FILTER_"))}
    base.update({"LC_ALL": "C.UTF-8", "TERM": "xterm", "XDG_CACHE_HOME": os.path.join(BUILD, "e2e-cache")})
    base.pop("NO_COLOR", None)
    base.update(env or {})
    return base


def sluice(*args, code=0, env=None, stdin=b"", limit=LIMIT):
    """Runs `sluice args…` in the working directory and expects the exit code (None: any) within limit seconds."""
    done = subprocess.run([SLUICE, *args], input=stdin, capture_output=True, timeout=limit, env=environment(env))
    result = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), args)
    if code is not None and done.returncode != code:
        raise Failed("expected exit code %d of: %r" % (code, result))
    return result


def start(*args, env=None):
    return subprocess.Popen([SLUICE, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            env=environment(env))


def finish(process):
    out, err = process.communicate(timeout=LIMIT)
    return Result(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), process.args)


def wait_until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise Failed("waited in vain: " + what)
        select.select([], [], [], 0.005)


def terminal(*args, env=None, rows=24, columns=80):
    """Runs on a pseudo terminal; the output and the exit code."""
    import fcntl
    import struct
    import termios
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execve(SLUICE, [SLUICE, *args], environment(env))
    out = b""
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        out += chunk
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return Result(os.waitstatus_to_exitcode(status), out.decode(errors="replace"), "", args)


def write(path, text):
    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read().decode(errors="surrogateescape")


def lines(path):
    """The JSON objects of an NDJSON file; every line must be whole."""
    text = read(path)
    true(text == "" or text.endswith("\n"), path + ": the last line is torn")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def main(cases):
    if not os.access(SLUICE, os.X_OK):
        sys.exit("there is no %s: build it, or set SLUICE_BUILD" % SLUICE)
    names = [n for n in cases if n.startswith("test_") and (len(sys.argv) < 2 or n in sys.argv[1:])]
    bad = 0
    for name in names:
        folder = tempfile.mkdtemp(prefix="sluice-e2e-")
        os.chdir(folder)
        try:
            cases[name]()
            print("ok      " + name)
        except (Failed, subprocess.TimeoutExpired, OSError, ValueError, KeyError, IndexError) as error:
            bad += 1
            print("FAILED  " + name)
            if not isinstance(error, Failed):
                traceback.print_exc(file=sys.stdout)
            print("  " + str(error).replace("\n", "\n  "))
        finally:
            os.chdir("/")
            shutil.rmtree(folder, ignore_errors=True)
    print("%d of %d failed" % (bad, len(names)) if bad else "%d passed" % len(names))
    sys.exit(1 if bad or not names else 0)
