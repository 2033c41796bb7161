#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pipeline that stays: what it tells the service manager, files that change, secrets, schedules, the end of grace."""
import atexit
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess

from lib import BUILD, LIMIT, SLUICE, SOURCE, environment, has, lacks, main, read, same, true, wait_until, write

PLUGINS = os.path.join(BUILD, "tests", "plugins")
ENDLESS = """
name: stays
state: state
plugin_path: [%s]
stages:
  - { id: in, uses: teststages.test_gen, with: { count: %%s, turn: 1, waits: true } }
  - { id: out, uses: sink_jsonl, with: { path: %%s } }
""" % PLUGINS


class Daemon:
    """`sluice run FILE …` with its log in a file."""

    def __init__(self, *args, env=None, log="log"):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([SLUICE, "run", *args, "--log-format", "json", "--json"], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=out, env=environment(env))
        atexit.register(self.process.kill)  # a case that fails leaves nothing behind

    def messages(self):
        return [json.loads(line)["msg"] for line in read(self.log).split("\n")[:-1] if line.startswith("{")]

    def wait(self, part, times=1):
        wait_until(lambda: sum(part in m for m in self.messages()) >= times or self.process.poll() is not None,
                   "the log says " + part)
        true(sum(part in m for m in self.messages()) >= times, "it ended:\n" + read(self.log))

    def wait_file(self, path):
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) or self.process.poll() is not None, path)
        true(self.process.poll() is None, "it ended:\n" + read(self.log))

    def stop(self, code=128 + signal.SIGTERM, signum=signal.SIGTERM):
        self.process.send_signal(signum)
        out, _ = self.process.communicate(timeout=LIMIT)
        same(self.process.returncode, code, read(self.log))
        return json.loads(out)


class Manager:
    """The service manager's end of $NOTIFY_SOCKET."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("notify")
        self.socket.settimeout(30)
        self.env = {"NOTIFY_SOCKET": os.path.abspath("notify"), "WATCHDOG_USEC": "200000"}

    def told(self, *parts):
        """The next message that is neither a watchdog's nor a status."""
        while True:
            text = self.socket.recv(4096).decode()
            if not text.startswith(("WATCHDOG", "STATUS")):
                has(text, *parts)
                return text

    def watchdog(self):
        while not self.socket.recv(4096).decode().startswith("WATCHDOG=1"):
            pass


def test_the_service_manager_is_told():
    manager = Manager()
    write("p.yaml", ENDLESS % (1000000000, "out.jsonl"))
    d = Daemon("p.yaml", env=manager.env)
    manager.told("READY=1")
    for _ in range(3):
        manager.watchdog()
    d.process.send_signal(signal.SIGHUP)
    true(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", manager.told()), "RELOADING comes with its time")
    manager.told("READY=1", "STATUS=reloaded: generation 2 runs")
    write("p.yaml", "stages: [")
    d.process.send_signal(signal.SIGHUP)
    manager.told("RELOADING=1")
    manager.told("READY=1", "STATUS=the reload failed: ")
    d.process.send_signal(signal.SIGTERM)
    manager.told("STOPPING=1")
    d.process.communicate(timeout=LIMIT)
    same(d.process.returncode, 143)


def test_a_file_that_changed_is_loaded():
    write("token", "first\n")
    text = (ENDLESS % (1000000000, "out.jsonl")) + "admin: { listen: '127.0.0.1:0', token: '${file:token}' }\n"
    write("p.yaml", text)
    d = Daemon("p.yaml", "--reload-on-change")
    d.wait_file("out.jsonl")
    write("p.yaml", text.replace("out.jsonl", "other.jsonl"))
    d.wait("reloaded: generation 2 runs")
    d.wait_file("other.jsonl")
    write("token", "second\n")
    d.wait("reloaded: generation 3 runs")
    d.wait("`admin` has changed: it takes effect when the process starts again")
    write("p.yaml", "stages: [")
    d.wait("the reload failed, what ran goes on: ")
    write("p.yaml", text.replace("out.jsonl", "third.jsonl"))
    d.wait("reloaded: generation 4 runs")
    d.wait_file("third.jsonl")
    stats = d.stop()
    lacks(read("log"), "first", "second")
    ids = []
    for path in ("out.jsonl", "other.jsonl", "third.jsonl"):
        ids += [int(json.loads(line)["ids"][0]) for line in read(path).split("\n")[:-1]]
    same(sorted(ids), list(range(stats["in"])), "documents over three files")


def test_without_the_option_a_file_is_loaded_on_demand_only():
    write("p.yaml", ENDLESS % (1000000000, "out.jsonl"))
    d = Daemon("p.yaml")
    d.wait_file("out.jsonl")
    write("p.yaml", "stages: [")
    d.process.send_signal(signal.SIGHUP)
    d.wait("the reload failed, what ran goes on: ")
    same(sum("reloading" in m for m in d.messages()), 1)
    d.stop()


def test_the_state_folder_cannot_change():
    write("p.yaml", ENDLESS % (1000000000, "out.jsonl"))
    d = Daemon("p.yaml")
    d.wait_file("out.jsonl")
    write("p.yaml", (ENDLESS % (1000000000, "out.jsonl")).replace("state: state", "state: elsewhere"))
    d.process.send_signal(signal.SIGHUP)
    d.wait("`state` cannot change while the pipeline runs")
    d.stop()
    true(not os.path.exists("elsewhere"), "nothing was made there")


def test_a_source_with_a_schedule_runs_until_it_is_stopped():
    write("p.yaml", (ENDLESS % (3, "out.jsonl")).replace("test_gen,", "test_gen, schedule: 20ms,"))
    d = Daemon("p.yaml")
    d.wait("a scheduled run is over: 3 documents in ")
    d.wait("a scheduled run is over: ", times=5)
    stats = d.stop()
    same(stats["in"], 3)  # the state knows what was given
    same(len(read("out.jsonl").split("\n")), 4)


def test_a_reload_between_two_runs_starts_none():
    write("p.yaml", (ENDLESS % (3, "out.jsonl")).replace("test_gen,", "test_gen, schedule: 1h,"))
    d = Daemon("p.yaml")
    d.wait("a scheduled run is over: 3 documents in ")
    d.process.send_signal(signal.SIGHUP)
    d.wait("reloaded: generation 2 runs")
    d.wait("the next scheduled run: 2")
    d.process.send_signal(signal.SIGHUP)
    d.wait("reloaded: generation 3 runs")
    d.wait("the next scheduled run: 2", times=2)
    same(sum(m == "a scheduled run begins" for m in d.messages()), 1)
    write("p.yaml", (ENDLESS % (4, "out.jsonl")).replace("test_gen,", "test_gen, schedule: 1h,"))
    d.process.send_signal(signal.SIGHUP)
    d.wait("a scheduled run begins", times=2)  # other parameters, another source
    d.wait("a scheduled run is over: 1 document in ")
    same(d.stop()["in"], 4)


def test_a_sink_that_is_renamed_after_a_kill_knows_its_file():
    for turn in range(5):
        now, before = ("a", "b") if turn % 2 else ("b", "a")
        write("p.yaml", (ENDLESS % (1000000000, "out.jsonl")).replace("turn: 1, waits: true", "raw: true")
              .replace("id: out,", "id: %s, was: %s," % (now, before)))
        d = Daemon("p.yaml")
        size = os.path.getsize("out.jsonl") if turn else 0
        # A start after a kill first cuts off what was not committed.
        wait_until(lambda: os.path.exists("out.jsonl") and os.path.getsize("out.jsonl") > size + 20000
                   or d.process.poll() is not None, "the output grows in turn %d" % turn)
        true(d.process.poll() is None, "it ended:\n" + read("log"))
        if turn < 4:
            d.process.kill()
            d.process.communicate(timeout=LIMIT)
    d.stop()
    text = read("out.jsonl")
    ids = [int(x) for x in re.findall(r'^\{"ids":\["(\d+)"\]\}$', text, re.M)]
    same(len(ids), text.count("\n"), "whole lines")
    same(sorted(ids), list(range(len(ids))), "documents")


def test_in_a_terminal_a_hangup_reloads_and_the_end_of_the_terminal_stops():
    write("p.yaml", ENDLESS % (1000000000, "out.jsonl"))
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(SLUICE, [SLUICE, "run", "p.yaml"], environment())
    shown = b""
    wait_until(lambda: os.path.exists("out.jsonl") and os.path.getsize("out.jsonl") > 0, "it runs")
    os.kill(pid, signal.SIGHUP)

    def reloaded():
        nonlocal shown
        if select.select([fd], [], [], 0)[0]:
            shown += os.read(fd, 65536)
        return b"reloaded: generation 2 runs" in shown

    wait_until(reloaded, "the reload is shown")
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    same(os.waitstatus_to_exitcode(status), 128 + signal.SIGHUP)
    ids = [int(json.loads(line)["ids"][0]) for line in read("out.jsonl").split("\n")[:-1]]
    same(ids, list(range(len(ids))), "documents")


def test_what_the_end_of_grace_finds_is_named():
    write("p.yaml", """
name: slow
grace: 300ms
plugin_path: [%s]
stages:
  - { id: in, uses: teststages.test_gen, with: { count: 5000 } }
  - { id: slow, uses: teststages.test_sink, batch: { documents: 1 }, with: { pause: 20ms } }
  - { id: quick, from: in, uses: sink_jsonl, with: { path: out.jsonl } }
""" % PLUGINS)
    d = Daemon("p.yaml")
    # What the quick sink has, the slow one has before it.
    wait_until(lambda: os.path.exists("out.jsonl") and read("out.jsonl").count("\n") > 200, "documents are in flight")
    d.process.send_signal(signal.SIGTERM)
    out, _ = d.process.communicate(timeout=LIMIT)
    stats = json.loads(out)
    d.wait("the grace period is over")
    named = [re.fullmatch(r"given up (?:before or in|on the way from) this stage: (\d+) documents?", m) for m in d.messages()]
    named = sum(int(m.group(1)) for m in named if m)
    true(named > 0, "the stage is named:\n" + read("log"))
    true(stats["unfinished"] > 0, "there is something unfinished: %r" % stats)


def test_the_unit_is_sound_and_keeps_much_out():
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze is not installed")
        return
    unit = read(os.path.join(SOURCE, "configs", "sluice@.service"))
    has(unit, "ExecStart=/usr/bin/sluice run /etc/sluice/%i.yaml\n")
    write("sluice@news.service", unit.replace("/usr/bin/sluice", SLUICE))

    def analyze(*args):
        return subprocess.run(["systemd-analyze", *args, "./sluice@news.service"], capture_output=True, text=True, timeout=LIMIT)

    done = analyze("verify")
    same((done.returncode, done.stdout + done.stderr), (0, ""))
    done = analyze("security", "--offline=true", "--threshold=20")
    same(done.returncode, 0, "its exposure is above 2.0:\n" + done.stdout[-3000:] + done.stderr)


if __name__ == "__main__":
    main(globals())
